"""HCL's JSON syntax: from properties to arguments, blocks and expressions.

The same property may be an argument or a block; only a schema can tell, so there is one for what
the language knows, and bodies that are open (a resource's) keep their properties as arguments until
the provider's schema is known. https://github.com/hashicorp/hcl/blob/main/json/spec.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from perimeter.diagnostics import Diagnostic, Range
from perimeter.hcl.json_tree import (
    JsonArray,
    JsonKeyword,
    JsonNumber,
    JsonObject,
    JsonString,
    JsonValue,
    scan,
)
from perimeter.hcl.nodes import (
    Attribute,
    Block,
    Body,
    Expr,
    Literal,
    NumberText,
    ObjectExpr,
    TupleExpr,
)
from perimeter.hcl.parser import Parser
from perimeter.hcl.problems import Problem, to_diagnostics
from perimeter.hcl.source import SourceFile
from perimeter.hcl.templates import normalise
from perimeter.hcl.walk import walk

COMMENT = "//"
"""The property that is ignored wherever arguments and blocks stand."""

_PLACES = frozenset({"start", "end", "name_end"})
_INT_DIGITS = 18
_OBJECTS = "Either a JSON object or a JSON array of objects is required here, "


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonShape:
    """What the properties of a block mean.

    Attributes:
        labels: what each label is, in order.
        blocks: nested block types; other properties are arguments.
        native: arguments whose strings hold an expression in native syntax, as references and types
            do; inside of other arguments' objects, too.
        literal: arguments whose strings are no templates.
    """

    labels: tuple[str, ...] = ()
    blocks: Mapping[str, JsonShape] = field(default_factory=dict)
    native: frozenset[str] = frozenset()
    literal: frozenset[str] = frozenset()


@dataclass(slots=True, eq=False)
class JsonAttribute(Attribute):
    """A property that is taken for an argument; ``json`` is what it would be a block of."""

    json: JsonValue


@dataclass(slots=True, eq=False)
class JsonBlock(Block):
    """A block whose type and labels are property names, each at a place of its own."""

    @property
    def header_range(self) -> Range:
        """The last property name of the header."""
        start, end = self.label_spans[-1] if self.label_spans else (self.start, self.header_end)
        return self.src.range(start, end)


def parse_json_file(text: str, filename: str, shape: JsonShape) -> tuple[Body, list[Diagnostic]]:
    """Parse a configuration file in JSON syntax.

    Args:
        text: the whole text; a byte order mark at its start is skipped.
        filename: as it appears in ranges.
        shape: the block types at the top of the file.

    Returns:
        What could be parsed, and the errors found.
    """
    src = SourceFile(filename, text)
    value, problems = scan(src.text)
    reader = _Reader(src, problems)
    body = Body(src, 0, len(src.text), {}, [])
    if isinstance(value, JsonObject | JsonArray):
        reader.fill(body, [value], shape)
    elif value is not None:
        reader.report(
            value,
            "Root value must be object",
            "The root value in a JSON-based configuration must be either a JSON object or a JSON"
            " array of objects.",
        )
    return body, to_diagnostics(reader.problems, src, [])


def blocks_of(attribute: JsonAttribute, shape: JsonShape) -> tuple[list[Block], list[Diagnostic]]:
    """Return the blocks that a property stands for, and what is wrong with their structure.

    Syntax errors in its templates were reported when the file was parsed.
    """
    reader = _Reader(attribute.src, [], templates=False)
    key = JsonString(attribute.start, attribute.name_end, attribute.name, None)
    blocks = reader.blocks(key, attribute.json, shape)
    return blocks, to_diagnostics(reader.problems, attribute.src, [])


class _Reader:
    """One file's conversion and the problems found on the way."""

    __slots__ = ("problems", "src", "templates")

    def __init__(self, src: SourceFile, problems: list[Problem], *, templates: bool = True) -> None:
        self.src = src
        self.problems = problems
        self.templates = templates

    def report(self, value: JsonValue, summary: str, detail: str) -> None:
        """Note a problem with a value; of an object or array only the first character is shown."""
        whole = not isinstance(value, JsonObject | JsonArray)
        end = value.end if whole else value.start + 1
        self.problems.append(Problem(value.start, end, summary, detail))

    # -- structure

    def members(
        self, values: Iterable[JsonValue], purpose: str
    ) -> list[tuple[JsonString, JsonValue]]:
        """The properties of an object, or of an array's objects."""
        found: list[tuple[JsonString, JsonValue]] = []
        for value in values:
            if isinstance(value, JsonObject):
                found += value.members
            elif isinstance(value, JsonArray):
                for item in value.items:
                    if isinstance(item, JsonObject):
                        found += item.members
                    else:
                        detail = f"A JSON object is required here, {purpose}."
                        self.report(item, "Incorrect JSON value type", detail)
            else:
                self.report(value, "Incorrect JSON value type", f"{_OBJECTS}{purpose}.")
        return [member for member in found if member[0].text != COMMENT]

    def fill(self, body: Body, values: Iterable[JsonValue], shape: JsonShape) -> None:
        """Add what objects hold to a body."""
        for key, value in self.members(values, "to define arguments and child blocks"):
            inner = shape.blocks.get(key.text)
            if inner is None and "dynamic" in shape.blocks and _generates(value):
                inner = JsonShape(blocks={"dynamic": shape.blocks["dynamic"]})
            if inner is not None:
                body.blocks += self.blocks(key, value, inner)
            else:
                self.argument(body, key, value, shape)

    def argument(self, body: Body, key: JsonString, value: JsonValue, shape: JsonShape) -> None:
        """Add a property as an argument."""
        earlier = body.attributes.get(key.text)
        if isinstance(earlier, JsonAttribute):
            if not isinstance(value, JsonObject | JsonArray) or not isinstance(
                earlier.json, JsonObject | JsonArray
            ):
                line = earlier.name_range.start.line
                self.report(
                    key,
                    "Duplicate attribute definition",
                    f'The argument "{key.text}" was set on line {line} already. Each argument may'
                    " be set only once.",
                )
                return
            # Blocks of one type may stand apart.
            value = JsonArray(
                earlier.json.start, value.end, (*_items(earlier.json), *_items(value))
            )
        if key.text in shape.native:
            expr = self.native(value)
        elif key.text in shape.literal:
            expr = self.literal(value)
        else:
            expr = self.expression(value, shape.native)
        body.attributes[key.text] = JsonAttribute(
            self.src, key.start, value.end, key.text, key.end, expr, value
        )

    def blocks(self, key: JsonString, value: JsonValue, shape: JsonShape) -> list[Block]:
        """The blocks that a property stands for."""
        made: list[Block] = []
        self.labelled(made, key, [], value, shape)
        return made

    def labelled(
        self,
        made: list[Block],
        key: JsonString,
        labels: list[JsonString],
        value: JsonValue,
        shape: JsonShape,
    ) -> None:
        """Add the blocks below some of their labels."""
        if len(labels) == len(shape.labels):
            self.unlabelled(made, key, labels, value, shape)
            return
        name = shape.labels[len(labels)]
        before = len(self.problems)
        members = self.members([value], f"to specify {name} labels for this block")
        if not members and len(self.problems) == before:
            self.report(
                value,
                "Missing block label",
                "At least one object property is required, whose name represents the"
                f" {key.text} block's {name}.",
            )
        for label, inner in members:
            self.labelled(made, key, [*labels, label], inner, shape)

    def unlabelled(
        self,
        made: list[Block],
        key: JsonString,
        labels: list[JsonString],
        value: JsonValue,
        shape: JsonShape,
    ) -> None:
        """Add the blocks whose contents a value holds."""
        if isinstance(value, JsonKeyword) and value.value is None:
            return
        if not isinstance(value, JsonObject | JsonArray):
            self.report(
                value,
                "Incorrect JSON value type",
                "Either a JSON object or a JSON array is required, representing the contents of"
                f' one or more "{key.text}" blocks.',
            )
            return
        for content in _items(value):
            body = Body(self.src, content.start, content.end, {}, [])
            self.fill(body, [content], shape)
            last = labels[-1] if labels else key
            made.append(
                JsonBlock(
                    self.src,
                    key.start,
                    content.end,
                    key.text,
                    [normalise(label.text) for label in labels],
                    body,
                    last.end,
                    [(label.start, label.end) for label in labels],
                )
            )

    # -- expressions

    def expression(self, value: JsonValue, native: frozenset[str] = frozenset()) -> Expr:
        """A value whose strings are templates."""
        match value:
            case JsonString():
                return self.template(value)
            case JsonArray():
                items = [self.expression(item, native) for item in value.items]
                return TupleExpr(self.src, value.start, value.end, items)
            case JsonObject():
                pairs: list[tuple[Expr, Expr]] = []
                seen: dict[str, JsonString] = {}
                for key, item in value.members:
                    if key.text in seen:
                        line = self.src.pos(seen[key.text].start).line
                        self.report(
                            key,
                            "Duplicate object attribute",
                            f'An attribute named "{key.text}" was already defined on line {line}.',
                        )
                        continue
                    seen[key.text] = key
                    inside = key.text in native
                    made = self.native(item) if inside else self.expression(item, native)
                    pairs.append((self.template(key), made))
                return ObjectExpr(self.src, value.start, value.end, pairs)
        return self.plain(value)

    def native(self, value: JsonValue) -> Expr:
        """A value whose strings hold expressions; one that does not parse is left a string."""
        match value:
            case JsonString():
                parser = Parser(value.text, self.src.filename)
                expr, problems = parser.expression()
                if expr is None or problems:
                    return self.literal(value)
                return self.placed(expr, value)
            case JsonArray():
                items = [self.native(item) for item in value.items]
                return TupleExpr(self.src, value.start, value.end, items)
            case JsonObject():
                pairs = [(self.literal(key), self.native(item)) for key, item in value.members]
                return ObjectExpr(self.src, value.start, value.end, pairs)
        return self.plain(value)

    def literal(self, value: JsonValue) -> Expr:
        """A value whose strings mean what they say."""
        match value:
            case JsonString():
                return Literal(self.src, value.start, value.end, normalise(value.text))
            case JsonArray():
                items = [self.literal(item) for item in value.items]
                return TupleExpr(self.src, value.start, value.end, items)
            case JsonObject():
                pairs = [(self.literal(key), self.literal(item)) for key, item in value.members]
                return ObjectExpr(self.src, value.start, value.end, pairs)
        return self.plain(value)

    def plain(self, value: JsonValue) -> Expr:
        """A number or keyword."""
        if isinstance(value, JsonNumber):
            whole = value.text.removeprefix("-").isdigit() and len(value.text) <= _INT_DIGITS
            number = int(value.text) if whole else NumberText(value.text)
            return Literal(self.src, value.start, value.end, number)
        assert isinstance(value, JsonKeyword)
        return Literal(self.src, value.start, value.end, value.value)

    def template(self, value: JsonString) -> Expr:
        """A string as a template."""
        if "${" not in value.text and "%{" not in value.text:
            return self.literal(value)
        parser = Parser(value.text, self.src.filename, template=True)
        made, problems = parser.template()
        if problems:
            if self.templates:
                self.problems += [_placed(problem, value) for problem in parser.problems]
            return self.literal(value)
        return self.placed(made, value)

    def placed(self, expr: Expr, value: JsonString) -> Expr:
        """Move an expression from the string it was parsed from to its place in the file."""
        for node in walk(expr):
            if node.src is self.src:
                continue
            node.src = self.src
            for item in fields(node):
                if item.name in _PLACES:
                    setattr(node, item.name, value.offset(getattr(node, item.name)))
        return expr


