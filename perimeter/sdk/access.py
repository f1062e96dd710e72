"""Who gets in and administers, as plain facts that a provider reads once and then judges changes on, without I/O.

The engine asks three things: read the facts (``Provider.access``), what a change makes of them, call by call
(``ResourceType.access_after``), and what they mean for each person (``Provider.standings``). It decides the order and refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from perimeter.sdk.contract import LockoutEffect, Tenant, Transition
from perimeter.sdk.facets import Administrator


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """Asks who gets in and administers.

    Attributes:
        accounts: logins that must always get in; they are looked at even where nothing says that they administer.
        transitions: the changes to be judged, so that what they refer to can be looked at; empty where none is known yet.
    """

    tenant: Tenant
    accounts: tuple[str, ...] = ()
    transitions: tuple[Transition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who administers, and what decides whether they get in.

    Attributes:
        people: everybody who may administer, the caller and the accounts asked for included.
        facts: plain data that the provider alone understands; nothing secret. Values may be ``Unknown`` after a change that is
            not wholly decided.
    """

    people: tuple[Administrator, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def after(self, effect: LockoutEffect) -> Access:
        """The same with an effect on single people: for types whose changes touch nothing else."""
        doubtful = {person.id for person in self.people if person.able} & effect.uncertain
        people = []
        for person in self.people:
            able = person.able and person.id not in effect.lost | effect.uncertain
            because = effect.because if person.able and not able else person.because
            people.append(
                replace(
                    person,
                    able=able or person.id in effect.regained,
                    doubtful=person.id in doubtful or (person.doubtful and not able),
                    because=because,
                )
            )
        return replace(self, people=tuple(people))


class Verdict(Enum):
    """Whether somebody gets in and administers; the better the higher."""

    LOST = 0
    UNSURE = 1
    """The tenant does not show enough to tell, and will not."""
    OPEN = 2
    """It hangs on a value that is decided while applying; it is judged again then."""
    ABLE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How somebody stands, and why not better; ``because`` begins in lower case and has no full stop."""

    verdict: Verdict = Verdict.ABLE
    because: str = ""


def standing_of(person: Administrator) -> Standing:
    """How somebody stands by what is noted of the person alone."""
    if person.able:
        return Standing()
    return Standing(
        verdict=Verdict.UNSURE if person.doubtful else Verdict.LOST, because=person.because
    )
