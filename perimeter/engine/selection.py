"""What ``-target`` and ``-exclude`` let a plan touch; pure.

A target brings along what it needs; an exclusion takes along what needs it. When objects are removed it is the other way
round: what is removed takes its dependants along, and what is kept keeps what it depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from perimeter.addresses import Address, Target, parse_address, parse_target
from perimeter.config.graph import Graph, Node
from perimeter.engine.model import Options
from perimeter.state.model import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a plan is limited to.

    Attributes:
        nodes: what of the configuration is planned; None: all of it.
        aimed: blocks that ``-target`` names, of which only the named instances are planned.
        decided: nodes whose values this plan settles: every resource below them is planned whole.
        kept: printed addresses of instances in state that are not to be removed.
        removed: those that go because something they depend on goes.
    """

    options: Options
    nodes: frozenset[Node] | None = None
    aimed: frozenset[Node] = frozenset()
    decided: frozenset[Node] | None = None
    kept: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    def includes(self, node: Node) -> bool:
        """Whether a block is planned, at least in part."""
        return self.nodes is None or node in self.nodes

    def decides(self, node: Node) -> bool:
        """Whether an output's value is settled by this plan."""
        return self.decided is None or node in self.decided

    def plans(self, node: Node, address: Address) -> bool:
        """Whether a declared instance is planned."""
        if self.nodes is None:
            return True
        if node not in self.nodes or selects(self.options.excludes, address):
            return False
        return node not in self.aimed or selects(self.options.targets, address)

    def removes(self, address: Address) -> bool:
        """Whether an instance that is in state and not declared, or that is to go with everything, may be removed."""
        if self.nodes is None:
            return True
        text = str(address)
        if self.options.excludes:
            return text not in self.kept
        return text in self.removed or selects(self.options.targets, address)


def select(options: Options, graph: Graph, state: State) -> Selection:
    """Work out what a plan is limited to."""
    if not options.restricted:
        return Selection(options=options)
    if options.rotates:
        options = replace(options, targets=options.invoke)
    elif options.invoke:
        return _invoking(options, graph)
    texts = options.excludes or options.targets
    chosen = [text for text in state.resources if selects(texts, parse_address(text))]
    if options.excludes:
        nodes = frozenset(graph.order) - _excluded(graph, options.excludes)
        return Selection(
            options=options,
            nodes=nodes,
            decided=_decided(graph, nodes, texts),
            kept=frozenset(_needed_by(state, chosen)),
        )
    aimed = frozenset(node for text in texts for node in _blocks(graph, _target(text)))
    nodes = _closure(
        aimed, lambda node: (*graph.edges.get(node, ()), *graph.triggers.get(node, ()))
    )
    return Selection(
        options=options,
        nodes=nodes,
        aimed=aimed,
        decided=_decided(graph, nodes, texts),
        removed=frozenset(_needing(state, chosen)) if options.destroy else frozenset(),
    )


def selects(texts: Iterable[str], address: Address) -> bool:
    """Whether one of some ``-target`` or ``-exclude`` values means an instance."""
    return any(_target(text).selects(address) for text in texts)


@lru_cache(maxsize=256)
def _target(text: str) -> Target:
    return parse_target(text)


def _is_partial(target: Target) -> bool:
    """Whether it may mean some of a block's instances only."""
    steps = target.module.steps
    keyed = target.resource is not None and target.resource.key is not None
    return keyed or any(key is not None for _, key in steps)


def _blocks(graph: Graph, target: Target) -> list[Node]:
    """The resource and data blocks that a value means, in whole or in part."""
    return [
        node for node in graph.order if node.kind in ("resource", "data") and _means(target, node)
    ]


def _means(target: Target, node: Node) -> bool:
    names = target.module.names
    if target.resource is None:
        return node.path[: len(names)] == names
    wanted = f"{target.resource.type}.{target.resource.name}"
    if target.resource.mode == "data":
        wanted = f"data.{wanted}"
    return (node.path, node.name) == (names, wanted)


def _closure(first: Iterable[Node], step: Callable[[Node], Iterable[Node]]) -> frozenset[Node]:
    seen: set[Node] = set()
    stack = list(first)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(step(node))
    return frozenset(seen)


def _excluded(graph: Graph, texts: Iterable[str]) -> frozenset[Node]:
    """What is excluded as a whole: what is named, and whatever needs it.

    A block of which some instances are named stays, without those; what needs it goes all the same.
    """
    users: dict[Node, list[Node]] = {}
    for node, needed in graph.edges.items():
        for one in needed:
            users.setdefault(one, []).append(node)
    start: list[Node] = []
    for target in map(_target, texts):
        blocks = _blocks(graph, target)
        if not _is_partial(target):
            start += blocks
            continue
        inside = {node for node in graph.order if target.resource is None and _means(target, node)}
        start += [
            user for node in inside or blocks for user in users.get(node, ()) if user not in inside
        ]
    return _closure(start, lambda node: users.get(node, ()))


def _decided(graph: Graph, nodes: frozenset[Node], texts: Iterable[str]) -> frozenset[Node]:
    """Nodes all of whose resources are planned whole."""
    partly = {
        node
        for target in map(_target, texts)
        if _is_partial(target)
        for node in _blocks(graph, target)
    }
    found: set[Node] = set()
    for node in graph.order:
        if node.kind in ("resource", "data") and (node not in nodes or node in partly):
            continue
        if all(needed in found for needed in graph.edges.get(node, ())):
            found.add(node)
    return frozenset(found)


def _needed_by(state: State, first: Iterable[str]) -> set[str]:
    """Instances and, transitively, everything in state that they depend on."""
    return _spread(first, lambda text: _dependencies(state, text), _by_block(state))


def _needing(state: State, first: Iterable[str]) -> set[str]:
    """Instances and, transitively, everything in state that depends on them."""
    users: dict[str, list[str]] = {}
    for text in state.resources:
        for block in _dependencies(state, text):
            users.setdefault(block, []).append(text)
    found: set[str] = set()
    stack = list(first)
    while stack:
        text = stack.pop()
        if text not in found:
            found.add(text)
            stack.extend(users.get(_block(text), ()))
    return found


def _spread(
    first: Iterable[str], blocks: Callable[[str], Iterable[str]], members: Mapping[str, list[str]]
) -> set[str]:
    found: set[str] = set()
    stack = list(first)
    while stack:
        text = stack.pop()
        if text not in found:
            found.add(text)
            stack.extend(one for block in blocks(text) for one in members.get(block, ()))
    return found


def _dependencies(state: State, text: str) -> set[str]:
    return {block for item in state.resources[text].objects for block in item.dependencies}


def _by_block(state: State) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in state.resources:
        found.setdefault(_block(text), []).append(text)
    return found


def _block(text: str) -> str:
    """The printed block of an instance, as dependencies name it: without any instance key."""
    address = parse_address(text)
    prefix = "".join(f"module.{name}." for name in address.module.names)
    return f"{prefix}{address.type}.{address.name}"


def _invoking(options: Options, graph: Graph) -> Selection:
    """``-invoke``: what the actions need is looked up, and no resource is planned."""
    stack = [
        node
        for node in graph.order
        for address in map(parse_address, options.invoke)
        if node == Node(address.module.names, "action", f"{address.type}.{address.name}")
    ]
    needed: set[Node] = set()
    while stack:
        node = stack.pop()
        if node not in needed:
            needed.add(node)
            stack.extend(graph.edges.get(node, ()))
    nodes = frozenset(node for node in needed if node.kind != "resource")
    return Selection(options=options, nodes=nodes, decided=frozenset())
