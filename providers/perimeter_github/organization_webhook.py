"""``github_organization_webhook``: where the organisation's events are sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from perimeter.sdk import (
    BOOL,
    STRING,
    Attribute,
    Attributes,
    CreateRequest,
    DeleteRequest,
    Direction,
    Facet,
    Identity,
    Listing,
    ListRequest,
    LogStream,
    Mode,
    NotFound,
    Observed,
    Permissions,
    Plain,
    Quirk,
    ReadRequest,
    Recognition,
    ResourceType,
    Schema,
    Set,
    Tenant,
    Transition,
    Unknown,
    UpdateRequest,
    Written,
    join_directions,
)
from perimeter.sdk.canonical import timestamp
from perimeter_github import directions
from perimeter_github.client import Client
from perimeter_github.permissions import HOOKS_READ, HOOKS_WRITE

_CONFIG = frozenset({"url", "content_type", "insecure_ssl"})
_SECRET = frozenset({"secret", "secret_version"})


def _may_lose_secret(transition: Transition) -> bool:
    before = transition.before
    if before is None or transition.after is None or before.get("secret_set") is not True:
        return False
    return transition.changed("events") or transition.changed("active")


class OrganizationWebhook(ResourceType):
    """A webhook of the organisation. GitHub takes the same one twice: nothing names it."""

    name = "github_organization_webhook"
    inventory = True
    identity = Identity(
        recognition=Recognition.DIFFERENCE,
        match=("url", "content_type", "insecure_ssl", "events", "active"),
        import_format="HOOK_ID",
    )
    permissions = Permissions(
        read=(HOOKS_READ,), create=(HOOKS_WRITE,), update=(HOOKS_WRITE,), delete=(HOOKS_WRITE,)
    )
    hides = "To an OAuth app, the webhooks that it did not create; to people, those of OAuth apps."
    schema = Schema(
        doc="A webhook: the organisation's events are sent to an address.",
        attributes={
            "id": Attribute(type=STRING, doc="GitHub's number of the webhook.", computed=True),
            "url": Attribute(type=STRING, doc="Where events are sent.", required=True),
            "content_type": Attribute(
                type=STRING,
                doc="How events are written.",
                optional=True,
                computed=True,
                default="form",
                values=("form", "json"),
            ),
            "insecure_ssl": Attribute(
                type=BOOL,
                doc="Whether the receiver's certificate goes unchecked.",
                optional=True,
                computed=True,
                default=False,
            ),
            "events": Attribute(
                type=Set(STRING),
                doc='Which events are sent; `["*"]` for all.',
                optional=True,
                computed=True,
                default=["push"],
            ),
            "active": Attribute(
                type=BOOL,
                doc="Whether events are sent at all.",
                optional=True,
                computed=True,
                default=True,
            ),
            "secret": Attribute(
                type=STRING,
                doc="The key that deliveries are signed with. GitHub never shows it; raise "
                "`secret_version` to send a new one.",
                optional=True,
                mode=Mode.WRITE_ONLY,
            ),
            "secret_version": Attribute(
                type=STRING,
                doc="Any text; when it changes, `secret` is sent again.",
                optional=True,
                mode=Mode.LOCAL,
            ),
            "secret_set": Attribute(
                type=BOOL,
                doc="Whether deliveries are signed.",
                computed=True,
                mode=Mode.OBSERVED,
            ),
            "created_at": Attribute(
                type=STRING,
                doc="When it was made.",
                computed=True,
                mode=Mode.OBSERVED,
                canonical=timestamp,
            ),
            "updated_at": Attribute(
                type=STRING,
                doc="When it last changed.",
                computed=True,
                mode=Mode.OBSERVED,
                canonical=timestamp,
            ),
        },
    )
    quirks = (
        Quirk(
            summary="GitHub sends a ping event to the address as soon as the webhook exists.",
            since="2026-11-24",
            source="https://docs.github.com/enterprise-server@3.3/webhooks (Ping event)",
            applies=lambda transition: transition.before is None,
        ),
        Quirk(
            summary="GitHub may drop the webhook's secret when its events or activity change: give "
            "secret in the declaration, so that it is sent along.",
            since="2026-11-24",
            source="GitHub's earlier description of orgs/update-webhook; the present one is silent",
            applies=_may_lose_secret,
        ),
    )

    def list(self, reader: Client, request: ListRequest) -> Listing:
        """``GET /orgs/{org}/hooks``, 100 a page."""
        items = reader.items(reader.path("hooks"), HOOKS_READ)
        return Listing(objects=tuple(_observed(item) for item in items))

    def read(self, reader: Client, request: ReadRequest) -> Observed | None:
        """``GET /orgs/{org}/hooks/{hook_id}``; a 404 counts once the list is seen to be readable."""
        try:
            answer = reader.get(reader.path("hooks", request.id), HOOKS_READ)
        except NotFound:
            reader.items(reader.path("hooks"), HOOKS_READ)
            return None
        return _observed(answer.data)

    def create(self, writer: Client, request: CreateRequest) -> Written:
        """``POST /orgs/{org}/hooks``."""
        wanted = request.attributes
        defaults = {name: attribute.default for name, attribute in self.schema.attributes.items()}
        sent = {**defaults, **{name: v for name, v in wanted.items() if v is not None}}
        body = {
            "name": "web",
            "config": _config(sent, secret=wanted.get("secret")),
            "events": sorted(sent["events"]),
            "active": sent["active"],
        }
        with writer.naming(HOOKS_WRITE):
            answer = writer.http.post(writer.path("hooks"), body)
        return Written(id=str(answer.data["id"]), request_id=answer.request_id)

    def update(self, writer: Client, request: UpdateRequest) -> Written:
        """Change a webhook so that its secret survives.

        ``PATCH …/hooks/{hook_id}`` replaces the whole configuration and drops a secret that it does
        not carry, so the secret travels along wherever the declaration gives one. Without it the
        configuration goes to ``PATCH …/config``, which keeps what it does not name.
        """
        path, after, changed = writer.path("hooks", request.id), request.after, request.changed
        secret = after.get("secret")
        config = _config(after, secret=secret)
        request_id = ""
        body: dict[str, Any] = {}
        if "events" in changed:
            body["events"] = sorted(after["events"])
        if "active" in changed:
            body["active"] = after["active"]
        with writer.naming(HOOKS_WRITE):
            if body and secret is not None:
                body["config"] = config
            elif changed & (_CONFIG | _SECRET):
                request_id = writer.http.patch(f"{path}/config", config).request_id
            if body:
                request_id = writer.http.patch(path, body).request_id
        return Written(id=request.id, request_id=request_id)

    def delete(self, writer: Client, request: DeleteRequest) -> str:
        """``DELETE /orgs/{org}/hooks/{hook_id}``."""
        with writer.naming(HOOKS_WRITE):
            return writer.http.delete(writer.path("hooks", request.id)).request_id

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """GitHub's number of the webhook."""
        if not text.isdigit():
            raise ValueError(f'"{text}" is no number.')
        return {"id": text}

    def direction(self, transition: Transition) -> Direction:
        """More events, another receiver or a weaker connection widen."""
        before, after = transition.before, transition.after
        if after is None:
            return Direction.NARROWS
        if before is None:
            return Direction.WIDENS
        same = before.get("url") == after.get("url")
        return join_directions(
            Direction.NEUTRAL if same else Direction.WIDENS,
            _events(before.get("events"), after.get("events")),
            directions.flag(transition, "insecure_ssl", opens=True),
            directions.flag(transition, "active", opens=True),
        )

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """A stream of events to somewhere else."""
        risk = []
        url = str(attributes.get("url"))
        if attributes.get("insecure_ssl") is True or url.startswith("http://"):
            risk.append("sends events to a receiver whose identity is not checked")
        if attributes.get("secret_set") is False:
            risk.append("sends unsigned events")
        return (
            LogStream(
                id=str(attributes.get("id")),
                name=_place(url),
                risk=tuple(risk),
                destination=_place(url),
                active=attributes.get("active") is not False,
            ),
        )

    def describe(self, attributes: Attributes) -> str:
        """Where events go; a query, which may hold a token, is left out."""
        url = attributes.get("url")
        return f'"{_place(url)}"' if isinstance(url, str) else ""

    def origin(self, attributes: Attributes) -> str:
        """When it was made."""
        created = attributes.get("created_at")
        return f"added {created[:10]}" if isinstance(created, str) else ""

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """An address on the web, and a version where there is a secret."""
        url = config.get("url")
        if isinstance(url, str) and not url.startswith(("https://", "http://")):
            yield ("url",), "Give an address that begins with https://."
        if isinstance(url, str) and urlsplit(url).username is not None:
            yield (
                ("url",),
                "An address with a password in it would be shown to everybody; use secret.",
            )
        events = config.get("events")
        if isinstance(events, list | tuple) and not events:
            yield ("events",), "Name at least one event, or set active = false."


