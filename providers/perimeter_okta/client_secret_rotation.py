"""How client secrets of applications and API service integrations are rotated: two may live side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from perimeter.sdk import (
    SECRETS,
    Attributes,
    CredentialType,
    Issued,
    IssueRequest,
    NotFound,
    Probed,
    ProbeRequest,
    Retryable,
    SwitchRequest,
)
from perimeter_okta.client import OktaWriter
from perimeter_okta.decode import text, time
from perimeter_okta.trials import try_client_secret

Path = Callable[..., str]
"""(owner's id, further segments) -> the endpoint of its secrets, or one below it."""


class ClientSecretCredential(CredentialType):
    """Okta makes the secret, shows it in the answer, and can switch each of the two off.

    When a secret was last used Okta tells nobody: the token endpoint's events name the client, not the secret.

    Args:
        owner: the attribute that names whose secret it is.
        path: of the secrets of one owner.
        client: reads client id and more of one owner; None when it is gone.
        scope: what writing needs.
    """

    members = ("client_id", "client_secret")
    created_at = "created"
    limit: ClassVar[int] = 2
    switchable = True
    probeable = True

    def __init__(
        self,
        owner: str,
        path: Path,
        client: Callable[[OktaWriter, str], Attributes | None],
        scope: str,
    ) -> None:
        self.owner = (owner,)  # type: ignore[misc]
        self.permissions: Mapping[str, tuple[str, ...]] = {  # type: ignore[misc]
            "issue": (scope,),
            "switch": (scope,),
        }
        self._path = path
        self._client = client

    def issue(self, writer: OktaWriter, request: IssueRequest) -> Issued:
        """``POST …/credentials/secrets``: a new active secret beside the other one."""
        holder = str(request.attributes[self.owner[0]])
        known = self._client(writer, holder)
        if known is None:
            raise NotFound(f"Okta has no client {holder} that could have a secret.")
        answer = writer.post(self._path(holder))
        secret = text(answer.data, "client_secret")
        SECRETS.add(secret)
        identifier = text(answer.data, "id")
        if not secret or not identifier:
            raise Retryable(
                "Okta made a secret and does not show it.",
                committed=None,
                request_id=answer.request_id,
            )
        return Issued(
            id=f"{holder}/{identifier}",
            secret={"client_id": str(known.get("client_id") or holder), "client_secret": secret},
            attributes={
                "secret_id": identifier,
                "status": text(answer.data, "status") or "ACTIVE",
                "created": time(answer.data, "created"),
                **known,
            },
            request_id=answer.request_id,
        )

    def switch_off(self, writer: OktaWriter, request: SwitchRequest) -> str:
        """``POST …/lifecycle/deactivate``; Okta refuses it for the only secret there is."""
        return switch(writer, self._path, request.id, "deactivate")

    def switch_on(self, writer: OktaWriter, request: SwitchRequest) -> str:
        """``POST …/lifecycle/activate``."""
        return switch(writer, self._path, request.id, "activate")

    def is_on(self, attributes: Attributes) -> bool:
        """Whether Okta accepts it."""
        return attributes.get("status") != "INACTIVE"

    def probe(self, request: ProbeRequest) -> Probed:
        """Ask the authorization server about nothing, as the client."""
        return try_client_secret(request)


def switch(writer: OktaWriter, path: Path, identifier: str, verb: str) -> str:
    """Activate or deactivate a secret; returns the request's id."""
    holder, _, secret = identifier.partition("/")
    answer = writer.post(path(holder, secret, "lifecycle", verb))
    forget(answer.data)
    return answer.request_id


def remove(writer: OktaWriter, path: Path, identifier: str, attributes: Attributes) -> str:
    """Deactivate a secret, unless that is done, and delete it: Okta refuses the other way round."""
    if attributes.get("status") != "INACTIVE":
        switch(writer, path, identifier, "deactivate")
    holder, _, secret = identifier.partition("/")
    return writer.delete(path(holder, secret))


def forget(data: Any) -> None:
    """Register the secret that an answer holds, which nobody asked for."""
    SECRETS.add(text(data, "client_secret"))
