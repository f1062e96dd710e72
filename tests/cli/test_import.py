"""``perimeter import``: an object that exists becomes a resource instance; no tenant is changed."""

import json
import time
from pathlib import Path

import pytest

from perimeter.sandbox.server import Sandbox
from perimeter.state.claims import read_claims
from perimeter.state.local import LocalBackend
from perimeter_okta.sandbox.vendor import Okta
from tests.providers.okta import seed as okta

GOLDEN = Path(__file__).parent.parent / "golden"
DATA = 'resource "perimeter_data" "zz" {}\n'
OKTA = """
provider "okta" {{
  org_url = "{url}"
  token   = "{token}"
}}
resource "okta_group" "g" {{
  name        = "{name}"
  description = "another one"
}}
"""


def held():
    return LocalBackend().load().state


def test_it_reads_like_terraforms(cli):
    """The same lines, the same state; the configuration's wishes come with the next plan."""
    cli.write(DATA.replace("{}", '{\n  input = "x"\n}'))
    assert cli.ok("import", "perimeter_data.zz", "foo") == (
        'perimeter_data.zz: Importing from ID "foo"...\n'
        "perimeter_data.zz: Import prepared!\n"
        "  Prepared perimeter_data for import\n"
        "perimeter_data.zz: Refreshing state... [id=foo]\n"
        "\n"
        "Import successful!\n"
        "\n"
        "The resources that were imported are shown above. These resources are now in\n"
        "your perimeter state and will henceforth be managed by perimeter.\n"
        "\n"
    )
    assert cli.ok("state", "show", "perimeter_data.zz") == (
        '# perimeter_data.zz:\nresource "perimeter_data" "zz" {\n    id = "foo"\n}\n'
    )
    assert held().serial == 1
    out = cli.ok("plan")
    assert '+ input  = "x"' in out
    assert "0 to add, 1 to change, 0 to destroy" in out


@pytest.mark.parametrize(
    ("words", "summary", "detail"),
    [
        (
            ("perimeter_data.yy", "foo"),
            "Configuration for import target does not exist",
            'resource "perimeter_data" "yy" {\n  # (resource arguments)\n}',
        ),
        (
            ('perimeter_data.zz["a"]', "foo"),
            "Configuration for import target does not exist",
            "All target instances\nmust have an associated configuration",
        ),
        (
            ("module.m.perimeter_data.zz", "foo"),
            "Configuration for import target does not exist",
            "which the configuration does not call",
        ),
        (("data.x.y", "foo"), "A managed resource address is required", "not allowed"),
        (("perimeter_data", "foo"), "Invalid address", ""),
        (("perimeter_data.zz", ""), "Invalid import id", ""),
    ],
)
def test_what_cannot_be_imported_to(cli, words, summary, detail):
    """Nothing is written."""
    cli.write(DATA)
    result = cli("import", *words)
    assert (result.code, summary in result.err) == (1, True), result
    assert detail in result.err
    assert not Path("perimeter.state.json").exists()


def test_what_state_holds_is_not_overwritten(cli):
    """It must be forgotten first."""
    cli.write(DATA)
    cli.ok("import", "perimeter_data.zz", "foo")
    result = cli("import", "perimeter_data.zz", "bar")
    assert "Resource already managed by perimeter" in result.err
    assert "perimeter state rm 'perimeter_data.zz'" in result.err
    assert held().serial == 1


def test_one_object_is_one_instance(cli):
    """The other address is named."""
    cli.write(DATA + DATA.replace("zz", "yy"))
    cli.ok("import", "perimeter_data.zz", "foo")
    result = cli("import", "perimeter_data.yy", "foo")
    assert "Object already managed by perimeter" in result.err
    assert "perimeter_data.zz" in result.err


def test_an_import_block_for_the_same_instance_is_no_obstacle(cli):
    """The command line decides, and the block is done with then."""
    cli.write(DATA + 'import {\n  to = perimeter_data.zz\n  id = "other"\n}\n')
    cli.ok("import", "perimeter_data.zz", "foo")
    assert "No changes." in cli.ok("plan")


@pytest.fixture
def tenant(cli):
    with Sandbox({"okta": Okta(okta.seed(), time.time)}) as sandbox:
        cli.write(OKTA.format(url=sandbox.url("okta"), token=okta.TOKEN, name="Sales"))
        yield cli, sandbox, okta.SALES


def test_an_object_of_a_tenant(tenant, monkeypatch):
    """It is read and not written; the difference is for the next plan; evidence and serial say that it happened."""
    cli, sandbox, identifier = tenant
    monkeypatch.setenv("PERIMETER_APPROVER", "mo")
    cli.ok("import", "okta_group.g", identifier)
    assert {call.method for call in sandbox.calls.entries} == {"GET"}
    item = held().resources["okta_group.g"].current()
    assert (item.id, bool(item.tenant), held().serial) == (identifier, True, 1)
    line = Path("perimeter.state.json.evidence.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    entry = json.loads(line)
    assert (entry["operation"], entry["approver"], entry["object"]) == ("import", "mo", identifier)
    members = read_claims(LocalBackend().registry()).members
    assert members[held().lineage].objects == {item.tenant: {"okta_group": (identifier,)}}
    out = cli.ok("plan")
    assert "another one" in out
    assert "0 to add, 1 to change, 0 to destroy" in out


def test_what_does_not_exist(tenant):
    """Terraform's words."""
    cli, _, _ = tenant
    result = cli("import", "okta_group.g", "nothing-like-this")
    assert (result.code, "Cannot import non-existent object" in result.err) == (1, True)
    assert not Path("perimeter.state.json").exists()
