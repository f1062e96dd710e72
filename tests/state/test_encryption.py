"""What is encrypted reads back with the right key alone, and every change to it is found and named."""

from __future__ import annotations

import base64
import json
import secrets
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perimeter.state import keys as keys_module
from perimeter.state.codec import PLAIN, Codec, same_content
from perimeter.state.encryption import Keys, Label, header_of, is_encrypted
from perimeter.state.errors import StateError
from perimeter.state.journal import Journal, compact, replay
from perimeter.state.keys import MIN_COST, EnvironmentKey, Passphrase
from perimeter.state.local import LocalBackend
from perimeter.state.model import (
    Instance,
    Intent,
    Outcome,
    Output,
    Record,
    Seal,
    State,
    StateObject,
)
from tests.state.test_codec import states


def passphrase(text: str = "correct horse battery staple", name: str = "main") -> Passphrase:
    return Passphrase(name=name, passphrase=text, cost=MIN_COST)


def raw(name: str = "main") -> EnvironmentKey:
    text = base64.b64encode(secrets.token_bytes(32)).decode()
    return EnvironmentKey(name=name, variable="KEY", text=text)


ONE, OTHER = raw("one"), raw("other")
KEYS = Keys(primary=ONE)
CODEC = Codec(keys=KEYS)


def thing(secret: str = "hunter2-hunter2", number: int = 1) -> StateObject:
    return StateObject(
        type="t",
        id=f"id-{number}",
        tenant="tenant-7",
        provider="p",
        attributes={"name": "visible-name", "token": secret, "ratio": Decimal("0.1")},
        digests={"key": "abc"},
    )


def state(serial: int = 7, lineage: str = "lin-1", **more: Any) -> State:
    resources = {"t.a": Instance(objects=(thing(),))}
    return State(
        serial=serial,
        lineage=lineage,
        resources=resources,
        outputs={"url": Output(value="https://visible.example")},
        digest_key="a2V5",
        **more,
    )


def record(sequence: int = 1, previous: str = "", lineage: str = "lin-1", **more: Any) -> Record:
    return Record(
        sequence=sequence, previous=previous, lineage=lineage, base_serial=7, run="r", **more
    )


def refusal(data: bytes, codec: Codec = CODEC, **more: Any) -> tuple[str, str]:
    with pytest.raises(StateError) as caught:
        (more.get("decode") or codec.decode_state)(data, where="p.json")
    found = caught.value.diagnostic
    assert len(found.summary) <= 60
    assert "p.json" in found.detail
    return found.summary, found.detail


@given(states)
@settings(max_examples=100, deadline=None)
def test_a_state_reads_back_and_shows_nothing(found: State) -> None:
    data = CODEC.encode_state(found)
    again = CODEC.decode_state(data, where="x")
    assert same_content(again, found)
    assert (again.serial, again.lineage, again.seal) == (found.serial, found.lineage, found.seal)
    for instance in found.resources.values():
        for item in instance.objects:
            for text in (*item.attributes, *item.attributes.values()):
                if isinstance(text, str) and len(text) >= 6:
                    assert text.encode() not in data


def test_neither_names_nor_values_lie_in_the_file_and_the_header_tells_which_one_it_is() -> None:
    data = CODEC.encode_state(state())
    for text in ("hunter2", "visible", "t.a", "tenant-7", "a2V5", "abc"):
        assert text.encode() not in data
    header = header_of(data, where="x")
    assert header is not None
    assert (header.workspace, header.lineage, header.serial) == ("default", "lin-1", 7)
    assert header.key["provider"] == "environment"
    assert json.loads(data)["format"] == "perimeter state"


def test_digests_and_their_key_are_kept_encrypted_and_never_plain() -> None:
    again = CODEC.decode_state(CODEC.encode_state(state()), where="x")
    assert again.digest_key == "a2V5"
    assert again.resources["t.a"].objects[0].digests == {"key": "abc"}
    plain = PLAIN.encode_state(state())
    assert b"a2V5" not in plain
    assert b"digests" not in plain


def test_no_two_files_share_salt_or_nonce() -> None:
    headers = [header_of(CODEC.encode_state(state()), where="x") for _ in range(200)]
    assert len({item.salt for item in headers if item}) == 200
    assert len({item.nonce for item in headers if item}) == 200


