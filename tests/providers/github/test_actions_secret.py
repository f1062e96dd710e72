"""GitHub Actions secrets as sinks: sealed boxes that the emulated GitHub opens with its private key."""

import json

import pytest

from perimeter.sandbox.faults import Fault
from perimeter.sdk import (
    SECRETS,
    Direction,
    Forbidden,
    Invalid,
    Retryable,
    SinkRequest,
    Unsupported,
)
from perimeter_github.actions_secret import EMPTY

from .rotating import delivered
from .world import FINE, SMALL_APP

VALUE = json.dumps({"private_key": "-----BEGIN é-----\nline\n-----END-----\n", "id": "7"})


@pytest.fixture
def with_environment(world):
    world.organization["repositories"][0]["environments"] = {"prod": {}, "test": {}}
    return world


CASES = [
    ("actions_secret", {"repository": "api"}, "api/DEPLOY_KEY"),
    (
        "actions_environment_secret",
        {"repository": "api", "environment": "prod"},
        "api/prod/DEPLOY_KEY",
    ),
    ("actions_organization_secret", {"visibility": "private"}, "DEPLOY_KEY"),
]


def _where(attributes):
    return {n: v for n, v in attributes.items() if n in ("repository", "environment")}


@pytest.mark.parametrize(("name", "attributes", "identifier"), CASES)
def test_what_is_delivered_is_what_a_workflow_reads(
    acting, with_environment, name, attributes, identifier
):
    secret = acting(name)
    made = secret.create(name="deploy_key", **attributes)
    assert made.id == identifier
    vendor = with_environment.vendor
    assert vendor.secret("acme", "DEPLOY_KEY", **_where(attributes)) == EMPTY
    first = delivered(secret, made.id, VALUE)
    assert vendor.secret("acme", "DEPLOY_KEY", **_where(attributes)) == VALUE
    assert first.version == secret.read(made.id).attributes["updated_at"]
    delivered(secret, made.id, "2")
    assert vendor.secret("acme", "DEPLOY_KEY", **_where(attributes)) == "2"
    assert made.id in secret.objects()
    secret.delete(made.id, **secret.read(made.id).attributes)
    assert secret.read(made.id) is None
    assert made.id not in secret.objects()


@pytest.mark.parametrize(("name", "attributes", "identifier"), CASES)
def test_a_value_goes_out_sealed_and_never_comes_back(
    acting, with_environment, name, attributes, identifier
):
    secret = acting(name)
    made = secret.create(name="deploy_key", **attributes)
    seen = []
    with_environment.sandbox.on_exchange = lambda _, request, response: seen.append(
        (request.body, response.body)
    )
    delivered(secret, made.id, "a-very-private-value")
    assert seen
    assert "a-very-private-value" not in repr(seen)
    assert "a-very-private-value" not in repr(secret.read(made.id))
    assert SECRETS.redact("a-very-private-value") == "(redacted)"
    sink = secret.kind.sink
    assert not sink.readable
    assert not sink.versioned
    with pytest.raises(Unsupported):
        sink.fetch(secret.client, SinkRequest(tenant=secret.tenant, id=made.id, attributes={}))


def test_every_delivery_asks_for_the_present_public_key(acting, world):
    """GitHub may change its key at any time; one from before the change is refused."""
    secret = acting("actions_secret")
    made = secret.create(name="TOKEN", repository="api")
    repository = world.vendor._content.repository("acme", "api")
    del repository["actions_key"]
    delivered(secret, made.id, "after")
    assert world.vendor.secret("acme", "TOKEN", "api") == "after"


def test_a_value_that_is_too_long_is_refused_before_anything_is_sent(acting, world):
    secret = acting("actions_secret")
    made = secret.create(name="TOKEN", repository="api")
    world.calls.clear()
    with pytest.raises(Invalid, match="48 KB"):
        delivered(secret, made.id, "x" * (48 * 1024 + 1))
    assert world.calls.count(method="PUT") == 0
    delivered(secret, made.id, "x" * (48 * 1024))


