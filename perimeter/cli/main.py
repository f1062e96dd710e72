"""Where ``perimeter`` starts: global options, the command, and whatever goes wrong.

Nothing heavy is imported here: ``perimeter version`` must answer at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from perimeter.cli.table import COMMANDS, GROUPS, usage

if TYPE_CHECKING:
    from perimeter.cli.terminal import Terminal


class _UsageError(Exception):
    """The command line makes no sense before a command is reached; the text is all that is printed."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; return the exit code. Never raises."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if os.name == "nt":
        sys.stderr.write("perimeter runs on Linux and macOS; on Windows use WSL.\n")
        return 1
    try:
        return _run(given)
    except _UsageError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. Nothing was changed.\n")
        if arguments is None:
            # Reads under way would otherwise be waited for.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(1)
        return 1
    except BrokenPipeError:
        # Whoever read our output has gone; Python must not complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(arguments: list[str]) -> int:
    chosen, rest = _globals(arguments)
    if "chdir" in chosen:
        try:
            os.chdir(chosen["chdir"])
        except OSError as problem:
            raise _UsageError(
                f"Error handling -chdir option: {problem.strerror}: {chosen['chdir']}"
            ) from None
    if not rest:
        sys.stdout.write(usage())
        return 0 if "help" in chosen else 127
    name, rest = _command(rest)
    if "help" in chosen:
        rest = ["-help"]
    if name in GROUPS - COMMANDS:
        sys.stdout.write(usage(name))
        return 0 if rest and rest[0].lstrip("-") in ("help", "h") else 127
    arguments = [*_from_environment(name), *rest]
    if name == "version" and set(arguments) <= {"-json", "--json"}:
        from perimeter.cli.versions import version_text

        sys.stdout.write(version_text(as_json=bool(arguments)))
        return 0
    from perimeter.cli.terminal import Terminal

    terminal = Terminal.of_process(color=False if "no-color" in chosen else None)
    return _invoke(name, arguments, terminal)


def _globals(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """Options before the command."""
    found: dict[str, str] = {}
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        name, equals, value = rest.pop(0).lstrip("-").partition("=")
        match name:
            case "help" | "h":
                found["help"] = ""
            case "version" | "v":
                return found, ["version", *rest]
            case "no-color":
                found["no-color"] = ""
            case "chdir":
                if not equals:
                    raise _UsageError("The -chdir option needs a value: -chdir=DIR")
                found["chdir"] = value
            case _:
                raise _UsageError(
                    f"There is no global option -{name}. Options of a command stand after its name.\n\n"
                    "To see all global options, run:\n  perimeter -help"
                )
    return found, rest


def _command(rest: list[str]) -> tuple[str, list[str]]:
    name = rest[0]
    if name == "help":
        return ("help", [])
    if name in GROUPS:
        if len(rest) > 1 and not rest[1].startswith("-"):
            full = f"{name} {rest[1]}"
            if full in COMMANDS:
                return full, rest[2:]
            if name not in COMMANDS:
                raise _UsageError(_unknown(full, [c for c in COMMANDS if c.startswith(f"{name} ")]))
        if name not in COMMANDS:
            return name, rest[1:]
    if name not in COMMANDS:
        raise _UsageError(_unknown(name, [*COMMANDS, *GROUPS]))
    return name, rest[1:]


def _unknown(name: str, known: Sequence[str]) -> str:
    from perimeter.diagnostics import did_you_mean

    where = f"{name.rpartition(' ')[0]} " if " " in name else ""
    return (
        f'perimeter has no command named "{name}".{did_you_mean(name, known)}\n\n'
        f"To see all of perimeter's {'sub' if where else 'top-level '}commands, run:\n  perimeter {where}-help"
    )


def _from_environment(name: str) -> list[str]:
    """Arguments that the environment adds: for every command, then for this one."""
    if not any(variable.startswith("PERIMETER_CLI_ARGS") for variable in os.environ):
        return []
    import shlex

    own = f"PERIMETER_CLI_ARGS_{name.replace(' ', '_').replace('-', '_')}"
    return [
        argument
        for variable in ("PERIMETER_CLI_ARGS", own)
        for argument in shlex.split(os.environ.get(variable, ""))
    ]


def _invoke(name: str, arguments: list[str], terminal: Terminal) -> int:
    from perimeter.cli.command import Invocation, load

    command = load(name)
    invocation = Invocation(name=name, terminal=terminal)
    return invocation.run(command, arguments)
