"""Ephemeral resources: never planned, never remembered; opened when an apply first needs one, closed at its end.

While planning their values are unknown, so that planning stays pure and needs no secret.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from perimeter.addresses import Address, InstanceKey, ModulePath
from perimeter.config.decode import decode_body
from perimeter.config.model import Resource
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.engine.conditions import POSTCONDITION, PRECONDITION, judge
from perimeter.engine.connections import Connections
from perimeter.engine.evaluation import Evaluation
from perimeter.engine.repetition import repetition
from perimeter.engine.work import ProviderInstance, Work
from perimeter.lang.plain import from_plain, to_plain
from perimeter.lang.values import EPHEMERAL, unknown
from perimeter.sdk.contract import Attributes, Opened, OpenRequest, Tenant
from perimeter.sdk.errors import ProviderError
from perimeter.sdk.provider import EphemeralResource
from perimeter.sdk.redact import SECRETS

Block = tuple[ModulePath, str, str]
"""A block in one module instance: module, type, name."""


def plan_ephemeral(work: Work, block: Resource, module: ModulePath) -> None:
    """Check every instance of an ephemeral block, and let its value be unknown until an apply opens it."""
    found = repetition(
        block.count,
        block.for_each,
        work.evaluation.scope(module),
        work.diagnostics,
        block.lifecycle.enabled,
    )
    instances = work.evaluation.expand((module, "ephemeral", block.type, block.name), found)
    places: dict[InstanceKey, str] = {}
    for key in found.keys:
        each = found.each(key)
        instance = work.provider_of(module, block.provider, each)
        known = instance.provider.ephemeral_resources if instance is not None else {}
        kind = known.get(block.type)
        if instance is None or kind is None:
            work.diagnostics.error(
                "Invalid resource type",
                f'No provider of this configuration supports ephemeral resource type "{block.type}".'
                f"{did_you_mean(block.type, known)}",
                block.range,
            )
            instances.put(key, unknown().with_marks([EPHEMERAL]))
            continue
        address = str(Address(module, block.type, block.name, key, "ephemeral"))
        problems = Diagnostics()
        scope = work.evaluation.scope(module, each)
        work.checks.extend(
            judge(block.lifecycle.preconditions, scope, address, PRECONDITION, problems)
        )
        where = f'ephemeral "{block.type}" "{block.name}"'
        decode_body(block.body, kind.schema, scope, problems, skip=block.meta, where=where)
        work.diagnostics.extend(problem.at(address=address) for problem in problems)
        value = unknown(kind.schema.type).with_marks([EPHEMERAL])
        instances.put(key, value)
        after = work.evaluation.scope(module, each, value)
        work.checks.extend(
            judge(block.lifecycle.postconditions, after, address, POSTCONDITION, work.diagnostics)
        )
        places[key] = instance.key
    work.ephemeral[module, block.type, block.name] = places


@dataclass(slots=True, kw_only=True)
class _Held:
    """An opened one; ``due`` is when it must be renewed, by the monotonic clock."""

    address: str
    kind: EphemeralResource
    reader: object
    tenant: Tenant
    opened: Opened
    due: float


@dataclass(slots=True, kw_only=True)
class Openings:
    """What one apply has opened. Used by the thread that owns the evaluation only.

    Attributes:
        places: the provider instance of each instance, by block.
        tenants: as planned, by provider instance.
    """

    evaluation: Evaluation
    connections: Connections
    providers: Mapping[str, ProviderInstance]
    places: Mapping[Block, Mapping[InstanceKey, str]]
    tenants: Mapping[str, Tenant]
    diagnostics: Diagnostics
    clock: Callable[[], float] = time.monotonic
    _held: list[_Held] = field(default_factory=list)
    _asked: set[Block] = field(default_factory=set)

    def open(self, module: ModulePath, kind: str, name: str) -> None:
        """Open all instances of a block, once; what fails is reported and stays unknown."""
        block = (module, kind, name)
        if block in self._asked:
            return
        self._asked.add(block)
        for key, provider in self.places.get(block, {}).items():
            self._open(Address(module, kind, name, key, "ephemeral"), self.providers[provider])

    def _open(self, address: Address, instance: ProviderInstance) -> None:
        kind = instance.provider.ephemeral_resources[address.type]
        declared = self.evaluation.config.modules[address.module.names]
        block = declared.resources["ephemeral", address.type, address.name]
        instances = self.evaluation.resource(
            address.module, "ephemeral", address.type, address.name
        )
        assert instances is not None
        each = instances.repetition.each(address.key)
        scope = self.evaluation.scope(address.module, each)
        problems = Diagnostics()
        judge(block.lifecycle.preconditions, scope, str(address), PRECONDITION, problems)
        where = f'ephemeral "{block.type}" "{block.name}"'
        decoded = decode_body(
            block.body, kind.schema, scope, problems, skip=block.meta, where=where
        )
        known = all(value.is_wholly_known for value in decoded.attributes.values())
        if not known or instance.config is None:
            problems.error(
                "Value still unknown",
                f"{address} could not be opened: what it refers to is not known, because it was not applied.",
                block.range,
            )
        if problems.has_errors:
            self.diagnostics.extend(item.at(address=str(address)) for item in problems)
            return
        config = {
            name: to_plain(value) for name, value in decoded.attributes.items() if not value.is_null
        }
        try:
            reader = self.connections.reader(instance.key, instance.name, instance.config or {})
            tenant = self.tenants.get(instance.key) or instance.provider.tenant(reader)
            opened = kind.open(reader, OpenRequest(tenant=tenant, config=config))
        except ProviderError as problem:
            self.diagnostics.error(
                "Ephemeral resource could not be opened",
                SECRETS.redact(problem.message),
                block.range,
                address=str(address),
            )
            return
        self._note(str(address), kind, reader, tenant, opened)
        names = kind.schema.type.attributes
        whole = {name: opened.attributes.get(name, config.get(name)) for name in names}
        value = from_plain(whole, kind.schema.type).with_marks([EPHEMERAL])
        after = self.evaluation.scope(address.module, each, value)
        judge(block.lifecycle.postconditions, after, str(address), POSTCONDITION, problems)
        if problems.has_errors:
            self.diagnostics.extend(item.at(address=str(address)) for item in problems)
            return
        instances.put(address.key, value)

    def _note(
        self,
        address: str,
        kind: EphemeralResource,
        reader: object,
        tenant: Tenant,
        opened: Opened,
    ) -> None:
        _protect(kind, opened.attributes)
        due = self.clock() + opened.renew_after if opened.renew_after else float("inf")
        self._held.append(
            _Held(address=address, kind=kind, reader=reader, tenant=tenant, opened=opened, due=due)
        )

    def renew(self) -> None:
        """Renew what would run out."""
        for item in self._held:
            if self.clock() < item.due:
                continue
            try:
                item.opened = item.kind.renew(item.reader, item.opened)
            except ProviderError as problem:
                self.diagnostics.warning(
                    "Ephemeral resource could not be renewed",
                    SECRETS.redact(problem.message),
                    address=item.address,
                )
            after = item.opened.renew_after
            item.due = self.clock() + after if after else float("inf")

    def close(self) -> None:
        """Close everything, the last opened first; what fails is a warning: it runs out by itself."""
        for item in reversed(self._held):
            try:
                item.kind.close(item.reader, item.opened)
            except ProviderError as problem:
                self.diagnostics.warning(
                    "Ephemeral resource could not be closed",
                    SECRETS.redact(problem.message),
                    address=item.address,
                )
        self._held.clear()


def _protect(kind: EphemeralResource, attributes: Attributes) -> None:
    """From now on nothing of it is written anywhere."""
    for name, attribute in kind.schema.attributes.items():
        if attribute.sensitive or attribute.is_secret:
            SECRETS.add_all(attributes.get(name))
