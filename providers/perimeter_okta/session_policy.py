"""``okta_global_session_policy``: who must show a second factor, and how long sessions last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.sdk import (
    BOOL,
    NUMBER,
    STRING,
    Access,
    Attribute,
    Attributes,
    CreateRequest,
    DeleteRequest,
    Direction,
    Facet,
    HydrateRequest,
    Identity,
    Invalid,
    Listing,
    ListRequest,
    ManualStep,
    Mode,
    NotFound,
    Observed,
    ReadRequest,
    Recognition,
    ResourceType,
    Schema,
    Set,
    SignInSetting,
    Transition,
    UpdateRequest,
    Written,
    path_of,
)
from perimeter_okta import policy_states, session_access
from perimeter_okta.attributes import ID, moment
from perimeter_okta.client import OktaReader, OktaWriter
from perimeter_okta.console import console
from perimeter_okta.decode import flag, given, number, text, texts, time, without
from perimeter_okta.permissions import POLICIES
from perimeter_okta.quirks import PRIORITY_SHIFT, SYSTEM_POLICY
from perimeter_okta.session_rules import (
    DEFAULT_RULE,
    RULE,
    decode_actions,
    decode_rule,
    encode_actions,
    encode_rule,
)

_READ_ONLY = ("id", "created", "lastUpdated", "system", "_links", "_embedded", "status")
_FIXED = ("name", "groups", "status", "priority")


def decode(data: Any) -> Observed:
    """One policy of Okta's answers, without its rules."""
    return Observed(
        id=text(data, "id") or "",
        attributes={
            "id": text(data, "id"),
            "name": text(data, "name"),
            "description": text(data, "description") or "",
            "status": text(data, "status") or "ACTIVE",
            "priority": number(data, "priority"),
            "groups": texts(data, "conditions", "people", "groups", "include"),
            "system": flag(data, "system") or False,
            "created": time(data, "created"),
            "last_updated": time(data, "lastUpdated"),
        },
    )


def decode_rules(found: Iterable[Any]) -> dict[str, Any]:
    """A policy's rules in the order of their priority; the system's own rule apart."""
    ordered = sorted(
        (item for item in found if isinstance(item, Mapping)),
        key=lambda item: number(item, "priority") or 0,
    )
    default = next((item for item in ordered if flag(item, "system")), None)
    return {
        "rule": [decode_rule(item) for item in ordered if not flag(item, "system")],
        "default_rule": None if default is None else decode_actions(default),
    }


