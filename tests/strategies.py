"""Hypothesis strategies shared by the tests: types, values, expressions and files of the language."""

from __future__ import annotations

from hypothesis import strategies as st

from perimeter.lang import numbers
from perimeter.lang.sets import set_of
from perimeter.lang.types import BOOL, NUMBER, STRING, List, Map, Object, Set, Tuple, Type
from perimeter.lang.values import Value, boolean, null, number, string, unknown

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True).filter(
    lambda name: name not in {"null", "true", "false", "for", "if", "in", "else", "endif", "endfor"}
)

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cn", "Co", "Cc")), max_size=12
)

RAW_NUMBERS = st.one_of(
    st.integers(min_value=-(10**30), max_value=10**30),
    st.decimals(
        allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9
    ).map(numbers.from_decimal),
)

PRIMITIVES = st.sampled_from([STRING, NUMBER, BOOL])

TYPES: st.SearchStrategy[Type] = st.recursive(
    PRIMITIVES,
    lambda inner: st.one_of(
        inner.map(List),
        inner.map(Set),
        inner.map(Map),
        st.lists(inner, max_size=3).map(lambda items: Tuple(tuple(items))),
        st.dictionaries(NAMES, inner, max_size=3).map(Object),
    ),
    max_leaves=4,
)


def values_of(
    kind: Type, *, nulls: bool = True, unknowns: bool = False
) -> st.SearchStrategy[Value]:
    """Values of a type; parts may be null or unknown where allowed."""
    choices = [_known(kind, nulls=nulls, unknowns=unknowns)]
    if nulls:
        choices.append(st.just(null(kind)))
    if unknowns:
        choices.append(st.just(unknown(kind)))
    return st.one_of(choices)


def _known(kind: Type, *, nulls: bool, unknowns: bool) -> st.SearchStrategy[Value]:
    from perimeter.lang.text import nfc

    def parts(inner: Type) -> st.SearchStrategy[Value]:
        return values_of(inner, nulls=nulls, unknowns=unknowns)

    if kind == STRING:
        return TEXTS.map(lambda text: string(nfc(text)))
    if kind == NUMBER:
        return RAW_NUMBERS.map(number)
    if kind == BOOL:
        return st.booleans().map(boolean)
    if isinstance(kind, List):
        return st.lists(parts(kind.element), max_size=3).map(
            lambda items: Value(kind, tuple(items))
        )
    if isinstance(kind, Set):
        return st.lists(parts(kind.element), max_size=3).map(
            lambda items: set_of(kind.element, items)
        )
    if isinstance(kind, Map):
        return st.dictionaries(NAMES, parts(kind.element), max_size=3).map(
            lambda items: Value(kind, {key: items[key] for key in sorted(items)})
        )
    if isinstance(kind, Tuple):
        return st.tuples(*map(parts, kind.items)).map(lambda items: Value(kind, items))
    assert isinstance(kind, Object)
    return st.fixed_dictionaries({name: parts(part) for name, part in kind.attributes.items()}).map(
        lambda items: Value(kind, items)
    )


VALUES = TYPES.flatmap(values_of)
"""Known values of any type, with nulls inside."""

_LITERALS = st.one_of(
    st.integers(min_value=0, max_value=10**6).map(str),
    st.sampled_from(["1.5", "true", "false", "null", "1e3"]),
    st.from_regex(r'"[a-zA-Z0-9 _.-]{0,8}"', fullmatch=True),
    NAMES,
    st.tuples(NAMES, NAMES).map(".".join),
)


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", "<=", "&&", "||"])
    return st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(NAMES, inner, max_size=2).map(
            lambda pairs: "{ " + ", ".join(f"{key} = {part}" for key, part in pairs.items()) + " }"
        ),
        st.tuples(inner, operators, inner).map(" ".join),
        st.tuples(inner, inner, inner).map(lambda parts: "{} ? {} : {}".format(*parts)),
        st.tuples(NAMES, st.lists(inner, max_size=2)).map(
            lambda call: f"{call[0]}({', '.join(call[1])})"
        ),
        inner.map(lambda part: f"({part})"),
        inner.map(lambda part: f"!({part})"),
        inner.map(lambda part: f'"a${{{part}}}b"'),
        st.tuples(NAMES, inner, inner).map(lambda p: f"[for {p[0]} in {p[1]} : {p[2]}]"),
        st.tuples(NAMES, inner, inner).map(
            lambda p: f"{{for {p[0]} in {p[1]} : {p[0]} => {p[2]}}}"
        ),
        st.tuples(NAMES, NAMES).map(lambda p: f"{p[0]}[*].{p[1]}"),
        st.tuples(NAMES, inner).map(lambda p: f"{p[0]}[{p[1]}]"),
    )


EXPRESSIONS: st.SearchStrategy[str] = st.recursive(_LITERALS, _compound, max_leaves=6)
"""Texts of well-formed expressions."""

_ATTRIBUTES = st.dictionaries(NAMES, EXPRESSIONS, max_size=3)


def _body(attributes: dict[str, str], blocks: list[str]) -> str:
    lines = [f"{name} = {value}\n" for name, value in attributes.items()]
    return "".join(lines + blocks)


def _block(parts: tuple[str, list[str], str]) -> str:
    kind, labels, body = parts
    header = " ".join([kind, *(f'"{label}"' for label in labels)])
    return f"{header} {{\n{body}}}\n"


def _blocks(bodies: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    block = st.tuples(NAMES.map(lambda name: f"b_{name}"), st.lists(NAMES, max_size=2), bodies)
    return st.builds(_body, _ATTRIBUTES, st.lists(block.map(_block), max_size=2))


BODIES: st.SearchStrategy[str] = st.recursive(
    st.builds(_body, _ATTRIBUTES, st.just([])), _blocks, max_leaves=3
)
"""Texts of well-formed files."""
