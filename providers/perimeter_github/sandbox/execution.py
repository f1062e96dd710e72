"""Answering GraphQL queries over a tree of nodes, at GitHub's price."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from perimeter_github.sandbox.query import (
    Document,
    Field,
    Fragment,
    Operation,
    QueryError,
    Variable,
)

MOST_NODES = 500_000
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Node:
    """An object of the graph: its type, and its fields as values or functions of arguments."""

    type: str
    fields: Mapping[str, Any]


class FieldError(Exception):
    """A field that cannot be answered; it becomes null, and so does its parent if it may not be."""

    def __init__(self, kind: str, message: str, *, bubbles: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.bubbles = bubbles


@dataclass(slots=True)
class Result:
    """What an operation yields."""

    data: Any = None
    errors: list[dict[str, Any]] = field(default_factory=list)


def choose(document: Document, name: str | None) -> Operation:
    """The operation that is to run."""
    found = [item for item in document.operations if not name or item.name == name]
    if len(found) != 1:
        raise QueryError("An operation name is required" if found else "No operation is given")
    if found[0].kind != "query":
        raise QueryError(f"This sandbox runs no {found[0].kind}.")
    return found[0]


def bound(operation: Operation, given: Mapping[str, Any]) -> dict[str, Any]:
    """The variables' values.

    Raises:
        QueryError: one is missing.
    """
    for name in operation.required:
        if given.get(name) is None:
            raise QueryError(f"Variable ${name} of type was provided invalid value")
    return {**operation.defaults, **given}


def price(
    selections: Sequence[Any], document: Document, variables: Mapping[str, Any]
) -> tuple[int, int]:
    """The (points, nodes) of a query.

    GitHub documentation, "Rate limits and query limits for the GraphQL API": the calls that its
    connections stand for, divided by 100 and rounded; at least 1.

    Raises:
        QueryError: it asks for more nodes than allowed.
    """
    calls, nodes = _weigh(selections, document, variables, 1, 0)
    if nodes > MOST_NODES:
        raise QueryError(
            f"This query requests up to {nodes:,} possible nodes which exceeds the maximum limit "
            f"of {MOST_NODES:,}.",
            "MAX_NODE_LIMIT_EXCEEDED",
        )
    return max(1, round(calls / 100)), nodes


def _weigh(
    selections: Sequence[Any],
    document: Document,
    variables: Mapping[str, Any],
    times: int,
    depth: int,
) -> tuple[int, int]:
    if depth > _DEEPEST:
        raise QueryError("The query is nested too deeply, or a fragment contains itself")
    calls = nodes = 0
    for item in selections:
        if isinstance(item, Fragment):
            more = _weigh(document.whole(item).selections, document, variables, times, depth + 1)
        else:
            arguments = _resolved(item.arguments, variables)
            size = arguments.get("first") or arguments.get("last")
            inner_times = times * size if isinstance(size, int) else times
            if isinstance(size, int):
                calls, nodes = calls + times, nodes + inner_times
            more = _weigh(item.selections, document, variables, inner_times, depth + 1)
        calls, nodes = calls + more[0], nodes + more[1]
    return calls, nodes


def execute(
    root: Node, operation: Operation, document: Document, variables: Mapping[str, Any]
) -> Result:
    """Run a query.

    Raises:
        QueryError: it asks for a field that there is not, or for a connection without a size.
    """
    result = Result()
    run = _Run(document, variables, result)
    try:
        result.data = run.object(root, operation.selections, ())
    except FieldError:
        result.data = None
    return result


class _Run:
    def __init__(self, document: Document, variables: Mapping[str, Any], result: Result) -> None:
        self._document = document
        self._variables = variables
        self._result = result

    def object(self, node: Node, selections: Sequence[Any], path: tuple[Any, ...]) -> Any:
        found: dict[str, Any] = {}
        for item in self._fields(node, selections):
            here = (*path, item.alias)
            try:
                found[item.alias] = self._field(node, item, here)
            except FieldError as error:
                if error.kind:
                    self._result.errors.append(
                        {
                            "type": error.kind,
                            "path": list(here),
                            "locations": [],
                            "message": str(error),
                        }
                    )
                if error.bubbles:
                    raise FieldError("", "") from None
                found[item.alias] = None
        return found

    def _field(self, node: Node, item: Field, path: tuple[Any, ...]) -> Any:
        if item.name == "__typename":
            return node.type
        if item.name not in node.fields:
            raise QueryError(
                f"Field '{item.name}' doesn't exist on type '{node.type}'", "undefinedField"
            )
        value = node.fields[item.name]
        if callable(value):
            value = value(_resolved(item.arguments, self._variables))
        return self._value(value, item, path)

    def _value(self, value: Any, item: Field, path: tuple[Any, ...]) -> Any:
        if isinstance(value, Node):
            if not item.selections:
                raise QueryError(
                    f"Field must have selections (field '{item.name}' returns {value.type} but has "
                    "no selections)",
                    "selectionMismatch",
                )
            return self.object(value, item.selections, path)
        if isinstance(value, list):
            found = []
            for position, part in enumerate(value):
                try:
                    found.append(self._value(part, item, (*path, position)))
                except FieldError:
                    found.append(None)
            return found
        return value

    def _fields(self, node: Node, selections: Sequence[Any]) -> Iterator[Field]:
        for item in selections:
            if not self._wanted(item):
                continue
            if isinstance(item, Field):
                yield item
                continue
            fragment = self._document.whole(item)
            if fragment.type in {"", "Node", node.type}:
                yield from self._fields(node, fragment.selections)

    def _wanted(self, item: Field | Fragment) -> bool:
        include = _resolved(item.directives.get("include", {"if": True}), self._variables)
        skip = _resolved(item.directives.get("skip", {"if": False}), self._variables)
        return bool(include["if"]) and not skip["if"]


def _resolved(value: Any, variables: Mapping[str, Any]) -> Any:
    if isinstance(value, Variable):
        return variables.get(value.name)
    if isinstance(value, Mapping):
        return {name: _resolved(part, variables) for name, part in value.items()}
    if isinstance(value, list):
        return [_resolved(part, variables) for part in value]
    return value


def connection(
    kind: str, items: Sequence[Any], render: Callable[[Any], Node], arguments: Mapping[str, Any]
) -> Node:
    """One page of a list as a connection.

    Raises:
        QueryError: no size is given, or too large a one.
    """
    first = arguments.get("first")
    if first is None:
        raise QueryError(
            f"You must provide a `first` or `last` value to properly paginate the `{kind}`.",
            "MISSING_PAGINATION_BOUNDARIES",
        )
    if not isinstance(first, int) or not 1 <= first <= 100:
        raise QueryError(
            f"Requesting {first} records on the `{kind}` exceeds the `first` limit of 100 records.",
            "EXCESSIVE_PAGINATION",
        )
    start = _position(arguments.get("after"))
    shown = items[start : start + first]
    nodes = [render(item) for item in shown]
    end = start + len(shown)
    info = Node(
        "PageInfo",
        {
            "hasNextPage": end < len(items),
            "hasPreviousPage": start > 0,
            "startCursor": _cursor(start + 1) if shown else None,
            "endCursor": _cursor(end) if shown else None,
        },
    )
    edges = [
        Node(f"{kind}Edge", {"cursor": _cursor(start + 1 + i), "node": node})
        for i, node in enumerate(nodes)
    ]
    return Node(
        f"{kind}Connection",
        {"nodes": nodes, "edges": edges, "pageInfo": info, "totalCount": len(items)},
    )


def _cursor(position: int) -> str:
    return base64.b64encode(f"cursor:v2:{position}".encode()).decode()


def _position(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor).decode().rpartition(":")[2])
    except ValueError:
        raise QueryError(f"`{cursor}` does not appear to be a valid cursor.") from None
