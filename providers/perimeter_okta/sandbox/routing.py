"""Which call goes where, and the scope it takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from perimeter.sandbox.wire import Request, Response
from perimeter_okta.sandbox.tenant import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a call.

    Attributes:
        key: names the credential, for its allowances.
        user: the user it acts as; empty for apps.
        client: the app it acts as; empty for users.
        scopes: what it may do; None for everything.
    """

    key: str
    user: str = ""
    client: str = ""
    scopes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One call to an operation."""

    tenant: Tenant
    request: Request
    caller: Caller


Handler = Callable[..., Response]
"""Called with (visit, *ids)."""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation; ``scope`` is empty where any caller may, None where nobody need sign in."""

    method: str
    template: str
    scope: str | None
    handler: Handler

    def match(self, method: str, path: str) -> tuple[str, ...] | None:
        """The ids in a path of this form, or None."""
        if method != self.method:
            return None
        pattern = re.sub(
            r"{\w+}", "([^/]+)", re.escape(self.template).replace(r"\{", "{").replace(r"\}", "}")
        )
        found = re.fullmatch(pattern, path)
        return None if found is None else found.groups()


def route_of(
    routes: Sequence[Route], method: str, path: str
) -> tuple[Route, tuple[str, ...]] | None:
    """The first route that fits."""
    for route in routes:
        ids = route.match(method, path)
        if ids is not None:
            return route, ids
    return None


__all__ = ["Caller", "Handler", "Request", "Response", "Route", "Tenant", "Visit", "route_of"]
