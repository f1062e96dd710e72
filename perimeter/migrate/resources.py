"""Resources and data sources, and the import blocks for the objects behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from perimeter.hcl.writer import value_text
from perimeter.migrate.bodies import Inside, Rules, translate_body
from perimeter.migrate.catalogue import KnownType
from perimeter.migrate.expressions import argument_path, carried, owner_of, value_of
from perimeter.migrate.foreign_state import Instance
from perimeter.migrate.lines import block_text
from perimeter.migrate.scope import MISSING, Declared, Scope
from perimeter.migrate.tree import NOT_LITERAL, Block
from perimeter.sdk.migration import Into, TypeMapping


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportBlock:
    """One ``import`` block: an address of ours and an import id."""

    to: str
    id: str


@dataclass(slots=True, kw_only=True)
class Made:
    """What one foreign block became.

    Attributes:
        text: our blocks; empty where ``broken`` says why there are none.
        ours: the addresses of what was made.
        left_out: (foreign name, reason, offset in the file).
        notes: what to know about it.
    """

    text: str = ""
    ours: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str, int]] = field(default_factory=list)
    imports: list[ImportBlock] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def translate_resource(declared: Declared, scope: Scope) -> Made:
    """Translate a resource or data source that has a counterpart."""
    known = declared.known
    assert known is not None
    mapping = known.mapping
    if mapping.into is not None:
        return _block_of_another(declared, mapping.into, scope)
    if mapping.split is not None:
        return _split(declared, known, scope)
    if mapping.spread is not None and declared.repeated:
        return Made(
            broken=[
                f"it is one {mapping.type} per element of {mapping.spread.argument}, repeated; write one for_each over all"
            ]
        )
    inside = Inside()
    rules = Rules(arguments=mapping.arguments, blocks=mapping.blocks, owner=declared)
    skip: frozenset[str] = frozenset()
    made = Made()
    if mapping.spread is not None:
        skip = frozenset({mapping.spread.argument})
        if not _spread(declared, mapping, scope, inside):
            return Made(broken=[f"{mapping.spread.argument} is missing or cannot be carried over"])
    for name, value in mapping.constants.items():
        inside.lines.line(f"{name} = {value_text(value)}")
        inside.given.add(name)
    translate_body(declared.block.body, rules, scope, inside, skip=skip)
    _blocks_of_others(declared, scope, inside, made)
    _fill(declared, known, scope, inside)
    made.left_out = inside.left_out
    made.broken = inside.broken
    if made.broken:
        return made
    mode = "resource" if declared.mode == "managed" else "data"
    made.text = block_text(mode, (mapping.type, declared.name), inside.lines.text)
    made.ours = [f"{'' if mode == 'resource' else 'data.'}{mapping.type}.{declared.name}"]
    if declared.mode == "managed" and not known.singleton:
        _imports(declared, mapping, scope, made)
    return made


def _fill(declared: Declared, known: KnownType, scope: Scope, inside: Inside) -> None:
    """Give the required arguments that are missing, from the state."""
    for name, attribute in known.schema.attributes.items():
        if not attribute.required or name in inside.given:
            continue
        path = argument_path(known.mapping, name)
        value = scope.value(declared, path) if path is not None else MISSING
        if value is MISSING or value is None or attribute.is_secret:
            reasons = [reason for _, reason, _ in inside.left_out]
            because = f" ({'; '.join(dict.fromkeys(reasons))})" if reasons else ""
            inside.broken.append(
                f"{known.mapping.type} needs {name}, and neither the configuration nor the state gives it{because}"
            )
            continue
        inside.lines.comment(f"{name} is that of the state.")
        inside.lines.line(f"{name} = {value_of(value)}")
        inside.given.add(name)


def _spread(declared: Declared, mapping: TypeMapping, scope: Scope, inside: Inside) -> bool:
    """One object per element: ``for_each``, and the element where the set stood."""
    assert mapping.spread is not None
    argument = declared.block.body.arguments.get(mapping.spread.argument)
    rule = mapping.arguments[mapping.spread.argument]
    assert isinstance(rule, str)
    if argument is None:
        return False
    text, problems = carried(argument.expr, scope)
    if problems:
        value = scope.value(declared, (argument.name,))
        if not isinstance(value, list):
            return False
        text = value_text(value, 2)
    inside.lines.line(f"for_each = toset({text})")
    inside.lines.line(f"{rule} = each.value")
    inside.given.add(rule)
    return True


def _split(declared: Declared, known: KnownType, scope: Scope) -> Made:
    """One object per nested block."""
    mapping = known.mapping
    split = mapping.split
    assert split is not None
    blocks = [item for item in declared.block.body.blocks if item.type == split.block]
    if declared.repeated or any(item.type == "dynamic" for item in declared.block.body.blocks):
        return Made(
            broken=[
                f"it stands for one {mapping.type} per {split.block} block, and they are repeated; write one for_each"
            ]
        )
    if not blocks:
        return Made(broken=[f"it has no {split.block} block"])
    made = Made()
    names: list[str] = []
    taken = {
        other.name
        for other in scope.declared.values()
        if other.known is not None and other.known.mapping.type == mapping.type
    }
    for number, block in enumerate(blocks, 1):
        inside = Inside()
        shared = Rules(arguments=mapping.arguments, blocks=mapping.blocks, owner=declared)
        translate_body(declared.block.body, shared, scope, inside, skip=frozenset({split.block}))
        own = Rules(arguments=split.arguments)
        translate_body(block.body, own, scope, inside, continued=True)
        missing = [
            name
            for name, attribute in known.schema.attributes.items()
            if attribute.required and name not in inside.given
        ]
        if missing or inside.broken:
            reasons = [*inside.broken, *(reason for _, reason, _ in inside.left_out)]
            made.broken += [f"{mapping.type} needs {', '.join(missing)}", *reasons]
            return made
        name = _split_name(declared.name, block, split.name, number, taken)
        names.append(name)
        taken.add(name)
        made.text += block_text("resource", (mapping.type, name), inside.lines.text) + "\n\n"
        made.ours.append(f"{mapping.type}.{name}")
        made.left_out += inside.left_out
    made.text = made.text.rstrip()
    for instance in scope.instances(declared):
        elements = instance.attributes.get(split.block)
        if not isinstance(elements, list) or len(elements) != len(blocks):
            made.notes.append(
                f"{instance.address} has other {split.block} blocks in the state; import them by hand"
            )
            continue
        for name, element in zip(names, elements, strict=True):
            attributes = {**instance.attributes, **element}
            _import(instance, mapping, name, instance.suffix, attributes, made)
    _if_unknown(declared, scope, made)
    return made


def _split_name(base: str, block: Block, by: str, number: int, taken: set[str]) -> str:
    """A name from what the block refers to, else from its number."""
    argument = block.body.arguments.get(by)
    steps = [ref.names for ref in argument.expr.references] if argument is not None else []
    word = steps[0][2] if steps and steps[0][0] == "data" else steps[0][1] if steps else ""
    wanted = name = f"{base}_{word}" if re.fullmatch(r"\w[\w-]*", word) else f"{base}_{number}"
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name


def _block_of_another(declared: Declared, into: Into, scope: Scope) -> Made:
    target = target_of(declared, into, scope)
    if target is None:
        return Made(
            broken=[
                f"it is a block of another resource here, and {into.by} names none in this module"
            ]
        )
    problems = [
        problem for other, problem in _siblings(target, scope) if problem and other is not declared
    ]
    own = _unfit(declared, into)
    if own or problems:
        reason = own or f"another {declared.block.labels[0]} of it cannot be translated"
        return Made(broken=[reason])
    assert target.known is not None
    where = f"{target.known.mapping.type}.{target.name}"
    return Made(text=f"# {'.'.join(declared.block.labels)} is a block of {where}.", ours=[where])


def _blocks_of_others(declared: Declared, scope: Scope, inside: Inside, made: Made) -> None:
    """Write the blocks that are resources of their own there: all of them or none."""
    found = list(_siblings(declared, scope))
    if not found:
        return
    problems = [f"{'.'.join(other.block.labels)}: {problem}" for other, problem in found if problem]
    if problems:
        made.notes.append(
            f"its blocks are left as they are in the tenant, as not all can be translated: {'; '.join(problems)}"
        )
        return
    ordered = sorted(found, key=lambda item: _order(item[0], scope))
    for other, _ in ordered:
        assert other.known is not None
        assert other.known.mapping.into is not None
        into = other.known.mapping.into
        nested = Inside()
        rules = Rules(
            arguments=other.known.mapping.arguments,
            blocks=other.known.mapping.blocks,
            owner=other,
        )
        skip = frozenset({into.by, into.label, into.order, "depends_on"})
        translate_body(other.block.body, rules, scope, nested, skip=skip)
        label = other.block.body.arguments[into.label].expr.literal
        inside.lines.line("\n" + block_text(into.block, (str(label),), nested.lines.text))
        made.left_out += [
            (f"{'.'.join(other.block.labels)} {name}", reason, at)
            for name, reason, at in nested.left_out
        ]


def target_of(declared: Declared, into: Into, scope: Scope) -> Declared | None:
    """The resource that takes a block in: named in the configuration, or known by its id in the state."""
    argument = declared.block.body.arguments.get(into.by)
    if argument is None:
        return None
    named = owner_of(argument.expr, scope, into.foreign)
    if named is not None:
        return named
    value = scope.value(declared, (into.by,))
    for other in scope.by_type.get(into.foreign, ()):
        if value not in (MISSING, None) and scope.value(other, ("id",)) == value:
            return other
    return None


def _siblings(target: Declared, scope: Scope) -> Iterator[tuple[Declared, str]]:
    """What becomes a block of a resource, and why it cannot."""
    for known in scope.catalogue.resources.values():
        into = known.mapping.into
        if into is None or into.foreign != target.block.labels[0]:
            continue
        for other in scope.by_type.get(known.mapping.foreign, ()):
            if target_of(other, into, scope) is target:
                yield other, _unfit(other, into)


def _unfit(declared: Declared, into: Into) -> str:
    label = declared.block.body.arguments.get(into.label)
    if declared.repeated:
        return "count or for_each repeats it; write its blocks out"
    if label is None or label.expr.literal is NOT_LITERAL:
        return f"its {into.label} is not a literal text, as a block's label must be"
    return ""


def _order(declared: Declared, scope: Scope) -> tuple[int, int]:
    assert declared.known is not None
    assert declared.known.mapping.into is not None
    name = declared.known.mapping.into.order
    argument = declared.block.body.arguments.get(name)
    number: Any = argument.expr.literal if argument is not None else NOT_LITERAL
    if not isinstance(number, int):
        number = scope.value(declared, (name,))
    return (int(number) if isinstance(number, int | float) else 10**6, declared.block.start)


def _imports(declared: Declared, mapping: TypeMapping, scope: Scope, made: Made) -> None:
    for instance in scope.instances(declared):
        if mapping.spread is None:
            _import(instance, mapping, declared.name, instance.suffix, instance.attributes, made)
            continue
        elements = instance.attributes.get(mapping.spread.argument)
        for element in elements if isinstance(elements, list) else ():
            attributes = {**instance.attributes, mapping.spread.argument: element}
            suffix = f"[{value_text(str(element))}]"
            _import(instance, mapping, declared.name, suffix, attributes, made)
    _if_unknown(declared, scope, made)


def _import(
    instance: Instance,
    mapping: TypeMapping,
    name: str,
    suffix: str,
    attributes: Mapping[str, Any],
    made: Made,
) -> None:
    if not mapping.import_id:
        return
    values = {
        key: mapping.import_values[key](str(value)) if key in mapping.import_values else value
        for key, value in attributes.items()
        if isinstance(value, str | int | float)
    }
    try:
        identifier = mapping.import_id.format_map(values)
    except (KeyError, ValueError, IndexError):
        made.notes.append(f"the state of {instance.address} does not say which object it is")
        return
    module = f"{instance.module}." if instance.module else ""
    made.imports.append(ImportBlock(to=f"{module}{mapping.type}.{name}{suffix}", id=identifier))


def _if_unknown(declared: Declared, scope: Scope, made: Made) -> None:
    if scope.state.given and not scope.instances(declared):
        made.notes.append(
            "the state does not know it: the plan creates it, or asks for an import block if it exists"
        )
