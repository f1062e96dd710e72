"""Global session policies and their rules, with the priorities that Okta keeps without gaps."""

from __future__ import annotations

import copy
from typing import Any

from perimeter_okta.sandbox.answers import Data, body_of, invalid, missing, page, refuse
from perimeter_okta.sandbox.routing import Request, Response, Route, Tenant, Visit


def _place(request: Request, policy: Data, rule: Data | None = None) -> str:
    place = f"{request.base_url}/api/v1/policies/{policy['id']}"
    return place if rule is None else f"{place}/rules/{rule['id']}"


def _links(place: str, *, fixed: bool, active: bool) -> Data:
    allowed = ["GET", "PUT"] if fixed else ["GET", "PUT", "DELETE"]
    links: Data = {"self": {"href": place, "hints": {"allow": allowed}}}
    if not fixed:
        action = "deactivate" if active else "activate"
        href = f"{place}/lifecycle/{action}"
        links[action] = {"href": href, "hints": {"allow": ["POST"]}}
    return links


def _policy(request: Request, policy: Data) -> Data:
    shown = {name: value for name, value in policy.items() if name != "rules" and value is not None}
    active = policy["status"] == "ACTIVE"
    shown["_links"] = _links(_place(request, policy), fixed=policy["system"], active=active)
    return shown


def _rule(request: Request, policy: Data, rule: Data) -> Data:
    active = rule["status"] == "ACTIVE"
    place = _place(request, policy, rule)
    return {**rule, "_links": _links(place, fixed=rule["system"], active=active)}


def complete(policy: Data) -> None:
    """Fill what a seed leaves out of a policy and its rules."""
    policy.setdefault("status", "ACTIVE")
    policy.setdefault("system", False)
    policy.setdefault("description", None)
    people = policy.setdefault("conditions", {}).setdefault("people", {})
    people.setdefault("groups", {}).setdefault("include", [])
    for rule in policy["rules"]:
        rule.setdefault("status", "ACTIVE")
        rule.setdefault("system", False)
        rule.setdefault("type", "SIGN_ON")
        rule.setdefault("created", policy["created"])
        rule.setdefault("lastUpdated", rule["created"])
        _settle(rule)
    _number(policy["rules"])


def settle_all(tenant: Tenant) -> None:
    """Complete the seed's policies and give every policy and rule its priority."""
    for policy in tenant.policies.values():
        for rule in policy["rules"]:
            rule.setdefault("id", "")
            rule["id"] = rule["id"] or tenant.new_id("0pr")
        complete(policy)
    _number(list(tenant.policies.values()))


def _number(items: list[Data]) -> None:
    items.sort(key=lambda item: (item["system"], item.get("priority", len(items) + 1)))
    for priority, item in enumerate(items, start=1):
        item["priority"] = priority


def _insert(items: list[Data], item: Data, priority: Any) -> None:
    """Put an object at its place; the others move to make room, the system's own stays last."""
    others = sorted((one for one in items if one is not item), key=lambda one: one["priority"])
    if item["system"]:
        place = len(others)
    elif isinstance(priority, int):
        place = max(0, priority - 1)
    elif "priority" in item:
        place = item["priority"] - 1
    else:
        place = len(others)
    others.insert(place, item)
    others.sort(key=lambda one: one["system"])
    for number, one in enumerate(others, start=1):
        one["priority"] = number
    items[:] = others


def _settle(rule: Data) -> None:
    """Defaults, and what goes together."""
    conditions = rule.get("conditions") or {}
    if rule["system"]:
        conditions = {"people": {"users": {"exclude": []}}}
    else:
        conditions.setdefault("people", {}).setdefault("users", {}).setdefault("exclude", [])
        conditions.setdefault("network", {"connection": "ANYWHERE"})
        conditions.setdefault("authContext", {"authType": "ANY"})
    rule["conditions"] = conditions
    signon = rule.setdefault("actions", {}).setdefault("signon", {})
    signon.setdefault("access", "ALLOW")
    signon.setdefault("requireFactor", False)
    signon.setdefault("primaryFactor", "PASSWORD_IDP")
    signon.setdefault("rememberDeviceByDefault", False)
    if signon["requireFactor"]:
        signon.setdefault("factorPromptMode", "ALWAYS")
        if signon["factorPromptMode"] == "SESSION":
            signon.setdefault("factorLifetime", 15)
    else:
        signon.pop("factorPromptMode", None)
        signon.pop("factorLifetime", None)
    session = signon.setdefault("session", {})
    session.setdefault("usePersistentCookie", False)
    session.setdefault("maxSessionIdleMinutes", 120)
    session.setdefault("maxSessionLifetimeMinutes", 0)


