"""Who perimeter is to Google, what it sees, and what it refuses."""

from __future__ import annotations

import json
import socket
import sys
import time

import pytest

from perimeter.sandbox.faults import Fault
from perimeter.sdk import (
    ConnectRequest,
    Fatal,
    Forbidden,
    ListRequest,
    MissingExtra,
    Unauthenticated,
)
from perimeter_google.provider import Google
from tests.providers.google.conftest import ALL, KIND, TENANT, TOKEN, Project


def listed(reader) -> list[str]:
    return [item.id for item in KIND.list(reader, ListRequest(tenant=TENANT)).objects]


def service_account(project: Project) -> dict[str, str]:
    """A service account of the project, with its key's file as Google gives it."""
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    key = generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    email = "perimeter@acme-prod.iam.gserviceaccount.com"
    account = {"public_key": public.decode(), "permissions": ALL}
    project.change(lambda c: c["service_accounts"].update({email: account}))
    return {
        "type": "service_account",
        "project_id": "acme-prod",
        "private_key_id": "key-1",
        "private_key": private,
        "client_email": email,
        "client_id": "1",
        "token_uri": project.sandbox.url("google") + "/token",
    }


def test_the_tenant_is_the_projects_number(project: Project) -> None:
    """Which Google never gives to another."""
    tenant = Google().tenant(project.reader())
    assert (tenant.id, tenant.name) == ("415104041262", "acme-prod")


def test_a_service_accounts_key_signs_in(project: Project, tmp_path) -> None:
    """By file or by text; the token is asked for again when it was refused."""
    info = service_account(project)
    (tmp_path / "key.json").write_text(json.dumps(info))
    environment = {"GOOGLE_APPLICATION_CREDENTIALS": "key.json", "GOOGLE_CLOUD_PROJECT": ""}
    reader = project.reader("", environment=environment)
    tenant = Google().tenant(reader)
    assert tenant.caller == info["client_email"]
    assert tenant.caller_credential == "key-1"
    project.change(lambda c: c["tokens"].clear())
    assert listed(reader) == ["app-db"]
    assert project.calls("POST", "/token") == 2
    text = project.reader("", environment={"GOOGLE_CREDENTIALS": json.dumps(info)})
    assert listed(text) == ["app-db"]


def test_a_key_that_google_does_not_know_is_refused_without_a_word_of_it(project: Project) -> None:
    """The signature does not fit."""
    info = service_account(project)
    service_account(project)  # another key now
    reader = project.reader("", environment={"GOOGLE_CREDENTIALS": json.dumps(info)})
    with pytest.raises(Unauthenticated) as refused:
        Google().tenant(reader)
    assert "PRIVATE" not in str(refused.value)


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"GOOGLE_OAUTH_ACCESS_TOKEN": "ya29.some"}, "GOOGLE_CLOUD_PROJECT"),
        ({"GOOGLE_APPLICATION_CREDENTIALS": "missing.json"}, "GOOGLE_APPLICATION_CREDENTIALS"),
        ({"GOOGLE_CREDENTIALS": '{"type": "service_account"}'}, "whole JSON"),
        (
            {
                "GOOGLE_CREDENTIALS": '{"type": "external_account", "credential_source": '
                '{"executable": {"command": "rm"}}}'
            },
            "whole JSON",
        ),
    ],
)
def test_what_is_missing_is_named(environment: dict[str, str], says: str, tmp_path) -> None:
    """Before anything is sent; and no program is run for a token."""
    with pytest.raises(Fatal, match=says):
        Google().reader(ConnectRequest(config={}, environment=environment, base_dir=str(tmp_path)))


def test_calls_are_built_without_the_network(project: Project, monkeypatch) -> None:
    """The descriptions of Google's APIs are on this machine."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    project.reader()


def test_a_wrong_token_and_a_missing_right_are_told_apart(project: Project) -> None:
    """With the permission's name, as Google gives it."""
    with pytest.raises(Unauthenticated):
        Google().tenant(project.reader("ya29.nobody-knows-this"))
    project.change(lambda c: c["tokens"].update({TOKEN: {"permissions": []}}))
    with pytest.raises(Forbidden) as refused:
        Google().tenant(project.reader())
    assert refused.value.needs == "resourcemanager.projects.get"


def test_a_client_that_plans_cannot_write(project: Project) -> None:
    """Whatever code asks it to."""
    from perimeter_google.client import GoogleWriter

    reader = project.reader()
    writer = GoogleWriter(
        project=reader.project,
        who=reader.who,
        clients=reader._clients,
        services=reader._services,
        send=reader._send,
    )
    for attempt in (
        lambda: writer.add("app-db", {"data": ""}),
        lambda: writer.remove("app-db"),
        lambda: writer.create("x", {"replication": {"automatic": {}}}),
        lambda: writer.disable("app-db", "1"),
    ):
        with pytest.raises(Fatal, match="only reads"):
            attempt()
    assert project.calls("POST") + project.calls("DELETE") == 0


def test_many_secrets_are_read_by_pages(project: Project) -> None:
    """250 a call."""
    one = project.content()["secrets"]["app-db"]
    project.change(lambda c: c["secrets"].update({f"s{n}": one for n in range(600)}))
    assert len(listed(project.reader())) == 601
    assert project.calls("GET", "/v1/projects/acme-prod/secrets") == 3


def test_reads_are_repeated(project: Project) -> None:
    """Google's passing failures are none of the plan's business."""
    project.sandbox.faults.add(Fault(kind="status", status=503, method="GET", path="/v1/*"))
    assert listed(project.reader()) == ["app-db"]


def test_times_pass_for_expired_tokens(project: Project) -> None:
    """A refused fixed token is not retried for ever."""
    started = time.monotonic()
    with pytest.raises(Unauthenticated):
        listed(project.reader("ya29.expired-some-time-ago"))
    assert time.monotonic() - started < 5


def test_without_googles_packages_the_command_that_installs_them_is_named(
    project: Project, monkeypatch
) -> None:
    """A missing extra is no traceback."""
    monkeypatch.setitem(sys.modules, "perimeter_google.documents", None)
    with pytest.raises(MissingExtra, match=r"perimeter-as-code\[google\]"):
        Google().reader(project.request())
