"""Bring a secret from memory into its sinks, and back.

What a sink may hold is in state before each call: whatever happens then, nobody removes what it may hold.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from perimeter.engine.rotating.job import Desk, Sink
from perimeter.sdk.errors import NotFound, ProviderError, RateLimited, Retryable
from perimeter.sdk.redact import SECRETS
from perimeter.sdk.rotation import Delivered, DeliverRequest, Secret, SinkRequest

ATTEMPTS = 3
"""How often a delivery is tried whose failure may pass."""

PAUSE = 0.5
"""Seconds before the second attempt; doubled each time."""

LONGEST = 30.0
"""Seconds that one of them may have to wait."""


def payload_of(secret: Secret, member: str) -> str:
    """What a sink stores: all members as a JSON object with sorted keys, or one member's text.

    Raises:
        ProviderError: there is no such member.
    """
    if not member:
        return json.dumps(dict(secret), sort_keys=True)
    if member not in secret:
        raise ProviderError(
            f'The secret has no member "{member}"; it has {", ".join(sorted(secret))}.'
        )
    return secret[member]


def in_order(sinks: tuple[Sink, ...]) -> tuple[Sink, ...]:
    """First the sinks that can be set back, last those that neither show nor keep what they held."""
    return tuple(sorted(sinks, key=lambda sink: (not sink.can.versioned, not sink.can.readable)))


@dataclass(slots=True)
class Delivery:
    """One credential on its way.

    Attributes:
        earlier: by sink, the payload that it held before, where it shows that; in memory only.
        before: by sink, ids of the credentials that it held before.
    """

    desk: Desk
    id: str
    secret: Secret = field(repr=False)
    token: str
    earlier: dict[str, str] = field(default_factory=dict, repr=False)
    before: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def deliver(self) -> str:
        """Deliver to every sink; returns what went wrong, or nothing."""
        for sink in in_order(self.desk.job.sinks):
            problem = self._to(sink)
            if problem:
                return f"{sink.address}: {problem}"
        return ""

    def _to(self, sink: Sink) -> str:
        desk, name = self.desk, sink.address
        held = desk.held
        old = held.memory.holds.get(name, ())
        self.before[name] = old
        try:
            payload = payload_of(self.secret, sink.member)
            attributes = sink.attributes()
            if sink.can.readable and old:
                self._keep(sink)
        except ProviderError as problem:
            return SECRETS.redact(problem.message)
        request = DeliverRequest(
            tenant=sink.tenant,
            id=sink.id,
            attributes=attributes,
            payload=payload,
            token=self.token,
            credential=self.id,
        )
        desk.note(held.holding(name, *dict.fromkeys((*old, self.id))))
        try:
            answer = self._tried(f"deliver:{name}", sink, request)
        except ProviderError as problem:
            if problem.committed is not None:
                desk.note(desk.held.holding(name, *old))
            return SECRETS.redact(problem.message)
        versions = {**desk.held.memory.deliveries, name: answer.version}
        desk.note(desk.held.holding(name, self.id).remembering(deliveries=versions))
        return ""

    def _keep(self, sink: Sink) -> None:
        """Keep in memory what the sink holds, so that it can be put back."""
        request = SinkRequest(tenant=sink.tenant, id=sink.id, attributes=sink.hint, version="")
        try:
            self.earlier[sink.address] = sink.can.fetch(sink.reader, request)
        except NotFound:
            return
        SECRETS.add(self.earlier[sink.address])

    def _tried(self, name: str, sink: Sink, request: DeliverRequest) -> Delivered:
        """Deliver, again when the failure may pass: one token stores once."""
        surely = True
        for attempt in range(ATTEMPTS):
            try:
                answer: Delivered = self.desk.call(
                    name, lambda: sink.can.deliver(sink.writer, request)
                )
            except ProviderError as problem:
                surely = surely and problem.committed is not None
                passing = isinstance(problem, Retryable | RateLimited) or problem.committed is None
                pause = max(getattr(problem, "after", 0.0), PAUSE * 2**attempt)
                if passing and attempt + 1 < ATTEMPTS and pause <= LONGEST:
                    self.desk.executor.sleep(pause)
                    continue
                if not surely:
                    problem.committed = None
                raise
            return answer
        raise AssertionError("the last attempt returns or raises")

    def undo(self) -> tuple[str, ...]:
        """Give every sink back what it held; returns the sinks that may go on to hold the new credential."""
        left = []
        for sink in self.desk.job.sinks:
            ids = self.desk.held.memory.holds.get(sink.address, ())
            if self.id not in ids:
                continue
            if not put_back(
                self.desk,
                sink,
                self.before.get(sink.address, ()),
                self.earlier.get(sink.address),
                f"{self.token}-back",
            ):
                left.append(sink.address)
        return tuple(left)


def put_back(desk: Desk, sink: Sink, ids: tuple[str, ...], payload: str | None, token: str) -> bool:
    """Let a sink hold what it held before: by its own versions, else by what was read of it; whether that worked.

    ``ids``: the credentials that it then holds.
    """
    version = desk.held.memory.before.get(sink.address, "")
    name = f"put_back:{sink.address}"
    try:
        attributes = sink.attributes()
        if sink.can.versioned and version:
            request = SinkRequest(
                tenant=sink.tenant, id=sink.id, attributes=attributes, version=version
            )
            answer = desk.call(name, lambda: sink.can.restore(sink.writer, request))
        elif payload is not None:
            again = DeliverRequest(
                tenant=sink.tenant,
                id=sink.id,
                attributes=attributes,
                payload=payload,
                token=token,
                credential=ids[-1] if ids else "",
            )
            answer = desk.call(name, lambda: sink.can.deliver(sink.writer, again))
        else:
            return False
    except ProviderError:
        return False
    versions = {**desk.held.memory.deliveries, sink.address: answer.version or version}
    desk.note(desk.held.holding(sink.address, *ids).remembering(deliveries=versions))
    return True


def held_by(desk: Desk, identifier: str) -> Secret | None:
    """The secret of a credential from a sink that shows it whole; None where none does."""
    known = desk.job.shared.secrets.get(identifier)
    if known is not None:
        return known
    for sink in desk.job.sinks:
        ids = desk.held.memory.holds.get(sink.address, ())
        if not sink.can.readable or sink.member or (ids and identifier not in ids):
            continue
        try:
            request = SinkRequest(tenant=sink.tenant, id=sink.id, attributes=sink.attributes())
            found = json.loads(sink.can.fetch(sink.reader, request))
        except (ProviderError, ValueError):
            continue
        if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
            continue
        names = set(desk.job.credential.members)
        told = identifier in found.values()
        if told or (ids == (identifier,) and names <= found.keys()):
            SECRETS.add_all([value for value in found.values() if value != identifier])
            return found
    return None
