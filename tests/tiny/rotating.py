"""Credentials and sinks of the tiny vendor: each shows one ability of the rotation contract."""

from __future__ import annotations

import itertools
import json
from typing import Any, ClassVar

from perimeter.sdk import (
    BOOL,
    SECRETS,
    Attribute,
    Attributes,
    CreateRequest,
    DeleteRequest,
    Identity,
    ManualStep,
    Mode,
    NotFound,
    Recognition,
    Schema,
    Tenant,
    Written,
)
from perimeter.sdk.rotation import (
    CredentialType,
    Delivered,
    DeliverRequest,
    Issued,
    IssueRequest,
    Probed,
    ProbeRequest,
    SinkRequest,
    SinkType,
    SwitchRequest,
)
from tests.tiny.types import ID, Kind, text

_NUMBERS = itertools.count(1)


class TinyCredential(CredentialType):
    """Two at a time, switchable, tells its use."""

    members = ("id", "password")
    last_used_at = "last_used_at"
    owner = ("user",)
    limit = 2
    switchable = True
    probeable = True

    def __init__(self, type_name: str) -> None:
        self.type = type_name

    def issue(self, writer: Any, request: IssueRequest) -> Issued:
        tenant = writer.tenant
        password = f"pass-{next(_NUMBERS)}-word"
        stored = {
            **{n: v for n, v in request.attributes.items() if v is not None},
            "created_at": tenant.now(),
            "last_used_at": None,
            "active": True,
            "password": password,
        }
        identifier = tenant.issue(self.type, stored, self.owner, self.limit, self.ends_previous)
        SECRETS.add(password)
        shown = {n: v for n, v in stored.items() if n != "password"}
        return Issued(
            id=identifier,
            secret={"id": identifier, "password": password},
            attributes={"id": identifier, **shown},
            request_id="r-issue",
        )

    def by_hand(self, attributes: Attributes, tenant: Tenant) -> ManualStep:
        return ManualStep(
            reason="No API makes one.",
            instructions=f"Open Users, {attributes.get('user')}, New pass.",
            url="https://tiny.example/passes",
        )

    def switch_off(self, writer: Any, request: SwitchRequest) -> str:
        writer.tenant.update(self.type, request.id, {"active": False})
        return "r-off"

    def switch_on(self, writer: Any, request: SwitchRequest) -> str:
        writer.tenant.update(self.type, request.id, {"active": True})
        return "r-on"

    def is_on(self, attributes: Attributes) -> bool:
        return attributes.get("active") is not False

    def probe(self, request: ProbeRequest) -> Probed:
        tenant = request.config.get("behind") or TENANTS[request.tenant.id]
        works = tenant.works(self.type, request.secret)
        return Probed(works=works, detail="it signs in" if works else "it is refused")


class Ending(TinyCredential):
    """Issuing ends the one before."""

    ends_previous = True
    limit = 1
    switchable = False


class SameObject(TinyCredential):
    """Issuing gives an object that there is another secret, as with webhooks."""

    ends_previous = True
    limit = 1
    switchable = False
    last_used_at = ""

    def issue(self, writer: Any, request: IssueRequest) -> Issued:
        if not request.previous:
            return super().issue(writer, request)
        password = f"pass-{next(_NUMBERS)}-word"
        SECRETS.add(password)
        writer.tenant.update(self.type, request.previous, {"password": password})
        return Issued(id=request.previous, secret={"id": request.previous, "password": password})


class ByHand(TinyCredential):
    """Only a person makes one."""

    issuable = False


TENANTS: dict[str, Any] = {}
"""By id; where a trial of a credential goes to."""

_ATTRIBUTES = {
    "id": ID,
    "user": text("Whose.", required=True, replace=True),
    "note": text("Anything.", optional=True),
    "created_at": text("When.", computed=True, mode=Mode.OBSERVED),
    "last_used_at": text("When.", computed=True, mode=Mode.OBSERVED),
    "active": Attribute(type=BOOL, doc="On.", computed=True, mode=Mode.OBSERVED),
}


class _CredentialKind(Kind):
    name = "tiny_any"
    schema = Schema(attributes={**_ATTRIBUTES})
    identity = Identity(recognition=Recognition.DIFFERENCE, match=("user",))

    def shown(self, identifier: str, stored: dict[str, Any]) -> Any:
        return super().shown(identifier, {n: v for n, v in stored.items() if n != "password"})


class Pass(_CredentialKind):
    """Rotates as keys of a cloud do."""

    name = "tiny_pass"
    credential = TinyCredential("tiny_pass")

    def create(self, writer: Any, request: CreateRequest) -> Written:
        made = self.credential.issue(
            writer,
            IssueRequest(tenant=request.tenant, attributes=request.attributes, token=request.token),
        )
        return Written(id=made.id, attributes=made.attributes)


class Hot(_CredentialKind):
    """A new one ends the old one."""

    name = "tiny_hot"
    credential = Ending("tiny_hot")


class Webhook(_CredentialKind):
    """A new secret for the same object."""

    name = "tiny_webhook"
    credential = SameObject("tiny_webhook")


class Badge2(_CredentialKind):
    """Made by hand."""

    name = "tiny_handmade"
    creatable = False
    credential = ByHand("tiny_handmade")


class VaultSink(SinkType):
    """Readable, with versions."""

    readable = True
    versioned = True

    def deliver(self, writer: Any, request: DeliverRequest) -> Delivered:
        return Delivered(
            version=writer.tenant.store("tiny_vault", request.id, request.payload, request.token)
        )

    def fetch(self, reader: Any, request: SinkRequest) -> str:
        found = reader.tenant.held("tiny_vault", request.id)
        if found is None:
            raise NotFound("Nothing is stored.")
        SECRETS.add(found)
        return found

    def restore(self, writer: Any, request: SinkRequest) -> Delivered:
        return Delivered(version=writer.tenant.restore("tiny_vault", request.id, request.version))


class BoxSink(SinkType):
    """Takes and never shows."""

    def deliver(self, writer: Any, request: DeliverRequest) -> Delivered:
        writer.tenant.store("tiny_box", request.id, request.payload, request.token)
        return Delivered()


class _SinkKind(Kind):
    name = "tiny_any_sink"
    identity = Identity(natural_key=("name",), recognition=Recognition.UNIQUE_KEY)
    schema = Schema(attributes={"id": ID, "name": text("Its name.", required=True, replace=True)})
    unique: ClassVar[str] = "name"

    def shown(self, identifier: str, stored: dict[str, Any]) -> Any:
        return super().shown(identifier, {"name": stored["name"]})

    def delete(self, writer: Any, request: DeleteRequest) -> str:
        writer.tenant.delete(self.name, request.id)
        return ""


class Vault(_SinkKind):
    """A secrets manager."""

    name = "tiny_vault"
    sink = VaultSink()


class Box(_SinkKind):
    """A CI system's secret."""

    name = "tiny_box"
    sink = BoxSink()


def secret_of(payload: str) -> dict[str, str]:
    """What a consumer makes of a payload."""
    found: dict[str, str] = json.loads(payload)
    return found
