"""Saved plans: what was planned, on what, and with which effect.

A plan file holds no configuration, no sensitive or ephemeral variable and no secret. Applying it plans again, purely, on
the snapshot it holds, and does nothing that is not in it.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import msgspec

from perimeter.addresses import Address, parse_address
from perimeter.engine import model, snapshot
from perimeter.engine.model import Change, Plan
from perimeter.engine.persist import without_secrets
from perimeter.engine.plan import PlanRequest
from perimeter.engine.rotating import planned
from perimeter.engine.snapshot import Snapshot, decode_plain, encode_plain
from perimeter.hcl.source import SourceFile
from perimeter.lang.marks import apply_marks, mark_paths
from perimeter.lang.plain import from_plain, to_plain
from perimeter.lang.typenames import type_from_json, type_json
from perimeter.lang.values import EPHEMERAL, SENSITIVE, Unknown, Value
from perimeter.sdk import budget, contract, facets
from perimeter.sdk.provider import Provider
from perimeter.sdk.schema import Schema
from perimeter.state.codec import decode_state, encode_state
from perimeter.state.encryption import PLAIN_KEYS, Keys, Label
from perimeter.state.envelope import Upgrade
from perimeter.state.errors import state_error
from perimeter.state.model import OpenStep, State, StateObject

KIND = "plan"
UPGRADES: tuple[Upgrade, ...] = ()
"""Steps between plan formats, oldest first."""
VERSION = len(UPGRADES) + 1

Loader = Callable[[Iterable[str]], Mapping[str, Provider]]
"""Loads providers by entry-point name; those that are not installed are missing."""

_CLASSES: Mapping[str, type[Any]] = {
    kind.__name__: kind
    for module in (model, contract, facets, budget, planned)
    for kind in vars(module).values()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind)
}
_ENUMS: Mapping[str, type[Enum]] = {
    kind.__name__: kind
    for module in (model, contract)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Enum)
}
_LEFT_OUT = frozenset({"desired", "schema", "variables"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """A plan file, read.

    Attributes:
        plan: for showing; its changes hold neither secrets nor what configuration asks for.
        snapshot: what it was made on; closed.
        state: what it was made on.
        variables: root variables that are neither sensitive nor ephemeral.
        withheld: names of the others; they must be supplied again.
        config_digest: of the configuration's files.
        workspace: of the state.
    """

    plan: Plan
    snapshot: Snapshot
    state: State
    variables: Mapping[str, Value] = field(repr=False)
    withheld: tuple[str, ...]
    config_digest: str
    workspace: str = "default"


def config_digest(sources: Mapping[str, SourceFile]) -> str:
    """SHA-256 (hex) over the names and texts of a configuration's files."""
    digest = hashlib.sha256()
    for name in sorted(sources):
        text = hashlib.sha256(sources[name].text.encode("utf-8", "surrogatepass")).hexdigest()
        digest.update(f"{name}\n{text}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def withheld_variables(inputs: Mapping[str, Value]) -> tuple[str, ...]:
    """Names of the variables that a plan file does not hold."""
    return tuple(
        sorted(
            name for name, value in inputs.items() if {SENSITIVE, EPHEMERAL} & value.deep_marks()
        )
    )


def encode_plan(
    plan: Plan,
    seen: Snapshot,
    *,
    sources: Mapping[str, SourceFile],
    request: PlanRequest,
    keys: Keys = PLAIN_KEYS,
) -> bytes:
    """A plan file's content, encrypted where there are ``keys``.

    Raises:
        StateError: it holds something that has no JSON form.
    """
    withheld = withheld_variables(request.inputs)
    content = {
        "plan": _encode(plan),
        "snapshot": snapshot.to_content(seen),
        "state": encode_state(request.state).decode(),
        "variables": {
            name: _encode(value) for name, value in request.inputs.items() if name not in withheld
        },
        "withheld": list(withheld),
        "workspace": request.config.workspace,
        "config_digest": config_digest(sources),
    }
    label = Label(
        workspace=request.config.workspace,
        lineage=request.state.lineage,
        serial=request.state.serial,
        name=f"plan {plan.fingerprint[:16]}",
    )
    return keys.wrap(KIND, VERSION, content, label, indent=-1)


def decode_plan(
    data: bytes,
    *,
    where: str,
    providers: Loader,
    keys: Keys = PLAIN_KEYS,
) -> SavedPlan:
    """Read a plan file.

    Raises:
        StateError: damaged, newer, or no plan file.
    """
    content = keys.unwrap(KIND, data, UPGRADES, into=dict[str, Any], where=where)
    try:
        plan: Plan = _decode(content["plan"])
        seen = snapshot.from_content(content["snapshot"]).asking_states()
        variables = {name: _decode(value) for name, value in content["variables"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise state_error(
            "Damaged plan",
            f'{where} is a plan file, but its content is not as perimeter writes it. Make a new one with "perimeter '
            'plan -out=FILE".',
        ) from None
    return SavedPlan(
        plan=_with_schemas(plan, providers),
        snapshot=seen,
        state=decode_state(content["state"].encode(), where=where),
        variables=variables,
        withheld=tuple(content["withheld"]),
        workspace=content.get("workspace", "default"),
        config_digest=content["config_digest"],
    )


def _with_schemas(plan: Plan, providers: Loader) -> Plan:
    invoked = tuple(item.change for item in plan.invocations)
    changes = (*plan.changes, *plan.drift, *invoked)
    loaded = providers(sorted({change.provider_name for change in changes}))
    schemas: dict[tuple[str, str], Schema] = {}
    for name, provider in loaded.items():
        for type_name, kind in provider.resources.items():
            schemas[name, type_name] = kind.schema
        for action_name, action in provider.actions.items():
            schemas.setdefault((name, action_name), action.schema)
        for source_name, source in provider.data_sources.items():
            schemas.setdefault((name, source_name), source.schema)

    def known(change: Change) -> Change:
        return dataclasses.replace(change, schema=schemas.get((change.provider_name, change.type)))

    return dataclasses.replace(
        plan,
        changes=tuple(known(change) for change in plan.changes),
        drift=tuple(known(change) for change in plan.drift),
        invocations=tuple(
            dataclasses.replace(item, change=known(item.change)) for item in plan.invocations
        ),
    )


def _encode(value: Any) -> Any:
    """Engine values as tagged JSON data; plain data stays as it is."""
    if isinstance(value, Value):
        paths = [list(path) for path in mark_paths(value, SENSITIVE)]
        return {"$value": [type_json(value.type), encode_plain(to_plain(value)), paths]}
    if isinstance(value, Unknown):
        return {"$plain": encode_plain(value)}
    if isinstance(value, Enum):
        return {"$enum": [type(value).__name__, value.name]}
    if isinstance(value, Address):
        return {"$address": str(value)}
    if isinstance(value, StateObject):
        return None
    if isinstance(value, OpenStep):
        return {"$step": msgspec.to_builtins(value)}
    if isinstance(value, Change) and value.schema is not None:
        value = dataclasses.replace(
            value,
            before=without_secrets(value.schema, value.before),
            after=without_secrets(value.schema, value.after),
        )
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            item.name: _encode(getattr(value, item.name))
            for item in dataclasses.fields(value)
            if item.name not in _LEFT_OUT and getattr(value, item.name) != _default(item)
        }
        return {"$class": type(value).__name__, "fields": fields}
    if isinstance(value, frozenset):
        return {"$set": sorted(value)}
    if isinstance(value, tuple):
        return {"$tuple": [_encode(item) for item in value]}
    if isinstance(value, list):
        return [_encode(item) for item in value]
    if isinstance(value, Mapping):
        return {"$map": {key: _encode(item) for key, item in value.items()}}
    return value


def _default(item: dataclasses.Field[Any]) -> Any:
    if item.default is not dataclasses.MISSING:
        return item.default
    if item.default_factory is not dataclasses.MISSING:
        return item.default_factory()
    return dataclasses.MISSING


def _decode(data: Any) -> Any:
    if isinstance(data, list):
        return [_decode(item) for item in data]
    if not isinstance(data, dict):
        return data
    tag, content = next(iter(data.items()))
    match tag:
        case "$value":
            kind, plain, paths = content
            value = from_plain(decode_plain(plain), type_from_json(kind))
            return apply_marks(value, [tuple(path) for path in paths], SENSITIVE)
        case "$plain":
            return decode_plain(content)
        case "$enum":
            return _ENUMS[content[0]][content[1]]
        case "$address":
            return parse_address(content)
        case "$class":
            fields = {name: _decode(item) for name, item in data["fields"].items()}
            return _CLASSES[content](**fields)
        case "$step":
            return msgspec.convert(content, OpenStep)
        case "$set":
            return frozenset(content)
        case "$tuple":
            return tuple(_decode(item) for item in content)
        case "$map":
            return {key: _decode(item) for key, item in content.items()}
    raise ValueError(tag)


def mismatches(saved: SavedPlan, again: Plan, state: State) -> tuple[str, ...]:
    """Why a saved plan cannot be applied to what is there now; nothing when it can.

    Only what the plan touches counts: a state that moved on elsewhere is no obstacle.
    """
    if saved.plan.lineage and state.lineage and saved.plan.lineage != state.lineage:
        return (
            f"it was made for the state with lineage {saved.plan.lineage}, and this state has lineage {state.lineage}",
        )
    stale = moved_on(saved, state)
    if stale:
        return tuple(f"{name} was changed by another apply since" for name in stale)
    planned = (*saved.plan.changes, *(item.change for item in saved.plan.invocations))
    approved = {change.fingerprint for change in planned if change.fingerprint}
    return tuple(
        f"{change.name} would be changed in another way than planned"
        for change in (*again.changes, *(item.change for item in again.invocations))
        if change.fingerprint and change.fingerprint not in approved
    )


def moved_on(saved: SavedPlan, state: State) -> tuple[str, ...]:
    """Names of the plan's changes whose object is not any more as state remembered it: they may have been made already."""
    return tuple(
        change.name
        for change in saved.plan.active
        if (address := change.previous_address or change.address) is not None
        and _revision(saved.state, str(address)) != _revision(state, str(address))
    )


def still_current(
    saved: SavedPlan, refreshed: Mapping[str, StateObject], state: State
) -> dict[str, StateObject]:
    """What the plan saw of objects that nothing has written to state since, by printed address."""
    return {
        address: item
        for address, item in refreshed.items()
        if saved.state.resources.get(address) == state.resources.get(address)
    }


def _revision(state: State, address: str) -> tuple[tuple[str, str, int], ...]:
    known = state.resources.get(address)
    if known is None:
        return ()
    return tuple((item.role, item.id, item.revision) for item in known.objects)
