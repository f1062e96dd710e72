"""Delivering credentials to an age file."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from perimeter.sdk import Conflict, Fatal, Invalid, MissingExtra, NotFound, Retryable, Unsupported
from perimeter.testing import ladder as steps
from perimeter_age.files import FilesToWrite
from tests.providers.age.conftest import KIND, Key, Place, asked, delivery

FIRST = '{"access_key_id": "AKIA1", "secret_access_key": "first/secret+value"}'
SECOND = '{"access_key_id": "AKIA2", "secret_access_key": "second/secret+value"}'
SINK = KIND.sink
assert SINK is not None


def test_recipients_read_it_and_nobody_else(made: Place) -> None:
    """The machine that rotates least of all."""
    told = SINK.deliver(made.writer(), delivery(FIRST, "t-1"))
    assert told.version
    assert made.one.opens(made.file) == FIRST
    with pytest.raises(Exception, match="No matching keys"):
        made.two.opens(made.file)
    with pytest.raises(Unsupported, match="AGE_IDENTITY"):
        SINK.fetch(made.reader(), asked())


def test_the_secret_is_nowhere_else(made: Place) -> None:
    """Not beside the file, not in state, not in what is left of writing it."""
    workspace = made.workspace()
    SINK.deliver(made.writer(), delivery(FIRST, "t-1"))
    SINK.deliver(made.writer(), delivery(SECOND, "t-2"))
    outcome = workspace.plan()
    assert outcome.errors == []
    assert outcome.plan.active == ()
    planted = ["first/secret+value", "second/secret+value"]
    steps.nothing_secret(planted, [made.directory], [repr(outcome), repr(workspace.events)])
    assert sorted(path.name for path in made.file.parent.iterdir()) == [
        "billing.age",
        "billing.age.json",
        "billing.age.previous",
    ]


def test_an_identity_in_the_environment_reads_it(made: Place, tmp_path: Path) -> None:
    """As text, or as the file that age-keygen writes."""
    SINK.deliver(made.writer(), delivery(FIRST, "t-1"))
    made.environment["AGE_IDENTITY"] = str(made.one.secret)
    assert SINK.fetch(made.reader(), asked()) == FIRST
    del made.environment["AGE_IDENTITY"]
    (tmp_path / "key.txt").write_text(f"# public key: {made.one.public}\n{made.one.secret}\n")
    made.environment["AGE_IDENTITY_FILE"] = str(tmp_path / "key.txt")
    assert SINK.fetch(made.reader(), asked()) == FIRST
    made.environment["AGE_IDENTITY_FILE"] = str(tmp_path / "missing")
    with pytest.raises(Fatal, match="AGE_IDENTITY_FILE"):
        made.reader()


def test_identities_that_do_not_fit_are_told_apart(made: Place) -> None:
    """None of them is shown."""
    stranger = str(made.two.secret)
    made.environment["AGE_IDENTITY"] = stranger
    with pytest.raises(Unsupported, match="none of them is a recipient") as refused:
        SINK.fetch(made.reader(), asked())
    assert stranger not in str(refused.value)
    made.environment["AGE_IDENTITY"] = "swordfish"
    with pytest.raises(Fatal, match="holds no secret key"):
        SINK.fetch(made.reader(), asked())


def test_ssh_keys_read_it_too(place: Place) -> None:
    """As age's own tool does; the key's comment is no part of it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    workspace = place.workspace()
    workspace.write(
        f'resource "age_file" "this" {{\npath = "secrets/billing.age"\nrecipients = ["{public} me@here"]\n}}\n'
    )
    assert workspace.apply().errors == []
    assert workspace.plan().plan.active == ()
    SINK.deliver(place.writer(), delivery(FIRST, "t-1"))
    place.environment["AGE_IDENTITY"] = private
    assert SINK.fetch(place.reader(), asked()) == FIRST


def test_the_same_delivery_twice_writes_once(made: Place) -> None:
    """A repeated token leaves the file as it is, byte for byte."""
    first = SINK.deliver(made.writer(), delivery(FIRST, "t-1"))
    content = made.file.read_bytes()
    assert SINK.deliver(made.writer(), delivery(FIRST, "t-1")) == first
    assert made.file.read_bytes() == content


def test_the_file_before_is_put_back_without_an_identity(made: Place) -> None:
    """As it was encrypted; only that one is kept."""
    writer = made.writer()
    first = SINK.deliver(writer, delivery(FIRST, "t-1")).version
    second = SINK.deliver(writer, delivery(SECOND, "t-2")).version
    assert SINK.restore(writer, asked(first)).version == first
    assert made.one.opens(made.file) == FIRST
    assert SINK.restore(writer, asked(first)).version == first
    with pytest.raises(NotFound, match="only the version before"):
        SINK.restore(writer, asked(second))
    with pytest.raises(Invalid):
        SINK.restore(writer, asked())
    SINK.deliver(writer, delivery(SECOND, "t-3"))
    assert made.one.opens(made.file) == SECOND
    assert made.workspace().plan().plan.active == ()


