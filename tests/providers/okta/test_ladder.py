"""Every resource type of Okta climbs the desired-state ladder."""

from __future__ import annotations

import copy
from contextlib import contextmanager

import pytest

from perimeter.testing import ladder
from perimeter.testing.ladder import Ladder
from perimeter.testing.workspace import Workspace
from perimeter_okta.permissions import MANAGE_SCOPES, READ_SCOPES
from perimeter_okta.provider import Okta
from tests.providers.okta.seed import (
    CLIENT_SECRET,
    CRM,
    EMPLOYEES,
    EVERYONE,
    PLAIN,
    REPORTS,
    SALES,
    STRICT,
    TOKEN,
)

KINDS = Okta().resources
PROVIDER = 'provider "okta" {{\n  org_url        = "{url}"\n  capacity_share = 1\n}}\n'


class Tenant:
    """The org behind the API, changed by hand."""

    def __init__(self, org):
        self.org = org

    def change(self, changed):
        """Change the org's content and let the vendor read it anew."""
        content = copy.deepcopy(self.org.content())
        changed(content)
        self.org.sandbox.reseed({"okta": content})

    def setter(self, where, name, value):
        """A tamper that sets one field of what ``where`` finds."""
        return lambda held: self.change(
            lambda content: where(content, held).__setitem__(name, copy.deepcopy(value))
        )


@pytest.fixture
def tenant(org):
    return Tenant(org)


@pytest.fixture
def workspace(org, tmp_path):
    def made(name="work"):
        found = Workspace(directory=tmp_path / name, environment={"OKTA_API_TOKEN": TOKEN})
        found.write(PROVIDER.format(url=org.sandbox.url("okta")), "provider.hcl")
        return found

    return made


def by_id(kind):
    return lambda content, held: next(one for one in content[kind] if one["id"] == held.id)


def removing(tenant, kind):
    def remove(held):
        def changed(content):
            content[kind] = [one for one in content[kind] if one["id"] != held.id]

        tenant.change(changed)

    return remove


def user(tenant):
    text = """
import {{
  to = okta_user.doe
  id = "j.doe@acme.example"
}}

resource "okta_user" "doe" {{
  login  = "j.doe@acme.example"
  status = "{status}"
}}
"""
    return Ladder(
        kind=KINDS["okta_user"],
        address="okta_user.doe",
        steps=tuple(text.format(status=s) for s in ("SUSPENDED", "DEPROVISIONED", "ACTIVE")),
        tamper={"status": tenant.setter(by_id("users"), "status", "SUSPENDED")},
        untampered={"login": "it is what identifies a user"},
    )


def group(tenant):
    text = 'resource "okta_group" "ops" {{\n  name = "{}"\n  description = "{}"\n}}\n'

    def profile(content, held):
        return by_id("groups")(content, held)["profile"]

    return Ladder(
        kind=KINDS["okta_group"],
        address="okta_group.ops",
        steps=(
            'resource "okta_group" "ops" {\n  name = "Ops"\n}\n',
            text.format("Operations", "On call"),
            text.format("Operations", ""),
            text.format("Operations", "On call"),
        ),
        tamper={
            "name": tenant.setter(profile, "name", "Other"),
            "description": tenant.setter(profile, "description", None),
        },
        import_id=lambda held: held.id,
        remove=removing(tenant, "groups"),
    )


def membership(tenant):
    def out(held):
        def changed(content):
            found = next(one for one in content["groups"] if one["id"] == SALES)
            found["users"].remove("00umruiz")

        tenant.change(changed)

    return Ladder(
        kind=KINDS["okta_group_membership"],
        address="okta_group_membership.ruiz",
        steps=(
            f'resource "okta_group_membership" "ruiz" {{\n  group = "{SALES}"\n  user = "00umruiz"\n}}\n',
        ),
        untampered={"group": "it is what identifies it", "user": "it is what identifies it"},
        import_id=lambda held: held.id,
        remove=out,
    )


def session_policy(tenant):
    first = f"""
resource "okta_global_session_policy" "ops" {{
  name   = "Ops"
  groups = ["{SALES}"]

  rule "rest" {{}}
}}
"""
    second = f"""
resource "okta_global_session_policy" "ops" {{
  name        = "Operations"
  description = "On call"
  status      = "ACTIVE"
  priority    = 1
  groups      = ["{EMPLOYEES}", "{SALES}"]

  rule "office" {{
    network_connection = "ZONE"
    network_include    = ["nzooffice"]
    mfa_required       = true
    mfa_prompt         = "SESSION"
    mfa_lifetime_minutes = 30
    excluded_users     = ["00umruiz"]
  }}

  rule "rest" {{
    session_idle_minutes = 30
  }}
}}
"""
    at = by_id("policies")

    def people(content, held):
        return at(content, held)["conditions"]["people"]["groups"]

    def second_factor(content, held):
        return at(content, held)["rules"][0]["actions"]["signon"]

    def reorder(held):
        def changed(content):
            for policy in content["policies"]:
                policy["priority"] = 2.5 if policy["id"] == held.id else policy["priority"]

        tenant.change(changed)

    return Ladder(
        kind=KINDS["okta_global_session_policy"],
        address="okta_global_session_policy.ops",
        steps=(first, second),
        tamper={
            "name": tenant.setter(at, "name", "Other"),
            "description": tenant.setter(at, "description", "Hello"),
            "status": tenant.setter(at, "status", "INACTIVE"),
            "groups": tenant.setter(people, "include", [SALES]),
            "rule": tenant.setter(second_factor, "requireFactor", False),
            "priority": reorder,
        },
        untampered={"default_rule": "only Okta's default policy has one"},
        import_id=lambda held: held.id,
        remove=removing(tenant, "policies"),
    )


