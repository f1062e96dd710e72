"""``perimeter state history``."""

from __future__ import annotations

import json
from typing import Any, get_args

from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.flags import STORED
from perimeter.cli.workspace import place_of_directory
from perimeter.state.backend import Backend, Version
from perimeter.state.evidence import Evidence, read_entry
from perimeter.state.model import Operation, State
from perimeter.ui.history_text import Entry, history_json, history_text


@command("state history")
@flags(STORED, switch("json", "Print one JSON object."))
def run(invocation: Invocation, **given: Any) -> int:
    """List the versions of the state that are kept, the newest first.

    Who made a version comes from the evidence log; one that no call and no
    command led to (only outputs changed, or a refresh) names nobody. To go
    back to one: perimeter state rollback SERIAL.
    """
    backend = place_of_directory(given["state"], invocation=invocation).backend
    entries = _entries(backend)
    if given["json"]:
        text = json.dumps(history_json(entries), indent=2, sort_keys=True) + "\n"
    elif entries:
        text = history_text(entries)
    else:
        text = "No version of the state is kept here.\n"
    invocation.terminal.show(text)
    return 0


def _entries(backend: Backend) -> list[Entry]:
    versions = backend.versions()
    states = [(version, backend.version(version.serial)) for version in versions]
    log = {item.sequence: item for item in map(read_entry, backend.evidence_lines()) if item}
    current = backend.load().state.serial
    found: list[Entry] = []
    earlier: State | None = None
    for version, state in reversed(states):
        made_by = _made_by(state, earlier, log)
        found.append(_entry(version, state, made_by, current=state.serial == current))
        earlier = state
    return found[::-1]


def _made_by(state: State, earlier: State | None, log: dict[int, Evidence]) -> list[Evidence]:
    """The entries that were written between two versions.

    Of the oldest kept one that is not the first nobody can tell which entries are its own.
    """
    if earlier is None and state.serial > 1:
        return []
    begin = earlier.seal.evidence_sequence if earlier is not None else 0
    numbers = range(begin + 1, state.seal.evidence_sequence + 1)
    return [log[number] for number in numbers if number in log]


def _entry(version: Version, state: State, made_by: list[Evidence], *, current: bool) -> Entry:
    newest = made_by[-1] if made_by else None
    return Entry(
        serial=state.serial,
        lineage=state.lineage,
        written_at=version.written_at,
        who=newest.approver if newest else "",
        run=newest.run if newest else "",
        what=_what(newest),
        resources=sum(1 for instance in state.resources.values() if instance.objects),
        current=current,
    )


_BY_APPLY = frozenset(get_args(Operation))


def _what(entry: Evidence | None) -> str:
    if entry is None:
        return ""
    return "apply" if entry.operation in _BY_APPLY else str(entry.operation)
