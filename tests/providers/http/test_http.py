"""Credentials of a vendor without a provider: the declared calls, and what must never leave or come in."""

import json

import pytest

from perimeter.sdk import (
    SECRETS,
    ConnectRequest,
    DeleteRequest,
    Fatal,
    Invalid,
    IssueRequest,
    ListRequest,
    ProbeRequest,
    ReadRequest,
    Retryable,
    SwitchRequest,
    Transition,
    Unauthenticated,
    Unseen,
    Unsupported,
    WritePermit,
)
from perimeter_http.provider import Http

from .vendor import ADMIN, Vendor, running

CONFIG = {
    "headers": {"Authorization": "Bearer {env.VENDOR_TOKEN}"},
    "list": {
        "path": "/api/keys",
        "items": "/data/keys",
        "id": "/id",
        "name": "/label",
        "owner": "/owner/mail",
        "created_at": "/created",
        "last_used_at": "/used",
        "active": "/state",
        "active_value": "on",
        "next": "/next",
        "next_path": "/api/keys?from={next}",
    },
    "create": {
        "path": "/api/keys",
        "body": '{"label": "{name}", "tags": ["{parameters.team}", "{token}"]}',
        "id": "/key/id",
        "secret": {"api_key": "/key/value"},
    },
    "revoke": {"path": "/api/keys/{id}"},
    "disable": {"path": "/api/keys/{id}/off"},
    "enable": {"path": "/api/keys/{id}/on"},
    "probe": {"path": "/whoami", "headers": {"X-API-Key": "{secret.api_key}"}},
}
KIND = Http().resources["http_switchable_credential"]


class Use:
    """The provider as the engine uses it."""

    def __init__(self, vendor, url):
        self.vendor, self.url, self.open = vendor, url, []

    def config(self, **more):
        return {**CONFIG, "base_url": self.url, **more}

    def request(self, token=ADMIN, **more):
        environment = {"VENDOR_TOKEN": token} if token else {}
        return ConnectRequest(
            config=self.config(**more), environment=environment, capacity_share=1.0, timeout=5
        )

    def writer(self, token=ADMIN, **more):
        made = Http().writer(self.request(token, **more), WritePermit("a test"))
        self.open.append(made)
        return made

    def list(self, writer=None, kind=KIND):
        writer = writer or self.writer()
        found = kind.list(writer, ListRequest(tenant=Http().tenant(writer)))
        assert found.complete
        return {item.id: item.attributes for item in found.objects}

    def issue(self, name="export", writer=None, kind=KIND, **parameters):
        writer = writer or self.writer()
        request = IssueRequest(
            tenant=Http().tenant(writer),
            attributes={"name": name, "parameters": parameters or None},
            token="rotation-1",
        )
        return kind.credential.issue(writer, request)

    def probe(self, made, **more):
        request = ProbeRequest(
            tenant=Http().tenant(self.writer()),
            id=made.id,
            secret=made.secret,
            config=self.config(**more),
        )
        return KIND.credential.probe(request)


@pytest.fixture
def use():
    vendor = Vendor()
    with running(vendor) as url:
        it = Use(vendor, url)
        yield it
        for client in it.open:
            client.close()


def test_a_credential_is_made_found_switched_and_revoked(use):
    for n in range(3):
        use.vendor.make(f"other-{n}")
    made = use.issue(team='a"b')
    assert made.secret == {"api_key": use.vendor.keys[made.id]["secret"]}
    assert use.vendor.keys[made.id]["body"]["tags"] == ['a"b', "rotation-1"]
    found = use.list()
    assert len(found) == 4
    assert {n: found[made.id][n] for n in ("name", "owner", "active", "last_used_at")} == {
        "name": "export",
        "owner": "ops@acme.example",
        "active": True,
        "last_used_at": None,
    }
    assert found[made.id]["created_at"] == "2026-01-01T00:00:04Z"
    assert isinstance(found[made.id]["expires_at"], Unseen)
    writer = use.writer()
    switch = SwitchRequest(tenant=Http().tenant(writer), id=made.id, attributes=found[made.id])
    KIND.credential.switch_off(writer, switch)
    assert not KIND.credential.is_on(use.list()[made.id])
    KIND.credential.switch_on(writer, switch)
    assert KIND.credential.is_on(use.list()[made.id])
    KIND.delete(writer, DeleteRequest(tenant=switch.tenant, id=made.id, attributes=found[made.id]))
    assert KIND.read(writer, ReadRequest(tenant=switch.tenant, id=made.id)) is None
    assert len(use.vendor.keys) == 3


def test_an_id_cannot_lead_a_call_elsewhere(use):
    """Ids come from the vendor's answers: a slash or a question mark in one stays part of it."""
    use.vendor.keys["../../whoami?x"] = {**use.vendor.make("evil"), "id": "../../whoami?x"}
    writer = use.writer()
    request = DeleteRequest(tenant=Http().tenant(writer), id="../../whoami?x", attributes={})
    KIND.delete(writer, request)
    method, target, _, _ = use.vendor.calls[-1]
    assert (method, target) == ("DELETE", "/api/keys/..%2F..%2Fwhoami%3Fx")


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/x", "http://[::1]:9/"])
def test_no_redirect_leads_to_another_host(use, target):
    use.vendor.redirect = target
    for call in (use.list, use.issue):
        with pytest.raises(Fatal, match="another host"):
            call()
    made = type("Made", (), {"id": "1", "secret": {"api_key": "canary-secret-x"}})
    assert use.probe(made).works is None


