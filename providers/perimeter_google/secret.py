"""``google_secret_manager_secret``: a secret that is not regional. Its values come from rotations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.sdk import (
    STRING,
    Attribute,
    Attributes,
    CreateRequest,
    DeleteRequest,
    Direction,
    Identity,
    Listing,
    ListRequest,
    Map,
    Mode,
    NotFound,
    Observed,
    Permissions,
    ReadRequest,
    Recognition,
    ResourceType,
    Schema,
    Set,
    Tenant,
    Transition,
    UpdateRequest,
    Written,
)
from perimeter_google.client import GoogleReader, GoogleWriter
from perimeter_google.sink import SecretSink

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_WHOLE = re.compile(r"projects/[^/]+/secrets/([A-Za-z0-9_-]{1,255})")
_FIELDS = {
    "labels": "labels",
    "annotations": "annotations",
    "version_destroy_ttl": "versionDestroyTtl",
}
_AUTOMATIC = "global"


class Secret(ResourceType):
    """A secret; removing it removes all its versions."""

    name = "google_secret_manager_secret"
    schema = Schema(
        doc="A secret of Google's Secret Manager: a sink that `deliver_to` names. perimeter makes it without a value; each "
        "delivery adds a version, which `latest` then means.",
        attributes={
            "id": Attribute(type=STRING, doc="The same as `secret_id`.", computed=True),
            "secret_id": Attribute(
                type=STRING, doc="Its name in the project.", required=True, replace=True
            ),
            "locations": Attribute(
                type=Set(STRING),
                doc="Where to keep copies, such as europe-west3; none for wherever Google likes. Google never changes it.",
                optional=True,
                computed=True,
                replace=True,
            ),
            "kms_keys": Attribute(
                type=Map(STRING),
                doc="Keys of your own to encrypt with, by location; `global` without locations.",
                optional=True,
                computed=True,
                replace=True,
            ),
            "labels": Attribute(type=Map(STRING), doc="Labels.", optional=True, computed=True),
            "annotations": Attribute(
                type=Map(STRING), doc="Notes; no secrets.", optional=True, computed=True
            ),
            "version_destroy_ttl": Attribute(
                type=STRING,
                doc="How long a destroyed version can still be had back, in seconds, such as 86400s.",
                optional=True,
                computed=True,
            ),
            "create_time": Attribute(
                type=STRING, doc="When it was made.", computed=True, mode=Mode.OBSERVED
            ),
        },
    )
    identity = Identity(
        natural_key=("secret_id",),
        recognition=Recognition.UNIQUE_KEY,
        import_format="SECRET_ID",
    )
    permissions = Permissions(
        read=(
            "resourcemanager.projects.get",
            "secretmanager.secrets.list",
            "secretmanager.secrets.get",
        ),
        create=("secretmanager.secrets.create",),
        update=("secretmanager.secrets.update",),
        delete=("secretmanager.secrets.delete",),
    )
    hides = "Regional secrets are left out."
    sink = SecretSink()

    def list(self, reader: GoogleReader, request: ListRequest) -> Listing:
        """Read all secrets: 250 a call."""
        return Listing(objects=tuple(decode(item) for item in reader.secrets()))

    def read(self, reader: GoogleReader, request: ReadRequest) -> Observed | None:
        """Read one; never its value."""
        data = reader.secret(request.id)
        return None if data is None else decode(data)

    def create(self, writer: GoogleWriter, request: CreateRequest) -> Written:
        """Make it, without any version."""
        name = str(request.attributes["secret_id"])
        wanted = _settings(request.attributes, frozenset(_FIELDS))
        writer.create(name, {**wanted, "replication": _replication(request.attributes)})
        return Written(id=name)

    def update(self, writer: GoogleWriter, request: UpdateRequest) -> Written:
        """Change what differs, unless somebody else did meanwhile."""
        held = writer.secret(request.id)
        if held is None:
            raise NotFound(f"{request.id} does not exist in Secret Manager any more.")
        body = _settings(request.after, request.changed)
        fields = tuple(_FIELDS[name] for name in sorted(request.changed) if name in _FIELDS)
        if held.get("etag"):
            body["etag"] = held["etag"]
        writer.patch(request.id, body, fields)
        return Written(id=request.id)

    def delete(self, writer: GoogleWriter, request: DeleteRequest) -> str:
        """Remove it with all its versions."""
        writer.remove(request.id)
        return ""

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """The name alone, or Google's own ``projects/PROJECT/secrets/SECRET_ID`` of this project."""
        whole = _WHOLE.fullmatch(text)
        if whole:
            project = text.split("/")[1]
            if project not in (tenant.id, tenant.name):
                raise ValueError(f"{text!r} is in another project than {tenant.name}")
            return {"id": whole[1]}
        if not _NAME.fullmatch(text):
            raise ValueError(f"{text!r} is no SECRET_ID")
        return {"id": text}

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """Names and times as Google takes them, and keys for each place."""
        name = config.get("secret_id")
        if isinstance(name, str) and not _NAME.fullmatch(name):
            yield ("secret_id",), "Use letters, digits, - and _ only, 255 at most."
        ttl = config.get("version_destroy_ttl")
        if isinstance(ttl, str) and not re.fullmatch(r"\d+s", ttl):
            yield ("version_destroy_ttl",), "Write seconds, such as 86400s."
        places, keys = config.get("locations"), config.get("kms_keys")
        if isinstance(keys, Mapping) and keys and isinstance(places, list | tuple | None):
            wanted = set(map(str, places or ())) or {_AUTOMATIC}
            if set(keys) != wanted:
                yield ("kms_keys",), f"Name a key for each of {', '.join(sorted(wanted))}."

    def direction(self, transition: Transition) -> Direction:
        """An empty secret and notes open nothing; a removed one takes what it held from its readers.

        IAM conditions may ask for a secret's name only, not for its labels.
        """
        return Direction.NARROWS if transition.after is None else Direction.NEUTRAL


