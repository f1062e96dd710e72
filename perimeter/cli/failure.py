"""What becomes of a command that fails: a diagnostic, an exit code, at worst a crash report; never a traceback."""

from __future__ import annotations

import platform
import sys
import traceback
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from perimeter.diagnostics import Diagnostic, DiagnosticError, error

if TYPE_CHECKING:
    from perimeter.cli.command import Command, Invocation
    from perimeter.hcl.source import SourceFile


class Refused(Exception):
    """The command cannot go on; the diagnostics say why."""

    def __init__(
        self, diagnostics: Iterable[Diagnostic], sources: Mapping[str, SourceFile] | None = None
    ) -> None:
        super().__init__()
        self.diagnostics = tuple(diagnostics)
        self.sources = sources or {}


def refuse(summary: str, detail: str) -> Refused:
    """A refusal of one diagnostic."""
    return Refused([error(summary, detail)])


def guarded(invocation: Invocation, command: Command, arguments: list[str]) -> int:
    """Run a command and turn whatever happens into an exit code."""
    from perimeter.cli.logs import configure_logging
    from perimeter.cli.report import TextReporter

    terminal = invocation.terminal
    arguments, plain = _without_color(arguments)
    if plain:
        from dataclasses import replace

        terminal = invocation.terminal = replace(terminal, color=False)
    invocation.reporter = TextReporter(terminal)
    configure_logging(terminal)
    try:
        result = command.main(
            arguments,
            prog_name=f"perimeter {invocation.name}",
            standalone_mode=False,
            obj=invocation,
        )
        return int(result or 0)
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except click.UsageError as problem:
        return _usage(invocation, problem)
    except Refused as refusal:
        invocation.reporter.diagnostics(refusal.diagnostics, refusal.sources)
        return 1
    except DiagnosticError as problem:
        invocation.reporter.diagnostics(problem.diagnostics, {})
        return 1
    except (BrokenPipeError, KeyboardInterrupt, SystemExit):
        raise
    except click.Abort:
        raise KeyboardInterrupt from None
    except Exception as problem:  # noqa: BLE001 - the last resort: nobody is shown a traceback
        return _crashed(invocation, problem)
    finally:
        invocation.reporter.close()


def _without_color(arguments: list[str]) -> tuple[list[str], bool]:
    """``-no-color`` is every command's."""
    names = ("-no-color", "--no-color", "-no-color=true", "--no-color=true")
    kept = [item for item in arguments if item not in names]
    return kept, len(kept) != len(arguments)


def _usage(invocation: Invocation, problem: click.UsageError) -> int:
    detail = f"{problem.format_message()}\n\nFor more help on using this command, run:\n  perimeter {invocation.name} -help"
    invocation.reporter.diagnostics([error("Failed to parse command-line flags", detail)], {})
    return 1


def _crashed(invocation: Invocation, problem: Exception) -> int:
    from perimeter import __version__
    from perimeter.sdk.redact import SECRETS

    text = "\n".join(
        [
            f"perimeter {__version__}, Python {platform.python_version()}, {sys.platform}",
            f"command: {invocation.name}",
            f"at: {datetime.now(UTC).isoformat(timespec='seconds')}",
            "",
            "".join(traceback.format_exception(problem)),
        ]
    )
    where = Path(f"perimeter-crash-{datetime.now(UTC):%Y%m%d-%H%M%S}.log")
    try:
        where.write_text(SECRETS.redact(text), encoding="utf-8")
        report = (
            f"What is needed to find it was written to {where}, secrets left out; please report it."
        )
    except OSError:
        report = "No crash report could be written here."
    detail = (
        f"{type(problem).__name__}: {problem}\n\nThis is a bug of perimeter, not of your configuration. {report} "
        "What an apply had begun is in the journal; the next run takes it up."
    )
    invocation.reporter.diagnostics([error("perimeter crashed", detail)], {})
    return 1