class GlobalSessionPolicy(ResourceType):
    """A global session policy (type ``OKTA_SIGN_ON``) with its rules."""

    name = "okta_global_session_policy"
    schema = Schema(
        doc="A global session policy: for members of its groups, the first rule that matches decides whether they may sign in,"
        " with what factors, and for how long. Declared rules are all the rules: others are removed.",
        attributes={
            "id": ID,
            "name": Attribute(type=STRING, doc="What people call it; unique.", required=True),
            "description": Attribute(type=STRING, doc="What it is for.", optional=True, default=""),
            "status": Attribute(
                type=STRING,
                doc="Whether the policy is in force.",
                optional=True,
                default="ACTIVE",
                values=("ACTIVE", "INACTIVE"),
            ),
            "priority": Attribute(
                type=NUMBER,
                doc="Its place among the policies; 1 is tried first.",
                optional=True,
                computed=True,
            ),
            "groups": Attribute(
                type=Set(STRING),
                doc="Ids of the groups it applies to.",
                optional=True,
                default=[],
            ),
            "system": Attribute(
                type=BOOL,
                doc="Whether it is Okta's default policy.",
                computed=True,
                mode=Mode.OBSERVED,
            ),
            "created": moment("When it was made."),
            "last_updated": moment("When it last changed."),
        },
        blocks={"rule": RULE, "default_rule": DEFAULT_RULE},
    )
    identity = Identity(natural_key=("name",), recognition=Recognition.UNIQUE_KEY)
    permissions = POLICIES
    listed = frozenset(schema.attributes)
    quirks = (SYSTEM_POLICY, PRIORITY_SHIFT)
    affects_sign_in = True

    def list(self, reader: OktaReader, request: ListRequest) -> Listing:
        """Read all policies, without rules."""
        found = reader.all("/api/v1/policies", {"type": "OKTA_SIGN_ON"})
        return Listing(objects=tuple(decode(item) for item in found))

    def hydrate(self, reader: OktaReader, request: HydrateRequest) -> tuple[Observed, ...]:
        """Read the rules: a call per policy."""
        found = []
        for item in request.objects:
            try:
                rules = decode_rules(reader.all(_path(item.id, "rules")))
            except NotFound:
                continue
            found.append(Observed(id=item.id, attributes=rules))
        return tuple(found)

    def read(self, reader: OktaReader, request: ReadRequest) -> Observed | None:
        """Read one policy and its rules."""
        data = reader.find(_path(request.id))
        if data is None:
            return None
        seen = decode(data)
        rules = decode_rules(reader.all(_path(request.id, "rules")))
        return Observed(id=seen.id, attributes={**seen.attributes, **rules})

    def create(self, writer: OktaWriter, request: CreateRequest) -> Written:
        """Make the policy inactive, give it its rules, and put it in force last: it never acts half made."""
        wanted = request.attributes
        answer = writer.post("/api/v1/policies", _body(wanted, {}), {"activate": False})
        identifier = str(answer.data["id"])
        _sync(writer, identifier, [], given(wanted, "rule") or [])
        if (given(wanted, "status") or "ACTIVE") == "ACTIVE":
            writer.post(_path(identifier, "lifecycle", "activate"))
        return Written(id=identifier, request_id=answer.request_id)

    def update(self, writer: OktaWriter, request: UpdateRequest) -> Written:
        """Change what differs: out of force first, rules before coming into force."""
        before, after = request.before, request.after
        if before.get("system") and request.changed & set(_FIXED):
            named = ", ".join(sorted(request.changed & set(_FIXED)))
            raise Invalid(f"Okta's default policy keeps its {named}.", path=(named,))
        if not before.get("system") and given(after, "default_rule"):
            raise Invalid("Only Okta's default policy has a default_rule.", path=("default_rule",))
        status = given(after, "status")
        if "status" in request.changed and status == "INACTIVE":
            writer.post(_path(request.id, "lifecycle", "deactivate"))
        request_id = ""
        if request.changed & {"name", "description", "groups", "priority"}:
            kept = writer.find(_path(request.id)) or {}
            request_id = writer.put(_path(request.id), _body(after, kept)).request_id
        if request.changed & {"rule", "default_rule"}:
            live = writer.all(_path(request.id, "rules"))
            if "rule" in request.changed:
                _sync(writer, request.id, live, given(after, "rule") or [])
            if "default_rule" in request.changed:
                _default(writer, request.id, live, given(after, "default_rule") or {})
        if "status" in request.changed and status == "ACTIVE":
            writer.post(_path(request.id, "lifecycle", "activate"))
        return Written(id=request.id, request_id=request_id)

    def delete(self, writer: OktaWriter, request: DeleteRequest) -> str:
        """Delete it with its rules."""
        return writer.delete(_path(request.id))

    def direction(self, transition: Transition) -> Direction:
        """By what the rules demand; see ``session_access``."""
        return session_access.direction(transition)

    def manual(self, transition: Transition) -> ManualStep | None:
        """Nobody deletes the default policy."""
        if transition.after is not None or not (transition.before or {}).get("system"):
            return None
        return ManualStep(
            reason="Okta keeps its default policy: it can be neither deleted nor deactivated.",
            instructions="Take it out of the configuration with a removed block, or let the collection ignore it:"
            " ignore = [{ system = true }].",
            url=console(transition.tenant, "/admin/access/policies"),
        )

    def access_after(self, access: Access, transition: Transition) -> tuple[Access, ...]:
        """Who passes the rules after each call."""
        return policy_states.states(access, transition)

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """A sign-in setting; it requires a factor when each active rule does."""
        rules = attributes.get("rule")
        required = None
        if isinstance(rules, list | tuple):
            last = attributes.get("default_rule")
            active = [r for r in rules if r.get("status") != "INACTIVE"] + ([last] if last else [])
            required = bool(active) and all(
                rule.get("mfa_required") or rule.get("access") == "DENY" for rule in active
            )
        risk = ("lets people in without a second factor",) if required is False else ()
        return (
            SignInSetting(
                id=str(attributes.get("id") or ""),
                name=str(attributes.get("name") or ""),
                requires_factor=required,
                risk=risk,
            ),
        )

    def origin(self, attributes: Attributes) -> str:
        """When it last changed."""
        changed = attributes.get("last_updated")
        return f"last changed {changed[:10]}" if isinstance(changed, str) else ""

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """Rules that contradict themselves."""
        rules = given(config, "rule")
        places: list[tuple[tuple[str | int, ...], Any]] = []
        if isinstance(rules, list | tuple):
            places = [(("rule", index), rule) for index, rule in enumerate(rules)]
            names = [rule.get("name") for rule in rules if isinstance(rule, Mapping)]
            for name in sorted({n for n in names if isinstance(n, str) and names.count(n) > 1}):
                yield ("rule",), f'Two rules are called "{name}"; give each its own name.'
        places.append((("default_rule",), given(config, "default_rule")))
        for path, rule in places:
            if isinstance(rule, Mapping):
                for name, problem in _contradictions(rule):
                    yield (*path, name), problem


