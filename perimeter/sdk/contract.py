"""The values that pass between the engine and a provider. Frozen and keyword-only: a new field breaks no provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from perimeter.lang.values import Unseen
from perimeter.sdk.facets import Administrator
from perimeter.sdk.schema import Plain

Attributes = Mapping[str, Plain]
"""An object's attributes by name, in plain form."""


class Direction(Enum):
    """What a change does to access. Unknown counts as widening wherever a decision hangs on it."""

    WIDENS = "widens"
    NARROWS = "narrows"
    NEUTRAL = "neutral"
    UNKNOWN = "unknown"


def join_directions(*directions: Direction) -> Direction:
    """The direction of several changes together: unknown, else widens, else narrows, else neutral."""
    for candidate in (Direction.UNKNOWN, Direction.WIDENS, Direction.NARROWS):
        if candidate in directions:
            return candidate
    return Direction.NEUTRAL


class Recognition(Enum):
    """How a create whose answer was lost is recognised at the next run."""

    TOKEN = "idempotency token"  # noqa: S105 - a word, not a token
    """The vendor takes a client token and returns the same object for the same token."""
    UNIQUE_KEY = "unique key"
    """The vendor refuses a second object with the same natural key."""
    MARKER = "marker"
    """We write a mark into the object that a list shows again."""
    DIFFERENCE = "difference"
    """Only the list before and after tells; what appeared is quarantined until exactly one candidate fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """The type that an object lives under, and the attribute that holds the parent's id."""

    type: str
    attribute: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How objects of a type are told apart.

    Attributes:
        natural_key: attributes that identify an object to people; empty where nothing does.
        recognition: how a create whose answer was lost is found again.
        match: attributes (sent by create and shown by list) that a candidate must equal, for ``DIFFERENCE`` and ``MARKER``.
        parent: set when a list call is made per parent (N+1); None when one bulk list covers the tenant.
        import_format: how people write the id at ``import``, such as ``REPOSITORY/KEY_ID``.
        visible_within: seconds after which a created object must appear in lists.
    """

    natural_key: tuple[str, ...] = ()
    recognition: Recognition
    match: tuple[str, ...] = ()
    parent: Parent | None = None
    import_format: str = "ID"
    visible_within: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """The scopes each operation needs, in the vendor's words; all of a tuple are needed.

    Attributes:
        attributes: further read scopes by attribute; without them just that attribute goes dark.
    """

    read: tuple[str, ...] = ()
    create: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirk:
    """A side effect or oddity that the plan must announce when ``applies`` says so.

    Attributes:
        summary: one sentence.
        since: the date (ISO) it was seen or documented.
        source: where it is documented.
        applies: pure; judged on the transition.
        unrotated: it concerns only what has no ``rotation`` block.
    """

    summary: str
    since: str
    source: str
    applies: Callable[[Transition], bool]
    unrotated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualStep:
    """What a person must do because no API does.

    Attributes:
        reason: one sentence: why no API does it.
        instructions: where to click, in the console's own words.
        url: deep link.
        paths: attributes that this step changes; empty for the whole object.
    """

    reason: str
    instructions: str
    url: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One customer's instance of a SaaS.

    Attributes:
        id: immutable; the vendor never gives it to another customer.
        name: what people call it.
        caller: who perimeter acts as.
        caller_credential: the id of the credential in use, where the vendor tells.
        edition: the plan or edition, where the vendor tells.
        scopes: what the credential may do, where the vendor tells; None otherwise.
    """

    id: str
    name: str
    caller: str = ""
    caller_credential: str = ""
    edition: str = ""
    scopes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One object as the tenant shows it.

    Attributes:
        id: vendor id, as text.
        attributes: what was shown, decoded and without secrets; what was not asked for is missing from the mapping,
            what was asked for and not shown is an ``Unseen``.
    """

    id: str
    attributes: Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A change to judge: before is None for a create, after is None for a delete.

    Attributes:
        before: as the tenant shows it.
        after: as planned; parts may be ``Unknown``.
        siblings: the objects of the collection as far as seen, the one in question included.
        tenant: where it happens; None while it is not known.
    """

    before: Attributes | None
    after: Attributes | None
    siblings: tuple[Attributes, ...] = ()
    tenant: Tenant | None = None

    def changed(self, name: str) -> bool:
        """Whether the attribute differs between before and after (absent is null)."""
        return (self.before or {}).get(name) != (self.after or {}).get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockoutRequest:
    """Asks who loses what by a transition; pure.

    Attributes:
        administrators: everybody who could administer before this plan, as read.
    """

    transition: Transition
    administrators: tuple[Administrator, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockoutEffect:
    """Ids of administrators that can no longer, or can again, sign in and administer after a transition.

    ``uncertain`` are those of whom the tenant did not show enough; they count as lost.
    """

    lost: frozenset[str] = frozenset()
    regained: frozenset[str] = frozenset()
    uncertain: frozenset[str] = frozenset()
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectRequest:
    """What a provider needs to reach its tenant.

    Attributes:
        config: the provider block, decoded by the provider's schema; holds secrets.
        environment: the process environment, for credentials that are not written in configuration.
        base_dir: directory against which relative paths are resolved.
        capacity_share: the share (0-1] of each vendor rate limit that perimeter may use.
        on_wait: called with (seconds, reason) when a limiter waits.
        on_request: called with (method, url without query secrets, status, seconds) after each exchange.
        timeout: seconds allowed for one exchange.
    """

    config: Attributes
    environment: Mapping[str, str] = field(default_factory=dict)
    base_dir: str = "."
    capacity_share: float = 0.5
    on_wait: Callable[[float, str], None] | None = None
    on_request: Callable[[str, str, int, float], None] | None = None
    timeout: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """Asks for a whole collection.

    Attributes:
        parent: the parent object's id where ``Identity.parent`` is set, otherwise None.
        attributes: the attributes wanted, as far as a list carries them.
    """

    tenant: Tenant
    parent: str | None = None
    attributes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The answer: what was seen, and whether that was everything.

    Attributes:
        complete: False when something may be missing; ``unseen`` then says why.
    """

    objects: tuple[Observed, ...]
    complete: bool = True
    unseen: Unseen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HydrateRequest:
    """Asks for attributes that the list does not carry, for some objects only."""

    tenant: Tenant
    objects: tuple[Observed, ...]
    attributes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """Asks for one object by id: to confirm absence, and to read back after a write. ``hint``: what is known of it."""

    tenant: Tenant
    id: str
    hint: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRequest:
    """Asks a data source; ``config`` is wholly known."""

    tenant: Tenant
    config: Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class StateOutput:
    """A root output of another state; ``type`` is Terraform's JSON type encoding.

    Attributes:
        sensitive: it is shown to nobody and kept in no snapshot or plan file.
    """

    value: Any = field(repr=False)
    type: Any = "dynamic"
    sensitive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """Opens an ephemeral resource; ``config`` is wholly known."""

    tenant: Tenant
    config: Attributes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An ephemeral resource while it is open; kept in memory only.

    Attributes:
        attributes: all attributes, secrets included.
        renew_after: seconds until it must be renewed; None when it lasts.
        private: what the provider needs to renew and close it.
    """

    attributes: Attributes = field(repr=False)
    renew_after: float | None = None
    private: object = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """Creates an object.

    Attributes:
        attributes: everything to send, wholly known, write-only secrets included.
        token: an idempotency token, the same for each attempt at this create.
    """

    tenant: Tenant
    attributes: Attributes
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRequest:
    """Changes an object in place.

    Attributes:
        before: as read just before.
        after: as wanted; what configuration does not name equals ``before``.
        changed: names of the top-level attributes and blocks that differ.
        also: where ``update`` notes what else it did, for people: ``2 refresh tokens revoked, none left``.
    """

    tenant: Tenant
    id: str
    before: Attributes
    after: Attributes
    changed: frozenset[str]
    also: list[str] = field(default_factory=list, compare=False)

    def told(self, text: str) -> str:
        """A result's text with what else was done."""
        return "; ".join([text, *self.also])


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRequest:
    """Removes an object; ``attributes`` as read just before, with what only state knows. ``also``: see ``UpdateRequest``."""

    tenant: Tenant
    id: str
    attributes: Attributes
    also: list[str] = field(default_factory=list, compare=False)

    def told(self, text: str) -> str:
        """A result's text with what else was done."""
        return "; ".join([text, *self.also])


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The answer to a write.

    Attributes:
        id: the object's vendor id.
        attributes: only what no later read shows (for example a secret sealed to a recipient).
        request_id: the vendor's id of the exchange, for the evidence log.
    """

    id: str
    attributes: Attributes = field(default_factory=dict)
    request_id: str = ""
