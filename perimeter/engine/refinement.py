"""What is known of a value that is not known, and whether the value it becomes is one of those; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from perimeter.engine.diff import is_wholly_known
from perimeter.lang import numbers
from perimeter.lang.values import Unknown, Unseen


def refinements(value: Any) -> tuple[Any, ...]:
    """Not null, prefix, bounds and lengths, as JSON data; empty where the value is known, or only parts of it are not."""
    if not isinstance(value, Unknown) or isinstance(value, Unseen):
        return ()
    return (
        value.not_null,
        value.prefix,
        _text(value.minimum),
        value.minimum_inclusive,
        _text(value.maximum),
        value.maximum_inclusive,
        value.length_min,
        value.length_max,
    )


def refined(data: Sequence[Any]) -> Unknown:
    """The reverse of ``refinements``."""
    not_null, prefix, minimum, above, maximum, below, shortest, longest = data
    return Unknown(
        not_null=not_null,
        prefix=prefix,
        minimum=_number(minimum),
        minimum_inclusive=above,
        maximum=_number(maximum),
        maximum_inclusive=below,
        length_min=shortest,
        length_max=longest,
    )


def _text(bound: Any) -> str | None:
    if bound is None:
        return None
    return numbers.text(numbers.from_decimal(bound) if isinstance(bound, Decimal) else bound)


def fits(value: Any, limits: Sequence[Any]) -> bool:
    """Whether a value is one that was possible."""
    if not limits:
        return True
    not_null, prefix, minimum, above, maximum, below, shortest, longest = limits
    if value is None:
        return not not_null
    if prefix and not (isinstance(value, str) and value.startswith(prefix)):
        return False
    if isinstance(value, list | tuple | Mapping):
        return shortest <= len(value) and (longest is None or len(value) <= longest)
    if minimum is None and maximum is None:
        return True
    number = _number(value)
    if number is None:
        return False
    low, high = _number(minimum), _number(maximum)
    enough = low is None or number > low or (above and number == low)
    return enough and (high is None or number < high or (below and number == high))


def kept(planned: Any, decided: Any) -> bool:
    """Whether what was planned is what was decided, but for what was not known; that must fit its refinements."""
    if isinstance(planned, Unknown):
        return isinstance(decided, Unknown) or fits(decided, refinements(planned))
    if isinstance(planned, Mapping) and isinstance(decided, Mapping):
        return planned.keys() == decided.keys() and all(
            kept(item, decided[key]) for key, item in planned.items()
        )
    if isinstance(planned, list | tuple) and isinstance(decided, list | tuple):
        # Elements of a set find their order, and each other, once they are known.
        open_ = sum(1 for item in planned if not is_wholly_known(item))
        known = [item for item in planned if is_wholly_known(item)]
        if not open_:
            return list(planned) == list(decided)
        return len(decided) <= len(planned) and all(item in decided for item in known)
    return bool(planned == decided)


def _number(value: Any) -> Decimal | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
