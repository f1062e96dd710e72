"""Topological order of a graph, and what stands in its way."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import TypeVar

_N = TypeVar("_N", bound=Hashable)


def topological(
    nodes: Sequence[_N], edges: Mapping[_N, Collection[_N]]
) -> tuple[list[_N], list[_N]]:
    """Order nodes so that each follows those it needs; among the ready ones the first given comes first.

    Args:
        nodes: all nodes, each once.
        edges: what each node needs; all of it must be among ``nodes``.

    Returns:
        The order, and the nodes that have none because they are on a cycle or need one that is.
    """
    place = {node: index for index, node in enumerate(nodes)}
    dependents: list[list[int]] = [[] for _ in nodes]
    missing = [0] * len(nodes)
    for index, node in enumerate(nodes):
        for needed in edges.get(node, ()):
            dependents[place[needed]].append(index)
            missing[index] += 1
    ready = [index for index, count in enumerate(missing) if not count]
    order: list[_N] = []
    while ready:
        index = heappop(ready)
        order.append(nodes[index])
        for dependent in dependents[index]:
            missing[dependent] -= 1
            if not missing[dependent]:
                heappush(ready, dependent)
    return order, [node for index, node in enumerate(nodes) if missing[index]]


def cycles(left: Sequence[_N], edges: Mapping[_N, Collection[_N]]) -> list[list[_N]]:
    """Return for each knot of nodes that need each other a shortest cycle through its first node.

    Args:
        left: the nodes that ``topological`` could not order.
        edges: what each node needs.
    """
    inside = set(left)
    return [
        _shortest(knot, edges)
        for knot in _knots(left, edges, inside)
        if len(knot) > 1 or knot[0] in edges.get(knot[0], ())
    ]


def _knots(
    nodes: Iterable[_N], edges: Mapping[_N, Collection[_N]], inside: set[_N]
) -> list[list[_N]]:
    """Strongly connected components (Tarjan), members in the given order."""
    place = {node: index for index, node in enumerate(nodes)}
    number: dict[_N, int] = {}
    low: dict[_N, int] = {}
    open_: dict[_N, None] = {}
    found: list[list[_N]] = []
    for start in place:
        if start in number:
            continue
        stack = [
            (start, iter(sorted(inside.intersection(edges.get(start, ())), key=place.__getitem__)))
        ]
        number[start] = low[start] = len(number)
        open_[start] = None
        while stack:
            node, rest = stack[-1]
            needed = next(rest, None)
            if needed is None:
                stack.pop()
                if stack:
                    low[stack[-1][0]] = min(low[stack[-1][0]], low[node])
                if low[node] == number[node]:
                    knot = []
                    while True:
                        member = open_.popitem()[0]
                        knot.append(member)
                        if member == node:
                            break
                    found.append(sorted(knot, key=place.__getitem__))
            elif needed not in number:
                number[needed] = low[needed] = len(number)
                open_[needed] = None
                following = sorted(
                    inside.intersection(edges.get(needed, ())), key=place.__getitem__
                )
                stack.append((needed, iter(following)))
            elif needed in open_:
                low[node] = min(low[node], number[needed])
    return sorted(found, key=lambda knot: place[knot[0]])


def _shortest(knot: list[_N], edges: Mapping[_N, Collection[_N]]) -> list[_N]:
    start, members = knot[0], {node: index for index, node in enumerate(knot)}
    came: dict[_N, _N] = {}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for needed in sorted(members.keys() & set(edges.get(node, ())), key=members.__getitem__):
            if needed == start:
                cycle = [node]
                while cycle[-1] != start:
                    cycle.append(came[cycle[-1]])
                return cycle[::-1]
            if needed not in came:
                came[needed] = node
                queue.append(needed)
    raise AssertionError("a knot has a cycle through each of its nodes")
