"""The declared API behind one base URL."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from perimeter.sdk import (
    SECRETS,
    Answer,
    Attributes,
    ConnectRequest,
    Fatal,
    HttpClient,
    Invalid,
    ProviderError,
    Retryable,
    Unsupported,
)
from perimeter_http.pointers import MISSING, body, filled, found, path, placeholders, text

LARGEST = 8 * 1024 * 1024
"""Bytes of an answer at most."""
MOST_PAGES = 500
_HEADER = re.compile(r"[\x20-\x7e]*")
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class Client:
    """Makes the declared calls; used by several threads at once.

    Args:
        http: the client for the base URL; it sends the declared headers, and follows no redirect to another host.
        config: the provider block.
    """

    def __init__(self, http: HttpClient, config: Attributes) -> None:
        self.http = http
        self.config = config

    def declared(self, name: str) -> Mapping[str, Any]:
        """A call's block.

        Raises:
            Unsupported: the provider block declares no such call.
        """
        block = self.config.get(name)
        if not block:
            raise Unsupported(f"The http provider's block declares no {name} call.")
        found_: Mapping[str, Any] = block
        return found_

    def call(self, name: str, values: Mapping[str, str], *, method: str) -> Answer:
        """Make a declared call; ``method`` where the block names none."""
        block = self.declared(name)
        verb = str(block.get("method") or method).upper()
        content = None
        if block.get("body") is not None:
            try:
                content = body(str(block["body"]), values)
            except ValueError:
                raise Invalid(f"The body of the {name} call is no JSON.") from None
        return self.http.request(
            verb, whole(str(block["path"]), values, name), body=content, headers={}
        )

    def pages(self) -> Iterator[Any]:
        """Every page of the declared list.

        Raises:
            ProviderError: a page could not be read, links lead elsewhere or in circles.
        """
        block = self.declared("list")
        at, seen = whole(str(block["path"]), {}, "list"), set[str]()
        while at not in seen and len(seen) < MOST_PAGES:
            seen.add(at)
            data = self.http.get(at).data
            yield data
            pointer = block.get("next")
            following = text(data, str(pointer)) if pointer else None
            if not following:
                return
            if following.startswith(("/", "http://", "https://")):
                at = following
            else:
                at = whole(str(block.get("next_path") or ""), {"next": following}, "list")
        raise Retryable("The declared list goes round in circles, or has too many pages.")

    def items(self) -> list[Any]:
        """Every item of the declared list.

        Raises:
            Retryable: an answer holds no list where the block says that there is one.
        """
        pointer = str(self.declared("list").get("items") or "")
        every: list[Any] = []
        for page in self.pages():
            part = found(page, pointer)
            if part is MISSING or not isinstance(part, list):
                where = pointer or "the whole answer"
                raise Retryable(f"The list's answer holds no list at {where}.")
            every += part
        return every

    @property
    def date(self) -> datetime | None:
        """The vendor's clock, as last seen."""
        return self.http.date

    def close(self) -> None:
        """Release connections."""
        self.http.close()


def whole(template: str, values: Mapping[str, str], name: str) -> str:
    """A path with every placeholder filled.

    Raises:
        Invalid: something stays open: sent like that, the call could reach something else.
    """
    made = path(template, values)
    if left := placeholders(made):
        raise Invalid(
            f"The path of the {name} call names {{{min(left)}}}, which is not known here."
        )
    if not made.startswith("/"):
        raise Invalid(f"The path of the {name} call must begin with a slash.")
    return made


def connect(request: ConnectRequest, *, read_only: bool) -> Client:
    """Make the client that a provider block asks for; no call is made.

    Raises:
        Fatal: the base URL is not https (http on loopback), or a header cannot be sent.
    """
    config = request.config
    headers = headers_of(config.get("headers") or {}, request.environment)
    http = HttpClient(
        str(config["base_url"]).rstrip("/"),
        lambda: headers,
        read_only=read_only,
        capacity_share=request.capacity_share,
        on_wait=request.on_wait,
        on_request=request.on_request,
        timeout=request.timeout,
        max_body=LARGEST,
    )
    return Client(http, config)


def headers_of(
    given: Mapping[str, Any],
    environment: Mapping[str, str],
    values: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Headers with ``{env.NAME}`` (and other values) filled in; every result counts as a secret.

    Raises:
        Fatal: an environment variable is missing, or a header holds what no header may.
    """
    made = {}
    for name, template in given.items():
        known = {f"env.{one}": value.strip() for one, value in environment.items()}
        value = filled(str(template), {**known, **(values or {})})
        left = sorted(place for place in placeholders(value) if place.startswith("env."))
        if left:
            variable = left[0].removeprefix("env.")
            raise Fatal(f"The header {name} needs the environment variable {variable}. Set it.")
        if not _NAME.fullmatch(str(name)) or not _HEADER.fullmatch(value):
            raise Fatal(f"The header {name} holds characters that no header may hold.")
        SECRETS.add(value)
        SECRETS.add(value.rpartition(" ")[2])
        made[str(name).lower()] = value
    return made


def explained(error: ProviderError) -> ProviderError:
    """The error with nothing secret in its words."""
    error.message = SECRETS.redact(error.message)
    return error


def parsed(text_: str) -> str:
    """What is wrong with a body template, or nothing."""
    try:
        json.loads(text_)
    except ValueError:
        return "The body must be JSON, with placeholders inside its texts only."
    return ""
