"""State and records survive a round trip; anything else on disk becomes a diagnostic."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import random
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perimeter.lang.values import UNKNOWN
from perimeter.state.codec import (
    RECORD_UPGRADES,
    RECORD_VERSION,
    STATE_UPGRADES,
    decode_record,
    decode_state,
    encode_record,
    encode_state,
    record_hash,
    same_content,
    without_digests,
)
from perimeter.state.envelope import unwrap, wrap
from perimeter.state.errors import StateError
from perimeter.state.model import (
    FORMAT_VERSION,
    Instance,
    Intent,
    Outcome,
    Output,
    Record,
    Seal,
    State,
    StateObject,
)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
objects = st.builds(
    StateObject,
    role=st.sampled_from(["current", "previous", "deposed"]),
    key=text,
    type=text,
    id=text,
    tenant=text,
    provider=text,
    attributes=st.dictionaries(text, plain, max_size=4),
    sensitive=st.lists(st.lists(text | st.integers(0, 9), max_size=3).map(tuple), max_size=2).map(
        tuple
    ),
    dependencies=st.lists(text, max_size=2).map(tuple),
    protected=st.booleans(),
    unconfirmed=st.booleans(),
    digests=st.dictionaries(text, text, max_size=1),
)
states = st.builds(
    State,
    serial=st.integers(0, 2**60),
    lineage=text,
    resources=st.dictionaries(
        text,
        st.builds(Instance, objects=st.lists(objects, max_size=2).map(tuple), expired_at=text),
        max_size=3,
    ),
    outputs=st.dictionaries(
        text, st.builds(Output, value=plain, sensitive=st.booleans()), max_size=2
    ),
    seal=st.builds(Seal, journal_sequence=st.integers(0, 2**40), journal_head=text),
)


def thing(number: int = 1, **more: Any) -> StateObject:
    fields = {
        "type": "github_webhook",
        "id": str(number),
        "tenant": "O_1",
        "provider": "github",
        "attributes": {"name": f"h{number}", "ratio": Decimal("0.10"), "on": True, "n": None},
    }
    return StateObject(**{**fields, **more})


def small_state() -> State:
    return State(
        serial=3,
        lineage="l-1",
        resources={f"github_webhook.h{n}": Instance(objects=(thing(n),)) for n in range(2)},
        outputs={"url": Output(value="https://é.example", type="string")},
    )


def summary(data: bytes, **more: Any) -> str:
    with pytest.raises(StateError) as caught:
        decode_state(data, where="p.json", **more)
    found = caught.value.diagnostic
    assert "p.json" in found.detail
    assert found.detail.endswith(".")
    return found.summary


@given(states)
@settings(max_examples=150, deadline=None)
def test_a_state_reads_back_as_written_and_encodes_the_same_again(state: State) -> None:
    data = encode_state(state)
    again = decode_state(data, where="x")
    state = without_digests(state)
    assert same_content(again, state)
    assert msgspec.structs.replace(again, resources={}, outputs={}) == msgspec.structs.replace(
        state, resources={}, outputs={}
    )
    normal = encode_state(again)
    assert encode_state(decode_state(normal, where="x")) == normal


def test_maps_are_sorted_so_that_equal_states_are_equal_files() -> None:
    one = small_state()
    turned = msgspec.structs.replace(one, resources=dict(reversed(one.resources.items())))
    assert encode_state(one) == encode_state(turned)


def test_the_file_says_first_what_it_is_and_then_serial_and_lineage() -> None:
    data = json.loads(encode_state(small_state()))
    assert list(data) == ["format", "format_version", "checksum", "content"]
    assert list(data["content"])[:2] == ["serial", "lineage"]
    assert data["format"] == "perimeter state"
    assert data["checksum"].startswith("sha256:")


def test_numbers_stay_exact_integers_as_int_others_as_decimal() -> None:
    given_ = {"a": 2**70, "b": Decimal("0.1000"), "c": 0.25, "d": Decimal("1E+500"), "e": -0.0}
    state = State(outputs={"n": Output(value=given_)})
    value = decode_state(encode_state(state), where="x").outputs["n"].value
    assert value == {**given_, "c": Decimal("0.25")}
    assert [type(value[name]) for name in "abcd"] == [int, Decimal, Decimal, Decimal]
    assert str(value["b"]) == "0.1000"


def test_every_truncation_of_a_state_file_is_refused() -> None:
    data = encode_state(small_state())
    for length in range(len(data) - 1):  # the last byte is the final newline, which carries nothing
        assert summary(data[:length]) in ("Truncated state", "Empty state"), length


def test_a_flipped_bit_anywhere_is_refused_or_changes_nothing() -> None:
    state = small_state()
    data = encode_state(state)
    rng = random.Random(7)
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 1 << rng.randrange(8)
        with contextlib.suppress(StateError):
            assert decode_state(bytes(damaged), where="x") == state, position


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_arbitrary_bytes_are_refused_with_a_diagnostic(data: bytes) -> None:
    with pytest.raises(StateError):
        decode_state(data, where="x")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "Empty state"),
        (b" \n", "Empty state"),
        (b'{"format":', "Truncated state"),
        (b"<html>", "Damaged state"),
        (b"[" * 100_000, "Damaged state"),
        (b"[1]", "Not a state"),
        (b'{"a": 1}', "Not a state"),
        (b'{"a": 1E+99999999999999999999}', "Damaged state"),
        (b'{"version": 4, "terraform_version": "1.11.4", "serial": 1}', "Not a perimeter state"),
        (b'{"encrypted_data": "x", "encryption_version": "v0"}', "Not a perimeter state"),
        (b'{"version": 3, "deployment": {}}', "Not a perimeter state"),
    ],
)
def test_what_is_no_state_is_named(data: bytes, expected: str) -> None:
    assert summary(data) == expected


def test_a_terraform_state_is_named_and_the_way_on_is_said() -> None:
    with pytest.raises(StateError) as caught:
        decode_state(b'{"version": 4, "terraform_version": "1.11.4"}', where="terraform.tfstate")
    assert "Terraform" in caught.value.diagnostic.detail
    assert "import blocks" in caught.value.diagnostic.detail


def test_another_kind_of_file_is_named() -> None:
    assert summary(wrap("plan", 1, {"a": 1})) == "Not a state"


def test_an_edited_value_is_a_checksum_mismatch() -> None:
    data = encode_state(small_state())
    assert summary(data.replace(b'"h1"', b'"h2"')) == "Checksum mismatch in state"


def test_re_indenting_is_no_change() -> None:
    state = small_state()
    spread = msgspec.json.format(encode_state(state), indent=4)
    assert decode_state(spread, where="x") == state


def test_a_newer_format_is_refused_and_the_upgrade_is_named() -> None:
    with pytest.raises(StateError, match="upgrade perimeter") as caught:
        decode_state(wrap("state", FORMAT_VERSION + 1, {"serial": 1}), where="p.json")
    assert caught.value.diagnostic.summary == "Newer state format"


@pytest.mark.parametrize("version", [0, -1])
def test_a_format_version_that_never_was_is_refused(version: int) -> None:
    assert summary(wrap("state", version, {})) == "Damaged state"


def test_an_older_format_is_upgraded_step_by_step() -> None:
    def rename(value: dict[str, Any]) -> dict[str, Any]:
        return {**value, "family": value["lineage"]}

    def rename_back(value: dict[str, Any]) -> dict[str, Any]:
        return {"lineage": value["family"] + "!", "serial": value["serial"] + 1}

    steps = (rename, rename_back)
    first = wrap("state", 1, {"lineage": "l", "serial": 1})
    second = wrap("state", 2, {"family": "l", "serial": 1})
    third = wrap("state", 3, {"lineage": "l", "serial": 1})
    read = [decode_state(item, where="x", upgrades=steps) for item in (first, second, third)]
    assert [(item.lineage, item.serial) for item in read] == [("l!", 2), ("l!", 2), ("l", 1)]


def test_an_upgrade_that_does_not_fit_is_a_diagnostic() -> None:
    old = wrap("state", 1, {"serial": 1})
    assert summary(old, upgrades=(lambda value: {"serial": "many"},)) == "Damaged state"


def test_each_upgrade_step_raises_the_format_version() -> None:
    assert len(STATE_UPGRADES) + 1 == FORMAT_VERSION
    assert len(RECORD_UPGRADES) + 1 == RECORD_VERSION


def test_content_of_the_wrong_shape_is_refused_without_quoting_it() -> None:
    with pytest.raises(StateError) as caught:
        decode_state(wrap("state", 1, {"serial": "hunter2"}), where="x")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        UNKNOWN,
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        {1, 2},
        b"bytes",
        dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        {1: "a"},
        [[object()]],
        "\ud800",
    ],
)
def test_what_json_would_change_is_refused_when_writing(value: Any) -> None:
    item = thing(1, attributes={"x": value})
    with pytest.raises(StateError, match="Value cannot be written"):
        encode_state(State(resources={"a.b": Instance(objects=(item,))}))
    with pytest.raises(StateError, match="Value cannot be written"):
        encode_record(
            Record(
                sequence=1, previous="", lineage="l", base_serial=0, run="r",
                outcomes=(Outcome(stage="s", address="a.b", status="done", object=item),),
            )
        )  # fmt: skip


def test_a_value_nested_too_deeply_is_refused_when_writing() -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(StateError):
        encode_state(State(outputs={"deep": Output(value=value)}))


def record(**more: Any) -> Record:
    fields: dict[str, Any] = {
        "sequence": 1,
        "previous": "",
        "lineage": "l",
        "base_serial": 0,
        "run": "r",
        "intents": (Intent(stage="s", address="a.b", operation="create", object=thing(id="")),),
    }
    return Record(**{**fields, **more})


def test_a_record_reads_back_and_is_one_line() -> None:
    data = encode_record(record())
    assert data.count(b"\n") == 1
    assert decode_record(data, where="x") == record()


def test_a_records_hash_is_the_same_before_writing_and_after_reading() -> None:
    for number in (0.1, 1e22, 1e-7, -0.0, Decimal("-0"), Decimal("1E+5"), 10**40):
        written = record(
            outcomes=(
                Outcome(
                    stage="s", address="a", status="done", object=thing(attributes={"n": number})
                ),
            )
        )
        read = decode_record(encode_record(written), where="x")
        assert record_hash(read) == record_hash(written)


def test_a_records_hash_changes_with_each_field() -> None:
    variants = [
        record(),
        record(sequence=2),
        record(previous="x"),
        record(lineage="m"),
        record(base_serial=1),
        record(run="q"),
        record(intents=()),
    ]
    assert len({record_hash(item) for item in variants}) == len(variants)


def test_every_truncation_of_a_record_is_refused() -> None:
    data = encode_record(record())
    for length in range(len(data) - 1):
        with pytest.raises(StateError):
            decode_record(data[:length], where="x")


def test_plans_and_snapshots_use_the_same_envelope() -> None:
    data = wrap("plan", 1, {"changes": [1, Decimal("2.50")]})
    assert unwrap("plan", data, into=dict, where="p") == {"changes": [1, Decimal("2.50")]}
    with pytest.raises(StateError, match="perimeter plan -out"):
        unwrap("plan", data[:-4], into=dict, where="p")


def test_ten_thousand_resources_are_read_as_written() -> None:
    many = State(
        resources={f'github_webhook.h["{n}"]': Instance(objects=(thing(n),)) for n in range(10_000)}
    )
    assert decode_state(encode_state(many), where="x") == many
