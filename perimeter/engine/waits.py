"""Which stages of an apply may start: those whose groups have all ended, and where it matters ended well."""

from __future__ import annotations

from collections import defaultdict, deque

from perimeter.engine.stages import Stage


class Waits:
    """Hands out stages as what they wait for ends; one thread uses it."""

    def __init__(self, found: tuple[Stage, ...]) -> None:
        self._members: dict[str, int] = defaultdict(int)
        self._waiters: dict[str, list[Stage]] = defaultdict(list)
        self._missing: dict[str, int] = {}
        self._because: dict[str, str] = {}
        self._failed: dict[str, str] = {}
        self._left: dict[str, Stage] = {stage.id: stage for stage in found}
        for stage in found:
            for group in stage.groups:
                self._members[group] += 1
        self._ready: deque[Stage] = deque()
        for stage in found:
            waits = [group for group in (*stage.after, *stage.follows) if group in self._members]
            self._missing[stage.id] = len(waits)
            for group in waits:
                self._waiters[group].append(stage)
            if not waits:
                self._ready.append(stage)

    def next(self) -> tuple[Stage | None, str]:
        """A stage whose groups have ended, and what failed among them; None when there is none now."""
        if not self._ready:
            return None, ""
        stage = self._ready.popleft()
        return stage, self._because.get(stage.id, "")

    def end(self, stage: Stage, *, well: bool) -> None:
        """Note that a stage ended."""
        self._left.pop(stage.id, None)
        for group in stage.groups:
            self._members[group] -= 1
            if not well:
                self._failed.setdefault(group, stage.change.name)
            if self._members[group]:
                continue
            for waiter in self._waiters[group]:
                if group in self._failed and group in waiter.after:
                    self._because.setdefault(waiter.id, self._failed[group])
                self._missing[waiter.id] -= 1
                if not self._missing[waiter.id]:
                    self._ready.append(waiter)

    def left(self) -> list[Stage]:
        """The stages that have not ended, in order."""
        return list(self._left.values())
