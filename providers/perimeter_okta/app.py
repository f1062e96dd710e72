"""``okta_app``: applications."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from perimeter.sdk import (
    BOOL,
    SECRETS,
    STRING,
    Access,
    App,
    Attribute,
    Attributes,
    CreateRequest,
    DeleteRequest,
    Direction,
    Facet,
    Identity,
    Listing,
    ListRequest,
    ManualStep,
    NotFound,
    Observed,
    ReadRequest,
    Recognition,
    ResourceType,
    Schema,
    Transition,
    UpdateRequest,
    Written,
    join_directions,
    path_of,
)
from perimeter_okta.access import with_app
from perimeter_okta.app_settings import OIDC, decode_oidc, encode_app
from perimeter_okta.attributes import ID, moment, observed
from perimeter_okta.client import OktaReader, OktaWriter
from perimeter_okta.console import console
from perimeter_okta.decode import flag, given, text, time
from perimeter_okta.directions import of_rank, of_set, undecided
from perimeter_okta.permissions import APPS
from perimeter_okta.quirks import APP_DELETION, OWN_APP, is_own_app
from perimeter_okta.revocation import revoke_all

SIGN_ON_MODES = (
    "AUTO_LOGIN",
    "BASIC_AUTH",
    "BOOKMARK",
    "BROWSER_PLUGIN",
    "OPENID_CONNECT",
    "SAML_1_1",
    "SAML_2_0",
    "SECURE_PASSWORD_STORE",
    "WS_FEDERATION",
)

_METHODS = (
    "none",
    "client_secret_post",
    "client_secret_basic",
    "client_secret_jwt",
    "private_key_jwt",
)


def decode(data: Any) -> Observed:
    """One application of Okta's answers, without its secrets."""
    return Observed(
        id=text(data, "id") or "",
        attributes={
            "id": text(data, "id"),
            "name": text(data, "name"),
            "label": text(data, "label"),
            "sign_on_mode": text(data, "signOnMode"),
            "status": text(data, "status"),
            "implicit_assignment": flag(data, "settings", "implicitAssignment") or False,
            **decode_oidc(data),
            "created": time(data, "created"),
            "last_updated": time(data, "lastUpdated"),
        },
    )


