"""Where state's instances belong after the configuration's ``moved`` blocks; pure.

A resource that gains or loses ``count`` keeps its first instance, as in Terraform, without a block saying so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from perimeter.addresses import Address, ModulePath, Target, parse_address
from perimeter.config.model import Config, Moved, last_key
from perimeter.config.moved import named, noun_of, ordered
from perimeter.config.shape import place
from perimeter.diagnostics import Diagnostics
from perimeter.engine.selection import selects
from perimeter.engine.work import Work
from perimeter.state.model import Intent, Moves, State
from perimeter.state.moving import rekeyed


@dataclass(frozen=True, slots=True, kw_only=True)
class Relocated:
    """State and pending creates under the addresses that the configuration gives them now.

    Attributes:
        moves: old and new printed address of every instance that has moved.
        blocked: moves that something at the new address stands in the way of.
    """

    state: State
    pending: Mapping[str, Intent]
    moves: Moves = ()
    blocked: Moves = ()

    @property
    def origins(self) -> Mapping[str, Address]:
        """Where an instance was, by its present printed address."""
        return {new: parse_address(old) for old, new in self.moves}


def relocate(config: Config, state: State, pending: Mapping[str, Intent]) -> Relocated:
    """Follow all moves, those that go on from others' ends after those."""
    declared = any(module.moved for module in config.modules.values())
    places = _Places(
        {text: parse_address(text) for text in (*state.resources, *pending)}
        if declared
        else _keyed_otherwise(config, (*state.resources, *pending))
    )
    if not places.at:
        return Relocated(state=state, pending=pending)
    if declared:
        explicit, _ = ordered(config)
        for path, block in explicit:
            places.follow(path, block)
    places.imply(config)
    moves = tuple((old, str(new)) for old, new in places.at.items() if old != str(new))
    if not moves:
        return Relocated(state=state, pending=pending, blocked=tuple(places.blocked))
    to = dict(moves)
    return Relocated(
        state=msgspec.structs.replace(state, resources=rekeyed(state.resources, moves)),
        pending={
            to.get(text, text): msgspec.structs.replace(intent, address=to.get(text, text))
            for text, intent in pending.items()
        },
        moves=moves,
        blocked=tuple(places.blocked),
    )


def _keyed_otherwise(config: Config, known: Iterable[str]) -> dict[str, Address]:
    """The blocks' instances among which ``count`` came or went; without moved blocks no others matter."""
    found: dict[str, Address] = {}
    counted = {
        (path, block.type, block.name)
        for path, module in config.modules.items()
        for block in module.resources.values()
        if block.mode == "managed" and block.count is not None
    }
    for text in known:
        if text.endswith("]") and not text.endswith("[0]"):
            continue
        if not counted and not text.endswith("[0]"):
            continue
        address = parse_address(text)
        is_counted = (address.module.names, address.type, address.name) in counted
        if is_counted == (address.key is None) or address.key == 0:
            found[text] = address
    return found


_Block = tuple[tuple[str, ...], str, str]


@dataclass(slots=True)
class _Places:
    """Where each remembered instance is by now, by the printed address it had at first."""

    at: dict[str, Address]
    blocks: dict[_Block, dict[str, None]] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    blocked: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for old, address in self.at.items():
            self.blocks.setdefault(_block(address), {})[old] = None

    def near(self, path: tuple[str, ...], end: Target) -> list[str]:
        """The instances that a move may be about, or that may stand where it leads; by their first address."""
        names = (*path, *end.module.names)
        if end.resource is not None:
            return list(self.blocks.get((names, end.resource.type, end.resource.name), ()))
        return [
            old
            for (inside, _, _), members in self.blocks.items()
            if inside[: len(names)] == names
            for old in members
        ]

    def put(self, old: str, new: Address) -> None:
        """Note where an instance is from now on."""
        self.blocks[_block(self.at[old])].pop(old)
        self.at[old] = new
        self.blocks.setdefault(_block(new), {})[old] = None

    def follow(self, path: tuple[str, ...], block: Moved) -> None:
        """Carry out one move."""
        groups: dict[tuple[Target, Target], dict[str, Address]] = {}
        for old in self.near(path, block.source):
            address = self.at[old]
            new = destination(path, block.source, block.target, address)
            if new is not None:
                self.named.add(old)
                groups.setdefault(_ends(path, block, address, new), {})[old] = new
        there = [self.at[old] for old in self.near(path, block.target)] if groups else []
        for (source, target), group in groups.items():
            if any(_stands_at(target, address, block) for address in there):
                self.blocked.append((str(source), str(target)))
                continue
            for old, new in group.items():
                self.put(old, new)

    def imply(self, config: Config) -> None:
        """Let the only instance follow ``count`` coming or going."""
        taken = {str(address) for address in self.at.values()}
        for old, address in list(self.at.items()):
            if old in self.named or old != str(address) or address.key not in (None, 0):
                continue
            module = config.modules.get(address.module.names)
            block = (
                module.resources.get(("managed", address.type, address.name)) if module else None
            )
            if block is None or block.for_each is not None:
                continue
            wanted = 0 if block.count is not None else None
            new = replace(address, key=wanted)
            if wanted != address.key and str(new) not in taken:
                self.put(old, new)


def _block(address: Address) -> _Block:
    return (address.module.names, address.type, address.name)


