"""``http_credential`` and ``http_switchable_credential``: what the declared list shows."""

from __future__ import annotations

from typing import Any, ClassVar

from perimeter.sdk import (
    BOOL,
    STRING,
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
    Map,
    Mode,
    Observed,
    Permissions,
    Plain,
    ProviderError,
    ReadRequest,
    Reason,
    Recognition,
    ResourceType,
    Retryable,
    Schema,
    Transition,
    Unseen,
    UpdateRequest,
    Written,
)
from perimeter.sdk.canonical import timestamp
from perimeter_http.client import Client, explained
from perimeter_http.pointers import MISSING, found, moment, text
from perimeter_http.rotation import HttpCredential, SwitchableHttpCredential, values_of


def _moment(doc: str) -> Attribute:
    return Attribute(type=STRING, doc=doc, computed=True, mode=Mode.OBSERVED, canonical=timestamp)


class HttpCredentialType(ResourceType):
    """A credential as the list shows it. It is issued by rotation only: nobody would see what a plain create makes."""

    name = "http_credential"
    credential = HttpCredential()
    switchable: ClassVar[bool] = False
    creatable = False
    inventory = True
    identity = Identity(recognition=Recognition.DIFFERENCE, match=("name",))
    permissions = Permissions()
    schema = Schema(
        doc="A credential of a vendor that has no provider: the provider block declares how it is listed, made and revoked.",
        attributes={
            "id": Attribute(type=STRING, doc="The vendor's id.", computed=True),
            "name": Attribute(
                type=STRING,
                doc="What the vendor calls it; a new one that replaces it has the same name.",
                required=True,
                replace=True,
            ),
            "parameters": Attribute(
                type=Map(STRING),
                doc="Further values for the create call's path and body, as {parameters.NAME}; no secrets.",
                optional=True,
                mode=Mode.LOCAL,
            ),
            "owner": Attribute(type=STRING, doc="Whose it is.", computed=True, mode=Mode.OBSERVED),
            "active": Attribute(
                type=BOOL,
                doc="Whether the vendor accepts it.",
                computed=True,
                mode=Mode.OBSERVED,
            ),
            "created_at": _moment("When it was made."),
            "last_used_at": _moment("When it was last used."),
            "expires_at": _moment("When it ends by itself."),
        },
    )

    def list(self, reader: Client, request: ListRequest) -> Listing:
        """The declared list, page by page; nothing where the block makes them of the other type."""
        if self.switchable is not bool(reader.config.get("disable")):
            return Listing(objects=())
        try:
            items = reader.items()
        except ProviderError as error:
            raise explained(error) from None
        return Listing(objects=tuple(self.decode(reader, item) for item in items))

    def read(self, reader: Client, request: ReadRequest) -> Observed | None:
        """Look for it in the list, which is complete or fails."""
        listing = self.list(reader, ListRequest(tenant=request.tenant))
        return next((item for item in listing.objects if item.id == request.id), None)

    def decode(self, reader: Client, item: Any) -> Observed:
        """One item of the list; what no pointer names is left behind.

        Raises:
            Retryable: it has no id or name where the block says.
        """
        block = reader.declared("list")
        identifier, name = text(item, str(block["id"])), text(item, str(block["name"]))
        if identifier is None or name is None:
            raise Retryable(
                "An item of the declared list has no id or no name where the provider block says."
            )
        attributes: dict[str, Plain] = {"id": identifier, "name": name, "parameters": None}
        pointer = block.get("owner")
        attributes["owner"] = text(item, str(pointer)) if pointer else None
        attributes["active"] = _active(block, item)
        for attribute in ("created_at", "last_used_at", "expires_at"):
            pointer = block.get(attribute)
            attributes[attribute] = moment(item, str(pointer)) if pointer else _untold(attribute)
        return Observed(id=identifier, attributes=attributes)

    def delete(self, writer: Client, request: DeleteRequest) -> str:
        """The declared ``revoke`` call."""
        try:
            values = values_of(request.attributes, id=request.id)
            return writer.call("revoke", values, method="DELETE").request_id
        except ProviderError as error:
            raise explained(error) from None

    def update(self, writer: Client, request: UpdateRequest) -> Written:
        """Only what perimeter's own state keeps can differ: nothing is called."""
        return Written(id=request.id)

    def direction(self, transition: Transition) -> Direction:
        """A credential more widens."""
        if transition.before is None:
            return Direction.WIDENS
        return Direction.NARROWS if transition.after is None else Direction.NEUTRAL

    def manual(self, transition: Transition) -> ManualStep | None:
        """Without a rotation block nobody would ever see what perimeter makes."""
        if transition.before is not None or transition.after is None:
            return None
        return ManualStep(
            reason="The vendor shows a new credential once, and without a rotation block perimeter delivers it to nobody.",
            instructions="Give this resource a rotation block with deliver_to; or make the credential in the vendor's console"
            " and plan again with an import block.",
            url="",
        )

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """A credential."""
        return (
            Credential(
                id=str(attributes.get("id") or ""),
                name=str(attributes.get("name") or ""),
                owner=str(attributes.get("owner") or ""),
                created_at=_known(attributes, "created_at"),
                last_used_at=_known(attributes, "last_used_at"),
                expires_at=_known(attributes, "expires_at"),
                active=attributes.get("active") is not False,
            ),
        )

    def origin(self, attributes: Attributes) -> str:
        """Since when, and when last used, as far as the vendor tells."""
        made, used = _known(attributes, "created_at"), attributes.get("last_used_at")
        words = [f"made {made[:10]}"] if made else []
        if not isinstance(used, Unseen):
            words.append(f"last used {used[:10] if isinstance(used, str) else 'never'}")
        return ", ".join(words)


class SwitchableHttpCredentialType(HttpCredentialType):
    """The same, where the provider block has a ``disable`` call."""

    name = "http_switchable_credential"
    credential = SwitchableHttpCredential()
    switchable = True


def _active(block: Any, item: Any) -> bool | None:
    pointer = block.get("active")
    if not pointer:
        return None
    value = found(item, str(pointer))
    if value is MISSING:
        return None
    wanted = block.get("active_value")
    return str(value) == str(wanted) if wanted is not None else bool(value)


def _untold(attribute: str) -> Unseen:
    return Unseen(
        reason=Reason.NOT_REQUESTED,
        detail=f"The provider block's list says nowhere where {attribute} is.",
    )


def _known(attributes: Attributes, name: str) -> str | None:
    value = attributes.get(name)
    return value if isinstance(value, str) else None
