"""Names for objects that are about to be declared: valid, unique, and the same in every run; pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

_LONGEST = 48
"""Characters of a name; what is longer is nobody's name for anything."""

_MOST = 40
"""Characters of one part: public keys and tokens are longer."""

_TITLES = ("name", "title", "label", "login")


def suggested(
    type_name: str,
    natural_key: Iterable[str],
    match: Iterable[str],
    attributes: Mapping[str, Any],
    replaced: Mapping[str, str],
) -> str:
    """What an object of a type is best called, or an empty text.

    Args:
        type_name: names it where its own name starts with a digit.
        attributes: as the tenant shows them.
        natural_key: attributes that identify it to people.
        match: attributes that tell it apart where nothing does to people.
        replaced: words for attributes whose values are other objects' ids.
    """
    names = list(dict.fromkeys(natural_key))
    parts = [_part(name, attributes, replaced) for name in names]
    if not replaced and not any(name in _TITLES for name in names):
        parts.append(_first(_TITLES, attributes))
    if not any(parts):
        parts = [_first(match, attributes)]
    found = "_".join(part for part in parts if part)[:_LONGEST].strip("_")
    if found and not found[0].isalpha():
        found = f"{type_name.rpartition('_')[2]}_{found}"
    return found


def unique(
    wanted: Mapping[Any, tuple[str, str, str]], taken: Mapping[str, frozenset[str]]
) -> dict[Any, str]:
    """Settle names: objects of a type that would share one, or get one that is taken, all get a part of their id besides.

    Args:
        wanted: (type, suggested name, id) by whatever stands for the object.
        taken: names of each type that are in use.
    """
    counts: dict[tuple[str, str], int] = {}
    for kind, name, _ in wanted.values():
        counts[kind, name] = counts.get((kind, name), 0) + 1
    found: dict[Any, str] = {}
    used = {kind: set(names) for kind, names in taken.items()}
    alone = {
        key: not name or counts[kind, name] > 1 or name in taken.get(kind, frozenset())
        for key, (kind, name, _) in wanted.items()
    }
    for key in sorted(wanted, key=lambda key: alone[key]):
        kind, name, identifier = wanted[key]
        if alone[key]:
            word = name or kind.rpartition("_")[2]
            name = f"{word}_{_short(identifier)}"
            if name in used.setdefault(kind, set()):
                name = f"{word}_{_digest(identifier)}"
        used.setdefault(kind, set()).add(name)
        found[key] = name
    return found


def slug(text: str) -> str:
    """The text in lower case, with underscores between words; empty where it has no letter or digit of ASCII."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", plain)
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def _part(name: str, attributes: Mapping[str, Any], replaced: Mapping[str, str]) -> str:
    if name in replaced:
        return replaced[name]
    value = attributes.get(name)
    if not isinstance(value, str):
        return ""
    text = value.partition("://")[2] or value
    text = re.split(r"[?#]", text)[0]
    if text.startswith("arn:"):
        text = text.rpartition("/")[2]
    elif re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        text = text.partition("@")[0]
    return slug(text) if len(text) <= _MOST else ""


def _first(names: Iterable[str], attributes: Mapping[str, Any]) -> str:
    return next((part for name in names if (part := _part(name, attributes, {}))), "")


def _short(identifier: str) -> str:
    found = slug(identifier)
    return found if 0 < len(found) <= _MOST // 2 else _digest(identifier)


def _digest(identifier: str) -> str:
    return hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:8]
