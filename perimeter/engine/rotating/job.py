"""One step of a rotation with all it needs, and what the steps of one run share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from perimeter.engine.execute import Done, Executor
from perimeter.engine.model import Change
from perimeter.engine.rotating.memory import Held
from perimeter.engine.rotating.planned import PlannedConsumer, PlannedRotation
from perimeter.engine.stages import Stage
from perimeter.sdk.contract import Attributes, Observed, ReadRequest, Tenant
from perimeter.sdk.errors import ProviderError, Unsupported
from perimeter.sdk.provider import ResourceType
from perimeter.sdk.redact import SECRETS
from perimeter.sdk.rotation import CredentialType, Secret, SinkType
from perimeter.state.model import Intent, Operation, Outcome, StateObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """A sink as it can be written to now.

    Attributes:
        address: printed.
        member: the part of the secret that it gets; empty for all.
        hint: its attributes as last known.
    """

    address: str
    member: str
    kind: ResourceType
    can: SinkType
    id: str
    tenant: Tenant
    reader: Any
    writer: Any
    hint: Attributes = field(default_factory=dict)

    def attributes(self) -> Attributes:
        """As the tenant shows it now.

        Raises:
            ProviderError: it cannot be read, or is gone.
        """
        found = self.kind.read(
            self.reader, ReadRequest(tenant=self.tenant, id=self.id, hint=self.hint)
        )
        if found is None:
            raise ProviderError(f"{self.address} is gone from its tenant.")
        return found.attributes


@dataclass(slots=True, kw_only=True)
class Rotations:
    """What the steps of one run share; the steps of one address follow each other.

    Attributes:
        held: credentials by address, as they are by now.
        secrets: of what this run issued, by vendor id; dropped at its end.
        told: what to tell whom: URLs, and what is posted.
    """

    held: dict[str, Held] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict, repr=False)

    def forget(self) -> None:
        """Drop the secrets."""
        self.secrets.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationJob:
    """One step.

    Attributes:
        change: for an issue decided: ``desired`` is wholly known.
        token: the idempotency token of an attempt that was cut off, if there was one.
        lost: what such attempts made, as state is to remember it.
        begun: the intents of such attempts.
        consumers: with the URLs that are asked.
        notify: URLs that are told.
        config: of the provider instance.
    """

    stage: Stage
    change: Change
    rotation: PlannedRotation
    kind: ResourceType
    credential: CredentialType
    tenant: Tenant
    reader: Any
    writer: Any
    sinks: tuple[Sink, ...] = ()
    token: str = ""
    lost: tuple[StateObject, ...] = ()
    begun: tuple[Intent, ...] = ()
    consumers: tuple[PlannedConsumer, ...] = ()
    notify: tuple[str, ...] = ()
    config: Attributes = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    shared: Rotations


class Refused(Exception):
    """A guard does not let the step happen; the message says why."""


@dataclass(slots=True)
class Desk:
    """A step under way: the job, the executor, and the credentials as they become."""

    executor: Executor
    job: RotationJob

    @property
    def address(self) -> str:
        """Printed address of the credential."""
        return str(self.job.change.address)

    @property
    def held(self) -> Held:
        """The credentials as they are by now."""
        return self.job.shared.held[self.address]

    def call(self, name: str, call: Callable[[], Any]) -> Any:
        """Make a call between its failpoints; a provider's bug becomes an error whose effect nobody knows."""
        self.executor.failpoint(f"call.before:{name}")
        try:
            answer = call()
        except ProviderError:
            raise
        except NotImplementedError as problem:
            raise Unsupported(f"The provider cannot do this: {problem}.") from None
        except Exception as problem:  # noqa: BLE001 - a provider's bug must not become a traceback
            text = SECRETS.redact(f"{type(problem).__name__}: {problem}")
            raise ProviderError(
                f"This is a bug of the provider: {text}. Please report it.", committed=None
            ) from None
        self.executor.failpoint(f"call.after:{name}")
        return answer

    def begin(self, operation: Operation, item: StateObject, **more: Any) -> None:
        """Write the intent of a call.

        Raises:
            StateError: it cannot be written; the call must not be made.
        """
        self.executor.journal.begin(
            [
                Intent(
                    stage=self.job.stage.id,
                    address=self.address,
                    operation=operation,
                    object=item,
                    fingerprint=self.job.change.fingerprint,
                    **more,
                )
            ]
        )

    def note(
        self,
        held: Held,
        status: Any = "done",
        *,
        detail: str = "",
        request_id: str = "",
        flush: bool = True,
    ) -> None:
        """Remember what is true from now on.

        Raises:
            StateError: it cannot be written.
        """
        self.job.shared.held[self.address] = held
        self.executor.journal.finish(
            Outcome(
                stage=self.job.stage.id,
                address=self.address,
                status=status,
                instance=held.instance,
                detail=SECRETS.redact(detail),
                request_id=request_id,
            )
        )
        if flush:
            self.executor.journal.flush()

    def settle(self) -> None:
        """Close what cut-off runs left open."""
        for intent in self.job.begun:
            self.executor.journal.finish(
                Outcome(
                    stage=intent.stage,
                    address=intent.address,
                    status="failed",
                    detail="Settled by a later run, which looked at the tenant.",
                )
            )

    def read(self, identifier: str, hint: Attributes) -> Observed | None:
        """A credential as the tenant shows it now."""
        return self.job.kind.read(
            self.job.reader, ReadRequest(tenant=self.job.tenant, id=identifier, hint=hint)
        )

    def failed(self, text: str, *, unknown: bool = False, request_id: str = "") -> Done:
        """The end of a step that did not succeed."""
        return Done(
            status="failed",
            text=SECRETS.redact(text),
            result="unknown" if unknown else "failed",
            request_id=request_id,
        )