@pytest.mark.parametrize("survived", range(3))
def test_killed_between_two_writes_consumers_have_a_whole_file(
    made: Place, monkeypatch, survived: int
) -> None:
    """And the next attempt completes it; who reads what is known throughout."""
    first = SINK.deliver(made.writer(), delivery(FIRST, "t-1")).version
    real, left = FilesToWrite.replace, [survived]

    def killed(self, place, content):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        real(self, place, content)

    monkeypatch.setattr(FilesToWrite, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        SINK.deliver(made.writer(), delivery(SECOND, "t-2"))
    monkeypatch.setattr(FilesToWrite, "replace", real)
    assert made.one.opens(made.file) == FIRST
    assert made.workspace().plan().plan.active == ()
    assert SINK.restore(made.writer(), asked(first)).version == first
    SINK.deliver(made.writer(), delivery(SECOND, "t-2"))
    assert made.one.opens(made.file) == SECOND
    assert SINK.restore(made.writer(), asked(first)).version == first
    assert made.one.opens(made.file) == FIRST


def test_another_recipient_without_an_identity_reads_from_the_next_delivery_on(
    made: Place,
) -> None:
    """The plan says who reads now and who will."""
    SINK.deliver(made.writer(), delivery(FIRST, "t-1"))
    workspace = made.workspace()
    workspace.write(made.block(made.two))
    outcome = workspace.apply()
    assert outcome.errors == []
    assert any("next delivery" in item.text for item in outcome.applied.results)
    assert made.one.opens(made.file) == FIRST
    held = workspace.state.resources["age_file.this"].current()
    assert held.attributes["readers"] == [made.one.public]
    SINK.deliver(made.writer(), delivery(SECOND, "t-2", recipients=[made.two.public]))
    assert made.two.opens(made.file) == SECOND


def test_another_recipient_with_an_identity_reads_at_once(made: Place) -> None:
    """The file is encrypted anew; its delivery stays the same one."""
    told = SINK.deliver(made.writer(), delivery(FIRST, "t-1"))
    made.environment["AGE_IDENTITY"] = str(made.one.secret)
    workspace = made.workspace()
    workspace.write(made.block(made.two, more="armor = true"))
    assert workspace.apply().errors == []
    assert made.two.opens(made.file) == FIRST
    assert made.file.read_text().startswith("-----BEGIN AGE ENCRYPTED FILE-----")
    assert SINK.deliver(made.writer(), delivery(FIRST, "t-1")) == told


def test_recipients_that_somebody_slipped_in_get_nothing(made: Place) -> None:
    """Between the read and the delivery; the next plan shows it as drift."""
    beside = made.file.with_name("billing.age.json")
    data = json.loads(beside.read_text())
    beside.write_text(json.dumps({**data, "recipients": [*data["recipients"], Key().public]}))
    before = made.file.read_bytes()
    with pytest.raises(Conflict, match="recipients"):
        SINK.deliver(made.writer(), delivery(FIRST, "t-1", recipients=[made.one.public]))
    assert made.file.read_bytes() == before
    (change,) = made.workspace().plan().plan.active
    assert change.changed == {"recipients"}


def test_a_file_that_is_gone_or_replaced_by_a_link_takes_nothing(
    made: Place, tmp_path: Path
) -> None:
    """A delivery neither makes it again nor writes elsewhere."""
    (tmp_path / "theirs").write_bytes(made.file.read_bytes())
    made.file.unlink()
    with pytest.raises(NotFound):
        SINK.deliver(made.writer(), delivery(FIRST, "t-1"))
    made.file.symlink_to(tmp_path / "theirs")
    with pytest.raises(Conflict, match="no regular file"):
        SINK.deliver(made.writer(), delivery(FIRST, "t-1"))


def test_a_note_that_cannot_be_read_stops_the_plan_with_what_to_do(made: Place) -> None:
    """Rather than guessing who reads."""
    made.file.with_name("billing.age.json").write_text("{")
    with pytest.raises(Retryable, match="version control"):
        SINK.deliver(made.writer(), delivery(FIRST, "t-1"))


def test_a_disk_that_refuses_leaves_the_old_file(made: Place, monkeypatch) -> None:
    """And no half of the new one."""
    SINK.deliver(made.writer(), delivery(FIRST, "t-1"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("perimeter_age.files.os.fsync", full)
    with pytest.raises(Fatal, match="No space left"):
        SINK.deliver(made.writer(), delivery(SECOND, "t-2"))
    assert made.one.opens(made.file) == FIRST
    assert not [path for path in made.file.parent.iterdir() if path.name.startswith(".")]


def test_without_pyrage_the_command_that_installs_it_is_named(made: Place, monkeypatch) -> None:
    """A missing extra is no traceback, and the file stays as it is."""
    before = made.file.read_bytes()
    monkeypatch.setitem(sys.modules, "pyrage", None)
    with pytest.raises(MissingExtra, match=r"perimeter-as-code\[age\]"):
        SINK.deliver(made.writer(), delivery(FIRST, "t-1"))
    assert made.file.read_bytes() == before


def test_a_rename_that_may_not_last_is_in_doubt(made: Place, monkeypatch) -> None:
    """The file is replaced already, so that nobody may take it for undelivered."""

    def refuse(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("perimeter_age.files._settled", refuse)
    with pytest.raises(Fatal) as caught:
        made.writer().replace(made.file, b"x")
    assert caught.value.committed is None


@pytest.mark.skipif(shutil.which("age") is None, reason="the tool age is not on this machine")
@pytest.mark.parametrize("armor", ["false", "true"])
def test_ages_own_tool_opens_it(place: Place, tmp_path: Path, armor: str) -> None:
    """An independent implementation: `age -d`."""
    workspace = place.workspace()
    workspace.write(place.block(place.one, more=f"armor = {armor}"))
    assert workspace.apply().errors == []
    SINK.deliver(place.writer(), delivery(FIRST, "t-1"))
    (tmp_path / "key.txt").write_text(f"{place.one.secret}\n")
    command = ["age", "-d", "-i", str(tmp_path / "key.txt"), str(place.file)]
    assert subprocess.run(command, check=True, capture_output=True).stdout.decode() == FIRST