SAMPLE = CODEC.encode_state(state())
SAMPLE_RECORD = CODEC.encode_record(record())


@given(st.integers(0, len(SAMPLE) - 1), st.integers(1, 255))
@settings(max_examples=600, deadline=None)
def test_every_changed_byte_is_found(position: int, flip: int) -> None:
    data = bytearray(SAMPLE)
    data[position] ^= flip
    with pytest.raises(StateError):
        CODEC.decode_state(bytes(data), where="x")


@pytest.mark.parametrize("flip", [1, 32, 128])
def test_every_byte_of_a_record_counts(flip: int) -> None:
    for position in range(len(SAMPLE_RECORD)):
        data = bytearray(SAMPLE_RECORD)
        data[position] ^= flip
        with pytest.raises(StateError):
            CODEC.decode_record(bytes(data), where="x")


def test_every_truncation_is_found_and_most_are_named_so() -> None:
    named = set()
    for length in range(len(SAMPLE) - 1):
        named.add(refusal(SAMPLE[:length])[0])
    assert named == {"Empty state", "Truncated state"}


def test_it_may_be_embedded_without_white_space_but_not_spaced_otherwise() -> None:
    compact_form = msgspec.json.format(SAMPLE, indent=-1).strip()
    assert CODEC.decode_state(compact_form, where="x") == CODEC.decode_state(SAMPLE, where="x")
    assert refusal(msgspec.json.format(SAMPLE, indent=4))[0] == "Checksum mismatch in state"


def forged(data: bytes, **header: Any) -> bytes:
    """A header changed by somebody who knows how the checksum is made."""
    from perimeter.state import encryption

    sealed = msgspec.json.decode(data, type=encryption._Sealed)
    changed = msgspec.structs.replace(sealed.encryption, **header)
    kind = sealed.format.removeprefix("perimeter ")
    sealed = msgspec.structs.replace(
        sealed,
        encryption=changed,
        checksum=encryption._checksum(kind, changed, sealed.content),
    )
    return encryption._written(sealed)


@pytest.mark.parametrize(
    "header",
    [{"serial": 8}, {"lineage": "lin-2"}, {"name": "x"}, {"salt": b"0" * 32}, {"nonce": b"0" * 12}],
)
def test_a_forged_header_is_tampering(header: dict[str, Any]) -> None:
    summary, detail = refusal(forged(SAMPLE, **header))
    assert summary == "Tampered state"
    assert "Trust nothing in it" in detail


def test_contents_of_two_states_cannot_be_exchanged() -> None:
    from perimeter.state import encryption

    one = msgspec.json.decode(SAMPLE, type=encryption._Sealed)
    two = msgspec.json.decode(CODEC.encode_state(state(serial=6)), type=encryption._Sealed)
    mixed = msgspec.structs.replace(
        one,
        content=two.content,
        checksum=encryption._checksum("state", one.encryption, two.content),
    )
    assert refusal(encryption._written(mixed))[0] == "Tampered state"


def test_a_state_of_another_workspace_is_named() -> None:
    theirs = Codec(workspace="production", keys=KEYS).encode_state(state())
    summary, detail = refusal(theirs)
    assert summary == "State of another workspace"
    assert '"production"' in detail
    assert "serial 7" in detail
    assert refusal(forged(theirs, workspace="default"))[0] == "Tampered state"


def test_a_record_is_no_state() -> None:
    assert refusal(SAMPLE_RECORD)[0] == "Not a state"
    theirs = Codec(workspace="production", keys=KEYS).encode_record(record())
    assert refusal(theirs, decode=CODEC.decode_record)[0] == "Journal record of another workspace"


def test_the_wrong_key_is_named_with_what_the_file_says() -> None:
    summary, detail = refusal(SAMPLE, Codec(keys=Keys(primary=OTHER)))
    assert summary == "Wrong key for this state"
    for part in (
        "lineage lin-1",
        "serial 7",
        'environment "one"',
        'environment "other"',
        "fallback",
    ):
        assert part in detail


def test_without_a_key_it_says_where_to_configure_one() -> None:
    summary, detail = refusal(SAMPLE, PLAIN)
    assert summary == "Encryption key needed for this state"
    assert "PERIMETER_ENCRYPTION" in detail


