"""What the evidence log says about a stage that ended; pure."""

from __future__ import annotations

import hashlib

from perimeter.engine.execute import Done
from perimeter.engine.model import Change
from perimeter.engine.persist import persistable
from perimeter.engine.secrecy import object_subject
from perimeter.state.digests import SecretDigests
from perimeter.state.envelope import canonical
from perimeter.state.evidence import ABSENT, Evidence
from perimeter.state.model import Operation


def evidence_entry(
    operation: Operation,
    change: Change,
    done: Done,
    *,
    at: str,
    run: str,
    tenant: str,
    commit: str,
    approver: str,
    digests: SecretDigests | None,
) -> Evidence:
    """The entry about one stage; see ``Evidence`` for the fields."""
    identifier = done.id or change.id
    return Evidence(
        at=at,
        run=run,
        address=change.name,
        object=identifier,
        tenant=tenant,
        operation=operation,
        config=change.block,
        commit=commit,
        fingerprint=change.fingerprint,
        approver=approver,
        request_id=done.request_id,
        result=done.result,
        read_back=_read_back(change, done, tenant, identifier, digests),
    )


def _read_back(
    change: Change, done: Done, tenant: str, identifier: str, digests: SecretDigests | None
) -> str:
    """A digest of what the tenant showed afterwards; keyed where there is a key, as a hash of few short values tells them."""
    if done.gone:
        return ABSENT
    if done.attributes is None or change.schema is None:
        return ""
    shown = canonical(persistable(change.schema, done.attributes))
    if digests is None:
        return hashlib.sha256(shown).hexdigest()
    return digests.of(object_subject(tenant, change.type, identifier), "", shown.decode())
