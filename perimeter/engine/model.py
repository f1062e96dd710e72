"""The plan as a value: what would be done, to what, why, and what could not be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from perimeter.addresses import Address, parse_address
from perimeter.engine.ends import ItemEnd
from perimeter.engine.rotating.planned import PlannedRotation
from perimeter.lang.values import Unseen, Value
from perimeter.sdk.budget import Budget
from perimeter.sdk.contract import Attributes, Direction, ManualStep, Tenant
from perimeter.sdk.facets import Facet
from perimeter.sdk.schema import Plain, Schema
from perimeter.state.model import Moves, OpenStep, Path, State, StateObject


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
    FORGET_THEN_CREATE = "./+"
    INVOKE = "!"

    @property
    def verbs(self) -> tuple[str, ...]:
        """The words of the JSON plan's ``actions``."""
        return _VERBS[self]

    @property
    def is_replace(self) -> bool:
        """Whether the object is replaced by a new one."""
        return self in (
            Action.DELETE_THEN_CREATE,
            Action.CREATE_THEN_DELETE,
            Action.FORGET_THEN_CREATE,
        )

    @property
    def removes(self) -> bool:
        """Whether an object of the tenant is removed."""
        return self in (
            Action.DELETE,
            Action.DELETE_THEN_CREATE,
            Action.CREATE_THEN_DELETE,
        )

    @property
    def forgets(self) -> bool:
        """Whether an object stays in the tenant and is no longer managed."""
        return self in (Action.FORGET, Action.FORGET_THEN_CREATE)


