"""Applications, their assignments and scopes, and API tokens, against the sandbox."""

from __future__ import annotations

import json

import pytest

from perimeter.sdk import Direction
from perimeter_okta.provider import Okta
from tests.providers.okta.seed import CLIENT_SECRET, CRM, EMPLOYEES, EVERYONE, REPORTS, SALES, SAML

APP, ASSIGNMENT, GRANT, TOKEN = (
    Okta().resources[f"okta_{name}"]
    for name in ("app", "app_group_assignment", "app_scope_grant", "api_token")
)


def test_apps_are_listed_without_secrets(org):
    apps = org.list("okta_app")
    assert set(apps) == {CRM, REPORTS, SAML}
    assert apps[CRM] == org.read("okta_app", CRM)
    assert apps[CRM]["redirect_uris"] == ["https://crm.example/callback"]
    assert apps[SAML]["redirect_uris"] is None
    shown = json.dumps(apps)
    assert CLIENT_SECRET not in shown
    assert "secret" not in shown.replace("client_secret_basic", "")
    for attributes in apps.values():
        assert set(attributes) == set(APP.schema.attributes)


def test_an_app_lives(org):
    wanted = {
        "label": "Chat",
        "sign_on_mode": "OPENID_CONNECT",
        "application_type": "browser",
        "redirect_uris": ["https://chat.example/a", "https://chat.example/b"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "pkce_required": True,
    }
    identifier = org.create("okta_app", wanted).id
    seen = org.read("okta_app", identifier)
    assert {name: seen[name] for name in wanted} == wanted
    assert seen["status"] == "ACTIVE"
    assert seen["client_id"] == identifier
    org.delete("okta_app", identifier)
    assert org.read("okta_app", identifier) is None
    org.delete("okta_app", identifier)


def test_an_app_may_be_made_inactive(org):
    wanted = {"label": "Later", "sign_on_mode": "OPENID_CONNECT", "status": "INACTIVE"}
    wanted |= {"redirect_uris": ["https://later.example"]}
    identifier = org.create("okta_app", wanted).id
    assert org.read("okta_app", identifier)["status"] == "INACTIVE"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("label", "Customers"),
        ("status", "INACTIVE"),
        ("implicit_assignment", True),
        ("redirect_uris", ["https://crm.example/other"]),
        ("post_logout_redirect_uris", ["https://crm.example/bye"]),
        ("grant_types", ["authorization_code", "refresh_token"]),
        ("response_types", ["code", "id_token"]),
        ("token_endpoint_auth_method", "client_secret_post"),
        ("jwks_uri", "https://crm.example/keys"),
        ("pkce_required", True),
        ("consent_method", "REQUIRED"),
        ("wildcard_redirect", "SUBDOMAIN"),
    ],
)
def test_each_attribute_round_trips(org, name, value):
    before = org.read("okta_app", CRM)
    assert before[name] != value
    after = org.update("okta_app", CRM, **{name: value})
    assert {**after, "last_updated": ""} == {**before, name: value, "last_updated": ""}
    if before[name] is not None:
        assert org.update("okta_app", CRM, **{name: before[name]})[name] == before[name]


def test_an_update_keeps_secret_profile_and_what_perimeter_does_not_know(org):
    org.update("okta_app", CRM, label="Customers")
    there = next(app for app in org.content()["apps"] if app["id"] == CRM)
    assert there["credentials"]["oauthClient"]["client_secret"] == CLIENT_SECRET
    assert there["profile"] == {"team": "revops"}
    assert [one["id"] for one in there["groups"]] == [EMPLOYEES, SALES]


def test_a_saml_app_keeps_its_sign_on_settings(org):
    assert org.update("okta_app", SAML, label="Handbook")["label"] == "Handbook"
    there = next(app for app in org.content()["apps"] if app["id"] == SAML)
    assert there["settings"]["signOn"]["ssoAcsUrl"] == "https://wiki.example/acs"


def test_other_kinds_of_apps_are_made_by_hand(org):
    step = APP.manual(org.transition(None, {"label": "W", "sign_on_mode": "SAML_2_0"}))
    assert step.url == "https://acme-admin.okta.com/admin/apps/add-app"
    assert APP.manual(org.transition(None, {"sign_on_mode": "OPENID_CONNECT"})) is None


@pytest.mark.parametrize(
    ("name", "before", "after", "direction"),
    [
        ("redirect_uris", ["a"], ["a", "b"], Direction.WIDENS),
        ("redirect_uris", ["a", "b"], ["a"], Direction.NARROWS),
        ("redirect_uris", ["a"], ["b"], Direction.WIDENS),
        ("grant_types", ["x"], ["x", "y"], Direction.WIDENS),
        ("status", "ACTIVE", "INACTIVE", Direction.NARROWS),
        ("implicit_assignment", False, True, Direction.WIDENS),
        ("pkce_required", False, True, Direction.NARROWS),
        ("consent_method", "REQUIRED", "TRUSTED", Direction.WIDENS),
        ("token_endpoint_auth_method", "none", "private_key_jwt", Direction.NARROWS),
        ("token_endpoint_auth_method", "private_key_jwt", "none", Direction.WIDENS),
        ("label", "a", "b", Direction.NEUTRAL),
    ],
)
def test_direction_of_an_app(org, name, before, after, direction):
    assert APP.direction(org.transition({name: before}, {name: after})) is direction


