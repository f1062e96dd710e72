"""Client secrets and API tokens of Okta as credentials that are rotated."""

from __future__ import annotations

import json

import pytest

from perimeter.sandbox.faults import Fault
from perimeter.sdk import (
    SECRETS,
    DeleteRequest,
    Direction,
    Invalid,
    IssueRequest,
    NotFound,
    ProbeRequest,
    Retryable,
    SwitchRequest,
)
from perimeter_okta.provider import Okta
from tests.providers.okta.seed import (
    CLIENT_SECRET,
    CRM,
    LOGS,
    REPORTS,
    SAML,
    SERVICE_SECRET,
    TOKEN,
)

KINDS = Okta().resources

CASES = [
    ("okta_app_client_secret", "app", CRM),
    ("okta_api_service_secret", "api_service", LOGS),
]


def issued(org, name, owner, holder, previous=""):
    request = IssueRequest(
        tenant=org.tenant, attributes={owner: holder}, token="rotation-1", previous=previous
    )
    return KINDS[name].credential.issue(org.writer, request)


def switched(org, name, identifier, verb):
    request = SwitchRequest(tenant=org.tenant, id=identifier, attributes=org.read(name, identifier))
    getattr(KINDS[name].credential, verb)(org.writer, request)


def deleted(org, name, identifier):
    request = DeleteRequest(
        tenant=org.tenant, id=identifier, attributes=org.read(name, identifier) or {}
    )
    KINDS[name].delete(org.writer, request)


def accepts(org, made):
    return org.sandbox.vendors["okta"].accepts(
        made.secret["client_id"], made.secret["client_secret"]
    )


@pytest.mark.parametrize(("name", "owner", "holder"), CASES)
def test_two_live_side_by_side_until_the_old_one_goes(org, name, owner, holder):
    (old,) = [key for key in org.list(name) if key.startswith(f"{holder}/")]
    made = issued(org, name, owner, holder, old)
    assert set(made.secret) == set(KINDS[name].credential.members)
    assert accepts(org, made)
    found = org.read(name, made.id)
    assert found == org.list(name)[made.id]
    assert (found["status"], found[owner]) == ("ACTIVE", holder)
    assert {n: found[n] for n in made.attributes} == dict(made.attributes)
    switched(org, name, old, "switch_off")
    assert not KINDS[name].credential.is_on(org.read(name, old))
    switched(org, name, old, "switch_on")
    assert KINDS[name].credential.is_on(org.read(name, old))
    deleted(org, name, old)
    assert org.read(name, old) is None
    assert accepts(org, made)


@pytest.mark.parametrize(("name", "owner", "holder"), CASES)
def test_a_third_one_is_refused_by_okta(org, name, owner, holder):
    issued(org, name, owner, holder)
    assert KINDS[name].credential.limit == 2
    with pytest.raises(Invalid, match="maximum"):
        issued(org, name, owner, holder)


def test_the_only_one_of_an_app_cannot_be_ended(org):
    name, _, holder = CASES[0]
    (only,) = [key for key in org.list(name) if key.startswith(f"{holder}/")]
    with pytest.raises(Invalid, match="only"):
        deleted(org, name, only)
    assert org.read(name, only)["status"] == "ACTIVE"


@pytest.mark.parametrize(("name", "owner", "holder"), CASES)
def test_no_answer_brings_a_secret_into_attributes(org, name, owner, holder):
    """Okta's list of an app's secrets shows each of them as it is."""
    made = issued(org, name, owner, holder)
    shown = json.dumps([dict(item) for item in org.list(name).values()], default=str)
    for text in (made.secret["client_secret"], CLIENT_SECRET, SERVICE_SECRET):
        assert text not in shown
        assert text not in json.dumps(dict(made.attributes))
        assert text not in repr(made)
    assert SECRETS.redact(f"x {made.secret['client_secret']}") == "x (redacted)"


def _probe(org, name, made, **secret):
    request = ProbeRequest(
        tenant=org.tenant,
        id=made.id,
        secret={**made.secret, **secret},
        attributes=made.attributes,
        config={"org_url": org.sandbox.url("okta")},
    )
    return KINDS[name].credential.probe(request)


