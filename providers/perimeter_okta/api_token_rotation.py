"""How an API token is rotated: a person makes the new one, perimeter revokes the old one."""

from __future__ import annotations

from typing import ClassVar

from perimeter.sdk import (
    Attributes,
    CredentialType,
    ManualStep,
    Probed,
    ProbeRequest,
    Tenant,
)
from perimeter_okta.console import console
from perimeter_okta.trials import try_api_token


class ApiTokenCredential(CredentialType):
    """No API makes a token. When one was last used Okta does not tell apart from when it last changed."""

    members = ("token",)
    created_at = "created"
    owner = ("name",)
    limit: ClassVar[int] = 1000
    """Okta documents none."""
    issuable = False
    probeable = True

    def by_hand(self, attributes: Attributes, tenant: Tenant) -> ManualStep:
        """Where the console makes one."""
        return ManualStep(
            reason="Okta lets only a signed-in administrator make an API token, and shows it once.",
            instructions="Sign in as the account that the token shall act as, open Security, API, Tokens, choose"
            f' "Create token" and name it exactly "{attributes.get("name")}", as the present one. Give it to its consumers. The'
            " next apply takes it over and, once its consumers have moved, revokes the old one.",
            url=console(tenant, "/admin/access/api/tokens"),
        )

    def probe(self, request: ProbeRequest) -> Probed:
        """Ask Okta who it acts as."""
        return try_api_token(request)
