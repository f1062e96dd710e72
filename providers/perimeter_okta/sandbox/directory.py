"""Users, groups, and who is in which."""

from __future__ import annotations

from typing import Any

from perimeter_okta.sandbox.answers import Data, body_of, invalid, matching, missing, page, refuse
from perimeter_okta.sandbox.routing import Request, Response, Route, Tenant, Visit

_ACTIVE = {"ACTIVE", "PASSWORD_EXPIRED", "LOCKED_OUT", "RECOVERY"}


def _user(request: Request, user: Data) -> Data:
    shown = {
        "id": user["id"],
        "status": user["status"],
        "created": user["created"],
        "activated": user.get("activated"),
        "statusChanged": user.get("statusChanged"),
        "lastLogin": user["lastLogin"],
        "lastUpdated": user["lastUpdated"],
        "passwordChanged": user.get("passwordChanged"),
        "type": {"id": "oty0000000000000sbx1"},
        "profile": user["profile"],
        "credentials": {"provider": {"type": "OKTA", "name": "OKTA"}},
    }
    return {**shown, "_links": {"self": {"href": f"{request.base_url}/api/v1/users/{user['id']}"}}}


def _group(request: Request, group: Data) -> Data:
    place = f"{request.base_url}/api/v1/groups/{group['id']}"
    shown = {name: value for name, value in group.items() if name != "users"}
    shown["profile"] = {
        name: value for name, value in group["profile"].items() if value is not None
    }
    shown.setdefault("lastMembershipUpdated", group["lastUpdated"])
    shown["objectClass"] = ["okta:user_group"]
    shown["_links"] = {"users": {"href": f"{place}/users"}, "apps": {"href": f"{place}/apps"}}
    return shown


def _list_users(call: Visit) -> Response:
    found = call.tenant.listed(call.tenant.users)
    if "filter" in call.request.query:
        found = matching(found, call.request.query["filter"])
    elif "q" in call.request.query:
        start = call.request.query["q"].casefold()
        found = [u for u in found if u["profile"]["login"].casefold().startswith(start)]
    else:
        found = [user for user in found if user["status"] != "DEPROVISIONED"]
    return page(
        call.request,
        found,
        limit=200,
        most=call.tenant.most(200),
        present=lambda one: _user(call.request, one),
    )


def _create_user(call: Visit) -> Response:
    profile = body_of(call.request).get("profile")
    if not isinstance(profile, dict) or not isinstance(profile.get("login"), str):
        raise invalid("login", "login: The field cannot be left blank")
    if any(one["profile"]["login"] == profile["login"] for one in call.tenant.users.values()):
        text = "login: An object with this field already exists in the current organization"
        raise invalid("login", text)
    staged = call.request.query.get("activate") == "false"
    now = call.tenant.now()
    user: Data = {
        "id": call.tenant.new_id("00u"),
        "status": "STAGED" if staged else "PROVISIONED",
        "created": now,
        "lastUpdated": now,
        "lastLogin": None,
        "profile": profile,
    }
    call.tenant.users[user["id"]] = user
    call.tenant.made(user["id"])
    return Response(body=_user(call.request, user))


def _get_me(call: Visit) -> Response:
    if not call.caller.user:
        raise missing("me", "User")
    return _get_user(call, call.caller.user)


def _get_user(call: Visit, identifier: str) -> Response:
    return Response(body=_user(call.request, call.tenant.user(identifier)))


def _delete_user(call: Visit, identifier: str) -> Response:
    user = call.tenant.user(identifier)
    if user["status"] == "DEPROVISIONED":
        del call.tenant.users[user["id"]]
        for group in call.tenant.groups.values():
            group["users"] = [one for one in group["users"] if one != user["id"]]
    else:
        _become(call.tenant, user, "DEPROVISIONED")
    return Response(status=204)


def _become(tenant: Tenant, user: Data, status: str) -> None:
    user["status"] = status
    user["statusChanged"] = user["lastUpdated"] = tenant.now()


def _activate(call: Visit, identifier: str) -> Response:
    user = call.tenant.user(identifier)
    if user["status"] not in {"STAGED", "DEPROVISIONED"}:
        raise refuse(403, "E0000016", "Activation failed because the user is already active")
    user["activated"] = call.tenant.now()
    _become(call.tenant, user, "PROVISIONED")
    if call.request.query.get("sendEmail", "true") == "true":
        return Response(body={})
    token = call.tenant.new_id("act")
    url = f"{call.tenant.org['url']}/welcome/{token}"
    return Response(body={"activationUrl": url, "activationToken": token})


def _deactivate(call: Visit, identifier: str) -> Response:
    user = call.tenant.user(identifier)
    if user["status"] == "DEPROVISIONED":
        text = "This operation is not allowed in the user's current status."
        raise refuse(403, "E0000038", text)
    _become(call.tenant, user, "DEPROVISIONED")
    return Response(body={})


def _suspend(call: Visit, identifier: str) -> Response:
    user = call.tenant.user(identifier)
    if user["status"] != "ACTIVE":
        raise invalid("Cannot _suspend a user that is not active")
    _become(call.tenant, user, "SUSPENDED")
    return Response(body={})


def _unsuspend(call: Visit, identifier: str) -> Response:
    user = call.tenant.user(identifier)
    if user["status"] != "SUSPENDED":
        raise invalid("Cannot _unsuspend a user that is not suspended")
    _become(call.tenant, user, "ACTIVE")
    return Response(body={})


def _unlock(call: Visit, identifier: str) -> Response:
    user = call.tenant.user(identifier)
    if user["status"] != "LOCKED_OUT":
        text = "Unlock is not allowed for this user."
        raise refuse(403, "E0000032", text, "The user is not locked out.")
    _become(call.tenant, user, "ACTIVE")
    return Response(body={})


