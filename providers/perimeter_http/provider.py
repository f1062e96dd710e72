"""The provider ``http``: one API of one vendor per provider block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from perimeter.sdk import (
    NUMBER,
    STRING,
    Attribute,
    ConnectRequest,
    Fatal,
    Map,
    NestedBlock,
    Nesting,
    Provider,
    ResourceType,
    Schema,
    Set,
    Tenant,
    WritePermit,
)
from perimeter_http.client import Client, connect, parsed
from perimeter_http.credential import HttpCredentialType, SwitchableHttpCredentialType
from perimeter_http.pointers import problem

_TYPES: tuple[ResourceType, ...] = (HttpCredentialType(), SwitchableHttpCredentialType())


def _text(doc: str, *, required: bool = False, sensitive: bool = False) -> Attribute:
    return Attribute(
        type=STRING, doc=doc, required=required, optional=not required, sensitive=sensitive
    )


def _call(doc: str, method: str, **more: Attribute) -> NestedBlock:
    return NestedBlock(
        nesting=Nesting.SINGLE,
        doc=doc,
        attributes={
            "method": _text(f"The HTTP method; {method} by default."),
            "path": _text("The path below base_url, with placeholders.", required=True),
            "body": _text("JSON, with placeholders inside its texts."),
            **more,
        },
    )


_LIST = NestedBlock(
    nesting=Nesting.SINGLE,
    doc="How credentials are listed: GET, and JSON pointers (RFC 6901) into the answer.",
    required=True,
    attributes={
        "path": _text("The path below base_url.", required=True),
        "items": _text("Where the answer holds the list; by default the whole answer is one."),
        "id": _text("Where an item has its id.", required=True),
        "name": _text("Where an item has its name.", required=True),
        "owner": _text("Where an item says whose it is."),
        "created_at": _text(
            "Where an item says when it was made: RFC 3339, or seconds since 1970."
        ),
        "last_used_at": _text("Where an item says when it was last used."),
        "expires_at": _text("Where an item says when it ends."),
        "active": _text("Where an item says whether it is accepted."),
        "active_value": _text("What stands there when it is; by default true."),
        "next": _text("Where the answer has the next page's address, or a cursor."),
        "next_path": _text("The path of the next page, for a cursor: with {next}."),
    },
)
_HEADERS = Attribute(
    type=Map(STRING),
    doc="Headers of every call; {env.NAME} stands for an environment variable.",
    optional=True,
    sensitive=True,
)


class Http(Provider):
    """A vendor's API, as declared."""

    name = "http"
    schema = Schema(
        doc="The API of a vendor that has no provider, declared call by call.",
        attributes={
            "base_url": _text(
                "The API's root: https, or http on loopback. No call leaves this host.",
                required=True,
            ),
            "headers": _HEADERS,
            "tenant": _text("Names the account; by default the base URL does."),
            "capacity_share": Attribute(
                type=NUMBER,
                doc="The share of the vendor's rate limits to use, above 0 and at most 1.",
                optional=True,
            ),
        },
        blocks={
            "list": _LIST,
            "create": _call(
                "How a new credential is made.",
                "POST",
                id=_text("Where the answer has the new id.", required=True),
                secret=Attribute(
                    type=Map(STRING),
                    doc="Where the answer has the parts of the secret: name = pointer.",
                    required=True,
                ),
            ),
            "revoke": _call("How one is removed; {id} is its id.", "DELETE"),
            "disable": _call("How one is switched off.", "POST"),
            "enable": _call("How one is switched on again.", "POST"),
            "probe": _call(
                "How one is tried; nothing but these headers is sent, where {secret.NAME} stands for a part of the secret.",
                "GET",
                base_url=_text("Another API's root, where it is tried elsewhere."),
                headers=_HEADERS,
                refused=Attribute(
                    type=Set(NUMBER),
                    doc="Statuses that mean that it is refused; 401 and 403 by default.",
                    optional=True,
                ),
            ),
        },
    )

    @property
    def resources(self) -> Mapping[str, ResourceType]:
        """The two types, which differ in whether a credential can be switched off."""
        return {kind.name: kind for kind in _TYPES}

    def reader(self, request: ConnectRequest) -> Client:
        """A client that only reads."""
        _check(request.config)
        return connect(request, read_only=True)

    def writer(self, request: ConnectRequest, permit: WritePermit) -> Client:
        """A client that also writes."""
        assert permit is not None
        _check(request.config)
        return connect(request, read_only=False)

    def tenant(self, reader: Client) -> Tenant:
        """What the block says, since nothing is known of the vendor's own ids."""
        url = str(reader.config["base_url"])
        parts = urlsplit(url)
        given = reader.config.get("tenant")
        identifier = str(given) if given else f"{parts.netloc}{parts.path}".rstrip("/")
        return Tenant(id=identifier, name=identifier)


def _check(config: Mapping[str, Any]) -> None:
    """Refuse what can never work.

    Raises:
        Fatal: a pointer or a body is malformed.
    """
    listing = config.get("list") or {}
    for name, value in listing.items():
        if name in {"path", "active_value", "next_path"} or value is None:
            continue
        if wrong := problem(str(value)):
            raise Fatal(f"list.{name}: {wrong}")
    create = config.get("create") or {}
    pointers = {"id": create.get("id"), **(create.get("secret") or {})}
    for name, value in pointers.items():
        if value is not None and (wrong := problem(str(value))):
            raise Fatal(f"create.{name}: {wrong}")
    for name in ("create", "revoke", "disable", "enable", "probe"):
        text = (config.get(name) or {}).get("body")
        if text is not None and (wrong := parsed(str(text))):
            raise Fatal(f"{name}.body: {wrong}")
