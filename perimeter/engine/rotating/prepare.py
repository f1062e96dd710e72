"""Decide in the evaluation's thread what a step of a rotation needs: sinks as they are by now, and who is asked and told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from perimeter.addresses import Address, parse_address
from perimeter.diagnostics import Diagnostics
from perimeter.engine.connections import Connections
from perimeter.engine.evaluation import Evaluation
from perimeter.engine.execute import NOWHERE, Done
from perimeter.engine.invocation import Undecided
from perimeter.engine.model import Change
from perimeter.engine.persist import state_object
from perimeter.engine.plan import Planned
from perimeter.engine.resolve import resolve
from perimeter.engine.rotating.job import RotationJob, Rotations, Sink
from perimeter.engine.rotating.memory import Held
from perimeter.engine.rotating.planned import PlannedConsumer, PlannedSink
from perimeter.engine.snapshot import Snapshot
from perimeter.engine.stages import Stage
from perimeter.lang.plain import to_plain
from perimeter.sdk.errors import ProviderError
from perimeter.sdk.provider import WritePermit
from perimeter.sdk.redact import SECRETS
from perimeter.state.model import Instance, Intent, State, StateObject

OPERATIONS = frozenset({"issue", "verify", "retire", "remove", "roll_back", "take_over"})
"""The operations of stages that are steps of a rotation."""


@dataclass(slots=True, kw_only=True)
class Preparer:
    """Prepares the steps of one run.

    Attributes:
        state: as it was when the run began.
        pending: what earlier runs began and nobody knows the end of.
        now: the time, RFC 3339.
        ids: vendor ids of what this run made, by printed address.
    """

    planned: Planned
    connections: Connections
    snapshot: Snapshot
    state: State
    pending: tuple[Intent, ...]
    permit: WritePermit
    now: Any
    shared: Rotations = field(default_factory=Rotations)
    ids: dict[str, str] = field(default_factory=dict)
    _changes: dict[str, Change] = field(default_factory=dict)

    def prepare(self, stage: Stage) -> RotationJob | Undecided:
        """All that a step needs."""
        change, rotation = stage.change, stage.change.rotation
        evaluation = self.planned.evaluation
        assert rotation is not None
        assert evaluation is not None
        assert change.address is not None
        where = change.address
        address = str(where)
        instance = self.planned.instances[change.provider]
        kind = instance.provider.resources[change.type]
        assert kind.credential is not None
        assert self.planned.plan is not None
        if stage.operation == "issue":
            decided = resolve(evaluation, instance, change, self.snapshot)
            if decided.problems:
                return Undecided(text=decided.problems[0].summary, diagnostics=decided.problems)
            change = decided.change
        tenant = change.tenant or self.planned.plan.tenants.get(change.provider) or NOWHERE
        try:
            reader = self.connections.reader(change.provider, instance.name, instance.config or {})
            writer = self.connections.writer(change.provider, self.permit)
            sinks = tuple(self._sink(item) for item in rotation.sinks)
        except ProviderError as problem:
            return Undecided(text=SECRETS.redact(problem.message))
        except LookupError as problem:
            return Undecided(
                text=f"{problem.args[0]} does not exist, so that nothing can be delivered to it."
            )
        self.shared.held.setdefault(address, Held(self.state.resources.get(address, Instance())))
        first = stage.operation == rotation.steps[0]
        begun = self._begun(address) if first else ()
        return RotationJob(
            stage=stage,
            change=change,
            rotation=rotation,
            kind=kind,
            credential=kind.credential,
            tenant=tenant,
            reader=reader,
            writer=writer,
            sinks=sinks,
            token=begun[-1].token if begun and not rotation.lost else "",
            lost=tuple(self._lost(change, begun, name, tenant.id) for name in rotation.lost)
            if begun
            else (),
            begun=begun,
            consumers=tuple(self._asked(evaluation, where, rotation.consumers)),
            notify=self._notified(evaluation, where),
            config=instance.config or {},
            environment=self.connections.environment,
            shared=self.shared,
        )

    def _begun(self, address: str) -> tuple[Intent, ...]:
        found = tuple(
            item for item in self.pending if item.operation == "issue" and item.address == address
        )
        self.pending = tuple(item for item in self.pending if item not in found)
        return found

    def _lost(
        self, change: Change, begun: tuple[Intent, ...], identifier: str, tenant: str
    ) -> StateObject:
        kind = self.planned.instances[change.provider].provider.resources[change.type]
        return state_object(
            change,
            kind,
            id=identifier,
            tenant=tenant,
            attributes=begun[-1].object.attributes,
            now=self.now(),
        )

    def _change(self, address: str) -> Change | None:
        if not self._changes:
            assert self.planned.plan is not None
            for change in self.planned.plan.changes:
                if change.address is not None and not change.deposed:
                    self._changes[str(change.address)] = change
        return self._changes.get(address)

    def _sink(self, wanted: PlannedSink) -> Sink:
        """A sink as it is by now.

        Raises:
            LookupError: it does not exist.
            ProviderError: its tenant cannot be reached.
        """
        change = self._change(wanted.address)
        identifier = self.ids.get(wanted.address) or (change.id if change is not None else "")
        if change is None or not identifier:
            raise LookupError(wanted.address)
        instance = self.planned.instances[change.provider]
        kind = instance.provider.resources[change.type]
        assert kind.sink is not None
        assert self.planned.plan is not None
        reader = self.connections.reader(change.provider, instance.name, instance.config or {})
        writer = self.connections.writer(change.provider, self.permit)
        return Sink(
            address=wanted.address,
            member=wanted.member,
            kind=kind,
            can=kind.sink,
            id=identifier,
            tenant=change.tenant or self.planned.plan.tenants.get(change.provider) or NOWHERE,
            reader=reader,
            writer=writer,
            hint=self._shown(wanted.address),
        )

    def _shown(self, address: str) -> Mapping[str, Any]:
        evaluation = self.planned.evaluation
        assert evaluation is not None
        where = parse_address(address)
        found = evaluation.resource(where.module, "managed", where.type, where.name)
        value = found.values.get(where.key) if found is not None else None
        plain = to_plain(value) if value is not None and value.is_known else {}
        return plain if isinstance(plain, dict) else {}

    def _asked(
        self, evaluation: Evaluation, address: Address, consumers: Iterable[PlannedConsumer]
    ) -> Iterable[PlannedConsumer]:
        module = evaluation.config.modules[address.module.names]
        for item in consumers:
            block = module.consumers.get(item.name.rpartition(".")[2])
            if block is None or block.url is None:
                yield item
                continue
            url = to_plain(evaluation.value(block.url, address.module, Diagnostics()))
            yield replace(item, url=url if isinstance(url, str) else "")

    def _notified(self, evaluation: Evaluation, address: Address) -> tuple[str, ...]:
        module = evaluation.config.modules[address.module.names]
        block = module.resources["managed", address.type, address.name].rotation
        expr = block.arguments.get("notify") if block is not None else None
        if expr is None:
            return ()
        found = evaluation.resource(address.module, "managed", address.type, address.name)
        each = found.repetition.each(address.key) if found is not None else None
        urls = to_plain(evaluation.value(expr, address.module, Diagnostics(), each))
        return tuple(url for url in urls if isinstance(url, str)) if isinstance(urls, list) else ()

    def ended(self, stage: Stage, change: Change, done: Done) -> None:
        """Note what other stages of the run made: sinks, and what is done to a credential besides its rotation."""
        if done.status != "done" or change.address is None or change.deposed:
            return
        address = str(change.address)
        if done.id and stage.operation in ("create", "adopt", "update"):
            self.ids[address] = done.id
        if stage.operation in OPERATIONS or change.rotation is None or not done.id:
            return
        if stage.operation in ("adopt", "update", "create") and done.attributes is not None:
            kind = self.planned.instances[change.provider].provider.resources[change.type]
            held = self.shared.held.get(address) or Held(
                self.state.resources.get(address, Instance())
            )
            known = held.current
            made = state_object(
                change,
                kind,
                id=done.id,
                tenant=change.tenant.id if change.tenant is not None else "",
                attributes=done.attributes,
                now=self.now(),
                prior=known if known is not None and known.id == done.id else None,
            )
            if known is not None and known.id == done.id:
                self.shared.held[address] = held.without(done.id).with_current(made)
            else:
                self.shared.held[address] = held.with_current(made)
