"""``okta_app_client_secret`` and ``okta_api_service_secret``: what OAuth clients prove themselves with."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from perimeter.sdk import (
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
    NotFound,
    Observed,
    Quirk,
    ReadRequest,
    Recognition,
    ResourceType,
    Schema,
    Tenant,
    Transition,
    UpdateRequest,
    Written,
    path_of,
)
from perimeter_okta.attributes import ID, moment, observed
from perimeter_okta.client import OktaReader, OktaWriter
from perimeter_okta.client_secret_rotation import ClientSecretCredential, forget, remove, switch
from perimeter_okta.console import console
from perimeter_okta.decode import at, given, text, time
from perimeter_okta.directions import of_rank
from perimeter_okta.permissions import API_SERVICES, APPS

_STATUS = Attribute(
    type=STRING,
    doc="Whether Okta accepts it. The only secret of an app cannot be switched off.",
    optional=True,
    computed=True,
    default="ACTIVE",
    values=("ACTIVE", "INACTIVE"),
)
_ENDING = Quirk(
    summary="Whatever proves itself by this secret gets no new tokens; access tokens that it has work until they end.",
    since="2026-11-24",
    source="https://developer.okta.com/docs/guides/client-secret-rotation-key/main/",
    applies=lambda transition: (
        transition.after is None
        or (transition.changed("status") and transition.after.get("status") == "INACTIVE")
    ),
)


def app_secrets(app: str, *more: str) -> str:
    """The endpoint of an application's secrets."""
    return path_of("api", "v1", "apps", app, "credentials", "secrets", *more)


def service_secrets(service: str, *more: str) -> str:
    """The endpoint of an API service integration's secrets."""
    return _services(service, "credentials", "secrets", *more)


def _services(*more: str) -> str:
    return path_of("integrations", "api", "v1", "api-services", *more)


class ClientSecretType(ResourceType):
    """What both have in common. Ids are ``OWNER/SECRET``."""

    creatable = False
    quirks = (_ENDING,)
    inventory = True
    owner: ClassVar[str]

    @abstractmethod
    def path(self, holder: str, *more: str) -> str:
        """The endpoint of one owner's secrets, or one below it."""

    @abstractmethod
    def client(self, reader: OktaReader, holder: str) -> Attributes | None:
        """What a secret shows of the client that it belongs to; None when there is no such client."""

    @abstractmethod
    def clients(self, reader: OktaReader) -> Iterator[tuple[str, Attributes]]:
        """Every client that has secrets, with the same."""

    def list(self, reader: OktaReader, request: ListRequest) -> Listing:
        """A call per client that proves itself by a secret."""
        found: list[Observed] = []
        for holder, known in self.clients(reader):
            try:
                items = reader.all(self.path(holder))
            except NotFound:
                continue  # gone since it was listed
            found += [self.decode(holder, known, item) for item in items]
        return Listing(objects=tuple(found))

    def read(self, reader: OktaReader, request: ReadRequest) -> Observed | None:
        """Look for it among its client's secrets."""
        holder, _, secret = request.id.partition("/")
        known = self.client(reader, holder)
        if known is None:
            return None
        try:
            items = reader.all(self.path(holder))
        except NotFound:
            return None
        found = [self.decode(holder, known, item) for item in items]
        return next((item for item in found if item.id == f"{holder}/{secret}"), None)

    def decode(self, holder: str, known: Attributes, data: Mapping[str, Any]) -> Observed:
        """One secret of Okta's answers; the secret itself, which apps' answers hold, stays behind."""
        forget(data)
        identifier = f"{holder}/{text(data, 'id')}"
        return Observed(
            id=identifier,
            attributes={
                "id": identifier,
                self.owner: holder,
                "secret_id": text(data, "id"),
                "status": text(data, "status"),
                **known,
                "created": time(data, "created"),
                "last_updated": time(data, "lastUpdated"),
            },
        )

    def update(self, writer: OktaWriter, request: UpdateRequest) -> Written:
        """Switch it on or off."""
        verb = "deactivate" if given(request.after, "status") == "INACTIVE" else "activate"
        return Written(id=request.id, request_id=switch(writer, self.path, request.id, verb))

    def delete(self, writer: OktaWriter, request: DeleteRequest) -> str:
        """Deactivate, then delete."""
        return remove(writer, self.path, request.id, request.attributes)

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """Owner and secret."""
        holder, slash, secret = text.partition("/")
        if not slash or not holder or not secret or "/" in secret:
            raise ValueError(f'"{text}" does not name a client and one of its secrets.')
        return {"id": text}

    def direction(self, transition: Transition) -> Direction:
        """One that is accepted lets somebody in."""
        before, after = transition.before, transition.after
        if before is None:
            return Direction.WIDENS
        if after is None:
            on = before.get("status") != "INACTIVE"
            return Direction.NARROWS if on else Direction.NEUTRAL
        return of_rank(before.get("status"), after.get("status"), ("ACTIVE", "INACTIVE"))

    def manual(self, transition: Transition) -> ManualStep | None:
        """Without a rotation block nobody would ever see what perimeter makes."""
        if transition.before is not None or transition.after is None:
            return None
        return ManualStep(
            reason="Okta shows a new secret once, and without a rotation block perimeter delivers it to nobody.",
            instructions="Give this resource a rotation block with deliver_to; or generate the secret in the console (the app, "
            "Client Credentials, Generate new secret) and plan again with an import block.",
            url=console(transition.tenant, "/admin/apps/active"),
        )

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """A credential of its client."""
        return (
            Credential(
                id=str(attributes.get("id") or ""),
                name=str(attributes.get("secret_id") or ""),
                owner=str(attributes.get("client_name") or attributes.get(self.owner) or ""),
                kind="client secret",
                created_at=attributes.get("created"),
                active=attributes.get("status") != "INACTIVE",
            ),
        )

    def describe(self, attributes: Attributes) -> str:
        """Which one, of whom."""
        whose = attributes.get("client_name") or attributes.get(self.owner)
        return f'"{attributes.get("secret_id")}" of {whose}'

    def origin(self, attributes: Attributes) -> str:
        """Since when. Okta does not tell by whom, nor when it was used."""
        made = attributes.get("created")
        return f"made {made[:10]}" if isinstance(made, str) else ""

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """An owner's id holds no slash."""
        holder = config.get(self.owner)
        if isinstance(holder, str) and ("/" in holder or not holder):
            yield (self.owner,), f'"{holder}" is no id; refer to the id of the client.'


