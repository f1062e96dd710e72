"""Deep links into the IAM console."""

from __future__ import annotations

from urllib.parse import quote

CONSOLE = "https://console.aws.amazon.com/iam/home"


def role_page(name: str) -> str:
    """A role's page."""
    return f"{CONSOLE}#/roles/details/{quote(name, safe='')}"
