"""A body's values by a schema: what a resource, data source or provider block configures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from perimeter.config.dynamic import Standing, standing
from perimeter.config.json_files import settled
from perimeter.config.shape import extraneous, place
from perimeter.diagnostics import Diagnostics, Range, did_you_mean
from perimeter.hcl.json_syntax import JsonAttribute
from perimeter.hcl.nodes import Attribute, Block, Body, Node
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.evaluate import evaluate
from perimeter.lang.scope import Scope
from perimeter.lang.sets import set_of
from perimeter.lang.types import STRING, List
from perimeter.lang.values import EPHEMERAL, Unknown, Value, null, string, unknown
from perimeter.sdk import schema as sdk


@dataclass(frozen=True, slots=True)
class DecodedBody:
    """What a body configures.

    Attributes:
        attributes: a value of the schema's type for every attribute and nested block type; null
            where the body names none (an empty collection for blocks that are not computed).
        configured: the names that stand in the body with a value that is not null: omitted and null
            are one.
    """

    attributes: dict[str, Value]
    configured: frozenset[str]


def decode_body(
    body: Body,
    schema: sdk.Schema,
    scope: Scope,
    diagnostics: Diagnostics,
    *,
    skip: frozenset[str] = frozenset(),
    where: str = "",
    node: Node | None = None,
    ephemeral: bool = False,
) -> DecodedBody:
    """Evaluate a body by a schema. Never raises: what is wrong is reported and becomes unknown.

    Args:
        body: the raw body.
        schema: what it may hold.
        scope: what its expressions may refer to.
        diagnostics: where problems go.
        skip: names of arguments and nested blocks that are the language's own. A block named ``_``
            gives arguments of these names to the provider.
        where: the block's header, for diagnostics that name the block.
        node: the block, to point at when something is missing.
        ephemeral: whether every argument may be ephemeral, as in a provider configuration.
    """
    found = Diagnostics()
    decoder = _Decoder(found, ephemeral)
    values = decoder.fields(
        body, schema.attributes, schema.blocks, scope, skip=skip, node=node or body
    )
    if found:
        diagnostics.extend(item.at(block=where or None) for item in found)
    configured = frozenset(name for name, value in values.items() if value.raw is not None)
    for name, kind in schema.attributes.items():
        if name not in values:
            values[name] = null(kind.type)
    for name, nested in schema.blocks.items():
        if name not in values:
            values[name] = _no_blocks(nested)
    return DecodedBody(values, configured)


def _no_blocks(nested: sdk.NestedBlock) -> Value:
    if nested.computed or nested.nesting is sdk.Nesting.SINGLE:
        return null(nested.type)
    return Value(nested.type, ())


def _start(node: Node) -> Range:
    return node.header_range if isinstance(node, Block) else node.src.range(node.start, node.start)


@dataclass(frozen=True, slots=True)
class _Decoder:
    diagnostics: Diagnostics
    ephemeral: bool

    def fields(
        self,
        body: Body,
        attributes: Mapping[str, sdk.Attribute],
        blocks: Mapping[str, sdk.NestedBlock],
        scope: Scope,
        *,
        skip: frozenset[str],
        node: Node,
        given: Mapping[str, Value] | None = None,
    ) -> dict[str, Value]:
        """The values that a body (and a label, in ``given``) names."""
        values: dict[str, Value] = dict(given or {})
        body = settled(body, blocks, self.diagnostics, escape=bool(skip))
        for name, attribute in body.attributes.items():
            if name in skip:
                continue
            known = attributes.get(name)
            if known is None:
                self._unexpected(name, attribute, attributes, blocks, skip)
            elif name in values:
                self.diagnostics.error(
                    "Argument given twice",
                    f'The label of this block already gives "{name}". Remove the argument.',
                    attribute.name_range,
                )
            else:
                values[name] = self.attribute(name, attribute, known, scope)
        if body.blocks or blocks:
            self.nested(values, body, attributes, blocks, scope, skip=skip, node=node)
        for name, known in attributes.items():
            if known.required:
                value = values.get(name)
                if value is None:
                    self._missing(name, "but no definition was found", _start(node))
                elif value.raw is None:
                    self._missing(name, "but its value is null", body.attributes[name].expr.range)
        return values

    def _missing(self, name: str, why: str, where: Range) -> None:
        self.diagnostics.error(
            "Missing required argument", f'The argument "{name}" is required, {why}.', where
        )

    def _unexpected(
        self,
        name: str,
        attribute: Attribute,
        attributes: Mapping[str, sdk.Attribute],
        blocks: Mapping[str, sdk.NestedBlock],
        skip: frozenset[str],
    ) -> None:
        if isinstance(attribute, JsonAttribute):
            extraneous(attribute, {*attributes, *blocks, *skip}, self.diagnostics)
            return
        if name in blocks:
            hint = f' Did you mean to define a block of type "{name}"?'
        else:
            possible = {key for key, item in attributes.items() if item.configurable}
            hint = did_you_mean(name, sorted(possible | skip))
        self.diagnostics.error(
            "Unsupported argument",
            f'An argument named "{name}" is not expected here.{hint}',
            attribute.name_range,
        )

    def attribute(
        self, name: str, attribute: Attribute, known: sdk.Attribute, scope: Scope
    ) -> Value:
        """One argument's value, of the schema's type."""
        expr = attribute.expr
        value = evaluate(expr, scope, self.diagnostics)
        if not known.configurable:
            self.diagnostics.error(
                "Value for unconfigurable attribute",
                f'Can\'t configure a value for "{name}": its value will be decided automatically '
                "based on the result of applying this configuration.",
                attribute.name_range,
            )
            return unknown(known.type)
        try:
            value = convert(value, known.type)
        except ConversionError as failure:
            self.diagnostics.error(
                "Incorrect attribute value type",
                f'Inappropriate value for attribute "{name}": {failure}.',
                expr.range,
            )
            return unknown(known.type)
        if known.values:
            self.allowed(name, value, known, expr)
        marks = value.deep_marks() if isinstance(value.raw, tuple | dict) else value.marks
        if EPHEMERAL in marks and not (self.ephemeral or known.is_secret):
            self.diagnostics.error(
                "Invalid use of ephemeral value",
                f'Ephemeral values are not valid for "{name}", because it is not a write-only '
                "attribute and must be persisted to state.",
                expr.range,
            )
            return unknown(known.type)
        return value

    def allowed(self, name: str, value: Value, known: sdk.Attribute, expr: Node) -> None:
        """Report a string, or an element of a collection, that is not among the allowed ones."""
        raw = value.raw
        if raw is None or isinstance(raw, Unknown):
            return
        parts: list[Value] = [value]
        if isinstance(raw, tuple):
            parts = list(raw)
        elif isinstance(raw, dict):
            parts = list(raw.values())
        for part in parts:
            if not isinstance(part.raw, str) or part.raw in known.values:
                continue
            one_of = ", ".join(f'"{item}"' for item in known.values)
            hidden = known.sensitive or known.is_secret or value.marks or part.marks
            what = (
                "The given (sensitive) value is not."
                if hidden
                else f'"{part.raw}" is not.{did_you_mean(part.raw, known.values)}'
            )
            self.diagnostics.error(
                "Invalid attribute value",
                f'Attribute "{name}" must be one of {one_of}. {what}',
                expr.range,
            )

    def nested(
        self,
        values: dict[str, Value],
        body: Body,
        attributes: Mapping[str, sdk.Attribute],
        blocks: Mapping[str, sdk.NestedBlock],
        scope: Scope,
        *,
        skip: frozenset[str],
        node: Node,
    ) -> None:
        """Add the values of a body's nested blocks."""
        found: dict[str, list[Standing]] = {}
        for item in standing(body, scope, self.diagnostics):
            if item.type in blocks:
                found.setdefault(item.type, []).append(item)
            elif item.type == "_" and skip and item.body is not None:
                inner = {name: attributes[name] for name in attributes if name in skip}
                values.update(
                    self.fields(item.body, inner, {}, scope, skip=frozenset(), node=item.node)
                )
            elif item.type not in skip:
                self._unexpected_block(item, attributes, blocks)
        for kind, known in blocks.items():
            items = found.get(kind, [])
            if not items:
                if known.required:
                    self.diagnostics.error(
                        f"Insufficient {kind} blocks",
                        f'At least 1 "{kind}" blocks are required.',
                        _start(node),
                    )
                continue
            values[kind] = self.blocks(kind, known, items)

    def _unexpected_block(
        self,
        item: Standing,
        attributes: Mapping[str, sdk.Attribute],
        blocks: Mapping[str, sdk.NestedBlock],
    ) -> None:
        if item.type in attributes:
            hint = (
                f' Did you mean to define argument "{item.type}"? If so, use the equals sign to '
                "assign it a value."
            )
        else:
            hint = did_you_mean(item.type, sorted(blocks))
        self.diagnostics.error(
            "Unsupported block type",
            f'Blocks of type "{item.type}" are not expected here.{hint}',
            item.node.type_range if item.node.type != "dynamic" else item.node.header_range,
        )

    def blocks(self, kind: str, known: sdk.NestedBlock, items: list[Standing]) -> Value:
        """All blocks of one type as one value."""
        if any(item.body is None for item in items):
            return unknown(known.type)
        if known.nesting is sdk.Nesting.SINGLE and len(items) > 1:
            self.diagnostics.error(
                f"Duplicate {kind} block",
                f'No more than 1 "{kind}" block is allowed; the first stands at '
                f"{place(items[0].node.header_range)}.",
                items[1].node.header_range,
            )
        parts = [self.block(known, item) for item in items]
        if known.nesting is sdk.Nesting.SINGLE:
            return parts[0]
        if known.nesting is sdk.Nesting.LIST:
            return Value(List(known.object_type), tuple(parts))
        return set_of(known.object_type, parts)

    def block(self, known: sdk.NestedBlock, item: Standing) -> Value:
        """One nested block as an object."""
        assert item.body is not None
        values = self.fields(
            item.body,
            known.attributes,
            known.blocks,
            item.scope,
            skip=frozenset(),
            node=item.node,
            given=self.label(known, item),
        )
        whole: dict[str, Value] = {}
        for name, attribute in known.attributes.items():
            whole[name] = values.get(name) or null(attribute.type)
        for name, inner in known.blocks.items():
            whole[name] = values.get(name) or _no_blocks(inner)
        return Value(known.object_type, whole)

    def label(self, known: sdk.NestedBlock, item: Standing) -> dict[str, Value]:
        """What the block's label gives."""
        name, labels = known.label, item.labels
        if name is None:
            if labels:
                self.diagnostics.error(
                    f"Extraneous label for {item.type}",
                    f"No labels are expected for {item.type} blocks.",
                    item.node.header_range,
                )
            return {}
        if labels is None:
            return {name: unknown(STRING)}
        if len(labels) > 1:
            self.diagnostics.error(
                f"Extraneous label for {item.type}",
                f"Only 1 label ({name}) is expected for {item.type} blocks.",
                item.node.header_range,
            )
        if labels:
            return {name: convert(string(labels[0]), known.attributes[name].type)}
        if item.body is None or name not in item.body.attributes:
            self.diagnostics.error(
                f"Missing {name} for {item.type}",
                f"All {item.type} blocks must have 1 label ({name}).",
                item.node.header_range,
            )
            return {name: unknown(STRING)}
        return {}