def _schema(doc: str, owner: str, owner_doc: str) -> Schema:
    return Schema(
        doc=doc,
        attributes={
            "id": ID,
            owner: Attribute(type=STRING, doc=owner_doc, required=True, replace=True),
            "status": _STATUS,
            "secret_id": observed("Okta's id of the secret."),
            "client_id": observed("The OAuth client id, which goes with the secret."),
            "client_name": observed("What people call the client."),
            "token_endpoint_auth_method": observed("How the client proves itself with it."),
            "created": moment("When it was made."),
            "last_updated": moment("When it was last switched on or off."),
        },
    )


def _app_client(data: Any) -> Attributes:
    return {
        "client_id": text(data, "credentials", "oauthClient", "client_id"),
        "client_name": text(data, "label"),
        "token_endpoint_auth_method": text(
            data, "credentials", "oauthClient", "token_endpoint_auth_method"
        ),
    }


def _app(reader: OktaReader, app: str) -> Attributes | None:
    data = reader.find(path_of("api", "v1", "apps", app))
    forget(at(data, "credentials", "oauthClient"))
    return None if data is None or text(data, "status") == "DELETED" else _app_client(data)


class AppClientSecret(ClientSecretType):
    """A client secret of an OpenID Connect application, which may have two."""

    name = "okta_app_client_secret"
    owner = "app"
    schema = _schema(
        "A client secret of an application. Okta keeps two at most and makes the first one with the app: import that one.",
        "app",
        "The application's id.",
    )
    identity = Identity(
        recognition=Recognition.DIFFERENCE, match=("app",), import_format="APP_ID/SECRET_ID"
    )
    permissions = APPS
    credential = ClientSecretCredential("app", app_secrets, _app, "okta.apps.manage")

    def path(self, holder: str, *more: str) -> str:
        """Below the application."""
        return app_secrets(holder, *more)

    def client(self, reader: OktaReader, holder: str) -> Attributes | None:
        """The application."""
        return _app(reader, holder)

    def clients(self, reader: OktaReader) -> Iterator[tuple[str, Attributes]]:
        """The applications that have a secret, 200 a call."""
        for data in reader.all("/api/v1/apps", {"limit": 200}):
            forget(at(data, "credentials", "oauthClient"))
            known = _app_client(data)
            method = known["token_endpoint_auth_method"]
            if isinstance(method, str) and method.startswith("client_secret"):
                yield str(data["id"]), known


def _service_client(data: Any) -> Attributes:
    href = text(data, "_links", "client", "href") or ""
    return {
        "client_id": href.rpartition("/")[2] or text(data, "id"),
        "client_name": text(data, "name"),
        "token_endpoint_auth_method": "client_secret_basic",
    }


def _service(reader: OktaReader, service: str) -> Attributes | None:
    data = reader.find(_services(service))
    return None if data is None else _service_client(data)


class ApiServiceSecret(ClientSecretType):
    """A client secret of an API service integration, which may have two."""

    name = "okta_api_service_secret"
    owner = "api_service"
    schema = _schema(
        "A client secret of an API service integration: a third party's own access to Okta's API.",
        "api_service",
        "The API service integration's id.",
    )
    identity = Identity(
        recognition=Recognition.DIFFERENCE,
        match=("api_service",),
        import_format="API_SERVICE_ID/SECRET_ID",
    )
    permissions = API_SERVICES
    credential = ClientSecretCredential(
        "api_service", service_secrets, _service, "okta.oauthIntegrations.manage"
    )

    def path(self, holder: str, *more: str) -> str:
        """Below the integration."""
        return service_secrets(holder, *more)

    def client(self, reader: OktaReader, holder: str) -> Attributes | None:
        """The integration."""
        return _service(reader, holder)

    def clients(self, reader: OktaReader) -> Iterator[tuple[str, Attributes]]:
        """Every integration."""
        for data in reader.all(_services()):
            yield str(data["id"]), _service_client(data)
