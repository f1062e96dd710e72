"""Lockout on GitHub: most of it is done by people, and what a person is told to do counts as much."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from perimeter.sandbox.server import Sandbox
from perimeter.testing.workspace import Outcome, Workspace
from perimeter_github.permissions import USED
from perimeter_github.sandbox.vendor import GitHub as Vendor

OWNER = "ghp_owner000000000000000000000000000000"
GLASS = 'break_glass "github" {\n  users = ["glass"]\n}\n'
INSTALLATION, OTHER = 48213379, 48213377
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()
PUBLIC = (
    KEY.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
LEVELS = ("read", "write", "admin")
HELD = {"issues": "write"}
for word in USED:
    name, _, level = word.partition("=")
    HELD[name] = max(HELD.get(name, "read"), level, key=LEVELS.index)


def content(**two_factor: bool) -> dict[str, Any]:
    """An organisation with two owners and a member; who has a second factor is given."""
    people = {"a_tan": True, "glass": True, "j_doe": False} | two_factor
    return {
        "organizations": [
            {
                "login": "acme",
                "id": 7001,
                "members": [
                    {
                        "login": name.replace("_", "."),
                        "id": number,
                        "role": "member" if name == "j_doe" else "admin",
                        "two_factor": factor,
                    }
                    for number, (name, factor) in enumerate(people.items(), start=1)
                ],
                "installations": [
                    {
                        "id": INSTALLATION,
                        "app_id": 303,
                        "app_slug": "perimeter",
                        "permissions": HELD,
                    },
                    {
                        "id": OTHER,
                        "app_id": 301,
                        "app_slug": "chat",
                        "permissions": {"metadata": "read", "contents": "write"},
                    },
                ],
                "token_grants": [
                    {"id": 702, "owner": "glass", "token_id": 9002, "token_name": "old"}
                ],
            }
        ],
        "apps": [{"id": 303, "slug": "perimeter", "public_key": PUBLIC, "permissions": HELD}],
        "tokens": [
            {
                "token": OWNER,
                "kind": "classic",
                "login": "a.tan",
                "scopes": ["admin:org", "admin:org_hook", "repo"],
            }
        ],
    }


class Organization:
    """An organisation in a sandbox; perimeter acts as an owner, or as its own app."""

    def __init__(self, sandbox: Sandbox, directory: Path, *, app: bool) -> None:
        self.sandbox = sandbox
        self.vendor: Any = sandbox.vendors["github"]
        self.app = app
        environment = {"GITHUB_APP_PRIVATE_KEY": PEM} if app else {"GITHUB_TOKEN": OWNER}
        self.workspace = Workspace(directory=directory, environment=environment)
        block = (
            f'  app {{\n    id = "303"\n    installation_id = "{INSTALLATION}"\n  }}\n'
            if app
            else ""
        )
        self.workspace.write(
            f'provider "github" {{\n  organization = "acme"\n  base_url = "{sandbox.url("github")}"\n{block}}}\n{GLASS}',
            "provider.hcl",
        )

    def asked(self, text: str) -> Outcome:
        """Plan and apply."""
        self.workspace.write(text)
        return self.workspace.apply()

    def by_hand(self, change: Callable[[dict[str, Any]], None]) -> None:
        """What the person does whom the plan tells to."""
        made = self.vendor.dump()
        change(made["organizations"][0])
        self.sandbox.reseed({"github": made})
        self.vendor = self.sandbox.vendors["github"]

    @property
    def kept(self) -> bool:
        """Whether the caller and the break-glass account get in and administer, by the tenant's word."""
        glass = self.vendor.can_sign_in("glass", "acme") and self.vendor.administers(
            "glass", "acme"
        )
        if self.app:
            made = {
                "token": "ghs_probe",
                "kind": "installation",
                "installation": INSTALLATION,
            }
            content = self.vendor.dump()
            content["tokens"].append(made)
            probe = Vendor(content, time.time)
            return bool(glass and probe.works("ghs_probe", "acme", *USED))
        return bool(glass and self.vendor.works(OWNER, "acme"))


@pytest.fixture
def organization(request: pytest.FixtureRequest, tmp_path: Path):
    """Makes organisations."""

    def make(*, app: bool = False, **two_factor: bool) -> Organization:
        vendor = Vendor(content(**two_factor), time.time)
        sandbox = Sandbox({"github": vendor})
        sandbox.__enter__()
        request.addfinalizer(lambda: sandbox.__exit__(None, None, None))
        return Organization(sandbox, tmp_path, app=app)

    return make


SETTINGS = (
    'resource "github_organization_settings" "o" {{\n{body}}}\n'
    'import {{\n  to = github_organization_settings.o\n  id = "acme"\n}}\n'
)
TWO_FACTOR = SETTINGS.format(body="  two_factor_requirement_enabled = true\n")


def installation(number: int, slug: str, **body: str) -> str:
    """An installation as it is wanted."""
    lines = "".join(f"  {name} = {value}\n" for name, value in body.items())
    return (
        f'resource "github_app_installation" "i" {{\n  app_slug = "{slug}"\n{lines}}}\n'
        f'import {{\n  to = github_app_installation.i\n  id = "{number}"\n}}\n'
    )