def test_a_plain_state_is_refused_where_encryption_is_configured() -> None:
    plain = PLAIN.encode_state(state())
    assert refusal(plain) == refusal(plain, CODEC)
    summary, detail = refusal(plain)
    assert summary == "State is not encrypted"
    assert "fallback {}" in detail
    assert "perimeter state rekey" in detail
    enforced = Codec(keys=Keys(primary=ONE, fallbacks=(None,), enforced=True))
    assert "enforced" in refusal(plain, enforced)[1]
    lenient = Codec(keys=Keys(primary=ONE, fallbacks=(None,)))
    assert lenient.decode_state(plain, where="x").serial == 7


def test_a_damaged_plain_state_is_damaged_before_it_is_plain() -> None:
    plain = PLAIN.encode_state(state())
    assert refusal(plain[:-20])[0] == "Truncated state"


def test_a_newer_encryption_format_is_named() -> None:
    data = SAMPLE.replace(b'"version": 1', b'"version": 2')
    assert refusal(data)[0] == "Newer encryption format"


def test_with_a_fallback_old_is_read_and_new_is_written() -> None:
    codec = Codec(keys=Keys(primary=OTHER, fallbacks=(ONE,)))
    found = codec.decode_state(SAMPLE, where="x")
    again = codec.encode_state(found)
    assert Codec(keys=Keys(primary=OTHER)).decode_state(again, where="x") == found
    assert refusal(again)[0] == "Wrong key for this state"


