"""Okta's manners: error bodies, pages, filters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from perimeter.sandbox.wire import Request, Response

Data = dict[str, Any]

_CLAUSE = re.compile(r'\s*([\w.]+)\s+(eq|gt|ge|lt|le)\s+"([^"]*)"\s*', re.IGNORECASE)


class Refusal(Exception):
    """Ends a call with an error answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def refuse(status: int, code: str, summary: str, *causes: str) -> Refusal:
    """An error in Okta's form; see https://developer.okta.com/docs/reference/error-codes/."""
    body = {
        "errorCode": code,
        "errorSummary": summary,
        "errorLink": code,
        "errorId": f"oae{code}",
        "errorCauses": [{"errorSummary": cause} for cause in causes],
    }
    return Refusal(Response(status=status, body=body))


def invalid(field: str, *causes: str) -> Refusal:
    """Values that Okta refuses."""
    return refuse(400, "E0000001", f"Api validation failed: {field}", *causes)


def missing(identifier: str, kind: str) -> Refusal:
    """An object that does not exist."""
    summary = f"Not found: Resource not found: {identifier} ({kind})"
    return refuse(404, "E0000007", summary)


def body_of(request: Request) -> Data:
    """The request's JSON object."""
    try:
        data = request.json()
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise refuse(400, "E0000003", "The request body was not well-formed.")
    return data


def page(
    request: Request,
    items: list[Data],
    *,
    limit: int,
    most: int,
    present: Callable[[Data], Data],
) -> Response:
    """One page of a list, with ``Link`` headers; ``after`` is the id of the last object of the page before."""
    size = _size(request, limit, most)
    start = _start(request, items)
    shown = items[start : start + size]
    links = [f'<{_url(request, request.query)}>; rel="self"']
    if start + size < len(items):
        query = {**request.query, "after": shown[-1]["id"], "limit": str(size)}
        links.append(f'<{_url(request, query)}>; rel="next"')
    return Response(body=[present(item) for item in shown], headers={"Link": ", ".join(links)})


def value_page(
    request: Request,
    items: list[Data],
    *,
    limit: int,
    most: int,
    present: Callable[[Data], Data],
) -> Response:
    """One page in the form of the newer lists: ``value`` and ``_links.next`` in the body."""
    size = _size(request, limit, most)
    start = _start(request, items)
    shown = items[start : start + size]
    body: Data = {"value": [present(item) for item in shown]}
    if start + size < len(items):
        query = {**request.query, "after": shown[-1]["id"], "limit": str(size)}
        body["_links"] = {"next": {"href": _url(request, query)}}
    return Response(body=body)


def matching(items: Iterable[Data], expression: str | None) -> list[Data]:
    """The objects that a ``filter`` lets through: clauses joined by ``or``."""
    if not expression:
        return list(items)
    clauses = []
    for part in re.split(r"\s+or\s+", expression, flags=re.IGNORECASE):
        matched = _CLAUSE.fullmatch(part)
        if matched is None:
            raise refuse(400, "E0000031", "Invalid search criteria.")
        clauses.append((matched[1].split("."), matched[2].lower(), matched[3]))
    return [item for item in items if any(_holds(item, *clause) for clause in clauses)]


def _holds(item: Data, path: list[str], operator: str, wanted: str) -> bool:
    found: Any = item
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    if not isinstance(found, str):
        return False
    return {
        "eq": found == wanted,
        "gt": found > wanted,
        "ge": found >= wanted,
        "lt": found < wanted,
        "le": found <= wanted,
    }[operator]


def _size(request: Request, limit: int, most: int) -> int:
    text = request.query.get("limit", "")
    wanted = int(text) if text.isdigit() and int(text) else limit
    return min(wanted, most)


def _start(request: Request, items: list[Data]) -> int:
    after = request.query.get("after")
    if after is None:
        return 0
    for index, item in enumerate(items):
        if item["id"] == after:
            return index + 1
    raise refuse(400, "E0000031", "Invalid search criteria.", "Invalid cursor.")


def _url(request: Request, query: Mapping[str, str]) -> str:
    tail = f"?{urlencode(query)}" if query else ""
    return f"{request.base_url}{request.path}{tail}"
