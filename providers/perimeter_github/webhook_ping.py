"""``github_webhook_ping``: an action that has GitHub send a ping event to a webhook's receiver."""

from __future__ import annotations

from collections.abc import Iterable

from perimeter.sdk import (
    STRING,
    ActionType,
    Attribute,
    Attributes,
    Invoked,
    InvokeRequest,
    Schema,
)
from perimeter_github.client import Client
from perimeter_github.permissions import HOOKS_WRITE


class WebhookPing(ActionType):
    """``POST /orgs/{org}/hooks/{hook_id}/pings``."""

    name = "github_webhook_ping"
    schema = Schema(
        doc="Sends a ping event to an organisation webhook's receiver, to see that it answers.",
        attributes={
            "webhook": Attribute(
                type=STRING,
                doc="GitHub's number of the webhook: github_organization_webhook.NAME.id.",
                required=True,
            )
        },
    )
    permissions = (HOOKS_WRITE,)

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """GitHub numbers webhooks."""
        number = config.get("webhook")
        if isinstance(number, str) and not number.isdigit():
            yield ("webhook",), f'"{number}" is no number. Refer to the webhook\'s id.'

    def invoke(self, writer: Client, request: InvokeRequest) -> Invoked:
        """Have it pinged; GitHub does not tell what the receiver answered."""
        with writer.naming(HOOKS_WRITE):
            path = writer.path("hooks", str(request.config["webhook"]), "pings")
            answer = writer.http.post(path)
        return Invoked(text="GitHub sends the ping", request_id=answer.request_id)
