"""``perimeter evidence``: what was done, by whom, and whether the log still says so."""

import json
import shutil

import pytest

CONFIG = """
variable "x" { default = "one" }
resource "perimeter_data" "a" { input = var.x }
resource "perimeter_data" "b" { input = "b" }
"""
STATE = "perimeter.state.json"
LOG = f"{STATE}.evidence.jsonl"


@pytest.fixture
def applied(cli, monkeypatch):
    monkeypatch.setenv("PERIMETER_APPROVER", "jo@example.com")
    monkeypatch.setenv("PERIMETER_COMMIT", "abc123")
    cli.write(CONFIG)
    cli.ok("apply", "-auto-approve")
    cli.ok("apply", "-auto-approve", "-var=x=two")
    return cli


def lines(cli):
    return (cli.directory / LOG).read_bytes().splitlines(keepends=True)


def put(cli, found):
    (cli.directory / LOG).write_bytes(b"".join(found))


def words(text):
    return " ".join(text.split())


def test_the_list_names_what_was_done_by_whom(applied):
    out = applied.ok("evidence", "list")
    assert [line.split()[0] for line in out.splitlines()] == ["1", "2", "3"]
    assert "update  perimeter_data.a" in out
    assert "jo@example.com (-auto-approve)" in out
    assert len(applied.ok("evidence", "list", "-last=1").splitlines()) == 1
    assert len(applied.ok("evidence", "list", "-address=perimeter_data.a").splitlines()) == 2
    run = json.loads(applied.ok("evidence", "list", "-json"))["entries"][2]["run"]
    assert len(applied.ok("evidence", "list", f"-run={run}").splitlines()) == 1
    assert "no such entry" in applied.ok("evidence", "list", "-run=none")


def test_one_entry_shows_line_commit_fingerprint_and_hashes(applied):
    out = applied.ok("evidence", "show", "3")
    for part in (
        "Declared at  main.hcl:3",
        "Commit       abc123",
        "Fingerprint",
        "Read back",
        "Previous",
    ):
        assert part in out
    entry = json.loads(applied.ok("evidence", "show", "-json", "1"))
    assert entry["sequence"] == 1
    assert entry["previous"] == ""
    refused = applied("evidence", "show", "9")
    assert (refused.code, "No such entry" in refused.err) == (1, True)


def test_an_intact_log_is_verified_with_the_state_that_seals_it(applied):
    out = applied.ok("evidence", "verify")
    assert "3 entries" in out
    assert "serial 2 seals the first 3" in out
    found = json.loads(applied.ok("evidence", "verify", "-json"))
    assert (found["valid"], found["entries"], found["sealed"]) == (True, 3, 3)


def test_copies_are_verified_anywhere_without_configuration(applied, tmp_path, monkeypatch):
    elsewhere = tmp_path / "auditor"
    elsewhere.mkdir()
    for name, copy in ((LOG, "log"), (STATE, "state")):
        shutil.copy(applied.directory / name, elsewhere / copy)
    monkeypatch.chdir(elsewhere)
    assert "seals the first 3" in applied.ok("evidence", "verify", "-file=log", "-state=state")
    assert "would not show" in applied.ok("evidence", "verify", "-file=log")
    cut = (elsewhere / "log").read_bytes().splitlines(keepends=True)[:2]
    (elsewhere / "log").write_bytes(b"".join(cut))
    assert applied("evidence", "verify", "-file=log").code == 0
    refused = applied("evidence", "verify", "-file=log", "-state=state")
    assert (refused.code, "tail was cut" in words(refused.err)) == (1, True)
    for flags in (("-file=none",), ("-file=log", "-state=none")):
        assert "not readable" in applied("evidence", "verify", *flags).err


@pytest.mark.parametrize(
    ("change", "entry", "said"),
    [
        (lambda log: [log[0].replace(b"abc123", b"abc124"), *log[1:]], 1, "was changed"),
        (lambda log: [log[0], log[2]], 2, "removed or moved"),
        (lambda log: [log[1], log[0], log[2]], 1, "removed or moved"),
        (lambda log: log[:2], 3, "tail was cut"),
        (lambda log: [*log[:2], log[2][:-9]], 3, "half-written"),
    ],
)
def test_what_was_done_to_the_log_is_named(applied, change, entry, said):
    put(applied, change(lines(applied)))
    refused = applied("evidence", "verify")
    assert refused.code == 1
    assert "Evidence log is broken" in refused.err
    assert said in words(refused.err)
    found = json.loads(applied("evidence", "verify", "-json").out)
    assert (found["valid"], found["entry"]) == (False, entry)


def test_an_older_state_that_was_put_back_is_told_by_its_evidence(applied):
    old = (applied.directory / f"{STATE}.backup").read_bytes()
    (applied.directory / STATE).write_bytes(old)
    refused = applied("evidence", "verify")
    assert refused.code == 1
    assert "State is older than its evidence" in refused.err
    assert "Entry 3" in words(refused.err)


def test_a_line_that_is_no_entry_sends_to_verify(applied):
    put(applied, [*lines(applied), b"nonsense\n"])
    refused = applied("evidence", "list")
    assert (refused.code, "perimeter evidence verify" in words(refused.err)) == (1, True)


def test_an_empty_log_is_fine(cli):
    cli.write("")
    assert "empty" in cli.ok("evidence", "verify")
    assert "no such entry" in cli.ok("evidence", "list")
