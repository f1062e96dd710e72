"""Addresses: the names of what is declared, and of its instances. Parsed and printed as Terraform does."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import total_ordering

InstanceKey = int | str | None
"""``None`` (no repetition), an ``int`` (count) or a ``str`` (for_each)."""

_NAME = r"[^\W\d][\w-]*"
_STEP = re.compile(
    rf'(?P<name>{_NAME})(?:\[(?:(?P<int>\d+)|(?P<str>"(?:[^"\\]|\\.)*"))\])?(?:\.|$)'
)


def key_text(key: InstanceKey) -> str:
    """Print an instance key: nothing, ``[0]`` or ``["a"]``."""
    if key is None:
        return ""
    if isinstance(key, int):
        return f"[{key}]"
    text = json.dumps(key, ensure_ascii=False)
    return "[" + text.replace("${", "$${").replace("%{", "%%{") + "]"


def _key_order(key: InstanceKey) -> tuple[int, int, str]:
    if key is None:
        return (0, 0, "")
    return (1, key, "") if isinstance(key, int) else (2, 0, key)


@total_ordering
@dataclass(frozen=True, slots=True)
class ModulePath:
    """The path of a module instance: ``()`` is the root."""

    steps: tuple[tuple[str, InstanceKey], ...] = ()

    def child(self, name: str, key: InstanceKey = None) -> ModulePath:
        """The path of a module called from this one."""
        return ModulePath((*self.steps, (name, key)))

    @property
    def names(self) -> tuple[str, ...]:
        """The path without instance keys: where the module stands in the configuration."""
        return tuple(name for name, _ in self.steps)

    @property
    def is_root(self) -> bool:
        """Whether this is the root module."""
        return not self.steps

    def __str__(self) -> str:
        return ".".join(f"module.{name}{key_text(key)}" for name, key in self.steps)

    def __lt__(self, other: ModulePath) -> bool:
        return self.sort_key < other.sort_key

    @property
    def sort_key(self) -> tuple[tuple[str, tuple[int, int, str]], ...]:
        """A key that orders modules as Terraform prints them."""
        return tuple((name, _key_order(key)) for name, key in self.steps)


ROOT = ModulePath()


@total_ordering
@dataclass(frozen=True, slots=True)
class Address:
    """The address of a resource instance: ``module.m["a"].okta_app.crm[0]``, ``data.okta_group.x``.

    Attributes:
        module: the module instance it is in.
        mode: ``managed``, ``data``, ``ephemeral`` or ``action``.
        type: resource type.
        name: the block's second label.
        key: instance key.
    """

    module: ModulePath
    type: str
    name: str
    key: InstanceKey = None
    mode: str = "managed"

    def __str__(self) -> str:
        prefix = "" if self.mode == "managed" else f"{self.mode}."
        module = f"{self.module}." if self.module.steps else ""
        return f"{module}{prefix}{self.type}.{self.name}{key_text(self.key)}"

    def __lt__(self, other: Address) -> bool:
        return self.sort_key < other.sort_key

    @property
    def sort_key(self) -> tuple[object, ...]:
        """A key that orders instances as Terraform prints them."""
        return (
            len(self.module.steps),
            self.module.sort_key,
            self.mode,
            self.type,
            self.name,
            _key_order(self.key),
        )

    @property
    def block(self) -> Address:
        """The address without the instance key."""
        return Address(self.module, self.type, self.name, None, self.mode)

    def contains(self, other: Address) -> bool:
        """Whether ``other`` is this instance, or an instance of this block."""
        return self == other or (self.key is None and self == other.block)


class AddressError(ValueError):
    """The text is no address; the message says why."""


def _steps(text: str) -> list[tuple[str, InstanceKey]]:
    steps: list[tuple[str, InstanceKey]] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise AddressError(f'"{text}" is not an address: unexpected "{text[at:]}".')
        key: InstanceKey = None
        if match["int"] is not None:
            key = int(match["int"])
        elif match["str"] is not None:
            key = _unquoted(match["str"], text)
        steps.append((match["name"], key))
        at = match.end()
    if not steps or text.endswith("."):
        raise AddressError(f'"{text}" is not an address.')
    return steps


def _unquoted(quoted: str, text: str) -> str:
    try:
        key: str = json.loads(quoted, strict=False)
    except ValueError:
        raise AddressError(f'"{text}" is not an address: {quoted} is no string.') from None
    return key.replace("$${", "${").replace("%%{", "%{")


def _take_module(steps: list[tuple[str, InstanceKey]], text: str) -> ModulePath:
    path = ROOT
    while steps and steps[0] == ("module", None):
        if len(steps) < 2:
            raise AddressError(f'"{text}" is not an address: a module name must follow "module.".')
        name, key = steps[1]
        path = path.child(name, key)
        del steps[:2]
    return path


def parse_address(text: str) -> Address:
    """Parse a resource instance (or resource block) address.

    Raises:
        AddressError: the text is no such address.
    """
    steps = _steps(text)
    module = _take_module(steps, text)
    mode = "managed"
    if len(steps) == 3 and steps[0][0] in ("data", "ephemeral", "action") and steps[0][1] is None:
        mode = steps[0][0]
        del steps[0]
    if len(steps) != 2 or steps[0][1] is not None:
        raise AddressError(
            f'"{text}" is not a resource address: expected TYPE.NAME or TYPE.NAME["KEY"].'
        )
    return Address(module, steps[0][0], steps[1][0], steps[1][1], mode)


@dataclass(frozen=True, slots=True)
class Target:
    """What ``-target`` selects: a module (with all below it), a resource block or one instance."""

    module: ModulePath
    resource: Address | None = None

    def __str__(self) -> str:
        return str(self.module if self.resource is None else self.resource)

    def selects(self, address: Address) -> bool:
        """Whether the instance lies in the target."""
        if self.resource is not None:
            return self.resource.contains(address)
        mine = self.module.steps
        theirs = address.module.steps[: len(mine)]
        return len(theirs) == len(mine) and all(
            a == b and (x is None or x == y) for (a, x), (b, y) in zip(mine, theirs, strict=True)
        )


def parse_target(text: str) -> Target:
    """Parse the value of ``-target``.

    Raises:
        AddressError: the text is neither a module nor a resource address.
    """
    steps = _steps(text)
    module = _take_module(steps, text)
    if not steps:
        return Target(module)
    address = parse_address(text)
    return Target(address.module, address)
