"""The org as a whole: credentials, scopes, allowances, administrators."""

from __future__ import annotations

import base64
import time

import pytest

from perimeter.sandbox.faults import Fault
from perimeter.sdk import (
    SECRETS,
    AccessRequest,
    ConnectRequest,
    Fatal,
    Forbidden,
    ListRequest,
    Unauthenticated,
    WritePermit,
)
from perimeter_okta.permissions import MANAGE_SCOPES, READ_SCOPES, bucket_of, scope_of
from perimeter_okta.provider import Okta
from tests.openapi import Validator, okta_document
from tests.providers.okta.seed import ADMIN, CRM, EMPLOYEES, PLAIN, REPORTS, SECOND, TOKEN, seed


@pytest.fixture(scope="module")
def key():
    """A key pair: private PEM, and the public part as a JSON web key."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    numbers = private.public_key().public_numbers()

    def word(number):
        raw = number.to_bytes(32, "big")
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    public = {"kty": "EC", "crv": "P-256", "kid": "k1", "x": word(numbers.x), "y": word(numbers.y)}
    return pem, public


def service(content, public, scopes):
    """Make the seed's service app prove a key and hold scopes."""
    app = next(one for one in content["apps"] if one["id"] == REPORTS)
    app["settings"]["oauthClient"]["jwks"] = {"keys": [public]}
    app["credentials"]["oauthClient"]["token_endpoint_auth_method"] = "private_key_jwt"
    app["grants"] = [{"id": f"oag{n}", "scopeId": scope} for n, scope in enumerate(scopes)]
    return content["apps"]


def test_the_tenant_is_the_orgs_immutable_id(org):
    tenant = org.tenant
    assert (tenant.id, tenant.name, tenant.edition) == (
        "00oacme",
        "acme.okta.com",
        "Identity Engine",
    )
    assert tenant.caller == "a.tan@acme.example"
    assert tenant.scopes is None


def test_a_wrong_token_is_refused(org):
    reader = org.connected(Okta().reader(org.request(token="00wrong-token-nobody-has")))
    with pytest.raises(Unauthenticated, match="refused"):
        Okta().tenant(reader)


def test_the_token_may_come_from_the_environment(org):
    request = ConnectRequest(
        config={"org_url": org.sandbox.url("okta")}, environment={"OKTA_API_TOKEN": TOKEN}
    )
    assert Okta().tenant(org.connected(Okta().reader(request))).id == "00oacme"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "needs org_url"),
        ({"org_url": "https://acme.okta.com"}, "no credential"),
        ({"org_url": "https://acme-admin.okta.com", "token": "00xyz"}, "use https://acme.okta.com"),
        ({"org_url": "https://acme.okta.com", "token": "00xyz", "client_id": "a"}, "not both"),
        ({"org_url": "https://acme.okta.com", "client_id": "0oa1"}, "needs private_key"),
        ({"org_url": "http://acme.okta.com", "token": "00xyz"}, "https"),
    ],
)
def test_a_wrong_configuration_is_told(config, said):
    with pytest.raises(Fatal, match=said):
        Okta().reader(ConnectRequest(config=config))


def test_a_reader_writes_nothing(org):
    with pytest.raises(Fatal, match="only reads"):
        org.reader.http.post("/api/v1/groups", {})
    assert org.calls("POST") == 0


def test_a_service_app_signs_in_with_its_key(org_with, key):
    pem, public = key
    org = org_with(apps=service(seed(), public, [*READ_SCOPES, *MANAGE_SCOPES]))
    request = org.request(token=None, client_id=REPORTS, private_key=pem, key_id="k1")
    reader = org.connected(Okta().reader(request))
    tenant = Okta().tenant(reader)
    assert tenant.caller == REPORTS
    assert tenant.scopes == frozenset(READ_SCOPES)
    writer = org.connected(Okta().writer(request, WritePermit("a test")))
    writer.put(f"/api/v1/groups/{EMPLOYEES}/users/{PLAIN}")
    assert org.calls("POST", "/oauth2/v1/token") == 2
    for token in org.content()["access_tokens"]:
        assert SECRETS.redact(token) == "(redacted)"