def _observed(item: Mapping[str, Any]) -> Observed:
    config = item.get("config") or {}
    attributes: dict[str, Plain] = {
        "id": str(item["id"]),
        "url": config.get("url"),
        "content_type": config.get("content_type") or "form",
        "insecure_ssl": str(config.get("insecure_ssl") or "0") == "1",
        "events": sorted(item.get("events") or ()),
        "active": item.get("active"),
        "secret_set": bool(config.get("secret")),
        "created_at": item.get("created_at"),
        "updated_at": item.get("updated_at"),
    }
    return Observed(id=str(item["id"]), attributes=attributes)


def _config(attributes: Mapping[str, Any], *, secret: Plain) -> dict[str, Any]:
    config = {
        "url": attributes["url"],
        "content_type": attributes["content_type"],
        "insecure_ssl": "1" if attributes["insecure_ssl"] else "0",
    }
    return config if secret is None else {**config, "secret": secret}


def _events(before: Plain, after: Plain) -> Direction:
    if isinstance(before, Unknown) or isinstance(after, Unknown):
        return Direction.UNKNOWN
    everything = [isinstance(side, list | tuple) and "*" in side for side in (before, after)]
    if any(everything):
        return directions.rising(*everything)
    return directions.members(before, after)


def _place(url: str) -> str:
    return url.partition("?")[0].partition("#")[0]
