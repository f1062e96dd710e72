"""What state remembers of rotations; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from perimeter.engine.clock import instant
from perimeter.engine.model import Action, Change, Plan
from perimeter.engine.rotating.machine import backed_off
from perimeter.state.model import Instance, Rotation, StateObject
from perimeter.state.replay import deposed_key


@dataclass(frozen=True, slots=True)
class Held:
    """An address with its credentials, as it becomes step by step; each method gives the next."""

    instance: Instance

    @property
    def memory(self) -> Rotation:
        """What is remembered."""
        return self.instance.rotation or Rotation()

    @property
    def current(self) -> StateObject | None:
        """The credential in use."""
        return self.instance.current()

    @property
    def previous(self) -> tuple[StateObject, ...]:
        """Those that it replaced, oldest first."""
        return tuple(item for item in self.instance.objects if item.role == "previous")

    def remembering(self, **changed: object) -> Held:
        """With some of the memory changed."""
        memory = msgspec.structs.replace(self.memory, **changed)
        return Held(msgspec.structs.replace(self.instance, rotation=memory))

    def holding(self, sink: str, *identifiers: str) -> Held:
        """With what a sink may hold by now."""
        return self.remembering(holds={**self.memory.holds, sink: tuple(identifiers)})

    def without(self, identifier: str) -> Held:
        """Without an object that is gone."""
        return self._of(item for item in self.instance.objects if item.id != identifier)

    def with_current(self, new: StateObject) -> Held:
        """With a new credential in use; the one before becomes a previous one."""
        old = [
            _as(item, "previous") if item.role == "current" else item
            for item in self.instance.objects
            if item.id != new.id
        ]
        return self._of([*old, _as(new, "current")])

    def deposing(self, identifier: str) -> Held:
        """With an object that is only there to be removed."""
        return self._of(
            _as(item, "deposed") if item.id == identifier else item
            for item in self.instance.objects
        )

    def restoring(self, identifier: str) -> Held:
        """With a previous credential in use again; the one that was is to be removed."""
        return self._of(
            _as(item, "current")
            if item.id == identifier
            else _as(item, "deposed")
            if item.role == "current"
            else item
            for item in self.instance.objects
        )

    def with_lost(self, objects: tuple[StateObject, ...]) -> Held:
        """With what a cut-off run made, to be removed."""
        known = {item.id for item in self.instance.objects}
        more = [_as(item, "deposed") for item in objects if item.id not in known]
        return self._of([*self.instance.objects, *more])

    def refreshed(self, anew: StateObject) -> Held:
        """With what was read of an object."""
        return self._of(
            msgspec.structs.replace(item, attributes=anew.attributes, unconfirmed=False)
            if item.id == anew.id
            else item
            for item in self.instance.objects
        )

    def failed(self, at: str, error: str) -> Held:
        """After one more failure in a row."""
        memory = self.memory
        return self.remembering(
            failures=memory.failures + 1,
            failed_at=at,
            error=error,
            not_before=backed_off(memory, instant(at)),
        )

    def over(self, at: str) -> Held:
        """After the last step of a rotation: what is remembered is only what the sinks hold."""
        memory = self.memory
        done = Rotation(
            deliveries=memory.deliveries,
            holds={name: ids[-1:] for name, ids in memory.holds.items()},
            completed_at=at,
        )
        return Held(msgspec.structs.replace(self.instance, rotation=done))

    def _of(self, objects: object) -> Held:
        return Held(msgspec.structs.replace(self.instance, objects=tuple(objects)))  # type: ignore[arg-type]


def _as(item: StateObject, role: str) -> StateObject:
    """An object in a role; what is not in use is protected by nothing but its rotation."""
    if item.role == role:
        return item
    current = role == "current"
    return msgspec.structs.replace(
        item,
        role=role,
        key="" if current else deposed_key(item),
        protected=item.protected and current,
    )


def looked_into(change: Change) -> bool:
    """Whether the plan found that a cut-off issue left nothing; where there is a step, that settles it."""
    rotation = change.rotation
    return rotation is not None and not rotation.steps and not _blind(change)


def _blind(change: Change) -> bool:
    rotation = change.rotation
    return rotation is not None and rotation.stage == "settled" and bool(rotation.waiting_for)


def made_anew(changes: Iterable[Change]) -> frozenset[str]:
    """Printed addresses of the objects that a plan makes: whatever their predecessors held is gone."""
    return frozenset(
        str(change.address)
        for change in changes
        if change.address is not None
        and (change.action is Action.CREATE or change.action.is_replace)
    )


def record_rotations(resources: dict[str, Instance], plan: Plan) -> None:
    """Forget previous credentials that are gone, and the rotations of what is not rotated any more."""
    rotated = {
        str(change.address): change.rotation
        for change in plan.changes
        if change.rotation is not None
    }
    empty = made_anew(plan.changes)
    for address, rotation in rotated.items():
        known = resources.get(address)
        if known is None:
            continue
        if known.rotation is not None and "issue" not in rotation.steps:
            holds = {
                sink: () if sink in empty else ids for sink, ids in known.rotation.holds.items()
            }
            memory = msgspec.structs.replace(known.rotation, holds=holds)
            known = resources[address] = msgspec.structs.replace(known, rotation=memory)
        if not rotation.gone:
            continue
        left = tuple(
            item
            for item in known.objects
            if not (item.role == "previous" and item.id in rotation.gone)
        )
        anew = Held(msgspec.structs.replace(known, objects=left))
        if not anew.previous and anew.memory.delivered_at:
            anew = anew.over(plan.timestamp)
        resources[address] = anew.instance
    if not plan.options.whole or plan.options.refresh_only:
        return
    planned = {str(change.address): change for change in plan.changes}
    for address, known in list(resources.items()):
        if known.rotation is None or address in rotated:
            continue
        change = planned.get(address)
        if change is None or not change.deferred:
            resources[address] = msgspec.structs.replace(known, rotation=None)
