"""Payloads that a sink gave back, kept out of everything that people get to see."""

from __future__ import annotations

import json
import re

from perimeter.sdk.redact import SECRETS

_OPEN = re.compile(r"(^|_)(id|name|user|login|fingerprint|arn|url)$|^public_", re.IGNORECASE)


def known_payload(text: str) -> str:
    """Register a payload with ``SECRETS``, whole and by its members, and return it.

    Members that only name things (``access_key_id``, ``client_id``, ``public_key``) are not registered: plans show them.
    """
    SECRETS.add(text)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(data, dict):
        for name, value in data.items():
            if not _OPEN.search(name):
                SECRETS.add_all(value)
    return text
