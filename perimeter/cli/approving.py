"""Approvals at the command line: the flags of ``apply``, and whose signatures count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from perimeter.cli.command import Invocation, switch, values
from perimeter.cli.failure import refuse
from perimeter.config.model import Config
from perimeter.diagnostics import Diagnostic
from perimeter.engine import approvals
from perimeter.engine.approvals import Approval, Document
from perimeter.engine.consent import Agreed, Consent
from perimeter.engine.model import Plan
from perimeter.engine.signing import Verifier, verifiers
from perimeter.state.model import State

CONSENT = (
    values(
        "approved",
        "FILE",
        "Make only the changes that a signed approval names, without asking. May be repeated.",
    ),
    switch("narrowing-only", "Make only changes that do not widen access."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is agreed to, and by which approvals; those are genuine and in time."""

    consent: Consent
    approvals: tuple[tuple[str, Approval], ...] = ()
    workspace: str = "default"

    @property
    def asks(self) -> bool:
        """Whether somebody still has to approve."""
        return self.consent.changes is None

    def check_state(self, state: State) -> None:
        """Refuse approvals that are about another state.

        Raises:
            ApprovalError: one is.
        """
        for where, item in self.approvals:
            now = datetime.now(UTC)
            approvals.valid(item, where=where, now=now, workspace=self.workspace, state=state)

    def check_plan(self, plan: Plan) -> list[Diagnostic]:
        """Refusals of approvals that are about other tenants."""
        return approvals.other_tenants([item for _, item in self.approvals], plan)


def keys_that_count(environment: Mapping[str, str], config: Config | None) -> tuple[Verifier, ...]:
    """Whose signatures count: the environment's keys, else those that the configuration declares.

    Raises:
        SigningError: one of them is no key.
    """
    declared = config.root.approvers if config is not None else ()
    return verifiers(environment, {item.login: item.public_key for item in declared})


def read_document(path: str) -> Document:
    """An approval, not judged yet.

    Raises:
        Refused: it cannot be read.
        StateError: it is damaged, newer or something else.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as problem:
        raise refuse(
            "Approval not readable",
            f"{path}: {problem.strerror}. Approvals are written by: perimeter approve PLAN -by=WHO",
        ) from None
    return approvals.read(data, where=path)


def agreement(
    invocation: Invocation, given: Mapping[str, Any], config: Config | None, workspace: str
) -> Given | None:
    """What the flags agree to; None for everything.

    Raises:
        Refused: a contradiction, or a file that cannot be read.
        ApprovalError: an approval does not count.
    """
    paths, narrowing = given["approved"], given["narrowing_only"]
    if not paths and not narrowing:
        return None
    if given["refresh_only"]:
        raise refuse(
            "Incompatible plan mode options",
            "-refresh-only changes no tenant, so there is nothing to approve: leave out -approved and -narrowing-only.",
        )
    if not paths:
        return Given(consent=Consent(narrowing_only=True), workspace=workspace)
    keys = keys_that_count(invocation.terminal.environment, config)
    found = []
    for path in paths:
        document = read_document(path)
        approvals.authentic(document, keys, where=path)
        now = datetime.now(UTC)
        approval = document.approval
        approvals.valid(approval, where=path, now=now, workspace=workspace, state=None)
        found.append((path, approval))
    consent = Consent(
        changes=tuple(change for _, item in found for change in item.changes),
        by=approvals.approvers([item for _, item in found]),
        narrowing_only=narrowing,
    )
    return Given(consent=consent, approvals=tuple(found), workspace=workspace)


def tell_held(invocation: Invocation, given: Given, plan: Plan, agreed: Agreed) -> None:
    """Say what is held back, and what of the approvals has no counterpart in the plan."""
    from perimeter.ui.held_text import held_text

    style = invocation.terminal.style()
    done = {change.fingerprint for change in approvals.to_approve(plan)}
    void = {item.change.name for item in agreed.held if item.void}
    settled = [
        item.name
        for item in given.consent.changes or ()
        if item.fingerprint not in done and item.name not in void
    ]
    text = held_text(agreed, settled, style)
    if text:
        invocation.reporter.remark(f"\n{text}")
