"""``okta_clear_user_sessions``: an action that signs somebody out everywhere."""

from __future__ import annotations

from collections.abc import Iterable

from perimeter.sdk import (
    BOOL,
    STRING,
    ActionType,
    Attribute,
    Attributes,
    Direction,
    Invoked,
    InvokeRequest,
    Schema,
    path_of,
)
from perimeter_okta.client import OktaWriter
from perimeter_okta.permissions import USERS


class ClearUserSessions(ActionType):
    """``DELETE /api/v1/users/{userId}/sessions``; operation ``revokeUserSessions`` of Okta's description."""

    name = "okta_clear_user_sessions"
    schema = Schema(
        doc="Ends a user's sessions: they must sign in again. Sessions of web and native apps go on.",
        attributes={
            "user": Attribute(type=STRING, doc="The user's id or login.", required=True),
            "oauth_tokens": Attribute(
                type=BOOL,
                doc="Whether the OpenID Connect and OAuth tokens issued to the user are revoked, too; by default not.",
                optional=True,
            ),
            "forget_devices": Attribute(
                type=BOOL,
                doc="Whether remembered factors are forgotten on all devices; by default as Okta does: yes in Identity "
                "Engine, no in Classic Engine.",
                optional=True,
            ),
        },
    )
    permissions = USERS.update

    def direction(self, config: Attributes) -> Direction:
        """It takes access away, for a while."""
        return Direction.NARROWS

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """Somebody must be named."""
        if config.get("user") == "":
            yield ("user",), "Name the user by id or login."

    def invoke(self, writer: OktaWriter, request: InvokeRequest) -> Invoked:
        """End the sessions; a user that does not exist is an error."""
        config = request.config
        params = {
            wire: str(config[name]).lower()
            for name, wire in (("oauth_tokens", "oauthTokens"), ("forget_devices", "forgetDevices"))
            if config.get(name) is not None
        }
        path = path_of("api", "v1", "users", str(config["user"]), "sessions")
        return Invoked(text="sessions ended", request_id=writer.end(path, params))