def _list_policies(call: Visit) -> Response:
    if "type" not in call.request.query:
        raise invalid("type", "type: The field cannot be left blank")
    wanted = call.request.query["type"]
    found = [one for one in call.tenant.listed(call.tenant.policies) if one["type"] == wanted]
    found.sort(key=lambda one: one["priority"])
    return page(
        call.request,
        found,
        limit=200,
        most=call.tenant.most(200),
        present=lambda one: _policy(call.request, one),
    )


def _get_policy(call: Visit, identifier: str) -> Response:
    return Response(body=_policy(call.request, call.tenant.policy(identifier)))


def _taken(tenant: Tenant, body: Data, but: str = "") -> None:
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise invalid("name", "name: The field cannot be left blank")
    for other in tenant.policies.values():
        if other["id"] != but and other["name"] == name:
            raise invalid("name", "name: Policy name already in use")


def _create_policy(call: Visit) -> Response:
    body = body_of(call.request)
    if body.get("type") != "OKTA_SIGN_ON":
        raise invalid("type", "type: The sandbox makes OKTA_SIGN_ON policies only")
    _taken(call.tenant, body)
    now = call.tenant.now()
    policy: Data = {
        "id": call.tenant.new_id("00p"),
        "type": "OKTA_SIGN_ON",
        "name": body["name"],
        "description": body.get("description") or None,
        "status": "INACTIVE" if call.request.query.get("activate") == "false" else "ACTIVE",
        "system": False,
        "created": now,
        "lastUpdated": now,
        "conditions": body.get("conditions") or {},
        "rules": [],
    }
    complete(policy)
    call.tenant.own_groups(policy["conditions"]["people"]["groups"]["include"])
    everything = list(call.tenant.policies.values())
    call.tenant.policies[policy["id"]] = policy
    _insert(everything, policy, body.get("priority"))
    call.tenant.made(policy["id"])
    return Response(body=_policy(call.request, policy))


def _replace_policy(call: Visit, identifier: str) -> Response:
    policy, body = call.tenant.policy(identifier), body_of(call.request)
    if policy["system"]:
        raise refuse(403, "E0000006", "You do not have permission to perform the requested action")
    _taken(call.tenant, body, identifier)
    policy["name"] = body["name"]
    policy["description"] = body.get("description") or None
    if "conditions" in body:
        changed = {**policy, "conditions": copy.deepcopy(body["conditions"])}
        complete(changed)
        call.tenant.own_groups(changed["conditions"]["people"]["groups"]["include"])
        policy["conditions"] = changed["conditions"]
    _insert(list(call.tenant.policies.values()), policy, body.get("priority"))
    policy["lastUpdated"] = call.tenant.now()
    return Response(body=_policy(call.request, policy))


def _delete_policy(call: Visit, identifier: str) -> Response:
    _movable(call.tenant.policy(identifier))
    del call.tenant.policies[identifier]
    _number(list(call.tenant.policies.values()))
    return Response(status=204)


def _movable(item: Data) -> Data:
    if item["system"]:
        raise refuse(403, "E0000006", "You do not have permission to perform the requested action")
    return item


def _switch(status: str) -> Any:
    def policy(call: Visit, identifier: str) -> Response:
        _movable(call.tenant.policy(identifier))["status"] = status
        return Response(status=204)

    return policy


def _switch_rule(status: str) -> Any:
    def rule(call: Visit, policy: str, rule: str) -> Response:
        _movable(_find(call.tenant.policy(policy), rule))["status"] = status
        return Response(status=204)

    return rule


def _find(policy: Data, identifier: str) -> Data:
    for rule in policy["rules"]:
        if rule["id"] == identifier:
            found: Data = rule
            return found
    raise missing(identifier, "PolicyRule")


