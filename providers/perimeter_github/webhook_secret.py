"""``github_organization_webhook_secret``: the key that a webhook's deliveries are signed with, as a credential of its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from perimeter.sdk import (
    SECRETS,
    STRING,
    Attribute,
    Attributes,
    Credential,
    CredentialType,
    DeleteRequest,
    Direction,
    Facet,
    Identity,
    Issued,
    IssueRequest,
    Listing,
    ListRequest,
    ManualStep,
    Mode,
    NotFound,
    Observed,
    Permissions,
    Quirk,
    ReadRequest,
    Recognition,
    ResourceType,
    Schema,
    Tenant,
    Transition,
)
from perimeter.sdk.canonical import timestamp
from perimeter_github.client import Client
from perimeter_github.permissions import HOOKS_READ, HOOKS_WRITE

SIZE = 32
"""Bytes of chance in a secret, written as twice as many hexadecimal digits."""


class WebhookSecretCredential(CredentialType):
    """GitHub keeps one secret per webhook and shows none: a new one ends the old one at once.

    The object stays the same, since the webhook does: ``Issued.id`` is the previous id.
    """

    members = ("secret",)
    owner = ("webhook",)
    limit: ClassVar[int] = 1
    ends_previous = True
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {"issue": (HOOKS_WRITE,)}

    def issue(self, writer: Client, request: IssueRequest) -> Issued:
        """``PATCH /orgs/{org}/hooks/{hook_id}/config`` with nothing but a new secret, which keeps the rest."""
        hook = str(request.attributes["webhook"])
        secret = secrets.token_hex(SIZE)
        SECRETS.add(secret)
        with writer.naming(HOOKS_WRITE):
            answer = writer.http.patch(f"{writer.path('hooks', hook)}/config", {"secret": secret})
        return Issued(id=hook, secret={"secret": secret}, request_id=answer.request_id)


class WebhookSecret(ResourceType):
    """The secret of one webhook; webhooks without one have no such object."""

    name = "github_organization_webhook_secret"
    credential = WebhookSecretCredential()
    identity = Identity(
        natural_key=("webhook",), recognition=Recognition.UNIQUE_KEY, import_format="HOOK_ID"
    )
    permissions = Permissions(read=(HOOKS_READ,), create=(HOOKS_WRITE,), delete=(HOOKS_WRITE,))
    creatable = False
    hides = "To an OAuth app, the webhooks that it did not create; to people, those of OAuth apps."
    schema = Schema(
        doc="The key that an organisation webhook's deliveries are signed with. perimeter makes it and delivers it: declare a "
        "rotation block, and leave secret out of the webhook's own declaration.",
        attributes={
            "id": Attribute(type=STRING, doc="GitHub's number of the webhook.", computed=True),
            "webhook": Attribute(
                type=STRING,
                doc="GitHub's number of the webhook: github_organization_webhook.NAME.id.",
                required=True,
                replace=True,
            ),
            "url": Attribute(
                type=STRING,
                doc="Where the webhook's events are sent, without a query.",
                computed=True,
                mode=Mode.OBSERVED,
            ),
            "created_at": Attribute(
                type=STRING,
                doc="When the webhook was made. GitHub does not tell when its secret was set, which may be later.",
                computed=True,
                mode=Mode.OBSERVED,
                canonical=timestamp,
            ),
        },
    )
    quirks = (
        Quirk(
            summary="The old secret ends at once: receivers that know only that one refuse deliveries until they have the new "
            "one. GitHub sends nothing again by itself; failed deliveries can be sent again by hand for three days.",
            since="2026-11-24",
            source="https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries",
            applies=lambda transition: transition.after is not None,
        ),
        Quirk(
            summary="Without its secret the webhook goes on sending, unsigned.",
            since="2026-11-24",
            source="https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries",
            applies=lambda transition: transition.after is None,
        ),
    )

    def list(self, reader: Client, request: ListRequest) -> Listing:
        """``GET /orgs/{org}/hooks``, 100 a page."""
        found = (_observed(item) for item in reader.items(reader.path("hooks"), HOOKS_READ))
        return Listing(objects=tuple(item for item in found if item is not None))

    def read(self, reader: Client, request: ReadRequest) -> Observed | None:
        """``GET /orgs/{org}/hooks/{hook_id}``; a 404 counts once the list is seen to be readable."""
        try:
            answer = reader.get(reader.path("hooks", request.id), HOOKS_READ)
        except NotFound:
            reader.items(reader.path("hooks"), HOOKS_READ)
            return None
        return _observed(answer.data)

    def delete(self, writer: Client, request: DeleteRequest) -> str:
        """``PATCH /orgs/{org}/hooks/{hook_id}`` with the whole configuration but the secret, which drops it."""
        path = writer.path("hooks", request.id)
        config = dict(writer.http.get(path, fresh=True).data.get("config") or {})
        config.pop("secret", None)
        with writer.naming(HOOKS_WRITE):
            return writer.http.patch(path, {"config": config}).request_id

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """GitHub's number of the webhook."""
        if not text.isdigit():
            raise ValueError(f'"{text}" is no number.')
        return {"id": text}

    def manual(self, transition: Transition) -> ManualStep | None:
        """Nothing is made that nobody would know: without a rotation block, a person sets the secret."""
        if transition.before is not None or transition.after is None:
            return None
        tenant = transition.tenant
        return ManualStep(
            reason="Without a rotation block nobody would ever know a secret that perimeter makes.",
            instructions="Give this resource a rotation block with deliver_to; or set a secret on the webhook's own page"
            " (Settings, Webhooks) and plan again with an import block.",
            url=f"https://github.com/organizations/{tenant.name}/settings/hooks" if tenant else "",
        )

    def direction(self, transition: Transition) -> Direction:
        """A secret proves where deliveries come from; it lets nobody in, and without one anybody can forge them."""
        return Direction.WIDENS if transition.after is None else Direction.NEUTRAL

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """A credential of its webhook."""
        number = str(attributes.get("id"))
        return (
            Credential(
                id=number,
                name=f"secret of webhook {number}",
                owner=str(attributes.get("url") or ""),
                kind="webhook secret",
                created_at=_text(attributes.get("created_at")),
            ),
        )

    def describe(self, attributes: Attributes) -> str:
        """Of which webhook."""
        return f"of webhook {attributes.get('webhook')}"

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """GitHub numbers webhooks."""
        number = config.get("webhook")
        if isinstance(number, str) and not number.isdigit():
            yield ("webhook",), f'"{number}" is no number. Refer to the webhook\'s id.'


def _observed(item: Mapping[str, Any]) -> Observed | None:
    config = item.get("config") or {}
    if not config.get("secret"):
        return None
    number = str(item["id"])
    url = str(config.get("url") or "").partition("?")[0].partition("#")[0]
    attributes = {
        "id": number,
        "webhook": number,
        "url": url,
        "created_at": item.get("created_at"),
    }
    return Observed(id=number, attributes=attributes)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
