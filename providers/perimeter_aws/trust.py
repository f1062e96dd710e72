"""Trust policies: who from outside may assume a role, and what a change of one does to access; pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from perimeter.sdk import Direction, Unknown, join_directions
from perimeter_aws.documents import many, statements

_KNOWN = frozenset({"Sid", "Effect", "Principal", "Action", "Condition"})
_ACCOUNT = re.compile(r"arn:[a-z-]+:(?:iam|sts)::(\d{12}):")
_SUBSETS = frozenset(
    {
        "StringEquals",
        "StringEqualsIgnoreCase",
        "StringLike",
        "ArnEquals",
        "ArnLike",
        "Bool",
        "IpAddress",
    }
)
"""Operators under which fewer values match fewer requests; of their negations, more values do."""

_NEGATED = frozenset(
    {
        "StringNotEquals",
        "StringNotEqualsIgnoreCase",
        "StringNotLike",
        "ArnNotEquals",
        "ArnNotLike",
        "NotIpAddress",
    }
)


@dataclass(frozen=True, slots=True)
class Atom:
    """One principal, one action, and the conditions under which a statement speaks of them."""

    kind: str
    principal: str
    action: str
    conditions: frozenset[tuple[str, str, frozenset[str]]]


def trust_direction(before: Any, after: Any) -> Direction:
    """What a change of a trust policy does: more principals, fewer conditions or a denial taken away widen.

    Unknown for what is not decided yet, cannot be read, or uses elements such as ``NotPrincipal``.
    """
    return join_directions(*trust_moves(before, after))


def trust_moves(before: Any, after: Any) -> frozenset[Direction]:
    """All that a change of a trust policy does: it may widen for some and narrow for others."""
    if isinstance(before, Unknown) or isinstance(after, Unknown):
        return frozenset({Direction.UNKNOWN})
    old, new = statements(before), statements(after)
    if old is None or new is None:
        return frozenset({Direction.UNKNOWN})
    bare_old, bare_new = [_bare(item) for item in old], [_bare(item) for item in new]
    gone = [item for item in bare_old if item not in bare_new]
    come = [item for item in bare_new if item not in bare_old]
    if any(not _readable(item) for item in (*gone, *come)):
        return frozenset({Direction.UNKNOWN})
    # Those that cannot be read are the same on both sides: what they cover may only be less than assumed.
    kept_old = [item for item in bare_old if _readable(item)]
    kept_new = [item for item in bare_new if _readable(item)]
    return frozenset(
        (
            *_moves(kept_old, kept_new, "Allow", Direction.WIDENS, Direction.NARROWS),
            *_moves(kept_old, kept_new, "Deny", Direction.NARROWS, Direction.WIDENS),
        )
    )


def trusts(document: Any, account: str) -> tuple[str, ...]:
    """Who from outside the account a trust policy lets in: accounts, ARNs, federated providers, ``*``.

    AWS's own services are no outsiders.
    """
    found: set[str] = set()
    for item in statements(document) or ():
        if item.get("Effect") == "Deny":
            continue
        if "NotPrincipal" in item:
            found.add("*")
        found.update(name for kind, name in _principals(item) if _outside(kind, name, account))
    return tuple(sorted(found))


def risks(document: Any, account: str) -> tuple[str, ...]:
    """What is dangerous about a trust policy, in short words."""
    found: set[str] = set()
    for item in statements(document) or ():
        if item.get("Effect") == "Deny":
            continue
        keys = {key.casefold() for _, key, _ in _conditions(item)}
        if "NotPrincipal" in item:
            found.add("everybody but those named may assume it")
        for kind, name in _principals(item):
            if not _outside(kind, name, account):
                continue
            if name == "*" and not keys:
                found.add("anybody may assume it")
            elif kind == "AWS" and not keys & {
                "sts:externalid",
                "aws:principalorgid",
                "aws:principalarn",
            }:
                found.add("another account may assume it without an external id")
            elif kind == "Federated" and not any(key.endswith((":sub", ":aud")) for key in keys):
                found.add(f"every identity of {name.rpartition('/')[2]} may assume it")
    return tuple(sorted(found))


def lets_anybody_in(document: Any) -> bool:
    """Whether a trust policy allows anything at all; also when that cannot be told."""
    found = statements(document)
    return found is None or any(item.get("Effect") != "Deny" for item in found)


def _moves(
    old: Sequence[Mapping[str, Any]],
    new: Sequence[Mapping[str, Any]],
    effect: str,
    more: Direction,
    less: Direction,
) -> Iterable[Direction]:
    before = [atom for item in old if item.get("Effect") == effect for atom in _atoms(item)]
    after = [atom for item in new if item.get("Effect") == effect for atom in _atoms(item)]
    if any(not any(_covers(wide, atom) for wide in before) for atom in after):
        yield more
    if any(not any(_covers(wide, atom) for wide in after) for atom in before):
        yield less


def _bare(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "Sid"}


def _readable(item: Mapping[str, Any]) -> bool:
    principal = item.get("Principal")
    conditions = item.get("Condition", {})
    return (
        item.keys() <= _KNOWN
        and item.get("Effect") in {"Allow", "Deny"}
        and "Action" in item
        and isinstance(principal, Mapping)
        and isinstance(conditions, Mapping)
        and all(isinstance(keys, Mapping) for keys in conditions.values())
    )


def _principals(item: Mapping[str, Any]) -> list[tuple[str, str]]:
    given = item.get("Principal")
    if not isinstance(given, Mapping):
        return []
    return [(str(kind), str(name)) for kind, names in given.items() for name in many(names)]


def _conditions(item: Mapping[str, Any]) -> frozenset[tuple[str, str, frozenset[str]]]:
    given = item.get("Condition")
    if not isinstance(given, Mapping):
        return frozenset()
    return frozenset(
        (str(operator), str(key), frozenset(map(str, many(values))))
        for operator, keys in given.items()
        if isinstance(keys, Mapping)
        for key, values in keys.items()
    )


def _atoms(item: Mapping[str, Any]) -> list[Atom]:
    conditions = _conditions(item)
    return [
        Atom(kind, name, str(action).casefold(), conditions)
        for kind, name in _principals(item)
        for action in many(item.get("Action"))
    ]


def _covers(wide: Atom, atom: Atom) -> bool:
    """Whether every request that one atom speaks of is one that the wide atom speaks of."""
    return (
        wide.kind == atom.kind
        and _includes(wide.principal, atom.principal)
        and fnmatchcase(atom.action, wide.action.replace("[", "[[]"))
        and all(any(_implies(own, demand) for own in atom.conditions) for demand in wide.conditions)
    )


def _includes(wide: str, principal: str) -> bool:
    if wide in ("*", principal):
        return True
    account = _ACCOUNT.match(principal)
    return account is not None and account[1] == wide


def _implies(own: tuple[str, str, frozenset[str]], demand: tuple[str, str, frozenset[str]]) -> bool:
    if own[0] != demand[0] or own[1].casefold() != demand[1].casefold():
        return False
    if own[0] in _SUBSETS:
        return own[2] <= demand[2]
    if own[0] in _NEGATED:
        return own[2] >= demand[2]
    return own[2] == demand[2]


def _outside(kind: str, name: str, account: str) -> bool:
    if kind == "Service":
        return False
    if kind != "AWS" or name == "*":
        return True
    found = _ACCOUNT.match(name)
    owner = found[1] if found else name
    # Principals that were deleted show as their former id, which belongs to nobody any more.
    return owner != account and not owner.startswith(("AIDA", "AROA"))
