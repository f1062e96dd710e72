"""What ``apply`` and ``destroy`` do after the plan: approval, stopping, the end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from perimeter.cli.command import Invocation
from perimeter.cli.errored import keep
from perimeter.cli.failure import refuse
from perimeter.cli.planning import Made, changes_something
from perimeter.cli.provenance import approver, commit
from perimeter.cli.workspace import HERE
from perimeter.engine.apply import StopSignal
from perimeter.engine.model import Options
from perimeter.engine.session import Loaded, Session
from perimeter.ui.state_text import output_values

_QUESTIONS = {
    "apply": (
        "Do you want to perform these actions?",
        "perimeter will perform the actions described above.",
    ),
    "destroy": (
        "Do you really want to destroy all that perimeter manages here?",
        "perimeter will remove it from the tenants, as shown above. There is no undo.",
    ),
    "refresh": (
        "Would you like to update the state to reflect these detected changes?",
        "perimeter will write these changes to the state and change no tenant.",
    ),
}


def approved(invocation: Invocation, given: Mapping[str, Any], options: Options) -> bool:
    """Ask; only ``yes`` approves.

    Raises:
        Refused: there is nobody to ask.
    """
    if given["auto_approve"]:
        return True
    if not (given["input"] and invocation.terminal.may_ask) or given["json"]:
        raise refuse(
            "Approval is needed and nobody can be asked",
            "Add -auto-approve, or save a plan with -out=FILE, review it, and apply that file.",
        )
    kind = "destroy" if options.destroy else "refresh" if options.refresh_only else "apply"
    question, explanation = _QUESTIONS[kind]
    bold = invocation.terminal.style().bold
    answer = invocation.terminal.ask(
        f"\n{bold(question)}\n  {explanation}\n  Only 'yes' will be accepted to approve.\n\n  "
        f"{bold('Enter a value:')} "
    )
    if answer == "yes":
        return True
    word = "Rollback" if options.rollback is not None else kind.capitalize()
    invocation.terminal.print(f"\n{word} cancelled.\n")
    return False


@contextmanager
def stopping(invocation: Invocation) -> Iterator[StopSignal]:
    """Let the first Ctrl-C (or SIGTERM) start no new call, and the second end the process."""
    stop = StopSignal()

    def on_signal(_number: int, _frame: object) -> None:
        if stop.stopped:
            invocation.terminal.warn(
                "\nStopped at once. What was begun is in the journal; the next run finds out what became of it.\n"
            )
            os._exit(1)
        stop.stop()
        invocation.terminal.warn(
            "\nInterrupt received. No new call is started; those that run are finished and remembered.\n"
            "Ctrl-C again stops at once.\n"
        )

    previous = {
        number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def carry_out(
    invocation: Invocation,
    given: Mapping[str, Any],
    configuration: Loaded,
    working: Session,
    made: Made,
    *,
    verb: str,
) -> int:
    """Apply a plan that is approved, and say how it ended."""
    environment = invocation.terminal.environment
    reporter = invocation.reporter
    if changes_something(made.plan):
        reporter.applying(len(made.stages))
    with stopping(invocation) as stop:
        applied, problems = working.apply(
            made.planned,
            made.request,
            made.snapshot,
            made.remembered,
            stop=stop,
            approver=approver(environment, automatic=given["auto_approve"]),
            commit=commit(environment, HERE),
        )
    if not made.plan.options.declares:
        applied = replace(applied, outputs={})
    elif made.plan.options.restricted:
        decided = {item.name for item in made.plan.outputs}
        anew = {name: value for name, value in applied.outputs.items() if name in decided}
        kept = output_values(made.request.state.outputs)
        applied = replace(applied, outputs={**kept, **anew})
    remembered = made.request.state.outputs
    hidden = frozenset(
        [output.name for output in made.plan.outputs if output.sensitive]
        + [name for name, item in remembered.items() if item.sensitive]
    )
    reporter.applied(applied, hidden, verb)
    if applied.unsaved is not None:
        problems.add(keep(working.backend, applied.unsaved))
    if made.plan.options.restricted and not made.plan.options.rotates:
        flag = "-target" if made.plan.options.targets else "-exclude"
        problems.warning(
            "Applied changes may be incomplete",
            f"The plan was created with the {flag} option in effect, so some changes that the configuration asks for may have "
            "been left out, and outputs may not be up to date. Run perimeter plan to see what is pending.",
        )
    reporter.diagnostics(problems, configuration.sources)
    void = any(item.void for item in made.planned.agreed.held)
    failed = problems.has_errors or applied.cancelled or void
    return 1 if failed or applied.count("failed") or applied.count("skipped") else 0
