"""Approvals: who lets which changes happen, until when, signed.

An approval names changes by fingerprint, so by effect; where they stand in configuration does not matter. It is a document
of its own beside the plan: several of them are joined, and taking a change away leaves the rest approved.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from perimeter.diagnostics import Diagnostic, DiagnosticError, error
from perimeter.engine.clock import InvalidTimeError, instant
from perimeter.engine.diff import is_wholly_known
from perimeter.engine.fingerprint import fingerprint, parts
from perimeter.engine.model import Change, Plan
from perimeter.engine.refinement import refinements
from perimeter.engine.signing import PRIVATE, PUBLIC, SHARED, Signer, Verifier
from perimeter.sdk.contract import Direction
from perimeter.state.envelope import Upgrade, canonical, unwrap, wrap
from perimeter.state.model import State

KIND = "approval"
UPGRADES: tuple[Upgrade, ...] = ()
"""Steps between approval formats, oldest first."""
VERSION = len(UPGRADES) + 1

EARLY = timedelta(minutes=5)
"""How far the clocks of who approves and of who applies may differ."""


class ApprovalError(DiagnosticError):
    """An approval does not count; nothing of it does."""


class Undecided(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was approved of a value that was not known: the expression that decides it, and what was known all the same.

    Attributes:
        digest: of the expression, as ``Change.worded``.
        refined: as ``refinement.refinements``.
    """

    digest: str
    refined: list[Any] = []


