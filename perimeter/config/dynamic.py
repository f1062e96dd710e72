"""``dynamic`` blocks: nested blocks generated from a collection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from perimeter.config.shape import Shape, check_body, is_name
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Attribute, Block, Body, TupleExpr, Variable
from perimeter.lang.functions.function import Function
from perimeter.lang.scope import Scope, Traversal
from perimeter.lang.types import STRING, List, Map, Object, Set, Tuple
from perimeter.lang.values import Value, number, object_of, string

_DYNAMIC = Shape(
    required=("for_each",),
    optional=frozenset({"iterator", "labels"}),
    blocks=frozenset({"content"}),
)


@dataclass(frozen=True, slots=True)
class IteratorScope:
    """A scope with the iterator of a ``dynamic`` block in front of another scope."""

    outer: Scope
    name: str
    current: Value

    def __getattr__(self, name: str) -> Any:
        """What else the outer scope has: how files are read, the time of the plan."""
        return getattr(self.outer, name)

    @property
    def base_dir(self) -> str:
        """The outer scope's."""
        return self.outer.base_dir

    def resolve(self, traversal: Traversal, diagnostics: Diagnostics) -> tuple[Value, int]:
        """Return the iterator's ``{key, value}`` object, else what the outer scope knows."""
        if traversal.root == self.name:
            return self.current, 0
        return self.outer.resolve(traversal, diagnostics)

    def function(self, name: str) -> Function | None:
        """Ask the outer scope."""
        return self.outer.function(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A nested block as it takes effect: written in place, or generated.

    Attributes:
        body: None for generated blocks whose number is not known yet.
        labels: None where a generated block's label is not known yet.
    """

    node: Block
    type: str
    body: Body | None
    labels: tuple[str, ...] | None
    scope: Scope


def iterator_name(block: Block) -> str:
    """The name by which a ``dynamic`` block's content refers to the current element."""
    iterator = block.body.attributes.get("iterator")
    if iterator is not None and isinstance(iterator.expr, Variable):
        return iterator.expr.name
    return block.labels[0] if block.labels else ""


def standing(body: Body, scope: Scope, diagnostics: Diagnostics) -> Iterator[Standing]:
    """The nested blocks of a body in order, ``dynamic`` ones expanded."""
    for block in body.blocks:
        if block.type != "dynamic":
            yield Standing(
                node=block,
                type=block.type,
                body=block.body,
                labels=tuple(block.labels),
                scope=scope,
            )
        elif len(block.labels) != 1 or not is_name(block.labels[0]):
            diagnostics.error(
                "Invalid dynamic block",
                'A dynamic block has one label, the type of the blocks it generates: dynamic "rule" '
                "{}.",
                block.header_range,
            )
        else:
            yield from _expanded(block, scope, diagnostics)


def _expanded(block: Block, scope: Scope, diagnostics: Diagnostics) -> Iterator[Standing]:
    if not check_body(block, _DYNAMIC, diagnostics):
        return
    contents = [nested for nested in block.body.blocks if nested.type == "content"]
    if len(contents) != 1:
        diagnostics.error(
            "Missing required content block" if not contents else "Duplicate content block",
            'A dynamic block must have exactly one nested block of type "content" to describe the '
            "blocks that it generates.",
            block.header_range,
        )
        return
    arguments, kind, content = block.body.attributes, block.labels[0], contents[0].body
    iterator = arguments.get("iterator")
    if iterator is not None and not isinstance(iterator.expr, Variable):
        diagnostics.error(
            "Invalid expression", "A single variable name is required.", iterator.expr.range
        )
        return
    from perimeter.lang.evaluate import evaluate

    for_each = evaluate(arguments["for_each"].expr, scope, diagnostics)
    name = iterator_name(block)
    if not for_each.is_known:
        yield Standing(node=block, type=kind, body=None, labels=None, scope=scope)
        return
    pairs = _pairs(for_each, arguments["for_each"], diagnostics)
    for key, value in pairs:
        inner = IteratorScope(
            scope,
            name,
            object_of(
                {"key": key.with_marks(for_each.marks), "value": value.with_marks(for_each.marks)}
            ),
        )
        labels = _labels(arguments.get("labels"), inner, diagnostics)
        yield Standing(node=block, type=kind, body=content, labels=labels, scope=inner)


def _pairs(
    value: Value, attribute: Attribute, diagnostics: Diagnostics
) -> list[tuple[Value, Value]]:
    if value.is_null:
        diagnostics.error(
            "Invalid dynamic for_each value",
            "Cannot use a null value in for_each.",
            attribute.expr.range,
        )
        return []
    if isinstance(value.type, Map | Object):
        return [(string(key), item) for key, item in sorted(value.raw.items())]
    if isinstance(value.type, Set):
        return [(item, item) for item in value.raw]
    if isinstance(value.type, List | Tuple):
        return [(number(index), item) for index, item in enumerate(value.raw)]
    diagnostics.error(
        "Invalid dynamic for_each value",
        f"Cannot use a {value.type.friendly} value in for_each. An iterable collection is required.",
        attribute.expr.range,
    )
    return []


def _labels(
    attribute: Attribute | None, scope: Scope, diagnostics: Diagnostics
) -> tuple[str, ...] | None:
    if attribute is None:
        return ()
    if not isinstance(attribute.expr, TupleExpr):
        diagnostics.error(
            "Invalid dynamic block labels", "A list of labels is required.", attribute.expr.range
        )
        return ()
    from perimeter.lang.convert import ConversionError, convert
    from perimeter.lang.evaluate import evaluate

    labels = []
    for item in attribute.expr.items:
        value = evaluate(item, scope, diagnostics)
        if not value.is_known:
            return None
        try:
            text = convert(value, STRING)
        except ConversionError as failure:
            diagnostics.error(
                "Invalid dynamic block label",
                f"Cannot use this value as a dynamic block label: {failure}.",
                item.range,
            )
            return ()
        if text.is_null or text.deep_marks():
            diagnostics.error(
                "Invalid dynamic block label",
                "Cannot use a null, sensitive or ephemeral value as a dynamic block label.",
                item.range,
            )
            return ()
        labels.append(str(text.raw))
    return tuple(labels)