def test_a_passphrase_is_derived_once_per_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand records cost one derivation, to write and to read."""
    calls = []
    scrypt = keys_module._scrypt
    monkeypatch.setattr(
        keys_module, "_scrypt", lambda *given_: calls.append(given_) or scrypt(*given_)
    )
    codec = Codec(keys=Keys(primary=passphrase(f"once per process {secrets.token_hex(4)}")))
    written = [codec.encode_record(record(number)) for number in range(1, 1001)]
    for data in written:
        codec.decode_record(data, where="x")
    assert len(calls) == 1


def test_a_passphrase_of_another_process_is_taken_up_with_its_salt() -> None:
    key = passphrase(f"the same in both {secrets.token_hex(4)}")
    data = Codec(keys=Keys(primary=key)).encode_state(state())
    keys_module._SALTS.clear()
    keys_module._DERIVED.clear()
    codec = Codec(keys=Keys(primary=key))
    found = codec.decode_state(data, where="x")
    again = codec.encode_state(found)
    salts = {header.key["salt"] for item in (data, again) if (header := header_of(item, where="x"))}
    assert len(salts) == 1
    wrong = Codec(keys=Keys(primary=passphrase("quite another passphrase")))
    assert refusal(data, wrong)[0] == "Wrong key for this state"


def test_unsuitable_keys_are_refused() -> None:
    for make, summary in (
        (lambda: passphrase("too short"), "Passphrase too short"),
        (
            lambda: Passphrase(name="m", passphrase="x" * 20, cost=1000),
            "Invalid cost of a passphrase",
        ),
        (lambda: EnvironmentKey(name="m", variable="V", text=""), "Encryption key is missing"),
        (lambda: EnvironmentKey(name="m", variable="V", text="eA=="), "Invalid encryption key"),
        (lambda: EnvironmentKey(name="m", variable="V", text="é"), "Invalid encryption key"),
    ):
        with pytest.raises(StateError) as caught:
            make()
        assert caught.value.diagnostic.summary == summary


def test_secrets_are_in_no_representation() -> None:
    assert "horse" not in repr(passphrase())
    assert ONE.text not in repr(Codec(keys=KEYS))


def test_plans_and_snapshots_name_what_they_are() -> None:
    label = Label(lineage="l", serial=3, name="plan 0123")
    data = KEYS.wrap("plan", 1, {"secret": "hunter2"}, label, indent=-1)
    assert is_encrypted(data)
    assert KEYS.unwrap("plan", data, into=dict, where="p") == {"secret": "hunter2"}
    with pytest.raises(StateError) as caught:
        Keys(primary=OTHER).unwrap("plan", data, into=dict, where="p")
    assert "plan 0123" in caught.value.diagnostic.detail


def test_a_state_rolled_back_behind_its_journal_is_named(tmp_path: Any) -> None:
    """The old file is authentic; that the journal continues a later one gives it away."""
    backend = LocalBackend(tmp_path / "s.json", codec=CODEC)
    first = backend.write_state(state(serial=7), "")
    old = backend.path.read_bytes()
    backend.write_state(state(serial=8, seal=Seal()), first)
    held = backend.load()
    journal = Journal(backend, held, "r")
    journal.begin([Intent(stage="s", address="t.a", operation="update", object=thing())])
    journal.finish(Outcome(stage="s", address="t.a", status="done", object=thing()))
    journal.flush()
    backend.path.write_bytes(old)
    held = backend.load()
    with pytest.raises(StateError) as caught:
        replay(held.state, held.records)
    assert caught.value.diagnostic.summary == "Journal does not continue this state"


def test_exchanged_records_and_records_of_another_state_are_named(tmp_path: Any) -> None:
    backend = LocalBackend(tmp_path / "s.json", codec=CODEC)
    backend.write_state(state(), "")
    journal = Journal(backend, backend.load(), "r")
    for number in (1, 2):
        journal.begin(
            [Intent(stage=f"s{number}", address="t.a", operation="update", object=thing())]
        )
    one, two = sorted(backend.journal.iterdir())
    kept = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(kept)
    with pytest.raises(StateError) as caught:
        backend.load()
    assert caught.value.diagnostic.summary == "Damaged journal"
    one.write_bytes(CODEC.encode_record(record(1, lineage="lin-9")))
    two.unlink()
    held = backend.load()
    with pytest.raises(StateError) as caught:
        replay(held.state, held.records)
    assert caught.value.diagnostic.summary == "Foreign journal"


class KilledError(BaseException):
    pass


def filled(path: Any, codec: Codec, fail: Any = None) -> LocalBackend:
    """A state with a backup, two kept versions, and a journal of two records."""
    backend = LocalBackend(path, codec=codec)
    etag = backend.write_state(state(serial=7), "")
    backend.write_state(state(serial=8), etag)
    journal = Journal(backend, backend.load(), "r")
    journal.begin([Intent(stage="s", address="t.a", operation="update", object=thing())])
    journal.begin([Intent(stage="s2", address="t.b", operation="create", object=thing())])
    return backend


def test_rekeying_goes_on_where_it_was_killed_and_changes_no_content(tmp_path: Any) -> None:
    path = tmp_path / "s.json"
    before = filled(path, CODEC)
    held, versions = before.load(), [before.version(number) for number in (7, 8)]
    new = Codec(keys=Keys(primary=OTHER, fallbacks=(ONE,)))
    kills = 0
    while True:
        steps = iter(range(kills + 1))

        def fail(_name: str, steps: Any = steps) -> None:
            if next(steps, None) is None:
                raise KilledError

        backend = LocalBackend(path, codec=new, failpoint=fail)
        try:
            backend.recode()
        except KilledError:
            kills += 1
            assert LocalBackend(path, codec=new).load().records == held.records
            continue
        break
    assert kills >= 3
    after = LocalBackend(path, codec=Codec(keys=Keys(primary=OTHER)))
    assert after.load().state == held.state
    assert after.load().records == held.records
    assert [after.version(number) for number in (7, 8)] == versions
    assert after.recode() == 0
    for file in tmp_path.rglob("*"):
        if file.suffix in (".json", ".backup") and "registry" not in file.name:
            assert Keys(primary=OTHER).is_current(file.read_bytes()), file
    found = compact(after, after.load(), replay(held.state, held.records).state)
    assert found.state.serial == 8


def test_plain_becomes_encrypted_and_plain_again(tmp_path: Any) -> None:
    path = tmp_path / "s.json"
    filled(path, PLAIN)
    held = LocalBackend(path).load()
    assert LocalBackend(path, codec=Codec(keys=Keys(primary=ONE, fallbacks=(None,)))).recode() == 6
    assert LocalBackend(path, codec=CODEC).load().records == held.records
    back = LocalBackend(path, codec=Codec(keys=Keys(fallbacks=(ONE,))))
    assert back.recode() == 6
    assert LocalBackend(path).load().state == held.state
