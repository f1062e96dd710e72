"""``perimeter destroy``."""

from __future__ import annotations

from typing import Any

from perimeter.cli.approving import CONSENT
from perimeter.cli.command import Invocation, command, flags
from perimeter.cli.commands.apply import AUTO, planned_and_applied
from perimeter.cli.flags import PLANNING
from perimeter.cli.redirecting import STATE_FILES, check_state_out
from perimeter.cli.showing import choose_reporter


@command("destroy")
@flags(PLANNING, AUTO, CONSENT, STATE_FILES)
def run(invocation: Invocation, **given: Any) -> int:
    """Remove everything that perimeter manages here: "perimeter apply -destroy".

    What no API removes is left and named.
    """
    choose_reporter(invocation, given)
    check_state_out(given)
    return planned_and_applied(invocation, {**given, "destroy": True}, verb="Destroy")
