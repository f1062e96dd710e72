"""``perimeter graph``."""

from __future__ import annotations

from typing import Any

from perimeter.cli.command import Invocation, command, flags, value
from perimeter.cli.failure import Refused, refuse
from perimeter.cli.workspace import HERE
from perimeter.config.graph import build_graph
from perimeter.config.load import load
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.ui.graph_text import FORMATS, graph_text, reduced

_TYPES = ("resources", "all")


@command("graph")
@flags(
    value(
        "type",
        "TYPE",
        '"resources" (the default) or "all" for every value, too.',
        default="resources",
    ),
    value("format", "FORMAT", '"dot" (the default) or "mermaid".', default="dot"),
)
def run(invocation: Invocation, **given: Any) -> int:
    """Print what depends on what, in the DOT language of Graphviz or as a Mermaid flowchart."""
    _choose("graph type", given["type"], _TYPES)
    _choose("graph format", given["format"], tuple(FORMATS))
    config, diagnostics, sources = load(HERE)
    if config is None:
        raise Refused(diagnostics, sources)
    graph, problems = build_graph(config)
    found = Diagnostics([*diagnostics, *problems])
    if found.has_errors:
        raise Refused(found, sources)
    edges = reduced(graph, everything=given["type"] == "all")
    invocation.terminal.print(graph_text(edges, given["format"]))
    return 0


def _choose(what: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        listed = " and ".join(f'"{name}"' for name in known)
        raise refuse(
            f"Invalid {what}",
            f'There is no "{given}". The {what}s are {listed}.{did_you_mean(given, known)}',
        )
