"""One example of every persisted form, as the present perimeter writes it.

``python -m tests.formats DIRECTORY`` writes those that are missing there, as ``v1/state.json``: do so when a format gets a
new version, and commit the file. One that was released is never written again.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from perimeter.engine import approvals, planfile, snapshot
from perimeter.engine.model import Options
from perimeter.engine.session import Session, load_configuration
from perimeter.state import claims, codec, evidence, http_document, model
from perimeter.state.envelope import wrap
from perimeter.state.memory import MemoryBackend
from tests.tiny.provider import TinyProvider
from tests.tiny.tenant import TinyTenant

NOW = "2026-01-02T03:04:05Z"
OBJECT = model.StateObject(
    type="tiny_group",
    id="group-1",
    tenant="tiny-1",
    provider="tiny",
    attributes={"id": "group-1", "name": "A", "members": ["x"], "session": 60},
    sensitive=(("note",),),
    dependencies=("tiny_group.b",),
    protected=True,
    created_at=NOW,
)
STATE = model.State(
    serial=7,
    lineage="6f0cbd1e-0000-4000-8000-000000000001",
    perimeter_version="0.1.0",
    resources={
        'module.m["x"].tiny_group.a': model.Instance(objects=(OBJECT,)),
        "tiny_group.gone": model.Instance(expired_at=NOW),
    },
    outputs={"o": model.Output(value={"a": 1}, type=["object", {"a": "number"}], sensitive=True)},
    seal=model.Seal(
        journal_sequence=3, journal_head="00" * 32, evidence_sequence=2, evidence_head="11" * 32
    ),
)
RECORD = model.Record(
    sequence=4,
    previous="00" * 32,
    lineage=STATE.lineage,
    base_serial=7,
    run="run-1",
    moves=(("tiny_group.b", "tiny_group.c"),),
    intents=(
        model.Intent(
            stage="create:tiny_group.d",
            address="tiny_group.d",
            operation="create",
            object=OBJECT,
            token="token-1",
            known_ids=("group-1",),
            fingerprint="22" * 32,
            at=NOW,
        ),
    ),
    outcomes=(
        model.Outcome(
            stage="delete:tiny_group.e",
            address="tiny_group.e",
            status="done",
            request_id="r-3",
            at=NOW,
        ),
    ),
)
CLAIMS = claims.Claims(
    members={STATE.lineage: claims.Member(place="a", objects={"tiny-1": {}}, written_at=NOW)},
    claims=(
        claims.ExclusiveClaim(
            lineage=STATE.lineage,
            tenant="tiny-1",
            type="tiny_group",
            within={"name": "A"},
            collection='collection "tiny_group" "all"',
            since=NOW,
        ),
    ),
)
APPROVAL = approvals.Document(
    approval=approvals.Approval(
        id="approval-1",
        by="ann",
        at=NOW,
        expires_at="2026-02-02T03:04:05Z",
        note="as discussed",
        lineage=STATE.lineage,
        workspace="default",
        tenants=("tiny-1",),
        changes=(
            approvals.ApprovedChange(
                fingerprint="22" * 32,
                name="tiny_group.a",
                type="tiny_group",
                actions=("create",),
                direction="widens",
                tenant="tiny-1",
            ),
        ),
        plan="33" * 32,
        plan_digest="44" * 32,
        commit="5555555",
    ),
    signature=approvals.Signature(algorithm="hmac-sha256", key="key-1", value="AAAA"),
)
CONFIGURATION = """
provider "tiny" {}
variable "note" {
  default = "one"
}
data "tiny_group" "other" {
  name = "Other"
}
resource "tiny_group" "a" {
  name    = "A"
  note    = var.note
  members = ["x", data.tiny_group.other.id]
}
resource "tiny_key" "k" {
  group = tiny_group.a.id
  label = "kay"
}
collection "tiny_hook" "all" {
  mode = "exclusive"
}
output "o" {
  value = tiny_group.a.id
}
"""


def _planned() -> tuple[bytes, bytes]:
    """A plan file, and the snapshot that it was made on."""
    tenant = TinyTenant()
    tenant.put("tiny_group", name="Other")
    tenant.put("tiny_hook", url="https://undeclared.example")
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        (directory / "main.hcl").write_text(CONFIGURATION, encoding="utf-8")
        loaded = load_configuration(
            directory, environment={}, providers={"tiny": TinyProvider(tenant)}
        )
        with Session(loaded=loaded, backend=MemoryBackend()) as session:
            held = session.backend.load()
            options = Options(
                allow_unregistered=('collection "tiny_hook" "all"',),
                allow_mass_change=("tiny_hook",),
            )
            request = session.request(held, options, now=NOW)
            planned, seen = session.plan(request)
        assert planned.plan is not None
        assert not planned.diagnostics.has_errors, planned.diagnostics.errors
        assert loaded.config is not None
        content = snapshot.to_content(seen)
        return (
            planfile.encode_plan(planned.plan, seen, sources={}, request=request),
            wrap(snapshot.KIND, snapshot.VERSION, content, indent=-1),
        )


def _evidence() -> bytes:
    backend = MemoryBackend()
    log = evidence.EvidenceLog(backend)
    log.append(
        evidence.Evidence(
            at=NOW,
            run="run-1",
            address="tiny_group.a",
            object="group-1",
            tenant="tiny-1",
            operation="create",
            config="main.hcl:6",
            commit="5555555",
            fingerprint="22" * 32,
            approver="ann",
            request_id="r-1",
            result="done",
            read_back="66" * 32,
        ),
        evidence.Evidence(
            at=NOW, run="run-2", address="tiny_group.a", operation="state-rm", result="failed"
        ),
    )
    return b"".join(backend.evidence_lines())


def _remote() -> bytes:
    document = http_document.Document(
        serial=7,
        lineage=STATE.lineage,
        state=http_document.compressed(codec.encode_state(STATE)),
        records=((4, http_document.compressed(codec.encode_record(RECORD))),),
    )
    return http_document.encode_document(document.with_evidence(_evidence()))


EXAMPLES: Mapping[str, tuple[int, Callable[[], bytes]]] = {
    "state.json": (model.FORMAT_VERSION, lambda: codec.encode_state(STATE)),
    "record.json": (codec.RECORD_VERSION, lambda: codec.encode_record(RECORD)),
    "plan.json": (planfile.VERSION, lambda: _planned()[0]),
    "snapshot.json": (snapshot.VERSION, lambda: _planned()[1]),
    "evidence.jsonl": (evidence.VERSION, _evidence),
    "claims.json": (claims.VERSION, lambda: claims.encode_claims(CLAIMS)),
    "approval.json": (
        approvals.VERSION,
        lambda: wrap(approvals.KIND, approvals.VERSION, APPROVAL),
    ),
    "remote.json": (http_document.VERSION, _remote),
}
"""By file name: the present version, and what writes an example of it."""


def write_missing(directory: Path) -> list[Path]:
    """Write the examples of the present versions that are not there; returns them."""
    written = []
    for name, (version, example) in EXAMPLES.items():
        path = directory / f"v{version}" / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(example())
            written.append(path)
    return written


if __name__ == "__main__":
    for made in write_missing(Path(sys.argv[1])):
        sys.stdout.write(f"{made}\n")
