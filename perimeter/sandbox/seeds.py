"""Seeds: what the emulated tenants hold, as JSON ``{"github": {…}, "okta": {…}}``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from perimeter.sandbox.wire import Vendor

GROUP = "perimeter.sandboxes"
Clock = Callable[[], float]
"""Seconds since 1970."""


class VendorMaker(Protocol):
    """A vendor's class."""

    def __call__(self, seed: dict[str, Any], clock: Clock) -> Vendor:
        """Make the vendor with a tenant as the seed says; raises ``SeedError``."""
        ...


class SeedError(Exception):
    """A seed cannot be used; the message says where it is wrong and what to do."""

    def __init__(self, summary: str, detail: str) -> None:
        super().__init__(f"{summary}: {detail}")
        self.summary = summary
        self.detail = detail


def read_seed(path: Path) -> dict[str, Any]:
    """Read a seed file.

    Raises:
        SeedError: it cannot be read or is no JSON object.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SeedError("Seed not readable", f"{path}: {reason}.") from None
    except (ValueError, RecursionError) as error:
        raise SeedError("Seed is not JSON", f"{path}: {error}.") from None
    if not isinstance(data, dict):
        raise SeedError(
            "Invalid seed", f'{path} must hold a JSON object such as {{"github": {{}}}}.'
        )
    return data


def installed() -> dict[str, VendorMaker]:
    """The vendors that can be emulated here, by name."""
    return {point.name: _Late(point) for point in sorted(entry_points(group=GROUP), key=_name)}


def vendors_of(
    seed: Mapping[str, Any], clock: Clock, makers: Mapping[str, VendorMaker] | None = None
) -> dict[str, Vendor]:
    """Make the vendors that a seed names.

    Args:
        seed: one entry per vendor.
        clock: tells the time in the tenants.
        makers: by vendor name; the installed ones by default.

    Raises:
        SeedError: it names a vendor that cannot be emulated, or one of its parts is wrong.
    """
    known = installed() if makers is None else makers
    vendors = {}
    for name, part in seed.items():
        if name not in known:
            raise SeedError(
                "Unknown vendor in seed",
                f'"{name}" cannot be emulated here; these can: {", ".join(sorted(known))}.',
            )
        if not isinstance(part, dict):
            raise SeedError("Invalid seed", f'"{name}" must be a JSON object.')
        try:
            vendors[name] = known[name](part, clock)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            raise SeedError("Invalid seed", f'In "{name}": {what}.') from None
    return vendors


class _Late:
    """Imports the vendor when it is made."""

    def __init__(self, point: Any) -> None:
        self._point = point

    def __call__(self, seed: dict[str, Any], clock: Clock) -> Vendor:
        vendor: Vendor = self._point.load()(seed, clock)
        return vendor


def _name(point: Any) -> str:
    return str(point.name)
