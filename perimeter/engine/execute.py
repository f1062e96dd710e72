"""Carry out one stage: look again, write the intent, call, read back, note the outcome.

Runs in worker threads. Nothing here decides what to do: that is the plan's business; what it finds changed, it refuses.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec

from perimeter.engine.diff import differing, is_wholly_known
from perimeter.engine.hands import changed_hands
from perimeter.engine.joining import recovered
from perimeter.engine.model import Change
from perimeter.engine.persist import local_attributes, state_object
from perimeter.engine.secrecy import written_digests
from perimeter.engine.stages import Stage
from perimeter.lang.values import Unseen
from perimeter.sdk.contract import (
    Attributes,
    CreateRequest,
    DataRequest,
    DeleteRequest,
    Listing,
    ListRequest,
    Observed,
    ReadRequest,
    Recognition,
    Tenant,
    UpdateRequest,
)
from perimeter.sdk.errors import NotFound, ProviderError, Unsupported
from perimeter.sdk.provider import DataSource, ResourceType
from perimeter.sdk.redact import SECRETS
from perimeter.sdk.schema import Mode
from perimeter.state.backend import Failpoint, no_failpoint
from perimeter.state.digests import SecretDigests
from perimeter.state.journal import Journal
from perimeter.state.model import Intent, Operation, Outcome, StateObject

NOWHERE = Tenant(id="", name="")
"""Where objects live that only state holds."""

_POLL = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One stage with all it needs, decided as far as it can be.

    Attributes:
        change: the stage's change, resolved.
        tenant: where.
        reader: for looking; None for types that live in state only.
        writer: for writing; likewise.
        token: the idempotency token of an earlier attempt, if there was one.
        held: ids of the type that state holds already.
        refusal: looks whether the stage would lock somebody out, and says whom; empty when it may run.
    """

    stage: Stage
    change: Change
    kind: ResourceType | None
    source: DataSource | None = None
    tenant: Tenant = NOWHERE
    reader: Any = None
    writer: Any = None
    token: str = ""
    held: frozenset[str] = frozenset()
    refusal: Callable[[], str] = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a stage ended.

    Attributes:
        status: ``done`` or ``failed``.
        text: what came of it, or why it failed.
        attributes: what the object is now; None where nothing is left.
        result: for the evidence log: ``done``, ``failed``, ``unknown`` or ``refused``.
        fatal: nothing further may start (the journal cannot be written).
        gone: it was looked for after its removal, and is not there.
    """

    status: Literal["done", "failed"]
    text: str
    attributes: Attributes | None = None
    id: str = ""
    result: Literal["done", "failed", "unknown", "refused"] = "done"
    request_id: str = ""
    warning: str = ""
    fatal: BaseException | None = None
    gone: bool = False


class _StaleError(Exception):
    """The object is not as the plan saw it; the message says how."""


@dataclass(slots=True, kw_only=True)
class Executor:
    """Carries out stages of one run.

    Attributes:
        now: the time, RFC 3339.
        failpoint: called with ``call.before:STAGE`` and ``call.after:STAGE``; a test kills the process there.
    """

    journal: Journal
    now: Callable[[], str]
    digests: SecretDigests | None = field(default=None, repr=False)
    sleep: Callable[[float], None] = time.sleep
    failpoint: Failpoint = no_failpoint
    tokens: Callable[[], str] = field(default=lambda: str(uuid.uuid4()))
    _creating: Counter[str] = field(default_factory=Counter)
    _made: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, job: Job) -> Done:
        """Carry out one stage; never raises what a provider raises."""
        if because := job.refusal():
            return Done(status="failed", text=because, result="refused")
        try:
            match job.stage.operation:
                case "create":
                    return self._create(job)
                case "read":
                    return self._read(job)
                case "update":
                    return self._update(job)
                case "delete":
                    return self._delete(job)
                case "adopt":
                    return self._adopt(job)
                case "forget":
                    return self._forget(job)
                case _:
                    raise ValueError(job.stage.operation)
        except _StaleError as problem:
            return Done(status="failed", text=str(problem), result="refused")
        except ProviderError as problem:
            return Done(
                status="failed",
                text=SECRETS.redact(problem.message),
                result="failed",
                request_id=problem.request_id,
            )

    # Creating -----------------------------------------------------------------------------------------------------

    def _create(self, job: Job) -> Done:
        kind, change = _kind(job), job.change
        after = change.after or {}
        sent = {n: v for n, v in after.items() if v is not None and is_wholly_known(v)}
        secrets = {n: v for n, v in change.desired.items() if n in kind.schema.secret_names}
        known_ids = self._known_ids(job, sent)
        planned = self._object(job, "", sent, unconfirmed=True)
        intent = self._intent(
            job,
            "create",
            planned,
            token=job.token or self.tokens(),
            known_ids=known_ids,
        )
        self.journal.begin([intent])
        request = CreateRequest(
            tenant=job.tenant, attributes={**sent, **secrets}, token=intent.token
        )
        with self._one_more(kind.name):
            try:
                written = self._call(job, lambda: kind.create(job.writer, request))
            except ProviderError as problem:
                if problem.committed is not None:
                    return self._refused(job, problem)
                return self._lost_create(job, intent, problem)
            with self._lock:
                self._made.add(written.id)
        made = {**sent, **local_attributes(kind.schema, change.desired), **written.attributes}
        if kind.local:
            outcome = self._object(job, written.id, made)
            self._finish(job, "done", outcome, written.request_id)
            return Done(status="done", text="created", attributes=made, id=written.id)
        # The identity is noted before waiting for the object to become visible.
        self._finish(
            job, "done", self._object(job, written.id, made, unconfirmed=True), written.request_id
        )
        return self._confirmed(job, written.id, made, "created", written.request_id, None)

    def _known_ids(self, job: Job, sent: Attributes) -> tuple[str, ...]:
        kind = _kind(job)
        if kind.local or kind.identity.recognition is not Recognition.DIFFERENCE:
            return ()
        return tuple(item.id for item in self._listing(job, sent).objects)

    def _listing(self, job: Job, sent: Attributes) -> Listing:
        kind = _kind(job)
        above = kind.identity.parent
        parent = None if above is None else str(sent.get(above.attribute))
        wanted = kind.listed or frozenset((*kind.schema.attributes, *kind.schema.blocks))
        return kind.list(
            job.reader, ListRequest(tenant=job.tenant, parent=parent, attributes=wanted)
        )

    @contextmanager
    def _one_more(self, kind_name: str) -> Iterator[None]:
        with self._lock:
            self._creating[kind_name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._creating[kind_name] -= 1

    def _others(self, kind: ResourceType) -> frozenset[str] | None:
        """Ids that this run made; None while another create is under way whose object could be mistaken for ours."""
        with self._lock:
            return None if self._creating[kind.name] > 1 else frozenset(self._made)

    def _lost_create(self, job: Job, intent: Intent, problem: ProviderError) -> Done:
        """The vendor may have acted: look for what it made; what cannot be told is left to the next run."""
        kind = _kind(job)
        others = self._others(kind)
        found: Observed | str | None = None
        if others is not None:
            with suppress(ProviderError):
                self.sleep(min(kind.identity.visible_within, 5.0))
                listing = self._listing(job, intent.object.attributes)
                held = job.held | others
                found = recovered(kind, intent.address, [intent], listing, held)
        if isinstance(found, Observed):
            sent = {**intent.object.attributes, **local_attributes(kind.schema, job.change.desired)}
            self._finish(job, "done", self._object(job, found.id, sent, unconfirmed=True))
            return self._confirmed(
                job, found.id, sent, "created (the answer was lost; found again)", "", None
            )
        self._finish(job, "unknown", None, problem.request_id, problem.message)
        text = f"{SECRETS.redact(problem.message)} The next run looks for the object before it does anything else."
        return Done(status="failed", text=text, result="unknown", request_id=problem.request_id)

    # Reading ------------------------------------------------------------------------------------------------------

    def _read(self, job: Job) -> Done:
        assert job.source is not None
        try:
            found = job.source.read(
                job.reader, DataRequest(tenant=job.tenant, config=job.change.desired)
            )
        except NotFound:
            text = "It found nothing in the tenant that fits its arguments."
            return Done(status="failed", text=text, result="failed")
        return Done(status="done", text="read", attributes=found)

    def _observed(self, job: Job, identifier: str, hint: Attributes) -> Observed | None:
        kind = _kind(job)
        request = ReadRequest(tenant=job.tenant, id=identifier, hint=_shown(hint))
        return kind.read(job.reader, request)

    def _confirmed(
        self,
        job: Job,
        identifier: str,
        expected: Attributes,
        verb: str,
        request_id: str,
        prior: StateObject | None,
    ) -> Done:
        """Read an object back after a write, and remember what was read."""
        kind = _kind(job)
        found = self._visible(job, identifier, expected)
        if found is None:
            warning = f"{job.change.name} was {verb}, but the tenant does not show it yet; the next plan looks again."
            return Done(
                status="done",
                text=f"{verb}, not visible yet",
                attributes=expected,
                id=identifier,
                request_id=request_id,
                warning=warning,
            )
        kept = {**local_attributes(kind.schema, expected)}
        seen = {
            **{n: v for n, v in expected.items() if isinstance(found.attributes.get(n), Unseen)},
            **{n: v for n, v in found.attributes.items() if not isinstance(v, Unseen)},
            **kept,
        }
        self._finish(job, "done", self._object(job, identifier, seen, prior=prior), request_id)
        wanted = _managed(kind, job.change.after or {}, job.change.changed)
        odd = differing(kind.schema, wanted, seen) & wanted.keys()
        if odd:
            names = ", ".join(sorted(odd))
            return Done(
                status="done",
                text=f"{verb}, reads back differently: {names}",
                attributes=seen,
                id=identifier,
                request_id=request_id,
                warning=f"The tenant shows {names} of {job.change.name} otherwise than it was told; the next plan "
                "shows the difference.",
            )
        return Done(
            status="done",
            text=f"{verb}, read back equal",
            attributes=seen,
            id=identifier,
            request_id=request_id,
        )

    def _visible(self, job: Job, identifier: str, expected: Attributes) -> Observed | None:
        kind = _kind(job)
        deadline = kind.identity.visible_within
        waited = 0.0
        wanted = _managed(kind, job.change.after or {}, job.change.changed)
        while True:
            try:
                found = self._observed(job, identifier, expected)
            except ProviderError:
                return None
            settled = found is not None and not (
                differing(kind.schema, wanted, found.attributes) & wanted.keys()
            )
            if settled or waited >= deadline:
                return found
            self.sleep(_POLL)
            waited += _POLL

    # Changing -----------------------------------------------------------------------------------------------------

    def _update(self, job: Job) -> Done:
        kind, change = _kind(job), job.change
        if kind.local:
            before: Attributes = change.before or {}
        else:
            before = self._unchanged(job, change.changed)
        wanted = {**before, **_only(change.after or {}, change.changed)}
        wanted |= {n: v for n, v in change.desired.items() if n in kind.schema.secret_names}
        prior = change.prior
        kept = {n: v for n, v in wanted.items() if n not in kind.schema.secret_names}
        intent = self._intent(job, "update", self._object(job, change.id, kept, prior=prior))
        self.journal.begin([intent])
        request = UpdateRequest(
            tenant=job.tenant, id=change.id, before=before, after=wanted, changed=change.changed
        )
        try:
            written = self._call(job, lambda: kind.update(job.writer, request))
        except ProviderError as problem:
            if problem.committed is not None:
                return self._refused(job, problem)
            self._finish(job, "unknown", None, problem.request_id, problem.message)
            return Done(
                status="failed",
                text=SECRETS.redact(problem.message),
                result="unknown",
                request_id=problem.request_id,
            )
        made = {**kept, **written.attributes}
        if kind.local:
            self._finish(job, "done", self._object(job, change.id, made, prior=prior))
            return Done(status="done", text="updated", attributes=made, id=change.id)
        self._finish(
            job, "done", self._object(job, change.id, made, prior=prior), written.request_id
        )
        done = self._confirmed(job, change.id, made, "updated", written.request_id, prior)
        return replace(done, text=request.told(done.text))

    def _unchanged(self, job: Job, touched: frozenset[str]) -> Attributes:
        """The object as it is now, which must be as the plan saw it in what the change touches.

        Raises:
            _StaleError: it is not.
        """
        kind, change = _kind(job), job.change
        planned = change.before or {}
        found = self._observed(job, change.id, planned)
        if found is None:
            raise _StaleError("It no longer exists. Nothing was sent. Plan again.")
        local = local_attributes(kind.schema, planned)
        now = {name: found.attributes.get(name) for name in kind.schema.type.attributes} | local
        moved = differing(kind.schema, _only(planned, touched), _only(now, touched))
        if moved:
            names = ", ".join(sorted(moved))
            raise _StaleError(
                f"Somebody changed {names} since the plan. Nothing was sent. Plan again."
            )
        return now

    # Removing -----------------------------------------------------------------------------------------------------

    def _delete(self, job: Job) -> Done:
        kind, change = _kind(job), job.change
        planned = change.before or {}
        gone = self._object(job, change.id, planned, prior=change.prior)
        if kind.local:
            self.journal.begin([self._intent(job, "delete", gone)])
            self._finish(job, "done", None)
            return Done(status="done", text="deleted", id=change.id)
        found = self._observed(job, change.id, planned)
        if found is None:
            self.journal.begin([self._intent(job, "delete", gone)])
            self._finish(job, "done", None)
            return Done(status="done", text="was gone already", id=change.id, gone=True)
        managed = frozenset(
            name
            for name, attribute in kind.schema.attributes.items()
            if attribute.mode is Mode.MANAGED and attribute.configurable
        )
        moved = differing(kind.schema, _only(planned, managed), _only(found.attributes, managed))
        if moved := moved | changed_hands(kind, planned, found.attributes):
            what = f"Somebody changed {', '.join(sorted(moved))}"
            raise _StaleError(f"{what} since the plan. It was not removed. Plan again.")
        self.journal.begin([self._intent(job, "delete", gone)])
        known = local_attributes(kind.schema, change.prior.attributes if change.prior else planned)
        seen = {**found.attributes, **known}
        request = DeleteRequest(tenant=job.tenant, id=change.id, attributes=seen)
        request_id = ""
        try:
            request_id = self._call(job, lambda: kind.delete(job.writer, request))
        except NotFound as problem:
            request_id = problem.request_id
        except ProviderError as problem:
            if problem.committed is not None:
                return self._refused(job, problem)
            if not self._surely_gone(job):
                self._finish(job, "unknown", None, problem.request_id, problem.message)
                return Done(
                    status="failed",
                    text=SECRETS.redact(problem.message),
                    result="unknown",
                    request_id=problem.request_id,
                )
        self._finish(job, "done", None, request_id)
        verified = self._surely_gone(job)
        text = "deleted, verified gone" if verified else "deleted, the tenant still shows it"
        text = request.told(text)
        return Done(status="done", text=text, id=change.id, request_id=request_id, gone=verified)

    def _surely_gone(self, job: Job) -> bool:
        waited = 0.0
        while True:
            try:
                if self._observed(job, job.change.id, job.change.before or {}) is None:
                    return True
            except ProviderError:
                return False
            if waited >= _kind(job).identity.visible_within:
                return False
            self.sleep(_POLL)
            waited += _POLL

    # State only ---------------------------------------------------------------------------------------------------

    def _adopt(self, job: Job) -> Done:
        change = job.change
        seen = {n: v for n, v in (change.before or {}).items() if not isinstance(v, Unseen)}
        if change.recovered and change.after is not None:
            seen |= local_attributes(_kind(job).schema, change.desired)
        adopted = self._object(job, change.id, seen)
        self.journal.begin([self._intent(job, "adopt", adopted)])
        self._finish(job, "done", adopted)
        text = (
            "taken over, the answer to its creation was lost" if change.recovered else "taken over"
        )
        return Done(status="done", text=text, attributes=seen, id=change.id)

    def _forget(self, job: Job) -> Done:
        change = job.change
        gone = self._object(job, change.id, change.before or {}, prior=change.prior)
        self.journal.begin([self._intent(job, "forget", gone)])
        self._finish(job, "done", None)
        return Done(status="done", text="no longer managed; it stays as it is", id=change.id)

    # Journal ------------------------------------------------------------------------------------------------------

    def _call(self, job: Job, call: Callable[[], Any]) -> Any:
        self.failpoint(f"call.before:{job.stage.id}")
        try:
            answer = call()
        except ProviderError:
            raise
        except NotImplementedError as problem:
            raise Unsupported(f"The provider cannot do this: {problem}.") from None
        except Exception as problem:  # noqa: BLE001 - a provider's bug must not become a traceback
            text = SECRETS.redact(f"{type(problem).__name__}: {problem}")
            raise ProviderError(
                f"This is a bug of the provider: {text}. It is not known whether the change was made; the next plan "
                "shows it. Please report it.",
                committed=None,
            ) from None
        self.failpoint(f"call.after:{job.stage.id}")
        return answer

    def _refused(self, job: Job, problem: ProviderError) -> Done:
        self._finish(job, "failed", None, problem.request_id, problem.message)
        return Done(
            status="failed",
            text=SECRETS.redact(problem.message),
            result="failed",
            request_id=problem.request_id,
        )

    def _intent(
        self,
        job: Job,
        operation: Operation,
        item: StateObject,
        *,
        token: str = "",
        known_ids: tuple[str, ...] = (),
    ) -> Intent:
        return Intent(
            stage=job.stage.id,
            address=_address(job.change),
            operation=operation,
            object=item,
            token=token,
            known_ids=known_ids,
            fingerprint=job.change.fingerprint,
        )

    def _finish(
        self,
        job: Job,
        status: Literal["done", "failed", "unknown"],
        item: StateObject | None,
        request_id: str = "",
        detail: str = "",
    ) -> None:
        self.journal.finish(
            Outcome(
                stage=job.stage.id,
                address=_address(job.change),
                status=status,
                object=item,
                detail=SECRETS.redact(detail),
                request_id=request_id,
            )
        )

    def _object(
        self,
        job: Job,
        identifier: str,
        attributes: Attributes,
        *,
        unconfirmed: bool = False,
        prior: StateObject | None = None,
    ) -> StateObject:
        made = state_object(
            job.change,
            _kind(job),
            id=identifier,
            tenant=job.tenant.id,
            attributes=attributes,
            now=self.now(),
            unconfirmed=unconfirmed,
            prior=prior,
        )
        if not identifier or job.stage.operation not in ("create", "update"):
            return made
        kept = written_digests(self.digests, _kind(job).schema, job.change, made, prior)
        return msgspec.structs.replace(made, digests=kept) if kept != made.digests else made


def _kind(job: Job) -> ResourceType:
    assert job.kind is not None
    return job.kind


def _address(change: Change) -> str:
    """The key in state; objects that nothing declared have none, and are named by what they are."""
    return str(change.address) if change.address is not None else change.key


def _shown(attributes: Attributes) -> Attributes:
    return {name: value for name, value in attributes.items() if is_wholly_known(value)}


def _only(attributes: Attributes, names: frozenset[str]) -> Mapping[str, Any]:
    return {name: attributes.get(name) for name in names}


def _managed(kind: ResourceType, after: Attributes, names: frozenset[str]) -> dict[str, Any]:
    """What a write should have achieved: the managed, known values among the changed names."""
    found: dict[str, Any] = {}
    for name in names:
        attribute = kind.schema.attributes.get(name)
        if attribute is not None and (attribute.is_secret or attribute.mode is not Mode.MANAGED):
            continue
        value = after.get(name)
        if value is not None and is_wholly_known(value):
            found[name] = value
    return found
