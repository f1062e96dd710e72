"""A configuration's dependencies as DOT or Mermaid text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from perimeter.config.graph import Graph
from perimeter.config.node import Node

_SHOWN = frozenset({"resource", "data", "ephemeral", "module", "collection"})
_PREFIXES = {"variable": "var.", "module": "module.", "output": "output.", "local": "local."}
_BARE = frozenset({"resource", "data", "ephemeral"})

Edges = Mapping[Node, tuple[Node, ...]]


def reduced(graph: Graph, *, everything: bool) -> Edges:
    """For each node that is shown those that it needs, directly or through ones that are not shown."""
    shown = [node for node in graph.order if everything or node.kind in _SHOWN]
    kept = frozenset(shown)
    return {node: tuple(sorted(_reached(node, graph, kept))) for node in shown}


def _reached(node: Node, graph: Graph, kept: frozenset[Node]) -> set[Node]:
    found: set[Node] = set()
    seen: set[Node] = set()
    waiting = list(graph.edges.get(node, ()))
    while waiting:
        needed = waiting.pop()
        if needed in seen:
            continue
        seen.add(needed)
        if needed in kept:
            found.add(needed)
        else:
            waiting.extend(graph.edges.get(needed, ()))
    return found - {node}


def graph_text(edges: Edges, form: str) -> str:
    """The graph in one of ``FORMATS``."""
    return FORMATS[form](edges)


def _dot(edges: Edges) -> str:
    lines = ["digraph G {", '  rankdir = "RL";', '  node [shape = rect, fontname = "sans-serif"];']
    lines += [f"  {_quoted(node)};" for node in edges]
    lines += [
        f"  {_quoted(node)} -> {_quoted(needed)};" for node in edges for needed in edges[node]
    ]
    return "\n".join([*lines, "}"]) + "\n"


def _mermaid(edges: Edges) -> str:
    """https://mermaid.js.org/syntax/flowchart.html; ids are numbers, because addresses hold what ids may not."""
    ids = {node: f"n{number}" for number, node in enumerate(edges)}
    lines = ["flowchart RL"]
    for node, name in ids.items():
        label = _label(node).replace("&", "#amp;").replace('"', "#quot;")
        lines.append(f'  {name}["{label}"]')
    lines += [f"  {ids[node]} --> {ids[needed]}" for node in edges for needed in edges[node]]
    return "\n".join(lines) + "\n"


FORMATS: dict[str, Callable[[Edges], str]] = {"dot": _dot, "mermaid": _mermaid}


def _label(node: Node) -> str:
    module = "".join(f"module.{name}." for name in node.path)
    word = _PREFIXES.get(node.kind, "" if node.kind in _BARE else f"{node.kind}.")
    return f"{module}{word}{node.name}"


def _quoted(node: Node) -> str:
    return json.dumps(_label(node), ensure_ascii=False)
