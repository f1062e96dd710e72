"""Configuration for objects that nothing declares yet: ``resource`` and ``import`` blocks in canonical style; pure.

Planned, it asks for no change: it names what the tenant shows and an API writes, and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from perimeter.addresses import AddressError, parse_address
from perimeter.config.model import Module
from perimeter.engine.credentials import told
from perimeter.engine.diff import canonical, sort_text
from perimeter.engine.naming import slug, suggested, unique
from perimeter.engine.query import FoundObject, ListResult
from perimeter.hcl.format import format_text
from perimeter.hcl.writer import LINE_LENGTH, quote, value_text
from perimeter.lang.values import Unknown, Unseen
from perimeter.sdk.provider import ResourceType
from perimeter.sdk.schema import Attribute, Mode, NestedBlock, Nesting

Key = tuple[str, str, str]
"""An object: provider instance, type, id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """What declares one object.

    Attributes:
        address: of the resource.
        resource: the resource block.
        importing: the import block.
    """

    address: str
    resource: str
    importing: str

    @property
    def text(self) -> str:
        """Both blocks."""
        return f"{self.importing}\n{self.resource}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """An object that expressions can refer to, by the attribute that others hold the value of."""

    type: str
    address: str
    attribute: str = "id"


def generate(
    results: Iterable[ListResult],
    root: Module,
    declared: Mapping[tuple[str, str], Mapping[str, str]],
    *,
    addresses: Mapping[Key, str] | None = None,
) -> dict[Key, Generated]:
    """Declare every undeclared object of some results, all attributes of which were read.

    Args:
        results: what was found; an object in several of them is declared once.
        root: the module that the configuration is for; its names are not used again.
        declared: by provider instance and type, addresses by vendor id.
        addresses: of objects in the root module that are to be called so, and not after what they are.

    Returns:
        By object, in a stable order. Objects of a provider that only another module configures are left out.
    """
    objects = {
        (item.provider, item.type, item.id): item
        for result in results
        for item in result.objects
        if item.status == "undeclared" and not item.provider.startswith("module.")
    }
    ordered = {key: objects[key] for key in sorted(objects, key=_order)}
    names = _names(ordered, root)
    for one, address in (addresses or {}).items():
        names[one] = parse_address(address).name
    known: dict[tuple[str, str], list[_Named]] = {}
    for (provider, kind), by_id in declared.items():
        for identifier, address in by_id.items():
            if _is_declared(address, root):
                named = _Named(type=kind, address=address)
                known.setdefault((provider, identifier), []).append(named)
    for key, item in ordered.items():
        for attribute, value in _handles(item):
            named = _Named(type=item.type, address=f"{item.type}.{names[key]}", attribute=attribute)
            known.setdefault((item.provider, value), []).append(named)
    edges: dict[str, set[str]] = {}
    made = {
        key: _Writer(item, f"{item.type}.{names[key]}", known, edges).generated()
        for key, item in ordered.items()
    }
    return dict(sorted(made.items(), key=lambda entry: entry[1].address))


def _handles(item: FoundObject) -> list[tuple[str, str]]:
    """The attributes by whose values other objects may mean this one: its id, else its name."""
    if item.kind.singleton:
        return []
    found = [("id", item.id)] if "id" in item.kind.schema.attributes else []
    key = item.kind.identity.natural_key
    name = item.attributes.get(key[0]) if len(key) == 1 else None
    if isinstance(name, str) and name != item.id:
        found.append((key[0], name))
    return found


def _order(key: Key) -> tuple[str, str, str]:
    return key[1], key[0], key[2]


def _is_declared(address: str, root: Module) -> bool:
    try:
        found = parse_address(address)
    except AddressError:
        return False
    return not found.module.steps and ("managed", found.type, found.name) in root.resources


def _names(objects: Mapping[Key, FoundObject], root: Module) -> dict[Key, str]:
    """Names of the objects; one that is named after others comes after them."""
    taken: dict[str, frozenset[str]] = {}
    for mode, kind, name in root.resources:
        if mode == "managed":
            taken[kind] = taken.get(kind, frozenset()) | {name}
    first = {key: _suggested(item, {}) for key, item in objects.items()}
    by_id: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for (provider, kind, identifier), word in first.items():
        by_id.setdefault((provider, identifier), []).append((kind, word))
    wanted: dict[Key, tuple[str, str, str]] = {}
    for key, item in objects.items():
        replaced: dict[str, str] = {}
        for name in item.kind.identity.natural_key:
            value = item.attributes.get(name)
            for kind, word in by_id.get((item.provider, str(value)), ()):
                if word and kind != item.type and _means(name, kind, str(value)):
                    replaced[name] = word
        wanted[key] = (item.type, _suggested(item, replaced), item.id)
    return unique(wanted, taken)


def _suggested(item: FoundObject, replaced: Mapping[str, str]) -> str:
    if item.kind.singleton:
        name = slug(item.tenant.name)
        return name if name[:1].isalpha() else f"{item.type.rpartition('_')[2]}_{name}".strip("_")
    identity = item.kind.identity
    return suggested(item.type, identity.natural_key, identity.match, item.attributes, replaced)


def _means(attribute: str, kind: str, identifier: str) -> bool:
    """Whether an attribute that holds an object's id means the object: by its name, or as nothing else looks like that.

    ``user``, ``user_id`` and ``excluded_users`` mean an ``okta_user``. An id of twelve letters and digits or more is no
    accident; a short one, such as ``1`` or ``alice``, may well be.
    """
    if _is_named_after(attribute, kind):
        return True
    return bool(re.fullmatch(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9-]{12,}", identifier))


def _is_named_after(attribute: str, kind: str) -> bool:
    words = attribute.split("_")
    if words[-1] in ("id", "ids") and len(words) > 1:
        words.pop()
    return words[-1].removesuffix("s") == kind.rpartition("_")[2]


class _Writer:
    """Writes one object's blocks."""

    def __init__(
        self,
        item: FoundObject,
        address: str,
        known: Mapping[tuple[str, str], Sequence[_Named]],
        edges: dict[str, set[str]],
    ) -> None:
        self.item = item
        self.address = address
        self.known = known
        self.edges = edges
        self.above = item.kind.identity.parent

    def generated(self) -> Generated:
        item = self.item
        kind, _, name = self.address.partition(".")
        lines = [*self._comments(), f"resource {quote(kind)} {quote(name)} {{"]
        if item.provider != item.type.partition("_")[0]:
            lines.append(f"provider = {item.provider}")
        schema = item.kind.schema
        lines += self._body(schema.attributes, schema.blocks, item.attributes, 2)
        lines += rotation_lines(item)
        lines.append("}\n")
        return Generated(
            address=self.address,
            resource=_formatted("\n".join(lines)),
            importing=_formatted(
                "\n".join(["import {", f"to = {self.address}", self._id(), "}\n"])
            ),
        )

    def _comments(self) -> list[str]:
        """Where it comes from and what is risky about it, on a line each."""
        found = self.item.credential
        facts = [self.item.origin, *self.item.risks, "" if found is None else told(found)]
        return [f"# {_one_line(text)}" for text in facts if text]

    def _id(self) -> str:
        item = self.item
        for text in dict.fromkeys([item.id, *(value for _, value in _handles(item))]):
            try:
                key = item.kind.import_key(text, item.tenant)
            except ValueError:
                continue
            if _singles_out(item.kind, key, item):
                return f"id = {quote(text)}"
        return f"identity = {value_text({'id': item.id}, 2)}"

    def _body(
        self,
        attributes: Mapping[str, Attribute],
        blocks: Mapping[str, NestedBlock],
        values: Mapping[str, Any],
        indent: int,
        label: str | None = None,
    ) -> list[str]:
        lines: list[str] = []
        for name, attribute in attributes.items():
            if name == label or not _is_written(attribute):
                continue
            value = values.get(name)
            if attribute.is_secret or attribute.sensitive:
                value = None
            if value is None or isinstance(value, Unknown):
                lines += _missing(name, attribute, value)
                continue
            lines.append(f"{name} = {self._value(name, attribute, value, indent)}")
        for name, block in blocks.items():
            found = values.get(name)
            if found is None or isinstance(found, Unknown):
                lines += _unseen_block(name, found)
                continue
            for element in [found] if block.nesting is Nesting.SINGLE else found:
                lines += self._block(name, block, element, indent)
        return lines

    def _block(
        self, name: str, block: NestedBlock, values: Mapping[str, Any], indent: int
    ) -> list[str]:
        label = values.get(block.label) if block.label else None
        head = f"{name} {quote(str(label))} {{" if label is not None else f"{name} {{"
        inner = self._body(
            block.attributes,
            block.blocks,
            values,
            indent + 2,
            block.label if label is not None else None,
        )
        return ["", head, *inner, "}"]

    def _value(self, name: str, attribute: Attribute, value: Any, indent: int) -> str:
        if isinstance(value, str):
            return (
                self._reference(name, value) or _document(attribute, value, indent) or quote(value)
            )
        if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
            parts = [self._reference(name, part) for part in value]
            if any(parts):
                texts = [part or quote(text) for part, text in zip(parts, value, strict=True)]
                line = f"[{', '.join(texts)}]"
                if indent + len(name) + 3 + len(line) <= LINE_LENGTH:
                    return line
                margin = " " * (indent + 2)
                inner = "".join(f"{margin}{text},\n" for text in texts)
                return f"[\n{inner}{' ' * indent}]"
        return value_text(value, indent)

    def _reference(self, name: str, value: str) -> str:
        """An expression for another object's id, or an empty text."""
        found = [
            other
            for other in self.known.get((self.item.provider, value), ())
            if other.address != self.address
            and other.type != self.item.type
            and self._points_at(name, other, value)
        ]
        if len(found) != 1:
            return ""
        target = found[0].address
        if self._reaches(target, self.address):
            return ""
        self.edges.setdefault(self.address, set()).add(target)
        return f"{target}.{found[0].attribute}"

    def _points_at(self, name: str, other: _Named, value: str) -> bool:
        if self.above is not None and name == self.above.attribute:
            return other.type == self.above.type and other.attribute == "id"
        if other.attribute != "id":
            return _is_named_after(name, other.type)
        return _means(name, other.type, value)

    def _reaches(self, start: str, end: str) -> bool:
        """Whether one block refers to another already, over however many others."""
        waiting, seen = [start], set[str]()
        while waiting:
            address = waiting.pop()
            if address == end:
                return True
            if address not in seen:
                seen.add(address)
                waiting += self.edges.get(address, ())
        return False


