"""``csvdecode``: RFC 4180 as Go's reader takes it."""

from __future__ import annotations

from collections.abc import Iterator

from perimeter.lang.functions.function import Context, Function, FunctionError, Parameter, text
from perimeter.lang.text import quote
from perimeter.lang.types import STRING, Object
from perimeter.lang.values import Value, list_of


def _records(content: str) -> Iterator[tuple[int, list[str]]]:
    """The records with the line that each starts on; empty lines are none."""
    lines = content.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    at = 0
    while at < len(lines):
        start, line = at, lines[at]
        at += 1
        if not line:
            continue
        fields: list[str] = []
        while True:
            if not line.startswith('"'):
                field, comma, line = line.partition(",")
                if '"' in field:
                    raise _error(at, 'bare " in non-quoted field')
                fields.append(field)
                if not comma:
                    break
                continue
            field, line, at = _quoted(line[1:], lines, at)
            fields.append(field)
            if not line:
                break
            if not line.startswith(","):
                raise _error(at, 'extraneous or missing " in quoted-field')
            line = line[1:]
        yield start + 1, fields


def _quoted(line: str, lines: list[str], at: int) -> tuple[str, str, int]:
    """A quoted field's text, what follows it in its last line, and the next line."""
    parts: list[str] = []
    while True:
        before, found, after = line.partition('"')
        parts.append(before)
        if not found:
            if at >= len(lines):
                raise _error(at, 'extraneous or missing " in quoted-field')
            parts.append("\n")
            line = lines[at]
            at += 1
        elif after.startswith('"'):
            parts.append('"')
            line = after[1:]
        else:
            return "".join(parts), after, at


def _error(line: int, reason: str) -> FunctionError:
    return FunctionError(f"CSV parse error on line {line}: {reason}")


def _csvdecode(values: list[Value], _context: Context) -> Value:
    records = _records(values[0].raw)
    first = next(records, None)
    if first is None:
        raise FunctionError("missing header line")
    names = [text(name).raw for name in first[1]]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise FunctionError(f"duplicate column name {quote(name)}")
    kind = Object(dict.fromkeys(names, STRING))
    rows = []
    for line, fields in records:
        if len(fields) != len(names):
            raise _error(line, "wrong number of fields")
        rows.append(Value(kind, dict(zip(names, map(text, fields), strict=True))))
    return list_of(kind, rows)


FUNCTIONS: dict[str, Function] = {
    "csvdecode": Function(parameters=(Parameter("str", STRING),), call=_csvdecode),
}
