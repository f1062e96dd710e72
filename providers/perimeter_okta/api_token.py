"""``okta_api_token``: API tokens (SSWS), which act as the user who made them."""

from __future__ import annotations

from typing import Any

from perimeter.sdk import (
    STRING,
    Access,
    Attribute,
    Attributes,
    Credential,
    DeleteRequest,
    Direction,
    Facet,
    Identity,
    Listing,
    ListRequest,
    ManualStep,
    Observed,
    ReadRequest,
    Recognition,
    ResourceType,
    Schema,
    Set,
    Transition,
    UpdateRequest,
    Written,
    join_directions,
    path_of,
)
from perimeter_okta.access import with_facts
from perimeter_okta.api_token_rotation import ApiTokenCredential
from perimeter_okta.attributes import ID, moment, observed
from perimeter_okta.client import OktaReader, OktaWriter
from perimeter_okta.console import console
from perimeter_okta.decode import given, text, texts, time
from perimeter_okta.directions import of_rank, of_set, undecided
from perimeter_okta.permissions import API_TOKENS
from perimeter_okta.quirks import TOKEN_REVOCATION


def decode(data: Any) -> Observed:
    """One token of Okta's answers, which never hold the secret."""
    return Observed(
        id=text(data, "id") or "",
        attributes={
            "id": text(data, "id"),
            "name": text(data, "name"),
            "owner": text(data, "userId"),
            "client_name": text(data, "clientName"),
            "network_connection": text(data, "network", "connection") or "ANYWHERE",
            "network_include": texts(data, "network", "include"),
            "network_exclude": texts(data, "network", "exclude"),
            "token_window": text(data, "tokenWindow"),
            "created": time(data, "created"),
            "last_used": time(data, "lastUpdated"),
            "expires_at": time(data, "expiresAt"),
        },
    )


class ApiToken(ResourceType):
    """An API token."""

    name = "okta_api_token"
    schema = Schema(
        doc="An API token. It may do what its owner may, ends when it is not used for 30 days, and is made by people only.",
        attributes={
            "id": ID,
            "name": Attribute(type=STRING, doc="What people call it.", required=True, replace=True),
            "owner": observed("Id of the user it acts as."),
            "client_name": observed("What it was made for."),
            "network_connection": Attribute(
                type=STRING,
                doc="ANYWHERE, or ZONE to accept it from some network zones only.",
                optional=True,
                computed=True,
                values=("ANYWHERE", "ZONE"),
            ),
            "network_include": Attribute(
                type=Set(STRING),
                doc="Ids of zones it is accepted from.",
                optional=True,
                computed=True,
            ),
            "network_exclude": Attribute(
                type=Set(STRING),
                doc="Ids of zones it is refused from.",
                optional=True,
                computed=True,
            ),
            "token_window": observed("How long it may stay unused."),
            "created": moment("When it was made."),
            "last_used": moment("When it last changed or was used."),
            "expires_at": moment("When it ends unless it is used."),
        },
    )
    identity = Identity(natural_key=("name",), recognition=Recognition.DIFFERENCE, match=("name",))
    permissions = API_TOKENS
    credential = ApiTokenCredential()
    quirks = (TOKEN_REVOCATION,)
    creatable = False
    inventory = True
    affects_sign_in = True

    def list(self, reader: OktaReader, request: ListRequest) -> Listing:
        """Read all tokens: one call."""
        return Listing(objects=tuple(decode(item) for item in reader.all("/api/v1/api-tokens")))

    def read(self, reader: OktaReader, request: ReadRequest) -> Observed | None:
        """Read one token."""
        data = reader.find(path_of("api", "v1", "api-tokens", request.id))
        return None if data is None else decode(data)

    def update(self, writer: OktaWriter, request: UpdateRequest) -> Written:
        """Change from where it is accepted."""
        after = request.after
        network: dict[str, Any] = {"connection": given(after, "network_connection") or "ANYWHERE"}
        if network["connection"] == "ZONE":
            for name in ("include", "exclude"):
                network[name] = list(given(after, f"network_{name}") or ())
        body = {"name": request.before.get("name"), "network": network}
        if request.before.get("owner") is not None:
            body["userId"] = request.before["owner"]
        answer = writer.put(path_of("api", "v1", "api-tokens", request.id), body)
        return Written(id=request.id, request_id=answer.request_id)

    def delete(self, writer: OktaWriter, request: DeleteRequest) -> str:
        """Revoke it."""
        return writer.delete(path_of("api", "v1", "api-tokens", request.id))

    def direction(self, transition: Transition) -> Direction:
        """A token gives what its owner has; accepting it from fewer places narrows."""
        before, after = transition.before, transition.after
        if before is None or after is None:
            return Direction.WIDENS if before is None else Direction.NARROWS
        connection = before.get("network_connection"), after.get("network_connection")
        if undecided(connection):
            return Direction.UNKNOWN
        if connection != ("ZONE", "ZONE"):
            return of_rank(*connection, ("ANYWHERE", "ZONE"))
        return join_directions(
            of_set(before.get("network_include"), after.get("network_include")),
            of_set(
                before.get("network_exclude"),
                after.get("network_exclude"),
                growing=Direction.NARROWS,
            ),
        )

    def manual(self, transition: Transition) -> ManualStep | None:
        """Only people make tokens, and only once do they see them."""
        if transition.before is not None and not transition.changed("name"):
            return None
        if transition.after is None:
            return None
        return ManualStep(
            reason="Okta lets only a signed-in administrator make an API token.",
            instructions=f'Open Security, API, Tokens, choose "Create token" and name it'
            f' "{transition.after.get("name")}"; then plan again with an import block.',
            url=console(transition.tenant, "/admin/access/api/tokens"),
        )

    def access_after(self, access: Access, transition: Transition) -> tuple[Access, ...]:
        """Revoking the token that perimeter itself uses, or accepting it from elsewhere only."""
        own = access.facts.get("tokens") or ()
        token = (transition.before or {}).get("id")
        if token not in own:
            return (access,)
        perhaps = "" if len(own) == 1 else "perhaps "
        if transition.after is None:
            because = f"perimeter itself {perhaps}uses this API token"
            left = [item for item in own if item != token]
            lost = "token_doubtful" if left else "token_lost"
            return (with_facts(access, tokens=left, **{lost: because}),)
        places = ("network_connection", "network_include", "network_exclude")
        if any(map(transition.changed, places)) and transition.after.get(places[0]) != "ANYWHERE":
            because = f"whether perimeter, which {perhaps}uses this token, is in these network zones is not known"
            return (with_facts(access, token_doubtful=because),)
        return (access,)

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """A credential."""
        anywhere = attributes.get("network_connection") == "ANYWHERE"
        return (
            Credential(
                id=str(attributes.get("id") or ""),
                name=str(attributes.get("name") or ""),
                owner=str(attributes.get("owner") or ""),
                identity=str(attributes.get("owner") or ""),
                kind="API token",
                created_at=attributes.get("created"),
                last_used_at=attributes.get("last_used"),
                expires_at=attributes.get("expires_at"),
                risk=("accepted from anywhere",) if anywhere else (),
            ),
        )

    def origin(self, attributes: Attributes) -> str:
        """Whose, since when, and when last seen."""
        made, used = attributes.get("created"), attributes.get("last_used")
        if not isinstance(made, str):
            return ""
        last = used[:10] if isinstance(used, str) and used != made else "never"
        return f"made for {attributes.get('owner')} {made[:10]}, last used {last}"