def rotation_lines(item: FoundObject) -> list[str]:
    """What brings a credential under rotation, as a comment: it needs sinks, and planned it must not ask for a change."""
    credential = item.kind.credential
    if credential is None:
        return []
    lines = ["", "# To bring it under rotation:", "# rotation {", '#   max_age    = "90d"']
    if credential.issuable:
        lines.append("#   deliver_to = [TYPE.NAME] # where new ones go")
    return [*lines, "# }"]


def _is_written(attribute: Attribute) -> bool:
    """Whether configuration names it: what is required always, else what an API writes and shows."""
    if attribute.required:
        return True
    return attribute.optional and attribute.mode is Mode.MANAGED


def _missing(name: str, attribute: Attribute, value: Any) -> list[str]:
    if isinstance(value, Unseen):
        return [f"# {name} is {_one_line(str(value))}."]
    if not attribute.required:
        return []
    why = "it is secret" if attribute.is_secret or attribute.sensitive else "the tenant shows none"
    return [f"# {name} must be given; {why}."]


def _unseen_block(name: str, value: Any) -> list[str]:
    return [f"# {name} is {_one_line(str(value))}."] if isinstance(value, Unseen) else []


def _singles_out(kind: ResourceType, key: Mapping[str, Any], item: FoundObject) -> bool:
    if "id" in key:
        return str(key["id"]) == item.id
    schema = kind.schema.attributes
    return all(
        sort_text(canonical(schema[name], value) if name in schema else value)
        == sort_text(
            canonical(schema[name], item.attributes.get(name))
            if name in schema
            else item.attributes.get(name)
        )
        for name, value in key.items()
    )


def _document(attribute: Attribute, text: str, indent: int) -> str:
    """``jsonencode(…)`` for a JSON document whose layout means nothing, or an empty text."""
    if attribute.canonical is None or not text.startswith(("{", "[")):
        return ""
    try:
        parsed = json.loads(text, parse_float=Decimal)
        compact = json.dumps(json.loads(text), separators=(",", ":"), sort_keys=True)
        if attribute.canonical(compact) != attribute.canonical(text):
            return ""
        return f"jsonencode({value_text(parsed, indent)})"
    except (ValueError, TypeError):
        return ""


def _one_line(text: str) -> str:
    """For a comment: names come from tenants, where anybody may have written a line break."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _formatted(text: str) -> str:
    return format_text(text, "generated.hcl")[0]
