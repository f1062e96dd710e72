"""hvac over perimeter's own HTTP client: hvac knows Vault's paths and bodies, the client knows how calls go wrong.

The only module that imports hvac.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hvac.adapters import Adapter
from hvac.api.secrets_engines.kv_v2 import KvV2

from perimeter.sdk import HttpClient


class Through(Adapter):  # type: ignore[misc]  # hvac has no types
    """Sends hvac's requests through a client of perimeter's; answers are decoded bodies.

    What a plan uses is a client that only reads, so that hvac cannot write through it either.
    """

    def __init__(self, http: HttpClient) -> None:
        super().__init__(base_uri=http.origin.url("/"))
        super().close()  # requests' session, which is never used
        self._http = http

    def get_login_token(self, response: Any) -> str:
        """The token of a login's answer."""
        return str(response["auth"]["client_token"])

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        raise_exception: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Make one call; raises ``perimeter.sdk.errors`` only."""
        params = dict(kwargs.get("params") or {})
        if method.lower() == "list":
            # Vault takes its own verb LIST also as GET with this parameter.
            method, params = "get", {**params, "list": "true"}
        return self._http.request(
            method.upper(), url, params=params, body=kwargs.get("json"), headers=headers or {}
        ).data


def kv(http: HttpClient) -> Any:
    """Hvac's calls of the KV engine, version 2."""
    return KvV2(adapter=Through(http))
