"""``perimeter untaint``."""

from __future__ import annotations

from typing import Any

import click

from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.flags import LOCKING, STORED
from perimeter.cli.state_writing import BACKUP
from perimeter.cli.tainting import mark


@command("untaint")
@flags(
    STORED,
    LOCKING,
    BACKUP,
    switch("allow-missing", "Succeed although the state holds no such instance."),
)
@click.argument("address")
def run(invocation: Invocation, address: str, **given: Any) -> int:
    """Take back the mark that a resource instance is not fit.

    The object stays as it is. What an apply could not finish making is
    marked, too; make sure that it is whole before.
    """
    return mark(invocation, address, given, tainted=False)