def _ends(path: tuple[str, ...], block: Moved, old: Address, new: Address) -> tuple[Target, Target]:
    """What moves as a whole with this instance, and where to."""
    if block.source.resource is not None:
        if block.whole:
            old, new = old.block, new.block
        return Target(old.module, old), Target(new.module, new)
    depth = len(path) + len(block.source.module.steps)
    further = len(path) + len(block.target.module.steps)
    return (
        Target(ModulePath(old.module.steps[:depth])),
        Target(ModulePath(new.module.steps[:further])),
    )


def _stands_at(target: Target, there: Address, block: Moved) -> bool:
    if target.resource is not None:
        return (there.block if block.whole else there) == target.resource
    return there.module.steps[: len(target.module.steps)] == target.module.steps


def destination(
    path: tuple[str, ...], source: Target, target: Target, address: Address
) -> Address | None:
    """Where a move declared in the module at ``path`` takes an instance; None when it is not about it.

    Both ends name resources, or both modules; where neither names a key, all instances move and keep theirs.
    """
    whole = last_key(source) is None and last_key(target) is None
    depth = len(path)
    if address.module.names[:depth] != path:
        return None
    base, rest = address.module.steps[:depth], address.module.steps[depth:]
    steps = source.module.steps
    if source.resource is not None and target.resource is not None:
        one, other = source.resource, target.resource
        if rest != steps or (address.mode, address.type, address.name) != (
            one.mode,
            one.type,
            one.name,
        ):
            return None
        if not whole and address.key != one.key:
            return None
        key = address.key if whole else other.key
        module = ModulePath((*base, *target.module.steps))
        return Address(module, other.type, other.name, key, address.mode)
    if len(rest) < len(steps) or rest[: len(steps) - 1] != steps[:-1]:
        return None
    name, key = rest[len(steps) - 1]
    if name != steps[-1][0] or (not whole and key != steps[-1][1]):
        return None
    last = (target.module.steps[-1][0], key if whole else last_key(target))
    moved = (*base, *target.module.steps[:-1], last, *rest[len(steps) :])
    return replace(address, module=ModulePath(moved))


def check_relocation(work: Work, found: Relocated, declared: frozenset[str]) -> None:
    """Report moves from what still stands, moves that were blocked, and targets that leave moves out."""
    if found.blocked:
        lines = "".join(f"\n  - {old} could not move to {new}" for old, new in found.blocked)
        work.diagnostics.warning(
            "Unresolved resource instance address changes",
            "perimeter tried to adjust resource instance addresses in the prior state based on change information "
            "recorded in the configuration, but some adjustments did not succeed due to existing objects already at the "
            f"intended addresses:{lines}\n\nperimeter has planned to destroy these objects. If the proposed changes aren't "
            'appropriate, you must first resolve the conflicts using the "perimeter state" subcommands and then create a '
            "new plan.",
        )
    if work.options.declares:
        for path, module in work.config.modules.items():
            for block in module.moved:
                _still_there(work, path, block, declared)
    _check_targets(work, found.moves)


def _still_there(work: Work, path: tuple[str, ...], block: Moved, declared: frozenset[str]) -> None:
    problems = Diagnostics()
    module = work.config.modules[path]
    where = ""
    source = block.source
    names = (*path, *source.module.names)
    for base in work.evaluation.modules.get(path, ()):
        inner = ModulePath((*base.steps, *source.module.steps))
        if source.resource is not None:
            home = work.config.modules.get(names)
            found = (
                home.resources.get(("managed", source.resource.type, source.resource.name))
                if home
                else None
            )
            if found is None:
                return
            address = replace(source.resource, module=inner)
            if not block.whole and str(address) not in declared:
                continue
            where = f" at {place(found.range)}" if block.whole else ""
        else:
            caller = work.config.modules.get(names[:-1])
            call = caller.calls.get(names[-1]) if caller else None
            if call is None:
                return
            if not block.whole and inner not in work.evaluation.modules.get(names, ()):
                continue
            where = f" at {place(call.range)}" if block.whole else ""
        noun = noun_of(block)
        problems.error(
            "Moved object still exists",
            f"This statement declares a move from {named(module, source)}, but that {noun} is still declared{where}.\n\n"
            f"Change your configuration so that this {noun} will be declared as {named(module, block.target)} instead.",
            block.range,
        )
        break
    work.diagnostics.extend(problems)


def _check_targets(work: Work, moves: Moves) -> None:
    if not work.options.restricted:
        return
    texts = work.options.excludes or work.options.targets
    left = [
        text
        for pair in moves
        for text in pair
        if selects(texts, parse_address(text)) is bool(work.options.excludes)
    ]
    if not left:
        return
    names = list(dict.fromkeys(left))
    if work.options.excludes:
        listed = "".join(f'\n  "{text}"' for text in names)
        work.diagnostics.error(
            "Moved resource instances excluded by -exclude",
            "Resource instances in your current state have moved to new addresses in the latest configuration, and your "
            f"-exclude=... options leave out:{listed}\n\nTo create a valid plan, take those -exclude=... options away.",
        )
        return
    lines = "".join(f'\n  -target="{text}"' for text in names)
    work.diagnostics.error(
        "Moved resource instances excluded by targeting",
        "Resource instances in your current state have moved to new addresses in the latest configuration. perimeter "
        "must include those resource instances while planning in order to ensure a correct result, but your "
        "-target=... options do not fully cover all of those resource instances.\n\nTo create a valid plan, either "
        "remove your -target=... options altogether or add the following additional target options:"
        f"{lines}\n\nNote that adding these options may include further additional resource instances in your plan, in "
        "order to respect object dependencies.",
    )