def _items(value: JsonValue) -> tuple[JsonValue, ...]:
    return value.items if isinstance(value, JsonArray) else (value,)


def _generates(value: JsonValue) -> bool:
    """Whether a value can only be a block because ``dynamic`` blocks stand in it."""
    for item in _items(value):
        if isinstance(item, JsonObject):
            for key, inner in item.members:
                if key.text == "dynamic" and isinstance(inner, JsonObject):
                    return any(
                        name.text == "content"
                        for _, kind in inner.members
                        for part in _items(kind)
                        if isinstance(part, JsonObject)
                        for name, _ in part.members
                    )
    return False


def generated(value: JsonValue) -> frozenset[str]:
    """The iterators of the ``dynamic`` blocks inside a property that may be a block."""
    found: set[str] = set()
    left: list[JsonValue] = [value]
    while left:
        item = left.pop()
        if isinstance(item, JsonArray):
            left.extend(item.items)
        if not isinstance(item, JsonObject):
            continue
        for key, inner in item.members:
            left.append(inner)
            if key.text == "dynamic":
                found.update(_iterators(inner))
    return frozenset(found)


def _iterators(value: JsonValue) -> Iterable[str]:
    for part in _items(value):
        for kind, content in part.members if isinstance(part, JsonObject) else ():
            given = [
                inner.text
                for one in _items(content)
                if isinstance(one, JsonObject)
                for name, inner in one.members
                if name.text == "iterator" and isinstance(inner, JsonString)
            ]
            yield from given or (kind.text,)


def _placed(problem: Problem, value: JsonString) -> Problem:
    opener = None if problem.opener is None else value.offset(problem.opener)
    start, end = value.offset(problem.start), value.offset(problem.end)
    return Problem(start, end, problem.summary, problem.detail, opener)
