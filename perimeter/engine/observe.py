"""The driver: satisfies a wave of needs in parallel and records the answers in the snapshot.

A tenant's identity is established before anything else is read from it. A failed read is never an absence: it becomes an
``Unseen`` with its reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from perimeter.diagnostics import Diagnostics
from perimeter.engine.boundary import is_really_below, refusal
from perimeter.engine.clock import rfc3339
from perimeter.engine.connections import Connections
from perimeter.engine.inventory import whole_types
from perimeter.engine.model import Event
from perimeter.engine.needs import (
    AdministratorsNeed,
    DataNeed,
    FileNeed,
    FolderNeed,
    HydrateNeed,
    ListNeed,
    Need,
    ReadNeed,
    StateNeed,
    TenantNeed,
)
from perimeter.engine.plan import Planned, PlanRequest, plan
from perimeter.engine.query import Queried, QueryRequest, query
from perimeter.engine.snapshot import Answer, Snapshot
from perimeter.lang.functions.files import files_below
from perimeter.lang.values import Reason, Unseen
from perimeter.sdk.access import AccessRequest
from perimeter.sdk.contract import (
    DataRequest,
    HydrateRequest,
    Listing,
    ListRequest,
    Observed,
    ReadRequest,
    Tenant,
)
from perimeter.sdk.errors import (
    Fatal,
    Forbidden,
    NotFound,
    ProviderError,
    RateLimited,
    Unauthenticated,
    Unsupported,
)
from perimeter.sdk.provider import Provider, ResourceType
from perimeter.sdk.redact import SECRETS

MAX_WAVES = 50
"""More waves than any chain of data sources and parents has; reaching it is a bug, not a large configuration."""

HYDRATE_CHUNK = 40
"""Objects per hydrate call: large enough for batched reads, small enough to share among threads."""


@dataclass(slots=True, kw_only=True)
class Driver:
    """Reads what plans need.

    Attributes:
        parallelism: reads at once.
        on_event: told what is being read.
        offline: nothing is read; what the snapshot lacks stays unseen.
    """

    connections: Connections
    on_event: Callable[[Event], None]
    parallelism: int = 10
    offline: bool = False
    diagnostics: Diagnostics = field(default_factory=Diagnostics)

    def plan(self, request: PlanRequest) -> tuple[Planned, Snapshot]:
        """Plan until no need is open; returns the plan and everything that was seen for it."""
        from dataclasses import replace

        planned = Planned(plan=None)
        for _ in range(MAX_WAVES):
            planned = plan(request)
            if planned.plan is not None:
                planned.diagnostics.extend(self.diagnostics)
                return planned, request.snapshot
            if self.diagnostics.has_errors:
                return replace(planned, diagnostics=self.diagnostics), request.snapshot
            request = replace(
                request, snapshot=self.satisfy(planned.needs, request.snapshot, request.providers)
            )
        raise RuntimeError(f"the plan still has needs after {MAX_WAVES} waves: {planned.needs[:3]}")

    def observe(self, request: PlanRequest) -> tuple[Planned, Snapshot]:
        """Plan, and read every collection besides: a snapshot on which other configurations can be planned."""
        planned, snapshot = self.plan(request)
        for _ in range(MAX_WAVES):
            needs = whole_types(planned.instances.values(), snapshot)
            if not needs or self.offline:
                break
            snapshot = self.satisfy(needs, snapshot, request.providers)
        return planned, snapshot

    def query(self, request: QueryRequest) -> tuple[Queried, Snapshot]:
        """Answer a query, reading what the snapshot does not hold yet."""
        from dataclasses import replace

        for _ in range(MAX_WAVES):
            found = query(request)
            if not found.needs or self.diagnostics.has_errors:
                return found, request.base.snapshot
            seen = self.satisfy(found.needs, request.base.snapshot, request.base.providers)
            request = replace(request, base=replace(request.base, snapshot=seen))
        raise RuntimeError(f"the query still has needs after {MAX_WAVES} waves")

    def satisfy(
        self, needs: Iterable[Need], snapshot: Snapshot, providers: Mapping[str, Provider]
    ) -> Snapshot:
        """Answer a wave of needs."""
        needs = list(needs)
        answers: dict[Need, Answer] = {}
        if not snapshot.taken_at:
            from dataclasses import replace

            snapshot = replace(snapshot, taken_at=rfc3339(datetime.now(UTC)))
        for need in needs:
            if isinstance(need, FileNeed):
                answers[need] = _file(need)
            elif isinstance(need, FolderNeed):
                answers[need] = _folder(need)
            elif isinstance(need, StateNeed) and (not self.offline or snapshot.asks_states):
                answers[need] = self._state(need, providers)
        if self.offline:
            answers.update({need: _OFFLINE for need in needs if need not in answers})
            return snapshot.with_answers(answers)
        with ThreadPoolExecutor(self.parallelism, thread_name_prefix="observe") as pool:
            tenants = [need for need in needs if isinstance(need, TenantNeed)]
            answers.update(zip(tenants, pool.map(self._tenant, tenants), strict=True))
            known = {
                need.provider: (need.provider_name, answer)
                for need, answer in {**snapshot.answers, **answers}.items()
                if isinstance(need, TenantNeed)
            }
            jobs = self._jobs(
                [need for need in needs if need not in answers], snapshot, providers, known
            )
            for found in pool.map(lambda job: job(), jobs):
                answers.update(found)
        dates = {key: rfc3339(self.connections.date(key)) for key in known}
        return snapshot.with_answers(answers, dates)

    def _state(self, need: StateNeed, providers: Mapping[str, Provider]) -> Answer:
        """Look into another state. One that is not there is an error: nothing says that it ever will be."""
        self.on_event(Event(kind="read_start", provider=need.provider, subject=need.name))
        summary = "Remote state cannot be read"
        source = next(
            item.data_sources[need.name]
            for item in providers.values()
            if need.name in item.data_sources
        )
        found: ProviderError
        try:
            request = DataRequest(tenant=Tenant(id="", name=""), config=need.config)
            return source.read(self.connections.states, request)
        except ProviderError as problem:
            found = problem
            if isinstance(problem, NotFound):
                summary = "Unable to find remote state"
        except Exception as problem:  # noqa: BLE001 - a provider's bug must not become a traceback
            found = _bug(problem)
        self.diagnostics.error(summary, SECRETS.redact(found.message), address=f"data.{need.name}")
        return unseen(found)

    def _tenant(self, need: TenantNeed) -> Tenant | Unseen:
        provider = self.connections.providers[need.provider_name]
        self.on_event(Event(kind="read_start", provider=need.provider))
        try:
            tenant = provider.tenant(
                self.connections.reader(need.provider, need.provider_name, need.config)
            )
        except Unauthenticated as problem:
            return self._refused(need, "The credential was refused", problem)
        except Forbidden as problem:
            return self._refused(need, "The credential may not see its tenant", problem)
        except Fatal as problem:
            return self._refused(need, "The provider cannot start", problem)
        except ProviderError as problem:
            return self._refused(need, "The tenant cannot be reached", problem)
        except Exception as problem:  # noqa: BLE001 - a provider's bug must not become a traceback
            return self._refused(need, "The provider failed", _bug(problem))
        self.on_event(
            Event(
                kind="read_progress",
                provider=need.provider,
                subject=tenant.name,
                data={"tenant": tenant.name},
            )
        )
        return tenant

    def _refused(self, need: TenantNeed, summary: str, problem: ProviderError) -> Unseen:
        self.diagnostics.error(
            summary, SECRETS.redact(problem.message), address=f'provider "{need.provider}"'
        )
        return unseen(problem)

    def _jobs(
        self,
        needs: list[Need],
        snapshot: Snapshot,
        providers: Mapping[str, Provider],
        known: Mapping[str, tuple[str, Any]],
    ) -> list[Callable[[], Mapping[Need, Answer]]]:
        jobs: list[Callable[[], Mapping[Need, Answer]]] = []
        hydrates: dict[tuple[str, str], list[HydrateNeed]] = {}
        for need in needs:
            key = getattr(need, "provider", "")
            name, tenant = known.get(key, ("", None))
            if not isinstance(tenant, Tenant):
                answer = tenant if isinstance(tenant, Unseen) else _OFFLINE
                jobs.append(partial(_answered, need, answer))
                continue
            if isinstance(need, HydrateNeed):
                hydrates.setdefault((need.provider, need.type), []).append(need)
                continue
            jobs.append(partial(self._single, need, name, tenant))
        for (key, type_name), group in hydrates.items():
            name, tenant = known[key]
            kind = providers[name].resources[type_name]
            for start in range(0, len(group), HYDRATE_CHUNK):
                chunk = group[start : start + HYDRATE_CHUNK]
                jobs.append(partial(self._hydrate, chunk, kind, tenant, snapshot))
        return jobs

    def _single(self, need: Need, name: str, tenant: Tenant) -> Mapping[Need, Answer]:
        return {need: self._one(need, name, tenant)}

    def _one(self, need: Need, name: str, tenant: Tenant) -> Answer:
        started = time.monotonic()
        provider = self.connections.providers[name]
        label = getattr(need, "type", "") or getattr(need, "name", "") or "administrators"
        key = getattr(need, "provider", "")
        self.on_event(Event(kind="read_start", provider=key, subject=label))
        try:
            answer = self._call(need, provider, self.connections.open_reader(key), tenant)
        except KeyError:
            return _OFFLINE
        except NotFound:
            return None
        except ProviderError as problem:
            return self._failed(key, label, problem)
        except Exception as problem:  # noqa: BLE001 - a provider's bug must not become a traceback
            return self._failed(key, label, _bug(problem))
        count = len(answer.objects) if isinstance(answer, Listing) else 1
        data = {"objects": count}
        self.on_event(
            Event(
                kind="read_done",
                provider=key,
                subject=label,
                seconds=time.monotonic() - started,
                data=data,
            )
        )
        return answer

    def _call(self, need: Need, provider: Provider, reader: Any, tenant: Tenant) -> Answer:
        match need:
            case ListNeed():
                kind = provider.resources[need.type]
                wanted = kind.listed or frozenset((*kind.schema.attributes, *kind.schema.blocks))
                return kind.list(
                    reader, ListRequest(tenant=tenant, parent=need.parent, attributes=wanted)
                )
            case ReadNeed():
                return provider.resources[need.type].read(
                    reader, ReadRequest(tenant=tenant, id=need.id, hint=need.hint)
                )
            case DataNeed():
                return provider.data_sources[need.name].read(
                    reader, DataRequest(tenant=tenant, config=need.config)
                )
            case AdministratorsNeed():
                return provider.access(
                    reader,
                    AccessRequest(
                        tenant=tenant, accounts=need.accounts, transitions=need.transitions
                    ),
                )
        raise TypeError(f"no such need: {need}")

    def _failed(self, key: str, label: str, problem: ProviderError) -> Unseen:
        """Turn a failure into evidence. A lacking right is worth a plan that says so; anything else stops it."""
        found = unseen(problem)
        if found.reason is Reason.FAILED:
            self.diagnostics.error(
                f"Reading {label} failed",
                f"{SECRETS.redact(problem.message)} Nothing was changed. Run the command again once the vendor answers.",
                address=f'provider "{key}"',
            )
        return found

    def _hydrate(
        self, chunk: list[HydrateNeed], kind: ResourceType, tenant: Tenant, snapshot: Snapshot
    ) -> Mapping[Need, Answer]:
        key = chunk[0].provider
        objects = []
        for need in chunk:
            listing = snapshot.answers.get(ListNeed(need.provider, need.type, need.parent))
            found = _index(listing).get(need.id) if isinstance(listing, Listing) else None
            objects.append(found or Observed(id=need.id, attributes={}))
        names = frozenset((*kind.schema.attributes, *kind.schema.blocks)) - (
            kind.listed or frozenset()
        )
        try:
            reader = self.connections.open_reader(key)
            found_all = kind.hydrate(
                reader, HydrateRequest(tenant=tenant, objects=tuple(objects), attributes=names)
            )
        except KeyError:
            return dict.fromkeys(chunk, _OFFLINE)
        except ProviderError as problem:
            return dict.fromkeys(chunk, self._failed(key, kind.name, problem))
        except Exception as problem:  # noqa: BLE001 - a provider's bug must not become a traceback
            return dict.fromkeys(chunk, self._failed(key, kind.name, _bug(problem)))
        by_id = {item.id: item.attributes for item in found_all}
        return {need: by_id.get(need.id) for need in chunk}


_OFFLINE = Unseen(reason=Reason.NOT_REQUESTED, detail="The snapshot does not contain it.")
_INDEX: dict[int, tuple[Listing, dict[str, Observed]]] = {}


def _index(listing: Listing) -> dict[str, Observed]:
    known = _INDEX.get(id(listing))
    if known is None or known[0] is not listing:
        if len(_INDEX) > 64:
            _INDEX.clear()
        known = _INDEX[id(listing)] = (listing, {item.id: item for item in listing.objects})
    return known[1]


def _file(need: FileNeed) -> bytes | Unseen | None:
    try:
        if not is_really_below(need.path, need.within):
            return Unseen(
                reason=Reason.FORBIDDEN, detail=refusal(str(Path(need.path).resolve().parent))
            )
        return Path(need.path).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as problem:
        return Unseen(reason=Reason.FAILED, detail=str(problem.strerror))


def _folder(need: FolderNeed) -> tuple[str, ...] | Unseen:
    try:
        if not is_really_below(need.path, need.within):
            return Unseen(reason=Reason.FORBIDDEN, detail=refusal(str(Path(need.path).resolve())))
    except OSError as problem:
        return Unseen(reason=Reason.FAILED, detail=str(problem.strerror))
    return tuple(files_below(Path(need.path)))


def _answered(need: Need, answer: Answer) -> Mapping[Need, Answer]:
    return {need: answer}


def _bug(problem: Exception) -> ProviderError:
    text = SECRETS.redact(f"{type(problem).__name__}: {problem}")
    return ProviderError(f"This is a bug of the provider: {text}. Please report it.")


def unseen(problem: ProviderError) -> Unseen:
    """The evidence that a failed read leaves."""
    detail = SECRETS.redact(problem.message)
    match problem:
        case Forbidden():
            return Unseen(reason=Reason.FORBIDDEN, needs=problem.needs, detail=detail)
        case Unsupported():
            return Unseen(reason=Reason.EDITION, needs=problem.needs, detail=detail)
        case RateLimited():
            return Unseen(reason=Reason.RATE_LIMITED, detail=detail)
        case _:
            return Unseen(reason=Reason.FAILED, detail=detail)
