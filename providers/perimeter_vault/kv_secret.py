"""``vault_kv_secret``: a secret of the KV engine, version 2. Its settings are managed; its values come from rotations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.sdk import (
    BOOL,
    NUMBER,
    STRING,
    Attribute,
    Attributes,
    Conflict,
    CreateRequest,
    DeleteRequest,
    Direction,
    HydrateRequest,
    Identity,
    Listing,
    ListRequest,
    Map,
    Mode,
    Observed,
    Permissions,
    ReadRequest,
    Recognition,
    ResourceType,
    Schema,
    Tenant,
    Transition,
    UpdateRequest,
    Written,
)
from perimeter_vault.client import VaultReader, VaultWriter
from perimeter_vault.sink import KvSink, identifier, place_of

_SETTINGS = ("max_versions", "cas_required", "delete_version_after", "custom_metadata")
_STEP = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)")
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def duration(text: str) -> str:
    """A duration in Go's notation (``3h25m19s``), or in plain seconds, as seconds: ``12319s``; anything else as it is."""
    if text.isdigit():
        return f"{int(text)}s"
    parts = _STEP.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return text
    return f"{round(sum(float(number) * _SECONDS[unit] for number, unit in parts))}s"


def _shown(kind: Any, doc: str) -> Attribute:
    return Attribute(type=kind, doc=doc, computed=True, mode=Mode.OBSERVED)