def required(found: dict[str, Any]) -> None:
    """A person requires a second factor."""
    found["settings"]["two_factor_requirement_enabled"] = True


def with_installation(number: int, **changes: Any) -> Callable[[dict[str, Any]], None]:
    """A person changes an installation."""

    def change(found: dict[str, Any]) -> None:
        next(item for item in found["installations"] if item["id"] == number).update(changes)

    return change


LESS = {**HELD, "organization_administration": "read"}


def permissions(held: dict[str, str]) -> str:
    """A map in configuration."""
    return "{ " + ", ".join(f'{name} = "{level}"' for name, level in held.items()) + " }"


DANGEROUS: dict[str, tuple[dict[str, bool], str, Callable[[dict[str, Any]], None]]] = {
    "break-glass has no second factor": ({"glass": False}, TWO_FACTOR, required),
    "perimeter's owner has no second factor": ({"a_tan": False}, TWO_FACTOR, required),
    "nobody has a second factor": ({"a_tan": False, "glass": False}, TWO_FACTOR, required),
    "own installation suspended": (
        {"app": True},
        installation(INSTALLATION, "perimeter", suspended="true"),
        with_installation(INSTALLATION, suspended_at="2026-01-01T00:00:00Z", suspended_by="glass"),
    ),
    "own installation loses a permission": (
        {"app": True},
        installation(INSTALLATION, "perimeter", permissions=permissions(LESS)),
        with_installation(INSTALLATION, permissions=LESS),
    ),
}

FINE: dict[str, tuple[dict[str, bool], str, Callable[[dict[str, Any]], None]]] = {
    "both owners have a second factor, a member has none": ({}, TWO_FACTOR, required),
    "another app suspended": (
        {"app": True},
        installation(OTHER, "chat", suspended="true"),
        with_installation(OTHER, suspended_at="2026-01-01T00:00:00Z", suspended_by="glass"),
    ),
    "another app loses a permission": (
        {"app": True},
        installation(OTHER, "chat", permissions='{ metadata = "read" }'),
        with_installation(OTHER, permissions={"metadata": "read"}),
    ),
    "own installation loses what perimeter does not use": (
        {"app": True},
        installation(
            INSTALLATION, "perimeter", permissions=permissions({**HELD, "issues": "read"})
        ),
        with_installation(INSTALLATION, permissions={**HELD, "issues": "read"}),
    ),
    "another setting": (
        {"glass": False},
        SETTINGS.format(body="  members_can_create_pages = false\n"),
        lambda _: None,
    ),
    "required already": ({}, TWO_FACTOR, lambda _: None),
}


@pytest.mark.parametrize("name", DANGEROUS)
def test_a_dangerous_step_is_refused(organization: Any, name: str) -> None:
    """Nothing is written, nobody is told to do it; and doing it would lock out, by the tenant's word."""
    how, text, by_hand = DANGEROUS[name]
    found = organization(**how)
    assert found.kept
    outcome = found.asked(text)
    assert outcome.applied is None
    assert any("-allow-lockout=github_" in error for error in outcome.errors), outcome.errors
    assert [
        call for call in found.sandbox.calls.entries if call.method in {"PATCH", "DELETE"}
    ] == []
    found.by_hand(by_hand)
    assert not found.kept


@pytest.mark.parametrize("name", FINE)
def test_a_look_alike_is_not_refused(organization: Any, name: str) -> None:
    """It is planned and done, by perimeter or by a person, and everybody gets in."""
    how, text, by_hand = FINE[name]
    found = organization(**how)
    outcome = found.asked(text)
    assert outcome.errors == []
    assert outcome.applied is not None
    assert found.kept
    found.by_hand(by_hand)
    assert found.kept


def test_uninstalling_perimeter_is_refused(organization: Any) -> None:
    """The declaration goes, and with it the installation would."""
    found = organization(app=True)
    assert not found.asked(installation(INSTALLATION, "perimeter")).errors
    outcome = found.asked("")
    assert any("-allow-lockout=github_app_installation.i" in error for error in outcome.errors)
    found.by_hand(lambda made: made["installations"].pop(0))
    assert not found.kept


def test_an_owner_who_is_none_any_more_is_let_at_nothing(organization: Any) -> None:
    """The sandbox takes power from the acting token: removed, or demoted, its user's token opens nothing."""
    found = organization()
    found.by_hand(lambda made: made["members"].pop(0))
    assert not found.kept
    outcome = found.asked(SETTINGS.format(body="  members_can_create_pages = false\n"))
    assert outcome.plan is None or outcome.plan.not_visible or outcome.errors


def test_saml_keeps_out_who_has_no_linked_identity(organization: Any) -> None:
    """GitHub's API tells nothing of it; the sandbox does."""
    found = organization()
    found.by_hand(lambda made: made.update(saml_enforced=True))
    assert not found.vendor.can_sign_in("glass", "acme")
    assert not found.kept
    found.by_hand(lambda made: [item.update(saml_identity=True) for item in made["members"]])
    assert found.kept