def _contradictions(rule: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    prompt, lifetime = given(rule, "mfa_prompt"), given(rule, "mfa_lifetime_minutes")
    if rule.get("mfa_required") in (False, None) and prompt not in (None, "ALWAYS"):
        yield (
            "mfa_prompt",
            "mfa_prompt means nothing without mfa_required = true; remove one of them.",
        )
    if lifetime not in (None, 15) and prompt != "SESSION":
        yield "mfa_lifetime_minutes", 'mfa_lifetime_minutes needs mfa_prompt = "SESSION".'
    zones = given(rule, "network_include") or given(rule, "network_exclude")
    connection = rule.get("network_connection")
    if zones and connection in (None, "ANYWHERE"):
        yield "network_connection", 'Zones need network_connection = "ZONE".'
    if connection == "ZONE" and not zones and "network_include" not in rule:
        yield "network_connection", "ZONE needs network_include or network_exclude."


def _path(identifier: str, *more: str) -> str:
    return path_of("api", "v1", "policies", identifier, *more)


def _body(wanted: Attributes, kept: Mapping[str, Any]) -> dict[str, Any]:
    body = without(kept, _READ_ONLY)
    body |= {
        "type": "OKTA_SIGN_ON",
        "name": given(wanted, "name"),
        "description": given(wanted, "description") or "",
    }
    if given(wanted, "priority") is not None:
        body["priority"] = given(wanted, "priority")
    groups = given(wanted, "groups")
    if groups is not None:
        body["conditions"] = {
            **(body.get("conditions") or {}),
            "people": {"groups": {"include": list(groups)}},
        }
    return body


def _sync(
    writer: OktaWriter,
    policy: str,
    live: Iterable[Mapping[str, Any]],
    wanted: Iterable[Mapping[str, Any]],
) -> None:
    """Bring the rules into the wanted form and order.

    Okta moves the other rules to make room for one that is given a priority, so going from the first to the last leaves
    each at its place. Rules that go are deleted last: what they demanded is demanded until their successors stand.
    """
    own = [item for item in live if not flag(item, "system")]
    known = {text(item, "name"): item for item in own}
    kept = set()
    moved = False
    for place, rule in enumerate(wanted, start=1):
        name = given(rule, "name")
        kept.add(name)
        there = known.get(name)
        body = encode_rule(rule, there, place)
        in_force = (given(rule, "status") or "ACTIVE") == "ACTIVE"
        if there is None:
            writer.post(_path(policy, "rules"), body, {"activate": in_force})
            moved = True
            continue
        at_place = not moved and number(there, "priority") == place
        if not (
            at_place
            and decode_rule({**body, "status": text(there, "status")}) == decode_rule(there)
        ):
            writer.put(_path(policy, "rules", str(there["id"])), body)
            moved = moved or not at_place
        if in_force != (text(there, "status") != "INACTIVE"):
            action = "activate" if in_force else "deactivate"
            writer.post(_path(policy, "rules", str(there["id"]), "lifecycle", action))
    for item in own:
        if text(item, "name") not in kept:
            writer.delete(_path(policy, "rules", str(item["id"])))


def _default(
    writer: OktaWriter, policy: str, live: Iterable[Mapping[str, Any]], wanted: Mapping[str, Any]
) -> None:
    there = next((item for item in live if flag(item, "system")), None)
    if there is None:
        raise Invalid("The policy has no default rule.", path=("default_rule",))
    writer.put(_path(policy, "rules", str(there["id"])), encode_actions(wanted, there))
