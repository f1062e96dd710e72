"""A log that is not as it was written says so, and says where."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perimeter.state.evidence import Broken, Evidence, EvidenceLog, Verified, verify
from perimeter.state.memory import MemoryBackend
from perimeter.state.model import Seal


def written(count=6, run="r"):
    backend = MemoryBackend()
    log = EvidenceLog(backend)
    for number in range(1, count + 1):
        log.append(
            Evidence(
                at="2026-01-01T00:00:00Z",
                run=run,
                address=f"t.a{number}",
                operation="update",
                result="done",
            )
        )
    seal = Seal(evidence_sequence=log.head.sequence, evidence_head=log.head.digest)
    return list(backend.evidence_lines()), seal


LINES, SEAL = written()


def broken(lines, seal=SEAL):
    found = verify(lines, seal)
    assert isinstance(found, Broken), found
    assert found.reason.endswith(".")
    return found


def test_a_log_as_it_was_written_is_verified():
    found = verify(LINES, SEAL)
    assert found == Verified(found.head, 6)
    assert (found.head.sequence, found.head.digest) == (6, SEAL.evidence_head)


def test_entries_after_the_seal_are_told():
    older = Seal(evidence_sequence=4, evidence_head=msgspec.json.decode(LINES[3])["hash"])
    found = verify(LINES, older)
    assert [item.address for item in found.unsealed] == ["t.a5", "t.a6"]


def test_a_changed_entry_is_named():
    for number in range(6):
        lines = list(LINES)
        lines[number] = lines[number].replace(b'"update"', b'"delete"')
        found = broken(lines)
        assert found.entry == number + 1
        assert "was changed" in found.reason


@pytest.mark.parametrize("gone", range(5))
def test_a_removed_entry_is_named(gone):
    found = broken(LINES[:gone] + LINES[gone + 1 :])
    assert found.entry == gone + 1
    assert f"entry {gone + 1} was removed or moved" in found.reason


def test_several_removed_entries_are_named():
    assert "entries 2 to 4 were removed" in broken(LINES[:1] + LINES[4:]).reason


@pytest.mark.parametrize("left", range(6))
def test_a_tail_that_was_cut_is_named(left):
    found = broken(LINES[:left])
    assert found.entry == left + 1
    assert "tail was cut" in found.reason


def test_a_half_written_last_line_is_named():
    assert "half-written" in broken([*LINES[:-1], LINES[-1][:-5]]).reason


def test_reordered_and_repeated_entries_are_named():
    assert broken([LINES[0], LINES[2], LINES[1], *LINES[3:]]).entry == 2
    assert "repeated or moved" in broken([*LINES[:3], LINES[1], *LINES[3:]]).reason


def test_a_log_that_was_written_anew_does_not_fit_the_state():
    theirs, _ = written(run="forged")
    found = broken(theirs)
    assert (found.entry, "the state sealed" in found.reason) == (6, True)
    assert "another log" in broken([*theirs[:3], *LINES[3:]]).reason


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_every_changed_byte_is_found(data):
    number = data.draw(st.integers(0, 5))
    position = data.draw(st.integers(0, len(LINES[number]) - 1))
    flip = data.draw(st.integers(1, 255))
    line = bytearray(LINES[number])
    line[position] ^= flip
    text = b"".join([*LINES[:number], bytes(line), *LINES[number + 1 :]])
    assert broken(text.splitlines(keepends=True)).entry == number + 1