def test_a_service_app_gets_the_scopes_that_it_holds(org_with, key):
    pem, public = key
    org = org_with(apps=service(seed(), public, ["okta.users.read"]))
    request = org.request(token=None, client_id=REPORTS, private_key=pem)
    reader = org.connected(Okta().reader(request))
    tenant = Okta().tenant(reader)
    assert tenant.scopes == {"okta.users.read"}
    users = Okta().resources["okta_user"]
    assert len(users.list(reader, ListRequest(tenant=tenant)).objects) == 4
    with pytest.raises(Forbidden) as refused:
        Okta().resources["okta_app"].list(reader, ListRequest(tenant=tenant))
    assert refused.value.needs == "okta.apps.read"


def test_a_service_app_with_another_key_or_without_scopes_is_refused(org_with, key):
    pem, public = key
    org = org_with(apps=service(seed(), {**public, "x": public["y"]}, READ_SCOPES))
    request = org.request(token=None, client_id=REPORTS, private_key=pem)
    with pytest.raises(Unauthenticated):
        Okta().tenant(org.connected(Okta().reader(request)))
    bare = org_with(apps=service(seed(), public, []))
    request = bare.request(token=None, client_id=REPORTS, private_key=pem)
    with pytest.raises(Unauthenticated, match="none of the scopes"):
        Okta().tenant(bare.connected(Okta().reader(request)))


@pytest.mark.parametrize("name", sorted(Okta().resources))
def test_without_a_read_scope_a_type_goes_dark_and_says_which(org_with, name):
    kind = Okta().resources[name]
    parent = {"okta_group": EMPLOYEES, "okta_app": CRM}.get(
        kind.identity.parent.type if kind.identity.parent else ""
    )
    scope = kind.permissions.read[0]
    content = seed()
    content["api_tokens"][0]["scopes"] = sorted({*READ_SCOPES} - {scope})
    org = org_with(api_tokens=content["api_tokens"])
    with pytest.raises(Forbidden) as refused:
        kind.list(org.reader, ListRequest(tenant=org.tenant, parent=parent))
    assert refused.value.needs == scope


@pytest.mark.parametrize("name", sorted(Okta().resources))
def test_the_declared_read_scopes_are_enough(org_with, name):
    kind = Okta().resources[name]
    parent = {"okta_group": EMPLOYEES, "okta_app": CRM}.get(
        kind.identity.parent.type if kind.identity.parent else ""
    )
    content = seed()
    content["api_tokens"][0]["scopes"] = list(kind.permissions.read)
    org = org_with(api_tokens=content["api_tokens"])
    for identifier in org.list(name, parent):
        assert org.read(name, identifier) is not None
        if kind.listed is not None:
            assert org.hydrate(name, identifier)


CALLS = """\
GET /api/v1/users
GET /api/v1/users/{id}
GET /api/v1/users/{id}/groups
GET /api/v1/users/{userId}/roles
GET /api/v1/users/{userId}/factors
POST /api/v1/users/{id}/lifecycle/activate
POST /api/v1/users/{id}/lifecycle/deactivate
POST /api/v1/users/{id}/lifecycle/suspend
POST /api/v1/users/{id}/lifecycle/unsuspend
POST /api/v1/users/{id}/lifecycle/unlock
GET /api/v1/groups
POST /api/v1/groups
GET /api/v1/groups/{groupId}
PUT /api/v1/groups/{groupId}
DELETE /api/v1/groups/{groupId}
GET /api/v1/groups/{groupId}/users
PUT /api/v1/groups/{groupId}/users/{userId}
DELETE /api/v1/groups/{groupId}/users/{userId}
GET /api/v1/policies
POST /api/v1/policies
GET /api/v1/policies/{policyId}
PUT /api/v1/policies/{policyId}
DELETE /api/v1/policies/{policyId}
POST /api/v1/policies/{policyId}/lifecycle/activate
GET /api/v1/policies/{policyId}/rules
POST /api/v1/policies/{policyId}/rules
PUT /api/v1/policies/{policyId}/rules/{ruleId}
DELETE /api/v1/policies/{policyId}/rules/{ruleId}
GET /api/v1/apps
POST /api/v1/apps
PUT /api/v1/apps/{appId}
DELETE /api/v1/apps/{appId}
POST /api/v1/apps/{appId}/lifecycle/deactivate
GET /api/v1/apps/{appId}/groups
PUT /api/v1/apps/{appId}/groups/{groupId}
DELETE /api/v1/apps/{appId}/groups/{groupId}
GET /api/v1/apps/{appId}/grants
POST /api/v1/apps/{appId}/grants
DELETE /api/v1/apps/{appId}/grants/{grantId}
GET /api/v1/api-tokens
GET /api/v1/api-tokens/{apiTokenId}
PUT /api/v1/api-tokens/{apiTokenId}
DELETE /api/v1/api-tokens/{apiTokenId}
GET /api/v1/iam/assignees/users
""".splitlines()


