"""Approvals from plan to apply, ``-narrowing-only``, ``-fail-on``, and a saved plan that is taken up again."""

import base64
import json
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

CONFIG = """
resource "perimeter_data" "a" {
  input = "one"
}

resource "perimeter_data" "b" {
  input = "of ${perimeter_data.a.id}"
}
"""


def pair(seed):
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    public = key.public_key().public_bytes_raw()
    return base64.b64encode(bytes([seed]) * 32).decode(), base64.b64encode(public).decode()


PRIVATE, PUBLIC = pair(7)
OTHER_PRIVATE, OTHER_PUBLIC = pair(8)


@pytest.fixture
def signing(cli, monkeypatch):
    """Alice signs, and her signature counts."""
    monkeypatch.setenv("PERIMETER_APPROVAL_KEY", PRIVATE)
    monkeypatch.setenv("PERIMETER_APPROVAL_PUBLIC_KEYS", f"alice={PUBLIC}")
    cli.write(CONFIG)
    return cli


def approve(cli, *arguments, plan="p"):
    return cli.ok("approve", "-by=alice", "-yes", *arguments, plan)


def refused(result, *words):
    said = " ".join(result.err.split())
    assert result.code == 1, result
    for word in words:
        assert word in said, said


def test_from_plan_to_apply(signing):
    """Plan, look, sign, verify, apply without being asked; the approver is in the evidence."""
    signing.ok("plan", "-out=p")
    shown = signing.ok("approve", "-by=alice", "-note=ticket 7", "p", typed="yes\n")
    assert "Leaves access as it is: 2 changes" in shown
    assert "Do you approve these changes?" in shown
    assert "alice approved 2 changes until" in shown
    verified = signing.ok("approve", "verify", "p.approval")
    assert "p.approval is genuine and counts." in verified
    assert "ticket 7" in verified
    assert "Resources: 2 added" in signing.ok("apply", "-approved=p.approval")
    lines = next(signing.directory.glob("*.evidence.jsonl")).read_text().splitlines()
    assert all("alice (approval " in json.loads(line)["approver"] for line in lines)


def test_no_is_no(signing):
    """Nothing is written, and nobody is asked where nobody can be."""
    signing.ok("plan", "-out=p")
    result = signing("approve", "-by=alice", "p", typed="no\n")
    assert (result.code, "Nothing was approved." in result.out) == (1, True)
    assert not (signing.directory / "p.approval").exists()
    refused(signing("approve", "p"), "Who approves is missing")
    refused(signing("approve", "-by=alice", "-yes", "-only=x.y", "p"), "No such change in the plan")
    approve(signing)
    refused(signing("approve", "-by=alice", "-yes", "p"), "Approval exists already")


def test_a_part_is_approved(signing):
    """The rest is named, with what depends on it, and is no failure."""
    signing.ok("plan", "-out=p")
    approve(signing, "-only=perimeter_data.b", "-out=b.approval")
    out = signing.ok("apply", "-approved=b.approval")
    assert "Held back, not made: 2 changes." in out
    assert "perimeter_data.a: not approved" in out
    assert "perimeter_data.b: it depends on perimeter_data.a" in out
    assert signing.ok("state", "list") == ""
    approve(signing, "-only=perimeter_data.a", "-out=a.approval")
    assert "2 added" in signing.ok("apply", "-approved=a.approval", "-approved=b.approval")
    out = signing.ok("apply", "-approved=a.approval")
    assert "Approved, and nothing is left to do about it: perimeter_data.a." in out


def test_what_would_be_another_effect_is_not_made(signing):
    """It is named with what differs, and the apply has not done what it was asked for: 1."""
    signing.ok("plan", "-out=p")
    approve(signing)
    signing.write(CONFIG.replace("one", "two"))
    result = signing("apply", "-approved=p.approval")
    assert result.code == 1
    assert (
        "perimeter_data.a: not approved any more: input would become something else" in result.out
    )
    assert "perimeter_data.b: it depends on perimeter_data.a" in result.out