class KvSecret(ResourceType):
    """A secret; removing it removes all its versions."""

    name = "vault_kv_secret"
    schema = Schema(
        doc="A secret of Vault's KV engine, version 2: a sink that `deliver_to` names. perimeter makes it without a value; "
        "each delivery writes a version.",
        attributes={
            "id": Attribute(type=STRING, doc="MOUNT/data/PATH.", computed=True),
            "mount": Attribute(
                type=STRING, doc="Where the engine is mounted.", required=True, replace=True
            ),
            "path": Attribute(
                type=STRING, doc="The secret's path in it.", required=True, replace=True
            ),
            "max_versions": Attribute(
                type=NUMBER,
                doc="How many versions to keep; 0 for what the engine says (10 by default).",
                optional=True,
                computed=True,
            ),
            "cas_required": Attribute(
                type=BOOL,
                doc="Whether every writer must name the version it replaces; perimeter always does.",
                optional=True,
                computed=True,
            ),
            "delete_version_after": Attribute(
                type=STRING,
                doc="How long each version lives, such as 720h; 0s for ever.",
                optional=True,
                computed=True,
                canonical=duration,
            ),
            "custom_metadata": Attribute(
                type=Map(STRING),
                doc="Notes beside the secret; no secrets.",
                optional=True,
                computed=True,
            ),
            "current_version": _shown(NUMBER, "The version that consumers get; 0 for none yet."),
            "created_time": _shown(STRING, "When it was made."),
            "updated_time": _shown(STRING, "When it was last changed."),
        },
    )
    identity = Identity(
        natural_key=("mount", "path"),
        recognition=Recognition.UNIQUE_KEY,
        import_format="MOUNT/data/PATH",
    )
    permissions = Permissions(
        read=(
            "read on auth/token/lookup-self",
            "read on sys/internal/ui/mounts",
            "list and read on MOUNT/metadata/*",
        ),
        create=("create and update on MOUNT/metadata/PATH",),
        update=("create and update on MOUNT/metadata/PATH",),
        delete=("delete on MOUNT/metadata/PATH",),
    )
    listed = frozenset({"id", "mount", "path"})
    hides = "Engines that Vault does not show to the token, and what lies outside the provider's folders."
    sink = KvSink()

    def list(self, reader: VaultReader, request: ListRequest) -> Listing:
        """Read the paths: one call per folder."""
        found = {
            identifier(mount, path): (mount, path)
            for mount, folder in reader.places()
            for path in reader.paths(mount, folder)
        }
        return Listing(
            objects=tuple(
                Observed(id=key, attributes={"id": key, "mount": mount, "path": path})
                for key, (mount, path) in sorted(found.items())
            )
        )

    def hydrate(self, reader: VaultReader, request: HydrateRequest) -> tuple[Observed, ...]:
        """Read each one's settings; Vault has no bulk read of them."""
        found = []
        for item in request.objects:
            data = reader.metadata(*place_of(item.id))
            if data is not None:
                shown = _decoded(item.id, data)
                wanted = {n: v for n, v in shown.items() if n in request.attributes}
                found.append(Observed(id=item.id, attributes=wanted))
        return tuple(found)

    def read(self, reader: VaultReader, request: ReadRequest) -> Observed | None:
        """Read one; never its value."""
        data = reader.metadata(*place_of(request.id))
        return (
            None if data is None else Observed(id=request.id, attributes=_decoded(request.id, data))
        )

    def create(self, writer: VaultWriter, request: CreateRequest) -> Written:
        """Make it, without any version."""
        mount, path = _clean(request.attributes["mount"]), _clean(request.attributes["path"])
        if writer.metadata(mount, path) is not None:
            raise Conflict(
                f"{mount}/{path} exists in Vault already, and creating it would overwrite its settings. Import it: "
                f'id = "{identifier(mount, path)}".'
            )
        writer.settle(mount, path, _settings(request.attributes))
        return Written(id=identifier(mount, path))

    def update(self, writer: VaultWriter, request: UpdateRequest) -> Written:
        """Change what differs; Vault leaves settings that are not named as they are."""
        after = {name: value for name, value in request.after.items() if name in request.changed}
        writer.settle(*place_of(request.id), _settings(after))
        return Written(id=request.id)

    def delete(self, writer: VaultWriter, request: DeleteRequest) -> str:
        """Remove it with all its versions."""
        writer.remove(*place_of(request.id))
        return ""

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """``MOUNT/data/PATH``, as Vault's own paths have it."""
        mount, found, path = text.strip("/").partition("/data/")
        if not (found and mount and path):
            raise ValueError(f"{text!r} is not MOUNT/data/PATH, such as secret/data/billing/aws")
        return {"id": identifier(mount, path)}

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """Paths as Vault keeps them, and durations that it reads."""
        for name in ("mount", "path"):
            text = config.get(name)
            if isinstance(text, str) and (text != _clean(text) or not text or "//" in text):
                yield (name,), "Write it without slashes at its ends and without empty folders."
        mount = config.get("mount")
        if isinstance(mount, str) and "/data/" in f"/{mount}/":
            yield ("mount",), "A mount with a folder named data cannot be told from its paths."
        text = config.get("delete_version_after")
        if isinstance(text, str) and not re.fullmatch(r"\d+s", duration(text)):
            yield ("delete_version_after",), "Write a duration such as 720h or 90m; 0s for ever."

    def direction(self, transition: Transition) -> Direction:
        """An empty secret and its settings open nothing; a removed one takes what it held from its readers."""
        return Direction.NARROWS if transition.after is None else Direction.NEUTRAL

    def describe(self, attributes: Attributes) -> str:
        """Its place."""
        mount, path = attributes.get("mount"), attributes.get("path")
        return f'"{mount}/{path}"' if isinstance(mount, str) and isinstance(path, str) else ""


def _decoded(key: str, data: Mapping[str, Any]) -> Attributes:
    mount, path = place_of(key)
    return {
        "id": key,
        "mount": mount,
        "path": path,
        "max_versions": data.get("max_versions"),
        "cas_required": data.get("cas_required"),
        "delete_version_after": data.get("delete_version_after"),
        "custom_metadata": data.get("custom_metadata") or {},
        "current_version": data.get("current_version"),
        "created_time": data.get("created_time"),
        "updated_time": data.get("updated_time"),
    }


def _settings(attributes: Attributes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _SETTINGS:
        value = attributes.get(name)
        if value is None:
            continue
        if name == "max_versions":
            value = int(value)
        found[name] = dict(value) if isinstance(value, Mapping) else value
    return found


def _clean(text: Any) -> str:
    return str(text).strip("/")
