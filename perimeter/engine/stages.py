"""From a plan to the ordered list of stages that apply executes and ``plan -explain`` prints; pure.

Stages wait for *groups* of stages, not for single ones: an edge between two blocks of a thousand instances is one edge.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from perimeter.addresses import Address, ModulePath
from perimeter.engine.model import Action, Change, Plan
from perimeter.sdk.provider import ResourceType

StageOperation = Literal["create", "read", "update", "delete", "adopt", "forget", "manual"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of an apply.

    Attributes:
        id: unique, and the same whenever the same plan is staged.
        operation: what is done.
        change: the change it belongs to.
        groups: the groups it is a member of.
        after: groups all of whose stages must have ended well first.
        deposes: for a create before its delete: the old object is set aside first.
    """

    id: str
    operation: StageOperation
    change: Change
    groups: tuple[str, ...]
    after: tuple[str, ...] = ()
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
    users = _depended_on(plan.changes)
    out: list[Stage] = []
    for change in plan.changes:
        out.extend(_stages_of(change, users, types))
    return _ordered(out)


def _stages_of(
    change: Change, users: Mapping[str, set[str]], types: Mapping[str, ResourceType]
) -> list[Stage]:
    block = _block_of(change)
    kind = types.get(change.type)
    collection = f"{change.provider}/{change.type}"
    made = [f"make:{block}", f"make-all:{collection}"]
    dropped = [f"drop:{block}", f"drop-all:{collection}"]
    if kind is not None and kind.affects_sign_in:
        made.append(f"make-sign-in:{change.provider}")
    waits_make = tuple(
        sorted(f"make:{needed}" for needed in change.dependencies if needed != block)
    )
    dependents = sorted(users.get(block, set()) - {block})
    waits_swap = tuple(f"drop:{user}" for user in dependents)
    waits_drop = [*waits_swap, *(f"make:{user}" for user in dependents)]
    if change.address is None:
        waits_drop.append(f"make-all:{collection}")
    if kind is not None and kind.affects_sign_in:
        waits_drop.append(f"make-sign-in:{change.provider}")
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
    if change.manual is not None:
        found.append(stage("manual", [f"manual:{change.key}"], ()))
    return found


def _ordered(found: list[Stage]) -> tuple[Stage, ...]:
    members: dict[str, list[int]] = defaultdict(list)
    for index, stage in enumerate(found):
        for group in stage.groups:
            members[group].append(index)
    waiters: dict[str, list[int]] = defaultdict(list)
    missing = [0] * len(found)
    for index, stage in enumerate(found):
        for group in stage.after:
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
