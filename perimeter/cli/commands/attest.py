"""``perimeter attest``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from perimeter.cli.command import Invocation, command, flags, switch, value
from perimeter.cli.failure import refuse
from perimeter.cli.flags import LOCKING, STORED
from perimeter.cli.provenance import approver
from perimeter.cli.rotation_attesting import entry, rotation_attested
from perimeter.cli.workspace import locked, place_of_directory
from perimeter.diagnostics import did_you_mean
from perimeter.engine.clock import rfc3339
from perimeter.engine.steps import attested, withdrawn
from perimeter.state.evidence import Evidence, EvidenceLog
from perimeter.state.journal import compact, replay


@command("attest")
@flags(
    value("by", "WHO", "Who did it; the user of this machine by default."),
    value("note", "TEXT", "What was done, for the record."),
    switch("withdraw", "Take an attestation back."),
    STORED,
    LOCKING,
)
@click.argument("step")
def run(invocation: Invocation, step: str, **given: Any) -> int:
    """Say that a manual step was done.

    STEP is the address, as perimeter steps shows it; or consumer.NAME, to say
    that a consumer uses the new credential of a rotation; or the credential's
    address, to say that the new one works. The attestation goes into the
    evidence log. The next plan looks whether the tenant shows what
    is declared: then the step closes, else the plan says so.
    """
    found = place_of_directory(given["state"], invocation=invocation)
    who, at = (
        given["by"] or approver(invocation.terminal.environment, automatic=False),
        rfc3339(datetime.now(UTC)),
    )
    with locked(invocation, found, "attest", given):
        held = found.backend.load()
        state = replay(held.state, held.records).state
        known = state.steps.get(step)
        moved = None if known is not None else rotation_attested(state, step, at, given)
        if moved is not None:
            log = EvidenceLog(found.backend)
            log.append(entry(step, who, at, withdrawn=given["withdraw"]))
            compact(found.backend, held, moved, evidence=log.head)
            word = "no longer attested" if given["withdraw"] else f"attested by {who}"
            invocation.terminal.print(f"{step} is {word}.\n")
            return 0
        if known is None:
            raise refuse(
                "No such manual step",
                f'Nothing of that name is left to be done by hand: "{step}"{did_you_mean(step, state.steps)}. To see what is: '
                "perimeter steps",
            )
        if given["withdraw"]:
            anew, result = withdrawn(known), "withdrawn"
        else:
            anew, result = attested(known, by=who, at=at, note=given["note"] or ""), "attested"
        log = EvidenceLog(found.backend)
        log.append(
            Evidence(
                at=at,
                run="attest",
                address=step,
                operation="attest",
                fingerprint=known.identity,
                approver=who,
                result="done" if result == "attested" else "refused",
            )
        )
        changed = msgspec.structs.replace(state, steps={**state.steps, step: anew})
        compact(found.backend, held, changed, evidence=log.head)
    if given["withdraw"]:
        invocation.terminal.print(f"The attestation of {step} has been taken back.\n")
    else:
        invocation.terminal.print(
            f"{step} is attested by {who}. The next plan looks whether the tenant shows it.\n"
        )
    return 0
