"""The org itself, its API tokens, and who administers it."""

from __future__ import annotations

from perimeter_okta.sandbox.answers import Data, body_of, missing, value_page
from perimeter_okta.sandbox.routing import Request, Response, Route, Tenant, Visit
from perimeter_okta.sandbox.signin import roles_of

_SECRET = ("token", "scopes")


def _well_known(call: Visit) -> Response:
    body = {
        "id": call.tenant.org["id"],
        "pipeline": call.tenant.org.get("pipeline", "idx"),
        "_links": {"organization": {"href": call.tenant.org["url"]}},
    }
    return Response(body=body)


def _get_org(call: Visit) -> Response:
    names = ("id", "subdomain", "created")
    body = {name: call.tenant.org[name] for name in names}
    company = call.tenant.org.get("companyName", call.tenant.org["subdomain"])
    return Response(body={**body, "companyName": company, "status": "ACTIVE"})


def _token(request: Request, token: Data) -> Data:
    shown = {name: value for name, value in token.items() if name not in _SECRET}
    shown.setdefault("network", {"connection": "ANYWHERE"})
    href = f"{request.base_url}/api/v1/api-tokens/{token['id']}"
    shown["_links"] = {"self": {"href": href, "hints": {"allow": ["GET", "DELETE"]}}}
    return shown


def _find(tenant: Tenant, identifier: str) -> Data:
    if identifier not in tenant.api_tokens:
        raise missing(identifier, "Token")
    return tenant.api_tokens[identifier]


def _list_tokens(call: Visit) -> Response:
    return Response(
        body=[_token(call.request, one) for one in call.tenant.listed(call.tenant.api_tokens)]
    )


def _get_token(call: Visit, identifier: str) -> Response:
    return Response(body=_token(call.request, _find(call.tenant, identifier)))


def _change_token(call: Visit, identifier: str) -> Response:
    token, body = _find(call.tenant, identifier), body_of(call.request)
    for name in ("name", "network", "userId"):
        if name in body:
            token[name] = body[name]
    token["lastUpdated"] = call.tenant.now()
    return Response(body=_token(call.request, token))


def _revoke_token(call: Visit, identifier: str) -> Response:
    _find(call.tenant, identifier)
    del call.tenant.api_tokens[identifier]
    return Response(status=204)


def _assignees(call: Visit) -> Response:
    found = [user for _, user in sorted(call.tenant.users.items()) if roles_of(call.tenant, user)]

    def present(user: Data) -> Data:
        place = f"{call.request.base_url}/api/v1/users/{user['id']}"
        orn = f"orn:okta:directory:{call.tenant.org['id']}:users:{user['id']}"
        links = {"self": {"href": place}, "roles": {"href": f"{place}/roles"}}
        return {"id": user["id"], "orn": orn, "_links": links}

    return value_page(call.request, found, limit=100, most=call.tenant.most(200), present=present)


def _user_roles(call: Visit, identifier: str) -> Response:
    user = call.tenant.user(identifier)
    found = roles_of(call.tenant, user)
    return Response(body=[_role(call.request, role, user["id"], group) for role, group in found])


def _role(request: Request, role: Data, user: str, group: str) -> Data:
    place = f"groups/{group}" if group else f"users/{user}"
    links = {"assignee": {"href": f"{request.base_url}/api/v1/{place}"}}
    kind = "GROUP" if group else "USER"
    return {"status": "ACTIVE", "assignmentType": kind, "_links": links, **role}


def _group_roles(call: Visit, identifier: str) -> Response:
    call.tenant.group(identifier)
    found = call.tenant.group_roles.get(identifier, [])
    return Response(body=[_role(call.request, role, "", identifier) for role in found])


def _user_factors(call: Visit, identifier: str) -> Response:
    user = call.tenant.user(identifier)
    common = {"provider": "OKTA", "vendorName": "OKTA", "status": "ACTIVE"}
    return Response(body=[{**common, **one} for one in call.tenant.factors.get(user["id"], [])])


_TOKEN = "/api/v1/api-tokens/{id}"  # noqa: S105 - a path

ROUTES = (
    Route("GET", "/.well-known/okta-organization", None, _well_known),
    Route("GET", "/api/v1/org", "okta.orgs.read", _get_org),
    Route("GET", "/api/v1/api-tokens", "okta.apiTokens.read", _list_tokens),
    Route("GET", _TOKEN, "okta.apiTokens.read", _get_token),
    Route("PUT", _TOKEN, "okta.apiTokens.manage", _change_token),
    Route("DELETE", _TOKEN, "okta.apiTokens.manage", _revoke_token),
    Route("GET", "/api/v1/iam/assignees/users", "okta.roles.read", _assignees),
    Route("GET", "/api/v1/users/{id}/roles", "okta.roles.read", _user_roles),
    Route("GET", "/api/v1/groups/{id}/roles", "okta.roles.read", _group_roles),
    Route("GET", "/api/v1/users/{id}/factors", "okta.users.read", _user_factors),
)
