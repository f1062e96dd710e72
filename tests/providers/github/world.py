"""A small company on the emulated GitHub, and ways to reach it."""

import base64
import copy
import time
from contextlib import contextmanager

from perimeter.sandbox.server import Sandbox
from perimeter.sdk import ConnectRequest, Limiters, WritePermit
from perimeter_github.client import connect
from perimeter_github.provider import GitHub
from perimeter_github.sandbox.vendor import GitHub as Vendor
from tests.openapi import GENERAL, Validator, github_document

OWNER = "ghp_owner000000000000000000000000000000"
MEMBER = "ghp_member00000000000000000000000000000"
FINE = "github_pat_fine0000000000000000000000000"
APP = "ghs_app00000000000000000000000000000000"
SMALL_APP = "ghs_small000000000000000000000000000000"


def public_key(number):
    """A public key in OpenSSH's format; the same for the same number."""
    kind = b"ssh-ed25519"
    body = number.to_bytes(32, "big")
    blob = len(kind).to_bytes(4, "big") + kind + len(body).to_bytes(4, "big") + body
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


SEED = {
    "organizations": [
        {
            "login": "acme",
            "id": 7001,
            "enterprise": True,
            "members": [
                {"login": "a.tan", "id": 1, "role": "admin"},
                {"login": "m.ruiz", "id": 2, "role": "admin", "two_factor": False},
                {"login": "j.doe", "id": 3},
            ],
            "repositories": [
                {
                    "name": "api",
                    "id": 11,
                    "keys": [
                        {
                            "id": 501,
                            "key": public_key(1),
                            "title": "legacy-ci",
                            "read_only": False,
                            "added_by": "j.doe",
                            "created_at": "2023-04-02T09:00:00Z",
                        },
                        {"id": 502, "key": public_key(2), "title": "deploy"},
                    ],
                },
                {
                    "name": "Website",
                    "id": 12,
                    "visibility": "public",
                    "secrets": {"NPM_TOKEN": {"value": "npm-token-of-old"}},
                    "environments": {"prod": {"secrets": {"HOST_KEY": {"value": "host-key"}}}},
                },
                {"name": "billing", "id": 13, "keys": [{"key": public_key(3), "title": "export"}]},
            ],
            "installations": [
                {
                    "id": 48213377,
                    "app_id": 301,
                    "app_slug": "drift-chat",
                    "permissions": {"metadata": "read", "issues": "write", "contents": "write"},
                    "events": ["issues"],
                },
                {
                    "id": 48213378,
                    "app_id": 302,
                    "app_slug": "docs-bot",
                    "repository_selection": "selected",
                    "repositories": ["Website"],
                    "suspended_by": "a.tan",
                    "suspended_at": "2026-01-02T03:04:05Z",
                },
                {
                    "id": 48213379,
                    "app_id": 303,
                    "app_slug": "perimeter",
                    "permissions": {
                        "metadata": "read",
                        "members": "read",
                        "administration": "write",
                        "organization_administration": "write",
                        "organization_hooks": "write",
                        "organization_personal_access_tokens": "write",
                        "organization_personal_access_token_requests": "write",
                    },
                },
            ],
            "hooks": [
                {"id": 601, "url": "https://siem.example/github", "events": ["*"], "secret": "s3"},
                {"id": 602, "url": "https://chat.example/hook?token=abc", "insecure_ssl": "1"},
            ],
            "secrets": {
                "NPM_TOKEN": {
                    "value": "npm-token-of-all",
                    "visibility": "selected",
                    "repositories": [11, 13],
                }
            },
            "token_grants": [
                {
                    "id": 701,
                    "owner": "j.doe",
                    "token_id": 9001,
                    "token_name": "deploy",
                    "permissions": {"repository": {"contents": "write"}, "organization": {}},
                    "repository_selection": "subset",
                    "repositories": ["api"],
                    "token_last_used_at": "2026-10-01T00:00:00Z",
                },
                {
                    "id": 702,
                    "owner": "a.tan",
                    "token_id": 9002,
                    "token_name": "old",
                    "token_expires_at": "2025-01-01T00:00:00Z",
                },
            ],
            "token_requests": [
                {
                    "id": 801,
                    "owner": "j.doe",
                    "token_id": 9003,
                    "token_name": "new",
                    "reason": "release",
                    "permissions": {"organization": {"members": "read"}},
                }
            ],
        }
    ],
    "apps": [{"id": 303, "slug": "perimeter"}],
    "tokens": [
        {
            "token": OWNER,
            "kind": "classic",
            "login": "a.tan",
            "scopes": ["admin:org", "admin:org_hook", "repo"],
        },
        {"token": MEMBER, "kind": "classic", "login": "j.doe", "scopes": ["read:org", "repo"]},
        {
            "token": FINE,
            "kind": "fine_grained",
            "login": "a.tan",
            "permissions": {"metadata": "read", "organization_hooks": "read"},
        },
        {"token": APP, "kind": "installation", "installation": 48213379},
        {
            "token": SMALL_APP,
            "kind": "installation",
            "installation": 48213379,
            "permissions": {"metadata": "read"},
        },
    ],
}


def seed():
    """A copy of the seed, to change."""
    return copy.deepcopy(SEED)


class World:
    """The sandbox, the provider, and clients of it."""

    def __init__(self, sandbox, vendor, directory):
        self.sandbox = sandbox
        self.vendor = vendor
        self.directory = directory
        self.provider = GitHub()
        self.waits = []
        self.clients = []
        self.limiters = Limiters()

    @property
    def organization(self):
        """The organisation's content, to look at and to change behind everybody's back."""
        return self.vendor._content.data["organizations"][0]

    @property
    def calls(self):
        return self.sandbox.calls

    def kind(self, name):
        return self.provider.resources[f"github_{name}"]

    def connect(self, token=OWNER, *, write=False, share=1.0, config=None, environment=None):
        request = ConnectRequest(
            config={
                "organization": "acme",
                "base_url": self.sandbox.url("github"),
                **(config if config is not None else {"token": token}),
            },
            environment=environment or {},
            base_dir=str(self.directory),
            capacity_share=share,
            on_wait=lambda seconds, reason: self.waits.append((seconds, reason)),
        )
        client = connect(request, read_only=not write, limiters=self.limiters)
        self.clients.append(client)
        return client

    def tenant(self, client):
        return self.provider.tenant(client)


@contextmanager
def world_of(content, directory, clock=time.time):
    """Run the emulated GitHub; every exchange is held against GitHub's own description."""
    document = github_document()
    # The description leaves out that any operation answers 404 for what is hidden or gone.
    general = GENERAL | {404}
    check = Validator(document, general=general).check if document else _unchecked
    problems = []

    def on_exchange(_, request, response):
        if request.path != "/graphql":
            problems.extend(check(request, response))

    vendor = Vendor(content, clock)
    with Sandbox({"github": vendor}, on_exchange=on_exchange, clock=clock) as sandbox:
        world = World(sandbox, vendor, directory)
        try:
            yield world
        finally:
            for client in world.clients:
                client.close()
    assert not problems, "\n".join(problems[:5])
    assert not sandbox.problems, sandbox.problems[0]


def _unchecked(request, response):
    """Where this machine has no description."""
    return []


__all__ = ["APP", "FINE", "MEMBER", "OWNER", "SMALL_APP", "WritePermit", "public_key", "seed"]
