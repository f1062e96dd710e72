"""``github_personal_access_token_request``: fine-grained tokens that wait for approval."""

from __future__ import annotations

from perimeter.sdk import (
    STRING,
    Attribute,
    Attributes,
    Credential,
    DeleteRequest,
    Direction,
    Facet,
    HydrateRequest,
    Identity,
    Listing,
    ListRequest,
    ManualStep,
    Mode,
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
from perimeter_github import token_permissions as tokens
from perimeter_github.client import Client
from perimeter_github.permissions import REQUESTS_READ, REQUESTS_WRITE

_COLLECTION = "personal-access-token-requests"
_REASON = "The organisation's access policy does not declare this token."
_ATTRIBUTES = {
    **tokens.ATTRIBUTES,
    "reason": Attribute(type=STRING, doc="Why its owner asks.", computed=True, mode=Mode.OBSERVED),
    "created_at": Attribute(
        type=STRING,
        doc="When it was asked for.",
        computed=True,
        mode=Mode.OBSERVED,
        canonical=timestamp,
    ),
}


class TokenRequest(ResourceType):
    """A pending request. Removing it denies it; approving stays a person's decision.

    An approved request is gone from the list, so "approved" is no state that a declaration could
    hold: the grant that it turns into is.
    """

    name = "github_personal_access_token_request"
    inventory = True
    creatable = False
    listed = frozenset(_ATTRIBUTES) - {"repositories"}
    identity = Identity(
        natural_key=("owner", "token_name"),
        recognition=Recognition.UNIQUE_KEY,
        import_format="REQUEST_ID",
    )
    permissions = Permissions(read=(REQUESTS_READ,), delete=(REQUESTS_WRITE,))
    schema = Schema(
        doc="A request for access to the organisation by a fine-grained personal access token. Only "
        "GitHub Apps may read these. Removing one denies it.",
        attributes=_ATTRIBUTES,
    )
    quirks = (
        Quirk(
            summary="The request is denied; GitHub tells the token's owner by mail.",
            since="2026-11-24",
            source="https://docs.github.com/organizations/"
            "managing-programmatic-access-to-your-organization/"
            "managing-requests-for-personal-access-tokens-in-your-organization",
            applies=lambda transition: transition.after is None,
        ),
    )

    def list(self, reader: Client, request: ListRequest) -> Listing:
        """``GET /orgs/{org}/personal-access-token-requests``, 100 a page."""
        return Listing(objects=self._all(reader))

    def hydrate(self, reader: Client, request: HydrateRequest) -> tuple[Observed, ...]:
        """The repositories of requests for some only."""
        return tokens.hydrated(reader, request, _COLLECTION, REQUESTS_READ)

    def read(self, reader: Client, request: ReadRequest) -> Observed | None:
        """Find one in the list: there is no call for a single request."""
        for item in self._all(reader):
            if item.id == request.id:
                selected = tokens.repositories(reader, item, _COLLECTION, REQUESTS_READ)
                return Observed(
                    id=item.id, attributes={**item.attributes, "repositories": selected}
                )
        return None

    def delete(self, writer: Client, request: DeleteRequest) -> str:
        """``POST /orgs/{org}/personal-access-token-requests/{pat_request_id}`` with ``deny``."""
        with writer.naming(REQUESTS_WRITE):
            path = writer.path(_COLLECTION, request.id)
            return writer.http.post(path, {"action": "deny", "reason": _REASON}).request_id

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """GitHub's number of the request."""
        if not text.isdigit():
            raise ValueError(f'"{text}" is no number.')
        return {"id": text}

    def direction(self, transition: Transition) -> Direction:
        """A request gives no access yet: denying one changes none, wanting more would."""
        before, after = transition.before, transition.after
        if before is None or after is None:
            return Direction.NEUTRAL
        return tokens.direction(before, after)

    def manual(self, transition: Transition) -> ManualStep | None:
        """Asking, and asking for something else, is the owner's."""
        before, after = transition.before, transition.after
        if after is None:
            return None
        owner, name = after.get("owner"), after.get("token_name")
        return ManualStep(
            reason="Only its owner can ask for access by a personal access token.",
            instructions=f'{owner} generates or edits the fine-grained token "{name}" under '
            "Settings, Developer settings, with the organisation as resource owner.",
            url="https://github.com/settings/personal-access-tokens",
            paths=() if before is None else tokens.changed(before, after),
        )

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """A credential that reaches nothing yet."""
        return (
            Credential(
                id=str(attributes.get("id")),
                name=str(attributes.get("token_name")),
                owner=str(attributes.get("owner")),
                kind="requested personal access token",
                created_at=_time(attributes.get("created_at")),
                expires_at=_time(attributes.get("token_expires_at")),
                active=False,
            ),
        )

    def describe(self, attributes: Attributes) -> str:
        """``"deploy" of j.doe``."""
        return f'"{attributes.get("token_name")}" of {attributes.get("owner")}'

    def origin(self, attributes: Attributes) -> str:
        """When it was asked for."""
        created = _time(attributes.get("created_at"))
        return f"asked for {created[:10]}" if created else ""

    def _all(self, reader: Client) -> tuple[Observed, ...]:
        return tuple(
            tokens.observed(item, reason=item.get("reason"), created_at=item.get("created_at"))
            for item in reader.items(reader.path(_COLLECTION), REQUESTS_READ)
        )


def _time(value: object) -> str | None:
    return value if isinstance(value, str) else None
