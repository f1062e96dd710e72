"""From a plan to the ordered list of stages that apply executes and ``plan -explain`` prints; pure.

Stages wait for *groups* of stages, not for single ones: an edge between two blocks of a thousand instances is one edge.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from typing import Literal, cast

from perimeter.addresses import Address, ModulePath
from perimeter.engine.model import Action, Change, Invocation, Plan
from perimeter.lang.values import UNKNOWN
from perimeter.sdk.provider import ResourceType

StageOperation = Literal[
    "create",
    "read",
    "update",
    "delete",
    "adopt",
    "forget",
    "manual",
    "invoke",
    "issue",
    "verify",
    "retire",
    "remove",
    "roll_back",
    "take_over",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of an apply.

    Attributes:
        id: unique, and the same whenever the same plan is staged.
        operation: what is done.
        change: the change it belongs to.
        groups: the groups it is a member of.
        after: groups all of whose stages must have ended well first.
        follows: groups all of whose stages must have ended first, well or not.
        deposes: for a create before its delete: the old object is set aside first.
    """

    id: str
    operation: StageOperation
    change: Change
    groups: tuple[str, ...]
    after: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    deposes: bool = False


def static_block(address: Address) -> str:
    """The printed address of a block as it stands in the configuration: without any instance keys."""
    module = ModulePath(tuple((name, None) for name in address.module.names))
    return str(Address(module, address.type, address.name, None, address.mode))


def _block_of(change: Change) -> str:
    return (
        static_block(change.address)
        if change.address is not None
        else f"{change.provider}/{change.type}"
    )


def _depended_on(changes: Iterable[Change]) -> Mapping[str, set[str]]:
    """Blocks by the blocks that depend on them, from configuration and from what state recorded."""
    users: dict[str, set[str]] = defaultdict(set)
    for change in changes:
        recorded = change.prior.dependencies if change.prior is not None else ()
        for needed in {*change.dependencies, *recorded}:
            users[needed].add(_block_of(change))
    return users


def stages(plan: Plan, types: Mapping[str, ResourceType]) -> tuple[Stage, ...]:
    """The stages of a plan in an order that respects every wait.

    Raises:
        ValueError: the waits go round in a circle (a bug: plans are acyclic).
    """
    found = _in_sequence(plan, stages_of(plan.changes, types))
    return _ordered(_with_invocations(found, plan.invocations) if plan.invocations else found)


def _with_invocations(found: list[Stage], invocations: Iterable[Invocation]) -> list[Stage]:
    """Put the actions that a change invokes around its stages, one after the other.

    What depends on the resource does not wait for what is invoked after its change.
    """
    made: list[Stage] = []
    before: dict[str, list[str]] = defaultdict(list)
    after: set[str] = set()
    last: dict[tuple[str, str], str] = {}
    for item in invocations:
        group = f"invoke:{item.key}"
        waits = [f"make:{needed}" for needed in item.change.dependencies]
        side = item.event.partition("_")[0]
        previous = last.get((item.trigger, side))
        if previous is not None:
            waits.append(previous)
        last[item.trigger, side] = group
        if side == "before":
            before[item.trigger].append(group)
        elif side == "after":
            waits.append(f"changed:{item.trigger}")
            after.add(item.trigger)
        made.append(
            Stage(
                id=group,
                operation="invoke",
                change=item.change,
                groups=(group,),
                after=tuple(sorted(set(waits))),
            )
        )
    return [*(_around(stage, before, after) for stage in found), *made]


def _around(stage: Stage, before: Mapping[str, list[str]], after: Set[str]) -> Stage:
    key = stage.change.key
    if stage.operation not in ("create", "update") or not (key in before or key in after):
        return stage
    return replace(
        stage,
        groups=(*stage.groups, f"changed:{key}"),
        after=(*stage.after, *before.get(key, ())),
    )


def stages_of(changes: Iterable[Change], types: Mapping[str, ResourceType]) -> list[Stage]:
    """The stages of changes, in no order; what they wait for is in them."""
    changes = tuple(changes)
    users = _depended_on(changes)
    return [stage for change in changes for stage in _stages_of(change, users, types)]


def _in_sequence(plan: Plan, found: list[Stage]) -> list[Stage]:
    """Let the stages that decide who gets in go one after another, in the order that was proved to lock nobody out."""
    place = {name: number for number, name in enumerate(plan.sequence)}
    present = sorted((s.id for s in found if s.id in place), key=place.__getitem__)
    before = dict(zip(present[1:], present, strict=False))
    out = []
    for stage in found:
        if stage.id not in place:
            out.append(stage)
            continue
        follows = (_turn(before[stage.id]),) if stage.id in before else ()
        needs = tuple(_turn(name) for name in plan.compensations.get(stage.id, ()))
        out.append(
            replace(
                stage,
                groups=(*stage.groups, _turn(stage.id)),
                after=(*stage.after, *needs),
                follows=follows,
            )
        )
    return out


def _turn(stage: str) -> str:
    return f"turn:{stage}"


