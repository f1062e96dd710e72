"""Deep links into the IAM console."""

from __future__ import annotations

from urllib.parse import quote

CONSOLE = "https://console.aws.amazon.com/iam/home"


def role_page(name: str) -> str:
    """A role's page."""
    return f"{CONSOLE}#/roles/details/{quote(name, safe='')}"


def secret_page(name: str, arn: str) -> str:
    """A secret's page in Secrets Manager."""
    region = arn.split(":")[3] if arn.count(":") > 5 else "us-east-1"
    where = f"https://{region}.console.aws.amazon.com/secretsmanager/secret"
    return f"{where}?name={quote(name, safe='')}&region={region}"
