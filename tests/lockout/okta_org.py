"""An Okta org that takes power away for real, watched after every call: who was able must stay able."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perimeter.engine.model import Options
from perimeter.sandbox.faults import Fault
from perimeter.sandbox.server import Sandbox
from perimeter.testing.workspace import Outcome, Workspace
from perimeter_okta.sandbox.vendor import Okta as Vendor

ME, GLASS, SECOND, PLAIN = "00uatan", "00uglass", "00umruiz", "00ujdoe"
LOGINS = {
    ME: "a.tan@acme.example",
    GLASS: "glass@acme.example",
    SECOND: "m.ruiz@acme.example",
    PLAIN: "j.doe@acme.example",
}
EVERYONE, ADMINS, ROOTS, STAFF, OPS = "00geveryone", "00gadmins", "00groots", "00gstaff", "00gops"
DEFAULT, EXEMPT, STAFFS = "00pdefault", "00pexempt", "00pstaff"
TOKEN = "00-the-token-in-use"
SUPER = {"type": "SUPER_ADMIN", "label": "Super Administrator"}
GLASS_BLOCK = f'break_glass "okta" {{\n  users = ["{LOGINS[GLASS]}"]\n}}\n'

Content = dict[str, Any]
Change = Callable[[Content], None]


def content(*changes: Change) -> Content:
    """The org: perimeter's user and the break-glass account hold the role themselves, a third through a group."""
    made: Content = {
        "org": {"id": "00oacme", "subdomain": "acme"},
        "users": [{"id": key, "profile": {"login": login}} for key, login in LOGINS.items()],
        "groups": [
            {"id": EVERYONE, "type": "BUILT_IN", "profile": {"name": "Everyone"}},
            {"id": ADMINS, "profile": {"name": "Admins"}, "users": [SECOND]},
            {"id": ROOTS, "profile": {"name": "Roots"}, "users": []},
            {"id": STAFF, "profile": {"name": "Staff"}, "users": [SECOND, PLAIN]},
            {"id": OPS, "profile": {"name": "Ops"}, "users": []},
        ],
        "policies": [
            {
                "id": DEFAULT,
                "name": "Default Policy",
                "system": True,
                "conditions": {"people": {"groups": {"include": [EVERYONE]}}},
                "rules": [{"id": "0prdefault", "name": "Default Rule", "system": True}],
            }
        ],
        "roles": {ME: [{"id": "ra1", **SUPER}], GLASS: [{"id": "ra2", **SUPER}]},
        "group_roles": {ADMINS: [{"id": "ra3", **SUPER}], ROOTS: [{"id": "ra4", **SUPER}]},
        "factors": {
            ME: [{"id": "f1", "factorType": "push"}],
            SECOND: [{"id": "f2", "factorType": "push"}],
        },
        "api_tokens": [
            {"id": "00Tme", "name": "perimeter", "userId": ME, "token": TOKEN},
            {"id": "00Tother", "name": "export", "userId": SECOND, "token": "00-another"},
        ],
        "zones": {"office": ["198.51.100.0/24"], "bad": ["192.0.2.0/24"]},
    }
    for change in changes:
        change(made)
    return made


def find(made: Content, kind: str, identifier: str) -> Content:
    """One object of the content."""
    return next(item for item in made[kind] if item["id"] == identifier)


def members(group: str, *users: str) -> Change:
    """Put exactly these users into a group."""
    return lambda made: find(made, "groups", group).update(users=list(users))


def enrolled(*users: str) -> Change:
    """Give these users a second factor."""

    def change(made: Content) -> None:
        for user in users:
            made["factors"][user] = [{"id": f"f{user}", "factorType": "push"}]

    return change


def through(user: str, *groups: str) -> Change:
    """Let a user hold the role through groups only."""

    def change(made: Content) -> None:
        made["roles"].pop(user, None)
        for group in groups:
            find(made, "groups", group)["users"].append(user)

    return change


def default_asks(made: Content) -> None:
    """The default rule asks for a second factor."""
    find(made, "policies", DEFAULT)["rules"][0]["actions"] = {"signon": {"requireFactor": True}}


def has_policy(
    identifier: str, name: str, groups: Sequence[str], *rules: Content, **more: Any
) -> Change:
    """Another policy, with rules made by ``rule``."""

    def change(made: Content) -> None:
        people = {"groups": {"include": list(groups)}}
        made["policies"].append(
            {
                "id": identifier,
                "name": name,
                "conditions": {"people": people},
                **more,
                "rules": list(rules),
            }
        )

    return change


def rule(
    name: str, *, deny: bool = False, factor: bool = False, excluded: Sequence[str] = ()
) -> Content:
    """A rule of the content."""
    signon = {"access": "DENY" if deny else "ALLOW", "requireFactor": factor}
    return {
        "id": f"0pr{name}",
        "name": name,
        "actions": {"signon": signon},
        "conditions": {"people": {"users": {"exclude": list(excluded)}}},
    }


# Configuration --------------------------------------------------------------------------------------------------------


def block(
    kind: str, name: str, body: Mapping[str, Any], identifier: str = "", inner: str = ""
) -> str:
    """A resource; with an id also the import block by which it is taken over."""
    lines = "".join(f"  {key} = {value}\n" for key, value in body.items())
    found = f'resource "{kind}" "{name}" {{\n{lines}{inner}}}\n'
    if identifier:
        found += f'import {{\n  to = {kind}.{name}\n  id = "{identifier}"\n}}\n'
    return found


