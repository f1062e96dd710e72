"""Hold exchanges against Google's own discovery documents, as they are shipped with its client library."""

from __future__ import annotations

import re
from typing import Any

from jsonschema import Draft202012Validator

from perimeter.sandbox.wire import Request, Response

_STANDARD = frozenset({"alt", "fields", "key", "prettyPrint", "quotaUser", "access_token"})


class Discovery:
    """Judges exchanges by a document: methods, paths, parameters, and every body."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._methods = list(_methods(document))
        self._parameters = set(document.get("parameters") or {}) | _STANDARD
        self._definitions = {
            name: _converted(schema) for name, schema in document["schemas"].items()
        }

    def check(self, request: Request, response: Response) -> list[str]:
        """What is wrong with an exchange; None of it means that the document allows it."""
        where = f"{request.method} {request.path}"
        fits = [m for m in self._methods if m["httpMethod"] == request.method]
        method = next((m for m in fits if _pattern(m).fullmatch(request.path)), None)
        if method is None:
            return [f"{where} is no operation"]
        known = method.get("parameters") or {}
        problems = [
            f"{where}: {name} is no parameter"
            for name in request.query
            if name not in known and name not in self._parameters
        ]
        for name, about in known.items():
            if about.get("location") == "query" and about.get("required"):
                problems += [] if name in request.query else [f"{where}: {name} is missing"]
        sent = (method.get("request") or {}).get("$ref")
        body = request.json()
        if sent is None and body is not None:
            problems.append(f"{where} takes no body")
        if sent is not None:
            problems += self._against(f"{where} request", sent, body)
        if response.status < 300:
            problems += self._against(f"{where} answer", method["response"]["$ref"], response.body)
        return problems

    def knows(self, path: str) -> bool:
        """Whether any method has this path."""
        return any(_pattern(method).fullmatch(path) for method in self._methods)

    def _against(self, where: str, name: str, body: Any) -> list[str]:
        schema = {"$ref": f"#/$defs/{name}", "$defs": self._definitions}
        return [
            f"{where}: {'/'.join(map(str, error.path))}: {error.message[:200]}"
            for error in Draft202012Validator(schema).iter_errors(body)
        ]


def _methods(part: dict[str, Any]) -> Any:
    yield from (part.get("methods") or {}).values()
    for nested in (part.get("resources") or {}).values():
        yield from _methods(nested)


def _pattern(method: dict[str, Any]) -> re.Pattern[str]:
    """The path as the parameters' own patterns allow it."""
    parameters = method["parameters"]

    def one(match: re.Match[str]) -> str:
        return str(parameters[match[1]].get("pattern", "[^/]+")).strip("^$")

    return re.compile("/" + re.sub(r"\{\+?(\w+)\}", one, method["path"]))


def _converted(schema: Any) -> Any:
    """A schema of Google's as JSON Schema: closed, with its own form of references."""
    if isinstance(schema, list):
        return [_converted(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    kept = {
        name: value
        for name, value in schema.items()
        if name in {"type", "enum", "pattern", "items", "additionalProperties"}
    }
    if kept.get("type") == "any":
        del kept["type"]
    for name in ("items", "additionalProperties"):
        if name in kept:
            kept[name] = _converted(kept[name])
    if schema.get("type") == "object" and "additionalProperties" not in schema:
        kept["additionalProperties"] = False
    if "properties" in schema:
        kept["properties"] = {n: _converted(v) for n, v in schema["properties"].items()}
    return kept
