"""``perimeter approve verify``."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from perimeter.cli.approving import keys_that_count, read_document
from perimeter.cli.command import Invocation, command
from perimeter.cli.workspace import HERE
from perimeter.config.load import load
from perimeter.engine import approvals


@command("approve verify")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def run(invocation: Invocation, files: tuple[str, ...]) -> int:
    """Check who signed approvals, whether their signatures count, and what they approve.

    The keys come from PERIMETER_APPROVAL_PUBLIC_KEYS, else from the approvals
    block of the configuration here; a shared secret from
    PERIMETER_APPROVAL_SECRET. State and tenants are looked at by apply only.
    """
    from perimeter.ui.approval_text import approval_text

    config = load(HERE)[0] if any(HERE.glob("*.hcl")) else None
    keys = keys_that_count(invocation.terminal.environment, config)
    terminal = invocation.terminal
    for path in files:
        document = read_document(path)
        approvals.authentic(document, keys, where=path)
        approval = document.approval
        now, workspace = datetime.now(UTC), approval.workspace
        approvals.valid(approval, where=path, now=now, workspace=workspace, state=None)
        terminal.show(
            f"{path} is genuine and counts.\n\n"
            + approval_text(approval, document.signature, terminal.style())
        )
    return 0
