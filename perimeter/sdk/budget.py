"""What calls cost: the figures behind the plan's budget line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What is left of one vendor allowance.

    Attributes:
        bucket: the allowance's name, as the provider calls it.
        limit: calls per window, for everybody who uses the credential; None when the vendor did not
            say.
        remaining: calls left in this window; None when the vendor did not say.
        reset_in: seconds until the window ends; None when the vendor did not say.
    """

    bucket: str
    limit: int | None = None
    remaining: int | None = None
    reset_in: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a client did so far.

    Attributes:
        calls: exchanges that were started, repeated ones included.
        not_modified: answers that said the cached body still holds.
        retries: calls that repeated an earlier one.
        waited: seconds of announced waiting.
    """

    calls: int = 0
    not_modified: int = 0
    retries: int = 0
    waited: float = 0.0
