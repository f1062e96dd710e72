"""Ending a grant ends what was issued under it: judged by whether the tokens and sessions still work in the sandbox."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from perimeter.sandbox.faults import Fault
from perimeter.sdk import DeleteRequest, Direction, ProviderError, UpdateRequest
from perimeter.testing.workspace import Workspace
from perimeter.ui.plan_text import plan_text
from perimeter_okta.permissions import MANAGE_SCOPES, READ_SCOPES
from perimeter_okta.provider import Okta
from tests.providers.okta.seed import (
    ADMIN,
    CLIENT_SECRET,
    CRM,
    EMPLOYEES,
    PLAIN,
    REPORTS,
    SALES,
    SECOND,
    TOKEN,
    seed,
)


def token(user, client=CRM, *scopes):
    return {
        "id": f"oar{user}{client}",
        "clientId": client,
        "userId": user,
        "scopes": [*scopes, "offline_access"],
        "expiresAt": "2027-05-01T00:00:00.000Z",
        "token": f"refresh-{user}-{client}",
    }


@pytest.fixture
def issued(org_with):
    """Three people have tokens for the CRM, one for reports; j.doe is signed in twice."""
    content = seed()
    content["users"][2]["sessions"] = ["s1", "s2"]
    content["apps"][1]["credentials"]["oauthClient"]["client_secret"] = CLIENT_SECRET
    tokens = [token(user) for user in (ADMIN, SECOND, PLAIN)]
    return org_with(
        users=content["users"],
        apps=content["apps"],
        refresh_tokens=[*tokens, token(PLAIN, REPORTS, "okta.users.read")],
    )


def call(org, path, *, bearer="", form=None):
    headers = {"Authorization": f"Bearer {bearer}" if bearer else f"SSWS {TOKEN}"}
    data = urlencode(form).encode() if form is not None else None
    try:
        with urlopen(Request(org.sandbox.url("okta") + path, data, headers), timeout=10) as answer:
            return json.load(answer)
    except HTTPError as refused:
        refused.close()
        return refused.code


def access(org, user, client=CRM):
    """An access token for a refresh token, or the status of the refusal."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": f"refresh-{user}-{client}",
        "client_id": client,
        "client_secret": CLIENT_SECRET,
    }
    found = call(org, "/oauth2/v1/token", form=form)
    return found["access_token"] if isinstance(found, dict) else found


def working(org, client=CRM):
    return {
        user for user in (ADMIN, SECOND, PLAIN) if not isinstance(access(org, user, client), int)
    }


def deleted(org, kind, identifier):
    attributes = org.read(kind, identifier)
    request = DeleteRequest(tenant=org.tenant, id=identifier, attributes=attributes)
    Okta().resources[kind].delete(org.writer, request)
    return request.also


def updated(org, kind, identifier, **changes):
    before = org.read(kind, identifier)
    request = UpdateRequest(
        tenant=org.tenant,
        id=identifier,
        before=before,
        after={**before, **changes},
        changed=frozenset(changes),
    )
    Okta().resources[kind].update(org.writer, request)
    return request.also


def test_tokens_work_before(issued):
    assert working(issued) == {ADMIN, SECOND, PLAIN}
    held = access(issued, PLAIN, REPORTS)
    assert isinstance(call(issued, "/api/v1/users", bearer=held), list)
    assert call(issued, "/api/v1/sessions/s1")["userId"] == PLAIN


def test_an_unassigned_group_loses_its_tokens_and_who_has_the_app_otherwise_keeps_them(issued):
    """j.doe is in Sales, too, which keeps the app."""
    also = deleted(issued, "okta_app_group_assignment", f"{CRM}/{EMPLOYEES}")
    assert also == ["2 refresh tokens revoked, none left"]
    assert working(issued) == {PLAIN}


