"""A credential's rotation as a plan holds it: where it stands, what this apply does, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationFinding:
    """Something that keeps a credential from being as its rule wants it, and that does not mend itself."""

    summary: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSink:
    """Where a secret goes.

    Attributes:
        address: printed, of the sink's resource.
        member: the part of the secret that it gets; empty for all of it as a JSON object.
    """

    address: str
    member: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedConsumer:
    """Who uses a credential: name, what proves that it has moved, and when it was proved."""

    name: str
    evidence: str
    owner: str = ""
    moved_at: str = ""
    url: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCredential:
    """A credential as the plan shows it; times are RFC 3339 or empty, ``age`` is in seconds or None."""

    id: str
    created_at: str = ""
    last_used_at: str = ""
    age: int | None = None
    usable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRotation:
    """What is planned for a credential.

    Attributes:
        stage: where it stands: ``settled``, ``due``, ``created``, ``delivered``, ``verified``, ``overlapping`` or ``retired``.
        steps: what this apply does, in order: ``issue``, ``verify``, ``retire``, ``remove``, ``roll_back`` or ``take_over``.
        because: why, or why nothing is done.
        reason: ``rotation_due``, ``rotation_requested``, ``rotation_first_issue``, …; empty without steps.
        next_at: when the next step is due at the earliest; empty when that does not depend on time alone.
        waiting_for: what has to happen first, besides time.
        findings: what is wrong.
        current: the credential that the sinks hold.
        previous: the one before, while it lives.
        sinks: where the secret goes.
        consumers: who uses it.
        rule: the declared rule in words, by argument.
        times: successful trials needed …
        window: … within at least this many seconds.
        unused_for: seconds for which the previous one must not have been used.
        taken: for ``take_over``: id of the credential that somebody made by hand.
        lost: ids of credentials that a cut-off run made, and whose secrets are lost.
        gone: ids of previous ones that the tenant does not have any more.
        moved: consumers that the tenant's own record proves to have moved: by name, since when.
        requested: whether somebody asked for it; then no back-off and no schedule hold it.
        no_overlap: the previous one is not to outlive the delivery.
        federate: HCL that would make the credential unnecessary.
    """

    stage: str
    steps: tuple[str, ...] = ()
    because: str = ""
    reason: str = ""
    next_at: str = ""
    waiting_for: tuple[str, ...] = ()
    findings: tuple[RotationFinding, ...] = ()
    current: SeenCredential | None = None
    previous: SeenCredential | None = None
    sinks: tuple[PlannedSink, ...] = ()
    consumers: tuple[PlannedConsumer, ...] = ()
    rule: Mapping[str, str] = field(default_factory=dict)
    times: int = 3
    window: float = 600.0
    unused_for: float = 86400.0
    taken: str = ""
    lost: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    moved: Mapping[str, str] = field(default_factory=dict)
    requested: bool = False
    no_overlap: bool = False
    federate: str = ""
