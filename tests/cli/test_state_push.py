"""``state push``, ``state replace-provider``, and who is on record for what is done to the state."""

import json
from pathlib import Path

import msgspec
import pytest

from perimeter.state.codec import decode_state, encode_state
from perimeter.state.local import LocalBackend
from perimeter.state.model import Intent, Outcome, Record, StateObject
from perimeter.state.replay import replay

TEXT = 'resource "perimeter_data" "{}" {{\n  {}\n  input = "x"\n}}\n'


@pytest.fixture
def applied(cli):
    cli.write(TEXT.format("a", "") + TEXT.format("m", "count = 2"))
    cli.ok("apply", "-auto-approve")
    return cli


def held():
    return LocalBackend().load().state


def file(state, name="pushed.json"):
    Path(name).write_bytes(encode_state(state))
    return name


def without(state, *names):
    left = {name: item for name, item in state.resources.items() if name not in names}
    return msgspec.structs.replace(state, resources=left)


def evidence():
    lines = Path("perimeter.state.json.evidence.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in lines.splitlines()]


def test_what_was_pulled_may_be_pushed(applied):
    """It is the same state: nothing is written."""
    applied.write(applied.ok("state", "pull"), "pulled.json")
    assert applied.ok("state", "push", "pulled.json") == "The state here holds the same already.\n"
    assert held().serial == 1


def test_a_newer_state_is_written_with_the_next_serial(applied):
    """Whatever its own is: the serial of a state rises by one."""
    newer = msgspec.structs.replace(without(held(), "perimeter_data.a"), serial=7)
    out = applied.ok("state", "push", file(newer))
    assert out == "Wrote the state; its serial is 2.\n"
    assert "perimeter_data.a" not in held().resources


def test_standard_input_is_read(applied):
    """As with Terraform, by a dash."""
    newer = msgspec.structs.replace(without(held(), "perimeter_data.a"), serial=2)
    applied.ok("state", "push", "-", typed=encode_state(newer).decode())
    assert held().serial == 2


@pytest.mark.parametrize(
    ("change", "summary"),
    [
        ({"serial": 0}, "Older state"),
        ({"lineage": "other", "serial": 9}, "State of another lineage"),
        ({"resources": {}}, "Another state with the same serial"),
    ],
)
def test_what_does_not_continue_this_state_is_refused(applied, change, summary):
    """Unless it is forced; then the serial rises by one all the same."""
    before = held()
    name = file(msgspec.structs.replace(without(before, "perimeter_data.a"), **change))
    result = applied("state", "push", name)
    assert (result.code, summary in result.err) == (1, True)
    assert "perimeter state push -force PATH" in result.err
    assert held() == before
    applied.ok("state", "push", "-force", name)
    assert held().serial == max(2, change.get("serial", 0))
    assert held().lineage == change.get("lineage", before.lineage)
    assert "perimeter_data.a" not in held().resources
    applied.ok("apply", "-auto-approve")
    assert "No changes." in applied.ok("plan")


def test_over_nothing_anything_may_be_written(applied):
    """A state moves to another place with its serial and lineage."""
    before = held()
    name = file(before)
    applied.ok("state", "push", "-state=elsewhere.json", name)
    after = LocalBackend("elsewhere.json").load().state
    assert (after.serial, after.lineage) == (1, before.lineage)
    assert after.resources == before.resources
    applied.ok("apply", "-auto-approve", "-state=elsewhere.json", "-replace=perimeter_data.a")
    assert LocalBackend("elsewhere.json").load().state.serial == 2


@pytest.mark.parametrize(
    ("content", "summary"),
    [
        ("", "Empty state"),
        ("{}", "Not a state"),
        ('{"version": 4, "terraform_version": "1.11.4"}', "Not a perimeter state"),
    ],
)
def test_what_is_no_state_is_refused(applied, content, summary):
    """Before anything is written."""
    applied.write(content, "pushed.json")
    result = applied("state", "push", "-force", "pushed.json")
    assert (result.code, summary in result.err) == (1, True)
    assert "State file not readable" in applied("state", "push", "nowhere.json").err
    assert held().serial == 1


def test_a_state_changed_by_hand_is_refused(applied):
    """Its checksum shows it."""
    text = applied.ok("state", "pull")
    applied.write(text.replace('"input": "x"', '"input": "y"', 1), "pulled.json")
    assert "Checksum mismatch" in applied("state", "push", "pulled.json").err


def test_what_the_journal_holds_is_added_once(applied):
    """The outcome of an apply that was cut off survives a push, and its open calls stay open."""
    backend = LocalBackend()
    before = backend.load()
    item = before.state.resources["perimeter_data.a"].current()
    fresh = msgspec.structs.replace(item, id="fresh")
    seal = before.state.seal
    begun = Record(
        sequence=seal.journal_sequence + 1,
        previous=seal.journal_head,
        lineage=before.state.lineage,
        base_serial=1,
        run="r",
        intents=(
            Intent(stage="s1", address="perimeter_data.new", operation="create", object=fresh),
            Intent(
                stage="s2",
                address="perimeter_data.a",
                operation="delete",
                object=item,
            ),
        ),
        outcomes=(Outcome(stage="s1", address="perimeter_data.new", status="done", object=fresh),),
    )
    backend.append(begun)
    newer = msgspec.structs.replace(without(before.state, "perimeter_data.m[1]"), serial=2)
    applied.ok("state", "push", file(newer))
    after = backend.load()
    assert after.state.serial == 2
    assert sorted(after.state.resources) == [
        "perimeter_data.a",
        "perimeter_data.m[0]",
        "perimeter_data.new",
    ]
    assert len(after.state.resources["perimeter_data.new"].objects) == 1
    assert [intent.stage for intent in replay(after.state, after.records).pending] == ["s2"]
    foreign = msgspec.structs.replace(after.state, lineage="other")
    assert "cut off" in applied("state", "push", "-force", file(foreign)).err


def test_replace_provider_asks_and_names_what_changes(applied):
    """As Terraform does."""
    assert applied.ok("state", "replace-provider", "github", "okta") == (
        "No matching resources found.\n"
    )
    words = ("state", "replace-provider", "-input=false", "perimeter", "perimeter.eu")
    assert "Approval is needed" in applied(*words).err
    asked = ("state", "replace-provider", "perimeter", "perimeter.eu")
    assert "Cancelled replacing providers." in applied.ok(*asked, typed="no\n")
    out = applied.ok("state", "replace-provider", "-auto-approve", "perimeter", "perimeter.eu")
    assert out == (
        "perimeter will perform the following actions:\n\n"
        "  ~ Updating provider:\n    - perimeter\n    + perimeter.eu\n\n"
        "Changing 3 resources:\n\n"
        "  perimeter_data.a\n  perimeter_data.m[0]\n  perimeter_data.m[1]\n\n"
        "Successfully replaced provider for 3 resources.\n"
    )
    item = held().resources["perimeter_data.a"].current()
    assert isinstance(item, StateObject)
    assert (item.provider, held().serial) == ("perimeter.eu", 2)
    assert "Invalid provider" in applied("state", "replace-provider", "a b", "c").err


def test_every_change_of_the_state_is_on_record(applied, monkeypatch):
    """Who did what to which instance; the state seals it and its serial rises by one each time."""
    monkeypatch.setenv("PERIMETER_APPROVER", "mo")
    seen = len(evidence())
    commands = [
        ("state", "mv", "perimeter_data.a", "perimeter_data.b"),
        ("taint", "perimeter_data.b"),
        ("untaint", "perimeter_data.b"),
        ("state", "rm", "perimeter_data.m[0]"),
        ("state", "replace-provider", "-auto-approve", "perimeter", "perimeter.eu"),
    ]
    for serial, words in enumerate(commands, 2):
        applied.ok(*words)
        assert held().serial == serial
    applied.ok("state", "push", "-force", file(without(held(), "perimeter_data.b")))
    entries = evidence()[seen:]
    assert [(item["operation"], item["address"]) for item in entries] == [
        ("state-mv", "perimeter_data.b"),
        ("taint", "perimeter_data.b"),
        ("untaint", "perimeter_data.b"),
        ("state-rm", "perimeter_data.m[0]"),
        ("replace-provider", "perimeter_data.b"),
        ("replace-provider", "perimeter_data.m[1]"),
        ("push", "state"),
    ]
    assert {item["approver"] for item in entries} == {"mo"}
    assert held().seal.evidence_sequence == evidence()[-1]["sequence"]


def test_the_state_before_is_kept_where_one_asks(applied):
    """-backup, as in Terraform."""
    applied.ok("state", "rm", "-backup=before.json", "perimeter_data.a")
    assert decode_state(Path("before.json").read_bytes(), where="copy").serial == 1


def test_list_names_what_it_does_not_know(applied):
    """An address that is not in state is an error; a filter that fits nothing is not."""
    assert "Unknown resource" in applied("state", "list", "perimeter_data.z").err
    assert applied.ok("state", "list", "-id=nothing") == ""
    assert applied.ok("state", "list", "perimeter_data.m").split() == [
        "perimeter_data.m[0]",
        "perimeter_data.m[1]",
    ]
