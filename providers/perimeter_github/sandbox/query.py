"""Reading GraphQL documents (specification of October 2021, §2): queries, fragments, variables."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(
    r"(?P<skip>[\s,\ufeff]+|#[^\n\r]*)|(?P<spread>\.\.\.)|(?P<name>[A-Za-z_]\w*)"
    r'|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<string>"(?:\\.|[^"\\\n])*")'
    r"|(?P<mark>[{}()\[\]:=!@$])"
)


class QueryError(Exception):
    """A document that GitHub would refuse; ``code`` is its machine-readable reason."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable where a value stands."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field with its arguments and what is wanted of it."""

    name: str
    alias: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    directives: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    selections: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """Selections for objects of one type (empty for any), inline or by name."""

    type: str = ""
    spread: str = ""
    directives: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    selections: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation."""

    kind: str
    name: str
    defaults: Mapping[str, Any]
    required: frozenset[str]
    selections: tuple[Any, ...]


@dataclass(slots=True)
class Document:
    """A parsed document."""

    operations: list[Operation] = field(default_factory=list)
    fragments: dict[str, Fragment] = field(default_factory=dict)

    def whole(self, item: Fragment) -> Fragment:
        """A fragment with its selections, looked up where it is only named.

        Raises:
            QueryError: nothing has that name.
        """
        if item.spread and item.spread not in self.fragments:
            raise QueryError(f"Fragment {item.spread} was used, but not defined")
        return self.fragments[item.spread] if item.spread else item


def parse(text: str) -> Document:
    """Parse a document.

    Raises:
        QueryError: it is malformed.
    """
    return _Parser(text).document()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise QueryError(f"Unexpected character {text[position]!r}")
            if match.lastgroup != "skip":
                self._tokens.append((str(match.lastgroup), match.group()))
            position = match.end()
        self._tokens.append(("end", ""))

    def document(self) -> Document:
        found = Document()
        while self._kind != "end":
            if self._text == "fragment":
                self._take()
                name = self._name()
                found.fragments[name] = self._fragment_rest()
            else:
                found.operations.append(self._operation())
        return found

    @property
    def _kind(self) -> str:
        return self._tokens[self._at][0]

    @property
    def _text(self) -> str:
        return self._tokens[self._at][1]

    def _take(self) -> str:
        text = self._text
        self._at += 1
        return text

    def _expect(self, text: str) -> None:
        if self._text != text:
            raise QueryError(f"Expected {text!r}, found {self._text or 'the end'!r}")
        self._at += 1

    def _name(self) -> str:
        if self._kind != "name":
            raise QueryError(f"Expected a name, found {self._text or 'the end'!r}")
        return self._take()

    def _operation(self) -> Operation:
        kind, name = "query", ""
        defaults: dict[str, Any] = {}
        required: set[str] = set()
        if self._text != "{":
            kind = self._name()
            if kind not in {"query", "mutation", "subscription"}:
                raise QueryError(f"Unexpected {kind!r}")
            name = self._take() if self._kind == "name" else ""
            if self._text == "(":
                self._take()
                while self._text != ")":
                    self._variable(defaults, required)
                self._take()
        return Operation(
            kind=kind,
            name=name,
            defaults=defaults,
            required=frozenset(required),
            selections=self._selections(),
        )

    def _variable(self, defaults: dict[str, Any], required: set[str]) -> None:
        self._expect("$")
        name = self._name()
        self._expect(":")
        depth = 0
        while self._text == "[":
            self._take()
            depth += 1
        self._name()
        needed = False
        for _ in range(depth + 1):
            needed = self._text == "!"
            if needed:
                self._take()
            if self._text == "]":
                self._take()
        if self._text == "=":
            self._take()
            defaults[name] = self._value()
        elif needed:
            required.add(name)

    def _fragment_rest(self) -> Fragment:
        kind = ""
        if self._text == "on":
            self._take()
            kind = self._name()
        directives = self._directives()
        return Fragment(type=kind, directives=directives, selections=self._selections())

    def _selections(self) -> tuple[Any, ...]:
        self._expect("{")
        found: list[Any] = []
        while self._text != "}":
            if self._kind == "end":
                raise QueryError("Unexpected end of the document")
            found.append(self._spread() if self._kind == "spread" else self._field())
        self._take()
        return tuple(found)

    def _spread(self) -> Fragment:
        self._take()
        if self._kind == "name" and self._text != "on":
            return Fragment(spread=self._name(), directives=self._directives())
        return self._fragment_rest()

    def _field(self) -> Field:
        alias = name = self._name()
        if self._text == ":":
            self._take()
            name = self._name()
        arguments = self._arguments()
        directives = self._directives()
        selections = self._selections() if self._text == "{" else ()
        return Field(
            name=name,
            alias=alias,
            arguments=arguments,
            directives=directives,
            selections=selections,
        )

    def _arguments(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self._text == "(":
            self._take()
            while self._text != ")":
                name = self._name()
                self._expect(":")
                found[name] = self._value()
            self._take()
        return found

    def _directives(self) -> dict[str, dict[str, Any]]:
        found = {}
        while self._text == "@":
            self._take()
            name = self._name()
            found[name] = self._arguments()
        return found

    def _value(self) -> Any:
        kind, text = self._kind, self._take()
        if text == "$":
            return Variable(self._name())
        if kind == "string" or kind == "number":
            return json.loads(text)
        if kind == "name":
            return {"true": True, "false": False, "null": None}.get(text, text)
        if text == "[":
            items = []
            while self._text != "]":
                items.append(self._value())
            self._take()
            return items
        if text == "{":
            found = {}
            while self._text != "}":
                name = self._name()
                self._expect(":")
                found[name] = self._value()
            self._take()
            return found
        raise QueryError(f"Unexpected {text or 'the end'!r}")