def test_who_was_assigned_directly_keeps_theirs(org_with):
    content = seed()
    content["apps"][0]["users"] = [ADMIN]
    org = org_with(apps=content["apps"], refresh_tokens=[token(ADMIN), token(SECOND)])
    deleted(org, "okta_app_group_assignment", f"{CRM}/{EMPLOYEES}")
    assert working(org) == {ADMIN}


def test_an_app_for_everybody_revokes_nothing(org_with):
    content = seed()
    content["apps"][0]["settings"]["implicitAssignment"] = True
    org = org_with(apps=content["apps"], refresh_tokens=[token(ADMIN)])
    assert deleted(org, "okta_app_group_assignment", f"{CRM}/{EMPLOYEES}") == []
    assert working(org) == {ADMIN}


def test_leaving_a_group_costs_the_tokens_of_its_apps(issued):
    assert deleted(issued, "okta_group_membership", f"{EMPLOYEES}/{ADMIN}") == [
        "1 refresh token revoked, none left"
    ]
    assert working(issued) == {SECOND, PLAIN}
    assert deleted(issued, "okta_group_membership", f"{SALES}/{PLAIN}") == []
    assert working(issued) == {SECOND, PLAIN}
    deleted(issued, "okta_group_membership", f"{EMPLOYEES}/{PLAIN}")
    assert working(issued) == {SECOND}
    assert working(issued, REPORTS) == {PLAIN}


def test_an_access_token_that_was_issued_with_it_fails_at_once(issued):
    held = access(issued, PLAIN, REPORTS)
    assert updated(issued, "okta_app", REPORTS, status="INACTIVE") == [
        "1 refresh token revoked, none left"
    ]
    assert call(issued, "/api/v1/users", bearer=held) == 401


def test_a_removed_app_leaves_no_tokens(issued):
    assert deleted(issued, "okta_app", CRM) == ["3 refresh tokens revoked, none left"]
    assert [one["clientId"] for one in issued.content()["refresh_tokens"]] == [REPORTS]
    assert issued.read("okta_app", CRM) is None


@pytest.mark.parametrize("status", ["SUSPENDED", "DEPROVISIONED"])
def test_who_may_not_sign_in_any_more_is_signed_out(issued, status):
    held = access(issued, PLAIN, REPORTS)
    also = updated(issued, "okta_user", PLAIN, status=status)
    assert also == [
        "sessions ended (Okta lists none to look at)",
        "2 refresh tokens revoked, none left",
    ]
    assert call(issued, "/api/v1/sessions/s1") == 404
    assert call(issued, "/api/v1/users", bearer=held) == 401
    assert {one["userId"] for one in issued.content()["refresh_tokens"]} == {ADMIN, SECOND}


def test_enabling_somebody_ends_nothing(issued):
    updated(issued, "okta_user", PLAIN, status="SUSPENDED")
    before = issued.calls("DELETE")
    assert updated(issued, "okta_user", PLAIN, status="ACTIVE") == []
    assert issued.calls("DELETE") == before


def test_many_tokens_are_revoked_page_by_page(org_with):
    content = seed()
    content["users"] += [
        {"id": f"00ux{number}", "profile": {"login": f"x{number}@acme.example"}}
        for number in range(60)
    ]
    content["groups"][1]["users"] += [f"00ux{number}" for number in range(60)]
    org = org_with(
        users=content["users"],
        groups=content["groups"],
        page_size=25,
        refresh_tokens=[token(f"00ux{number}") for number in range(60)],
    )
    also = deleted(org, "okta_app_group_assignment", f"{CRM}/{EMPLOYEES}")
    assert also == ["60 refresh tokens revoked, none left"]
    assert org.content()["refresh_tokens"] == []


def limited(org, *lacking):
    content = org.content()
    (held,) = [one for one in content["api_tokens"] if one["token"] == TOKEN]
    held["scopes"] = sorted({*READ_SCOPES, *MANAGE_SCOPES} - set(lacking))
    org.sandbox.reseed({"okta": content})