def _list_rules(call: Visit, identifier: str) -> Response:
    policy = call.tenant.policy(identifier)
    return Response(body=[_rule(call.request, policy, rule) for rule in policy["rules"]])


def _get_rule(call: Visit, identifier: str, rule: str) -> Response:
    policy = call.tenant.policy(identifier)
    return Response(body=_rule(call.request, policy, _find(policy, rule)))


def _rule_body(policy: Data, body: Data, but: str = "") -> Data:
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise invalid("name", "name: The field cannot be left blank")
    if any(one["id"] != but and one["name"] == name for one in policy["rules"]):
        raise invalid("name", "name: Rule name already in use")
    if body.get("type", "SIGN_ON") != "SIGN_ON":
        raise invalid("type", "type: The field has an invalid value")
    network = (body.get("conditions") or {}).get("network") or {}
    if network.get("connection") == "ZONE" and not (
        network.get("include") or network.get("exclude")
    ):
        raise invalid("network", "network: Either include or exclude must be given for ZONE")
    return {name: copy.deepcopy(body[name]) for name in ("conditions", "actions") if name in body}


def _create_rule(call: Visit, identifier: str) -> Response:
    policy, body = call.tenant.policy(identifier), body_of(call.request)
    now = call.tenant.now()
    rule: Data = {
        "type": "SIGN_ON",
        "id": call.tenant.new_id("0pr"),
        "status": "INACTIVE" if call.request.query.get("activate") == "false" else "ACTIVE",
        "name": body.get("name"),
        "created": now,
        "lastUpdated": now,
        "system": False,
        **_rule_body(policy, body),
    }
    _settle(rule)
    _insert(policy["rules"], rule, body.get("priority"))
    return Response(body=_rule(call.request, policy, rule))


def _replace_rule(call: Visit, identifier: str, rule: str) -> Response:
    policy, body = call.tenant.policy(identifier), body_of(call.request)
    found = _find(policy, rule)
    changes = _rule_body(policy, body, rule)
    if found["system"]:
        changes = {"actions": changes.get("actions", {})}
    else:
        changes["name"] = body["name"]
        found.pop("conditions", None)
    found.pop("actions", None)
    found |= {**changes, "lastUpdated": call.tenant.now()}
    _settle(found)
    _insert(policy["rules"], found, body.get("priority"))
    return Response(body=_rule(call.request, policy, found))


def _delete_rule(call: Visit, identifier: str, rule: str) -> Response:
    policy = call.tenant.policy(identifier)
    policy["rules"].remove(_movable(_find(policy, rule)))
    _number(policy["rules"])
    return Response(status=204)


_READ, _MANAGE = "okta.policies.read", "okta.policies.manage"
_ONE, _RULES = "/api/v1/policies/{id}", "/api/v1/policies/{id}/rules"

ROUTES = (
    Route("GET", "/api/v1/policies", _READ, _list_policies),
    Route("POST", "/api/v1/policies", _MANAGE, _create_policy),
    Route("GET", _ONE, _READ, _get_policy),
    Route("PUT", _ONE, _MANAGE, _replace_policy),
    Route("DELETE", _ONE, _MANAGE, _delete_policy),
    Route("POST", f"{_ONE}/lifecycle/activate", _MANAGE, _switch("ACTIVE")),
    Route("POST", f"{_ONE}/lifecycle/deactivate", _MANAGE, _switch("INACTIVE")),
    Route("GET", _RULES, _READ, _list_rules),
    Route("POST", _RULES, _MANAGE, _create_rule),
    Route("GET", f"{_RULES}/{{rule}}", _READ, _get_rule),
    Route("PUT", f"{_RULES}/{{rule}}", _MANAGE, _replace_rule),
    Route("DELETE", f"{_RULES}/{{rule}}", _MANAGE, _delete_rule),
    Route("POST", f"{_RULES}/{{rule}}/lifecycle/activate", _MANAGE, _switch_rule("ACTIVE")),
    Route("POST", f"{_RULES}/{{rule}}/lifecycle/deactivate", _MANAGE, _switch_rule("INACTIVE")),
)
