"""The lockout proof once more, just before a step is made: on what the tenant shows by now.

Whatever ran, failed or was left out until then, and whoever else was at work: the step is judged on fresh facts.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from perimeter.engine.lockout import Kept, harm, may_lock_out, override, sentence, transition_of
from perimeter.engine.model import Change
from perimeter.engine.stages import Stage
from perimeter.sdk.access import Access, AccessRequest
from perimeter.sdk.contract import Tenant
from perimeter.sdk.errors import ProviderError
from perimeter.sdk.provider import Provider
from perimeter.sdk.redact import SECRETS


@dataclass(slots=True, kw_only=True)
class Gate:
    """Lets pass what locks nobody out; used by several threads.

    Attributes:
        kept: who must always get in, by provider instance.
        allowed: names of changes that may lock out.
        sequence: ids of the stages that the plan found to touch who gets in.
    """

    kept: Mapping[str, Kept]
    allowed: Collection[str]
    sequence: Collection[str]
    _seen: dict[str, Access] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refusal(
        self, stage: Stage, change: Change, provider: Provider, tenant: Tenant, reader: Any
    ) -> str:
        """Why a stage must not run; empty when it may. Reads who gets in, as the tenant shows it now."""
        kind = provider.resources.get(change.type)
        if kind is None or change.name in self.allowed or not may_lock_out(kind, stage, change):
            return ""
        transition = transition_of(stage, change)
        rule = self.kept.get(change.provider, Kept())
        request = AccessRequest(tenant=tenant, accounts=rule.users, transitions=(transition,))
        try:
            if stage.id not in self.sequence:
                # It touched nobody when it was planned: what was read for another step tells as much.
                known = self._known(change.provider, provider, reader, request)
                states = kind.access_after(known, transition)
                if len(states) == 1 and states[0] is known:
                    return ""
            before = provider.access(reader, request)
        except ProviderError as problem:
            return (
                f"Who gets in could not be read just before ({SECRETS.redact(problem.message)}), so it is not proved that "
                f"nobody is locked out. Nothing was sent. To go ahead regardless: {override(change)}"
            )
        with self._lock:
            self._seen[change.provider] = before
        found = harm(provider, before, kind.access_after(before, transition), rule, deciding=True)
        if found is None:
            return ""
        return f"{sentence(found)} Nothing was sent. To go ahead regardless: {override(change)}"

    def _known(self, key: str, provider: Provider, reader: Any, request: AccessRequest) -> Access:
        with self._lock:
            if key not in self._seen:
                self._seen[key] = provider.access(reader, request)
            return self._seen[key]
