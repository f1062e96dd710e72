"""``perimeter evidence verify``."""

from __future__ import annotations

import json
from typing import Any, get_args

from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.evidence import FILE, lines_of, sealed_by
from perimeter.cli.failure import refuse
from perimeter.cli.flags import STORED
from perimeter.state.evidence import Broken, Verified, verify
from perimeter.state.model import Operation, Seal
from perimeter.ui.evidence_text import broken_json, verified_json, verified_text

_CALLS = frozenset(get_args(Operation))


@command("evidence verify")
@flags(FILE, STORED, switch("json", "Print one JSON object."))
def run(invocation: Invocation, **given: Any) -> int:
    """Find out whether the evidence log is as it was written.

    Each entry holds the hash of the one before, and the state the head of
    the chain: an entry that was changed, removed or moved is found and
    named, and so is a tail that was cut. Asks nobody: with -file and -state
    it works on copies, anywhere.
    """
    held = sealed_by(invocation, given)
    seal = held.state.seal if held is not None else Seal()
    found = verify(lines_of(invocation, given), seal)
    if isinstance(found, Broken):
        return _refused(invocation, found, "Evidence log is broken", given)
    known = held.state.seal.journal_sequence if held is not None else 0
    behind = [item for item in found.unsealed if item.result == "done" and item.operation in _CALLS]
    if behind and held is not None and not any(item.sequence > known for item in held.records):
        return _refused(
            invocation,
            Broken(
                behind[0].sequence,
                f"Entry {behind[0].sequence} says that {behind[0].address} was changed after the state with serial "
                f"{held.state.serial} was written, and neither this state nor its journal knows of it.",
            ),
            "State is older than its evidence",
            given,
        )
    _tell(invocation, found, given, serial=held.state.serial if held is not None else None)
    return 0


def _tell(
    invocation: Invocation, found: Verified, given: dict[str, Any], *, serial: int | None
) -> None:
    if given["json"]:
        invocation.terminal.print(json.dumps(verified_json(found, serial), indent=2) + "\n")
    else:
        invocation.terminal.print(verified_text(found, serial))


def _refused(invocation: Invocation, found: Broken, summary: str, given: dict[str, Any]) -> int:
    if given["json"]:
        invocation.terminal.print(json.dumps(broken_json(found, summary), indent=2) + "\n")
        return 1
    advice = (
        "The entries before it are as they were written. Compare with a copy of the log; whoever may write where it lies could "
        "have done this."
    )
    if summary.startswith("State"):
        advice = (
            "An older state was put back, or the last one was lost. Restore it (perimeter state history lists what is kept), or "
            "plan and look for what is not remembered."
        )
    raise refuse(summary, f"{found.reason} {advice}")
