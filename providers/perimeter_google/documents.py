"""Google's own description of its APIs, as it is shipped with its client library: calls are built from it, none is fetched.

The only module that imports googleapiclient.
"""

from __future__ import annotations

import json
from typing import Any

from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import get_static_doc

from perimeter.sdk import Answer, Fatal, HttpClient

SECRET_MANAGER = ("secretmanager", "v1")
RESOURCE_MANAGER = ("cloudresourcemanager", "v3")


def document(api: tuple[str, str]) -> dict[str, Any]:
    """The discovery document that the library holds.

    Raises:
        Fatal: it holds none.
    """
    text = get_static_doc(*api)
    if text is None:
        raise Fatal(
            f"google-api-python-client holds no description of {api[0]} {api[1]}. Install a current one: "
            'pip install --upgrade "perimeter-as-code[google]"'
        )
    found: dict[str, Any] = json.loads(text)
    return found


def service(api: tuple[str, str], endpoint: str) -> Any:
    """What builds an API's calls; it is given no connection and sends nothing itself."""
    options = {"api_endpoint": endpoint}
    return build_from_document(document(api), http=_NOWHERE, client_options=options)


def send(http: HttpClient, call: Any) -> Answer:
    """Send a call that was built by ``service``."""
    body = json.loads(call.body) if call.body else None
    return http.request(call.method, call.uri, body=body)


class _Nowhere:
    """Stands for the connection that building calls does not need."""

    def close(self) -> None:
        """Release nothing."""


_NOWHERE = _Nowhere()
