"""Every persisted form of every version is read; a newer one is refused; the last state in an older form is kept."""

import importlib
import json
import pkgutil
from pathlib import Path

import msgspec
import pytest

import perimeter
from perimeter.engine import approvals, planfile, snapshot
from perimeter.state import claims, codec, evidence, http_document
from perimeter.state.codec import Codec
from perimeter.state.encryption import Keys
from perimeter.state.envelope import unwrap, wrap
from perimeter.state.errors import StateError
from perimeter.state.journal import Head
from perimeter.state.keys import Passphrase
from perimeter.state.local import LocalBackend
from perimeter.state.memory import MemoryBackend
from perimeter.state.model import FORMAT_VERSION, Seal
from tests import formats
from tests.tiny.provider import TinyProvider
from tests.tiny.tenant import TinyTenant

GOLDEN = Path(__file__).parent.parent / "golden" / "formats"
KEPT = sorted(path for path in GOLDEN.glob("v*/*") if path.is_file())


def tiny(_names):
    return {"tiny": TinyProvider(TinyTenant())}


def read_plan(data):
    return planfile.decode_plan(data, where="golden", providers=tiny)


def read_snapshot(data):
    content = unwrap(snapshot.KIND, data, snapshot.UPGRADES, into=dict, where="golden")
    return snapshot.from_content(content)


def read_evidence(data):
    return evidence.verify(data.splitlines(keepends=True), Seal())


READERS = {
    "state.json": lambda data: codec.decode_state(data, where="golden"),
    "record.json": lambda data: codec.decode_record(data, where="golden"),
    "plan.json": read_plan,
    "snapshot.json": read_snapshot,
    "evidence.jsonl": read_evidence,
    "claims.json": lambda data: claims.decode_claims(data, where="golden"),
    "approval.json": lambda data: approvals.read(data, where="golden"),
    "remote.json": lambda data: http_document.decode_document(data, "golden"),
}
MEANT = {
    "state.json": lambda: formats.STATE,
    "record.json": lambda: formats.RECORD,
    "claims.json": lambda: formats.CLAIMS,
    "approval.json": lambda: formats.APPROVAL,
}


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_each_released_format_is_read(path):
    """To what it meant then."""
    found = READERS[path.name](path.read_bytes())
    if path.name in MEANT:
        assert found == MEANT[path.name]()
    elif path.name == "plan.json":
        names = [(change.name, change.action.name) for change in found.plan.active]
        assert ("tiny_group.a", "CREATE") in names
        assert ("tiny_key.k", "CREATE") in names
        assert found.variables["note"].raw == "one"
        assert found.plan.fingerprint
    elif path.name == "snapshot.json":
        assert {type(need).__name__ for need in found.answers} >= {"TenantNeed", "ListNeed"}
    elif path.name == "evidence.jsonl":
        assert isinstance(found, evidence.Verified)
        assert found.head.sequence == 2
    else:
        assert found.lineage == formats.STATE.lineage
        state = codec.decode_state(bytes(found.state), where="golden")
        assert state == formats.STATE


@pytest.mark.parametrize("name", formats.EXAMPLES)
def test_each_version_has_an_example(name):
    """A new version of a format fails here until its example lies beside the old ones: see ``tests/formats.py``."""
    newest, _ = formats.EXAMPLES[name]
    kept = [path.parent.name for path in KEPT if path.name == name]
    assert kept == [f"v{version}" for version in range(1, newest + 1)]


def test_each_format_is_among_the_examples():
    """Whatever has upgrade steps is persisted, so it must be here."""
    found = {
        f"{module.name}.{attribute}"
        for module in pkgutil.walk_packages(perimeter.__path__, "perimeter.")
        if module.name.startswith(("perimeter.state.", "perimeter.engine."))
        for attribute in vars(importlib.import_module(module.name))
        if attribute.endswith("UPGRADES")
    }
    assert found == {
        "perimeter.engine.approvals.UPGRADES",
        "perimeter.engine.planfile.UPGRADES",
        "perimeter.engine.snapshot.UPGRADES",
        "perimeter.state.claims.UPGRADES",
        "perimeter.state.codec.RECORD_UPGRADES",
        "perimeter.state.codec.STATE_UPGRADES",
        "perimeter.state.http_document.UPGRADES",
    }
    assert len(codec.STATE_UPGRADES) + 1 == FORMAT_VERSION


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_newer_format_is_refused(path):
    """Before its checksum or content is looked at; it says what to do."""
    text = path.read_text(encoding="utf-8")
    if path.name == "evidence.jsonl":
        line = json.loads(text.splitlines()[0]) | {"version": evidence.VERSION + 1}
        data = json.dumps(line).encode() + b"\n"
        found = READERS[path.name](data)
        assert isinstance(found, evidence.Broken)
        assert "written by a newer perimeter" in found.reason
        backend = MemoryBackend()
        backend.append_evidence(data)
        with pytest.raises(StateError, match="Newer evidence format"):
            evidence.EvidenceLog(backend)
        return
    data = json.loads(text)
    newer = json.dumps(data | {"format_version": 99}).encode()
    with pytest.raises(StateError, match=r"Newer .* format") as problem:
        READERS[path.name](newer)
    assert "upgrade perimeter here" in problem.value.diagnostic.detail


