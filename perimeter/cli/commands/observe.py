"""``perimeter observe``."""

from __future__ import annotations

from typing import Any

from perimeter.cli.command import Invocation, command, flags, switch, value
from perimeter.cli.failure import Refused, refuse
from perimeter.cli.flags import STATE, VARIABLES
from perimeter.cli.planning import write_private
from perimeter.cli.workspace import loaded, place, session, warn_if_plain
from perimeter.diagnostics import Diagnostics
from perimeter.engine import snapshot as snapshots
from perimeter.engine.model import Options, Undeclared
from perimeter.engine.observe import Driver
from perimeter.engine.snapshot import Snapshot
from perimeter.state.encryption import Label
from perimeter.ui.facts_text import unseen_words
from perimeter.ui.style import clean, counted


@command("observe")
@flags(
    VARIABLES,
    value("out", "FILE", "Write the snapshot to a file, for plan -snapshot=FILE."),
    switch("undeclared", "List what the plan counts as undeclared; perimeter query tells more."),
    switch("json", "With -undeclared: print JSON."),
    value("parallelism", "N", "Calls at the same time.", default=10, integer=True),
    STATE,
)
def run(invocation: Invocation, **given: Any) -> int:
    """Read the tenants, whole collections included, and change nothing.

    A plan can be made on the snapshot later, elsewhere and without any
    credential. It holds no secret, but it does hold names and settings.
    """
    if not (given["out"] or given["undeclared"]):
        raise refuse("Nothing to do with what is read", "Add -out=FILE, or -undeclared.")
    configuration = loaded(invocation)
    found = place(configuration.config, given["state"], invocation=invocation)
    if given["out"] and not given["json"]:
        warn_if_plain(invocation, found)
    with session(invocation, configuration, found, parallelism=given["parallelism"]) as working:
        request = working.request(found.backend.load(), Options())
        driver = Driver(
            connections=working.connections,
            on_event=invocation.reporter.event,
            parallelism=given["parallelism"],
        )
        planned, seen = driver.observe(request)
    problems = Diagnostics([*configuration.diagnostics, *driver.diagnostics])
    if problems.has_errors or planned.plan is None:
        raise Refused(Diagnostics([*problems, *planned.diagnostics]), configuration.sources)
    invocation.reporter.diagnostics(problems, configuration.sources)
    if given["out"]:
        data = found.keys().snapshot.wrap(
            snapshots.KIND,
            snapshots.VERSION,
            snapshots.to_content(seen.of_tenants()),
            Label(
                workspace=found.workspace,
                lineage=request.state.lineage,
                name=f"taken {seen.taken_at}",
            ),
            indent=-1,
        )
        write_private(given["out"], data)
        invocation.reporter.remark(_told(seen, given["out"]))
        for hidden in planned.plan.not_visible:
            invocation.reporter.remark(
                f"Not visible: {clean(hidden.subject)} ({unseen_words(hidden.unseen)}).\n"
            )
    if given["undeclared"]:
        _list(invocation, planned.plan.undeclared, as_json=given["json"])
    return 0


def _told(seen: Snapshot, path: str) -> str:
    from perimeter.sdk.contract import Listing

    objects = sum(len(item.objects) for item in seen.answers.values() if isinstance(item, Listing))
    lists = sum(1 for item in seen.answers.values() if isinstance(item, Listing))
    size = f"{counted(objects, 'object')} in {counted(lists, 'collection')}"
    return f"Snapshot of {seen.taken_at} with {size} written to {path}.\n"


def _list(invocation: Invocation, undeclared: tuple[Undeclared, ...], *, as_json: bool) -> None:
    shown = [item for item in undeclared if not item.ignored]
    if as_json:
        from perimeter.ui.masks import to_json
        from perimeter.ui.plan_json import undeclared_json

        data = [undeclared_json(item) for item in shown]
        invocation.terminal.print(to_json(data, indent=2) + "\n")
        return
    if not shown:
        invocation.reporter.remark("Everything that was read is declared.\n")
        return
    for item in shown:
        risks = sorted({risk for facet in item.facets for risk in facet.risk})
        facts = "; ".join(text for text in (item.origin, *risks) if text)
        ending = f" ({clean(facts)})" if facts else ""
        invocation.reporter.remark(
            f"{item.provider}: {item.type} {clean(item.label or item.id)}{ending}\n"
        )
