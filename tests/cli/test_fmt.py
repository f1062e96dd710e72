"""``perimeter fmt``: which files, what is printed, which exit code."""

import io
import sys

import pytest

MESSY, TIDY = "a=1\nbbb = 2\n", "a   = 1\nbbb = 2\n"


def test_files_are_rewritten_and_listed(cli):
    """Configuration, variables and tests; not JSON, hidden or other tools' files."""
    names = ["main.hcl", "x.vars.hcl", "x.test.hcl", "x.mock.hcl"]
    others = ["main.hcl.json", ".hidden.hcl", "terragrunt.hcl", "x.tf", "a.hcl~"]
    for name in [*names, *others]:
        cli.write(MESSY, name)
    cli.write(TIDY, "tidy.hcl")
    assert cli.ok("fmt") == "".join(f"{name}\n" for name in sorted(names))
    for name in [*names, "tidy.hcl"]:
        assert (cli.directory / name).read_text() == TIDY
    for name in others:
        assert (cli.directory / name).read_text() == MESSY
    assert cli.ok("fmt") == ""


def test_directories_below_only_when_asked(cli):
    """-recursive goes into them, hidden ones excepted."""
    cli.write(MESSY, "m/n/main.hcl")
    cli.write(MESSY, ".perimeter/main.hcl")
    assert cli.ok("fmt") == ""
    assert cli.ok("fmt", "-recursive") == "m/n/main.hcl\n"
    assert (cli.directory / ".perimeter/main.hcl").read_text() == MESSY


def test_targets(cli):
    """Files and directories by name, in that order."""
    cli.write(MESSY, "a.hcl")
    cli.write(MESSY, "b.hcl")
    cli.write(MESSY, "m/c.hcl")
    assert cli.ok("fmt", "m", "b.hcl") == "m/c.hcl\nb.hcl\n"
    assert (cli.directory / "a.hcl").read_text() == MESSY


def test_check_writes_nothing(cli):
    """Exit code 3 while a file is not formatted."""
    cli.write(MESSY)
    result = cli("fmt", "-check")
    assert (result.code, result.out) == (3, "main.hcl\n")
    result = cli("fmt", "-check", "-list=false")
    assert (result.code, result.out) == (3, "")
    assert (cli.directory / "main.hcl").read_text() == MESSY
    cli.ok("fmt")
    assert cli.ok("fmt", "-check") == ""


def test_diff(cli):
    """As a unified diff, with the file written unless -write=false."""
    cli.write("a=1\nbbb = 2")
    diff = (
        "main.hcl\n--- old/main.hcl\n+++ new/main.hcl\n@@ -1,2 +1,2 @@\n-a=1\n+a   = 1\n"
        " bbb = 2\n\\ No newline at end of file\n"
    )
    assert cli.ok("fmt", "-diff", "-write=false") == diff
    assert (cli.directory / "main.hcl").read_text() == "a=1\nbbb = 2"
    assert cli.ok("fmt", "-diff") == diff
    assert (cli.directory / "main.hcl").read_text() == "a   = 1\nbbb = 2"


def test_without_list_write_and_diff_the_result_is_printed(cli):
    """Formatted files, too."""
    cli.write(MESSY, "a.hcl")
    cli.write("x = 1\n", "b.hcl")
    assert cli.ok("fmt", "-list=false", "-write=false") == f"{TIDY}x = 1\n"


def test_standard_input(cli):
    """ "-" writes the result, or with -check only the exit code."""
    assert cli.ok("fmt", "-", typed=MESSY) == TIDY
    assert cli.ok("fmt", "-", typed=TIDY) == TIDY
    result = cli("fmt", "-check", "-", typed=MESSY)
    assert (result.code, result.out) == (3, "")
    assert cli.ok("fmt", "-check", "-", typed=TIDY) == ""
    assert cli.ok("fmt", "-diff", "-", typed=MESSY).startswith("--- old/<stdin>\n+++ new/<stdin>\n")


def test_line_breaks_stay_as_they_are(cli, monkeypatch, capsys):
    """CRLF in a file and on standard input."""
    path = cli.directory / "main.hcl"
    path.write_bytes(b"a=1\r\nbbb = 2\r\n")
    cli.ok("fmt")
    assert path.read_bytes() == b"a   = 1\r\nbbb = 2\r\n"
    from perimeter.cli.main import run

    raw = io.TextIOWrapper(io.BytesIO(b"a=1\r\nbbb = 2\r\n"), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", raw)
    assert run(["fmt", "-"]) == 0
    assert capsys.readouterr().out == "a   = 1\r\nbbb = 2\r\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a = \n", "Invalid expression"),
        (b'a = "x\n', "main.hcl line 1"),
        (b'a = "\xff"\n', "Invalid character encoding"),
    ],
    ids=["expression", "quote", "encoding"],
)
def test_what_cannot_be_formatted_is_left_alone(cli, content, words):
    """Exit code 2, and the other files are formatted."""
    (cli.directory / "main.hcl").write_bytes(content)
    cli.write(MESSY, "other.hcl")
    result = cli("fmt")
    assert result.code == 2
    assert words in result.err
    assert (cli.directory / "main.hcl").read_bytes() == content
    assert (cli.directory / "other.hcl").read_text() == TIDY


def test_targets_that_are_none(cli):
    """A missing file and one of another kind."""
    cli.write("{}", "main.hcl.json")
    result = cli("fmt", "nowhere.hcl", "main.hcl.json")
    assert result.code == 2
    assert 'no file or directory at "nowhere.hcl"' in result.err
    assert "Not a file in HCL syntax" in result.err
