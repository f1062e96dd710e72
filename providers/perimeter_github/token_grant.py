"""``github_personal_access_token_grant``: fine-grained tokens that reach the organisation."""

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
from perimeter_github.permissions import GRANTS_READ, GRANTS_WRITE

_COLLECTION = "personal-access-tokens"
_NEW = "https://github.com/settings/personal-access-tokens"
_ATTRIBUTES = {
    **tokens.ATTRIBUTES,
    "access_granted_at": Attribute(
        type=STRING,
        doc="When its access was approved.",
        computed=True,
        mode=Mode.OBSERVED,
        canonical=timestamp,
    ),
}


class TokenGrant(ResourceType):
    """A person's token with access to the organisation. It can be looked at and revoked."""

    name = "github_personal_access_token_grant"
    inventory = True
    creatable = False
    listed = frozenset(_ATTRIBUTES) - {"repositories"}
    identity = Identity(
        natural_key=("owner", "token_name"),
        recognition=Recognition.UNIQUE_KEY,
        import_format="GRANT_ID",
    )
    permissions = Permissions(read=(GRANTS_READ,), delete=(GRANTS_WRITE,))
    hides = "Classic tokens: GitHub lists none."
    schema = Schema(
        doc="A fine-grained personal access token that may reach the organisation. Only GitHub Apps "
        "may read these; nobody but its owner can make or change one.",
        attributes=_ATTRIBUTES,
    )
    quirks = (
        Quirk(
            summary="The token can still read what is public, and SSH keys that were made with it go "
            "on working: remove those apart. GitHub tells the owner by mail.",
            since="2026-11-24",
            source="https://docs.github.com/enterprise-cloud@latest/organizations/"
            "managing-programmatic-access-to-your-organization/"
            "reviewing-and-revoking-personal-access-tokens-in-your-organization",
            applies=lambda transition: transition.after is None,
        ),
    )

    def list(self, reader: Client, request: ListRequest) -> Listing:
        """``GET /orgs/{org}/personal-access-tokens``, 100 a page."""
        return Listing(objects=self._all(reader))

    def hydrate(self, reader: Client, request: HydrateRequest) -> tuple[Observed, ...]:
        """The repositories of tokens that reach some only."""
        return tokens.hydrated(reader, request, _COLLECTION, GRANTS_READ)

    def read(self, reader: Client, request: ReadRequest) -> Observed | None:
        """Find one in the list: there is no call for a single grant."""
        for item in self._all(reader):
            if item.id == request.id:
                selected = tokens.repositories(reader, item, _COLLECTION, GRANTS_READ)
                return Observed(
                    id=item.id, attributes={**item.attributes, "repositories": selected}
                )
        return None

    def delete(self, writer: Client, request: DeleteRequest) -> str:
        """``POST /orgs/{org}/personal-access-tokens/{pat_id}`` with ``revoke``."""
        with writer.naming(GRANTS_WRITE):
            path = writer.path(_COLLECTION, request.id)
            return writer.http.post(path, {"action": "revoke"}).request_id

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """GitHub's number of the grant."""
        if not text.isdigit():
            raise ValueError(f'"{text}" is no number.')
        return {"id": text}

    def direction(self, transition: Transition) -> Direction:
        """More permissions or repositories widen; revoking narrows."""
        if transition.before is None:
            return Direction.WIDENS
        if transition.after is None:
            return Direction.NARROWS
        return tokens.direction(transition.before, transition.after)

    def manual(self, transition: Transition) -> ManualStep | None:
        """Making or changing a token is its owner's; revoking needs no one."""
        before, after = transition.before, transition.after
        if after is None:
            return None
        owner, name = after.get("owner"), after.get("token_name")
        if before is None:
            return ManualStep(
                reason="Only a person can make a personal access token.",
                instructions=f'{owner} generates a fine-grained token "{name}" with the organisation '
                "as resource owner; an owner of the organisation approves it.",
                url=f"{_NEW}/new",
            )
        return ManualStep(
            reason="Only its owner can change a personal access token.",
            instructions=f'{owner} edits the token "{name}" under Settings, Developer settings, '
            "Fine-grained tokens; or take the declaration away and revoke it.",
            url=_NEW,
            paths=tokens.changed(before, after),
        )

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """A person's credential."""
        return (
            Credential(
                id=str(attributes.get("id")),
                name=str(attributes.get("token_name")),
                risk=tokens.risks(attributes),
                owner=str(attributes.get("owner")),
                kind="fine-grained personal access token",
                created_at=_time(attributes.get("access_granted_at")),
                last_used_at=_time(attributes.get("token_last_used_at")),
                expires_at=_time(attributes.get("token_expires_at")),
                active=attributes.get("token_expired") is not True,
            ),
        )

    def describe(self, attributes: Attributes) -> str:
        """``"deploy" of j.doe``."""
        return f'"{attributes.get("token_name")}" of {attributes.get("owner")}'

    def origin(self, attributes: Attributes) -> str:
        """When it was approved and last used."""
        granted = _time(attributes.get("access_granted_at"))
        used = _time(attributes.get("token_last_used_at"))
        words = [f"approved {granted[:10]}"] if granted else []
        return ", ".join([*words, f"last used {used[:10] if used else 'never'}"])

    def _all(self, reader: Client) -> tuple[Observed, ...]:
        return tuple(
            tokens.observed(item, access_granted_at=item.get("access_granted_at"))
            for item in reader.items(reader.path(_COLLECTION), GRANTS_READ)
        )


def _time(value: object) -> str | None:
    return value if isinstance(value, str) else None
