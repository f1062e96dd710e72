"""A secret of Secret Manager climbs the desired-state ladder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from perimeter.testing import ladder as steps
from perimeter.testing.ladder import Ladder, Tamper
from tests.providers.google.conftest import ALL, KIND, TOKEN, Project, delivery

KEY = "projects/acme-prod/locations/europe-west3/keyRings/r/cryptoKeys/k"


def block(arguments: str) -> str:
    lead = 'secret_id = "billing-aws"\n'
    return f'resource "google_secret_manager_secret" "this" {{\n{lead}{arguments}\n}}\n'


def made(project: Project) -> Ladder:
    def sets(field: str, value: object) -> Tamper:
        return lambda _: project.change(
            lambda c: c["secrets"]["billing-aws"].update({field: value})
        )

    replication = {"userManaged": {"replicas": [{"location": "us-east1"}]}}
    return Ladder(
        kind=KIND,
        address="google_secret_manager_secret.this",
        steps=(
            block(""),
            block('labels = { team = "billing" }\nannotations = { why = "rotation" }'),
            block(
                'labels = { team = "data" }\nannotations = {}\nversion_destroy_ttl = "86400s"\n'
                f'locations = ["europe-west3"]\nkms_keys = {{ europe-west3 = "{KEY}" }}'
            ),
        ),
        tamper={
            "labels": sets("labels", {"team": "mallory"}),
            "annotations": sets("annotations", {"who": "mallory"}),
            "version_destroy_ttl": sets("versionDestroyTtl", "172800s"),
            "locations": sets("replication", replication),
        },
        untampered={
            "secret_id": "it is its name",
            "kms_keys": "Google changes no secret's replication; see locations",
        },
        import_id=lambda held: f"projects/acme-prod/secrets/{held.id}",
        remove=lambda _: project.change(lambda c: c["secrets"].pop("billing-aws")),
    )


def test_the_ladder(project: Project, tmp_path: Path) -> None:
    """Each step reads back, drift is repaired, lists and imports find it, removal removes it."""
    workspace, ladder = project.workspace(), made(project)
    steps.climb(workspace, ladder)
    steps.drift(workspace, ladder)
    steps.listed(workspace, ladder)
    steps.imported(workspace, ladder, tmp_path / "other")
    steps.comes_back(workspace, ladder)
    steps.removed(workspace, ladder, 'output "x" {\n  value = 1\n}\n')
    assert sorted(project.content()["secrets"]) == ["app-db"]


def test_without_a_right_to_read_nothing_more_is_written(project: Project) -> None:
    """Of what the credential may not see, nothing is made or removed."""
    workspace = project.workspace()
    workspace.write(made(project).steps[-1])
    assert workspace.apply().errors == []

    @contextmanager
    def taken(permission: str) -> Iterator[None]:
        less = [held for held in ALL if held != permission]
        project.change(lambda c: c["tokens"].update({TOKEN: {"permissions": less}}))
        yield
        project.change(lambda c: c["tokens"].update({TOKEN: {"permissions": ALL}}))

    steps.never_wider_without(workspace, KIND.permissions.read, taken)


def test_values_and_tokens_stay_out_of_every_file(project: Project) -> None:
    """Neither what the secret holds nor the token is in state, events or plans."""
    workspace, ladder = project.workspace(), made(project)
    steps.climb(workspace, ladder)
    payload = json.dumps({"access_key_id": "AKIA1", "secret_access_key": "planted/secret+value"})
    KIND.sink.deliver(project.writer(), delivery(payload, "billing-aws"))
    workspace.write(
        'collection "google_secret_manager_secret" "all" {\n  mode = "report"\n}\n', "all.hcl"
    )
    outcome = workspace.plan()
    assert outcome.errors == []
    shown = [repr(workspace.events), repr(outcome.plan), repr(outcome.snapshot)]
    planted = ["planted/secret+value", "planted-in-google-already", TOKEN]
    steps.nothing_secret(planted, [workspace.directory], shown)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ('secret_id = "a/b"', "letters"),
        ('secret_id = "a"\nversion_destroy_ttl = "1d"', "seconds"),
        ('secret_id = "a"\nkms_keys = { europe-west3 = "k" }', "global"),
    ],
)
def test_what_google_would_refuse_is_refused_before(
    project: Project, arguments: str, says: str
) -> None:
    """While planning, with what to write instead."""
    workspace = project.workspace()
    workspace.write(f'resource "google_secret_manager_secret" "x" {{\n{arguments}\n}}\n')
    assert any(says in text for text in workspace.plan().errors)