class ApprovedChange(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One change that may be made.

    Attributes:
        fingerprint: of its effect: what counts.
        name: what people call it.
        actions: Terraform's words for what is done.
        direction: what it does to access; it may do less later, but not more.
        integration: the one it belongs to, for rules about who may approve.
        undecided: by top-level name, what was not known.
        parts: short digests by top-level name, to tell later which of them is another.
    """

    fingerprint: str
    name: str
    type: str
    actions: tuple[str, ...]
    direction: str
    tenant: str = ""
    integration: str = ""
    undecided: dict[str, Undecided] = {}
    parts: dict[str, list[str]] = {}


class Approval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is signed.

    Attributes:
        id: the approval's own.
        by: who approves.
        at: when (RFC 3339).
        expires_at: until when it counts.
        note: why, in the approver's words.
        lineage: of the state; empty while there is none.
        workspace: of the state.
        tenants: ids of the tenants that are changed.
        changes: what is approved.
        plan: the whole plan's fingerprint.
        plan_digest: SHA-256 (hex) of the plan file that was looked at.
        commit: of the configuration, where that is known.
    """

    id: str
    by: str
    at: str
    expires_at: str
    note: str
    lineage: str
    workspace: str
    tenants: tuple[str, ...]
    changes: tuple[ApprovedChange, ...]
    plan: str
    plan_digest: str
    commit: str


class Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By which key, and what it made of the approval's canonical bytes (base64)."""

    algorithm: str
    key: str
    value: str


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An approval with its signature, as a file holds it."""

    approval: Approval
    signature: Signature


def to_approve(plan: Plan) -> tuple[Change, ...]:
    """The changes of a plan that need approval, what widens access first."""
    rank = [Direction.WIDENS, Direction.UNKNOWN, Direction.NEUTRAL, Direction.NARROWS]
    found = [change for change in plan.changes if change.fingerprint and change.does_something]
    found += [item.change for item in plan.invocations if item.change.fingerprint]
    return tuple(sorted(found, key=lambda change: rank.index(change.direction)))


def altered(plan: Plan) -> tuple[str, ...]:
    """Changes whose fingerprint does not follow from what the plan shows of them, as in a file that was made up."""
    return tuple(
        change.name for change in to_approve(plan) if fingerprint(change) != change.fingerprint
    )


def approved_change(change: Change) -> ApprovedChange:
    """A change as an approval names it."""
    after = change.after or {}
    return ApprovedChange(
        fingerprint=change.fingerprint,
        name=change.name,
        type=change.type,
        actions=change.action.verbs,
        direction=change.direction.value,
        tenant=change.tenant.id if change.tenant is not None else "",
        integration=change.integration,
        undecided={
            name: Undecided(digest=digest, refined=list(refinements(after.get(name))))
            for name, digest in sorted(change.worded.items())
            if not is_wholly_known(after.get(name))
        },
        parts=parts(change),
    )


def sign(approval: Approval, by: Signer) -> bytes:
    """The document's bytes.

    Raises:
        StateError: it holds something that has no JSON form.
    """
    value = base64.b64encode(by.sign(_signed(approval))).decode()
    signature = Signature(algorithm=by.algorithm, key=by.key, value=value)
    return wrap(KIND, VERSION, Document(approval=approval, signature=signature))


def _signed(approval: Approval) -> bytes:
    return f"perimeter approval {VERSION}\n".encode() + canonical(approval)


def read(data: bytes, *, where: str) -> Document:
    """Read a document without judging it.

    Raises:
        StateError: damaged, newer, or no approval.
    """
    return unwrap(KIND, data, UPGRADES, into=Document, where=where)


def _refusal(summary: str, detail: str) -> ApprovalError:
    return ApprovalError(error(summary, f"{detail} Nothing was changed."))


def authentic(document: Document, keys: Sequence[Verifier], *, where: str) -> None:
    """Check who signed a document.

    Raises:
        ApprovalError: nobody whose signature counts, or the content is not what was signed.
    """
    approval, signature = document.approval, document.signature
    if not keys:
        raise _refusal(
            "No key to check approvals with",
            f"Put the approvers' public keys into {PUBLIC} (NAME=KEY, separated by commas), declare them in the configuration "
            f"(perimeter {{ approvals {{ approver … }} }}), or give the shared secret in {SHARED}. {PRIVATE} is for who signs.",
        )
    fitting = [key for key in keys if (key.algorithm, key.key) == _named(signature)]
    if not fitting:
        raise _refusal(
            "Approval by an unknown key",
            f"{where} is signed by the {signature.algorithm} key {signature.key}, which is none of those that count here: "
            f"{', '.join(sorted({_owner(key) for key in keys}))}.",
        )
    try:
        value = base64.b64decode(signature.value, validate=True)
    except (binascii.Error, ValueError):
        value = b""
    holders = [key for key in fitting if key.check(_signed(approval), value)]
    if not holders:
        raise _refusal(
            "Invalid approval signature",
            f"{where} is not what {approval.by} signed: it was changed afterwards, or the signature was made up. Do not trust "
            "it, and find out where it comes from.",
        )
    if not any(key.who in ("", approval.by) for key in holders):
        raise _refusal(
            "Approval under another name",
            f"{where} says that {approval.by} approves, but it is signed by the key of "
            f"{', '.join(sorted(key.who for key in holders))}.",
        )


def _named(signature: Signature) -> tuple[str, str]:
    return signature.algorithm, signature.key


def _owner(key: Verifier) -> str:
    return f"{key.who} ({key.key})" if key.who else key.key


def valid(
    approval: Approval, *, where: str, now: datetime, workspace: str, state: State | None
) -> None:
    """Check that an approval is for this time and this state; ``state`` None leaves the state out.

    Raises:
        ApprovalError: it is not.
    """
    try:
        began, ends = instant(approval.at), instant(approval.expires_at)
    except InvalidTimeError as problem:
        raise _refusal("Approval without a valid time", f"{where}: {problem}") from None
    if ends <= now:
        raise _refusal(
            "Approval has expired",
            f"{where}, by {approval.by}, was valid until {approval.expires_at}. Approve again.",
        )
    if began > now + EARLY:
        raise _refusal(
            "Approval from the future",
            f"{where} was made at {approval.at}, which has not come yet. Check the clocks of both machines.",
        )
    if approval.workspace != workspace:
        raise _refusal(
            "Approval for another workspace",
            f'{where} is for the workspace "{approval.workspace}", and this is "{workspace}".',
        )
    if state is not None and not _same_state(approval, state):
        was = f"the state with lineage {approval.lineage}" if approval.lineage else "a new state"
        raise _refusal(
            "Approval for another state",
            f"{where} is for {was}, and this state has {f'lineage {state.lineage}' if state.lineage else 'none yet'}. Plan and "
            "approve again.",
        )


def _same_state(approval: Approval, state: State) -> bool:
    if approval.lineage == state.lineage:
        return True
    # A state gets its lineage at its first apply, and what failed of that must be finished under the same approval.
    return not approval.lineage and state.serial <= 1


def other_tenants(approvals: Iterable[Approval], plan: Plan) -> list[Diagnostic]:
    """A refusal for each approval that is about tenants which the plan does not reach."""
    reached = {tenant.id: tenant.name for tenant in plan.tenants.values()}
    shown = ", ".join(f"{key} ({name})" for key, name in sorted(reached.items())) or "none"
    return [
        error(
            "Approval for another tenant",
            f"The approval {item.id} by {item.by} is for tenant {', '.join(missing)}; this plan reaches {shown}. Nothing was "
            "changed.",
        )
        for item in approvals
        if (missing := sorted(set(item.tenants) - reached.keys()))
    ]


def file_digest(data: bytes) -> str:
    """SHA-256 (hex) of a plan file."""
    return hashlib.sha256(data).hexdigest()


def approvers(approvals: Iterable[Approval]) -> Mapping[str, str]:
    """By fingerprint, who approved it, for people and the evidence log."""
    found: dict[str, list[str]] = {}
    for item in approvals:
        for change in item.changes:
            found.setdefault(change.fingerprint, []).append(f"{item.by} (approval {item.id})")
    return {key: ", ".join(dict.fromkeys(names)) for key, names in found.items()}