def quoted(*items: str) -> str:
    """A list of texts."""
    return "[" + ", ".join(f'"{item}"' for item in items) + "]"


def user_block(user: str, status: str) -> str:
    """A user's lifecycle state."""
    body = {"login": f'"{LOGINS[user]}"', "status": f'"{status}"'}
    return block("okta_user", f"u_{user}", body, user)


def edge(group: str, user: str, *, there: bool = False) -> str:
    """A membership; ``there``: it exists and is taken over."""
    body = {"group": f'"{group}"', "user": f'"{user}"'}
    return block(
        "okta_group_membership", f"m_{group}_{user}", body, f"{group}/{user}" if there else ""
    )


def group_block(group: str, name: str, *, there: bool = True) -> str:
    """A group."""
    return block("okta_group", f"g_{group}", {"name": f'"{name}"'}, group if there else "")


def policy_block(name: str, groups: str, *rules: str, identifier: str = "", **more: Any) -> str:
    """A policy; ``rules`` are made by ``rule_block``."""
    body = {"name": f'"{name}"', "groups": groups, **more}
    label = "p_" + "".join(char if char.isalnum() else "_" for char in name)
    return block("okta_global_session_policy", label, body, identifier, "".join(rules))


def rule_block(name: str, *, deny: bool = False, factor: bool = False, **more: Any) -> str:
    """A rule of a policy."""
    body = {
        "access": '"DENY"' if deny else '"ALLOW"',
        "mfa_required": "true" if factor else "false",
        **more,
    }
    lines = "".join(f"    {key} = {value}\n" for key, value in body.items())
    return f'  rule "{name}" {{\n{lines}  }}\n'


def default_block(*, deny: bool = False, factor: bool = False) -> str:
    """Okta's default policy and what its rule asks for."""
    inner = (
        f'  default_rule {{\n    access = "{"DENY" if deny else "ALLOW"}"\n'
        f"    mfa_required = {str(factor).lower()}\n  }}\n"
    )
    body = {"name": '"Default Policy"', "groups": quoted(EVERYONE)}
    return block("okta_global_session_policy", "default", body, DEFAULT, inner)


# Running --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is there, what is taken over first, and what is then asked for.

    Attributes:
        adopt: configuration that is applied first, unwatched.
        then: configuration that is judged.
        glass: the ``break_glass`` block.
        makes: writes that a plan that goes through makes, at least.
        options: how it is planned.
    """

    name: str
    then: str
    adopt: str = ""
    changes: tuple[Change, ...] = ()
    glass: str = GLASS_BLOCK
    makes: int = 1
    options: Options = Options()  # noqa: RUF009 - frozen


@dataclass
class Ran:
    """What came of it: the outcome, the writes that were let through, and who was locked out after which call."""

    outcome: Outcome
    writes: list[str] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)


class Org:
    """The org of a case in a sandbox, and a directory to work in."""

    def __init__(self, case: Case, sandbox: Sandbox, directory: Path) -> None:
        self.case = case
        self.sandbox = sandbox
        self.vendor: Any = sandbox.vendors["okta"]
        self.workspace = Workspace(directory=directory, environment={"OKTA_API_TOKEN": TOKEN})
        head = (
            f'provider "okta" {{\n  org_url = "{sandbox.url("okta")}"\n  capacity_share = 1\n}}\n'
        )
        self.workspace.write(head + case.glass, "provider.hcl")

    def adopt(self) -> None:
        """Take over what the case starts from."""
        if self.case.adopt:
            self.workspace.write(self.case.adopt)
            outcome = self.workspace.apply()
            assert not outcome.errors, outcome.errors
            assert outcome.applied is not None
            assert not outcome.applied.count("failed"), outcome.applied.results

    def able(self) -> frozenset[str]:
        """Whom the tenant lets in and administer now; the token in use counts as one."""
        found = {
            user
            for user in (ME, GLASS)
            if self.vendor.can_sign_in(user).allowed and self.vendor.administers(user)
        }
        return frozenset(found | ({TOKEN} if self.vendor.works(TOKEN) else set()))

    def run(self, *faults: Fault) -> Ran:
        """Ask for what the case wants, and look after every call who still gets in."""
        start, writes, breaches = self.able(), [], []
        assert TOKEN in start

        def watch(_: str, request: Any, response: Any) -> None:
            if request.method != "GET":
                if response.status < 400:
                    writes.append(f"{request.method} {request.path}")
                gone = start - self.able()
                if gone:
                    breaches.append(f"{sorted(gone)} after {request.method} {request.path}")

        for fault in faults:
            self.sandbox.faults.add(fault)
        self.sandbox.on_exchange = watch
        self.workspace.write(self.case.then)
        outcome = self.workspace.apply(self.case.options)
        self.sandbox.on_exchange = None
        self.sandbox.faults.clear()
        assert self.sandbox.problems == []
        gone = start - self.able()
        if gone:
            breaches.append(f"{sorted(gone)} in the end")
        return Ran(outcome=outcome, writes=writes, breaches=breaches)


@contextmanager
def org_of(case: Case, directory: Path) -> Iterator[Org]:
    """A case's org."""
    vendor = Vendor(content(*case.changes), time.time)
    with Sandbox({"okta": vendor}) as sandbox:
        yield Org(case, sandbox, directory)
