"""The judge of exchanges with Google finds what is wrong with them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from perimeter.sandbox.wire import Request, Response
from perimeter_google.documents import SECRET_MANAGER, document
from tests.discovery import Discovery

SECRET = {"name": "projects/1/secrets/a", "replication": {"automatic": {}}}


def judged(method: str, path: str, body: Any = None, answer: Any = None, **query: str) -> list[str]:
    sent = b"" if body is None else json.dumps(body).encode()
    request = Request(method=method, path=path, query=query, body=sent)
    return Discovery(document(SECRET_MANAGER)).check(request, Response(body=answer))


def test_what_the_document_allows_passes() -> None:
    """A create as Google describes it."""
    body = {"replication": {"automatic": {}}, "labels": {"a": "b"}}
    assert judged("POST", "/v1/projects/p/secrets", body, SECRET, secretId="a", alt="json") == []


@pytest.mark.parametrize(
    ("exchange", "says"),
    [
        (("POST", "/v1/projects/p/secret"), "no operation"),
        (("PUT", "/v1/projects/p/secrets/a"), "no operation"),
        (("GET", "/v1/projects/p/secrets/a", {"x": 1}, SECRET), "takes no body"),
        (("POST", "/v1/projects/p/secrets", {"lables": {}}, SECRET), "lables"),
        (("POST", "/v1/projects/p/secrets", {"labels": {"a": 1}}, SECRET), "not of type"),
        (("GET", "/v1/projects/p/secrets/a", None, {**SECRET, "secretId": "a"}), "secretId"),
        (("GET", "/v1/projects/p/secrets/a/versions/1", None, {"state": "ON"}), "not one of"),
    ],
)
def test_what_it_does_not_know_is_named(exchange: tuple[Any, ...], says: str) -> None:
    """Operations, parameters, members and values."""
    assert any(says in problem for problem in judged(*exchange)), judged(*exchange)


def test_unknown_parameters_are_named() -> None:
    """Google ignores none."""
    problems = judged("GET", "/v1/projects/p/secrets", None, {}, page_size="1")
    assert problems == ["GET /v1/projects/p/secrets: page_size is no parameter"]
