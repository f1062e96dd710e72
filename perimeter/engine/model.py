"""The plan as a value: what would be done, to what, why, and what could not be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from perimeter.addresses import Address
from perimeter.lang.values import Unseen, Value
from perimeter.sdk.budget import Budget
from perimeter.sdk.contract import Attributes, Direction, ManualStep, Tenant
from perimeter.sdk.facets import Facet
from perimeter.sdk.schema import Plain, Schema
from perimeter.state.model import Moves, Path, StateObject


class Action(Enum):
    """What happens to an object; the value is the glyph people read."""

    NO_OP = " "
    CREATE = "+"
    READ = "<="
    UPDATE = "~"
    DELETE = "-"
    DELETE_THEN_CREATE = "-/+"
    CREATE_THEN_DELETE = "+/-"
    FORGET = "."

    @property
    def verbs(self) -> tuple[str, ...]:
        """The words of the JSON plan's ``actions``."""
        return _VERBS[self]

    @property
    def is_replace(self) -> bool:
        """Whether the object is replaced by a new one."""
        return self in (Action.DELETE_THEN_CREATE, Action.CREATE_THEN_DELETE)


_VERBS = {
    Action.NO_OP: ("no-op",),
    Action.CREATE: ("create",),
    Action.READ: ("read",),
    Action.UPDATE: ("update",),
    Action.DELETE: ("delete",),
    Action.DELETE_THEN_CREATE: ("delete", "create"),
    Action.CREATE_THEN_DELETE: ("create", "delete"),
    Action.FORGET: ("forget",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is planned for one object.

    Attributes:
        address: where it is declared; for an undeclared object of an exclusive collection None.
        type: resource type.
        provider: provider instance, printed.
        action: what would be done by API.
        reason: Terraform's ``action_reason``, or one of ours (``expired``, ``undeclared_in_exclusive_collection``).
        id: vendor id; empty for a create.
        tenant: where; None for objects that live in state only, or while the tenant is not known.
        before: as the tenant shows it; None for a create.
        after: as planned, ``Unknown`` where not decided; None for a delete.
        prior: the object as state remembers it; None outside state.
        desired: what configuration asks for, secrets included; never persisted or shown.
        changed: top-level names that differ.
        drifted: top-level names whose value in the tenant differs from what state remembers.
        replace_paths: attributes that force the replacement.
        sensitive_before: paths that nobody is shown.
        sensitive_after: likewise.
        unseen: top-level names the tenant did not show, with why.
        direction: what the change does to access.
        manual: what a person must do; then ``action`` covers only the rest.
        quirks: side effects to announce.
        label: how to name an object that has no address: ``"legacy-ci" on acme/api``.
        origin: what is known of where the object comes from.
        collection: printed address of the exclusive collection that removes it.
        importing: the id it is imported by, or empty.
        recovered: whether it is the object of an earlier create whose answer was lost.
        deposed: key of a deposed object, or empty.
        previous_address: where state knew it before a move.
        clock: whether the clock alone causes it (expiry, rotation).
        kept: a protected object whose block is gone: shown, not removed.
        deferred: why nothing can be planned for it yet.
        integration: name of the integration it belongs to.
        dependencies: printed addresses of blocks it depends on.
        protected: ``prevent_destroy`` as declared.
        create_before_destroy: as declared.
        retained: ``destroy = false`` as declared: without its declaration it is forgotten.
        fingerprint: SHA-256 of the effect; see ``fingerprint.py``.
        block: the declaring block's header, file and line, for messages.
        schema: of the type.
    """

    address: Address | None
    type: str
    provider: str
    provider_name: str
    action: Action
    reason: str = ""
    id: str = ""
    tenant: Tenant | None = None
    before: Attributes | None = None
    after: Attributes | None = None
    prior: StateObject | None = None
    desired: Attributes = field(default_factory=dict, repr=False)
    changed: frozenset[str] = frozenset()
    drifted: frozenset[str] = frozenset()
    replace_paths: tuple[Path, ...] = ()
    sensitive_before: tuple[Path, ...] = ()
    sensitive_after: tuple[Path, ...] = ()
    unseen: Mapping[str, Unseen] = field(default_factory=dict)
    direction: Direction = Direction.NEUTRAL
    manual: ManualStep | None = None
    quirks: tuple[str, ...] = ()
    label: str = ""
    origin: str = ""
    collection: str = ""
    importing: str = ""
    recovered: bool = False
    deposed: str = ""
    previous_address: Address | None = None
    clock: bool = False
    kept: bool = False
    deferred: str = ""
    integration: str = ""
    dependencies: tuple[str, ...] = ()
    protected: bool = False
    create_before_destroy: bool = False
    retained: bool = False
    fingerprint: str = ""
    block: str = ""
    schema: Schema | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The address, or the type and label of an undeclared object."""
        if self.address is not None:
            text = str(self.address)
            return f"{text} (deposed object {self.deposed})" if self.deposed else text
        return f"{self.type} {self.label or self.id}"

    @property
    def key(self) -> str:
        """Unique within the plan."""
        if self.address is not None:
            return f"{self.address}#{self.deposed}" if self.deposed else str(self.address)
        return f"{self.provider}/{self.type}/{self.id}"

    @property
    def moved(self) -> bool:
        """Whether state remembered it under another address."""
        return self.previous_address is not None and self.previous_address != self.address

    @property
    def does_something(self) -> bool:
        """Whether applying it calls the tenant or changes what state owns."""
        return self.action is not Action.NO_OP or bool(self.importing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undeclared:
    """An object that the tenant holds and nothing declares.

    ``mode`` is the collection's: ``report``, ``additive`` or ``exclusive`` (when its removal was held back, ``held`` says why).
    """

    provider: str
    type: str
    id: str
    label: str
    attributes: Attributes
    facets: tuple[Facet, ...] = ()
    origin: str = ""
    mode: str = "report"
    ignored: bool = False
    held: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotVisible:
    """Something the plan wanted to see and the tenant did not show.

    ``subject`` names a type, an instance or an attribute; ``blocks`` the instances whose planning hangs on it.
    """

    provider: str
    subject: str
    unseen: Unseen
    blocks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputChange:
    """A root output before and after; ``Value`` carries marks."""

    name: str
    action: Action
    before: Plain
    after: Value
    sensitive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """A pre- or postcondition, validation or check with its outcome: ``pass``, ``fail``, ``unknown``."""

    address: str
    kind: str
    status: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialAge:
    """A declared credential's age as the tenant tells it, in days; None where it does not."""

    address: str
    days: int | None
    last_used_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """What observing cost, and about what applying will."""

    made: int = 0
    not_modified: int = 0
    waited: float = 0.0
    to_apply: int = 0
    budgets: Mapping[str, tuple[Budget, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a plan was asked for."""

    destroy: bool = False
    refresh: bool = True
    refresh_only: bool = False
    targets: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    allow_lockout: tuple[str, ...] = ()
    allow_mass_change: tuple[str, ...] = ()
    max_destroy: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The whole plan; immutable.

    Attributes:
        changes: every declared instance (no-ops included) and every removal, in address order.
        drift: declared instances whose object changed in the tenant since state remembered it.
        refreshed: state objects as they will be remembered when nothing else happens, by printed address.
        moves: old and new printed address of what state is to remember elsewhere.
        gone: printed addresses of state instances whose object no longer exists and that nothing declares.
        state_serial: of the state it was made on.
        fingerprint: of all changes' fingerprints together.
    """

    timestamp: str
    options: Options
    changes: tuple[Change, ...] = ()
    drift: tuple[Change, ...] = ()
    undeclared: tuple[Undeclared, ...] = ()
    not_visible: tuple[NotVisible, ...] = ()
    outputs: tuple[OutputChange, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    ages: tuple[CredentialAge, ...] = ()
    tenants: Mapping[str, Tenant] = field(default_factory=dict)
    refreshed: Mapping[str, StateObject] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    moves: Moves = ()
    requests: Requests = field(default_factory=Requests)
    state_serial: int = 0
    lineage: str = ""
    fingerprint: str = ""
    variables: Mapping[str, Value] = field(default_factory=dict, repr=False)

    @property
    def active(self) -> tuple[Change, ...]:
        """The changes that do something."""
        return tuple(change for change in self.changes if change.does_something)

    @property
    def by_hand(self) -> tuple[Change, ...]:
        """The changes that need a person."""
        return tuple(change for change in self.changes if change.manual is not None)

    @property
    def is_empty(self) -> bool:
        """Whether applying would change neither tenant nor state outputs, and nobody has to act."""
        return self.is_idle and not self.by_hand

    @property
    def is_idle(self) -> bool:
        """Whether applying would change neither tenant nor state outputs, though a person may have to act."""
        return not (self.active or self.moves) and all(
            o.action is Action.NO_OP for o in self.outputs
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened; the user interface consumes these.

    ``kind`` is one of: ``read_start read_progress read_done wait stage_start stage_progress stage_done stage_failed stage_skipped
    stage_manual apply_done``; ``data`` holds what the kind needs, never a secret.
    """

    kind: str
    subject: str = ""
    provider: str = ""
    text: str = ""
    seconds: float = 0.0
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """How one stage of an apply ended: ``done``, ``failed``, ``skipped``, ``by hand``; ``text`` says what or why."""

    name: str
    status: str
    text: str
    operation: str = ""
    direction: Direction = Direction.NEUTRAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The result of an apply, in the order things ended."""

    results: tuple[StageResult, ...] = ()
    outputs: Mapping[str, Value] = field(default_factory=dict)
    evidence_entry: int = 0
    evidence_head: str = ""
    cancelled: bool = False
    serial: int = 0

    def count(self, status: str) -> int:
        """How many ended so."""
        return sum(1 for item in self.results if item.status == status)
