"""The HTTP backend, against a server that keeps Terraform's protocol strictly."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from perimeter.state.codec import encode_state
from perimeter.state.errors import StateError
from perimeter.state.http_backend import Endpoints, HttpBackend
from perimeter.state.http_document import ARCHIVED, Document, decode_document, encode_document
from perimeter.state.http_exchange import Access
from perimeter.state.lockinfo import LockError, new_lock_info
from perimeter.state.model import Output, Record, State
from tests.servers.http_state import HttpStateServer, http_state_server

QUICK = Access(retry_max=3, retry_wait_min=0.01, retry_wait_max=0.02, timeout=5.0)


@pytest.fixture(params=[False, True], ids=["plain", "gitlab"])
def server(request: pytest.FixtureRequest) -> Iterator[HttpStateServer]:
    with http_state_server(gitlab=request.param) as running:
        yield running


@pytest.fixture
def open_one(server: HttpStateServer) -> Iterator[Callable[..., HttpBackend]]:
    made: list[HttpBackend] = []

    def make(**access: Any) -> HttpBackend:
        options = {"retry_max": 3, "retry_wait_min": 0.01, "retry_wait_max": 0.02, **access}
        made.append(HttpBackend(Endpoints(**server.settings("s"), access=Access(**options))))
        return made[-1]

    yield make
    for backend in made:
        backend.close()


def state(serial: int = 1, value: str = "x") -> State:
    return State(serial=serial, lineage="l", outputs={"o": Output(value=value)})


def record(sequence: int, run: str = "r") -> Record:
    return Record(sequence=sequence, previous="", lineage="l", base_serial=0, run=run)


def info() -> Any:
    return new_lock_info("OperationTypeApply", "p")


def refused(caught: pytest.ExceptionInfo[StateError]) -> str:
    return caught.value.diagnostic.summary


def test_a_run_writes_one_document_whose_serial_rises_with_each_write(
    server: HttpStateServer, open_one: Callable[..., HttpBackend]
) -> None:
    backend = open_one()
    assert backend.load().state == State()
    with backend.lock(info()):
        backend.append(record(1))
        etag = backend.write_state(state(1), "")
        backend.append_evidence(b"one\n")
        backend.clear_records(1)
        backend.clear_records(1)  # nothing left to do: nothing is sent
        assert backend.write_state(state(2), etag) != etag
    assert server.slot("s").versions == [1, 2, 3, 4, 5]
    kept = json.loads(server.slot("s").body)
    assert (kept["serial"], kept["lineage"]) == (5, "l")
    assert "version" not in kept  # or Terraform would take it for its own
    found = open_one().load()
    assert (found.state, found.records) == (state(2), ())
    assert open_one().evidence_tail() == b"one"


def test_the_document_may_be_indented_but_not_edited(
    server: HttpStateServer, open_one: Callable[..., HttpBackend]
) -> None:
    backend = open_one()
    with backend.lock(info()):
        etag = backend.write_state(state(1), "")
    slot = server.slot("s")
    slot.body = json.dumps(json.loads(slot.body), indent=4).encode()
    assert open_one().load().etag == etag
    slot.body = slot.body.replace(b'"serial": 1', b'"serial": 2')
    with pytest.raises(StateError, match="Checksum mismatch"):
        open_one().load()
    slot.body = slot.body[:-20]
    with pytest.raises(StateError, match="Truncated"):
        open_one().load()


def test_what_others_left_there_is_named_and_left_alone(
    server: HttpStateServer, open_one: Callable[..., HttpBackend]
) -> None:
    slot = server.slot("s")
    slot.body = b'{"version": 4, "terraform_version": "1.9.0", "serial": 3, "lineage": "t"}'
    with pytest.raises(StateError) as caught:
        open_one().load()
    assert "a Terraform or OpenTofu state" in caught.value.diagnostic.detail
    slot.body = encode_state(state(1))
    with pytest.raises(StateError, match="Not a remote state"):
        open_one().load()
    assert slot.versions == []


def test_the_lock_is_the_servers(
    server: HttpStateServer, open_one: Callable[..., HttpBackend]
) -> None:
    first, second = open_one(), open_one()
    mine = info()
    lock = first.lock(mine)
    with pytest.raises(LockError) as caught:
        second.lock(info())
    assert caught.value.holder is not None
    assert caught.value.holder.id == mine.id
    with pytest.raises(LockError, match="State is locked"):
        second.write_state(state(1), "")
    timer = threading.Timer(0.3, lock.release)
    timer.start()
    told: list[Any] = []
    with second.lock(info(), timeout=10, waiting=lambda who, _: told.append(who)):
        second.write_state(state(1), "")
    timer.join()
    assert told[0].id == mine.id
    assert len(server.intervals) == 2
    assert server.intervals[0].end <= server.intervals[1].begin


def test_a_lock_removed_by_force_is_lost_to_its_holder(
    server: HttpStateServer, open_one: Callable[..., HttpBackend]
) -> None:
    stuck, other = open_one(), open_one()
    mine = info()
    lock = stuck.lock(mine)
    stuck.append(record(1))
    with pytest.raises(LockError, match='not "x"'):
        other.force_unlock("x")
    other.force_unlock(mine.id)
    with pytest.raises(LockError, match="not locked"):
        other.force_unlock(mine.id)
    assert server.slot("s").holder is None
    with other.lock(info()):
        with pytest.raises(LockError, match="State lock lost"):
            stuck.append(record(2))
        other.append(record(2, "other"))
        lock.release()  # not the other's
        assert server.slot("s").holder is not None
    assert [item.run for item in open_one().load().records] == ["r", "other"]


@pytest.mark.parametrize("kind", ["drop", "cut", 500, 503])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_lost_answers_are_looked_up_and_lost_requests_repeated(
    server: HttpStateServer, open_one: Callable[..., HttpBackend], kind: str | int, method: str
) -> None:
    backend = open_one()
    with backend.lock(info()):
        server.fault(method, kind)
        etag = backend.write_state(state(1), "")
        backend.append(record(1))
        server.fault(method, kind)
        backend.append(record(2))
        server.fault(method, kind)
        assert backend.load().etag == etag
    assert server.faults == [] or method == "POST"
    server.faults.clear()
    assert server.slot("s").versions == [1, 2, 3]
    assert [item.sequence for item in open_one().load().records] == [1, 2]


@pytest.mark.parametrize("kind", ["drop", "cut", 502])
def test_a_lock_whose_answer_is_lost_is_ours(
    server: HttpStateServer, open_one: Callable[..., HttpBackend], kind: str | int
) -> None:
    lock_method, unlock_method = ("POST", "DELETE") if server.gitlab else ("LOCK", "UNLOCK")
    backend = open_one()
    server.fault(lock_method, kind)
    with backend.lock(info()):
        backend.write_state(state(1), "")
        server.fault(unlock_method, kind)
    assert server.slot("s").holder is None
    open_one().lock(info()).release()


def test_a_server_that_stays_away_becomes_a_diagnostic(
    server: HttpStateServer, open_one: Callable[..., HttpBackend]
) -> None:
    backend = open_one()
    with backend.lock(info()):
        backend.append(record(1))
        server.fault("POST", "cut", 100)
        server.fault("GET", "cut", 100)
        with pytest.raises(StateError) as caught:
            backend.append(record(2))
        assert refused(caught) == "Could not write the journal"
        assert "the next run looks up" in caught.value.diagnostic.detail
        server.faults.clear()
        backend.append(record(2))  # what is known is read again, not believed
    assert [item.sequence for item in open_one().load().records] == [1, 2]


def test_a_lock_that_cannot_be_given_back_is_said_to_stay(
    server: HttpStateServer, open_one: Callable[..., HttpBackend]
) -> None:
    backend = open_one()
    mine = info()
    lock = backend.lock(mine)
    server.fault("DELETE" if server.gitlab else "UNLOCK", "cut", 100)
    with pytest.raises(StateError) as caught:
        lock.release()
    assert refused(caught) == "Error releasing the state lock"
    assert f"force-unlock {mine.id}" in caught.value.diagnostic.detail
    lock.release()
    with pytest.raises(ValueError, match="first"), backend_lock(open_one, server):
        raise ValueError("first")


def backend_lock(open_one: Callable[..., HttpBackend], server: HttpStateServer) -> Any:
    server.faults.clear()
    server.slot("s").holder = None
    lock = open_one().lock(info())
    server.fault("DELETE" if server.gitlab else "UNLOCK", "cut", 100)
    return lock


def test_somebody_elses_write_is_not_overwritten(
    server: HttpStateServer, open_one: Callable[..., HttpBackend]
) -> None:
    """Without a lock, too, as far as the protocol allows."""
    one, other = open_one(), open_one()
    mine = one.write_state(state(1), "")
    other.write_state(state(2, "theirs"), mine)
    with pytest.raises(StateError, match="State changed"):
        one.write_state(state(2, "mine"), mine)
    with pytest.raises(StateError, match="State changed"):
        one.write_state(state(1), "")
    one.append(record(1))
    with pytest.raises(StateError, match="Journal changed"):
        other.append(record(1))
    assert open_one().load().state == state(2, "theirs")


def test_evidence_is_kept_whole_and_small() -> None:
    document = Document(serial=1)
    lines = [b'{"sequence":%d,"hash":"%064x"}\n' % (n, n * 7919) for n in range(3 * ARCHIVED + 7)]
    for start in range(0, len(lines), 40):
        document = document.with_evidence(b"".join(lines[start : start + 40]))
    assert len(document.archive) == 2
    assert len(document.evidence) < 2 * ARCHIVED
    read = decode_document(encode_document(document), "here")
    assert read == document
    assert list(read.evidence_lines("here")) == lines


def test_without_a_lock_address_a_lock_is_refused_with_the_way_out(
    server: HttpStateServer,
) -> None:
    backend = HttpBackend(Endpoints(address=f"{server.url}/state/s"))
    with pytest.raises(LockError) as caught:
        backend.lock(info())
    assert "lock_address" in caught.value.diagnostic.detail
    assert "-lock=false" in caught.value.diagnostic.detail
    with pytest.raises(LockError, match="without lock_address"):
        backend.force_unlock("x")


def test_credentials_and_headers_are_sent_and_never_shown() -> None:
    with http_state_server(user="me:http-canary-password") as server:
        address = server.settings("s")
        for password, says in (("", "PERIMETER_HTTP_USERNAME"), ("wrong-password", "do not allow")):
            access = Access(username="me" if password else "", password=password, retry_max=0)
            backend = HttpBackend(Endpoints(**address, access=access))
            with pytest.raises(StateError) as caught:
                backend.load()
            assert says in caught.value.diagnostic.detail
            backend.close()
        access = Access(
            username="me", password="http-canary-password", headers={"X-Key": "header-canary"}
        )
        assert "canary" not in repr(access)
        backend = HttpBackend(Endpoints(**address, access=access))
        backend.load()
        assert server.headers[-1]["x-key"] == "header-canary"
        server.fault("GET", 400)
        with pytest.raises(StateError):
            backend.load()
        backend.close()


def test_certificates_are_checked(tmp_path: Path) -> None:
    """A server nobody vouches for is refused; with its certificate, or without the check, it is not."""
    pem, key = certificate("127.0.0.1")
    (tmp_path / "server.pem").write_text(pem + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    with http_state_server(tls=context) as server:
        address = f"{server.url}/state/s"

        def load(**access: Any) -> None:
            backend = HttpBackend(Endpoints(address=address, access=Access(retry_max=0, **access)))
            try:
                backend.load()
            finally:
                backend.close()

        with pytest.raises(StateError, match=r"(?i)certificate"):
            load()
        load(ca=pem)
        load(verify=False)
        load(ca=pem, certificate=pem, key=key)
        with pytest.raises(StateError, match="Invalid client certificate"):
            load(ca=pem, certificate="nonsense")
        with pytest.raises(StateError, match="Invalid certificate"):
            load(ca="nonsense")


def certificate(host: str) -> tuple[str, str]:
    """A certificate that vouches for itself, and its key, in PEM."""
    import ipaddress
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return (
        made.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )


def test_an_address_that_is_none_is_refused() -> None:
    for address in ("nonsense", "ftp://host/x"):
        with pytest.raises(StateError, match="Invalid address"):
            HttpBackend(Endpoints(address=address, access=QUICK)).load()


def test_deleting_needs_the_lock_where_there_is_one(
    server: HttpStateServer, open_one: Callable[..., HttpBackend]
) -> None:
    backend = open_one()
    with backend.lock(info()):
        backend.write_state(state(1), "")
        with pytest.raises(StateError, match="Could not delete"):
            open_one().delete()
        backend.delete()
    assert open_one().load().state == State()
