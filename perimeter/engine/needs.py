"""What a plan still has to see. A driver satisfies them; the snapshot keeps the answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from perimeter.sdk.contract import Attributes, Transition


@dataclass(frozen=True, slots=True)
class TenantNeed:
    """Which tenant a provider instance speaks to. ``config`` may hold secrets and is never recorded."""

    provider: str
    provider_name: str
    config: Attributes = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ListNeed:
    """A whole collection, below one parent where the type has parents."""

    provider: str
    type: str
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class HydrateNeed:
    """The attributes that a list does not carry, of one object."""

    provider: str
    type: str
    id: str
    parent: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ReadNeed:
    """One object by id: confirms an absence, or sees an object that no list shows."""

    provider: str
    type: str
    id: str
    hint: Attributes = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class DataNeed:
    """What a data source says; ``key`` is the canonical text of ``config``."""

    provider: str
    name: str
    key: str
    config: Attributes = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class StateNeed:
    """What a data source says of another state; ``key`` is a digest of ``config``, which may hold credentials."""

    provider: str
    name: str
    key: str
    config: Attributes = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AdministratorsNeed:
    """Who can administer a tenant, for the lockout proof.

    ``accounts``: logins that must be looked at in any case; ``transitions``: the changes to be judged.
    """

    provider: str
    accounts: tuple[str, ...] = field(default=(), compare=False)
    transitions: tuple[Transition, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class FileNeed:
    """The content of a file that an expression reads; none outside ``within``, links followed."""

    path: str
    within: tuple[str, ...] = field(default=("/",), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class FolderNeed:
    """The files in a directory and below that an expression lists; none outside ``within``, links followed."""

    path: str
    within: tuple[str, ...] = field(default=("/",), compare=False, repr=False)


Need = (
    TenantNeed
    | ListNeed
    | HydrateNeed
    | ReadNeed
    | DataNeed
    | StateNeed
    | AdministratorsNeed
    | FileNeed
    | FolderNeed
)
