"""Actions: operations of a vendor that are no resource, such as ending a user's sessions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from perimeter.sdk.contract import Attributes, Direction, Tenant
from perimeter.sdk.schema import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class InvokeRequest:
    """Invokes an action; ``config`` is wholly known, write-only secrets included."""

    tenant: Tenant
    config: Attributes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoked:
    """The answer to an invocation.

    Attributes:
        text: what came of it, in a few words; without secrets.
        request_id: the vendor's id of the exchange, for the evidence log.
    """

    text: str = ""
    request_id: str = ""


class ActionType(ABC):
    """One operation that configuration may ask for; see the ``action`` block.

    Must: be stateless; keep every method without a Writer pure; raise only ``perimeter.sdk.errors``, with ``committed`` None
    where the vendor may have acted: an invocation is not repeated by itself.
    """

    name: ClassVar[str]
    schema: ClassVar[Schema]
    permissions: ClassVar[tuple[str, ...]]
    """The scopes it needs, in the vendor's words; all of them."""

    def direction(self, config: Attributes) -> Direction:
        """Judge what it does to access; parts of ``config`` may be unknown; pure."""
        return Direction.NEUTRAL

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """Yield (path, what is wrong and what to do) for configuration that can never work; pure."""
        return ()

    @abstractmethod
    def invoke(self, writer: Any, request: InvokeRequest) -> Invoked:
        """Do it, once."""
