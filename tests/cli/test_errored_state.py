"""``errored.state``: an apply whose backend stopped answering leaves its state beside the configuration."""

from pathlib import Path

import pytest

from perimeter.state.codec import decode_state
from perimeter.state.errors import state_error
from perimeter.state.local import LocalBackend

GOLDEN = Path(__file__).parent.parent / "golden"
TEXT = """
resource "perimeter_data" "a" {{
  input = "{}"
}}
output "o" {{
  value = perimeter_data.a.output
}}
"""


@pytest.fixture
def unreachable(cli, monkeypatch):
    """The second apply's state cannot be written."""
    cli.write(TEXT.format("one"))
    cli.ok("apply", "-auto-approve")
    cli.write(TEXT.format("two"))
    write = LocalBackend.write_state

    def refuse(_backend, _state, _etag):
        raise state_error("Could not write state", "The bucket does not answer.")

    monkeypatch.setattr(LocalBackend, "write_state", refuse)
    result = cli("apply", "-auto-approve")
    monkeypatch.setattr(LocalBackend, "write_state", write)
    return cli, result


def test_it_says_what_happened_and_what_to_do(unreachable):
    """In Terraform's words, with our command."""
    cli, result = unreachable
    assert result.code == 1
    golden = (GOLDEN / "errored_state.txt").read_text(encoding="utf-8")
    assert result.err == golden
    kept = cli.directory / "errored.state"
    assert kept.stat().st_mode & 0o777 == 0o600
    state = decode_state(kept.read_bytes(), where="errored.state")
    assert (state.serial, state.outputs["o"].value) == (2, "two")
    assert LocalBackend().load().state.serial == 1


def test_pushing_it_ends_the_matter(unreachable):
    """Nothing is left to do, and the evidence says who pushed it."""
    cli, _ = unreachable
    assert cli.ok("state", "push", "errored.state") == "Wrote the state; its serial is 2.\n"
    assert cli.ok("output", "-raw", "o") == "two"
    assert "No changes." in cli.ok("plan")
    assert LocalBackend().load().records == ()


def test_the_next_apply_does_without_it(unreachable):
    """The journal holds what was done; a late push is refused."""
    cli, _ = unreachable
    cli.ok("apply", "-auto-approve")
    assert cli.ok("output", "-raw", "o") == "two"
    assert LocalBackend().load().state.serial == 2
    cli.write(TEXT.format("three"))
    cli.ok("apply", "-auto-approve")
    assert "Older state" in cli("state", "push", "errored.state").err


def test_an_earlier_one_is_not_overwritten(cli, monkeypatch):
    """Each gets a name of its own."""
    cli.write("", "errored.state")
    cli.write(TEXT.format("one"))

    def refuse(_backend, _state, _etag):
        raise state_error("Could not write state", "The bucket does not answer.")

    monkeypatch.setattr(LocalBackend, "write_state", refuse)
    assert "perimeter state push errored.state.2" in cli("apply", "-auto-approve").err
    assert (cli.directory / "errored.state").read_text() == ""


def test_where_nothing_can_be_written_it_says_so(cli, monkeypatch):
    """Neither there nor here."""
    cli.write(TEXT.format("one"))

    def refuse(_backend, _state, _etag):
        raise state_error("Could not write state", "The bucket does not answer.")

    monkeypatch.setattr(LocalBackend, "write_state", refuse)
    (cli.directory / "errored.state").symlink_to("/nowhere/at/all")
    monkeypatch.setattr("perimeter.cli.errored.NAME", "/nowhere/errored.state")
    result = cli("apply", "-auto-approve")
    assert result.code == 1
    assert "Failed to keep the state" in result.err
    assert "the next apply looks it up" in result.err.replace("\n", " ")


def test_it_is_encrypted_like_the_state(cli, monkeypatch):
    """What must not lie in the bucket in the clear does not lie in the directory either."""
    monkeypatch.setenv("PERIMETER_ENCRYPTION", 'passphrase = "correct horse battery staple"')
    cli.write(TEXT.format("a-value-to-look-for"))
    write = LocalBackend.write_state

    def refuse(_backend, _state, _etag):
        raise state_error("Could not write state", "The bucket does not answer.")

    monkeypatch.setattr(LocalBackend, "write_state", refuse)
    cli("apply", "-auto-approve")
    monkeypatch.setattr(LocalBackend, "write_state", write)
    assert b"a-value-to-look-for" not in (cli.directory / "errored.state").read_bytes()
    cli.ok("state", "push", "errored.state")
    assert cli.ok("output", "-raw", "o") == "a-value-to-look-for"
    assert b"a-value-to-look-for" not in (cli.directory / "perimeter.state.json").read_bytes()
