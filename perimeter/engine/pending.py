"""What earlier runs began and nobody knows the end of."""

from __future__ import annotations

from collections.abc import Mapping

from perimeter.state.model import Intent


def pending_creates(pending: tuple[Intent, ...]) -> Mapping[str, Intent]:
    """Creates whose answer nobody knows, by printed address, oldest first: what a plan looks for."""
    return {item.address: item for item in pending if item.operation in ("create", "issue")}
