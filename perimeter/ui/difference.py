"""The difference of two values as a tree that can be shown; pure.

Which parts are paired follows Terraform: objects and maps by key, sets by equality, lists by their longest common
subsequence, tuples of equal length by position, JSON texts by their content.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from perimeter.engine.model import Action
from perimeter.lang.types import DYNAMIC, List, Map, Object, Set, Tuple, Type
from perimeter.lang.values import Unknown, Unseen

Path = tuple[str | int, ...]


class _Absent:
    """Stands where there is no value, not even null."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What is special about parts of a value, by path.

    Attributes:
        before: sensitive in the old value.
        after: sensitive in the new value.
        replace: what forces a replacement.
    """

    before: tuple[Path, ...] = ()
    after: tuple[Path, ...] = ()
    replace: tuple[Path, ...] = ()

    def into(self, step: str | int) -> Marks:
        """The marks below one step."""
        if not (self.before or self.after or self.replace):
            return self
        return Marks(
            before=_below(self.before, step),
            after=_below(self.after, step),
            replace=_below(self.replace, step),
        )

    @property
    def hidden(self) -> bool:
        """Whether the value itself is sensitive on either side."""
        return () in self.before or () in self.after


NO_MARKS = Marks()


def _below(paths: tuple[Path, ...], step: str | int) -> tuple[Path, ...]:
    return tuple(path[1:] for path in paths if path and path[0] == step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """A value's change.

    Attributes:
        kind: ``primitive``, ``unknown`` (known to unknown), ``sensitive``, ``write-only``, ``object``, ``map``, ``list``,
            ``set``, ``json`` (a text holding JSON; its one child is the content) or ``type`` (both children differ in kind).
        action: no-op, create, update or delete.
        fields: children of objects and maps, in the order they are shown.
        items: children of lists and sets, of ``json`` (one) and of ``type`` and ``unknown`` (the old, the new).
        replace: it forces the replacement.
        warning: what to say above it.
    """

    kind: str
    action: Action
    before: Any = None
    after: Any = None
    fields: Mapping[str, Diff] = field(default_factory=dict)
    items: tuple[Diff, ...] = ()
    replace: bool = False
    warning: str = ""


def same(one: Any, other: Any) -> bool:
    """Whether two plain values are equal; ``true`` is not ``1``."""
    if one is other:
        return True
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def compare(before: Any, after: Any, kind: Type = DYNAMIC, marks: Marks = NO_MARKS) -> Diff:
    """The difference of two plain values of a type; ``ABSENT`` where a side has none."""
    action = _action(before, after)
    replace = () in marks.replace
    if marks.hidden:
        return Diff(
            kind="sensitive",
            action=action,
            replace=replace,
            warning=_exposure(before, after, marks),
        )
    if isinstance(after, Unknown) and not isinstance(after, Unseen):
        old: tuple[Diff, ...] = ()
        if before is not ABSENT and before is not None:
            old = (compare(before, ABSENT, kind, marks),)
        action = Action.UPDATE if old else Action.CREATE
        return Diff(kind="unknown", action=action, after=after, items=old, replace=replace)
    one, other = _shape(before, kind), _shape(after, kind)
    if one and other and one != other:
        sides = (compare(before, ABSENT, kind, marks), compare(ABSENT, after, kind, marks))
        return Diff(kind="type", action=Action.UPDATE, items=sides, replace=replace)
    shape = one or other or "primitive"
    if shape == "json":
        return _json(before, after, action, replace)
    if shape == "primitive" or (action is Action.UPDATE and not (one and other)):
        return _leaf(before, after, kind, marks, action, one, other)
    if shape in ("object", "map"):
        fields = _fields(before, after, kind, marks)
        return Diff(
            kind=shape, action=_joint(action, fields.values()), fields=fields, replace=replace
        )
    items = _items(before, after, kind, marks, shape)
    return Diff(kind=shape, action=_joint(action, items), items=items, replace=replace)


def _leaf(
    before: Any, after: Any, kind: Type, marks: Marks, action: Action, one: str, other: str
) -> Diff:
    """A primitive, or a composite on one side and null on the other."""
    replace = () in marks.replace
    if "primitive" in (one, other) or not (one or other):
        return Diff(kind="primitive", action=action, before=before, after=after, replace=replace)
    sides = (
        compare(before, ABSENT, kind, marks) if one else _null(Action.DELETE),
        compare(ABSENT, after, kind, marks) if other else _null(Action.CREATE),
    )
    return Diff(kind="type", action=action, items=sides, replace=replace)


def _null(action: Action) -> Diff:
    return Diff(kind="primitive", action=action)


def _exposure(before: Any, after: Any, marks: Marks) -> str:
    """What to say when a value that stays becomes sensitive, or stops being it."""
    if before in (ABSENT, None) or after in (ABSENT, None):
        return ""
    was, becomes = () in marks.before, () in marks.after
    if was and not becomes:
        return "Warning: this attribute value will no longer be marked as sensitive after applying this change."
    if becomes and not was:
        return (
            "Warning: this attribute value will be marked as sensitive and will not display in UI output after applying this "
            "change."
        )
    return ""


def _action(before: Any, after: Any) -> Action:
    if before is ABSENT:
        return Action.NO_OP if after is ABSENT else Action.CREATE
    if after is ABSENT:
        return Action.DELETE
    return Action.NO_OP if same(before, after) else Action.UPDATE


def _joint(action: Action, parts: Iterable[Diff]) -> Action:
    if action in (Action.CREATE, Action.DELETE):
        return action
    return (
        Action.UPDATE
        if action is Action.UPDATE or any(part.action is not Action.NO_OP for part in parts)
        else Action.NO_OP
    )


def _shape(value: Any, kind: Type) -> str:
    """How a value is shown; empty for none and for null."""
    if value is ABSENT or value is None:
        return ""
    if isinstance(value, Mapping):
        return "map" if isinstance(kind, Map) else "object"
    if isinstance(value, list | tuple):
        return "set" if isinstance(kind, Set) else "list"
    if isinstance(value, str) and _json_content(value) is not None:
        return "json"
    return "primitive"


def _json_content(text: str) -> Any:
    if not text or text[0] not in "{[" or text[-1].isspace():
        return None
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None


def _json(before: Any, after: Any, action: Action, replace: bool) -> Diff:
    old = ABSENT if before in (ABSENT, None) else _json_content(before)
    new = ABSENT if after in (ABSENT, None) else _json_content(after)
    inner = compare(old, new)
    if action is Action.UPDATE and inner.action is Action.NO_OP:
        return Diff(
            kind="json",
            action=action,
            items=(inner,),
            replace=replace,
            warning="whitespace changes",
        )
    return Diff(kind="json", action=action, items=(inner,), replace=replace)


def element_type(kind: Type, step: str | int) -> Type:
    """The type of one part of a value of a type; ``any`` where the type does not say."""
    if isinstance(kind, List | Set | Map):
        return kind.element
    if isinstance(kind, Object) and isinstance(step, str):
        return kind.attributes.get(step, DYNAMIC)
    if isinstance(kind, Tuple) and isinstance(step, int) and step < len(kind.items):
        return kind.items[step]
    return DYNAMIC


def _fields(before: Any, after: Any, kind: Type, marks: Marks) -> dict[str, Diff]:
    old = before if isinstance(before, Mapping) else {}
    new = after if isinstance(after, Mapping) else {}
    found: dict[str, Diff] = {}
    for name in sorted({*old, *new}):
        one, other = old.get(name, ABSENT), new.get(name, ABSENT)
        typed = isinstance(kind, Object) and name in kind.attributes
        if typed and one in (None, ABSENT) and other in (None, ABSENT):
            continue  # an attribute that the type has and nobody set
        if typed and one is None and other is not ABSENT:
            one = ABSENT
        if typed and other is None and one is not ABSENT:
            other = ABSENT
        found[name] = compare(one, other, element_type(kind, name), marks.into(name))
    return found


def _items(before: Any, after: Any, kind: Type, marks: Marks, shape: str) -> tuple[Diff, ...]:
    old: Sequence[Any] = before if isinstance(before, list | tuple) else ()
    new: Sequence[Any] = after if isinstance(after, list | tuple) else ()

    def pair(i: int | None, j: int | None) -> Diff:
        step = j if j is not None else i
        assert step is not None
        return compare(
            ABSENT if i is None else old[i],
            ABSENT if j is None else new[j],
            element_type(kind, step),
            marks.into(step),
        )

    if shape == "set":
        return tuple(pair(i, j) for i, j in set_pairs(old, new))
    if not isinstance(kind, List) and len(old) == len(new):
        return tuple(pair(index, index) for index in range(len(new)))
    return tuple(pair(i, j) for i, j in list_pairs(old, new))


def set_pairs(old: Sequence[Any], new: Sequence[Any]) -> list[tuple[int | None, int | None]]:
    """Pair the equal elements of two sets, by index; what has no partner stands alone."""
    left = list(range(len(new)))
    pairs: list[tuple[int | None, int | None]] = []
    for index, item in enumerate(old):
        partner = next((other for other in left if same(item, new[other])), None)
        if partner is not None:
            left.remove(partner)
        pairs.append((index, partner))
    return [*pairs, *((None, index) for index in left)]


def list_pairs(old: Sequence[Any], new: Sequence[Any]) -> list[tuple[int | None, int | None]]:
    """Pair the elements of two lists along their longest common subsequence; objects in between pair by position."""
    common = _common(old, new)
    pairs: list[tuple[int | None, int | None]] = []
    i = j = 0
    for next_i, next_j in [*common, (len(old), len(new))]:
        while i < next_i and j < next_j and _both_objects(old[i], new[j]):
            pairs.append((i, j))
            i, j = i + 1, j + 1
        pairs.extend((index, None) for index in range(i, next_i))
        pairs.extend((None, index) for index in range(j, next_j))
        if next_i < len(old) or next_j < len(new):
            pairs.append((next_i, next_j))
        i, j = next_i + 1, next_j + 1
    return pairs


def _both_objects(one: Any, other: Any) -> bool:
    return isinstance(one, Mapping) and isinstance(other, Mapping)


def _common(old: Sequence[Any], new: Sequence[Any]) -> list[tuple[int, int]]:
    """Indices of the longest common subsequence; equal ends are taken first, so long lists stay cheap."""
    start = 0
    while start < min(len(old), len(new)) and same(old[start], new[start]):
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and same(old[-1 - end], new[-1 - end]):
        end += 1
    head = [(index, index) for index in range(start)]
    tail = [(len(old) - index, len(new) - index) for index in range(end, 0, -1)]
    a, b = old[start : len(old) - end], new[start : len(new) - end]
    if len(a) * len(b) > 250_000:
        return head + tail
    lengths = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) - 1, -1, -1):
        for j in range(len(b) - 1, -1, -1):
            lengths[i][j] = (
                lengths[i + 1][j + 1] + 1
                if same(a[i], b[j])
                else max(lengths[i + 1][j], lengths[i][j + 1])
            )
    middle: list[tuple[int, int]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        if same(a[i], b[j]):
            middle.append((i + start, j + start))
            i, j = i + 1, j + 1
        elif lengths[i + 1][j] >= lengths[i][j + 1]:
            i += 1
        else:
            j += 1
    return [*head, *middle, *tail]
