"""Asking consumers and telling people, over HTTP; bounded in time, and without secrets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.sdk.redact import SECRETS

TIMEOUT = 10.0
"""Seconds that one exchange may take."""

LARGEST = 1 << 20
"""Bytes of an answer that are read."""


def answer_of(url: str, path: str) -> str:
    """What the JSON at a URL says at a dotted path; empty where it does not answer or says something else."""
    import httpx2

    try:
        with httpx2.Client(timeout=TIMEOUT, follow_redirects=False) as client:
            answer = client.get(url, headers={"Accept": "application/json"})
        if answer.status_code != 200 or len(answer.content) > LARGEST:
            return ""
        found: Any = json.loads(answer.content)
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError):
        return ""
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""


def notify(urls: Iterable[str], message: Mapping[str, Any]) -> tuple[str, ...]:
    """Post a message to each URL; returns those that did not take it."""
    import httpx2

    left = []
    body = json.dumps(SECRETS.redact_all(dict(message)), sort_keys=True)
    for url in urls:
        try:
            with httpx2.Client(timeout=TIMEOUT, follow_redirects=False) as client:
                answer = client.post(
                    url, content=body, headers={"Content-Type": "application/json"}
                )
            if answer.status_code >= 400:
                left.append(url)
        except (httpx2.HTTPError, httpx2.InvalidURL):
            left.append(url)
    return tuple(left)