def decode(data: Mapping[str, Any]) -> Observed:
    """One secret of Google's answers."""
    name = str(data.get("name") or "").rpartition("/")[2]
    replication = data.get("replication") or {}
    copies = (replication.get("userManaged") or {}).get("replicas") or []
    keys = {copy["location"]: _key(copy) for copy in copies}
    if not copies:
        keys = {_AUTOMATIC: _key(replication.get("automatic") or {})}
    return Observed(
        id=name,
        attributes={
            "id": name,
            "secret_id": name,
            "locations": sorted(copy["location"] for copy in copies),
            "kms_keys": {place: key for place, key in keys.items() if key},
            "labels": dict(data.get("labels") or {}),
            "annotations": dict(data.get("annotations") or {}),
            "version_destroy_ttl": data.get("versionDestroyTtl"),
            "create_time": data.get("createTime"),
        },
    )


def _key(part: Mapping[str, Any]) -> str:
    return str((part.get("customerManagedEncryption") or {}).get("kmsKeyName") or "")


def _replication(attributes: Attributes) -> dict[str, Any]:
    keys = attributes.get("kms_keys") or {}

    def encrypted(place: str) -> dict[str, Any]:
        key = keys.get(place)
        return {"customerManagedEncryption": {"kmsKeyName": key}} if key else {}

    places = sorted(map(str, attributes.get("locations") or ()))
    if not places:
        return {"automatic": encrypted(_AUTOMATIC)}
    return {"userManaged": {"replicas": [{"location": p, **encrypted(p)} for p in places]}}


def _settings(attributes: Attributes, names: frozenset[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, field in _FIELDS.items():
        value = attributes.get(name)
        if name in names and value is not None:
            found[field] = dict(value) if isinstance(value, Mapping) else value
    return found
