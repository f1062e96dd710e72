"""The validator that stands in for the vendors finds what it should."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from perimeter.sandbox.wire import Request, Response
from tests.openapi import Validator, github_document, okta_document

DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "paths": {
        "/zoo/{id}": {
            "parameters": [{"$ref": "#/components/parameters/id"}],
            "get": {
                "security": [{"oauth2": ["zoo.read"]}],
                "parameters": [
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 9}},
                    {"name": "deep", "in": "query", "schema": {"type": "boolean"}},
                ],
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Animal"}}
                        }
                    }
                },
            },
            "put": {
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Animal"}}
                    },
                },
                "responses": {"204": {"description": "Done"}},
            },
        },
        "/zoo/mine": {"get": {"responses": {"204": {"description": "Nothing"}}}},
    },
    "components": {
        "parameters": {
            "id": {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
        },
        "schemas": {
            "Animal": {
                "type": "object",
                "required": ["id", "kind"],
                "properties": {
                    "id": {"type": "string", "readOnly": True},
                    "kind": {"type": "string"},
                    "note": {"type": "string", "nullable": True},
                },
                "discriminator": {
                    "propertyName": "kind",
                    "mapping": {"CAT": "#/components/schemas/Cat"},
                },
            },
            "Cat": {
                "allOf": [
                    {"$ref": "#/components/schemas/Animal"},
                    {"type": "object", "properties": {"lives": {"type": "integer"}}},
                ]
            },
        },
    },
}


def put(body: Any, **changes: Any) -> list[str]:
    request = Request(method="PUT", path="/zoo/1", body=json.dumps(body).encode(), **changes)
    return Validator(DOCUMENT).check(request, Response(status=204))


def get(
    body: Any = None, *, path: str = "/zoo/1", status: int = 200, query: Mapping[str, str] = {}
) -> list[str]:
    request = Request(method="GET", path=path, query=query)
    return Validator(DOCUMENT).check(request, Response(status=status, body=body))


def test_a_right_exchange_has_no_problem() -> None:
    assert put({"kind": "CAT", "lives": 9, "note": None}) == []
    assert get({"id": "1", "kind": "CAT", "lives": 9, "more": 1}) == []


def test_a_request_carries_declared_properties_only() -> None:
    assert put({"kind": "CAT", "wings": 2}) == ["PUT /zoo/1: body: $.wings is not described"]
    assert put({"kind": "DOG", "lives": 2}) == ["PUT /zoo/1: body: $.lives is not described"]
    assert put({"kind": "CAT", "id": "1"}) == ["PUT /zoo/1: body: $.id is read-only"]


def test_a_request_keeps_to_types_and_required_properties() -> None:
    assert "'kind' is a required property" in put({"note": "x"})[0]
    assert "'nine' is not of type 'integer'" in put({"kind": "CAT", "lives": "nine"})[0]
    empty = Validator(DOCUMENT).check(Request(method="PUT", path="/zoo/1"), Response(status=204))
    assert empty == ["PUT /zoo/1: the request has no body"]


def test_query_parameters_are_declared_and_typed() -> None:
    good = {"id": "1", "kind": "CAT"}
    assert get(good, query={"limit": "9", "deep": "true"}) == []
    assert get(good, query={"size": "1"}) == ["GET /zoo/1: query parameter size is not described"]
    assert "greater than the maximum" in get(good, query={"limit": "10"})[0]
    assert "is not of type 'boolean'" in get(good, query={"deep": "1"})[0]


def test_an_answer_follows_the_schema_its_discriminator_names() -> None:
    assert "'id' is a required property" in get({"kind": "CAT"})[0]
    assert "is not of type 'integer'" in get({"id": "1", "kind": "CAT", "lives": "9"})[0]
    assert get({"id": "1", "kind": "DOG", "lives": "9"}) == []
    assert get() == ["GET /zoo/1: the answer 200 has no body"]


def test_a_status_is_described_or_general() -> None:
    assert get({}, status=418) == ["GET /zoo/1: status 418 is not described"]
    assert get({}, status=429) == []
    assert get(None, path="/zoo/mine", status=204) == []


def test_the_most_specific_path_wins() -> None:
    found = Validator(DOCUMENT).find("GET", "/zoo/mine")
    assert found is not None
    assert found.template == "/zoo/mine"
    assert get({"a": 1}, path="/zoo/mine", status=204) == [
        "GET /zoo/mine: the answer 204 has a body, and none is described"
    ]
    assert get(path="/zoo") == ["GET /zoo: no such operation is described"]


def test_scopes_and_prefix() -> None:
    found = Validator(DOCUMENT, prefix="/v1").find("GET", "/v1/zoo/7")
    assert found is not None
    assert found.scopes == {"zoo.read"}
    assert found.values == {"id": "7"}


def test_githubs_description() -> None:
    document = github_document()
    if document is None:
        pytest.skip("the vendors' descriptions are not on this machine")
    validator = Validator(document)
    found = validator.find("GET", "/repos/acme/api/keys")
    assert found is not None
    assert found.description["operationId"] == "repos/list-deploy-keys"
    key = {"id": 1, "key": "ssh-ed25519 AAAA", "url": "u", "title": "t", "verified": True}
    key |= {"created_at": "2026-01-01T00:00:00Z", "read_only": True}
    request = Request(method="GET", path="/repos/acme/api/keys", query={"per_page": "100"})
    assert validator.check(request, Response(body=[key])) == []
    del key["id"]
    assert "'id' is a required" in validator.check(request, Response(body=[key]))[0]


def test_oktas_description() -> None:
    document = okta_document()
    if document is None:
        pytest.skip("the vendors' descriptions are not on this machine")
    validator = Validator(document)
    policy = {"type": "OKTA_SIGN_ON", "name": "Everyone", "status": "ACTIVE", "priority": 1}
    request = Request(method="POST", path="/api/v1/policies", body=json.dumps(policy).encode())
    assert validator.check(request, Response(body={**policy, "id": "00p1"})) == []
    wrong = json.dumps({**policy, "conditions": {"people": {"groups": {"incl": []}}}}).encode()
    request = Request(method="POST", path="/api/v1/policies", body=wrong)
    assert validator.check(request, Response(body={**policy, "id": "00p1"})) == [
        "POST /api/v1/policies: body: $.conditions.people.groups.incl is not described"
    ]
