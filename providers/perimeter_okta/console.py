"""Deep links into Okta's admin console."""

from __future__ import annotations

from perimeter.sdk import Tenant


def console(tenant: Tenant | None, path: str) -> str:
    """The address of a console page; nothing while the tenant is not known."""
    if tenant is None or "." not in tenant.name:
        return ""
    name, _, domain = tenant.name.partition(".")
    return f"https://{name}-admin.{domain}{path}"
