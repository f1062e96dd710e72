"""``moved`` blocks: what was declared at one address is declared at another now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from perimeter.addresses import Address, ModulePath, Target
from perimeter.config.draft import Draft
from perimeter.config.endpoints import endpoint_of
from perimeter.config.model import Config, Module, Moved
from perimeter.config.order import cycles, topological
from perimeter.config.shape import Shape, check_body, check_labels, place
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Block

_MOVED = Shape(required=("from", "to"))


def decode_moved(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    """Decode a ``moved`` block."""
    sound = check_labels(block, _MOVED, diagnostics)
    if not check_body(block, _MOVED, diagnostics) or not sound:
        return
    ends = [endpoint_of(block.body.attributes[name].expr, diagnostics) for name in ("from", "to")]
    source, target = ends
    if source is None or target is None:
        return
    if (source.resource is None) is not (target.resource is None):
        diagnostics.error(
            'Invalid "moved" addresses',
            'The "from" and "to" addresses must either both refer to resources or both refer to '
            "modules.",
            block.header_range,
        )
        return
    for end, name in ((source, "from"), (target, "to")):
        if end.resource is not None and end.resource.mode != "managed":
            diagnostics.error(
                "Data source address not allowed",
                "Data sources are read anew by each plan, so they cannot move.",
                block.body.attributes[name].expr.range,
            )
            return
    draft.moved.append(Moved(node=block, source=source, target=target))


def check_moves(config: Config, diagnostics: Diagnostics) -> None:
    """Report moves that contradict each other, go nowhere or in a circle."""
    statements = [(module, block) for module in config.modules.values() for block in module.moved]
    left: dict[tuple[object, ...], tuple[Module, Moved]] = {}
    reached: dict[tuple[object, ...], tuple[Module, Moved]] = {}
    for module, block in statements:
        source, target = named(module, block.source), named(module, block.target)
        if block.source == block.target:
            diagnostics.error(
                "Redundant move statement",
                f"This statement declares a move from {source} to the same address, which is the "
                "same as not declaring this move at all.",
                block.range,
            )
            continue
        noun = noun_of(block)
        one = left.setdefault(_key(module, block.source, block), (module, block))[1]
        if one is not block and one.target != block.target:
            diagnostics.error(
                "Ambiguous move statements",
                f"A statement at {place(one.range)} declared that {source} moved to "
                f"{named(module, one.target)}, but this statement instead declares that it moved "
                f"to {target}.\n\nEach {noun} can move to only one destination {noun}.",
                block.range,
            )
        other = reached.setdefault(_key(module, block.target, block), (module, block))[1]
        if other is not block and other.source != block.source:
            diagnostics.error(
                "Ambiguous move statements",
                f"A statement at {place(other.range)} declared that {named(module, other.source)} "
                f"moved to {target}, but this statement instead declares that {source} moved "
                f"there.\n\nEach {noun} can have moved from only one source {noun}.",
                block.range,
            )
    _, circles = ordered(config)
    for circle in circles:
        lines = "".join(
            f"\n  - {place(block.range)}: {named(config.modules[path], block.source)} → "
            f"{named(config.modules[path], block.target)}"
            for path, block in circle
        )
        diagnostics.error(
            "Cyclic dependency in move statements",
            "The following chained move statements form a cycle, and so there is no final location "
            f"to move objects to:{lines}\n\nA chain of move statements must end with an address that "
            "doesn't appear in any other statements, and which typically also refers to an object "
            "still declared in the configuration.",
            circle[0][1].range,
        )


Placed = tuple[tuple[str, ...], Moved]
"""The path of the module that declares a move, and the block."""


def ordered(config: Config) -> tuple[list[Placed], list[list[Placed]]]:
    """Every move after those that lead to where it starts; and the moves that go round in circles."""
    found = [(path, block) for path, module in config.modules.items() for block in module.moved]
    edges: dict[Placed, list[Placed]] = {one: [] for one in found}
    index = _by_source(found)
    for one in found:
        for other in _perhaps_after(one, index):
            if other is not one and _before(one, other):
                edges[other].append(one)
    order, left = topological(found, edges)
    return order, cycles(left, edges) if left else []


_Spot = tuple[str, ...]


def _by_source(found: Sequence[Placed]) -> dict[_Spot, list[Placed]]:
    """Moves by where they start: under the block or module itself, and under each module around it."""
    index: dict[_Spot, list[Placed]] = {}
    for placed in found:
        for spot in _around(_absolute(placed[0], placed[1].source)):
            index.setdefault(spot, []).append(placed)
    return index


def _around(end: Target) -> list[_Spot]:
    names = end.module.names
    spots: list[_Spot] = [("within", *names[:depth]) for depth in range(1, len(names) + 1)]
    if end.resource is not None:
        return [*spots, ("at", *names, end.resource.type, end.resource.name)]
    return [*spots, ("module", *names)]


def _perhaps_after(one: Placed, index: Mapping[_Spot, list[Placed]]) -> dict[Placed, None]:
    """The moves that may go on from where this one ends, or take all around its start or end."""
    target, source = _absolute(one[0], one[1].target), _absolute(one[0], one[1].source)
    spots = [_around(target)[-1]]
    if target.resource is None:
        spots.append(("within", *target.module.names))
    for end in (target, source):
        names = end.module.names
        spots += [("module", *names[:depth]) for depth in range(1, len(names) + 1)]
    return dict.fromkeys(item for spot in spots for item in index.get(spot, ()))


def _before(one: Placed, other: Placed) -> bool:
    """Whether the first must be done first: the second goes on from its end, or takes all around its start."""
    ends = _absolute(one[0], one[1].target)
    starts = _absolute(other[0], other[1].source)
    if _overlap(ends, starts):
        return True
    inner = _absolute(one[0], one[1].source)
    return starts.resource is None and inner != starts and _within(inner, starts)


def _absolute(path: tuple[str, ...], end: Target) -> Target:
    base = ModulePath(tuple((name, None) for name in path))
    module = ModulePath((*base.steps, *end.module.steps))
    return Target(module, replace(end.resource, module=module) if end.resource else None)


def _overlap(one: Target, other: Target) -> bool:
    if one.resource is not None and other.resource is not None:
        a, b = one.resource, other.resource
        return _same(a.module, b.module) and (a.type, a.name) == (b.type, b.name) and _alike(a, b)
    return _within(one, other) or _within(other, one)


def _alike(one: Address, other: Address) -> bool:
    return one.key is None or other.key is None or one.key == other.key


def _same(one: ModulePath, other: ModulePath) -> bool:
    return one.names == other.names and all(
        x is None or y is None or x == y
        for (_, x), (_, y) in zip(one.steps, other.steps, strict=True)
    )


def _within(inner: Target, outer: Target) -> bool:
    if outer.resource is not None:
        return False
    depth = len(outer.module.steps)
    steps = inner.module.steps
    return len(steps) >= depth and _same(ModulePath(steps[:depth]), outer.module)


def _key(module: Module, end: Target, block: Moved) -> tuple[object, ...]:
    return (module.path, end, block.whole)


def noun_of(block: Moved) -> str:
    """What a move moves, as messages call it."""
    noun = "module" if block.source.resource is None else "resource"
    return noun if block.whole else f"{noun} instance"


def named(module: Module, end: Target) -> str:
    """How messages name the end of a move."""
    whole = _absolute(module.path, end)
    return str(whole.resource or whole.module)