class Application(ResourceType):
    """An application."""

    name = "okta_app"
    schema = Schema(
        doc="An application. OpenID Connect ones are made and changed; of others, label, status and implicit assignment are.",
        attributes={
            "id": ID,
            "name": observed("Okta's name of the kind of application."),
            "label": Attribute(type=STRING, doc="What people call it.", required=True),
            "sign_on_mode": Attribute(
                type=STRING,
                doc="How people sign in to it.",
                required=True,
                replace=True,
                values=SIGN_ON_MODES,
            ),
            "status": Attribute(
                type=STRING,
                doc="Whether it can be used.",
                optional=True,
                default="ACTIVE",
                values=("ACTIVE", "INACTIVE"),
            ),
            "implicit_assignment": Attribute(
                type=BOOL,
                doc="Whether everybody in the org may use it.",
                optional=True,
                default=False,
            ),
            **OIDC,
            "client_id": observed("The OAuth client id."),
            "created": moment("When it was made."),
            "last_updated": moment("When it last changed."),
        },
    )
    identity = Identity(
        natural_key=("label",),
        recognition=Recognition.DIFFERENCE,
        match=("label", "sign_on_mode"),
        visible_within=10.0,
    )
    permissions = APPS
    quirks = (APP_DELETION, OWN_APP)
    affects_sign_in = True
    inventory = True

    def list(self, reader: OktaReader, request: ListRequest) -> Listing:
        """Read all applications: 200 a call."""
        found = reader.all("/api/v1/apps", {"limit": 200})
        return Listing(objects=tuple(decode(item) for item in found))

    def read(self, reader: OktaReader, request: ReadRequest) -> Observed | None:
        """Read one application."""
        data = reader.find(_path(request.id))
        return None if data is None or text(data, "status") == "DELETED" else decode(data)

    def create(self, writer: OktaWriter, request: CreateRequest) -> Written:
        """Make an OpenID Connect application; the secret that Okta makes stays with Okta."""
        active = (given(request.attributes, "status") or "ACTIVE") == "ACTIVE"
        answer = writer.post(
            "/api/v1/apps", encode_app(request.attributes, None), {"activate": active}
        )
        SECRETS.add(text(answer.data, "credentials", "oauthClient", "client_secret"))
        return Written(id=str(answer.data["id"]), request_id=answer.request_id)

    def update(self, writer: OktaWriter, request: UpdateRequest) -> Written:
        """Change settings by replacing the object as it is, secret included, and the status by its own calls."""
        request_id = ""
        status = given(request.after, "status")
        if "status" in request.changed and status == "INACTIVE":
            request_id = writer.post(_path(request.id, "lifecycle", "deactivate")).request_id
            _revoke(writer, request.id, request.before, request.also)
        if request.changed - {"status"}:
            kept = writer.find(_path(request.id))
            if kept is None:
                raise NotFound(f"The app {request.id} does not exist any more.")
            SECRETS.add(text(kept, "credentials", "oauthClient", "client_secret"))
            request_id = writer.put(_path(request.id), encode_app(request.after, kept)).request_id
        if "status" in request.changed and status == "ACTIVE":
            request_id = writer.post(_path(request.id, "lifecycle", "activate")).request_id
        return Written(id=request.id, request_id=request_id)

    def delete(self, writer: OktaWriter, request: DeleteRequest) -> str:
        """Deactivate, revoke the tokens, then delete: Okta refuses to delete an active app."""
        try:
            writer.post(_path(request.id, "lifecycle", "deactivate"))
        except NotFound as gone:
            return gone.request_id
        _revoke(writer, request.id, request.attributes, request.also)
        return writer.delete(_path(request.id))

    def may_lock_out(self, transition: Transition) -> bool:
        """Only a change of the app that perimeter acts as."""
        return is_own_app(transition)

    def access_after(self, access: Access, transition: Transition) -> tuple[Access, ...]:
        """The app that perimeter acts as must stay active and keep its way of proving itself."""
        after = transition.after
        if not is_own_app(transition):
            return (access,)
        if after is None:
            return (with_app(access, lost="perimeter itself acts as this app"),)
        if transition.changed("status") and after.get("status") != "ACTIVE":
            return (with_app(access, lost="perimeter itself acts as this app"),)
        proofs = ("token_endpoint_auth_method", "grant_types", "application_type")
        if any(map(transition.changed, proofs)):
            because = "perimeter itself proves itself to Okta in another way than the app will take"
            return (with_app(access, lost=because),)
        return (access,)

    def direction(self, transition: Transition) -> Direction:
        """An application that can be used widens; each setting is judged by itself."""
        before, after = transition.before, transition.after
        if before is None:
            inactive = (after or {}).get("status") == "INACTIVE"
            return Direction.NEUTRAL if inactive else Direction.WIDENS
        if after is None:
            return Direction.NARROWS if before.get("status") == "ACTIVE" else Direction.NEUTRAL
        return join_directions(*_judged(before, after))

    def manual(self, transition: Transition) -> ManualStep | None:
        """Applications of the catalogue need settings that only their own pages ask for."""
        after = transition.after or {}
        mode = after.get("sign_on_mode")
        makes = transition.before is None or transition.changed("sign_on_mode")
        if transition.after is None or not makes or mode == "OPENID_CONNECT" or undecided(mode):
            return None
        return ManualStep(
            reason=f"perimeter makes OpenID Connect apps only; a {mode} app needs settings from its own setup page.",
            instructions=f'Add the app (Applications, Browse App Catalog), label it "{after.get("label")}", then plan again'
            " with an import block.",
            url=console(transition.tenant, "/admin/apps/add-app"),
        )

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """An app."""
        return (
            App(
                id=str(attributes.get("id") or ""),
                name=str(attributes.get("label") or ""),
                suspended=attributes.get("status") != "ACTIVE",
                risk=tuple(_risks(attributes)),
            ),
        )

    def describe(self, attributes: Attributes) -> str:
        """By its label."""
        return f'"{attributes.get("label")}"'

    def origin(self, attributes: Attributes) -> str:
        """Since when."""
        made = attributes.get("created")
        return f"added {made[:10]}" if isinstance(made, str) else ""

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """Settings that Okta refuses."""
        mode = config.get("sign_on_mode")
        if isinstance(mode, str) and mode != "OPENID_CONNECT":
            for name in OIDC:
                if config.get(name) is not None:
                    yield (name,), f"Only OPENID_CONNECT apps have {name}; remove it."
        grants = config.get("grant_types")
        if isinstance(grants, list | tuple) and not undecided(grants):
            redirecting = {"authorization_code", "implicit"} & set(grants)
            if redirecting and config.get("redirect_uris") == []:
                yield ("redirect_uris",), f"{min(redirecting)} needs a redirect URI."
        if (
            config.get("token_endpoint_auth_method") == "none"
            and config.get("pkce_required") is False
        ):
            yield ("pkce_required",), "A client without a credential needs pkce_required = true."


def _path(identifier: str, *more: str) -> str:
    return path_of("api", "v1", "apps", identifier, *more)


def _revoke(writer: OktaWriter, app: str, known: Attributes, also: list[str]) -> None:
    """Revoke what an app that was deactivated holds of its users; only OpenID Connect apps hold tokens."""
    if known.get("sign_on_mode") == "OPENID_CONNECT":
        revoke_all(writer, app, also, ended="The app was deactivated")


def _judged(before: Attributes, after: Attributes) -> Iterable[Direction]:
    for name in ("redirect_uris", "post_logout_redirect_uris", "grant_types", "response_types"):
        yield of_set(before.get(name), after.get(name))
    for name, scale in (
        ("status", ("ACTIVE", "INACTIVE")),
        ("implicit_assignment", (True, False)),
        ("pkce_required", (False, True)),
        ("consent_method", ("TRUSTED", "REQUIRED")),
        ("wildcard_redirect", ("SUBDOMAIN", "DISABLED")),
    ):
        yield of_rank(before.get(name), after.get(name), scale)
    method = before.get("token_endpoint_auth_method"), after.get("token_endpoint_auth_method")
    yield of_rank(*method, _METHODS)
    for name in ("jwks_uri", "application_type", "sign_on_mode"):
        if before.get(name) != after.get(name):
            yield Direction.UNKNOWN


def _risks(attributes: Attributes) -> Iterable[str]:
    if attributes.get("implicit_assignment"):
        yield "everybody in the org may use it"
    if attributes.get("wildcard_redirect") == "SUBDOMAIN":
        yield "sign-in may return to any subdomain"
    grants = attributes.get("grant_types") or ()
    if "implicit" in grants:
        yield "tokens travel in the browser's address bar"
    if "password" in grants:
        yield "takes people's passwords itself"
    insecure = [uri for uri in attributes.get("redirect_uris") or () if uri.startswith("http://")]
    if any("//localhost" not in uri and "//127.0.0.1" not in uri for uri in insecure):
        yield "sign-in returns without TLS"
