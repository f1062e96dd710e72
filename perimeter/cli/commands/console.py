"""``perimeter console``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from perimeter.addresses import ROOT
from perimeter.cli.command import Invocation, command, flags
from perimeter.cli.evaluating import evaluated
from perimeter.cli.failure import Refused
from perimeter.cli.flags import STATE, VARIABLES
from perimeter.cli.workspace import HERE, loaded, place, remembered_state
from perimeter.config.model import Config
from perimeter.config.references import ANYWHERE, find
from perimeter.diagnostics import Diagnostics, Range
from perimeter.engine.evaluation import Evaluation
from perimeter.engine.scope import ModuleScope
from perimeter.hcl import parse_expression
from perimeter.hcl.nodes import Expr
from perimeter.lang.evaluate import evaluate
from perimeter.lang.references import references
from perimeter.lang.render import render
from perimeter.lang.scope import Scope, StaticScope, Traversal
from perimeter.lang.values import Value

_FILE = "<console-input>"
_HELP = """\
The perimeter console evaluates expressions of the configuration language:

  1 + 5
  var.name
  okta_app.crm.label
  [for key in keys(local.teams) : upper(key)]

State is what the last apply left; no tenant is read. To leave, type "exit" or
press Ctrl-D.
"""


class _ConsoleScope:
    """The root module as the console sees it: ``type`` may be called, and the time is now."""

    console = True
    planning = False

    def __init__(self, inner: ModuleScope, config: Config) -> None:
        self._inner = inner
        self._config = config
        self.base_dir = inner.base_dir
        self.now = inner.now

    def check(self, expr: Expr, diagnostics: Diagnostics) -> None:
        """Report references to what the root module does not declare."""
        for traversal in references(expr):
            find(self._config, self._config.root, traversal, ANYWHERE, diagnostics)

    def resolve(self, traversal: Traversal, diagnostics: Diagnostics) -> tuple[Value, int]:
        """As inside the root module."""
        return self._inner.resolve(traversal, diagnostics)

    def call(
        self, name: str, args: Sequence[Value], where: Range, diagnostics: Diagnostics
    ) -> Value | None:
        """As inside the root module."""
        return self._inner.call(name, args, where, diagnostics)


@command("console")
@flags(VARIABLES, STATE)
def run(invocation: Invocation, **given: Any) -> int:
    """Evaluate expressions: typed at a prompt, or one per line of what is piped in.

    The configuration's values and the state are at hand; nothing is changed
    and no tenant is read.
    """
    scope = _scope(invocation, given)
    terminal = invocation.terminal
    if not terminal.input.isatty():
        return _piped(invocation, scope)
    _history()
    while True:
        try:
            text = _typed()
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
            _answer(invocation, scope, text)


def _scope(invocation: Invocation, given: dict[str, Any]) -> Scope:
    if not any(HERE.glob("*.hcl")):
        return StaticScope({}, planning=False, console=True)
    configuration = loaded(invocation)
    state = remembered_state(place(configuration.config, given["state"]))
    planned = evaluated(configuration, invocation.terminal.environment, state)
    if planned.evaluation is None:
        raise Refused(planned.diagnostics, configuration.sources)
    found: Evaluation = planned.evaluation
    assert configuration.config is not None
    return _ConsoleScope(found.scope(ROOT), configuration.config)


def _piped(invocation: Invocation, scope: Scope) -> int:
    waiting = ""
    for line in invocation.terminal.input:
        waiting += line
        if _is_open(waiting):
            continue
        text, waiting = waiting.strip(), ""
        if text in ("exit", "quit"):
            return 0
        if text and not _answer(invocation, scope, text):
            return 1
    return 0 if not waiting.strip() or _answer(invocation, scope, waiting.strip()) else 1


def _typed() -> str:
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


def _answer(invocation: Invocation, scope: Scope, text: str) -> bool:
    """Print what an expression gives, or what is wrong with it; say whether it was right."""
    expr, problems = parse_expression(text, _FILE)
    found = Diagnostics(problems)
    if expr is not None and isinstance(scope, _ConsoleScope):
        scope.check(expr, found)
    value = evaluate(expr, scope, found) if expr is not None and not found.has_errors else None
    if found:
        sources = {_FILE: expr.src} if expr is not None else {}
        invocation.reporter.diagnostics(found, sources)
    if found.has_errors or value is None:
        return False
    invocation.terminal.print(f"{render(value)}\n")
    return True


def _history() -> None:
    """Arrow keys, where Python was built with them."""
    try:
        import readline
    except ImportError:
        return
    readline.parse_and_bind("set bell-style none")
