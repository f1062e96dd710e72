"""AWS KMS as key provider, on moto's server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from perimeter.state.codec import Codec
from perimeter.state.encryption import Keys, header_of
from perimeter.state.errors import StateError
from perimeter.state.kms import AwsKms
from perimeter.state.model import Output, Record, State
from perimeter.testing.moto import MotoServer


@pytest.fixture(scope="module")
def server() -> Iterator[MotoServer]:
    with MotoServer() as running:
        yield running


class Kms:
    def __init__(self, server: MotoServer) -> None:
        self.server = server
        self.client = boto3.client("kms", endpoint_url=server.url, region_name="eu-west-1")

    def key(self) -> str:
        return str(self.client.create_key()["KeyMetadata"]["KeyId"])

    def provider(self, key: str, **more: Any) -> AwsKms:
        fields = {"name": "main", "region": "eu-west-1", "endpoint": self.server.url}
        return AwsKms(key_id=key, **{**fields, **more})


@pytest.fixture
def kms(server: MotoServer, monkeypatch: pytest.MonkeyPatch) -> Kms:
    for name, text in server.environment.items():
        monkeypatch.setenv(name, text)
    return Kms(server)


STATE = State(serial=4, lineage="l", outputs={"o": Output(value="hunter2-hunter2")})


def counted(provider: AwsKms) -> list[str]:
    """What is asked of KMS from now on."""
    provider._call("generate_data_key", KeyId=provider.key_id, KeySpec="AES_256")
    calls: list[str] = []
    provider._clients[0].meta.events.register(
        "before-call.kms", lambda model, **_: calls.append(model.name)
    )
    return calls


def summary(codec: Codec, data: bytes) -> str:
    with pytest.raises(StateError) as caught:
        codec.decode_state(data, where="x")
    return caught.value.diagnostic.summary


def test_another_machine_with_the_same_key_reads_it(kms: Kms) -> None:
    key = kms.key()
    data = Codec(keys=Keys(primary=kms.provider(key))).encode_state(STATE)
    assert b"hunter2" not in data
    header = header_of(data, where="x")
    assert header is not None
    assert str(header.key["kms_key"]).endswith(key)
    assert Codec(keys=Keys(primary=kms.provider(key))).decode_state(data, where="x") == STATE


def test_a_run_asks_once_to_write_and_once_for_each_writer_to_read(kms: Kms) -> None:
    writer = kms.provider(kms.key())
    calls = counted(writer)
    codec = Codec(keys=Keys(primary=writer))
    records = [
        Record(sequence=number, previous="", lineage="l", base_serial=0, run="r")
        for number in range(1, 51)
    ]
    written = [codec.encode_record(item) for item in records]
    assert calls == ["GenerateDataKey"]
    reader = kms.provider(writer.key_id)
    calls = counted(reader)
    codec = Codec(keys=Keys(primary=reader))
    assert [codec.decode_record(item, where="x") for item in written] == records
    assert calls == ["Decrypt"]


def test_the_encryption_context_must_be_the_same(kms: Kms) -> None:
    key = kms.key()
    data = Codec(keys=Keys(primary=kms.provider(key, context={"team": "a"}))).encode_state(STATE)
    assert summary(Codec(keys=Keys(primary=kms.provider(key, context={"team": "b"}))), data) == (
        "AWS KMS refused"
    )


def test_a_key_that_is_not_there_is_named(kms: Kms) -> None:
    codec = Codec(keys=Keys(primary=kms.provider("alias/nothing")))
    with pytest.raises(StateError) as caught:
        codec.encode_state(STATE)
    found = caught.value.diagnostic
    assert found.summary == "AWS KMS refused"
    assert "alias/nothing" in found.detail


def test_an_endpoint_that_does_not_answer_is_named(kms: Kms) -> None:
    provider = kms.provider("k", endpoint="http://127.0.0.1:9")
    with pytest.raises(StateError) as caught:
        Codec(keys=Keys(primary=provider)).encode_state(STATE)
    assert caught.value.diagnostic.summary == "AWS KMS cannot be reached"


def test_rollover_to_another_key_reads_both(kms: Kms) -> None:
    old, new = kms.provider(kms.key()), kms.provider(kms.key(), name="new")
    data = Codec(keys=Keys(primary=old)).encode_state(STATE)
    codec = Codec(keys=Keys(primary=new, fallbacks=(old,)))
    again = codec.recoded_state(data, where="x")
    assert again is not None
    assert codec.recoded_state(again, where="x") is None
    assert codec.decode_state(again, where="x") == STATE


def test_a_file_under_somebody_elses_key_is_refused_though_we_could_decrypt_it(kms: Kms) -> None:
    data = Codec(keys=Keys(primary=kms.provider(kms.key()))).encode_state(STATE)
    assert summary(Codec(keys=Keys(primary=kms.provider(kms.key()))), data) == "AWS KMS refused"
