"""A Vault secret climbs the desired-state ladder against the emulated server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from perimeter.testing import ladder as steps
from perimeter.testing.ladder import Ladder, Tamper
from tests.providers.vault.conftest import KIND, TOKEN, Server, delivery

PLACE = 'mount = "secret"\npath = "billing/aws"\n'


def block(arguments: str) -> str:
    return f'resource "vault_kv_secret" "this" {{\n{PLACE}{arguments}\n}}\n'


def made(server: Server) -> Ladder:
    def sets(name: str, value: object) -> Tamper:
        def change(_: object) -> None:
            server.change(
                lambda c: c["mounts"]["secret"]["secrets"]["billing/aws"].update({name: value})
            )

        return change

    return Ladder(
        kind=KIND,
        address="vault_kv_secret.this",
        steps=(
            block(""),
            block('max_versions = 5\ncas_required = true\ndelete_version_after = "720h"'),
            block(
                'max_versions = 3\ncas_required = false\ndelete_version_after = "0s"\n'
                'custom_metadata = { owner = "data@acme.example" }'
            ),
        ),
        tamper={
            "max_versions": sets("max_versions", 9),
            "cas_required": sets("cas_required", True),
            "delete_version_after": sets("delete_version_after", "1h0m0s"),
            "custom_metadata": sets("custom_metadata", {"owner": "mallory"}),
        },
        untampered={"mount": "it is its place", "path": "it is its place"},
        import_id=lambda held: held.id,
        remove=lambda _: server.change(
            lambda c: c["mounts"]["secret"]["secrets"].pop("billing/aws")
        ),
    )


def test_the_ladder(server: Server, tmp_path: Path) -> None:
    """Each step reads back, drift is repaired, lists and imports find it, removal removes it."""
    workspace, ladder = server.workspace(), made(server)
    steps.climb(workspace, ladder)
    steps.drift(workspace, ladder)
    steps.listed(workspace, ladder)
    steps.imported(workspace, ladder, tmp_path / "other")
    steps.comes_back(workspace, ladder)
    steps.removed(workspace, ladder, 'output "x" {\n  value = 1\n}\n')
    assert "billing/aws" not in server.content()["mounts"]["secret"]["secrets"]


def test_without_a_right_to_read_nothing_more_is_written(server: Server) -> None:
    """Of what the token may not see, nothing is made or removed."""
    workspace = server.workspace()
    workspace.write(made(server).steps[-1])
    assert workspace.apply().errors == []

    @contextmanager
    def taken(capability: str) -> Iterator[None]:
        def less(content: dict) -> None:
            rights = ["create", "read", "update", "delete", "list"]
            content["policies"]["writes"]["secret/*"] = [r for r in rights if r != capability]

        def whole(content: dict) -> None:
            content["policies"]["writes"]["secret/*"] = [*map(str, KINDS)]

        server.change(less)
        yield
        server.change(whole)

    steps.never_wider_without(workspace, ["read", "list"], taken)


KINDS = ("create", "read", "update", "delete", "list")


def test_values_and_tokens_stay_out_of_every_file(server: Server) -> None:
    """Neither what the secret holds nor the token is in state, events or plans."""
    workspace, ladder = server.workspace(), made(server)
    steps.climb(workspace, ladder)
    payload = json.dumps({"access_key_id": "AKIA1", "secret_access_key": "planted/secret+value"})
    KIND.sink.deliver(server.writer(), delivery("billing/aws", payload))
    workspace.write('collection "vault_kv_secret" "all" {\n  mode = "report"\n}\n', "all.hcl")
    outcome = workspace.plan()
    assert outcome.errors == []
    shown = [repr(workspace.events), repr(outcome.plan), repr(outcome.snapshot)]
    planted = ["planted/secret+value", "planted-in-vault-already", TOKEN]
    steps.nothing_secret(planted, [workspace.directory], shown)


def test_what_exists_already_is_imported_rather_than_overwritten(server: Server) -> None:
    """A declaration of a secret that is there asks for an import."""
    workspace = server.workspace()
    workspace.write('resource "vault_kv_secret" "db" {\n  mount = "secret"\n  path = "app/db"\n}\n')
    outcome = workspace.apply()
    assert any("import" in text for text in outcome.errors), outcome.errors
    assert server.secret("app/db")["current_version"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        'mount = "secret"\npath = "/a"',
        'mount = "secret"\npath = "a//b"',
        'mount = "data"\npath = "a"',
    ],
)
def test_places_that_vault_would_read_otherwise_are_refused(server: Server, arguments: str) -> None:
    """A slash too many would name another secret."""
    workspace = server.workspace()
    workspace.write(f'resource "vault_kv_secret" "x" {{\n{arguments}\n}}\n')
    assert workspace.plan().errors
