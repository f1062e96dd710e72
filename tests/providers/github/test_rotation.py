"""Deploy keys, webhook secrets and app keys as credentials that are rotated."""

import hashlib
import hmac
import json
from datetime import datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from perimeter.sandbox.faults import Fault
from perimeter.sdk import SECRETS, Direction, Invalid, ProbeRequest, Retryable, Tenant

from .rotating import issued
from .world import APP, MEMBER, seed, world_of


@pytest.fixture
def keys(acting):
    return acting("deploy_key")


@pytest.fixture
def secrets(acting):
    return acting("organization_webhook_secret")


def test_a_new_deploy_key_reaches_the_repository_and_so_does_the_old_one(keys, world):
    """The issued private half opens the repository by SSH; what was there before stays."""
    before = set(keys.objects())
    first = issued(keys, repository="api", title="deploy", read_only=True)
    second = issued(keys, previous=first.id, repository="api", title="deploy", read_only=True)
    assert set(keys.objects()) == before | {first.id, second.id}
    for made in (first, second):
        assert set(made.secret) == set(keys.kind.credential.members)
        assert world.vendor.reaches("acme", "api", made.secret["private_key"])
        assert not world.vendor.reaches("acme", "billing", made.secret["private_key"])
    keys.delete(first.id, **keys.read(first.id).attributes)
    assert not world.vendor.reaches("acme", "api", first.secret["private_key"])
    assert world.vendor.reaches("acme", "api", second.secret["private_key"])


def test_an_issued_key_is_the_object_that_is_read_back(keys):
    made = issued(keys, repository="api", title="two words", read_only=False)
    found = keys.read(made.id).attributes
    assert found["read_only"] is False
    assert found["title"] == "two words"
    assert found["fingerprint"] == made.attributes["fingerprint"]
    assert found["key_id"] == made.attributes["key_id"]
    assert made.secret["public_key"].split()[:2] == found["key"].split()[:2]
    assert made.secret["public_key"].split()[2] == "two-words"


def test_a_key_tells_when_it_was_used(keys, world):
    made = issued(keys, repository="api", title="deploy")
    kind = keys.kind.credential
    assert keys.read(made.id).attributes[kind.last_used_at] is None
    world.vendor.reaches("acme", "api", made.secret["private_key"])
    used = keys.read(made.id).attributes[kind.last_used_at]
    assert datetime.fromisoformat(used) >= datetime.fromisoformat(
        keys.read(made.id).attributes[kind.created_at]
    )


def test_the_private_half_is_known_as_a_secret_and_travels_nowhere(keys, world):
    """Not in the request, not in the answer's attributes, not in a printed value."""
    made = issued(keys, repository="api", title="deploy")
    private = made.secret["private_key"]
    assert "PRIVATE KEY" not in json.dumps(dict(made.attributes))
    assert "PRIVATE KEY" not in repr(made)
    assert SECRETS.redact(f"see {private}") != f"see {private}"
    assert "PRIVATE KEY" not in json.dumps(world.vendor.dump())


def test_a_lost_answer_says_that_github_may_have_acted(keys, world):
    world.sandbox.faults.add(Fault(kind="lost", method="POST", path="/repos/acme/api/keys"))
    with pytest.raises(Retryable) as caught:
        issued(keys, repository="api", title="deploy")
    assert caught.value.committed is None
    assert len([one for one in keys.objects().values() if one["title"] == "deploy"]) == 2


def test_a_deploy_key_without_key_or_rotation_is_refused_in_words(keys, world):
    world.calls.clear()
    with pytest.raises(Invalid, match="rotation block"):
        keys.create(repository="api", title="x", read_only=True)
    assert world.calls.count(method="POST", path="/repos/*") == 0


def test_a_new_webhook_secret_signs_from_then_on(secrets, world):
    """The object stays: its id is the webhook's, before and after, and the rest of the webhook is kept."""
    before = world.organization["hooks"][0] | {}
    made = issued(secrets, previous="601", webhook="601")
    assert made.id == "601"
    signature = world.vendor.signature("acme", 601, b"{}")
    expected = hmac.new(made.secret["secret"].encode(), b"{}", hashlib.sha256).hexdigest()
    assert signature == f"sha256={expected}"
    after = world.organization["hooks"][0]
    assert {n: after[n] for n in ("url", "events", "insecure_ssl", "active")} == {
        n: before[n] for n in ("url", "events", "insecure_ssl", "active")
    }
    assert before["secret"] != after["secret"]
    assert secrets.kind.credential.ends_previous
    assert secrets.kind.credential.limit == 1