def test_a_saved_plan_under_an_approval(signing):
    """Both must allow it."""
    signing.ok("plan", "-out=p")
    approve(signing, "-only=perimeter_data.a")
    out = signing.ok("apply", "-approved=p.approval", "p")
    assert "perimeter_data.b: not approved" in out
    assert signing.ok("state", "list").split() == ["perimeter_data.a"]


def test_approvals_that_do_not_count(signing, monkeypatch):
    """Each fails closed, under its own name, before anything is read or done."""
    signing.ok("plan", "-out=p")
    approve(signing)
    path = signing.directory / "p.approval"
    good = path.read_bytes()

    def apply():
        return signing("apply", "-approved=p.approval")

    path.write_bytes(good.replace(b'"by": "alice"', b'"by": "bob"'))
    refused(apply(), "Checksum mismatch in approval")
    from perimeter.engine.approvals import read
    from perimeter.state.envelope import wrap

    document = json.loads(json.dumps(json.loads(good)["content"]))
    for edit, words in (
        ({"by": "bob"}, "Invalid approval signature"),
        ({"expires_at": "2099-01-01T00:00:00Z"}, "Invalid approval signature"),
        ({"changes": document["approval"]["changes"][:1]}, "Invalid approval signature"),
    ):
        forged = {**document, "approval": {**document["approval"], **edit}}
        path.write_bytes(wrap("approval", 1, forged))
        assert read(path.read_bytes(), where="x").approval
        refused(apply(), words, "Nothing was changed")
    path.write_bytes(good)
    monkeypatch.setenv("PERIMETER_APPROVAL_PUBLIC_KEYS", f"bob={OTHER_PUBLIC}")
    refused(apply(), "Approval by an unknown key", "bob (")
    monkeypatch.setenv("PERIMETER_APPROVAL_PUBLIC_KEYS", f"bob={PUBLIC}")
    refused(apply(), "Approval under another name", "the key of bob")
    monkeypatch.delenv("PERIMETER_APPROVAL_PUBLIC_KEYS")
    refused(apply(), "No key to check approvals with")
    monkeypatch.setenv("PERIMETER_APPROVAL_PUBLIC_KEYS", "alice=nonsense")
    refused(apply(), "Not an Ed25519 public key")
    monkeypatch.setenv("PERIMETER_APPROVAL_PUBLIC_KEYS", f"alice={PUBLIC}")
    refused(signing("apply", "-approved=none"), "Approval not readable")
    refused(signing("apply", "-approved=p"), "Not an approval")
    refused(signing("apply", "-approved=p.approval", "-refresh-only"), "Incompatible plan mode")
    path.unlink()
    approve(signing, "-expires=1ms")
    refused(apply(), "Approval has expired")
    assert signing.ok("state", "list") == ""


def test_another_state(signing):
    """An approval is for the state it was made on; one for a new state finishes its first apply."""
    signing.ok("plan", "-out=p")
    approve(signing)
    signing.ok("apply", "-auto-approve")
    assert "Approved, and nothing is left" in signing.ok("apply", "-approved=p.approval")
    signing.write(CONFIG.replace("one", "two"))
    signing.ok("apply", "-auto-approve")
    refused(signing("apply", "-approved=p.approval"), "Approval for another state", "a new state")
    signing.ok("plan", "-destroy", "-out=d")
    approve(signing, plan="d")
    refused(signing("apply", "-approved=d.approval", "-state=other.json"), "another state")


