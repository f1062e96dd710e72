"""Backends in object stores: answers that are lost, locks left behind, and what is said when it fails."""

import sys

import msgspec
import pytest

from perimeter.sdk.redact import SECRETS
from perimeter.state import objects
from perimeter.state.codec import PLAIN, record_hash
from perimeter.state.errors import StateError
from perimeter.state.evidence import Evidence, EvidenceLog, Verified, verify
from perimeter.state.lockinfo import LockError, LockInfo, new_lock_info
from perimeter.state.model import Intent, Output, Record, Seal, State, StateObject
from perimeter.state.places import KINDS, SettingError
from tests.servers.backends import LOSSY, Place, Unavailable
from tests.servers.moto import BUCKET, CREDENTIALS
from tests.servers.processes import free_port


def found(servers, name, **options):
    try:
        return servers.place(name, **options)
    except Unavailable as problem:
        pytest.skip(str(problem))


@pytest.fixture(params=LOSSY)
def place(request, servers):
    made = found(servers, request.param, lossy=True)
    yield made
    made.front.expect_spent()


def state(serial=1, value="x", **more):
    return State(serial=serial, lineage="l", outputs={"o": Output(value=value)}, **more)


def record(sequence=1, previous="", run="r", **more):
    return Record(sequence=sequence, previous=previous, lineage="l", base_serial=0, run=run, **more)


@pytest.mark.parametrize("how", ["lose", "drop"])
def test_no_lost_answer_loses_or_repeats_anything(place, how):
    """Each write is carried out and its answer lost (or the request lost): what is reported is true."""
    backend = place.open()
    tear = getattr(place.front, how)
    tear("PUT", "lock")
    with backend.lock(new_lock_info("apply", "s")) as held:
        tear("PUT", "journal")
        backend.append(record())
        tear("PUT", "evidence")
        backend.append_evidence(b"one\n")
        backend.append_evidence(b"two\n")
        tear("PUT", r"state\.json$")
        etag = backend.write_state(state(1), "")
        tear("PUT", "history")
        etag = backend.write_state(state(2), etag)
        # Azure deletes in batches.
        tear(*(("POST", "states$") if place.kind == "azurerm" else ("DELETE", "journal")))
        backend.clear_records(1)
        tear("PUT", "registry")
        registered = backend.registry().write(b"d", "")
        assert held.info.id
        tear("PUT", "lock")
    other = place.open()
    assert other.load().state == state(2)
    assert other.load().etag == etag
    assert other.load().records == ()
    assert list(other.evidence_lines()) == [b"one\n", b"two\n"]
    assert [item.serial for item in other.versions()] == [2, 1]
    assert other.registry().load() == (b"d", registered)
    with other.lock(new_lock_info("apply", "s")):
        pass


def test_what_the_store_wrote_while_all_its_answers_were_lost_is_recognised(place):
    """No retry gets an answer either: the store is asked what it holds."""
    backend = place.open()
    etag = backend.write_state(state(1), "")
    place.front.lose("PUT", r"state\.json$", objects.ATTEMPTS)
    etag = backend.write_state(state(2), etag)
    assert place.open().load().etag == etag


def test_a_record_whose_failure_was_reported_is_corrected_by_its_run(place):
    """The store took it, the run was told otherwise: with the next try it says what is true now."""
    backend = place.open()
    held = StateObject(type="t", id="", tenant="t", provider="p", attributes={})
    intent = Intent(stage="s", address="t.x", operation="create", object=held)
    backend.append(record(run="mine", intents=(intent,)))
    backend.append(record(run="mine"))
    assert place.open().load().records == (record(run="mine"),)
    with pytest.raises(StateError) as caught:
        backend.append(record(run="other"))
    assert caught.value.diagnostic.summary == "Journal changed"


def test_a_lock_left_behind_is_removed_by_its_id_only(place):
    backend = place.open()
    dead = backend.lock(new_lock_info("apply", "s"))
    with pytest.raises(LockError) as caught:
        place.open().lock(new_lock_info("apply", "s"), 0.2)
    assert f"perimeter force-unlock {dead.info.id}" in caught.value.diagnostic.detail
    place.open().force_unlock(dead.info.id)
    with place.open().lock(new_lock_info("apply", "s")):
        dead.release()  # it was taken away: the new holder keeps it
        with pytest.raises(LockError):
            backend.lock(new_lock_info("apply", "s"))
    with pytest.raises(LockError) as caught:
        backend.force_unlock(dead.info.id)
    assert caught.value.diagnostic.detail == "The state is not locked."


def test_what_is_no_lock_is_not_overwritten(place):
    backend = place.open()
    backend.store.create(f"{backend.key}.lock", b"something else")
    with pytest.raises(LockError) as caught:
        backend.lock(new_lock_info("apply", "s"))
    assert "not readable" in caught.value.diagnostic.detail
    with pytest.raises(LockError) as caught:
        backend.force_unlock("x")
    assert "no lock of perimeter" in caught.value.diagnostic.detail


