"""What perimeter remembers, as frozen values.

A persisted form is JSON: each class here is one JSON object. Maps are keyed by printed addresses.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

FORMAT_VERSION = 1

Role = Literal["current", "previous", "deposed"]
"""``previous`` is the older of two live credentials in a rotation; ``deposed`` waits for its removal after a
create-before-destroy."""

Path = tuple[str | int, ...]


class StateObject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One vendor object that perimeter owns.

    Attributes:
        role: which of the instance's objects it is.
        key: tells deposed objects of one instance apart; empty otherwise.
        type: resource type.
        id: vendor id.
        tenant: the tenant's immutable id.
        provider: provider instance, printed: ``github``, ``module.m.provider["okta"].eu``.
        attributes: plain values as last read back, secrets left out.
        sensitive: paths into ``attributes`` that are shown to nobody.
        dependencies: printed addresses (without instance keys) it was created after.
        protected: ``prevent_destroy`` as last applied; outlives the block.
        create_before_destroy: as last applied.
        retained: ``destroy = false`` as last applied: its removal forgets it.
        tainted: the create did not finish; to be replaced.
        unconfirmed: created, not yet seen in the tenant.
        schema_version: of ``attributes``.
        revision: rises by one with each write to the object.
        digests: keyed digests of write-only values by attribute; only where an encryption key is configured.
        created_at: when perimeter created or adopted it (RFC 3339, the tenant's clock where it has one).
    """

    role: Role = "current"
    key: str = ""
    type: str
    id: str
    tenant: str
    provider: str
    attributes: dict[str, Any]
    sensitive: tuple[Path, ...] = ()
    dependencies: tuple[str, ...] = ()
    protected: bool = False
    create_before_destroy: bool = False
    retained: bool = False
    tainted: bool = False
    unconfirmed: bool = False
    schema_version: int = 1
    revision: int = 1
    digests: dict[str, str] = {}
    created_at: str = ""


class Instance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A resource instance: its objects, and since when its declaration means absence (``lifecycle { expires_at }``)."""

    objects: tuple[StateObject, ...] = ()
    expired_at: str = ""

    def current(self) -> StateObject | None:
        """The object in use, if there is one."""
        return next((item for item in self.objects if item.role == "current"), None)


class Output(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A root output; ``type`` is Terraform's JSON type encoding."""

    value: Any = None
    type: Any = "dynamic"
    sensitive: bool = False


class Seal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The heads of the hash chains when the state was written, so that a cut tail shows."""

    journal_sequence: int = 0
    journal_head: str = ""
    evidence_sequence: int = 0
    evidence_head: str = ""


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whole state.

    Attributes:
        serial: rises by one with each apply that changes it.
        lineage: identifies this state among all states; made once.
        resources: instances by printed address; managed resources only, ``data`` is read anew.
        outputs: root outputs.
    """

    serial: int = 0
    lineage: str = ""
    perimeter_version: str = ""
    resources: dict[str, Instance] = {}
    outputs: dict[str, Output] = {}
    seal: Seal = Seal()


Operation = Literal["create", "update", "delete", "adopt", "forget"]


class Intent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Written before a call: what is about to be done.

    Attributes:
        stage: the stage's id within the apply.
        object: what state will hold when it is done (for delete: what is removed). Its ``id`` is empty for a create.
        token: idempotency token; the same for each attempt.
        known_ids: for a create recognised by difference: ids in the collection just before.
        fingerprint: of the change.
        at: when, RFC 3339.
    """

    stage: str
    address: str
    operation: Operation
    object: StateObject
    token: str = ""
    known_ids: tuple[str, ...] = ()
    fingerprint: str = ""
    at: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Written after a call.

    Attributes:
        status: ``done``; ``failed`` (the vendor surely did nothing); ``unknown`` (no answer: the intent stays pending).
        object: what state holds from now on; None when nothing is left (delete, forget).
        detail: the vendor's words, redacted.
        request_id: the vendor's id of the exchange.
    """

    stage: str
    address: str
    status: Literal["done", "failed", "unknown"]
    object: StateObject | None = None
    detail: str = ""
    request_id: str = ""
    at: str = ""


Moves = tuple[tuple[str, str], ...]
"""Pairs of printed addresses: where an instance was remembered, and where it is from now on."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One group-committed journal record.

    Attributes:
        sequence: rises by one with each record and never restarts within a lineage.
        previous: SHA-256 of the record before, so that a gap or a change shows.
        lineage: of the state it belongs to.
        base_serial: serial of the state it builds on.
        run: id of the apply.
        moves: instances that get a new address, all at once, before the record's outcomes count.
    """

    sequence: int
    previous: str
    lineage: str
    base_serial: int
    run: str
    moves: Moves = ()
    intents: tuple[Intent, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
