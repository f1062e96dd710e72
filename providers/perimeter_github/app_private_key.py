"""``github_app_private_key``: a GitHub App's private key, which GitHub lets people make and remove, and shows to no API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import ClassVar

from perimeter.sdk import (
    STRING,
    Attribute,
    Attributes,
    CreateRequest,
    Credential,
    CredentialType,
    DeleteRequest,
    Direction,
    Facet,
    Fatal,
    HttpClient,
    Identity,
    Listing,
    ListRequest,
    ManualStep,
    NotFound,
    Observed,
    Permissions,
    Probed,
    ProbeRequest,
    ProviderError,
    ReadRequest,
    Recognition,
    ResourceType,
    Schema,
    Tenant,
    Transition,
    Unauthenticated,
    UpdateRequest,
    Written,
    sign_jwt,
)
from perimeter.sdk.canonical import timestamp
from perimeter_github.client import PUBLIC

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_WEB = "https://github.com"


class AppPrivateKeyCredential(CredentialType):
    """No API makes, lists or removes such a key: a person does, and says in the declaration which one is in use since when."""

    members = ("private_key", "app_id")
    owner = ("app",)
    limit: ClassVar[int] = 25
    """GitHub's limit of private keys per app."""
    issuable = False
    probeable = True

    def by_hand(self, attributes: Attributes, tenant: Tenant) -> ManualStep:
        """The app's own page."""
        app = str(attributes.get("app"))
        return ManualStep(
            reason="GitHub lets only people make a private key for a GitHub App, and no API shows the keys there are.",
            instructions=f'Open the app\'s settings ("{app}"), "Private keys", "Generate a private key"; give the downloaded '
            "file to the app's consumers and destroy your copy. Once they use it, delete the old key on the same page, and put "
            "the new key's SHA256 fingerprint and date into fingerprint and added_at of the declaration.",
            url=settings_url(attributes),
        )

    def probe(self, request: ProbeRequest) -> Probed:
        """``GET /app`` with an assertion that the key signs."""
        app = request.secret.get("app_id") or str(request.attributes.get("app_id") or "")
        if not app:
            return Probed(works=None, detail="the app's id is not known")
        import time

        now = int(time.time())
        claims = {"iat": now - 60, "exp": now + 480, "iss": app}
        try:
            assertion = sign_jwt(claims, request.secret["private_key"])
        except (KeyError, Fatal):
            return Probed(works=False, detail="it is no private key")
        http = HttpClient(
            str(request.config.get("base_url") or PUBLIC).rstrip("/"),
            lambda: {"authorization": f"Bearer {assertion}"},
            read_only=True,
            credential=f"app {app}",
        )
        try:
            http.get("/app", fresh=True)
        except (Unauthenticated, NotFound):
            return Probed(works=False, detail="GitHub refuses what it signs")
        except ProviderError as error:
            return Probed(works=None, detail=error.message)
        finally:
            http.close()
        return Probed(works=True, detail="GitHub knows the app by it")


class AppPrivateKey(ResourceType):
    """A key as its declaration describes it: state holds it, since no API shows it."""

    name = "github_app_private_key"
    credential = AppPrivateKeyCredential()
    local = True
    identity = Identity(
        natural_key=("app",), recognition=Recognition.UNIQUE_KEY, import_format="APP_SLUG"
    )
    permissions = Permissions()
    schema = Schema(
        doc="The private key that a GitHub App's consumers use. GitHub shows it to no API: its age is what the declaration says. "
        "perimeter tells when it is due and what to do; a person makes and removes keys.",
        attributes={
            "id": Attribute(type=STRING, doc="The app's name in URLs.", computed=True),
            "app": Attribute(
                type=STRING, doc="The app's name in URLs.", required=True, replace=True
            ),
            "organization": Attribute(
                type=STRING, doc="The organisation that owns the app.", required=True
            ),
            "app_id": Attribute(
                type=STRING, doc="The app's id or client id, to try the key with.", optional=True
            ),
            "fingerprint": Attribute(
                type=STRING,
                doc="SHA256 fingerprint of the key in use, as the app's page shows it.",
                required=True,
            ),
            "added_at": Attribute(
                type=STRING,
                doc="The day on which that key was made, such as 2026-01-31.",
                required=True,
                canonical=timestamp,
            ),
            "created_at": Attribute(
                type=STRING, doc="The same as a time.", computed=True, canonical=timestamp
            ),
        },
    )

    def list(self, reader: object, request: ListRequest) -> Listing:
        """State holds it all."""
        return Listing(objects=())

    def read(self, reader: object, request: ReadRequest) -> Observed | None:
        """State holds it all."""
        return None

    def create(self, writer: object, request: CreateRequest) -> Written:
        """Note what the declaration says."""
        return Written(id=str(request.attributes["app"]), attributes=_whole(request.attributes))

    def update(self, writer: object, request: UpdateRequest) -> Written:
        """Note what the declaration says now."""
        return Written(id=request.id, attributes=_whole(request.after))

    def delete(self, writer: object, request: DeleteRequest) -> str:
        """Stop watching; the key stays where it is."""
        return ""

    def plan(self, transition: Transition) -> Attributes:
        """The id and the time follow from the declaration."""
        return _whole(transition.after or {})

    def direction(self, transition: Transition) -> Direction:
        """Nothing changes at GitHub."""
        return Direction.NEUTRAL

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """A credential of the app."""
        app = str(attributes.get("app"))
        created = attributes.get("created_at")
        return (
            Credential(
                id=app,
                name=f"private key of {app}",
                owner=app,
                kind="app private key",
                created_at=created if isinstance(created, str) else None,
            ),
        )

    def describe(self, attributes: Attributes) -> str:
        """Of which app."""
        return f"of {attributes.get('app')}"

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """A name as in URLs, a fingerprint, a day."""
        app, print_, day = (config.get(name) for name in ("app", "fingerprint", "added_at"))
        if isinstance(app, str) and not _SLUG.fullmatch(app):
            yield ("app",), f'"{app}" is no app\'s name in URLs, which looks like "acme-deploy".'
        if isinstance(print_, str) and not print_.startswith("SHA256:"):
            yield ("fingerprint",), "Give the fingerprint as the app's page shows it: SHA256:…"
        if isinstance(day, str) and _time(day) is None:
            yield ("added_at",), f'"{day}" is no day; write it like 2026-01-31.'


def settings_url(attributes: Attributes) -> str:
    """The app's settings page."""
    return f"{_WEB}/organizations/{attributes.get('organization')}/settings/apps/{attributes.get('app')}"


def _whole(attributes: Mapping[str, object]) -> dict[str, object]:
    found = dict(attributes)
    if isinstance(found.get("app"), str):
        found["id"] = found["app"]
    day = found.get("added_at")
    if isinstance(day, str):
        found["created_at"] = _time(day)
    return found


def _time(text: str) -> str | None:
    try:
        if len(text) == len("2026-01-31"):
            return f"{date.fromisoformat(text).isoformat()}T00:00:00Z"
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return timestamp(text) if moment.tzinfo is not None else None
