"""How tests go, for programs: the ``test_…`` messages of Terraform's machine-readable UI."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.hcl.source import SourceFile
from perimeter.trial.model import File
from perimeter.trial.results import FileResult, Left, RunResult, Status, SuiteResult
from perimeter.ui.diagnostics_json import diagnostic_json
from perimeter.ui.events_json import JsonStream
from perimeter.ui.plan_json import plan_json
from perimeter.ui.state_json import state_json
from perimeter.ui.style import counted
from perimeter.ui.trial_text import summary

Sources = Mapping[str, SourceFile]


def abstract(stream: JsonStream, files: Iterable[File]) -> None:
    """``test_abstract``: what will be run."""
    found = {file.name: [run.name for run in file.runs] for file in files}
    runs = sum(map(len, found.values()))
    text = f"Found {counted(len(found), 'file')} and {counted(runs, 'run block')}"
    stream.send("test_abstract", text, test_abstract=found)


def file_progress(
    stream: JsonStream, name: str, progress: str, status: Status | None = None
) -> None:
    """``test_file``: ``starting``, ``teardown`` or ``complete``."""
    words = {"starting": "in progress", "teardown": "tearing down"}
    word = status.word if status is not None else words[progress]
    data: dict[str, Any] = {"path": name, "progress": progress}
    if status is not None:
        data["status"] = status.value
    stream.send("test_file", f"{name}... {word}", test_file=data, **{"@testfile": name})


def run_progress(stream: JsonStream, file: str, run: str, progress: str) -> None:
    """``test_run``: ``starting`` or ``teardown``."""
    word = {"starting": "in progress", "teardown": "tearing down"}[progress]
    data = {"path": file, "run": run, "progress": progress, "elapsed": 0}
    stream.send("test_run", f'  "{run}"... {word}', test_run=data, **_place(file, run))


def run_done(
    stream: JsonStream, file: str, result: RunResult, sources: Sources, *, verbose: bool = False
) -> None:
    """``test_run`` ``complete``, with ``-verbose`` the plan or state, then its diagnostics."""
    data = {
        "path": file,
        "run": result.name,
        "progress": "complete",
        "status": result.status.value,
    }
    place = _place(file, result.name)
    text = f'  "{result.name}"... {result.status.word}'
    stream.send("test_run", text, test_run=data, **place)
    if verbose and result.plan is not None and result.config is not None:
        plan = plan_json(result.plan, config=result.config, schemas=result.schemas)
        stream.send("test_plan", "-verbose flag enabled, printing plan", test_plan=plan, **place)
    elif verbose and result.state is not None:
        state = state_json(result.state)
        stream.send(
            "test_state", "-verbose flag enabled, printing state", test_state=state, **place
        )
    diagnostics(stream, result, sources, **place)


def diagnostics(
    stream: JsonStream, result: RunResult | Left, sources: Sources, **place: str
) -> None:
    """The diagnostics of a run or of a teardown, with the place in the tests that they belong to."""
    for item in result.diagnostics:
        error = item.severity.value == "error"
        stream.send(
            "diagnostic",
            f"{'Error' if error else 'Warning'}: {item.summary}",
            level="error" if error else "warn",
            diagnostic=diagnostic_json(item, sources),
            **place,
        )


def left(stream: JsonStream, file: str, found: Left, sources: Sources) -> None:
    """``test_cleanup``: what a teardown left behind."""
    place = _place(file, found.run)
    diagnostics(stream, found, sources, **place)
    if not found.objects:
        return
    failed = [{"instance": address, "id": identifier} for address, identifier in found.objects]
    stream.send(
        "test_cleanup",
        f"perimeter left some resources in state after executing {file}/{found.run}, and they need "
        "to be cleaned up manually.",
        level="error",
        test_cleanup={"failed_resources": failed},
        **place,
    )


def done(stream: JsonStream, result: SuiteResult) -> None:
    """``test_summary``."""
    data = {
        "status": result.status.value,
        "passed": result.count(Status.PASS),
        "failed": result.count(Status.FAIL),
        "errored": result.count(Status.ERROR),
        "skipped": result.count(Status.SKIP),
    }
    stream.send("test_summary", summary(result).strip(), test_summary=data)


def file_done(stream: JsonStream, result: FileResult) -> None:
    """``test_file`` ``complete``."""
    file_progress(stream, result.name, "complete", result.status)


def _place(file: str, run: str) -> dict[str, str]:
    return {"@testfile": file, "@testrun": run}