def test_an_update_that_github_does_not_show_is_no_success(acting, world, monkeypatch):
    """GitHub says yes and shows the old date: nobody can tell whether consumers get the new value."""
    import perimeter_github.sandbox.action_secrets as vendor_side
    import perimeter_github.secret_places as provider_side

    monkeypatch.setattr(provider_side, "_PAUSE", 0.0)
    secret = acting("actions_secret")
    made = secret.create(name="TOKEN", repository="api")
    shown = vendor_side._shown

    def stale(found, organization, request):
        return shown({**found, "updated_at": "2020-01-01T00:00:00Z"}, organization, request)

    monkeypatch.setattr(vendor_side, "_shown", stale)
    with pytest.raises(Retryable) as caught:
        delivered(secret, made.id, "value-of-mine")
    assert caught.value.committed is None
    assert "value-of-mine" not in caught.value.message


def test_an_answer_that_is_lost_is_unsure(acting, world):
    secret = acting("actions_secret")
    made = secret.create(name="TOKEN", repository="api")
    world.sandbox.faults.add(Fault(kind="lost", method="PUT", path="/repos/*"))
    with pytest.raises(Retryable) as caught:
        delivered(secret, made.id, "v2-secret")
    assert caught.value.committed is None
    delivered(secret, made.id, "v2-secret")
    assert world.vendor.secret("acme", "TOKEN", "api") == "v2-secret"


def test_who_reads_an_organization_secret_survives_a_delivery(acting, world):
    secret = acting("actions_organization_secret")
    made = secret.create(
        name="TOKEN", visibility="selected", selected_repositories=["api", "billing"]
    )
    delivered(secret, made.id, "new-value")
    found = secret.read(made.id).attributes
    assert found["visibility"] == "selected"
    assert found["selected_repositories"] == ["api", "billing"]
    assert secret.hydrate(made.id)[made.id] == {"selected_repositories": ["api", "billing"]}
    secret.update(made.id, selected_repositories=["api"])
    assert secret.read(made.id).attributes["selected_repositories"] == ["api"]
    assert world.vendor.secret("acme", "TOKEN") == "new-value"
    secret.update(made.id, visibility="all", selected_repositories=[])
    assert secret.read(made.id).attributes["visibility"] == "all"
    assert world.vendor.secret("acme", "TOKEN") == "new-value"


def test_more_readers_widen(acting):
    secret = acting("actions_organization_secret")

    def judged(before, after):
        return secret.kind.direction(secret.transition(before, after))

    few = {"visibility": "selected", "selected_repositories": ["api"]}
    more = {"visibility": "selected", "selected_repositories": ["api", "billing"]}
    assert judged(few, more) is Direction.WIDENS
    assert judged(more, few) is Direction.NARROWS
    assert judged({"visibility": "private"}, {"visibility": "all"}) is Direction.WIDENS
    assert judged({"visibility": "all"}, few) is Direction.NARROWS
    assert judged({"visibility": "private"}, few) is Direction.UNKNOWN


def test_without_the_right_secrets_are_unseen_not_absent(acting):
    for name in ("actions_secret", "actions_organization_secret"):
        for token in (SMALL_APP, FINE):
            with pytest.raises(Forbidden) as caught:
                acting(name, token).list()
            assert "secrets=read" in caught.value.needs


@pytest.mark.parametrize(
    ("name", "text", "identifier"),
    [
        ("actions_secret", "api/deploy_key", "api/DEPLOY_KEY"),
        ("actions_secret", "acme/API/X", "api/X"),
        ("actions_environment_secret", "api/release/prod/X", "api/release/prod/X"),
        ("actions_organization_secret", "x", "X"),
    ],
)
def test_ids_as_people_write_them(acting, name, text, identifier):
    secret = acting(name)
    assert secret.kind.import_key(text, secret.tenant) == {"id": identifier}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("actions_secret", "X"),
        ("actions_secret", "a/b/c"),
        ("actions_environment_secret", "api/X"),
        ("actions_organization_secret", "api/X"),
    ],
)
def test_ids_that_name_nothing(acting, name, text):
    secret = acting(name)
    with pytest.raises(ValueError, match="does not name"):
        secret.kind.import_key(text, secret.tenant)


@pytest.mark.parametrize("name", ["GITHUB_X", "1X", "A-B", "", "a b"])
def test_names_that_github_refuses(acting, name):
    secret = acting("actions_secret")
    assert list(secret.kind.validate({"name": name, "repository": "api"}))
    assert not list(secret.kind.validate({"name": "_A1", "repository": "api"}))