def app(tenant):
    first = """
resource "okta_app" "chat" {
  label         = "Chat"
  sign_on_mode  = "OPENID_CONNECT"
  redirect_uris = ["https://chat.example/callback"]
}
"""
    second = """
resource "okta_app" "chat" {
  label                      = "Chat room"
  sign_on_mode               = "OPENID_CONNECT"
  status                     = "ACTIVE"
  implicit_assignment        = false
  application_type           = "web"
  redirect_uris              = ["https://chat.example/a", "https://chat.example/b"]
  post_logout_redirect_uris  = ["https://chat.example/bye"]
  grant_types                = ["authorization_code", "refresh_token"]
  response_types             = ["code"]
  token_endpoint_auth_method = "client_secret_basic"
  jwks_uri                   = "https://chat.example/keys"
  pkce_required              = true
  consent_method             = "REQUIRED"
  wildcard_redirect          = "DISABLED"
}
"""
    at = by_id("apps")

    def settings(content, held):
        return at(content, held)["settings"]

    def client(content, held):
        return settings(content, held)["oauthClient"]

    def credentials(content, held):
        return at(content, held)["credentials"]["oauthClient"]

    put = tenant.setter
    return Ladder(
        kind=KINDS["okta_app"],
        address="okta_app.chat",
        steps=(first, second),
        tamper={
            "label": put(at, "label", "Other"),
            "status": put(at, "status", "INACTIVE"),
            "implicit_assignment": put(settings, "implicitAssignment", True),
            "redirect_uris": put(client, "redirect_uris", ["https://evil.example"]),
            "post_logout_redirect_uris": put(client, "post_logout_redirect_uris", []),
            "grant_types": put(client, "grant_types", ["authorization_code", "password"]),
            "response_types": put(client, "response_types", ["code", "token"]),
            "jwks_uri": put(client, "jwks_uri", "https://evil.example/keys"),
            "consent_method": put(client, "consent_method", "TRUSTED"),
            "wildcard_redirect": put(client, "wildcard_redirect", "SUBDOMAIN"),
            "pkce_required": put(credentials, "pkce_required", False),
            "token_endpoint_auth_method": put(
                credentials, "token_endpoint_auth_method", "client_secret_post"
            ),
            "application_type": put(client, "application_type", "native"),
        },
        untampered={"sign_on_mode": "Okta keeps an app's sign-on mode for good"},
        import_id=lambda held: held.id,
        remove=removing(tenant, "apps"),
    )


def assignment(tenant):
    text = """
resource "okta_app_group_assignment" "all" {{
  app   = "{app}"
  group = "{group}"
{more}}}
"""

    def at(content, held):
        found = next(one for one in content["apps"] if one["id"] == REPORTS)
        return next(one for one in found["groups"] if one["id"] == EVERYONE)

    def gone(held):
        def changed(content):
            next(one for one in content["apps"] if one["id"] == REPORTS)["groups"].clear()

        tenant.change(changed)

    return Ladder(
        kind=KINDS["okta_app_group_assignment"],
        address="okta_app_group_assignment.all",
        steps=(
            text.format(app=REPORTS, group=EVERYONE, more=""),
            text.format(app=REPORTS, group=EVERYONE, more="  priority = 2\n"),
        ),
        tamper={"priority": tenant.setter(at, "priority", 5)},
        untampered={"app": "it is what identifies it", "group": "it is what identifies it"},
        import_id=lambda held: held.id,
        remove=gone,
    )


def grant(tenant):
    text = 'resource "okta_app_scope_grant" "reports" {{\n  app = "{}"\n  scopes = [{}]\n}}\n'

    def grants(content):
        return next(one for one in content["apps"] if one["id"] == REPORTS)["grants"]

    def more(held):
        tenant.change(lambda content: grants(content).append({"scopeId": "okta.users.manage"}))

    return Ladder(
        kind=KINDS["okta_app_scope_grant"],
        address="okta_app_scope_grant.reports",
        steps=(
            text.format(REPORTS, '"okta.users.read", "okta.logs.read"'),
            text.format(REPORTS, '"okta.users.read", "okta.groups.read"'),
            f"""
resource "okta_app_scope_grant" "reports" {{
  app    = "{REPORTS}"
  scopes = ["okta.users.read", "okta.groups.read"]

  scope "okta.logs.read" {{
    expires_at = "2099-01-01"
  }}
}}
""",
        ),
        tamper={"scopes": more},
        untampered={
            "app": "it is what identifies it",
            "scope": "Okta holds its scopes among the others: scopes",
        },
        import_id=lambda held: held.id,
        remove=lambda held: tenant.change(lambda content: grants(content).clear()),
    )


