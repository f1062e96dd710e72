"""Values as configuration text, and variable files as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from perimeter.diagnostics import Diagnostic, Diagnostics
from perimeter.hcl import parse_file
from perimeter.hcl.lexer import is_identifier
from perimeter.hcl.nodes import Call
from perimeter.hcl.walk import walk
from perimeter.hcl.writer import quote, value_text
from perimeter.lang.evaluate import evaluate
from perimeter.lang.plain import to_plain
from perimeter.lang.scope import StaticScope
from perimeter.sdk.schema import Plain

_KEYWORDS = frozenset({"for", "true", "false", "null"})
_FILE = "<argument>"


def encode_expression(value: Plain) -> str:
    """Plain data as an expression, laid out as ``fmt`` would.

    Raises:
        ValueError: a number is not finite.
    """
    return _expression(value, 0)


def encode_assignments(values: Mapping[str, Plain]) -> str:
    """Plain data by name as the content of a variable file.

    Raises:
        ValueError: a name that no variable can have, or a number that is not finite.
    """
    for name in values:
        if not is_identifier(name):
            raise ValueError(f"invalid variable name {quote(name)}: it is no identifier")
    return _aligned({name: values[name] for name in sorted(values)}, 0)


def decode_assignments(text: str) -> dict[str, Plain]:
    """The values in a variable file's content.

    Raises:
        ValueError: it is no variable file; the message says where.
    """
    body, problems = parse_file(text, _FILE)
    _refuse("invalid syntax", problems)
    if body.blocks:
        where = body.blocks[0].header_range
        raise ValueError(f"invalid syntax: {where}: blocks are not allowed here")
    found = {}
    for name, attribute in body.attributes.items():
        diagnostics = Diagnostics()
        for node in walk(attribute.expr):
            if isinstance(node, Call):
                diagnostics.error(
                    "Function calls not allowed", "Functions may not be called here", node.range
                )
        if not diagnostics:
            found[name] = to_plain(evaluate(attribute.expr, StaticScope(), diagnostics))
        _refuse(f"invalid expression for variable {quote(name)}", diagnostics.errors)
    return found


def _refuse(what: str, problems: Sequence[Diagnostic]) -> None:
    if problems:
        first = problems[0]
        raise ValueError(f"{what}: {first.subject}: {first.summary}; {first.detail.rstrip('.')}")


def _expression(value: Plain, indent: int) -> str:
    if isinstance(value, Mapping):
        if not value:
            return "{}"
        inner = _aligned({_key(name): value[name] for name in sorted(value)}, indent + 2)
        return f"{{\n{inner}{' ' * indent}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(_expression(part, indent) for part in value)}]"
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError("an infinite number cannot be written")
    return value_text(value)


def _key(name: str) -> str:
    return name if is_identifier(name) and name not in _KEYWORDS else quote(name)


def _aligned(values: Mapping[str, Plain], indent: int) -> str:
    """One assignment a line; the equals signs of neighbouring one-line values stand below each other."""
    texts = {name: _expression(value, indent) for name, value in values.items()}
    lines: list[str] = []
    group: list[str] = []

    def close() -> None:
        width = max(map(len, group), default=0)
        lines.extend(f"{' ' * indent}{name:{width}} = {texts[name]}\n" for name in group)
        group.clear()

    for name, text in texts.items():
        if "\n" in text:
            close()
            lines.append(f"{' ' * indent}{name} = {text}\n")
        else:
            group.append(name)
    close()
    return "".join(lines)
