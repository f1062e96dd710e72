"""One credential in Vault, in Google's Secret Manager and in an age file at once, rotated by the engine."""

from __future__ import annotations

import base64
import json
import tempfile

import pyrage
import pytest

from perimeter.sandbox.faults import Fault
from perimeter.sandbox.server import Sandbox
from perimeter.testing.ladder import nothing_secret
from perimeter.testing.workspace import Workspace
from perimeter_age.provider import Age
from perimeter_google.provider import Google
from perimeter_google.sandbox.vendor import Google as GoogleVendor
from perimeter_vault.provider import Vault
from perimeter_vault.sandbox.vendor import Vault as VaultVendor
from tests.rotation.conftest import RULE, Rotated

VAULT_TOKEN, GOOGLE_TOKEN = "hvs.rotates-with-this", "ya29.rotates-with-this"
PERMISSIONS = [
    "resourcemanager.projects.get",
    *(f"secretmanager.secrets.{verb}" for verb in ("list", "get", "create", "update", "delete")),
    *(f"secretmanager.versions.{verb}" for verb in ("add", "get", "access", "disable")),
]


class Delivered(Rotated):
    """A workspace whose key goes to three sinks of three vendors."""

    def __init__(self, directory):
        super().__init__(directory)
        self.identity = pyrage.x25519.Identity.generate()
        vault = {
            "cluster_id": "cluster-1",
            "tokens": {VAULT_TOKEN: {"policies": ["root"]}},
        }
        google = {
            "project": {"id": "acme-prod", "number": "415104041262"},
            "tokens": {GOOGLE_TOKEN: {"permissions": PERMISSIONS}},
        }
        clock = lambda: self.moment.timestamp()  # noqa: E731 - one clock for all
        self.sandbox = Sandbox(
            {"vault": VaultVendor(vault, clock), "google": GoogleVendor(google, clock)},
            clock=clock,
        )

    def opened(self):
        """Three sinks, and the key."""
        self.work = Workspace(
            directory=self.directory,
            providers={
                "tiny": self.provider,
                "vault": Vault(),
                "google": Google(),
                "age": Age(),
            },
            environment={
                "VAULT_ADDR": self.sandbox.url("vault"),
                "VAULT_TOKEN": VAULT_TOKEN,
                "GOOGLE_OAUTH_ACCESS_TOKEN": GOOGLE_TOKEN,
                "GOOGLE_CLOUD_PROJECT": "acme-prod",
                "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER": self.sandbox.url("google"),
                "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER": self.sandbox.url("google"),
            },
            now=lambda: self.moment,
        )
        self.work.write(f"""
            resource "vault_kv_secret" "billing" {{
              mount = "secret"
              path  = "billing/key"
            }}
            resource "google_secret_manager_secret" "billing" {{
              secret_id = "billing-key"
            }}
            resource "age_file" "billing" {{
              path       = "secrets/billing.age"
              recipients = ["{self.identity.to_public()}"]
            }}
            resource "tiny_pass" "key" {{
              user = "billing"
              rotation {{
                {RULE}
                deliver_to = [
                  vault_kv_secret.billing,
                  {{ to = google_secret_manager_secret.billing, member = "password" }},
                  age_file.billing,
                ]
              }}
            }}
        """)
        return self

    def held(self):
        """The password that consumers of each sink get."""
        secret = self.sandbox.vendors["vault"].dump()["mounts"]["secret"]["secrets"]["billing/key"]
        in_vault = secret["versions"][str(secret["current_version"])]["data"]["password"]
        versions = self.sandbox.vendors["google"].dump()["secrets"]["billing-key"]["versions"]
        newest = versions[str(max(map(int, versions)))]
        assert newest["state"] == "ENABLED"
        in_google = base64.b64decode(newest["data"]).decode()
        content = (self.directory / "secrets" / "billing.age").read_bytes()
        in_file = json.loads(pyrage.decrypt(content, [self.identity]))["password"]
        return in_vault, in_google, in_file


@pytest.fixture
def delivered(tmp_path):
    made = Delivered(tmp_path / "work")
    with made.sandbox:
        yield made.opened()
    assert made.sandbox.problems == []


def test_every_sink_gets_each_new_one(delivered):
    """The first apply issues; 90 days later another one is everywhere, and the first is nowhere read from."""
    delivered.applied()
    (first,) = set(delivered.held())
    assert delivered.plan().is_empty
    delivered.later(days=90)
    delivered.applied()
    (second,) = set(delivered.held())
    assert first != second
    delivered.later(hours=1)
    assert delivered.rotation().stage == "delivered"
    places = [delivered.directory]
    nothing_secret(
        [first, second, VAULT_TOKEN, GOOGLE_TOKEN], places, [repr(delivered.work.events)]
    )


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", status=403, vendor="google", method="POST", path="*:addVersion"),
        Fault(kind="status", status=403, vendor="vault", method="POST", path="/v1/secret/data/*"),
    ],
)
def test_one_sink_that_refuses_takes_the_others_back(delivered, fault):
    """No consumer is left with a credential that is about to be destroyed; the next apply delivers to all."""
    delivered.applied()
    (first,) = set(delivered.held())
    delivered.later(days=90)
    delivered.sandbox.faults.add(fault)
    outcome = delivered.work.apply()
    assert [r for r in outcome.applied.results if r.status == "failed"] or outcome.errors
    assert set(delivered.held()) == {first}
    assert delivered.orphans() == set()
    delivered.later(days=2)
    delivered.applied()
    (second,) = set(delivered.held())
    assert second != first


def test_a_write_that_cannot_reach_the_file_takes_the_others_back(delivered, monkeypatch):
    """The disk is full: the vendors' sinks hold what they held before."""
    delivered.applied()
    (first,) = set(delivered.held())
    delivered.later(days=90)

    real = tempfile.mkstemp

    def full(prefix="", **more):
        if prefix.startswith(".billing.age"):
            raise OSError(28, "No space left on device")
        return real(prefix=prefix, **more)

    with monkeypatch.context() as patched:
        patched.setattr("perimeter_age.files.tempfile.mkstemp", full)
        outcome = delivered.work.apply()
    told = [*outcome.errors, *(r.text for r in outcome.applied.results if r.status == "failed")]
    assert any("No space left" in text for text in told), told
    assert set(delivered.held()) == {first}


def test_an_answer_that_is_lost_stores_once(delivered):
    """The engine repeats the delivery, and the sink recognises it."""
    delivered.applied()
    delivered.later(days=90)
    delivered.sandbox.faults.add(Fault(kind="lost", vendor="vault", method="POST", path="*/data/*"))
    lost = Fault(kind="lost", vendor="google", method="POST", path="*:addVersion")
    delivered.sandbox.faults.add(lost)
    delivered.applied()
    assert len(set(delivered.held())) == 1
    secret = delivered.sandbox.vendors["google"].dump()["secrets"]["billing-key"]
    assert sorted(secret["versions"]) == ["1", "2"]
