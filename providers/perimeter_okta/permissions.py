"""The OAuth scopes that calls need, in Okta's words.

Source: ``security`` of each operation in Okta's Management API description, 2026.06.3.
"""

from __future__ import annotations

from perimeter.sdk import Permissions

_FAMILIES = (
    ("/api/v1/users/{id}/roles", "okta.roles"),
    ("/api/v1/users", "okta.users"),
    ("/api/v1/groups/{id}/roles", "okta.roles"),
    ("/api/v1/groups", "okta.groups"),
    ("/api/v1/policies", "okta.policies"),
    ("/api/v1/apps/{id}/grants", "okta.appGrants"),
    ("/api/v1/apps", "okta.apps"),
    ("/api/v1/api-tokens", "okta.apiTokens"),
    ("/api/v1/iam/assignees", "okta.roles"),
    ("/integrations/api/v1/api-services", "okta.oauthIntegrations"),
)

USERS = Permissions(read=("okta.users.read",), update=("okta.users.manage",))
GROUPS = Permissions(
    read=("okta.groups.read",),
    create=("okta.groups.manage",),
    update=("okta.groups.manage",),
    delete=("okta.groups.manage",),
)
MEMBERSHIPS = Permissions(
    read=("okta.groups.read", "okta.users.read"),
    create=("okta.groups.manage",),
    delete=("okta.groups.manage", "okta.users.manage", "okta.apps.read"),
)
POLICIES = Permissions(
    read=("okta.policies.read",),
    create=("okta.policies.manage",),
    update=("okta.policies.manage",),
    delete=("okta.policies.manage",),
)
APPS = Permissions(
    read=("okta.apps.read",),
    create=("okta.apps.manage",),
    update=("okta.apps.manage",),
    delete=("okta.apps.manage",),
)
ASSIGNMENTS = Permissions(
    read=("okta.apps.read",),
    create=("okta.apps.manage",),
    update=("okta.apps.manage",),
    delete=("okta.apps.manage", "okta.users.read"),
)
GRANTS = Permissions(
    read=("okta.appGrants.read",),
    create=("okta.appGrants.manage",),
    update=("okta.appGrants.manage", "okta.apps.manage", "okta.apps.read"),
    delete=("okta.appGrants.manage", "okta.apps.manage", "okta.apps.read"),
)
API_TOKENS = Permissions(
    read=("okta.apiTokens.read",),
    update=("okta.apiTokens.manage",),
    delete=("okta.apiTokens.manage",),
)
API_SERVICES = Permissions(
    read=("okta.oauthIntegrations.read",),
    create=("okta.oauthIntegrations.manage",),
    update=("okta.oauthIntegrations.manage",),
    delete=("okta.oauthIntegrations.manage",),
)
LOCKOUT = ("okta.roles.read", "okta.users.read")
"""What the lockout proof reads beyond the types themselves."""

READ_SCOPES = tuple(
    sorted(
        {
            scope
            for known in (
                USERS,
                GROUPS,
                MEMBERSHIPS,
                POLICIES,
                APPS,
                GRANTS,
                API_TOKENS,
                API_SERVICES,
            )
            for scope in known.read
        }
        | set(LOCKOUT)
    )
)
"""Everything the provider can read with."""

MANAGE_SCOPES = tuple(
    sorted(
        {
            scope
            for known in (
                USERS,
                GROUPS,
                MEMBERSHIPS,
                POLICIES,
                APPS,
                GRANTS,
                API_TOKENS,
                API_SERVICES,
            )
            for scope in (*known.create, *known.update, *known.delete)
            if scope.endswith(".manage")
        }
    )
)
"""Everything the provider can write with."""


def scope_of(method: str, path: str) -> str:
    """The scope that a call needs; nothing where none is known."""
    parts = path.split("/")
    for family, scope in _FAMILIES:
        wanted = family.split("/")
        if len(parts) >= len(wanted) and all(
            one == "{id}" or one == other
            for one, other in zip(wanted, parts[: len(wanted)], strict=True)
        ):
            return f"{scope}.{'read' if method in {'GET', 'HEAD'} else 'manage'}"
    return ""


def bucket_of(method: str, path: str) -> str:
    """The allowance that a call draws on: Okta counts per family of endpoints, lists apart from single objects.

    Source: https://developer.okta.com/docs/reference/rl-best-practices/ and recorded limits.
    """
    parts = path.strip("/").split("/")
    if parts[:2] != ["api", "v1"] or len(parts) < 3:
        return path
    family = f"/api/v1/{parts[2]}"
    return family if len(parts) == 3 and method == "GET" else f"{family}/*"
