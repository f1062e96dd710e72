"""How tests go, as people read it."""

from __future__ import annotations

from perimeter.trial.results import FileResult, Left, RunResult, Status, SuiteResult
from perimeter.ui.plan_text import plan_text
from perimeter.ui.state_text import state_text
from perimeter.ui.style import PLAIN, Style, clean

_LOOKS = {
    Status.PASS: "green",
    Status.FAIL: "red",
    Status.ERROR: "red",
    Status.SKIP: "dim",
    Status.PENDING: "dim",
}


def _word(status: Status, style: Style) -> str:
    return style.paint(status.word, _LOOKS[status])


def file_start(name: str, style: Style = PLAIN) -> str:
    """``tests/a.test.hcl... in progress``."""
    return f"{clean(name)}... {style.dim('in progress')}\n"


def run_line(result: RunResult, style: Style = PLAIN) -> str:
    """``  run "ok"... pass``."""
    return f'  run "{clean(result.name)}"... {_word(result.status, style)}\n'


def run_details(result: RunResult, style: Style = PLAIN) -> str:
    """With ``-verbose``: the plan, or the state that the run left; empty for neither."""
    if result.plan is not None:
        return f"\n{plan_text(result.plan, style)}\n"
    if result.state is not None:
        return f"\n{state_text(result.state, result.schemas, style)}\n"
    return ""


def teardown_line(name: str, style: Style = PLAIN) -> str:
    """``tests/a.test.hcl... tearing down``."""
    return f"{clean(name)}... {style.dim('tearing down')}\n"


def file_line(result: FileResult, style: Style = PLAIN) -> str:
    """``tests/a.test.hcl... pass``."""
    return f"{clean(result.name)}... {_word(result.status, style)}\n"


def left_before(file: str, left: Left) -> str:
    """The sentence before the diagnostics of a teardown that failed; empty without any."""
    if not left.diagnostics:
        return ""
    return (
        "perimeter encountered an error destroying resources created while executing "
        f"{clean(file)}/{clean(left.run)}.\n"
    )


def left_text(file: str, left: Left) -> str:
    """What a teardown left behind; empty for nothing."""
    if not left.objects:
        return ""
    lines = [
        "",
        (
            "perimeter left the following resources in state after executing "
            f"{clean(file)}/{clean(left.run)}, and they need to be cleaned up manually:"
        ),
        *(f"  - {clean(address)} (id {clean(identifier)})" for address, identifier in left.objects),
        "",
    ]
    return "\n".join(lines)


def summary(result: SuiteResult, style: Style = PLAIN) -> str:
    """``Success! 2 passed, 0 failed.``."""
    passed = result.count(Status.PASS)
    failed = result.count(Status.FAIL, Status.ERROR)
    skipped = result.count(Status.SKIP)
    bad = result.status.is_bad
    word = style.paint("Failure!" if bad else "Success!", "bold", "red" if bad else "green")
    ending = f", {skipped} skipped" if skipped else ""
    return f"\n{word} {passed} passed, {failed} failed{ending}.\n"
