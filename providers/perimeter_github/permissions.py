"""GitHub's permissions: the words that apps and fine-grained tokens use, and the classic scopes.

Sources: GitHub documentation, "Permissions required for GitHub Apps" and "Scopes for OAuth apps";
GitHub's OpenAPI description names the classic scope of each operation.
"""

from __future__ import annotations

from collections.abc import Mapping

SETTINGS_READ = "organization_administration=read"
SETTINGS_WRITE = "organization_administration=write"
MEMBERS_READ = "members=read"
KEYS_READ = "administration=read"
KEYS_WRITE = "administration=write"
HOOKS_READ = "organization_hooks=read"
HOOKS_WRITE = "organization_hooks=write"
GRANTS_READ = "organization_personal_access_tokens=read"
GRANTS_WRITE = "organization_personal_access_tokens=write"
REQUESTS_READ = "organization_personal_access_token_requests=read"
REQUESTS_WRITE = "organization_personal_access_token_requests=write"
METADATA_READ = "metadata=read"
ORGANIZATION_SECRETS_READ = "organization_secrets=read"
ORGANIZATION_SECRETS_WRITE = "organization_secrets=write"
REPOSITORY_SECRETS_READ = "secrets=read"
REPOSITORY_SECRETS_WRITE = "secrets=write"
ENVIRONMENTS_READ = "environments=read"
ENVIRONMENTS_WRITE = "environments=write"

USED = (
    METADATA_READ,
    SETTINGS_READ,
    SETTINGS_WRITE,
    MEMBERS_READ,
    KEYS_READ,
    KEYS_WRITE,
    HOOKS_READ,
    HOOKS_WRITE,
    GRANTS_READ,
    GRANTS_WRITE,
    REQUESTS_READ,
    REQUESTS_WRITE,
    ORGANIZATION_SECRETS_READ,
    ORGANIZATION_SECRETS_WRITE,
    REPOSITORY_SECRETS_READ,
    REPOSITORY_SECRETS_WRITE,
    ENVIRONMENTS_READ,
    ENVIRONMENTS_WRITE,
)
"""All that perimeter's types use."""

CLASSIC_SCOPES: Mapping[str, str] = {
    SETTINGS_READ: "admin:org",
    SETTINGS_WRITE: "admin:org",
    MEMBERS_READ: "read:org",
    KEYS_READ: "repo",
    KEYS_WRITE: "repo",
    HOOKS_READ: "admin:org_hook",
    HOOKS_WRITE: "admin:org_hook",
    METADATA_READ: "repo",
    ORGANIZATION_SECRETS_READ: "admin:org",
    ORGANIZATION_SECRETS_WRITE: "admin:org",
    REPOSITORY_SECRETS_READ: "repo",
    REPOSITORY_SECRETS_WRITE: "repo",
    ENVIRONMENTS_READ: "repo",
    ENVIRONMENTS_WRITE: "repo",
}
"""The classic scope that stands for a permission; what is missing no classic token can do."""

LEVELS: Mapping[str, int] = {"none": 0, "read": 1, "write": 2, "admin": 3}
"""Access levels in rising order; also those of ``default_repository_permission``."""

POWERS: Mapping[tuple[str, str], str] = {
    ("contents", "read"): "can read code in {where}",
    ("contents", "write"): "can write code in {where}",
    ("workflows", "write"): "can change workflows in {where}",
    ("actions", "write"): "can run workflows in {where}",
    ("secrets", "write"): "can replace secrets of {where}",
    ("administration", "write"): "can change settings and access of {where}",
    ("repository_hooks", "write"): "can add webhooks to {where}",
    ("organization_administration", "write"): "can administer the organisation",
    ("members", "write"): "can change members and teams",
    ("organization_hooks", "write"): "can add webhooks to the organisation",
    ("organization_secrets", "write"): "can replace secrets of the organisation",
    ("organization_self_hosted_runners", "write"): "can add runners to the organisation",
    ("organization_personal_access_tokens", "write"): "can revoke personal access tokens",
    ("organization_personal_access_token_requests", "write"): "can approve personal access tokens",
}
"""What a permission lets its holder do, for the inventory; a level contains the lower ones."""


def needed(permission: str, scopes: frozenset[str] | None) -> str:
    """What to grant, in the words of the credential's own kind.

    Args:
        permission: what an operation needs.
        scopes: of a classic token; None for other credentials.
    """
    if scopes is None:
        return permission
    scope = CLASSIC_SCOPES.get(permission)
    if scope is None:
        return f"a GitHub App with {permission}"
    held = scopes | ({"read:org"} if scopes & {"admin:org", "write:org"} else set())
    return "the token of an owner" if scope in held else scope


def powers(permissions: Mapping[str, str], where: str) -> tuple[str, ...]:
    """Short worded risks of permissions; of reading and writing code only the greater is named."""
    found = []
    for (name, level), words in POWERS.items():
        held = LEVELS.get(permissions.get(name, "none"), 0)
        if name == "contents" and level == "read" and held > LEVELS["read"]:
            continue
        if held >= LEVELS[level]:
            found.append(words.format(where=where))
    return tuple(found)
