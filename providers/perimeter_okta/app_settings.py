"""OpenID Connect settings of applications: their attributes, and Okta's form of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perimeter.sdk import BOOL, STRING, Attribute, Set, drop
from perimeter_okta.decode import at, flag, given, text, texts, without

SECRET_FIELDS = ("client_secret", "password", "privateKey", "x5c")
"""What answers about applications hold and perimeter drops; ``client_secret`` stands in lists, too."""

_READ_ONLY = (
    "id",
    "orn",
    "created",
    "lastUpdated",
    "status",
    "features",
    "licensing",
    "universalLogout",
    "_links",
    "_embedded",
)
_NAMED_BY_OKTA = frozenset({"AUTO_LOGIN", "SAML_1_1", "SAML_2_0"})
_SETTINGS_READ_ONLY = ("emOptInStatus",)
_KEY_READ_ONLY = ("id", "created", "lastUpdated", "_links")
_SETTINGS_DEFAULTS: Mapping[str, Any] = {"app": {}, "manualProvisioning": False}
"""Settings that Okta shows on every app and does not describe; sent back only where they hold something."""

GRANT_TYPES = (
    "authorization_code",
    "client_credentials",
    "implicit",
    "interaction_code",
    "password",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:saml2-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:openid:params:grant-type:ciba",
    "urn:okta:params:oauth:grant-type:otp",
    "urn:okta:params:oauth:grant-type:oob",
)

OIDC: dict[str, Attribute] = {
    "application_type": Attribute(
        type=STRING,
        doc="The kind of client.",
        optional=True,
        computed=True,
        replace=True,
        values=("web", "native", "browser", "service"),
    ),
    "redirect_uris": Attribute(
        type=Set(STRING), doc="Where sign-in may return to.", optional=True, computed=True
    ),
    "post_logout_redirect_uris": Attribute(
        type=Set(STRING), doc="Where sign-out may return to.", optional=True, computed=True
    ),
    "grant_types": Attribute(
        type=Set(STRING),
        doc="OAuth grant types the client may use.",
        optional=True,
        computed=True,
        values=GRANT_TYPES,
    ),
    "response_types": Attribute(
        type=Set(STRING),
        doc="OAuth response types the client may use.",
        optional=True,
        computed=True,
        values=("code", "id_token", "token"),
    ),
    "token_endpoint_auth_method": Attribute(
        type=STRING,
        doc="How the client proves itself.",
        optional=True,
        computed=True,
        values=(
            "client_secret_basic",
            "client_secret_jwt",
            "client_secret_post",
            "none",
            "private_key_jwt",
        ),
    ),
    "jwks_uri": Attribute(
        type=STRING,
        doc="Where the client's public keys are; for private_key_jwt.",
        optional=True,
        computed=True,
    ),
    "pkce_required": Attribute(
        type=BOOL, doc="Whether the client must use PKCE (RFC 7636).", optional=True, computed=True
    ),
    "consent_method": Attribute(
        type=STRING,
        doc="Whether people are asked before their data goes to the client.",
        optional=True,
        computed=True,
        values=("REQUIRED", "TRUSTED"),
    ),
    "wildcard_redirect": Attribute(
        type=STRING,
        doc="Whether redirect_uris may hold wildcards for subdomains.",
        optional=True,
        computed=True,
        values=("DISABLED", "SUBDOMAIN"),
    ),
}
"""Attributes that only OpenID Connect applications have."""

_CREDENTIALS = ("token_endpoint_auth_method", "pkce_required")
_SETS = ("redirect_uris", "post_logout_redirect_uris", "grant_types", "response_types")


def decode_oidc(data: Any) -> dict[str, Any]:
    """The OpenID Connect settings of an answer, without any secret; None for apps of another kind."""
    client = at(data, "settings", "oauthClient")
    if not isinstance(client, Mapping):
        return dict.fromkeys((*OIDC, "client_id"))
    data = drop(data, SECRET_FIELDS)
    client, held = at(data, "settings", "oauthClient"), at(data, "credentials", "oauthClient")
    return {
        "client_id": text(held, "client_id"),
        "application_type": text(client, "application_type"),
        **{name: texts(client, name) for name in _SETS},
        "token_endpoint_auth_method": text(held, "token_endpoint_auth_method"),
        "jwks_uri": text(client, "jwks_uri"),
        "pkce_required": flag(held, "pkce_required"),
        "consent_method": text(client, "consent_method"),
        "wildcard_redirect": text(client, "wildcard_redirect"),
    }


def encode_app(wanted: Mapping[str, Any], kept: Mapping[str, Any] | None) -> dict[str, Any]:
    """An application to send; what ``kept`` holds and configuration does not name stays as it is.

    Okta replaces the whole object, client secret included, so ``kept`` must be the answer as it came.
    """
    named = ("name",) if given(wanted, "sign_on_mode") in _NAMED_BY_OKTA else ()
    body = without(kept or {}, (*_READ_ONLY, *named))
    body |= {"label": given(wanted, "label"), "signOnMode": given(wanted, "sign_on_mode")}
    settings = {
        name: value
        for name, value in dict(body.get("settings") or {}).items()
        if name not in _SETTINGS_READ_ONLY and not _is_default(name, value)
    }
    if given(wanted, "implicit_assignment") is not None:
        settings["implicitAssignment"] = given(wanted, "implicit_assignment")
    if body["signOnMode"] == "OPENID_CONNECT" and (kept is None or "oauthClient" in settings):
        body.setdefault("name", "oidc_client")
        client = _client(settings.get("oauthClient") or {})
        credentials = dict(body.get("credentials") or {})
        held = dict(credentials.get("oauthClient") or {})
        for name in OIDC:
            value = given(wanted, name)
            if value is not None:
                target = held if name in _CREDENTIALS else client
                target[name] = list(value) if name in _SETS else value
        service = client.get("application_type") == "service"
        client.setdefault(
            "grant_types", ["client_credentials" if service else "authorization_code"]
        )
        settings["oauthClient"] = client
        body["credentials"] = {**credentials, "oauthClient": held}
    body["settings"] = settings
    return body


def _client(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The client's settings, its public keys without what Okta notes on them."""
    keys = at(kept, "jwks", "keys")
    if not isinstance(keys, list):
        return dict(kept)
    plain = [without(key, _KEY_READ_ONLY) for key in keys if isinstance(key, Mapping)]
    return {**kept, "jwks": {"keys": plain}}


def _is_default(name: str, value: Any) -> bool:
    return name in _SETTINGS_DEFAULTS and value == _SETTINGS_DEFAULTS[name]
