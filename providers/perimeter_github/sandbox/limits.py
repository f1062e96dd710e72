"""GitHub's primary and secondary rate limits, enforced per user or installation."""

from __future__ import annotations

from typing import Any

from perimeter.sandbox.rates import Bucket, Taken
from perimeter_github.sandbox.errors import Refused

DEFAULTS: dict[str, dict[str, float]] = {
    "core": {"limit": 5000, "window": 3600},
    "graphql": {"limit": 5000, "window": 3600},
    "search": {"limit": 30, "window": 60},
    "points": {"limit": 900, "window": 60},
    "content": {"limit": 80, "window": 60},
}
"""Primary allowances by resource, and the secondary ones: points a minute over all REST calls (a
read costs 1, a write 5) and content-creating calls a minute. GitHub documentation, "Rate limits
for the REST API"."""
DOCS = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"


class Limits:
    """The allowances of every caller."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = {name: {**DEFAULTS[name], **settings.get(name, {})} for name in DEFAULTS}
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def bucket(self, caller: str, name: str) -> Bucket:
        """A caller's allowance."""
        bucket = self._buckets.get((caller, name))
        if bucket is None:
            settings = self._settings[name]
            bucket = Bucket(name, int(settings["limit"]), float(settings["window"]))
            self._buckets[caller, name] = bucket
        return bucket

    def admit(self, caller: str, resource: str, method: str, now: float) -> None:
        """Refuse a call for which there is no allowance left; counts nothing primary."""
        primary = self.bucket(caller, resource).peek(now)
        if not primary.allowed:
            raise Refused(
                403 if resource == "core" else 429,
                f"API rate limit exceeded for {caller}.",
                docs=DOCS,
                headers=headers(primary, resource),
            )
        if resource == "graphql":
            return
        write = method != "GET"
        wanted = [("points", 5 if write else 1)]
        if write and method != "DELETE":
            wanted.append(("content", 1))
        for name, cost in wanted:
            taken = self.bucket(caller, name).take(now, cost)
            if not taken.allowed:
                raise Refused(
                    403,
                    "You have exceeded a secondary rate limit. Please wait a few minutes before "
                    "you try again.",
                    docs=f"{DOCS}#about-secondary-rate-limits",
                    headers={
                        "Retry-After": str(max(1, -int(-(taken.reset - now) // 1))),
                        **headers(primary, resource),
                    },
                )


def headers(taken: Taken, resource: str) -> dict[str, str]:
    """The rate headers of an answer; the reset is rounded up to a whole second."""
    return {
        "X-RateLimit-Limit": str(taken.limit),
        "X-RateLimit-Remaining": str(taken.remaining),
        "X-RateLimit-Used": str(taken.used),
        "X-RateLimit-Reset": str(-int(-taken.reset // 1)),
        "X-RateLimit-Resource": resource,
    }