def test_a_missing_right_is_told_as_what_it_is(issued):
    """The user left the group; the token goes on."""
    limited(issued, "okta.users.manage")
    with pytest.raises(ProviderError) as refused:
        deleted(issued, "okta_group_membership", f"{EMPLOYEES}/{ADMIN}")
    text = refused.value.message
    assert text.startswith("The user was taken out of the group, but the refresh tokens")
    assert "okta.users.manage" in text
    assert "until 2027-05-01T00:00:00.000Z" in text
    assert refused.value.committed is True
    assert issued.read("okta_group_membership", f"{EMPLOYEES}/{ADMIN}") is None
    assert ADMIN in working(issued)


def test_the_grant_ends_even_when_its_tokens_cannot_be_read(issued):
    limited(issued, "okta.users.read")
    with pytest.raises(ProviderError, match=r"The group was unassigned, but .*okta\.users\.read"):
        deleted(issued, "okta_app_group_assignment", f"{CRM}/{EMPLOYEES}")
    limited(issued)
    assert issued.read("okta_app_group_assignment", f"{CRM}/{EMPLOYEES}") is None


def test_a_lost_answer_is_asked_for_again(issued):
    issued.sandbox.faults.add(Fault(kind="lost", method="DELETE", path="*/sessions"))
    assert "2 refresh tokens revoked, none left" in updated(
        issued, "okta_user", PLAIN, status="SUSPENDED"
    )


def test_what_the_tenant_still_shows_is_said(issued, monkeypatch):
    """An org that answers, and takes its time."""
    monkeypatch.setattr("perimeter_okta.sandbox.tokens.revoke", lambda *_: None)
    also = updated(issued, "okta_app", CRM, status="INACTIVE")
    assert also == ["3 refresh tokens revoked, the tenant still shows 3"]


CONFIG = """
provider "okta" {{
  org_url        = "{url}"
  capacity_share = 1
}}

resource "okta_app_scope_grant" "reports" {{
  app    = "{app}"
  scopes = ["okta.groups.read"]

  scope "okta.users.read" {{
    expires_at = "30d"
  }}
}}
"""


def test_a_scope_that_ends_takes_its_tokens_along(issued, tmp_path):
    """From the declaration to a token that fails: the clock alone makes the change."""
    start = datetime(2026, 11, 1, tzinfo=UTC)
    work = Workspace(directory=tmp_path, environment={"OKTA_API_TOKEN": TOKEN})
    work.now = lambda: start
    work.write(CONFIG.format(url=issued.sandbox.url("okta"), app=REPORTS))
    assert work.apply().errors == []
    assert issued.read("okta_app_scope_grant", REPORTS)["scopes"] == [
        "okta.groups.read",
        "okta.users.read",
    ]
    work.now = lambda: start + timedelta(days=29)
    assert work.plan().plan.is_empty
    held = access(issued, PLAIN, REPORTS)
    work.now = lambda: start + timedelta(days=30)
    outcome = work.apply()
    (change,) = outcome.plan.active
    assert (change.clock, change.direction) == (True, Direction.NARROWS)
    text = plan_text(outcome.plan)
    assert '(scope "okta.users.read" expired at 2026-12-01T00:00:00Z)' in text
    assert "up to an hour" in text
    (done,) = outcome.applied.results
    assert done.text == "updated, read back equal; 1 refresh token revoked, none left"
    assert issued.read("okta_app_scope_grant", REPORTS)["scopes"] == ["okta.groups.read"]
    assert call(issued, "/api/v1/users", bearer=held) == 401
    assert access(issued, PLAIN, REPORTS) == 400
    assert work.plan().plan.is_empty


def test_other_scopes_keep_their_tokens(issued):
    issued.create("okta_app_scope_grant", {"app": REPORTS, "scopes": ["okta.groups.read"]})
    assert deleted(issued, "okta_app_scope_grant", REPORTS) == []
    assert working(issued, REPORTS) == {PLAIN}