def test_clearing_that_was_killed_half_way_does_no_harm(place):
    """Several are removed at a time: an older one may stay where a newer one is gone."""
    backend, previous, made = place.open(), "", []
    for sequence in range(1, 7):
        made.append(record(sequence, previous))
        backend.append(made[-1])
        previous = record_hash(made[-1])
    seal = Seal(journal_sequence=5, journal_head=record_hash(made[4]))
    backend.write_state(state(0, seal=seal), "")
    backend.store.delete(f"{backend.key}.journal/00000003.json")
    assert backend.load().records == tuple(made[3:])
    backend.clear_records(5)
    assert backend.load().records == (made[5],)
    backend.store.delete(f"{backend.key}.journal/00000006.json")
    backend.append(made[1])
    assert backend.load().records == ()  # 2 is left where 3 to 5 are gone, and the state seals 5


def test_a_record_under_another_name_is_found_out(place):
    backend = place.open()
    backend.append(record(1))
    copy = backend.store.get(f"{backend.key}.journal/00000001.json").data
    backend.store.create(f"{backend.key}.journal/00000002.json", copy)
    with pytest.raises(StateError) as caught:
        backend.load()
    assert caught.value.diagnostic.summary == "Damaged journal"


def test_writers_of_one_evidence_log_are_told(place):
    one, other = place.open(), place.open()
    one.append_evidence(b"1\n")
    other.append_evidence(b"2\n")
    with pytest.raises(StateError) as caught:
        one.append_evidence(b"3\n")
    assert caught.value.diagnostic.summary == "Evidence log changed"
    assert list(one.evidence_lines()) == [b"1\n", b"2\n"]


def test_the_evidence_log_goes_on_beyond_a_folder(place, monkeypatch):
    monkeypatch.setattr("perimeter.state.objects_backend._PER_FOLDER", 3)
    for number in range(1, 9):
        place.open().append_evidence(b"%d\n" % number)
    assert list(place.open().evidence_lines()) == [b"%d\n" % n for n in range(1, 9)]
    assert place.open().evidence_tail() == b"8"


def test_failpoints_are_passed_in_order(place):
    backend, passed = place.open(), []
    backend.failpoint = passed.append
    backend.append(record())
    backend.write_state(state(2), backend.write_state(state(1), ""))
    backend.clear_records(1)
    first = ["append.written", "append.linked", "write.written", "write.replaced"]
    then = ["write.written", "write.backed_up", "write.replaced", "clear.removed"]
    assert passed == [*first, *then]


def test_a_lock_says_who_held_it_last(place):
    backend = place.open()
    with backend.lock(new_lock_info("apply", "s")) as held:
        pass
    body = msgspec.json.decode(backend.store.get(f"{backend.key}.lock").data, type=LockInfo)
    assert (body.id, held.info.id in body.info) == ("", True)


def test_a_bucket_that_does_not_exist_is_no_empty_state(place):
    name = "container_name" if place.kind == "azurerm" else "bucket"
    elsewhere = Place(place.kind, {**place.settings, name: "nobody-made-this"}, place.environment)
    if place.kind == "gcs":
        pytest.skip(
            "fake-gcs-server answers 500 for a missing bucket, which is asked again for long"
        )
    for use in (lambda b: b.load(), lambda b: b.lock(new_lock_info("apply", "s"))):
        with pytest.raises(StateError) as caught:
            use(elsewhere.open())
        assert "nobody-made-this does not exist" in caught.value.diagnostic.detail


def test_a_store_that_does_not_answer_is_reported_and_nothing_hangs(servers):
    place = found(servers, "s3")
    settings = {**place.settings, "endpoint": f"http://127.0.0.1:{free_port()}", "max_retries": 2}
    backend = Place("s3", settings, CREDENTIALS).open()
    held = state(1)
    for use in (
        backend.load,
        lambda: backend.write_state(held, ""),
        lambda: backend.append(record()),
        lambda: backend.clear_records(1),
        lambda: backend.lock(new_lock_info("apply", "s")),
        lambda: backend.force_unlock("x"),
        lambda: backend.append_evidence(b"x\n"),
        backend.evidence_tail,
        lambda: list(backend.evidence_lines()),
        backend.versions,
        lambda: backend.version(1),
        lambda: backend.registry().load(),
        lambda: backend.registry().write(b"", ""),
        lambda: KINDS["s3"].workspaces(settings, CREDENTIALS),
        lambda: KINDS["s3"].delete_workspace(settings, "x", CREDENTIALS),
    ):
        with pytest.raises(StateError) as caught:
            use()
        assert len(caught.value.diagnostic.summary) <= 60
        assert f"s3://{BUCKET}" in caught.value.diagnostic.detail
        assert "Debug source" not in caught.value.diagnostic.detail


def test_wrong_credentials_are_named_as_such_and_not_shown(servers):
    place = found(servers, "azurerm")
    key = "bm90IHRoZSBrZXkgb2YgdGhpcyBhY2NvdW50IGF0IGFsbA=="
    with pytest.raises(StateError) as caught:
        Place("azurerm", {**place.settings, "access_key": key}).open().load()
    detail = caught.value.diagnostic.detail
    assert "Check the credentials" in detail
    assert key not in detail
    assert SECRETS.redact(f"key {key}") == "key (redacted)"