def _user_groups(call: Visit, identifier: str) -> Response:
    user = call.tenant.user(identifier)
    found = [g for g in call.tenant.listed(call.tenant.groups) if call.tenant.holds(g, user["id"])]
    return Response(body=[_group(call.request, group) for group in found])


def _list_groups(call: Visit) -> Response:
    found = matching(call.tenant.listed(call.tenant.groups), call.request.query.get("filter"))
    if "q" in call.request.query:
        start = call.request.query["q"].casefold()
        found = [g for g in found if g["profile"]["name"].casefold().startswith(start)]
    return page(
        call.request,
        found,
        limit=10_000,
        most=call.tenant.most(10_000),
        present=lambda one: _group(call.request, one),
    )


def _get_group(call: Visit, identifier: str) -> Response:
    return Response(body=_group(call.request, call.tenant.group(identifier)))


def _profile(tenant: Tenant, request: Request, but: str = "") -> Data:
    profile = body_of(request).get("profile")
    name = profile.get("name") if isinstance(profile, dict) else None
    if not isinstance(profile, dict) or not isinstance(name, str) or not name:
        raise invalid("name", "name: The field cannot be left blank")
    for group in tenant.groups.values():
        taken = group["id"] != but and group["type"] != "APP_GROUP"
        if taken and group["profile"]["name"] == name:
            text = "name: An object with this field already exists in the current organization"
            raise invalid("name", text)
    return {**profile, "description": profile.get("description") or None}


def _create_group(call: Visit) -> Response:
    now = call.tenant.now()
    group: Data = {
        "id": call.tenant.new_id("00g"),
        "created": now,
        "lastUpdated": now,
        "type": "OKTA_GROUP",
        "profile": _profile(call.tenant, call.request),
        "users": [],
    }
    call.tenant.groups[group["id"]] = group
    call.tenant.made(group["id"])
    return Response(body=_group(call.request, group))


def _replace_group(call: Visit, identifier: str) -> Response:
    group = _writable(call.tenant, identifier)
    group["profile"] = _profile(call.tenant, call.request, identifier)
    group["lastUpdated"] = call.tenant.now()
    return Response(body=_group(call.request, group))


def _delete_group(call: Visit, identifier: str) -> Response:
    _writable(call.tenant, identifier)
    del call.tenant.groups[identifier]
    call.tenant.group_roles.pop(identifier, None)
    for app in call.tenant.apps.values():
        app["groups"] = [one for one in app["groups"] if one["id"] != identifier]
    for policy in call.tenant.policies.values():
        included = policy["conditions"]["people"]["groups"]["include"]
        included[:] = [one for one in included if one != identifier]
    return Response(status=204)


def _writable(tenant: Tenant, identifier: str) -> Data:
    group = tenant.group(identifier)
    if group["type"] != "OKTA_GROUP":
        raise refuse(403, "E0000006", "You do not have permission to perform the requested action")
    return group


def _list_members(call: Visit, identifier: str) -> Response:
    found = [
        user
        for user in call.tenant.members(call.tenant.group(identifier))
        if call.tenant.shows(f"{identifier}/{user['id']}")
    ]
    return page(
        call.request,
        found,
        limit=1000,
        most=call.tenant.most(1000),
        present=lambda one: _user(call.request, one),
    )


def _add_member(call: Visit, identifier: str, user: str) -> Response:
    group, person = _writable(call.tenant, identifier), call.tenant.user(user)
    if person["id"] not in group["users"]:
        group["users"].append(person["id"])
        group["lastMembershipUpdated"] = call.tenant.now()
        call.tenant.made(f"{identifier}/{person['id']}")
    return Response(status=204)


def _remove_member(call: Visit, identifier: str, user: str) -> Response:
    group, person = _writable(call.tenant, identifier), call.tenant.user(user)
    group["users"] = [one for one in group["users"] if one != person["id"]]
    group["lastMembershipUpdated"] = call.tenant.now()
    return Response(status=204)


def _lifecycle(name: str, handler: Any) -> Route:
    template = f"/api/v1/users/{{id}}/lifecycle/{name}"
    return Route("POST", template, "okta.users.manage", handler)


ROUTES = (
    Route("GET", "/api/v1/users", "okta.users.read", _list_users),
    Route("POST", "/api/v1/users", "okta.users.manage", _create_user),
    Route("GET", "/api/v1/users/me", "", _get_me),
    Route("GET", "/api/v1/users/{id}", "okta.users.read", _get_user),
    Route("DELETE", "/api/v1/users/{id}", "okta.users.manage", _delete_user),
    _lifecycle("activate", _activate),
    _lifecycle("deactivate", _deactivate),
    _lifecycle("suspend", _suspend),
    _lifecycle("unsuspend", _unsuspend),
    _lifecycle("unlock", _unlock),
    Route("GET", "/api/v1/users/{id}/groups", "okta.users.read", _user_groups),
    Route("GET", "/api/v1/groups", "okta.groups.read", _list_groups),
    Route("POST", "/api/v1/groups", "okta.groups.manage", _create_group),
    Route("GET", "/api/v1/groups/{id}", "okta.groups.read", _get_group),
    Route("PUT", "/api/v1/groups/{id}", "okta.groups.manage", _replace_group),
    Route("DELETE", "/api/v1/groups/{id}", "okta.groups.manage", _delete_group),
    Route("GET", "/api/v1/groups/{id}/users", "okta.groups.read", _list_members),
    Route("PUT", "/api/v1/groups/{id}/users/{user}", "okta.groups.manage", _add_member),
    Route("DELETE", "/api/v1/groups/{id}/users/{user}", "okta.groups.manage", _remove_member),
)
