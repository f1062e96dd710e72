"""The syntax tree: dumb data, one class per construct.

Every node knows its source file and its character offsets; ``node.range`` translates them. Nodes are not frozen
only because freezing costs a third of the parser's time: nobody changes one after the parser made it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from perimeter.diagnostics import Range
from perimeter.hcl.source import SourceFile


@dataclass(slots=True, eq=False)
class Node:
    """Where a construct stands."""

    src: SourceFile
    start: int
    end: int

    @property
    def range(self) -> Range:
        """The construct's range in its file."""
        return self.src.range(self.start, self.end)

    @property
    def text(self) -> str:
        """The construct's source text."""
        return self.src.text[self.start : self.end]


@dataclass(slots=True, eq=False)
class Expr(Node):
    """Any expression."""


@dataclass(slots=True, eq=False)
class Literal(Expr):
    """``12``, ``true``, ``null``, or a string without interpolation.

    A number's value is an ``int`` where it is integral and small enough to be written so, otherwise its text as
    ``NumberText``; the language layer turns that into a 512-bit float.
    """

    value: int | bool | str | NumberText | None


class NumberText(str):
    """The digits of a number that is not a plain integer, such as ``1.5`` or ``1e30``."""

    __slots__ = ()


@dataclass(slots=True, eq=False)
class Variable(Expr):
    """A bare root name: ``var``, ``local``, ``okta_app``, or a for expression's variable."""

    name: str


@dataclass(slots=True, eq=False)
class GetAttr(Expr):
    """``object.name``."""

    object: Expr
    name: str


@dataclass(slots=True, eq=False)
class Index(Expr):
    """``object[key]``, or the legacy ``object.0`` (``legacy`` is then true)."""

    object: Expr
    key: Expr
    legacy: bool = False


@dataclass(slots=True, eq=False)
class SplatItem(Expr):
    """Stands for the current element inside a splat's ``each`` expression."""


@dataclass(slots=True, eq=False)
class Splat(Expr):
    """``source[*].a[0]`` (full) or ``source.*.a`` (attribute-only).

    ``each`` is what is evaluated for every element: traversals over ``item``.
    """

    source: Expr
    each: Expr
    item: SplatItem
    full: bool


@dataclass(slots=True, eq=False)
class Call(Expr):
    """``name(args...)``; ``expand`` when the last argument is followed by ``...``; ``name`` may hold ``::``."""

    name: str
    name_end: int
    args: list[Expr]
    expand: bool


@dataclass(slots=True, eq=False)
class Unary(Expr):
    """``-x`` or ``!x``."""

    op: str
    operand: Expr


@dataclass(slots=True, eq=False)
class Binary(Expr):
    """``left op right``."""

    op: str
    left: Expr
    right: Expr


@dataclass(slots=True, eq=False)
class Conditional(Expr):
    """``condition ? then : otherwise``."""

    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(slots=True, eq=False)
class TupleExpr(Expr):
    """``[a, b]``."""

    items: list[Expr]


@dataclass(slots=True, eq=False)
class ObjectExpr(Expr):
    """``{ a = 1 }``: a key that is a bare identifier is a ``Literal`` string with ``bare`` in ``bare_keys``."""

    items: list[tuple[Expr, Expr]]
    bare_keys: frozenset[int] = frozenset()


@dataclass(slots=True, eq=False)
class ForExpr(Expr):
    """``[for v in c : x if y]`` or ``{for k, v in c : k => x... if y}``."""

    key_var: str | None
    value_var: str
    collection: Expr
    key: Expr | None
    value: Expr
    group: bool
    condition: Expr | None
    is_object: bool


@dataclass(slots=True, eq=False)
class Paren(Expr):
    """``(x)``."""

    inner: Expr


@dataclass(slots=True, eq=False)
class Template(Expr):
    """A quoted string or heredoc with parts; exactly one ``Interpolation`` returns its value's own type.

    Strip markers and heredoc flushing are already applied to the literal parts.
    """

    parts: list[Expr]
    heredoc: bool = False


@dataclass(slots=True, eq=False)
class Interpolation(Expr):
    """``${expr}`` inside a template."""

    expr: Expr


@dataclass(slots=True, eq=False)
class TemplateIf(Expr):
    """``%{ if c }…%{ else }…%{ endif }``; the branches are templates."""

    condition: Expr
    then: Template
    otherwise: Template | None


@dataclass(slots=True, eq=False)
class TemplateFor(Expr):
    """``%{ for k, v in c }…%{ endfor }``."""

    key_var: str | None
    value_var: str
    collection: Expr
    body: Template


@dataclass(slots=True, eq=False)
class Attribute(Node):
    """``name = expr`` in a body."""

    name: str
    name_end: int
    expr: Expr

    @property
    def name_range(self) -> Range:
        """The range of the name alone."""
        return self.src.range(self.start, self.name_end)


@dataclass(slots=True, eq=False)
class Block(Node):
    """``type "label" { … }``; ``header_end`` is where the header ends, before the brace."""

    type: str
    labels: list[str]
    body: Body
    header_end: int
    label_spans: list[tuple[int, int]] = field(default_factory=list)

    @property
    def header_range(self) -> Range:
        """From the type to the last label."""
        return self.src.range(self.start, self.header_end)

    @property
    def type_range(self) -> Range:
        """The range of the block's type."""
        return self.src.range(self.start, self.start + len(self.type))

    def label_range(self, index: int) -> Range:
        """The range of one label, quotes included."""
        return self.src.range(*self.label_spans[index])


@dataclass(slots=True, eq=False)
class Body(Node):
    """The inside of a file or block: attributes by name in source order, and blocks in source order.

    ``broken``: names of arguments that stand there and could not be parsed.
    """

    attributes: dict[str, Attribute]
    blocks: list[Block]
    broken: set[str] = field(default_factory=set)
