"""``perimeter console``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.console import Expressions, expressions
from perimeter.cli.flags import STATE, VARIABLES
from perimeter.cli.workspace import SCRATCH

_HISTORY = 1_000
_HELP = """\
The perimeter console evaluates expressions of the configuration language:

  1 + 5
  var.name
  okta_app.crm.label
  [for key in keys(local.teams) : upper(key)]

State is what the last apply left; no tenant is read. To leave, type "exit" or
press Ctrl-D.
"""


@command("console")
@flags(
    switch("json", 'Read {"expr": "…"} a line, and answer each with a JSON object.'),
    VARIABLES,
    STATE,
)
def run(invocation: Invocation, **given: Any) -> int:
    """Evaluate expressions: typed at a prompt, or one per line of what is piped in.

    The configuration's values and the state are at hand; nothing is changed
    and no tenant is read. With -json an error is an answer like any other and
    does not end the run.
    """
    found = expressions(invocation, given)
    terminal = invocation.terminal
    if given["json"]:
        return _machine(invocation, found)
    if not terminal.input.isatty():
        return _piped(invocation, found)
    return _typed(invocation, found)


def _machine(invocation: Invocation, found: Expressions) -> int:
    from perimeter.ui.console_json import answer_json, refusal_json

    for line in _lines(invocation):
        if not line.strip():
            continue
        text = _expression(line)
        answer = refusal_json() if text is None else answer_json(found.answer(text))
        invocation.terminal.print(json.dumps(answer) + "\n")
    return 0


def _expression(line: str) -> str | None:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return None
    text = request.get("expr") if isinstance(request, dict) else None
    return text if isinstance(text, str) else None


def _lines(invocation: Invocation) -> Iterator[str]:
    """The lines of the input; bytes that are no UTF-8 become characters that no expression may hold."""
    stream = invocation.terminal.input
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(encoding="utf-8", errors="surrogateescape")
    yield from stream


def _piped(invocation: Invocation, found: Expressions) -> int:
    waiting = ""
    for line in _lines(invocation):
        waiting += line
        if _is_open(waiting):
            continue
        text, waiting = waiting.strip(), ""
        if text in ("exit", "quit"):
            return 0
        if text and not _answer(invocation, found, text):
            return 1
    return 0 if not waiting.strip() or _answer(invocation, found, waiting.strip()) else 1


def _typed(invocation: Invocation, found: Expressions) -> int:
    terminal = invocation.terminal
    keep = _history()
    try:
        while True:
            try:
                text = _prompted()
            except EOFError:
                terminal.print("\n")
                return 0
            except KeyboardInterrupt:
                terminal.print("\n")
                continue
            if text.strip() in ("exit", "quit"):
                return 0
            if text.strip() == "help":
                terminal.print(_HELP)
            elif text.strip():
                _answer(invocation, found, text)
    finally:
        keep()


def _prompted() -> str:
    text = input("> ")
    while _is_open(text):
        text += "\n" + input(": ")
    return text


def _is_open(text: str) -> bool:
    """Whether a bracket is still open, so that the expression goes on in the next line."""
    depth = 0
    quoted = False
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and quoted:
            at += 1
        elif char == '"':
            quoted = not quoted
        elif not quoted and char in "([{":
            depth += 1
        elif not quoted and char in ")]}":
            depth -= 1
        elif not quoted and char == "#":
            break
        at += 1
    return depth > 0


def _answer(invocation: Invocation, found: Expressions, text: str) -> bool:
    """Print what an expression gives, or what is wrong with it; say whether it was right."""
    from perimeter.lang.render import render

    answer = found.answer(text)
    if answer.diagnostics:
        invocation.reporter.diagnostics(answer.diagnostics, answer.sources)
    if answer.value is None:
        return False
    invocation.terminal.print(f"{render(answer.value)}\n")
    return True


def _history() -> Any:
    """Arrow keys, and what was typed before, where Python was built with them; returns what keeps it."""
    try:
        import readline
    except ImportError:
        return lambda: None
    import contextlib

    path = SCRATCH / "console_history"
    readline.set_history_length(_HISTORY)
    with contextlib.suppress(OSError):
        readline.read_history_file(path)

    def keep() -> None:
        with contextlib.suppress(OSError):
            _private(path)
            readline.write_history_file(path)

    return keep


def _private(path: Path) -> None:
    """Make sure that nobody else can read what was typed."""
    path.parent.mkdir(exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