def test_only_webhooks_with_a_secret_have_one(secrets):
    assert set(secrets.objects()) == {"601"}
    assert secrets.read("602") is None
    assert secrets.read("999") is None
    issued(secrets, webhook="602")
    assert set(secrets.objects()) == {"601", "602"}
    assert secrets.read("602").attributes["url"] == "https://chat.example/hook"


def test_removing_a_webhook_secret_keeps_the_webhook(secrets, world):
    secrets.delete("601", **secrets.read("601").attributes)
    assert world.vendor.signature("acme", 601, b"{}") == ""
    hook = world.organization["hooks"][0]
    assert hook["url"] == "https://siem.example/github"
    assert hook["events"] == ["*"]
    assert secrets.read("601") is None
    after = secrets.transition({"webhook": "601"}, None)
    assert secrets.kind.direction(after) is Direction.WIDENS


def test_a_webhook_secret_without_rotation_is_a_manual_step(secrets):
    """perimeter makes no secret that nobody would know."""
    assert not secrets.kind.creatable
    step = secrets.kind.manual(secrets.transition(None, {"webhook": "602"}))
    assert "deliver_to" in step.instructions
    assert step.url == "https://github.com/organizations/acme/settings/hooks"
    assert secrets.kind.manual(secrets.transition({"webhook": "602"}, None)) is None


def test_a_member_may_not_set_a_webhook_secret(acting):
    from perimeter.sdk import Forbidden, NotFound

    member = acting("organization_webhook_secret", MEMBER)
    with pytest.raises((Forbidden, NotFound)):
        issued(member, webhook="601")


@pytest.fixture
def app_world(tmp_path):
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    content = seed()
    content["apps"][0]["public_key"] = (
        private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    text = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
    with world_of(content, tmp_path) as world:
        yield world, text


def _probe(world, private_key, app_id="303"):
    kind = world.kind("app_private_key")
    request = ProbeRequest(
        tenant=Tenant(id="7001", name="acme"),
        id="acme-deploy",
        secret={"private_key": private_key, "app_id": app_id},
        config={"base_url": world.sandbox.url("github")},
    )
    return kind.credential.probe(request)


def test_an_app_key_is_tried_by_what_it_signs(app_world):
    world, private = app_world
    assert _probe(world, private).works is True
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    assert _probe(world, other.decode()).works is False
    assert _probe(world, "no key").works is False
    assert _probe(world, private, app_id="").works is None


def test_an_app_key_that_cannot_be_tried_is_neither_good_nor_bad(app_world):
    world, private = app_world
    world.sandbox.faults.add(Fault(kind="status", path="/app", times=-1))
    assert _probe(world, private).works is None


def test_a_new_app_key_is_made_by_hand(world):
    kind = world.kind("app_private_key")
    assert not kind.credential.issuable
    attributes = {
        "app": "acme-deploy",
        "organization": "acme",
        "fingerprint": "SHA256:x",
        "added_at": "2026-01-31",
    }
    step = kind.credential.by_hand(attributes, Tenant(id="7001", name="acme"))
    assert step.url == "https://github.com/organizations/acme/settings/apps/acme-deploy"
    assert "Generate a private key" in step.instructions


def test_the_age_of_an_app_key_is_what_its_declaration_says(world):
    from perimeter.sdk import Transition

    kind = world.kind("app_private_key")
    declared = {"app": "acme-deploy", "fingerprint": "SHA256:x", "added_at": "2026-01-31"}
    planned = kind.plan(Transition(before=None, after=declared))
    assert planned["created_at"] == "2026-01-31T00:00:00Z"
    assert planned["id"] == "acme-deploy"
    (facet,) = kind.facets(planned)
    assert facet.created_at == planned["created_at"]
    wrong = dict(kind.validate({**declared, "added_at": "January", "fingerprint": "x"}))
    assert set(wrong) == {("added_at",), ("fingerprint",)}


def test_apps_rotate_deploy_keys_with_administration(acting, world):
    made = issued(acting("deploy_key", APP), repository="api", title="deploy")
    assert world.vendor.reaches("acme", "api", made.secret["private_key"])
