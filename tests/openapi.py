"""Hold exchanges against a vendor's own OpenAPI 3.0 description: requests strictly, answers as described."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from perimeter.sandbox.wire import Request, Response
from tests.specs import specs_dir

GENERAL = frozenset({304, 401, 403, 429})
"""Statuses that any operation may answer, described or not; so may those from 500 on."""

_METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json(?:;.*)?|\*/\*")
_FORM = "application/x-www-form-urlencoded"


@cache
def github_document() -> dict[str, Any] | None:
    """GitHub Enterprise Cloud's description, or None where this machine has none."""
    folder = specs_dir()
    if folder is None:
        return None
    document: dict[str, Any] = json.loads(
        gzip.decompress((folder / "github" / "ghec.json.gz").read_bytes())
    )
    return document


@cache
def okta_document() -> dict[str, Any] | None:
    """Okta's management API's description, or None where this machine has none."""
    import yaml

    folder = specs_dir()
    if folder is None:
        return None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with (folder / "okta" / "management-oneOfInheritance.yaml").open("rb") as file:
        document: dict[str, Any] = yaml.load(file, Loader=loader)
    return document


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One described operation.

    Attributes:
        values: what the path's placeholders stand for in the call at hand.
        scopes: OAuth scopes it needs, where the description tells.
    """

    method: str
    template: str
    description: Mapping[str, Any]
    parameters: tuple[Mapping[str, Any], ...]
    values: Mapping[str, str]

    @property
    def scopes(self) -> frozenset[str]:
        schemes = self.description.get("security", ())
        return frozenset(s for scheme in schemes for names in scheme.values() for s in names)


class Validator:
    """Checks exchanges against one document; references are followed when they are met.

    Args:
        document: the OpenAPI 3.0 document, decoded.
        prefix: a path below the vendor's root that the document's paths do not have.
        general: statuses that need no description; their bodies are not checked then.
    """

    def __init__(
        self, document: Mapping[str, Any], *, prefix: str = "", general: frozenset[int] = GENERAL
    ) -> None:
        self.document = document
        self.prefix = prefix
        self.general = general
        self._by_length: dict[int, list[tuple[tuple[bool, ...], str, re.Pattern[str]]]] = {}
        for template in document["paths"]:
            segments = template.split("/")
            rank = tuple("{" in segment for segment in segments)
            self._by_length.setdefault(len(segments), []).append((rank, template, _path(template)))
        for known in self._by_length.values():
            known.sort(key=lambda item: item[0])
        self._schemas = _Schemas(document)

    def find(self, method: str, path: str) -> Operation | None:
        """The operation of a call; the template with the fewest and latest placeholders wins."""
        path = path.removeprefix(self.prefix)
        for _, template, pattern in self._by_length.get(path.count("/") + 1, ()):
            item = self.document["paths"][template]
            matched = pattern.fullmatch(path)
            if matched is None or method.lower() not in item:
                continue
            operation = item[method.lower()]
            named = {}
            for parameter in (*item.get("parameters", ()), *operation.get("parameters", ())):
                parameter = self._schemas.resolve(parameter)
                named[parameter["in"], parameter["name"]] = parameter
            names = re.findall(r"{([^}]+)}", template)
            return Operation(
                method=method.upper(),
                template=template,
                description=operation,
                parameters=tuple(named.values()),
                values=dict(zip(names, matched.groups(), strict=True)),
            )
        return None

    def check(self, request: Request, response: Response) -> list[str]:
        """What is wrong with an exchange; each line names the call."""
        call = f"{request.method} {request.path}"
        operation = self.find(request.method, request.path)
        if operation is None:
            return [f"{call}: no such operation is described"]
        problems = [
            *self._parameters(operation, request),
            *self._request_body(operation, request),
            *self._response(operation, request, response),
        ]
        return [f"{call}: {problem}" for problem in problems]

    def _parameters(self, operation: Operation, request: Request) -> Iterator[str]:
        given = {
            "query": request.query,
            "path": operation.values,
            "header": request.headers,
        }
        known = {p["name"] for p in operation.parameters if p["in"] == "query"}
        for name in request.query:
            if name not in known:
                yield f"query parameter {name} is not described"
        for parameter in operation.parameters:
            place, name = parameter["in"], parameter["name"]
            if place not in given:
                continue
            text = given[place].get(name.lower() if place == "header" else name)
            if text is None:
                if parameter.get("required"):
                    yield f"{place} parameter {name} is missing"
                continue
            schema = parameter.get("schema", {})
            value = self._typed(schema, text, parameter)
            for problem in self._schemas.problems(schema, value, "request"):
                yield f"{place} parameter {name}: {problem}"

    def _typed(self, schema: Any, text: str, parameter: Mapping[str, Any]) -> Any:
        schema = self._schemas.resolve(schema)
        if schema.get("type") == "array":
            parts = text.split(",") if not parameter.get("explode", True) else [text]
            return [self._typed(schema.get("items", {}), part, parameter) for part in parts]
        wanted = {kind.get("type") for kind in self._schemas.parts(schema, text)}
        if wanted & {"integer", "number"} and re.fullmatch(r"-?\d+(\.\d+)?", text):
            return float(text) if "." in text else int(text)
        if "boolean" in wanted and text in {"true", "false"}:
            return text == "true"
        return text

    def _request_body(self, operation: Operation, request: Request) -> Iterator[str]:
        described = self._schemas.resolve(operation.description.get("requestBody", {}))
        if not request.body:
            if described.get("required"):
                yield "the request has no body"
            return
        kind = request.headers.get("content-type", "application/json").partition(";")[0]
        content = described.get("content", {})
        media = content.get(kind) or next((m for n, m in content.items() if n == "*/*"), None)
        if media is None:
            yield f"a body of type {kind} is not described"
            return
        try:
            body = (
                dict(parse_qsl(request.body.decode(), keep_blank_values=True))
                if kind == _FORM
                else request.json()
            )
        except ValueError:
            yield "the body is not JSON"
            return
        schema = media.get("schema", {})
        for problem in self._schemas.problems(schema, body, "request"):
            yield f"body: {problem}"
        for problem in self._schemas.undeclared(schema, body, "$"):
            yield f"body: {problem}"

    def _response(
        self, operation: Operation, request: Request, response: Response
    ) -> Iterator[str]:
        responses = operation.description["responses"]
        status = response.status
        names = (str(status), f"{status // 100}XX", "default")
        described = next((responses[name] for name in names if name in responses), None)
        if described is None:
            if status not in self.general and status < 500:
                yield f"status {status} is not described"
            return
        described = self._schemas.resolve(described)
        content = described.get("content", {})
        raw = response.encoded()
        media = next((m for name, m in content.items() if _JSON.fullmatch(name)), None)
        if not raw:
            if content and request.method != "HEAD" and status not in {202, 204, 304}:
                yield f"the answer {status} has no body"
            return
        if "content" not in described:
            yield f"the answer {status} has a body, and none is described"
            return
        if media is None:
            return
        try:
            body = json.loads(raw)
        except ValueError:
            yield f"the answer {status} is not JSON"
            return
        for problem in self._schemas.problems(media.get("schema", {}), body, "response"):
            yield f"answer {status}: {problem}"


class _Schemas:
    """The schemas of one document, in OpenAPI 3.0's dialect."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._refs: dict[str, Any] = {}
        self._bases: dict[int, tuple[Any, Any]] = {}
        self._classes = {mode: self._dialect(mode) for mode in ("request", "response")}

    def resolve(self, schema: Any) -> Any:
        """The schema itself, references followed."""
        while isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str):
            ref = schema["$ref"]
            if ref not in self._refs:
                found: Any = self._document
                for step in ref.removeprefix("#/").split("/"):
                    found = found[step.replace("~1", "/").replace("~0", "~")]
                self._refs[ref] = found
            schema = self._refs[ref]
        return schema

    def problems(self, schema: Any, value: Any, mode: str) -> Iterator[str]:
        """How a value breaks a schema."""
        for error in self._classes[mode](self.resolve(schema)).iter_errors(value):
            yield f"{error.json_path}: {error.message[:300]}"

    def undeclared(self, schema: Any, value: Any, path: str) -> Iterator[str]:
        """Properties that a request carries and its schema does not declare, or declares read-only."""
        if isinstance(value, list):
            for part in list(self.parts(schema, value)):
                if "items" in part:
                    for index, item in enumerate(value):
                        yield from self.undeclared(part["items"], item, f"{path}[{index}]")
            return
        if not isinstance(value, Mapping):
            return
        declared: dict[str, list[Any]] = {}
        others: list[Any] = []
        for part in self.parts(schema, value):
            for name, inner in part.get("properties", {}).items():
                declared.setdefault(name, []).append(inner)
            if part.get("additionalProperties") or part.get("x-okta-extensible"):
                others.append(part.get("additionalProperties"))
        for name, inner in value.items():
            found = declared.get(name, [])
            if any(self.resolve(one).get("readOnly") for one in found):
                yield f"{path}.{name} is read-only"
            elif found:
                whole = found[0] if len(found) == 1 else {"allOf": found}
                yield from self.undeclared(whole, inner, f"{path}.{name}")
            elif declared and not others:
                yield f"{path}.{name} is not described"
            elif others and isinstance(others[0], Mapping):
                yield from self.undeclared(others[0], inner, f"{path}.{name}")

    def parts(self, schema: Any, value: Any, *, base: bool = False) -> Iterator[Any]:
        """The simple schemas that together describe a value."""
        schema = self.resolve(schema)
        yield schema
        for inner in schema.get("allOf", ()):
            yield from self.parts(inner, value, base=True)
        target = None if base else self._target(schema, value)
        if target is not None and target is not schema:
            yield from self.parts(target, value)
            return
        branches = [*schema.get("oneOf", ()), *schema.get("anyOf", ())]
        fitting = [
            one for one in branches if self._classes["request"](self.resolve(one)).is_valid(value)
        ]
        for branch in fitting or branches:
            yield from self.parts(branch, value)

    def _target(self, schema: Any, value: Any) -> Any:
        """The schema that a discriminator points to."""
        discriminator = schema.get("discriminator")
        if not isinstance(discriminator, Mapping) or not isinstance(value, Mapping):
            return None
        name = value.get(discriminator.get("propertyName"))
        ref = discriminator.get("mapping", {}).get(name)
        if ref is None:
            branches = (*schema.get("oneOf", ()), *schema.get("anyOf", ()))
            refs = (one.get("$ref", "") for one in branches)
            ref = next((one for one in refs if one.rpartition("/")[2] == name), None)
        return None if ref is None else self.resolve({"$ref": ref})

    def _base(self, schema: Any) -> Any:
        """The schema as another one's base: its discriminator would lead back to that other one."""
        resolved = self.resolve(schema)
        if "discriminator" not in resolved:
            return resolved
        known = self._bases.get(id(resolved))
        if known is None:
            bare = {name: part for name, part in resolved.items() if name != "discriminator"}
            known = self._bases[id(resolved)] = (resolved, bare)
        return known[1]

    def _dialect(self, mode: str) -> Any:
        rules = {
            "$ref": lambda v, ref, value, _: v.descend(value, self.resolve({"$ref": ref})),
            "allOf": self._all_of,
            "oneOf": self._some_of,
            "anyOf": self._some_of,
            "discriminator": self._discriminated,
            "exclusiveMinimum": _exclusive("minimum"),
            "exclusiveMaximum": _exclusive("maximum"),
            "pattern": _pattern,
        }
        if mode == "request":
            rules["required"] = self._required
        known = {**Draft202012Validator.VALIDATORS, **rules}
        return extend(Draft202012Validator, {word: _nullable(rule) for word, rule in known.items()})

    def _all_of(self, validator: Any, parts: Any, value: Any, schema: Any) -> Iterator[Any]:
        for part in parts:
            yield from validator.descend(value, self._base(part))

    def _some_of(self, validator: Any, branches: Any, value: Any, schema: Any) -> Iterator[Any]:
        if self._target(schema, value) is not None:
            return  # the rule for discriminators sees to it
        if "discriminator" in schema and isinstance(value, Mapping):
            name = schema["discriminator"]["propertyName"]
            yield ValidationError(f"{name} = {value.get(name)!r} tells no schema")
            return
        errors = []
        for branch in branches:
            found = list(validator.descend(value, self.resolve(branch)))
            if not found:
                return
            errors.append(found)
        nearest = best_match(iter(min(errors, key=len)))
        yield ValidationError(
            f"fits none of {len(branches)} schemas: {nearest.json_path} {nearest.message}"
        )

    def _discriminated(self, validator: Any, _: Any, value: Any, schema: Any) -> Iterator[Any]:
        target = self._target(schema, value)
        if target is not None and target is not schema:
            yield from validator.descend(value, target)

    def _required(self, validator: Any, names: Any, value: Any, schema: Any) -> Iterator[Any]:
        properties = schema.get("properties", {})
        for name in names:
            inner = self.resolve(properties.get(name, {}))
            if isinstance(value, Mapping) and name not in value and not inner.get("readOnly"):
                yield ValidationError(f"{name!r} is a required property")


def _path(template: str) -> re.Pattern[str]:
    literal = (re.escape(part) for part in re.split(r"{[^}]+}", template))
    return re.compile("([^/]+)".join(literal))


def _nullable(rule: Any) -> Any:
    def checked(validator: Any, word: Any, value: Any, schema: Any) -> Iterator[Any]:
        if value is None and schema.get("nullable"):
            return
        yield from rule(validator, word, value, schema) or ()

    return checked


def _exclusive(bound: str) -> Any:
    def checked(validator: Any, word: Any, value: Any, schema: Any) -> Iterator[Any]:
        if word is True and value == schema.get(bound):
            yield ValidationError(f"{value!r} is the excluded {bound}")

    return checked


def _pattern(validator: Any, word: Any, value: Any, schema: Any) -> Iterator[Any]:
    try:
        fits = not isinstance(value, str) or re.search(word, value)
    except re.error:
        return  # an expression in another dialect
    if not fits:
        yield ValidationError(f"{value!r} does not match {word!r}")