def test_an_apps_risks(org):
    org.update("okta_app", CRM, implicit_assignment=True)
    (facet,) = APP.facets(org.list("okta_app")[CRM])
    assert facet.name == "CRM"
    assert facet.risk == ("everybody in the org may use it",)


def test_assignments_live(org):
    assert set(org.list("okta_app_group_assignment", CRM)) == {
        f"{CRM}/{EMPLOYEES}",
        f"{CRM}/{SALES}",
    }
    key = f"{REPORTS}/{EVERYONE}"
    assert org.read("okta_app_group_assignment", key) is None
    assert org.create("okta_app_group_assignment", {"app": REPORTS, "group": EVERYONE}).id == key
    assert org.update("okta_app_group_assignment", key, priority=3)["priority"] == 3
    assert org.list("okta_app_group_assignment", REPORTS)[key]["priority"] == 3
    org.delete("okta_app_group_assignment", key)
    assert org.list("okta_app_group_assignment", REPORTS) == {}
    assert org.list("okta_app_group_assignment", "0oanone") == {}


def test_a_grant_lives(org):
    name = "okta_app_scope_grant"
    (grant,) = org.list(name, CRM).values()
    assert grant["scopes"] == ["okta.users.read"]
    assert org.list(name, REPORTS) == {}
    wanted = {"app": REPORTS, "scopes": ["okta.groups.read", "okta.users.read"]}
    assert org.create(name, wanted).id == REPORTS
    assert org.read(name, REPORTS)["scopes"] == wanted["scopes"]
    assert org.read(name, REPORTS)["issuer"] == "https://acme.okta.com"
    scopes = ["okta.apps.read", "okta.users.read"]
    assert org.update(name, REPORTS, scopes=scopes)["scopes"] == scopes
    assert org.calls("DELETE") == 1
    org.delete(name, REPORTS)
    assert org.read(name, REPORTS) is None
    assert org.read(name, "0oanone") is None


def test_direction_and_facet_of_a_grant(org):
    few, many = (
        {"app": "a", "scopes": ["okta.a.read"]},
        {"scopes": ["okta.a.read", "okta.b.manage"]},
    )
    assert GRANT.direction(org.transition(None, few)) is Direction.WIDENS
    assert GRANT.direction(org.transition(few, many)) is Direction.WIDENS
    assert GRANT.direction(org.transition(many, few)) is Direction.NARROWS
    assert GRANT.direction(org.transition(few, None)) is Direction.NARROWS
    (facet,) = GRANT.facets(many)
    assert facet.risk == ("can change 1 kinds of objects in Okta",)
    assert "at least one" in next(iter(GRANT.validate({"scopes": []})))[1]


def test_api_tokens_are_listed_and_revoked(org):
    tokens = org.list("okta_api_token")
    assert set(tokens) == {"00Tatan", "00Told"}
    assert tokens["00Told"] == org.read("okta_api_token", "00Told")
    assert "token" not in tokens["00Told"]
    assert TOKEN.origin(tokens["00Told"]) == "made for 00umruiz 2024-01-05, last used never"
    org.delete("okta_api_token", "00Told")
    assert org.read("okta_api_token", "00Told") is None


def test_a_tokens_network_round_trips(org):
    name = "okta_api_token"
    changed = {"network_connection": "ZONE", "network_include": ["nzo1", "nzo2"]}
    after = org.update(name, "00Told", **changed)
    assert {key: after[key] for key in changed} == changed
    assert org.read(name, "00Told")["owner"] == "00umruiz"
    back = org.update(name, "00Told", network_connection="ANYWHERE", network_include=[])
    assert back["network_include"] == []


def test_people_make_tokens(org):
    step = TOKEN.manual(org.transition(None, {"name": "ci"}))
    assert step.url == "https://acme-admin.okta.com/admin/access/api/tokens"
    assert '"ci"' in step.instructions
    assert TOKEN.manual(org.transition({"name": "ci"}, None)) is None


def test_direction_of_a_token(org):
    anywhere = {"network_connection": "ANYWHERE"}
    zone = {"network_connection": "ZONE", "network_include": ["a"]}
    more = {"network_connection": "ZONE", "network_include": ["a", "b"]}
    assert TOKEN.direction(org.transition(anywhere, zone)) is Direction.NARROWS
    assert TOKEN.direction(org.transition(zone, anywhere)) is Direction.WIDENS
    assert TOKEN.direction(org.transition(zone, more)) is Direction.WIDENS
    assert TOKEN.direction(org.transition(zone, None)) is Direction.NARROWS
