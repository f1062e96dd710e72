"""``perimeter query``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perimeter.cli.command import Invocation, command, flags, switch, value
from perimeter.cli.failure import Refused, refuse
from perimeter.cli.flags import STATE, VARIABLES
from perimeter.cli.report import TextReporter, json_reporter
from perimeter.cli.workspace import HERE, loaded, place, read_snapshot, session
from perimeter.config.queries import load_queries
from perimeter.diagnostics import Diagnostics
from perimeter.engine.generation import Generated, generate
from perimeter.engine.model import Options
from perimeter.engine.observe import Driver
from perimeter.engine.plan import Planned
from perimeter.engine.query import ListResult, QueryRequest
from perimeter.ui.style import counted


@command("query")
@flags(
    VARIABLES,
    value("generate-config-out", "FILE", "Write resource and import blocks to a new file."),
    switch("undeclared", "List everything that nothing declares, whatever query files say."),
    switch("json", "Print a stream of JSON objects."),
    value("snapshot", "FILE", "Look into a snapshot instead of reading the tenants."),
    value("parallelism", "N", "Calls at the same time.", default=10, integer=True),
    STATE,
)
def run(invocation: Invocation, **given: Any) -> int:
    """List objects of the tenants, and say which of them are declared.

    Answers the list blocks in *.query.hcl; without such files, lists
    everything that nothing declares. Changes nothing.
    """
    if given["json"]:
        invocation.reporter = json_reporter(invocation.terminal)
    if given["parallelism"] < 1:
        raise refuse("Invalid -parallelism", "At least one call at a time is needed.")
    out = given["generate_config_out"]
    if out is not None:
        _check_new(out)
    configuration = loaded(invocation)
    config = configuration.config
    assert config is not None
    asked = load_queries(HERE, config)
    sources = {**configuration.sources, **asked.sources}
    if asked.diagnostics.has_errors:
        raise Refused(Diagnostics([*configuration.diagnostics, *asked.diagnostics]), sources)
    lists = None if given["undeclared"] or not asked.files else tuple(asked.lists.values())
    found = place(config, given["state"], invocation=invocation)
    seen = read_snapshot(given["snapshot"], found.keys) if given["snapshot"] else None
    with session(
        invocation, configuration, found, snapshot=seen, parallelism=given["parallelism"]
    ) as working:
        from dataclasses import replace

        base = working.request(found.backend.load(), Options())
        driver = Driver(
            connections=working.connections,
            on_event=invocation.reporter.event,
            parallelism=given["parallelism"],
            offline=base.snapshot.closed,
        )
        planned, snapshot = driver.plan(base)
        problems = Diagnostics([*configuration.diagnostics, *asked.diagnostics])
        if planned.plan is None or driver.diagnostics.has_errors:
            raise Refused(Diagnostics([*problems, *planned.diagnostics]), sources)
        answer, _ = driver.query(
            QueryRequest(
                base=replace(base, snapshot=snapshot),
                planned=planned,
                lists=lists,
                whole=out is not None,
            )
        )
    problems.extend(driver.diagnostics)
    problems.extend(answer.diagnostics)
    if problems.has_errors:
        raise Refused(problems, sources)
    _doubts(planned, problems)
    invocation.reporter.diagnostics(problems, sources)
    made = {} if out is None else generate(answer.results, config.root, planned.declared)
    _show(invocation, answer.results, made, all_types=lists is None)
    if out is not None:
        _write(invocation, out, made)
        _left_out(invocation, answer.results, made)
    return 0


def _doubts(planned: Planned, problems: Diagnostics) -> None:
    """What is declared is known only as far as the plan is sound."""
    if planned.diagnostics.has_errors:
        told = "; ".join(dict.fromkeys(item.summary for item in planned.diagnostics.errors))
        problems.warning(
            "The configuration cannot be planned",
            f"So what is declared may be told incompletely: {told}. To see what is wrong, run: perimeter plan",
        )


def _show(
    invocation: Invocation,
    results: tuple[ListResult, ...],
    made: Mapping[tuple[str, str, str], Generated],
    *,
    all_types: bool,
) -> None:
    reporter = invocation.reporter
    if isinstance(reporter, TextReporter):
        from perimeter.sdk.redact import SECRETS
        from perimeter.ui.query_text import query_text

        text = query_text(results, invocation.terminal.style(), all_types=all_types)
        reporter.remark(SECRETS.redact(text))
        return
    from perimeter.ui.query_json import send_results

    send_results(reporter.stream, results, made)


def _left_out(
    invocation: Invocation,
    results: tuple[ListResult, ...],
    made: Mapping[tuple[str, str, str], Generated],
) -> None:
    """Say which objects the root module cannot declare."""
    keys = {
        (item.provider, item.type, item.id)
        for result in results
        for item in result.objects
        if item.status == "undeclared"
    }
    left = keys - made.keys()
    if left:
        providers = ", ".join(sorted({provider for provider, _, _ in left}))
        invocation.reporter.remark(
            f"{counted(len(left), 'object')} left out: their provider is configured inside a module ({providers}).\n"
        )


def _check_new(path: str) -> None:
    if Path(path).exists():
        raise refuse(
            "Target generated file already exists",
            f"{path}: generated configuration is written to a new file only. Name another one, or move this one away.",
        )


def _write(
    invocation: Invocation, path: str, made: Mapping[tuple[str, str, str], Generated]
) -> None:
    if not made:
        invocation.reporter.remark("\nNothing to declare; no file was written.\n")
        return
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            file.write("\n".join(item.text for item in made.values()))
    except OSError as problem:
        raise refuse("File cannot be written", f"{path}: {problem.strerror}.") from None
    invocation.reporter.remark(
        f"\nConfiguration for {counted(len(made), 'object')} written to {path}. Review it, then run: perimeter plan\n"
    )
