"""How a command line is understood, and what happens when it is not."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from perimeter.cli.command import load
from perimeter.cli.table import COMMANDS, GROUPS, MAIN, OTHER, SUB

DATA = 'resource "perimeter_data" "a" {\n  input = "x"\n}\n'


def test_bare_prints_usage_and_exits_127(cli):
    """As Terraform does."""
    result = cli()
    assert result.code == 127
    assert result.out.startswith("Usage: perimeter [global options] <subcommand> [args]")
    assert cli("-help").code == 0
    assert cli("state").code == 127


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help(cli, name):
    """Usage, what it does, and each of its flags."""
    out = cli.ok(*name.split(), "-help")
    assert out.startswith(f"Usage: perimeter [global options] {name}")
    assert cli.ok(*name.split(), "--help") == out
    for param in load(name).params:
        if param.param_type_name == "option":
            assert f"-{param.opts[0].lstrip('-')}" in out
            assert param.help


def test_the_table_and_the_usage_agree(cli):
    """Each command that usage names can be run or has commands below it."""
    assert {*MAIN, *OTHER} <= COMMANDS | GROUPS
    assert {name.split()[0] for name in SUB} == GROUPS
    for name in (*MAIN, *OTHER):
        assert f"\n  {name} " in cli().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plam"], 'perimeter has no command named "plam". Did you mean "plan"?'),
        (
            ["state", "lst"],
            'perimeter has no command named "state lst". Did you mean "state list"?',
        ),
        (["plan", "-nope"], "flag provided but not defined: -nope"),
        (["plan", "-detailed-exitcod"], "Did you mean -detailed-exitcode?"),
        (["plan", "-refresh=maybe"], 'invalid boolean value "maybe" for -refresh: parse error'),
        (["plan", "-parallelism=x"], 'invalid value "x" for flag -parallelism: parse error'),
        (["plan", "-out"], "flag needs an argument: -out"),
        (["plan", "extra"], "unexpected extra argument (extra)"),
        (["state", "show"], "Missing argument"),
        (["-chdir=nope", "plan"], "Error handling -chdir option"),
        (["-chdir", "plan"], "-chdir=DIR"),
        (["-wat", "plan"], "no global option -wat"),
        (["apply", "-lock-timeout=soon"], '"soon" is not a duration'),
        (["plan", "-target=a..b"], 'Invalid target "a..b"'),
        (["plan", "-destroy", "-refresh-only"], "mutually exclusive"),
        (["plan", "-refresh-only", "-refresh=false"], "doesn't make sense"),
        (["plan", "-parallelism=0"], "At least one call"),
        (["plan", "-var=x"], "Invalid -var option"),
        (["plan", "-snapshot=none.json"], "none.json"),
        (["apply", "none.plan"], "Failed to load the plan file"),
    ],
)
def test_what_is_not_understood_is_said_and_exits_1(cli, arguments, words):
    """On stderr, without a traceback."""
    cli.write(DATA)
    result = cli(*arguments)
    assert result.code == 1
    assert words.lower() in " ".join(result.err.split()).lower()
    assert "Traceback" not in result.err


def test_flags_may_be_written_in_every_way(cli):
    """One dash or two, with an equals sign or without; a switch never takes the next argument."""
    cli.write('variable "v" {}\nvariable "w" {}\noutput "o" {\n  value = "${var.v}${var.w}"\n}\n')
    cli.write('v = "file"\nw = "file"\n', "x.vars.hcl")
    out = cli.ok("plan", "-var", "v=1", "--var=w=2", "-no-color")
    assert '+ o = "12"' in out
    assert '+ o = "file2"' in cli.ok("plan", "-var=v=1", "-var-file=x.vars.hcl", "--var", "w=2")
    assert '+ o = "1file"' in cli.ok("plan", "-var-file", "x.vars.hcl", "-var", "v=1")
    assert cli.ok("plan", "-var=v=1", "-var=w=2", "-out", "p", "-refresh")
    assert "Apply complete!" in cli.ok("apply", "-auto-approve", "p")


def test_arguments_from_the_environment(cli, monkeypatch):
    """For every command and for one; what is typed comes after them."""
    cli.write('variable "v" {}\noutput "o" {\n  value = var.v\n}\n')
    monkeypatch.setenv("PERIMETER_CLI_ARGS", "-no-color")
    monkeypatch.setenv(
        "PERIMETER_CLI_ARGS_plan", "-detailed-exitcode '-var=v=from the environment'"
    )
    result = cli("plan")
    assert result.code == 2
    assert "from the environment" in result.out
    monkeypatch.setenv("PERIMETER_VAR_v", "lower")
    assert "from the environment" in cli("plan").out
    monkeypatch.delenv("PERIMETER_CLI_ARGS_plan")
    assert '"lower"' in cli.ok("plan")


def test_chdir(cli):
    """Paths of flags are relative to where it leads."""
    cli.write(DATA, "inner/main.hcl")
    assert "perimeter_data.a will be created" in cli.ok("-chdir=inner", "plan", "-out=p")
    assert Path("p").exists()
    assert Path.cwd().name == "inner"


def test_a_bug_becomes_a_diagnostic_and_a_report(cli, monkeypatch):
    """Never a traceback; the report holds it, secrets left out."""
    cli.write('variable "s" {\n  sensitive = true\n  default   = "s3cret-in-a-crash"\n}\n' + DATA)

    def broken(*_args, **_more):
        raise ZeroDivisionError("with s3cret-in-a-crash inside")

    monkeypatch.setattr("perimeter.cli.commands.plan.make_plan", broken)
    result = cli("plan")
    assert result.code == 1
    assert "Error: perimeter crashed" in result.err
    assert "Traceback" not in result.err
    report = next(cli.directory.glob("perimeter-crash-*.log")).read_text()
    assert "ZeroDivisionError" in report
    assert "make_plan" in report
    for text in (result.out, result.err, report):
        assert "s3cret" not in text


def test_an_interrupt_while_planning_exits_1(cli, monkeypatch):
    """One line says that nothing was changed."""
    cli.write(DATA)

    def interrupted(*_args, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr("perimeter.cli.commands.plan.make_plan", interrupted)
    result = cli("plan")
    assert result.code == 1
    assert "Interrupted. Nothing was changed." in result.err


def test_windows_gets_one_clear_sentence(cli, monkeypatch):
    """And nothing is tried."""
    from perimeter.cli import main

    class Nt:
        name = "nt"

    monkeypatch.setattr(main, "os", Nt)
    result = cli("plan")
    assert (result.code, result.err) == (
        1,
        "perimeter runs on Linux and macOS; on Windows use WSL.\n",
    )


def test_logging_is_silent_unless_asked_for_and_redacted(cli, monkeypatch):
    """PERIMETER_LOG names the level; secrets never reach it."""
    from perimeter.sdk.redact import SECRETS

    SECRETS.add("s3cret-in-a-log")
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        root.handlers.clear()
        monkeypatch.setenv("PERIMETER_LOG", "debug")
        monkeypatch.setenv("PERIMETER_LOG_PATH", "log.txt")
        cli.ok("state", "list")
        logging.getLogger("perimeter.test").debug("it is %s", "s3cret-in-a-log")
        text = (cli.directory / "log.txt").read_text()
        assert "it is (redacted)" in text
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = before
        root.setLevel(level)


def test_colour_follows_the_terminal_the_environment_and_the_flag(monkeypatch):
    """NO_COLOR and -no-color turn it off; a pipe has none."""
    import io

    from perimeter.cli.terminal import Terminal

    class Tty(io.StringIO):
        def isatty(self):
            return True

    def style(environment, color=None, stream=None):
        out = stream or Tty()
        return Terminal(out=out, err=out, input=out, environment=environment, color=color).style()

    assert style({}).color
    assert not style({"NO_COLOR": "1"}).color
    assert not style({"TERM": "dumb"}).color
    assert not style({}, color=False).color
    assert not style({}, stream=io.StringIO()).color


def test_version_answers_at_once():
    """Nothing of the engine, and not even click, is loaded for it."""
    code = (
        "import sys; from perimeter.cli.main import run; run(['version']); "
        "print(sorted(n for n in sys.modules if n.startswith(('perimeter', 'click', 'msgspec', 'httpx'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("perimeter v")
    assert (
        "['perimeter', 'perimeter.cli', 'perimeter.cli.main', 'perimeter.cli.table', 'perimeter.cli.versions']"
        in done.stdout
    )


def test_version_as_json(cli):
    """Also with what the lock file holds."""
    import json

    cli.write(DATA)
    cli.ok("init")
    data = json.loads(cli.ok("version", "-json"))
    assert data["provider_selections"].keys() == {"perimeter"}
    assert "+ provider perimeter v" in cli.ok("version")
    assert cli.ok("-version") == cli.ok("version")
