"""Pages of lists, with the ``Link`` header (RFC 8288) that GitHub sends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from perimeter.sandbox.wire import Request, Response

MOST = 100


def page(
    request: Request,
    items: Sequence[Any],
    render: Callable[[Any], Any],
    *,
    wrap: Callable[[list[Any], int], Any] | None = None,
) -> Response:
    """One page of a list.

    Args:
        request: its ``per_page`` (30 by default, at most 100) and ``page`` say which.
        items: the whole list.
        render: one item as GitHub shows it.
        wrap: the body for the rendered items and the whole number; by default just the items.
    """
    size = _number(request.query.get("per_page"), 30, MOST)
    number = _number(request.query.get("page"), 1, 10**9)
    shown = [render(item) for item in items[(number - 1) * size : number * size]]
    last = max(1, -(-len(items) // size))
    targets: dict[str, int] = {}
    if number > 1:
        targets.update(prev=min(number - 1, last), first=1)
    if number < last:
        targets.update(next=number + 1, last=last)
    links = [
        f"<{request.base_url}{request.path}?{urlencode({**request.query, 'page': target})}>; "
        f'rel="{relation}"'
        for relation, target in targets.items()
    ]
    body = shown if wrap is None else wrap(shown, len(items))
    return Response(body=body, headers={"Link": ", ".join(links)} if links else {})


def _number(text: str | None, default: int, most: int) -> int:
    if text is None or not text.isdigit() or int(text) < 1:
        return default
    return min(int(text), most)