@pytest.mark.parametrize("call", CALLS)
def test_the_catalogue_agrees_with_oktas_description(call):
    document = okta_document()
    if document is None:
        pytest.skip("Okta's description is not on this machine")
    method, _, path = call.partition(" ")
    found = Validator(document).find(method, path.replace("{", "").replace("}", ""))
    assert found is not None
    assert found.template == path
    assert found.scopes == {scope_of(method, path)}


def test_allowances_are_per_family():
    assert bucket_of("GET", "/api/v1/users") == "/api/v1/users"
    assert bucket_of("GET", "/api/v1/users/00u1/factors") == "/api/v1/users/*"
    assert bucket_of("POST", "/api/v1/groups") == "/api/v1/groups/*"


def test_a_429_is_waited_out(org_with):
    org = org_with(rate_limits={"/api/v1/users": [3, 2]})
    waits = []
    request = org.request()
    reader = org.connected(
        Okta().reader(
            ConnectRequest(
                config=request.config,
                capacity_share=1.0,
                on_wait=lambda seconds, reason: waits.append((seconds, reason)),
            )
        )
    )
    tenant = Okta().tenant(reader)
    others = org.connected(Okta().reader(request))
    started = time.monotonic()
    for client in (others, others, reader, reader, others):
        Okta().resources["okta_user"].list(client, ListRequest(tenant=tenant))
    assert time.monotonic() - started > 0.5
    assert org.calls("GET", "/api/v1/users") >= 5
    assert waits


def test_a_429_without_warning_carries_no_retry_after_and_is_repeated(org):
    org.sandbox.faults.add(Fault(kind="status", status=429, path="/api/v1/groups"))
    assert len(org.list("okta_group")) == 2


def test_a_500_while_paging_is_repeated_and_a_part_is_never_taken_for_all(org_with):
    org = org_with(page_size=1)
    org.sandbox.faults.add(Fault(kind="status", status=500, path="/api/v1/users", after=2))
    assert len(org.list("okta_user")) == 4


def read_people(org):
    """Who administers, as the lockout proof reads it."""
    found = Okta().access(org.reader, AccessRequest(tenant=org.tenant)).people
    return [person for person in found if person.counted or not person.caller]


def test_administrators(org):
    found = {person.id: person for person in read_people(org)}
    assert set(found) == {ADMIN, SECOND}
    assert found[ADMIN].factors is True
    assert found[SECOND].factors is False
    assert found[ADMIN].caller
    assert not found[SECOND].caller
    assert found[ADMIN].credentials == {"00Tatan"}
    assert EMPLOYEES in found[ADMIN].groups
    assert "00geveryone" in found[ADMIN].groups


def test_administrators_of_many_pages(org_with):
    org = org_with(page_size=1)
    assert len(read_people(org)) == 2
    assert org.calls("GET", "/api/v1/iam/assignees/users") == 3


def test_administrators_need_the_roles_scope(org_with):
    content = seed()
    content["api_tokens"][0]["scopes"] = ["okta.users.read"]
    org = org_with(api_tokens=content["api_tokens"])
    with pytest.raises(Forbidden) as refused:
        read_people(org)
    assert refused.value.needs == "okta.roles.read"


def test_a_suspended_administrator_is_not_able(org):
    org.update("okta_user", SECOND, status="SUSPENDED")
    found = {person.id: person for person in read_people(org)}
    assert not found[SECOND].able


def test_a_dump_restores_the_org(org_with):
    org = org_with()
    org.create("okta_group", {"name": "Ops", "description": ""})
    content = org.content()
    again = org_with(**content)
    assert again.content() == content
    assert again.list("okta_group") == org.list("okta_group")


def test_every_type_can_say_what_it_is(org):
    for name, kind in Okta().resources.items():
        assert kind.name == name
        assert kind.identity.import_format
        assert all(attribute.doc for _, attribute in kind.schema.walk())
        for quirk in kind.quirks:
            assert quirk.source.startswith("https://")
            assert quirk.since
    for name in ("okta_user", "okta_group", "okta_app", "okta_api_token"):
        for attributes in org.list(name).values():
            assert Okta().resources[name].describe(attributes).startswith('"')
            assert isinstance(Okta().resources[name].origin(attributes), str)