def test_what_is_written_now_is_read_back():
    """The examples are no less than the golden files."""
    for name, (_, example) in formats.EXAMPLES.items():
        assert READERS[name](example())


@pytest.fixture
def next_format(monkeypatch):
    """A perimeter one release on, whose states have format 2."""

    def renamed(content):
        return content | {"perimeter_version": "upgraded"}

    monkeypatch.setattr(codec, "STATE_UPGRADES", (*codec.STATE_UPGRADES, renamed))
    monkeypatch.setattr(codec, "FORMAT_VERSION", FORMAT_VERSION + 1)
    return FORMAT_VERSION + 1


@pytest.mark.parametrize("encrypted", [False, True])
def test_the_last_state_in_an_older_format_is_kept(tmp_path, next_format, monkeypatch, encrypted):
    """It is upgraded on reading, rewritten by the first write, and lies beside for a perimeter that goes back."""
    keys = Keys(primary=Passphrase(name="main", passphrase="long enough a passphrase", cost=2**14))
    form = Codec(keys=keys) if encrypted else Codec()
    path = tmp_path / "perimeter.state.json"
    old = (GOLDEN / f"v{FORMAT_VERSION}" / "state.json").read_bytes()
    if encrypted:
        with monkeypatch.context() as earlier:
            earlier.setattr(codec, "STATE_UPGRADES", codec.STATE_UPGRADES[:-1])
            earlier.setattr(codec, "FORMAT_VERSION", FORMAT_VERSION)
            old = form.encode_state(codec.decode_state(old, where="golden"))
    path.write_bytes(old)
    backend = LocalBackend(path, codec=form)
    held = backend.load()
    assert held.state.perimeter_version == "upgraded"
    assert held.state.resources == formats.STATE.resources
    etag = backend.write_state(msgspec.structs.replace(held.state, serial=8), held.etag)
    kept = tmp_path / f"perimeter.state.json.backup-v{FORMAT_VERSION}"
    assert kept.read_bytes() == old
    assert form.state_version(path.read_bytes(), where="state") == next_format
    backend.write_state(msgspec.structs.replace(held.state, serial=9), etag)
    assert kept.read_bytes() == old
    assert backend.load().state.serial == 9


def test_a_perimeter_that_went_back_refuses(tmp_path):
    """Nothing is overwritten by what does not understand it."""
    path = tmp_path / "perimeter.state.json"
    path.write_bytes(wrap("state", FORMAT_VERSION + 1, formats.STATE))
    with pytest.raises(StateError, match="Newer state format"):
        LocalBackend(path).load()


def test_nothing_is_kept_while_there_is_one_format(tmp_path):
    """The backup is for a change of format, not for each write."""
    backend = LocalBackend(tmp_path / "perimeter.state.json")
    etag = backend.write_state(formats.STATE, "")
    backend.write_state(msgspec.structs.replace(formats.STATE, serial=8), etag)
    assert not list(tmp_path.glob("*backup-v*"))


def test_an_entry_keeps_the_version_it_was_written_in():
    """Evidence is never rewritten: entries of format 1 are chained and verified as they stand."""
    first = (GOLDEN / "v1" / "evidence.jsonl").read_bytes()
    backend = MemoryBackend()
    backend.append_evidence(first)
    log = evidence.EvidenceLog(backend)
    log.append(
        evidence.Evidence(at=formats.NOW, run="r", address="a", operation="update", result="done")
    )
    lines = list(backend.evidence_lines())
    assert b"".join(lines[:2]) == first
    found = evidence.verify(lines, Seal())
    assert isinstance(found, evidence.Verified)
    assert found.head == Head(3, log.head.digest)
