"""A credential of a vendor that no provider knows, rotated by the engine into a tiny vault."""

from __future__ import annotations

import pytest

from perimeter.testing.ladder import nothing_secret
from perimeter.testing.workspace import Workspace
from perimeter_http.provider import Http
from tests.providers.http.vendor import ADMIN, Vendor, running
from tests.rotation.conftest import Rotated

CONFIG = """
provider "http" {{
  base_url = "{url}"
  headers  = {{ Authorization = "Bearer {{env.VENDOR_TOKEN}}" }}

  list {{
    path         = "/api/keys"
    items        = "/data/keys"
    id           = "/id"
    name         = "/label"
    created_at   = "/created"
    last_used_at = "/used"
    active       = "/state"
    active_value = "on"
    next         = "/next"
    next_path    = "/api/keys?from={{next}}"
  }}
  create {{
    path   = "/api/keys"
    body   = jsonencode({{ label = "{{name}}", scope = "{{parameters.scope}}" }})
    id     = "/key/id"
    secret = {{ api_key = "/key/value" }}
  }}
  revoke  {{ path = "/api/keys/{{id}}" }}
  disable {{ path = "/api/keys/{{id}}/off" }}
  enable  {{ path = "/api/keys/{{id}}/on" }}
  probe {{
    path    = "/whoami"
    headers = {{ X-API-Key = "{{secret.api_key}}" }}
  }}
}}

resource "tiny_vault" "vault" {{
  name = "vault"
}}

resource "http_switchable_credential" "export" {{
  name       = "export"
  parameters = {{ scope = "read" }}
  rotation {{
    max_age    = "90d"
    overlap    = "7d"
    quarantine = "1d"
    deliver_to = [tiny_vault.vault]
    verify {{
      by = "probe"
    }}
  }}
}}
"""
ADDRESS = "http_switchable_credential.export"


class Declared(Rotated):
    """The vendor on loopback, with the clock of the test."""

    def opened(self, url):
        self.vendor = Vendor()
        make = self.vendor.make
        self.vendor.make = lambda name, **more: make(
            name, created=int(self.moment.timestamp()), **more
        )
        self.work = Workspace(
            directory=self.directory,
            providers={"tiny": self.provider, "http": Http()},
            environment={"VENDOR_TOKEN": ADMIN},
            now=lambda: self.moment,
        )
        self.work.write(CONFIG.format(url=url))
        return self

    def accepted(self):
        """Whether what consumers read opens the vendor's door."""
        key = self.secret("vault")["api_key"]
        return any(k["secret"] == key and k["state"] == "on" for k in self.vendor.keys.values())


@pytest.fixture
def declared(tmp_path):
    it = Declared(tmp_path / "work")
    holder = {}

    class Late:
        """The vendor that is there once the address is known."""

        def __getattr__(self, name):
            return getattr(holder["vendor"], name)

        def __setattr__(self, name, value):
            setattr(holder["vendor"], name, value)

    with running(Late()) as url:
        it.opened(url)
        holder["vendor"] = it.vendor
        yield it


def test_a_declared_credential_goes_through_all_stages(declared):
    stages = []
    declared.applied()
    first = declared.secret("vault")["api_key"]
    assert declared.accepted()
    for _ in range(110):
        declared.later(days=1)
        declared.applied()
        assert declared.accepted()
        on = sorted(key["state"] for key in declared.vendor.keys.values())
        if not stages or stages[-1] != on:
            stages.append(on)
    assert stages == [["on"], ["on", "on"], ["off", "on"], ["on"]]
    second = declared.secret("vault")["api_key"]
    assert second != first
    assert [key["body"] for key in declared.vendor.keys.values()] == [
        {"label": "export", "scope": "read"}
    ]
    files = [path for path in declared.directory.rglob("*") if path.is_file()]
    nothing_secret([first, second, ADMIN], files, [str(event) for event in declared.work.events])


def test_an_answer_that_got_lost_leaves_no_orphan(declared):
    declared.vendor.lose = "POST"
    declared.apply()
    for _ in range(3):
        declared.later(days=8)
        declared.apply()
    assert declared.accepted()
    assert len(declared.vendor.keys) == 1


def test_the_previous_one_is_given_back_when_somebody_removes_the_new_one(declared):
    """Both have one name; the one that is gone is not taken for replaced by the other."""
    declared.applied()
    first = declared.secret("vault")["api_key"]
    declared.later(days=91)
    declared.applied()
    assert declared.secret("vault")["api_key"] != first
    [newest] = [key for key in declared.vendor.keys.values() if key["secret"] != first]
    del declared.vendor.keys[newest["id"]]
    declared.later(days=1)
    declared.applied()
    assert declared.accepted()
