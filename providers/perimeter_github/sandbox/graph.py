"""``POST /graphql``: the part of GitHub's graph that is about organisations and deploy keys."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from perimeter.sandbox.rates import Bucket, Taken
from perimeter.sandbox.wire import Request, Response
from perimeter_github.sandbox.access import Caller, administers, role_of
from perimeter_github.sandbox.execution import (
    FieldError,
    Node,
    bound,
    choose,
    connection,
    execute,
    price,
)
from perimeter_github.sandbox.people import WEB
from perimeter_github.sandbox.query import QueryError, parse
from perimeter_github.sandbox.tenant import Content, node_id

_ORDERS = {"CREATED_AT": "created_at", "NAME": "name"}


def answer(content: Content, caller: Caller, request: Request, bucket: Bucket) -> Response:
    """Run a query; its points are taken from the bucket."""
    body = request.json()
    text = body.get("query") if isinstance(body, dict) else None
    if not isinstance(text, str):
        return Response(status=400, body={"message": "A query attribute must be specified."})
    try:
        document = parse(text)
        operation = choose(document, body.get("operationName"))
        variables = bound(operation, body.get("variables") or {})
        points, nodes = price(operation.selections, document, variables)
        taken = bucket.take(content.clock(), points)
        if not taken.allowed:
            return exceeded()
        root = _query(content, caller, points, nodes, taken)
        result = execute(root, operation, document, variables)
    except QueryError as error:
        problem: dict[str, Any] = {"message": str(error), "locations": []}
        if error.code:
            problem["extensions"] = {"code": error.code}
        return Response(body={"errors": [problem]})
    shown: dict[str, Any] = {"data": result.data}
    if result.errors:
        shown["errors"] = result.errors
    return Response(body=shown)


def exceeded() -> Response:
    """What GitHub answers when the points are used up: still status 200."""
    message = "API rate limit exceeded."
    return Response(body={"errors": [{"type": "RATE_LIMITED", "message": message}]})


def _query(content: Content, caller: Caller, points: int, nodes: int, taken: Taken) -> Node:
    moment = datetime.fromtimestamp(-int(-taken.reset // 1), UTC)
    limit = Node(
        "RateLimit",
        {
            "cost": points,
            "limit": taken.limit,
            "remaining": taken.remaining,
            "used": taken.used,
            "nodeCount": nodes,
            "resetAt": moment.isoformat().replace("+00:00", "Z"),
        },
    )
    login = caller.login or f"{caller.name.replace(' ', '-')}[bot]"

    def node(arguments: Mapping[str, Any]) -> Node:
        repository = content.repository_node(str(arguments.get("id")))
        for organization in content.data["organizations"]:
            if repository in organization["repositories"]:
                return _repository(organization, repository, caller)
        raise FieldError(
            "NOT_FOUND",
            f"Could not resolve to a node with the global id of '{arguments.get('id')}'",
        )

    def organization(arguments: Mapping[str, Any]) -> Node:
        found = content.organization(str(arguments.get("login")))
        if found is None:
            message = f"Could not resolve to an Organization with the login of '{arguments.get('login')}'."
            raise FieldError("NOT_FOUND", message)
        return _organization(found, caller)

    return Node(
        "Query",
        {
            "rateLimit": limit,
            "viewer": Node("User", {"login": login}),
            "node": node,
            "organization": organization,
        },
    )


def _organization(organization: dict[str, Any], caller: Caller) -> Node:
    def repositories(arguments: Mapping[str, Any]) -> Node:
        items = [item for item in organization["repositories"] if caller.sees(item["name"])]
        order = arguments.get("orderBy")
        if order:
            name = _ORDERS.get(order["field"], "created_at")
            backwards = order.get("direction") == "DESC"
            items = sorted(items, key=lambda item: (item[name], item["id"]), reverse=backwards)
        return connection(
            "Repository", items, lambda item: _repository(organization, item, caller), arguments
        )

    def two_factor(_: Mapping[str, Any]) -> Any:
        if caller.login and role_of(organization, caller.login) != "admin":
            return None
        return organization["settings"]["two_factor_requirement_enabled"]

    return Node(
        "Organization",
        {
            "id": node_id("Organization", organization["id"]),
            "databaseId": organization["id"],
            "login": organization["login"],
            "name": organization["name"],
            "url": f"{WEB}/{organization['login']}",
            "requiresTwoFactorAuthentication": two_factor,
            "repositories": repositories,
        },
    )


def _repository(
    organization: dict[str, Any], repository: dict[str, Any] | None, caller: Caller
) -> Node:
    assert repository is not None

    def keys(arguments: Mapping[str, Any]) -> Node:
        if not _reads_keys(organization, repository, caller):
            raise FieldError("FORBIDDEN", _REFUSALS[caller.kind], bubbles=True)
        return connection(
            "DeployKey",
            repository["keys"],
            lambda key: _key(key, organization),
            arguments,
        )

    full_name = f"{organization['login']}/{repository['name']}"
    return Node(
        "Repository",
        {
            "id": node_id("Repository", repository["id"]),
            "databaseId": repository["id"],
            "name": repository["name"],
            "nameWithOwner": full_name,
            "url": f"{WEB}/{full_name}",
            "isPrivate": repository["visibility"] != "public",
            "isArchived": repository["archived"],
            "visibility": repository["visibility"].upper(),
            "deployKeys": keys,
        },
    )


def _reads_keys(organization: dict[str, Any], repository: dict[str, Any], caller: Caller) -> bool:
    if caller.kind == "classic":
        return "repo" in caller.scopes and administers(organization, repository, caller)
    return caller.may("administration", "read") and administers(organization, repository, caller)


_REFUSALS = {
    "classic": "Must have admin rights to Repository.",
    "fine_grained": "Resource not accessible by personal access token",
    "installation": "Resource not accessible by integration",
}


def _key(key: dict[str, Any], organization: dict[str, Any]) -> Node:
    return Node(
        "DeployKey",
        {
            "id": node_id("DeployKey", key["id"]),
            "key": key["key"],
            "title": key["title"],
            "readOnly": key["read_only"],
            "createdAt": key["created_at"],
            "verified": key["verified"],
            "enabled": organization["settings"]["deploy_keys_enabled_for_repositories"],
        },
    )