_VERBS = {
    Action.NO_OP: ("no-op",),
    Action.CREATE: ("create",),
    Action.READ: ("read",),
    Action.UPDATE: ("update",),
    Action.DELETE: ("delete",),
    Action.DELETE_THEN_CREATE: ("delete", "create"),
    Action.CREATE_THEN_DELETE: ("create", "delete"),
    Action.FORGET: ("forget",),
    Action.FORGET_THEN_CREATE: ("create", "forget"),
    Action.INVOKE: ("invoke",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is planned for one object.

    Attributes:
        address: where it is declared; for an undeclared object of an exclusive collection None.
        type: resource type.
        provider: provider instance, printed.
        action: what would be done by API.
        reason: Terraform's ``action_reason``, or one of ours (``expired``, ``block_expired``,
            ``undeclared_in_exclusive_collection``).
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
        step: since when that is open, who shall do it until when, and whether it was attested.
        quirks: side effects to announce.
        label: how to name an object that has no address: ``"legacy-ci" on acme/api``.
        origin: what is known of where the object comes from.
        collection: printed address of the exclusive collection that removes it.
        importing: the id it is imported by, or empty.
        generated: the configuration that was written for it in this run, or empty.
        recovered: whether it is the object of an earlier create whose answer was lost.
        deposed: key of a deposed object, or empty.
        previous_address: where state knew it before a move.
        clock: whether the clock alone causes it (expiry, rotation).
        expires_at: until when the declaration holds, or empty.
        expiry_counted: whether that is counted from the first apply on.
        expiry_since: when that was; empty while it was never applied.
        ends: until when nested blocks hold.
        lapsed: names of the nested blocks whose end makes this change or a part of it.
        kept: a protected object whose block is gone: shown, not removed.
        deferred: why nothing can be planned for it yet.
        integration: name of the integration it belongs to.
        dependencies: printed addresses of blocks it depends on.
        protected: ``prevent_destroy`` as declared.
        create_before_destroy: as declared.
        retained: ``destroy = false`` as declared: without its declaration it is forgotten.
        rotation: where the credential that it is stands, and what this apply does about it; None for what is not rotated.
        fingerprint: SHA-256 of the effect; see ``fingerprint.py``.
        subject: what the fingerprint names the object by where it has no id yet: its vendor's unique key; else empty.
        worded: digests of the expressions that decide what is not known, by top-level name; see ``wording.py``.
        secrets: by attribute, that a secret is given, or its keyed digest.
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
    step: OpenStep | None = None
    quirks: tuple[str, ...] = ()
    label: str = ""
    origin: str = ""
    collection: str = ""
    importing: str = ""
    generated: str = ""
    recovered: bool = False
    deposed: str = ""
    previous_address: Address | None = None
    clock: bool = False
    expires_at: str = ""
    expiry_counted: bool = False
    expiry_since: str = ""
    ends: tuple[ItemEnd, ...] = ()
    lapsed: tuple[str, ...] = ()
    kept: bool = False
    deferred: str = ""
    integration: str = ""
    dependencies: tuple[str, ...] = ()
    protected: bool = False
    create_before_destroy: bool = False
    retained: bool = False
    rotation: PlannedRotation | None = None
    fingerprint: str = ""
    subject: str = ""
    worded: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
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
        return self.action is not Action.NO_OP or bool(self.importing) or self.rotates

    @property
    def rotates(self) -> bool:
        """Whether applying it takes a step of a credential's rotation."""
        return self.rotation is not None and bool(self.rotation.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One planned invocation of an action.

    Attributes:
        change: the action's instance: ``after`` is its configuration.
        trigger: printed address of the resource instance whose change invokes it; empty for ``-invoke``.
        event: ``before_create``, ``after_create``, ``before_update`` or ``after_update``; likewise.
        block: which of the resource's action_trigger blocks, from 0.
        index: which entry of its ``actions``, from 0.
    """

    change: Change
    trigger: str = ""
    event: str = ""
    block: int = 0
    index: int = 0

    @property
    def key(self) -> str:
        """Unique within the plan."""
        if not self.trigger:
            return self.change.key
        return f"{self.change.key} {self.event} {self.trigger} {self.block}.{self.index}"


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
    """How a plan was asked for.

    Attributes:
        invoke: the action to invoke, or credentials to rotate now; nothing else is planned.
        roll_back: credentials whose rotation is undone, as long as the previous one lives.
        no_overlap: what is rotated now leaves the previous credential no time.
        allow_replace: rotated credentials that ``replace`` may replace all the same.
        now: the instant that was asked for instead of the present one; such a plan cannot be applied.
    """

    destroy: bool = False
    refresh: bool = True
    refresh_only: bool = False
    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    minimal_refresh: bool = False
    invoke: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    allow_lockout: tuple[str, ...] = ()
    allow_mass_change: tuple[str, ...] = ()
    allow_unregistered: tuple[str, ...] = ()
    max_destroy: int | None = None
    rollback: int | None = None
    roll_back: tuple[str, ...] = ()
    no_overlap: bool = False
    allow_replace: tuple[str, ...] = ()
    now: str = ""

    @property
    def rotates(self) -> bool:
        """Whether ``invoke`` names credentials to be rotated instead of actions."""
        return any(parse_address(text).mode == "managed" for text in self.invoke)

    @property
    def declares(self) -> bool:
        """Whether what the configuration declares is wanted: neither nothing, nor an earlier version of the state."""
        return not self.destroy and self.rollback is None

    @property
    def whole(self) -> bool:
        """Whether everything that the configuration declares is planned, and nothing else."""
        return not self.restricted and self.rollback is None

    @property
    def restricted(self) -> bool:
        """Whether only a part of the configuration is planned."""
        return bool(self.targets or self.excludes or self.invoke)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The whole plan; immutable.

    Attributes:
        changes: every declared instance (no-ops included) and every removal, in address order.
        invocations: actions that are invoked, in order.
        drift: declared instances whose object changed in the tenant since state remembered it.
        refreshed: state objects as they will be remembered when nothing else happens, by printed address.
        moves: old and new printed address of what state is to remember elsewhere.
        gone: printed addresses of state instances whose object no longer exists and that nothing declares.
        sequence: ids of the stages that decide who gets in, in the order in which nobody is locked out.
        compensations: by the id of such a stage, those that must have succeeded before it.
        state_serial: of the state it was made on.
        fingerprint: of all changes' fingerprints together.
    """

    timestamp: str
    options: Options
    changes: tuple[Change, ...] = ()
    invocations: tuple[Invocation, ...] = ()
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
    sequence: tuple[str, ...] = ()
    compensations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    state_serial: int = 0
    lineage: str = ""
    fingerprint: str = ""
    variables: Mapping[str, Value] = field(default_factory=dict, repr=False)

    @property
    def active(self) -> tuple[Change, ...]:
        """The changes that do something."""
        return tuple(change for change in self.changes if change.does_something)

    @property
    def direction(self) -> Direction:
        """What the whole plan does to access: it widens as soon as one change does, or may."""
        found = {change.direction for change in self.changes}
        found |= {item.change.direction for item in self.invocations}
        for candidate in (Direction.WIDENS, Direction.UNKNOWN, Direction.NARROWS):
            if candidate in found:
                return Direction.WIDENS if candidate is Direction.UNKNOWN else candidate
        return Direction.NEUTRAL

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
        return not (self.active or self.moves or self.invocations) and all(
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
    """How one stage of an apply ended: ``done``, ``failed``, ``skipped``, ``held``, ``by hand``; ``text`` says what or why.

    ``held``: nobody agreed to it, or to what it depends on.
    """

    name: str
    status: str
    text: str
    operation: str = ""
    direction: Direction = Direction.NEUTRAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The result of an apply, in the order things ended.

    ``unsaved``: what the state would be, when its place did not take it.
    """

    results: tuple[StageResult, ...] = ()
    outputs: Mapping[str, Value] = field(default_factory=dict)
    evidence_entry: int = 0
    evidence_head: str = ""
    cancelled: bool = False
    serial: int = 0
    unsaved: State | None = field(default=None, repr=False)

    def count(self, status: str) -> int:
        """How many ended so."""
        return sum(1 for item in self.results if item.status == status)
