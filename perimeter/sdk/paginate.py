"""Reading collections page by page: either all pages, or an error; never a part."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol
from urllib.parse import urljoin

from perimeter.sdk.answer import Answer
from perimeter.sdk.errors import Retryable
from perimeter.sdk.urls import Params

MOST_PAGES = 100_000


class Getter(Protocol):
    """What can read a page: an ``HttpClient``."""

    def get(self, path: str, params: Params | None = None, *, fresh: bool = False) -> Answer:
        """Read one page."""
        ...


def link_pages(
    client: Getter,
    path: str,
    params: Params | None = None,
    *,
    page_size: int = 0,
    items: Callable[[Any], Any] | None = None,
) -> Iterator[Answer]:
    """The pages that ``Link`` headers with ``rel="next"`` lead through (RFC 8288).

    A confirmed (304) last page that is full is read again when its ``Link`` header is only
    remembered: one more object after it changes the header, but not the body that the ETag stands
    for.

    Args:
        client: reads the pages; it refuses links to other hosts.
        path: the first page.
        params: the first page's query; links carry their own.
        page_size: the number of items of a full page; 0 where pages are not cached.
        items: finds the items in a body; by default the body is the list.

    Raises:
        ProviderError: a page could not be read, or the links go round in a circle.
    """
    seen: set[str] = set()
    at, query = path, params
    while True:
        answer = client.get(at, query)
        following = next_link(answer)
        remembered = answer.not_modified and not answer.link_is_fresh and not following
        if remembered and page_size and _count(answer.data, items) >= page_size:
            answer = client.get(at, query, fresh=True)
            following = next_link(answer)
        yield answer
        if following is None:
            return
        _no_circle(seen, following, path)
        at, query = following, None


def next_url_pages(
    client: Getter,
    path: str,
    params: Params | None = None,
    *,
    next_url: Callable[[Any], str | None],
) -> Iterator[Answer]:
    """The pages that a URL in the body leads through; ``next_url`` finds it in the decoded body."""
    seen: set[str] = set()
    at, query = path, params
    while True:
        answer = client.get(at, query)
        yield answer
        following = next_url(answer.data)
        if not following:
            return
        following = urljoin(answer.url, following)
        _no_circle(seen, following, path)
        at, query = following, None


def cursor_pages(
    fetch: Callable[[str | None], Answer], cursor: Callable[[Any], str | None]
) -> Iterator[Answer]:
    """The pages that a cursor in the body leads through.

    Args:
        fetch: reads the page at a cursor; the first page at None.
        cursor: finds the next page's cursor in the decoded body; nothing after the last.
    """
    seen: set[str] = set()
    at: str | None = None
    while True:
        answer = fetch(at)
        yield answer
        at = cursor(answer.data)
        if not at:
            return
        _no_circle(seen, at, answer.url.partition("?")[0])


def numbered_pages(
    client: Getter,
    path: str,
    params: Params | None = None,
    *,
    page_size: int,
    page_param: str = "page",
    size_param: str = "per_page",
    first: int = 1,
    step: int = 1,
    items: Callable[[Any], Any] | None = None,
) -> Iterator[Answer]:
    """Pages by number, or by offset when ``step`` is the page size.

    The first page that is not full is the last.
    """
    before = ""
    number = first
    for _ in range(MOST_PAGES):
        query = {**(params or {}), page_param: number, size_param: page_size}
        answer = client.get(path, query)
        count = _count(answer.data, items)
        digest = json.dumps(answer.data, sort_keys=True) if count else ""
        if count and digest == before:
            raise Retryable(
                f"{path}: two pages in a row are the same; the collection was not read."
            )
        yield answer
        if count < page_size:
            return
        before, number = digest, number + step
    raise Retryable(f"{path}: more than {MOST_PAGES} pages; the collection was not read.")


def collect(
    pages: Iterable[Answer],
    items: Callable[[Any], Any] | None = None,
    *,
    key: Callable[[Any], Any] | None = None,
) -> list[Any]:
    """All items of all pages; an item that moved to a later page while reading counts once.

    Args:
        pages: from one of the functions above.
        items: finds the items in a body; by default the body is the list.
        key: what tells items apart; None keeps repetitions.

    Raises:
        ProviderError: a page could not be read or holds no list.
    """
    found: list[Any] = []
    seen: set[Any] = set()
    for answer in pages:
        for item in _items(answer.data, items):
            if key is not None:
                try:
                    mark = key(item)
                except (KeyError, TypeError, AttributeError):
                    raise Retryable("An item of the answer has an unexpected shape.") from None
                if mark in seen:
                    continue
                seen.add(mark)
            found.append(item)
    return found


def next_link(answer: Answer) -> str | None:
    """The whole URL that the ``Link`` header gives for ``rel="next"``."""
    for target, relations in links(answer.header("link")):
        if "next" in relations:
            return urljoin(answer.url, target)
    return None


def links(header: str) -> list[tuple[str, frozenset[str]]]:
    """The (target, relations) of a ``Link`` header (RFC 8288 §3); a malformed rest is ignored."""
    import re

    found = []
    link = re.compile(
        r'\s*,*\s*<([^>]*)>((?:\s*;\s*[^\s=;,"]+\s*(?:=\s*(?:"(?:\\.|[^"\\])*"|[^\s;,"]*))?)*)'
    )
    relation = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))', re.IGNORECASE)
    position = 0
    while match := link.match(header, position):
        named = relation.search(match[2])
        words = (named[1] or named[2] or "") if named else ""
        found.append((match[1], frozenset(words.lower().split())))
        position = match.end()
    return found


def _items(data: Any, items: Callable[[Any], Any] | None) -> list[Any]:
    try:
        found = data if items is None else items(data)
    except (KeyError, TypeError, AttributeError, IndexError):
        found = None
    if not isinstance(found, list | tuple):
        raise Retryable("A page of the answer holds no list; the collection was not read.")
    return list(found)


def _count(data: Any, items: Callable[[Any], Any] | None) -> int:
    return len(_items(data, items))


def _no_circle(seen: set[str], following: str, path: str) -> None:
    if following in seen or len(seen) >= MOST_PAGES:
        raise Retryable(f"{path}: the pages go round in a circle; the collection was not read.")
    seen.add(following)
