"""Commands: click's, with the flags and the help that Terraform's users know."""

from __future__ import annotations

import importlib
import keyword
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from perimeter.diagnostics import did_you_mean

if TYPE_CHECKING:
    from perimeter.cli.terminal import Terminal

ORDER = "perimeter.order"
"""Where a context keeps (name, value) of repeated flags in the order they were given."""

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


class FlagError(click.UsageError):
    """A flag that cannot be understood."""


class Command(click.Command):
    """A command whose flags are written ``-flag``, ``-flag=value`` or ``-flag value``, with one dash or two."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Bring the arguments into the form click expects, keeping the order of repeated flags."""
        flags = {
            param.opts[0].lstrip("-"): param
            for param in self.params
            if isinstance(param, click.Option)
        }
        order: list[tuple[str, str]] = ctx.meta.setdefault(ORDER, [])
        options: list[str] = []
        rest: list[str] = []
        waiting = list(args)
        while waiting:
            given = waiting.pop(0)
            if given == "--":
                rest += waiting
                break
            if not given.startswith("-") or given == "-":
                rest.append(given)
                continue
            name, equals, value = given.removeprefix("-").removeprefix("-").partition("=")
            if name in ("help", "h"):
                click.echo(self.get_help(ctx))
                ctx.exit(0)
            flag = flags.get(name)
            if flag is None:
                hint = did_you_mean(name, flags).replace('"', "-", 1).replace('"', "")
                raise FlagError(f"flag provided but not defined: -{name}{hint}", ctx)
            if flag.type is click.BOOL:
                value = _boolean(name, value if equals else "true", ctx)
            elif not equals:
                if not waiting:
                    raise FlagError(f"flag needs an argument: -{name}", ctx)
                value = waiting.pop(0)
            if flag.type is click.INT and not value.lstrip("-").isdigit():
                raise FlagError(f'invalid value "{value}" for flag -{name}: parse error', ctx)
            order.append((name, value))
            options.append(f"--{name}={value}")
        return super().parse_args(ctx, [*options, "--", *rest])

    def get_help(self, ctx: click.Context) -> str:
        """The help page."""
        words = [f"perimeter [global options] {self.name}"]
        options = [
            param for param in self.params if isinstance(param, click.Option) and not param.hidden
        ]
        if options:
            words.append("[options]")
        words += [
            param.make_metavar(ctx) for param in self.params if isinstance(param, click.Argument)
        ]
        text = textwrap.dedent(f"    {self.help or ''}").strip()
        parts = [f"Usage: {' '.join(words)}", textwrap.indent(text, "  ")]
        if options:
            parts.append("Options:")
            parts.append("\n\n".join(_option_help(param) for param in options))
        return "\n\n".join(parts)


def _boolean(name: str, text: str, ctx: click.Context) -> str:
    if text in _TRUE:
        return "true"
    if text in _FALSE:
        return "false"
    raise FlagError(f'invalid boolean value "{text}" for -{name}: parse error', ctx)


def _option_help(param: click.Option) -> str:
    name = f"-{param.opts[0].lstrip('-')}"
    if param.type is click.BOOL:
        name += "=false" if param.default else ""
    else:
        name += f"={param.metavar or 'VALUE'}"
    lines = textwrap.wrap(param.help or "", 54)
    if len(name) > 20:
        return "\n".join([f"  {name}", *(f"{'':24}{line}" for line in lines)])
    first, *rest = lines or [""]
    return "\n".join([f"  {name:<21} {first}", *(f"{'':24}{line}" for line in rest)])


Function = Callable[..., Any]


def switch(name: str, text: str, *, default: bool = False) -> Callable[[Function], Function]:
    """A flag that is true or false."""
    return click.option(f"--{name}", type=click.BOOL, default=default, help=text)


def value(
    name: str, metavar: str, text: str, *, default: Any = None, integer: bool = False
) -> Callable[[Function], Function]:
    """A flag with a value; the last one counts."""
    kind = click.INT if integer else click.STRING
    return click.option(f"--{name}", type=kind, default=default, metavar=metavar, help=text)


def values(name: str, metavar: str, text: str) -> Callable[[Function], Function]:
    """A flag that may be repeated."""
    return click.option(f"--{name}", multiple=True, metavar=metavar, help=text)


def flags(*bundles: Any) -> Callable[[Function], Function]:
    """Give a command the flags of bundles, in their order."""

    def decorate(function: Function) -> Function:
        for flag in reversed([flag for bundle in bundles for flag in _flat(bundle)]):
            function = flag(function)
        return function

    return decorate


def _flat(bundle: Any) -> list[Callable[[Function], Function]]:
    return list(bundle) if isinstance(bundle, tuple) else [bundle]


def command(name: str) -> Callable[[Function], Command]:
    """Make a function a command; it gets the ``Invocation`` first and returns the exit code."""

    def decorate(function: Function) -> Command:
        made = click.command(name=name, cls=Command)(click.pass_obj(function))
        assert isinstance(made, Command)
        return made

    return decorate


def load(name: str) -> Command:
    """Import the command of a name."""
    file = name.replace(" ", "_").replace("-", "_")
    if keyword.iskeyword(file):
        file += "_"
    module = importlib.import_module(f"perimeter.cli.commands.{file}")
    found: Command = module.run
    return found


@dataclass(slots=True, kw_only=True)
class Invocation:
    """One command under way.

    Attributes:
        reporter: where diagnostics go; a command that prints JSON replaces it.
    """

    name: str
    terminal: Terminal
    reporter: Any = None

    def run(self, found: Command, arguments: Sequence[str]) -> int:
        """Run it; every failure becomes an exit code and something readable."""
        from perimeter.cli.failure import guarded

        return guarded(self, found, list(arguments))

    def order(self, *names: str) -> list[tuple[str, str]]:
        """The repeated flags of those names in the order they were given."""
        context = click.get_current_context()
        return [(name, text) for name, text in context.meta.get(ORDER, []) if name in names]