@pytest.mark.parametrize(("name", "owner", "holder"), CASES)
def test_a_trial_tells_a_good_secret_from_one_that_is_refused(org, name, owner, holder):
    """And mints no token: the tenant holds the same before and after."""
    made = issued(org, name, owner, holder)
    before = org.content()
    assert _probe(org, name, made).works is True
    assert _probe(org, name, made, client_secret="another-secret").works is False
    assert org.content() == before
    switched(org, name, made.id, "switch_off")
    assert _probe(org, name, made).works is False


def test_a_trial_that_cannot_be_made_tells_nothing(org):
    made = issued(org, "okta_app_client_secret", "app", CRM)
    assert _probe(org, "okta_app_client_secret", made, client_secret="").works is None
    org.sandbox.faults.add(Fault(kind="status", status=503, path="/oauth2/*", times=-1))
    found = _probe(org, "okta_app_client_secret", made)
    assert found.works is None
    assert made.secret["client_secret"] not in found.detail


def test_a_lost_answer_leaves_a_secret_that_a_list_shows(org):
    before = set(org.list("okta_app_client_secret"))
    org.sandbox.faults.add(Fault(kind="lost", method="POST", path="*/credentials/secrets"))
    with pytest.raises(Retryable) as caught:
        issued(org, "okta_app_client_secret", "app", CRM)
    assert caught.value.committed is None
    (new,) = set(org.list("okta_app_client_secret")) - before
    deleted(org, "okta_app_client_secret", new)
    assert set(org.list("okta_app_client_secret")) == before


def test_only_apps_that_prove_themselves_by_secret_are_asked(org):
    """A call for the apps and one for each that has a secret; SAML apps cost nothing."""
    org.sandbox.calls.clear()
    found = org.list("okta_app_client_secret")
    assert {item["app"] for item in found.values()} == {CRM, REPORTS}
    assert org.calls("GET", "/api/v1/apps") == 1
    assert org.calls("GET", "*/credentials/secrets") == 2
    assert org.calls("GET", f"/api/v1/apps/{SAML}*") == 0


def test_an_app_that_is_gone_has_no_secrets(org):
    assert org.read("okta_app_client_secret", "0oanone/ocsnone") is None
    assert org.read("okta_app_client_secret", f"{CRM}/ocsnone") is None
    with pytest.raises(NotFound):
        issued(org, "okta_app_client_secret", "app", "0oanone")


@pytest.mark.parametrize(("name", "owner", "holder"), CASES)
def test_a_secret_without_rotation_is_a_manual_step(org, name, owner, holder):
    kind = KINDS[name]
    assert not kind.creatable
    step = kind.manual(org.transition(None, {owner: holder}))
    assert "deliver_to" in step.instructions
    assert kind.direction(org.transition(None, {owner: holder})) is Direction.WIDENS


def test_ids_as_people_write_them(org):
    kind = KINDS["okta_app_client_secret"]
    assert kind.import_key("0oa1/ocs1", org.tenant) == {"id": "0oa1/ocs1"}
    for text in ("0oa1", "0oa1/", "/ocs1", "a/b/c"):
        with pytest.raises(ValueError, match="does not name"):
            kind.import_key(text, org.tenant)


def test_the_inventory_shows_whose_secret_how_old(org):
    kind = KINDS["okta_app_client_secret"]
    (one,) = [item for item in org.list(kind.name).values() if item["app"] == CRM]
    (facet,) = kind.facets(one)
    assert (facet.owner, facet.kind, facet.active) == ("CRM", "client secret", True)
    assert facet.created_at == one["created"]
    assert facet.last_used_at is None
    assert kind.credential.last_used_at == ""


def test_a_token_is_made_by_hand_and_revoked_by_perimeter(org):
    kind = KINDS["okta_api_token"]
    assert not kind.credential.issuable
    step = kind.credential.by_hand(org.list(kind.name)["00Told"], org.tenant)
    assert '"old-export"' in step.instructions
    assert kind.credential.last_used_at == ""
    deleted(org, kind.name, "00Told")
    assert org.read(kind.name, "00Told") is None


def test_a_token_is_tried_by_asking_who_it_is(org):
    kind = KINDS["okta_api_token"]

    def tried(token, **config):
        request = ProbeRequest(
            tenant=org.tenant,
            id="00Told",
            secret={"token": token},
            config={"org_url": org.sandbox.url("okta"), **config},
        )
        return kind.credential.probe(request).works

    assert tried(TOKEN) is True
    assert tried("00old-export-token") is True
    deleted(org, kind.name, "00Told")
    assert tried("00old-export-token") is False
    assert tried("") is None
    assert tried(TOKEN, org_url="") is None
