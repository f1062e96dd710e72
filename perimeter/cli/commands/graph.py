"""``perimeter graph``."""

from __future__ import annotations

import json
from typing import Any

from perimeter.cli.command import Invocation, command, flags, value
from perimeter.cli.failure import Refused, refuse
from perimeter.cli.workspace import HERE
from perimeter.config.graph import Node, build_graph
from perimeter.config.load import load
from perimeter.diagnostics import Diagnostics

_SHOWN = frozenset({"resource", "data", "module", "collection"})


@command("graph")
@flags(
    value(
        "type",
        "TYPE",
        '"resources" (the default) or "all" for every value, too.',
        default="resources",
    )
)
def run(invocation: Invocation, **given: Any) -> int:
    """Print what depends on what, in the DOT language of Graphviz."""
    if given["type"] not in ("resources", "all"):
        raise refuse("Invalid graph type", f'There is no graph of type "{given["type"]}".')
    config, diagnostics, sources = load(HERE)
    if config is None:
        raise Refused(diagnostics, sources)
    graph, problems = build_graph(config)
    found = Diagnostics([*diagnostics, *problems])
    if found.has_errors:
        raise Refused(found, sources)
    everything = given["type"] == "all"
    lines = ["digraph G {", '  rankdir = "RL";', '  node [shape = rect, fontname = "sans-serif"];']
    shown = [node for node in graph.order if everything or node.kind in _SHOWN]
    lines += [f"  {_quoted(node)};" for node in shown]
    kept = frozenset(shown)
    for node in shown:
        for needed in sorted(_reached(node, graph.edges, kept)):
            lines.append(f"  {_quoted(node)} -> {_quoted(needed)};")
    invocation.terminal.print("\n".join([*lines, "}"]) + "\n")
    return 0


def _reached(node: Node, edges: Any, kept: frozenset[Node]) -> set[Node]:
    """The shown nodes that a node needs, directly or through ones that are not shown."""
    found: set[Node] = set()
    seen: set[Node] = set()
    waiting = list(edges.get(node, ()))
    while waiting:
        needed = waiting.pop()
        if needed in seen:
            continue
        seen.add(needed)
        if needed in kept:
            found.add(needed)
        else:
            waiting.extend(edges.get(needed, ()))
    return found - {node}


def _quoted(node: Node) -> str:
    prefix = "".join(f"module.{name}." for name in node.path)
    words = {"variable": "var.", "module": "module.", "output": "output.", "local": "local."}
    word = words.get(node.kind, "" if node.kind in ("resource", "data") else f"{node.kind}.")
    return json.dumps(f"{prefix}{word}{node.name}", ensure_ascii=False)
