"""Who perimeter is to Vault, what it sees, and what it refuses."""

from __future__ import annotations

import sys
import time

import pytest

from perimeter.sandbox.faults import Fault
from perimeter.sdk import (
    ConnectRequest,
    Fatal,
    Forbidden,
    Invalid,
    ListRequest,
    MissingExtra,
    Unauthenticated,
    sign_jwt,
)
from perimeter_vault.kv_secret import duration
from perimeter_vault.provider import Vault
from tests.providers.vault.conftest import KIND, READS, TENANT, Server, delivery


def listed(reader) -> list[str]:
    return [item.id for item in KIND.list(reader, ListRequest(tenant=TENANT)).objects]


def key_pair() -> tuple[str, str]:
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
    return private, public.decode()


def test_the_tenant_is_the_cluster(server: Server) -> None:
    """By its id, which no other cluster has; the caller is the token's accessor, never the token."""
    tenant = Vault().tenant(server.reader())
    assert tenant.id == "5f0b9a4e-0000-4000-8000-perimeter001"
    assert (tenant.caller, tenant.caller_credential) == ("token-ci", "a-1")


def test_an_app_role_logs_in_and_again_when_its_token_was_revoked(server: Server) -> None:
    """A revoked token is renewed once; a wrong secret id is told."""
    server.change(
        lambda c: c["approle"].update(
            {"role-1": {"secret_ids": ["the-secret-id"], "policies": ["writes"]}}
        )
    )
    environment = {"VAULT_ROLE_ID": "role-1", "VAULT_SECRET_ID": "the-secret-id"}
    reader = server.reader("", environment=environment)
    assert Vault().tenant(reader).caller == "approle"
    server.change(lambda c: c["tokens"].clear())
    assert "secret/data/app/db" in listed(reader)
    assert server.calls("POST", "/v1/auth/approle/login") == 2
    wrong = server.reader("", environment={**environment, "VAULT_SECRET_ID": "wrong-one"})
    with pytest.raises(Invalid) as refused:
        Vault().tenant(wrong)
    assert "wrong-one" not in str(refused.value)


def test_a_jwt_logs_in(server: Server, tmp_path) -> None:
    """As CI systems do: the token comes from the environment or a file, and Vault checks its signature."""
    private, public = key_pair()
    role = {"public_key": public, "policies": ["reads"], "bound_claims": {"repository": "acme/x"}}
    server.change(lambda c: c["jwt"].update({"ci": role}))
    claims = {"repository": "acme/x", "exp": int(time.time()) + 300}
    (tmp_path / "jwt").write_text(sign_jwt(claims, private) + "\n")
    environment = {"VAULT_JWT_ROLE": "ci", "VAULT_JWT_FILE": "jwt"}
    reader = server.reader("", environment=environment)
    assert Vault().tenant(reader).caller == "jwt"
    other = sign_jwt({**claims, "repository": "mallory/x"}, private)
    with pytest.raises(Invalid, match="repository"):
        Vault().tenant(server.reader("", environment={"VAULT_JWT_ROLE": "ci", "VAULT_JWT": other}))


def test_what_vault_login_left_is_used(server: Server, tmp_path) -> None:
    """Like Vault's own tool."""
    (tmp_path / ".vault-token").write_text(READS)
    assert Vault().tenant(server.reader("", environment={"HOME": str(tmp_path)})).caller == (
        "token-plan"
    )


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "VAULT_ADDR"),
        ({"VAULT_ADDR": "http://127.0.0.1:1"}, "VAULT_TOKEN"),
        ({"VAULT_ADDR": "http://vault.example", "VAULT_TOKEN": "hvs.some-token"}, "https"),
        ({"VAULT_ADDR": "https://vault.example", "VAULT_JWT_ROLE": "ci"}, "VAULT_JWT"),
    ],
)
def test_what_is_missing_is_named(environment: dict[str, str], says: str) -> None:
    """Before anything is sent."""
    with pytest.raises(Fatal, match=says):
        Vault().reader(ConnectRequest(config={}, environment=environment))


def test_a_wrong_token_and_a_sealed_server_are_told_apart(server: Server) -> None:
    """Vault answers both in its own way; neither is waited for."""
    with pytest.raises(Unauthenticated):
        Vault().tenant(server.reader("hvs.nobody-knows-this"))
    server.change(lambda c: c.update(sealed=True))
    with pytest.raises(Fatal, match="sealed"):
        Vault().tenant(server.reader())


def test_a_client_that_plans_cannot_write(server: Server) -> None:
    """Also hvac's own calls are stopped before they leave."""
    reader = server.reader()
    before = server.calls()
    with pytest.raises(Fatal, match="only reads"):
        reader.kv.create_or_update_secret(path="x", secret={"a": "b"}, mount_point="secret")
    with pytest.raises(Fatal, match="only reads"):
        KIND.sink.deliver(reader_as_writer(reader), delivery("app/db", "text"))
    assert server.calls("POST") == 0
    assert server.calls() >= before


def reader_as_writer(reader):
    from perimeter_vault.client import VaultWriter

    return VaultWriter(reader.http, reader.kv)


def test_all_engines_of_version_2_are_walked_folder_by_folder(server: Server) -> None:
    """And none of version 1."""
    server.change(lambda c: c["policies"]["writes"].update({"old/*": ["list", "read"]}))
    assert listed(server.reader()) == ["secret/data/app/db", "secret/data/app/deep/er"]
    assert listed(server.reader(folders=["secret/app/deep"])) == ["secret/data/app/deep/er"]
    with pytest.raises(Invalid, match="secret, teams/kv"):
        listed(server.reader(folders=["old/app"]))


def test_a_folder_that_may_not_be_listed_is_no_empty_folder(server: Server) -> None:
    """The whole list fails, naming what is missing."""
    server.change(lambda c: c["policies"]["writes"].update({"secret/metadata/app/*": ["read"]}))
    with pytest.raises(Forbidden) as refused:
        listed(server.reader())
    assert refused.value.needs == "list on secret/metadata/app"


def test_reads_are_repeated_and_limits_are_waited_for(server: Server) -> None:
    """Vault's quotas answer 429, its standbys may answer 5xx."""
    server.sandbox.faults.add(Fault(kind="status", status=502, method="GET", path="/v1/secret/*"))
    assert "secret/data/app/db" in listed(server.reader())


@pytest.mark.parametrize(
    ("written", "kept"),
    [("720h", "2592000s"), ("1h0m0s", "3600s"), ("90", "90s"), ("0s", "0s"), ("soon", "soon")],
)
def test_durations_have_one_form(written: str, kept: str) -> None:
    """What people write and what Vault prints is the same time."""
    assert duration(written) == kept
    assert duration(kept) == kept


def test_without_hvac_the_command_that_installs_it_is_named(server: Server, monkeypatch) -> None:
    """A missing extra is no traceback."""
    monkeypatch.setitem(sys.modules, "perimeter_vault.transport", None)
    with pytest.raises(MissingExtra, match=r"perimeter-as-code\[vault\]"):
        Vault().reader(server.request())