LADDERS = {
    "group": group,
    "membership": membership,
    "session_policy": session_policy,
    "app": app,
    "assignment": assignment,
    "grant": grant,
}


@pytest.mark.parametrize("name", LADDERS)
def test_the_ladder(name, tenant, workspace, tmp_path):
    """Climb, drift, list, import, come back, be removed; and no secret anywhere."""
    rungs = LADDERS[name](tenant)
    work = workspace()
    ladder.climb(work, rungs)
    ladder.drift(work, rungs)
    ladder.listed(work, rungs)
    other = tmp_path / "imported"
    other.mkdir()
    (other / "provider.hcl").write_text((work.directory / "provider.hcl").read_text())
    ladder.imported(work, rungs, other)
    ladder.comes_back(work, rungs)
    ladder.removed(work, rungs, "")
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    ladder.nothing_secret([CLIENT_SECRET, TOKEN], written, [str(event) for event in work.events])


def test_users_climb_after_an_import(tenant, workspace):
    rungs = user(tenant)
    work = workspace()
    ladder.climb(work, rungs)
    ladder.drift(work, rungs)
    ladder.listed(work, rungs)


def test_api_tokens_climb_after_an_import_and_are_revoked(tenant, workspace, org):
    at = by_id("api_tokens")
    text = """
import {
  to = okta_api_token.old
  id = "00Told"
}

resource "okta_api_token" "old" {
  name               = "old-export"
  network_connection = "ZONE"
  network_include    = ["nzo1"]
  network_exclude    = ["nzo2"]
}
"""

    def network(name, value):
        return lambda held: tenant.change(
            lambda content: at(content, held)["network"].__setitem__(name, value)
        )

    rungs = Ladder(
        kind=KINDS["okta_api_token"],
        address="okta_api_token.old",
        steps=(text,),
        tamper={
            "network_connection": network("connection", "ANYWHERE"),
            "network_include": network("include", ["nzo1", "nzo9"]),
            "network_exclude": network("exclude", []),
        },
        untampered={"name": "only people name tokens, and only once"},
    )
    work = workspace()
    ladder.climb(work, rungs)
    ladder.drift(work, rungs)
    ladder.listed(work, rungs)
    ladder.removed(work, rungs, "")
    assert [token["id"] for token in org.content()["api_tokens"]] == ["00Tatan"]


WHOLE = f"""
resource "okta_group" "ops" {{
  name = "Ops"
}}

resource "okta_group_membership" "doe" {{
  group = okta_group.ops.id
  user  = "{PLAIN}"
}}

resource "okta_app" "chat" {{
  label         = "Chat"
  sign_on_mode  = "OPENID_CONNECT"
  redirect_uris = ["https://chat.example/callback"]
}}

resource "okta_app_scope_grant" "chat" {{
  app    = okta_app.chat.id
  scopes = ["okta.users.read"]
}}

resource "okta_global_session_policy" "ops" {{
  name   = "Ops"
  groups = [okta_group.ops.id]

  rule "mfa" {{
    mfa_required = true
  }}
}}

collection "okta_group" "all" {{
  mode = "exclusive"
}}

collection "okta_group_membership" "sales" {{
  mode   = "exclusive"
  within = {{ group = "{SALES}" }}
}}

collection "okta_app_scope_grant" "crm" {{
  mode   = "exclusive"
  within = {{ app = "{CRM}" }}
}}
"""


def test_without_a_read_scope_planned_writes_never_grow(tenant, workspace):
    work = workspace()
    work.write(WHOLE)

    @contextmanager
    def taken(scope):
        def limit(content, scopes):
            next(t for t in content["api_tokens"] if t["token"] == TOKEN)["scopes"] = scopes

        left = sorted({*READ_SCOPES, *MANAGE_SCOPES} - {scope})
        tenant.change(lambda content: limit(content, left))
        yield
        tenant.change(lambda content: limit(content, None))

    ladder.never_wider_without(work, READ_SCOPES, taken)
    outcome = work.apply()
    assert not outcome.errors
    assert outcome.applied.count("failed") == 0
    ladder.never_wider_without(work, READ_SCOPES, taken)


def test_a_lockout_is_refused_before_anything_is_sent(workspace, org):
    """m.ruiz has no factor: a rule that asks her for one is refused only when nobody is left."""
    work = workspace()
    work.write(f"""
import {{
  to = okta_global_session_policy.staff
  id = "{STRICT}"
}}

resource "okta_global_session_policy" "staff" {{
  name = "Employees"

  rule "nobody" {{
    access = "DENY"
  }}
}}
""")
    outcome = work.apply()
    assert any("lock" in error and "denies sign-in" in error for error in outcome.errors)
    assert org.calls("POST") == org.calls("PUT") == org.calls("DELETE") == 0
