"""What one declaration's nested blocks say of their own end, applied to what it wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from perimeter.addresses import Address
from perimeter.config.model import Resource
from perimeter.diagnostics import Diagnostics
from perimeter.engine.clock import InvalidDurationError, InvalidTimeError, instant
from perimeter.engine.diff import is_wholly_known
from perimeter.engine.ends import ItemEnd, read_ends, settle
from perimeter.engine.expiry import Expiry
from perimeter.engine.work import Work
from perimeter.sdk.contract import Attributes
from perimeter.sdk.provider import ResourceType
from perimeter.state.model import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Remainder:
    """What a declaration wants once what has ended is taken out.

    Attributes:
        desired: as the type folds it.
        expressions: digests of what decides the unknown in it.
        sensitive: paths that nobody is shown.
        ends: until when its blocks hold.
        expiry: of the whole: passed when nothing is left.
    """

    desired: Attributes
    expressions: Mapping[str, str]
    sensitive: tuple[Path, ...]
    ends: tuple[ItemEnd, ...]
    expiry: Expiry


def remainder(
    work: Work,
    block: Resource,
    kind: ResourceType,
    address: Address,
    declared: Remainder,
    word: Callable[[tuple[str, ...]], str],
    problems: Diagnostics,
) -> Remainder:
    """Take out of ``declared`` (with no ends yet) what has ended.

    ``word``: the digest of what decides several arguments or blocks together.
    """
    blocks = tuple(
        name
        for name, nested in kind.schema.blocks.items()
        if nested.expires and name in declared.desired
    )
    if not blocks:
        return declared
    known = work.state.resources.get(str(address))
    try:
        ends = read_ends(
            kind.schema, declared.desired, known.starts if known is not None else {}, work.now
        )
    except (InvalidTimeError, InvalidDurationError) as problem:
        problems.error("Invalid expires_at", str(problem), block.range)
        ends = ()
    passed = frozenset(end.name for end in ends if end.passed)
    expiry = declared.expiry
    desired = settle(kind, declared.desired, passed)
    if desired is None:
        last = max((end.at for end in ends if end.passed), key=instant)
        if not expiry.passed:
            expiry = Expiry(at=last, passed=True)
        desired = settle(kind, declared.desired, frozenset()) or declared.desired
    touched = tuple(
        name
        for name in (*kind.schema.attributes, *kind.schema.blocks)
        if desired.get(name) is not declared.desired.get(name)
    )
    expressions = {n: text for n, text in declared.expressions.items() if n not in touched}
    for name in touched:
        if name in desired and not is_wholly_known(desired[name]):
            expressions[name] = word(tuple(dict.fromkeys((name, *blocks))))
    sensitive = declared.sensitive
    if any(path[0] in blocks for path in sensitive):
        sensitive = (*sensitive, *((name,) for name in touched))
    return Remainder(
        desired=desired,
        expressions=expressions,
        sensitive=sensitive,
        ends=ends,
        expiry=expiry,
    )