def test_a_next_page_on_another_host_is_refused(use):
    for n in range(3):
        use.vendor.make(f"k{n}")
    listing = {**CONFIG["list"], "next": "/data/keys/0/away", "next_path": None}
    for key in use.vendor.keys.values():
        key["away"] = "https://evil.example/keys"
    with pytest.raises(Fatal, match="another host"):
        use.list(use.writer(list=listing))


def test_pages_that_go_in_circles_are_an_error(use):
    use.vendor.make("k")
    next(iter(use.vendor.keys.values()))["self"] = "/api/keys"
    listing = {**CONFIG["list"], "next": "/data/keys/0/self"}
    with pytest.raises(Retryable, match="circles"):
        use.list(use.writer(list=listing))


@pytest.mark.parametrize("url", ["http://vendor.example", "ftp://vendor.example", "vendor.example"])
def test_only_https_leaves_this_machine(use, url):
    with pytest.raises(Fatal):
        use.writer(base_url=url)


def test_a_trial_sends_the_new_secret_and_nothing_else(use):
    made = use.issue()
    assert use.probe(made).works is True
    _, target, headers, _ = use.vendor.calls[-1]
    assert target == "/whoami"
    assert headers["x-api-key"] == made.secret["api_key"]
    assert "authorization" not in headers
    use.vendor.keys[made.id]["state"] = "off"
    found = use.probe(made)
    assert found.works is False
    assert made.secret["api_key"] not in found.detail


def test_a_trial_that_cannot_be_made_tells_nothing(use):
    made = use.issue()
    assert use.probe(made, probe=None).works is None
    assert use.probe(made, base_url="http://127.0.0.1:1").works is None
    assert use.probe(made, probe={"path": "/{secret.other}"}).works is None


def test_errors_and_attributes_hold_no_secret(use):
    """The vendor repeats the credential in its error; the message that people see does not."""
    with pytest.raises(Unauthenticated) as caught:
        use.list(use.writer(token="canary-wrong-token-77"))
    assert "canary-wrong-token-77" not in caught.value.message
    made = use.issue()
    assert made.secret["api_key"] not in repr(made)
    assert made.secret["api_key"] not in json.dumps(dict(use.list()[made.id]), default=str)
    assert SECRETS.redact(made.secret["api_key"]) == "(redacted)"


def test_a_missing_environment_variable_is_named(use):
    with pytest.raises(Fatal, match="VENDOR_TOKEN"):
        use.writer(token="")


def test_a_lost_answer_says_that_the_vendor_may_have_acted(use):
    writer = use.writer()
    use.vendor.lose = "POST"
    with pytest.raises(Retryable) as caught:
        use.issue(writer=writer)
    assert caught.value.committed is None
    assert len(use.vendor.keys) == 1


@pytest.mark.parametrize(
    "create",
    [{"id": "/key/nothing"}, {"secret": {"api_key": "/key/nothing"}}, {"secret": {"x": "/key"}}],
)
def test_an_answer_without_id_or_secret_is_no_success(use, create):
    writer = use.writer(create={**CONFIG["create"], **create})
    with pytest.raises(Retryable) as caught:
        use.issue(writer=writer)
    assert caught.value.committed is None


@pytest.mark.parametrize("listing", [{"items": "/data"}, {"items": "/x"}, {"id": "/x"}])
def test_an_answer_of_another_shape_is_no_empty_list(use, listing):
    use.vendor.make("k")
    with pytest.raises(Retryable):
        use.list(use.writer(list={**CONFIG["list"], **listing}))


def test_a_placeholder_without_a_value_is_never_sent(use):
    writer = use.writer(revoke={"path": "/api/keys/{identifier}"})
    made = use.issue()
    with pytest.raises(Invalid, match="identifier"):
        KIND.delete(writer, DeleteRequest(tenant=Http().tenant(writer), id=made.id, attributes={}))
    assert made.id in use.vendor.keys


def test_what_is_not_declared_is_unsupported(use):
    with pytest.raises(Unsupported, match="revoke"):
        KIND.delete(
            use.writer(revoke=None),
            DeleteRequest(tenant=Http().tenant(use.writer()), id="1", attributes={}),
        )


def test_the_block_decides_whether_credentials_can_be_switched(use):
    """One object is of one type only."""
    use.vendor.make("k")
    plain = Http().resources["http_credential"]
    assert use.list(kind=plain) == {}
    assert len(use.list(use.writer(disable=None), plain)) == 1
    assert use.list(use.writer(disable=None)) == {}
    with pytest.raises(Invalid, match="http_switchable_credential"):
        use.issue(kind=plain)
    assert not plain.credential.switchable


@pytest.mark.parametrize(
    ("block", "change", "word"),
    [
        ("list", {"id": "id"}, "list.id"),
        ("create", {"secret": {"k": "value"}}, "create.k"),
        ("create", {"body": "{name}"}, "create.body"),
        ("probe", {"body": "not json"}, "probe.body"),
    ],
)
def test_what_can_never_work_is_refused_before_any_call(use, block, change, word):
    with pytest.raises(Fatal, match=word):
        use.writer(**{block: {**CONFIG[block], **change}})
    assert use.vendor.calls == []


def test_a_reader_writes_nothing(use):
    reader = Http().reader(use.request())
    use.open.append(reader)
    with pytest.raises(Fatal, match="only reads"):
        use.issue(writer=reader)
    assert use.vendor.keys == {}


def test_without_rotation_it_is_a_manual_step(use):
    assert not KIND.creatable
    step = KIND.manual(Transition(before=None, after={"name": "x"}))
    assert "deliver_to" in step.instructions
