"""``perimeter taint``."""

from __future__ import annotations

from typing import Any

import click

from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.flags import LOCKING, STORED
from perimeter.cli.state_writing import BACKUP
from perimeter.cli.tainting import mark


@command("taint")
@flags(
    STORED,
    LOCKING,
    BACKUP,
    switch("allow-missing", "Succeed although the state holds no such instance."),
)
@click.argument("address")
def run(invocation: Invocation, address: str, **given: Any) -> int:
    """Mark a resource instance as not fit: the next apply replaces it.

    The -replace flag of plan and apply does the same without touching the
    state before the change is approved.
    """
    return mark(invocation, address, given, tainted=True)