def test_a_shared_secret(signing, monkeypatch):
    """Instead of a key pair; a short one is none, and neither is ever printed."""
    monkeypatch.delenv("PERIMETER_APPROVAL_KEY")
    signing.ok("plan", "-out=p")
    refused(signing("approve", "-by=alice", "-yes", "p"), "No key to sign with")
    monkeypatch.setenv("PERIMETER_APPROVAL_SECRET", "short")
    refused(signing("approve", "-by=alice", "-yes", "p"), "Shared secret is too short")
    monkeypatch.setenv("PERIMETER_APPROVAL_SECRET", "s" * 32)
    assert "s" * 32 not in approve(signing)
    assert "hmac-sha256" in signing.ok("approve", "verify", "p.approval")
    assert "2 added" in signing.ok("apply", "-approved=p.approval")


def test_keys_that_the_configuration_declares(signing, monkeypatch):
    """They count where the environment names none; it alone counts where it does."""
    block = f'perimeter {{\n  approvals {{\n    approver "alice" {{\n      public_key = "{PUBLIC}"\n    }}\n  }}\n}}\n'
    signing.write(block, "approvers.hcl")
    signing.ok("plan", "-out=p")
    approve(signing)
    monkeypatch.setenv("PERIMETER_APPROVAL_PUBLIC_KEYS", f"bob={OTHER_PUBLIC}")
    refused(signing("approve", "verify", "p.approval"), "Approval by an unknown key")
    monkeypatch.delenv("PERIMETER_APPROVAL_PUBLIC_KEYS")
    assert "2 added" in signing.ok("apply", "-approved=p.approval")
    signing.write(block.replace("public_key", "key"), "approvers.hcl")
    refused(signing("validate"), "Missing required argument", "public_key")


def test_a_made_up_plan_is_not_approved(signing):
    """Its fingerprints must follow from what it shows."""
    from perimeter.state.envelope import wrap

    signing.ok("plan", "-out=p")
    content = json.loads((signing.directory / "p").read_text())["content"]
    text = json.dumps(content).replace('"one"', '"harmless"')
    (signing.directory / "p").write_bytes(wrap("plan", 1, json.loads(text)))
    refused(signing("approve", "-by=alice", "-yes", "p"), "Plan is not what it shows")


def test_a_plan_that_was_begun_is_taken_up_again(cli, monkeypatch):
    """What is done is no obstacle; once everything is, the plan is stale as ever."""
    from perimeter.sdk import ProviderError
    from perimeter_builtin.data import Data

    cli.write(CONFIG)
    cli.ok("plan", "-out=p")
    real = Data.create

    def failing(self, writer, request):
        if str(request.attributes.get("input", "")).startswith("of "):
            raise ProviderError("the network is gone", committed=False)
        return real(self, writer, request)

    monkeypatch.setattr(Data, "create", failing)
    assert cli("apply", "p").code == 1
    assert cli.ok("state", "list").split() == ["perimeter_data.a"]
    monkeypatch.setattr(Data, "create", real)
    out = cli.ok("apply", "p")
    assert "An earlier apply of this plan did not finish" in out
    assert "Resources: 1 added" in out
    assert cli.ok("state", "list").split() == ["perimeter_data.a", "perimeter_data.b"]
    refused(cli("apply", "p"), "Saved plan is stale", "applied already")


def test_fail_on(cli):
    """3 says so; the other exit codes stay what they are."""
    cli.write(CONFIG)
    assert cli("plan", "-fail-on=widens").code == 0
    cli.ok("apply", "-auto-approve")
    cli.write("")
    result = cli("plan", "-fail-on=widens,destroys", "-detailed-exitcode", "-out=p")
    assert result.code == 3
    assert "The plan fails on destroys" in result.err
    assert re.search(r"- perimeter_data\.a", result.err)
    assert (cli.directory / "p").exists()
    refused(cli("plan", "-fail-on=widen"), 'Did you mean "widens"?')


def test_narrowing_only_asks_all_the_same(cli):
    """It restricts; it does not approve."""
    cli.write(CONFIG)
    assert cli("apply", "-narrowing-only", typed="no\n").code == 1
    assert "2 added" in cli.ok("apply", "-narrowing-only", "-auto-approve")
