"""State as people read it."""

from __future__ import annotations

from collections.abc import Mapping

from perimeter.addresses import Address, parse_address
from perimeter.lang.plain import from_plain
from perimeter.lang.typenames import type_from_json
from perimeter.lang.values import Value
from perimeter.sdk.schema import Schema
from perimeter.state.model import Output, State, StateObject
from perimeter.ui.blocks import block_lines, object_difference
from perimeter.ui.difference import Marks
from perimeter.ui.difference_text import Layout
from perimeter.ui.outputs_text import output_lines
from perimeter.ui.style import PLAIN, Style

Schemas = Mapping[str, Schema]
"""By resource type; without one an object is shown by its values alone."""


def state_text(
    state: State, schemas: Schemas, style: Style = PLAIN, *, reveal: bool = False
) -> str:
    """Every object, then the outputs; ends in a line break. ``reveal``: show what is sensitive, too."""
    parts = [
        object_text(address, item, schemas.get(item.type), style, reveal=reveal)
        for address, instance in sorted(
            ((parse_address(text), instance) for text, instance in state.resources.items()),
            key=lambda pair: pair[0].sort_key,
        )
        for item in instance.objects
    ]
    if state.outputs:
        hidden = {n for n, item in state.outputs.items() if item.sensitive and not reveal}
        lines = output_lines(output_values(state.outputs), hidden)
        parts.append("\n".join(["Outputs:", "", *lines]))
    return "\n\n".join(parts) + "\n" if parts else "The state holds nothing.\n"


def object_text(
    address: Address,
    item: StateObject,
    schema: Schema | None,
    style: Style = PLAIN,
    *,
    reveal: bool = False,
) -> str:
    """One object as a resource block; sensitive parts are masked unless they are to be revealed."""
    notes = [
        note
        for note, holds in (
            ("tainted", item.tainted),
            (f"deposed object {item.key}", item.role == "deposed"),
            ("previous", item.role == "previous"),
            ("protected", item.protected),
        )
        if holds
    ]
    ending = f" ({', '.join(notes)})" if notes else ""
    own = () if schema is None else tuple((n,) for n, a in schema.attributes.items() if a.sensitive)
    hidden = () if reveal else (*item.sensitive, *own)
    marks = Marks(before=hidden, after=hidden)
    diff = object_difference(schema, item.attributes, marks)
    lines = block_lines(diff, 0, Layout(style=style, everything=True))
    inner = [line.removeprefix("    ") for text in lines for line in text.split("\n")]
    return "\n".join(
        [
            style.bold(f"# {address}:{ending}"),
            f'resource "{item.type}" "{address.name}" {{',
            *inner,
            "}",
        ]
    )


def output_values(outputs: Mapping[str, Output]) -> dict[str, Value]:
    """Remembered outputs as values of their types."""
    return {name: output_value(item) for name, item in outputs.items()}


def output_value(item: Output) -> Value:
    """One remembered output as a value of its type."""
    return from_plain(item.value, type_from_json(item.type))