BASE = {"bucket": "b", "key": "k", "region": "eu-west-1"}


@pytest.mark.parametrize(
    ("kind", "settings", "setting"),
    [
        ("s3", {"key": "k", "region": "r"}, "bucket"),
        ("s3", {"bucket": "b", "region": "r"}, "key"),
        (
            "s3",
            {"bucket": "b", "key": "k", "access_key": "AKIAX", "secret_key": "abcdef"},
            "region",
        ),
        ("s3", {**BASE, "key": "/k"}, "key"),
        ("s3", {**BASE, "key": "a/../k"}, "key"),
        ("s3", {**BASE, "access_key": "AKIAX"}, "access_key"),
        ("s3", {**BASE, "use_lockfile": False}, "use_lockfile"),
        ("s3", {**BASE, "kms_key_id": "k", "sse_customer_key": "aaaaaaaa"}, "sse_customer_key"),
        ("s3", {**BASE, "profile": "nobody-has-this"}, "profile"),
        ("s3", {**BASE, "custom_ca_bundle": "/nowhere.pem"}, "custom_ca_bundle"),
        ("gcs", {}, "bucket"),
        ("gcs", {"bucket": "b", "credentials": "{nonsense"}, "credentials"),
        ("gcs", {"bucket": "b", "credentials": "/nowhere.json"}, "credentials"),
        ("gcs", {"bucket": "b", "credentials": '{"type": "authorized_user"}'}, "credentials"),
        ("azurerm", {"container_name": "c", "key": "k"}, "storage_account_name"),
        (
            "azurerm",
            {
                "storage_account_name": "a",
                "container_name": "c",
                "key": "k",
                "access_key": "not base64",
            },
            "access_key",
        ),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(kind, settings, setting, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with pytest.raises(SettingError) as caught:
        KINDS[kind].open(settings, "default", PLAIN, {})
    assert caught.value.setting == setting
    assert len(caught.value.diagnostic.summary) <= 60


def test_a_profile_gives_credentials(servers, monkeypatch, tmp_path):
    place = found(servers, "s3")
    shared = tmp_path / "credentials"
    shared.write_text(
        "[team]\naws_access_key_id = AKIAPERIMETERPROFILE\naws_secret_access_key = of-a-profile-only\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(shared))
    backend = Place("s3", {**place.settings, "profile": "team"}, {}).open()
    backend.write_state(state(), "")
    assert place.open().load().state == state()
    assert "of-a-profile-only" not in SECRETS.redact("of-a-profile-only")


def test_a_bucket_may_be_asked_to_encrypt(servers):
    place = found(servers, "s3", lossy=True)
    for more in ({"encrypt": True}, {"kms_key_id": "alias/states"}):
        backend = Place(
            "s3", {**place.settings, "key": str(len(more)) + str(more), **more}, CREDENTIALS
        ).open()
        backend.write_state(state(), "")
        assert backend.load().state == state()


@pytest.mark.parametrize("kind", LOSSY)
def test_a_missing_library_is_named_with_the_command(kind, monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    settings = {"bucket": "b", "key": "k", "storage_account_name": "a", "container_name": "c"}
    with pytest.raises(StateError) as caught:
        KINDS[kind].open(settings, "default", PLAIN, {})
    assert 'pip install "perimeter-as-code[stores]"' in caught.value.diagnostic.detail


def test_states_lie_where_terraform_would_put_them():
    s3 = {"bucket": "b", "key": "teams/a/perimeter.state.json"}
    azure = {"storage_account_name": "a", "container_name": "c", "key": "a.state.json"}
    described = {
        ("s3", "default"): "s3://b/teams/a/perimeter.state.json",
        ("s3", "eu"): "s3://b/env:/eu/teams/a/perimeter.state.json",
        ("gcs", "default"): "gs://b/teams/default.state.json",
        ("gcs", "eu"): "gs://b/teams/eu.state.json",
        ("azurerm", "default"): "azurerm://a/c/a.state.json",
        ("azurerm", "eu"): "azurerm://a/c/a.state.jsonenv:eu",
    }
    settings = {"s3": s3, "gcs": {"bucket": "b", "prefix": "teams/"}, "azurerm": azure}
    for (kind, workspace), place in described.items():
        assert KINDS[kind].describe(settings[kind], workspace) == place


@pytest.mark.parametrize("name", LOSSY)
def test_a_log_that_another_run_went_on_with_is_never_added_to(servers, name):
    """A run that lost its lock does not break the chain, however often it tries."""
    place = found(servers, name)
    entry = Evidence(
        at="2026-01-01T00:00:00Z", run="slow", address="t.a", operation="update", result="done"
    )
    slow = EvidenceLog(place.open())
    slow.append(entry)
    EvidenceLog(place.open()).append(msgspec.structs.replace(entry, run="quick"))
    for _ in range(2):
        with pytest.raises(StateError, match="Evidence log changed"):
            slow.append(entry)
    assert isinstance(verify(place.open().evidence_lines(), Seal()), Verified)