def _stages_of(
    change: Change, users: Mapping[str, set[str]], types: Mapping[str, ResourceType]
) -> list[Stage]:
    block = _block_of(change)
    collection = f"{change.provider}/{change.type}"
    made = [f"make:{block}", f"make-all:{collection}"]
    dropped = [f"drop:{block}", f"drop-all:{collection}"]
    waits_make = tuple(
        sorted(f"make:{needed}" for needed in change.dependencies if needed != block)
    )
    dependents = sorted(users.get(block, set()) - {block})
    waits_swap = tuple(f"drop:{user}" for user in dependents)
    waits_drop = [*waits_swap, *(f"make:{user}" for user in dependents)]
    if change.address is None:
        waits_drop.append(f"make-all:{collection}")
    waits_drop.extend(
        f"drop-all:{change.provider}/{other.name}"
        for other in types.values()
        if other.identity.parent is not None
        and other.identity.parent.type == change.type
        and other.name != change.type
    )

    def stage(
        operation: StageOperation,
        groups: Iterable[str],
        after: Iterable[str],
        suffix: str = "",
        deposes: bool = False,
    ) -> Stage:
        return Stage(
            id=f"{operation}{suffix}:{change.key}",
            operation=operation,
            change=change,
            groups=tuple(groups),
            after=tuple(after),
            deposes=deposes,
        )

    found: list[Stage] = []
    if change.importing and change.action in (Action.NO_OP, Action.UPDATE):
        found.append(stage("adopt", [f"adopt:{change.key}", *made], waits_make))
    match change.action:
        case Action.READ:
            found.append(stage("read", made, waits_make))
        case Action.CREATE:
            found.append(stage("create", made, waits_make))
        case Action.UPDATE:
            after = [*waits_make, f"adopt:{change.key}"] if change.importing else waits_make
            found.append(stage("update", made, after))
        case Action.DELETE:
            found.append(stage("delete", dropped, waits_drop))
        case Action.FORGET:
            found.append(stage("forget", dropped, waits_swap))
        case Action.FORGET_THEN_CREATE:
            swap = f"swap:{change.key}"
            found.append(stage("forget", [swap], ()))
            found.append(stage("create", made, [swap, *waits_make]))
        case Action.DELETE_THEN_CREATE:
            swap = f"swap:{change.key}"
            found.append(stage("delete", [swap, *dropped], waits_swap, ":old"))
            found.append(stage("create", made, [swap, *waits_make]))
        case Action.CREATE_THEN_DELETE:
            made_here = f"made:{change.key}"
            found.append(stage("create", [made_here, *made], waits_make, deposes=True))
            later = [*waits_swap, *(f"make:{user}" for user in dependents), made_here]
            found.append(stage("delete", dropped, later, ":deposed"))
        case _:
            pass
    if change.rotation is not None and change.rotation.steps:
        return _rotating(change, found, made, waits_make)
    if change.manual is not None:
        found.append(stage("manual", [f"manual:{change.key}"], ()))
    return found


def _rotating(
    change: Change, found: list[Stage], made: list[str], waits: tuple[str, ...]
) -> list[Stage]:
    """The steps of a rotation, one after the other, after what else is done to the credential.

    What depends on the credential waits for all of them. A first issue stands where the create would.
    """
    rotation = change.rotation
    assert rotation is not None
    kept = [
        item for item in found if not (item.operation == "create" and "issue" in rotation.steps)
    ]
    before = [*waits, *(f"settled:{change.key}" for _ in kept[:1])]
    out = [replace(item, groups=(*item.groups, f"settled:{change.key}")) for item in kept]
    for number, step in enumerate(rotation.steps):
        group = f"{step}:{change.key}"
        out.append(
            Stage(
                id=group,
                operation=cast("StageOperation", step),
                change=_as_step(change, step),
                groups=(group, *made),
                after=tuple(
                    before if number == 0 else [f"{rotation.steps[number - 1]}:{change.key}"]
                ),
            )
        )
    if change.manual is not None:
        group = f"manual:{change.key}"
        out.append(Stage(id=group, operation="manual", change=change, groups=(group,)))
    return out


def _as_step(change: Change, step: str) -> Change:
    """The change as one step makes it: an issue creates beside what there is, the end of the previous one removes."""
    if step == "issue":
        schema = change.schema
        names = () if schema is None else (*schema.attributes, *schema.blocks)
        known = change.after or {}
        after = {
            name: known.get(name)
            if schema is None or name in schema.blocks or schema.attributes[name].configurable
            else UNKNOWN
            for name in names
        }
        return replace(
            change,
            action=Action.CREATE,
            after=after,
            changed=frozenset(change.desired) or frozenset(known),
        )
    return change


def _ordered(found: list[Stage]) -> tuple[Stage, ...]:
    members: dict[str, list[int]] = defaultdict(list)
    for index, stage in enumerate(found):
        for group in stage.groups:
            members[group].append(index)
    waiters: dict[str, list[int]] = defaultdict(list)
    missing = [0] * len(found)
    for index, stage in enumerate(found):
        for group in (*stage.after, *stage.follows):
            if group in members:
                waiters[group].append(index)
                missing[index] += 1
    left = {group: len(indexes) for group, indexes in members.items()}
    ready = deque(index for index, count in enumerate(missing) if count == 0)
    order: list[Stage] = []
    while ready:
        index = ready.popleft()
        order.append(found[index])
        for group in found[index].groups:
            left[group] -= 1
            if left[group] == 0:
                for waiter in waiters[group]:
                    missing[waiter] -= 1
                    if missing[waiter] == 0:
                        ready.append(waiter)
    if len(order) != len(found):
        stuck = sorted(found[index].id for index, count in enumerate(missing) if count > 0)
        raise ValueError("stages wait for each other: " + ", ".join(stuck[:5]))
    return tuple(order)
