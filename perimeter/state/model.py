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


class Rotation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of a credential's rotation; no secret is in it. Times are RFC 3339.

    Attributes:
        token: names the rotation under way; every attempt at its steps uses the same.
        reason: why it was begun.
        started_at: when.
        delivered_at: when every sink held the new credential.
        deliveries: the sinks' names for what they hold now, by the sink's printed address.
        before: the same for what they held before.
        trials: when the new one was tried and worked.
        refused_at: when the tenant refused the new one for good.
        verified_at: when it was proved to work.
        moved: when each consumer was proved to have moved, by name.
        retired_at: when the previous one was switched off.
        holds: by the sink's printed address, vendor ids of the credentials that it may hold.
        undelivered: the current one was made, and its secret never reached all sinks.
        no_overlap: the previous one is not to outlive the delivery.
        failures: attempts in a row that failed.
        failed_at: when the last one did.
        error: what it said, without secrets.
        not_before: when the next one may be made.
        completed_at: when the last rotation was over.
    """

    token: str = ""
    reason: str = ""
    started_at: str = ""
    delivered_at: str = ""
    deliveries: dict[str, str] = {}
    before: dict[str, str] = {}
    trials: tuple[str, ...] = ()
    refused_at: str = ""
    verified_at: str = ""
    moved: dict[str, str] = {}
    retired_at: str = ""
    holds: dict[str, tuple[str, ...]] = {}
    undelivered: bool = False
    no_overlap: bool = False
    failures: int = 0
    failed_at: str = ""
    error: str = ""
    not_before: str = ""
    completed_at: str = ""


class Instance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A resource instance: its objects, and what ``lifecycle { expires_at }`` needs remembered.

    Attributes:
        objects: what the tenant holds for it.
        expired_at: since when its declaration means absence (RFC 3339).
        first_applied_at: from when on a relative ``expires_at`` is counted (RFC 3339).
        expires_at: the end that follows from it (RFC 3339).
        starts: from when on the relative ends of nested blocks are counted (RFC 3339), by the blocks' names.
        rotation: of the credential that it is; None for what is never rotated.
    """

    objects: tuple[StateObject, ...] = ()
    expired_at: str = ""
    first_applied_at: str = ""
    expires_at: str = ""
    starts: dict[str, str] = {}
    rotation: Rotation | None = None

    def current(self) -> StateObject | None:
        """The object in use, if there is one."""
        return next((item for item in self.objects if item.role == "current"), None)


class OpenStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something a person has to do, because no API does it.

    Attributes:
        identity: hash of what is to be reached; an attestation counts for that alone.
        name: of the instance or object, for people.
        reason: why no API does it.
        instructions: where to click.
        url: deep link.
        assignee: who shall do it.
        opened_at: since when it is open (RFC 3339).
        due_at: until when it shall be done (RFC 3339).
        attested_at: when somebody said that it is done; the next plan looks whether it is.
        attested_by: who said so.
        note: in their words.
    """

    identity: str
    name: str
    reason: str = ""
    instructions: str = ""
    url: str = ""
    assignee: str = ""
    opened_at: str = ""
    due_at: str = ""
    attested_at: str = ""
    attested_by: str = ""
    note: str = ""


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
        digest_key: base64 of the key that the objects' digests of secrets are made with; only in an encrypted state.
        steps: what people have to do, by the change's key (a printed address, or ``PROVIDER/TYPE/ID``).
    """

    serial: int = 0
    lineage: str = ""
    perimeter_version: str = ""
    resources: dict[str, Instance] = {}
    outputs: dict[str, Output] = {}
    steps: dict[str, OpenStep] = {}
    seal: Seal = Seal()
    digest_key: str = ""


Operation = Literal[
    "create",
    "update",
    "delete",
    "adopt",
    "forget",
    "invoke",
    "issue",
    "verify",
    "retire",
    "remove",
    "roll_back",
    "take_over",
]


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
        instance: all that state holds at the address from now on, whatever the status; for rotations, which change several
            objects at once.
        detail: the vendor's words, redacted.
        request_id: the vendor's id of the exchange.
    """

    stage: str
    address: str
    status: Literal["done", "failed", "unknown"]
    object: StateObject | None = None
    instance: Instance | None = None
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
