"""``perimeter approve``."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from perimeter.cli.command import Invocation, command, flags, switch, value, values
from perimeter.cli.commands.apply import read_plan
from perimeter.cli.failure import refuse
from perimeter.cli.flags import seconds
from perimeter.cli.planning import write_private
from perimeter.cli.provenance import commit
from perimeter.cli.workspace import HERE, keys_of
from perimeter.engine import approvals
from perimeter.engine.approvals import Approval
from perimeter.engine.clock import rfc3339
from perimeter.engine.model import Change
from perimeter.engine.planfile import SavedPlan
from perimeter.engine.signing import Signer, signer


@command("approve")
@flags(
    value("by", "WHO", "Who approves, as approvers are known to your team. Required."),
    value("key", "FILE", "Sign with the Ed25519 private key in this PEM file."),
    value("expires", "DURATION", "How long the approval counts, such as 8h.", default="8h"),
    value("note", "TEXT", "Why.", default=""),
    value("out", "FILE", "Where to write the approval; PLAN.approval by default."),
    values("only", "ADDRESS", "Approve just this change of the plan. May be repeated."),
    switch("auto-approve", "Do not ask."),
    switch("yes", "Do not ask; the same as -auto-approve."),
)
@click.argument("plan")
def run(invocation: Invocation, plan: str, **given: Any) -> int:
    """Approve the changes of the saved plan PLAN: look at them, sign them.

    Writes a signed approval of what the changes do, not of where they stand
    in the configuration. "perimeter apply -approved=FILE" then makes these
    changes and no others. The key to sign with comes from the environment:
    PERIMETER_APPROVAL_KEY (Ed25519), or PERIMETER_APPROVAL_SECRET (shared).
    """
    if not (given["by"] or "").strip():
        raise refuse("Who approves is missing", "Name the approver: -by=you@example.com")
    target = given["out"] or f"{plan}.approval"
    if Path(target).exists():
        raise refuse(
            "Approval exists already",
            f"{target} is there. Several approvals add up, so none is overwritten: choose another file with -out=FILE.",
        )
    saved = read_plan(plan, keys_of(None, invocation))
    changes = _chosen(saved, given["only"], plan)
    key = _signer(invocation, given["key"])
    lasts = seconds(given["expires"])
    if lasts <= 0:
        raise refuse("Invalid -expires", "An approval must count for some time, such as 8h.")
    if not _agrees(invocation, given, saved, changes):
        return 1
    now = datetime.now(UTC)
    approval = Approval(
        id=str(uuid.uuid4()),
        by=given["by"].strip(),
        at=rfc3339(now),
        expires_at=rfc3339(now + timedelta(seconds=lasts)),
        note=given["note"],
        lineage=saved.plan.lineage,
        workspace=saved.workspace,
        tenants=tuple(sorted({c.tenant.id for c in changes if c.tenant is not None})),
        changes=tuple(approvals.approved_change(change) for change in changes),
        plan=saved.plan.fingerprint,
        plan_digest=approvals.file_digest(Path(plan).read_bytes()),
        commit=commit(invocation.terminal.environment, HERE),
    )
    write_private(target, approvals.sign(approval, key))
    count = len(changes)
    invocation.terminal.print(
        f"\n{approval.by} approved {count:,} change{'' if count == 1 else 's'} until {approval.expires_at}: {target}\n"
    )
    if not invocation.terminal.automation:
        invocation.terminal.print(f"\nTo make them:\n    perimeter apply -approved={target}\n")
    return 0


def _chosen(saved: SavedPlan, only: Sequence[str], path: str) -> tuple[Change, ...]:
    made_up = approvals.altered(saved.plan)
    if made_up:
        raise refuse(
            "Plan is not what it shows",
            f"{path} shows changes to {', '.join(made_up[:10])} whose fingerprints belong to other changes. It was written by "
            "another version of perimeter, or somebody made it up. Do not approve it; make a new plan.",
        )
    found = approvals.to_approve(saved.plan)
    if only:
        known = {change.name for change in found}
        missing = [name for name in only if name not in known]
        if missing:
            raise refuse(
                "No such change in the plan",
                f"{path} does not change {missing[0]}. It changes: {', '.join(sorted(known)) or 'nothing'}.",
            )
        found = tuple(change for change in found if change.name in only)
    if not found:
        raise refuse("Nothing to approve", f"{path} makes no change that needs approval.")
    return found


def _signer(invocation: Invocation, path: str | None) -> Signer:
    if path is None:
        return signer(invocation.terminal.environment)
    try:
        return signer(invocation.terminal.environment, Path(path).read_text(encoding="ascii"))
    except (OSError, UnicodeError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "it is not PEM"
        raise refuse("Key not readable", f"{path}: {why}.") from None


def _agrees(
    invocation: Invocation, given: dict[str, Any], saved: SavedPlan, changes: tuple[Change, ...]
) -> bool:
    from perimeter.ui.approval_text import to_approve_text
    from perimeter.ui.protection import protect_plan

    terminal = invocation.terminal
    protect_plan(saved.plan)
    terminal.show("\n" + to_approve_text(changes, terminal.style()))
    if given["auto_approve"] or given["yes"]:
        return True
    if not terminal.may_ask:
        raise refuse(
            "Nobody can be asked", "Look at the changes above and add -yes to approve them."
        )
    bold = terminal.style().bold
    answer = terminal.ask(
        f"\n{bold('Do you approve these changes?')}\n  Until the approval expires, an apply may make them, and no others.\n"
        f"  Only 'yes' will be accepted to approve.\n\n  {bold('Enter a value:')} "
    )
    if answer == "yes":
        return True
    terminal.print("\nNothing was approved.\n")
    return False
