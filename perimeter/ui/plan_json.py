"""A plan as ``show -json`` prints it: Terraform's format 1.2, and what perimeter knows besides.

Sensitive values of objects and outputs are in it, as in Terraform's; secrets and sensitive variables are nowhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from perimeter import __version__
from perimeter.addresses import Address, ModulePath, parse_address
from perimeter.config.model import Config
from perimeter.engine.model import (
    Action,
    Change,
    Invocation,
    NotVisible,
    OutputChange,
    Plan,
    Undeclared,
)
from perimeter.lang.plain import to_plain
from perimeter.lang.typenames import type_json
from perimeter.lang.values import EPHEMERAL, SENSITIVE, Unknown
from perimeter.sdk.contract import Direction
from perimeter.sdk.schema import Schema
from perimeter.state.model import State
from perimeter.state.moving import rekeyed
from perimeter.ui.configuration_json import configuration_json
from perimeter.ui.masks import (
    known,
    sensitive_mask,
    unknown_mask,
    unseen_parts,
    whole,
    without_secrets,
)
from perimeter.ui.resource_tree import identity, tree
from perimeter.ui.rotations_json import rotation_json, steps_json
from perimeter.ui.state_json import TERRAFORM, state_json
from perimeter.ui.steps_text import step_json

FORMAT = "1.2"


def plan_json(
    plan: Plan,
    *,
    prior: State | None = None,
    config: Config | None = None,
    schemas: Mapping[str, Schema] | None = None,
    errored: bool = False,
) -> dict[str, Any]:
    """The whole plan as JSON data; the state it was made on and the configuration where they are at hand."""
    data: dict[str, Any] = {
        "format_version": FORMAT,
        "terraform_version": TERRAFORM,
        "perimeter_version": __version__,
    }
    variables = {
        name: {"value": known(to_plain(value))}
        for name, value in sorted(plan.variables.items())
        if not {SENSITIVE, EPHEMERAL} & value.deep_marks()
    }
    if variables:
        data["variables"] = variables
    outputs = _planned_outputs(plan)
    data["planned_values"] = {
        **({"outputs": outputs} if outputs else {}),
        "root_module": tree(_planned_resources(plan)),
    }
    if plan.drift:
        data["resource_drift"] = [change_json(change) for change in plan.drift]
    changes = [change_json(change) for change in plan.changes if change.address]
    if changes and not plan.options.refresh_only:
        data["resource_changes"] = changes
    deferred = [change for change in plan.changes if change.deferred]
    if deferred:
        data["deferred_changes"] = [
            {"reason": change.deferred, "resource_change": change_json(change)}
            for change in deferred
        ]
    invoked = [invocation_json(item) for item in plan.invocations]
    invoked += [step for change in plan.changes for step in steps_json(change)]
    if invoked:
        data["action_invocations"] = invoked
    if plan.outputs:
        data["output_changes"] = {item.name: _output_change(item) for item in plan.outputs}
    if prior is not None and (prior.resources or prior.outputs):
        data["prior_state"] = state_json(_refreshed(prior, plan), schemas)
    if config is not None:
        data["configuration"] = configuration_json(config, schemas)
    if plan.checks:
        data["checks"] = _checks(plan)
    data |= {
        "timestamp": plan.timestamp,
        "applyable": not plan.is_empty and not errored,
        "complete": not (deferred or plan.options.restricted),
        "errored": errored,
    }
    return {**data, **_ours(plan)}


def change_json(change: Change) -> dict[str, Any]:
    """One resource change."""
    address = change.address
    if address is None:
        data: dict[str, Any] = {"mode": "managed", "type": change.type, "label": change.label}
    else:
        data = identity(address)
        if address.module.steps:
            data = {"address": data.pop("address"), "module_address": str(address.module), **data}
    if change.moved:
        data["previous_address"] = str(change.previous_address)
    if change.deposed:
        data["deposed"] = change.deposed
    data["provider_name"] = change.provider_name
    data["change"] = _effect(change)
    if change.reason:
        data["action_reason"] = change.reason
    return {**data, **_more(change)}


def invocation_json(item: Invocation) -> dict[str, Any]:
    """One invocation of an action."""
    change = item.change
    assert change.address is not None
    shown = without_secrets(change.schema, change.after) or {}
    data: dict[str, Any] = {
        "address": change.name,
        "type": change.type,
        "name": change.address.name,
        "config_values": known(shown),
        "config_sensitive": sensitive_mask(shown, change.sensitive_after),
        "config_unknown": unknown_mask(shown),
        "provider_name": change.provider_name,
    }
    if item.trigger:
        data["lifecycle_action_trigger"] = {
            "triggering_resource_address": item.trigger,
            "action_trigger_event": item.event.title().replace("_", ""),
            "action_trigger_block_index": item.block,
            "actions_list_index": item.index,
        }
    else:
        data["invoke_action_trigger"] = {}
    return {**data, **_more(change)}


def _effect(change: Change) -> dict[str, Any]:
    before = whole(change.schema, without_secrets(change.schema, change.before))
    after = whole(change.schema, without_secrets(change.schema, change.after))
    data: dict[str, Any] = {
        "actions": list(change.action.verbs),
        "before": known(before),
        "after": known(after),
        "after_unknown": {} if after is None else unknown_mask(after),
        "before_sensitive": _sensitive(before, change.sensitive_before),
        "after_sensitive": _sensitive(after, change.sensitive_after),
    }
    if change.replace_paths:
        data["replace_paths"] = [list(path) for path in change.replace_paths]
    if change.importing:
        data["importing"] = {"id": change.importing}
    if change.generated:
        data["generated_config"] = change.generated
    return data


def _sensitive(values: Mapping[str, Any] | None, paths: tuple[tuple[str | int, ...], ...]) -> Any:
    return False if values is None else sensitive_mask(values, paths)


def _more(change: Change) -> dict[str, Any]:
    """What Terraform has no word for."""
    facts: dict[str, Any] = {
        "provider": change.provider,
        "id": change.id,
        "tenant": change.tenant.id if change.tenant is not None else "",
        "direction": change.direction.value if change.direction is not Direction.NEUTRAL else "",
        "fingerprint": change.fingerprint,
        "origin": change.origin,
        "collection": change.collection,
        "integration": change.integration,
        "quirks": list(change.quirks),
        "drifted": sorted(change.drifted),
        "not_visible": {
            **{name: str(unseen) for name, unseen in change.unseen.items()},
            **unseen_parts(change.before),
        },
        "kept": change.kept,
        "clock": change.clock,
        "expiries": [
            {"block": end.name, "expires_at": end.at, "expired": end.passed} for end in change.ends
        ],
        "recovered": change.recovered,
    }
    return {name: value for name, value in facts.items() if value}


def _planned_resources(plan: Plan) -> Iterator[tuple[Address, dict[str, Any]]]:
    if plan.options.refresh_only:
        return
    for change in plan.changes:
        address = change.address
        if address is None or change.deposed or change.action in (Action.DELETE, Action.FORGET):
            continue
        values = change.after if change.after is not None else change.before
        if values is None:
            continue
        shown = whole(change.schema, without_secrets(change.schema, values)) or {}
        yield (
            address,
            {
                **identity(address),
                "provider_name": change.provider_name,
                "schema_version": change.schema.version if change.schema is not None else 1,
                "values": known(shown),
                "sensitive_values": sensitive_mask(shown, change.sensitive_after),
            },
        )


def _planned_outputs(plan: Plan) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in plan.outputs:
        if item.action is Action.DELETE:
            continue
        data: dict[str, Any] = {"sensitive": item.sensitive}
        if item.after.is_wholly_known:
            data |= {"type": type_json(item.after.type), "value": to_plain(item.after)}
        found[item.name] = data
    return found


def _output_change(item: OutputChange) -> dict[str, Any]:
    data: dict[str, Any] = {"actions": list(item.action.verbs), "before": item.before}
    after = to_plain(item.after)
    if not isinstance(after, Unknown):
        data["after"] = known(after)
    return {
        **data,
        "after_unknown": not item.after.is_wholly_known and unknown_mask(after),
        "before_sensitive": item.sensitive,
        "after_sensitive": item.sensitive,
    }


def _refreshed(prior: State, plan: Plan) -> State:
    """The state that was planned on: as remembered, under the addresses of now, and as the tenants show it."""
    resources = rekeyed(prior.resources, plan.moves)
    for change in plan.changes:
        remembered = resources.get(str(change.address))
        if remembered is None or change.before is None or change.deposed:
            continue
        seen = without_secrets(change.schema, change.before) or {}
        shown = {
            name: value
            for name, value in seen.items()
            if value is not None and not isinstance(value, Unknown)
        }
        objects = tuple(
            msgspec.structs.replace(
                item,
                attributes={
                    **shown,
                    **{
                        n: v for n, v in item.attributes.items() if isinstance(seen.get(n), Unknown)
                    },
                },
            )
            if (item.role, item.id) == ("current", change.id)
            else item
            for item in remembered.objects
        )
        resources[str(change.address)] = msgspec.structs.replace(remembered, objects=objects)
    return msgspec.structs.replace(prior, resources=resources)


def _checks(plan: Plan) -> list[dict[str, Any]]:
    by_address: dict[str, list[Any]] = defaultdict(list)
    for item in plan.checks:
        by_address[item.address].append(item)
    found: dict[str, dict[str, Any]] = {}
    for text, members in by_address.items():
        problems = [{"message": words} for item in members for words in item.problems]
        where, shown = _checked(text)
        instance: dict[str, Any] = {
            "address": shown,
            "status": _worst(item.status for item in members),
        }
        if problems:
            instance["problems"] = problems
        entry = found.setdefault(where["to_display"], {"address": where, "instances": []})
        entry["instances"].append(instance)
    return [
        {
            "address": entry["address"],
            "status": _worst(item["status"] for item in entry["instances"]),
            "instances": entry["instances"],
        }
        for _, entry in sorted(found.items())
    ]


def _worst(statuses: Iterable[str]) -> str:
    known = set(statuses)
    return next((word for word in ("error", "fail", "unknown") if word in known), "pass")


_CHECKED = {"output": "output_value", "check": "check", "var": "var"}


def _checked(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was checked, as declared and as an instance of it."""
    address = parse_address(text)
    kind = _CHECKED.get(address.type, "resource") if address.mode == "managed" else "resource"
    module = ModulePath(tuple((name, None) for name in address.module.names))
    declared = replace(address.block, module=module)
    where: dict[str, Any] = {"kind": kind, "to_display": str(declared), "name": address.name}
    if kind == "resource":
        where |= {"mode": address.mode, "type": address.type}
    shown: dict[str, Any] = {"to_display": text}
    if address.module.steps:
        where["module"] = str(module)
        shown["module"] = str(address.module)
    if address.key is not None:
        shown["instance_key"] = address.key
    return where, shown


def _ours(plan: Plan) -> dict[str, Any]:
    return {
        "fingerprint": plan.fingerprint,
        "tenants": {
            key: {"id": tenant.id, "name": tenant.name, "caller": tenant.caller}
            for key, tenant in sorted(plan.tenants.items())
        },
        "removals": [change_json(change) for change in plan.changes if change.address is None],
        "manual_steps": [_manual(change) for change in plan.by_hand],
        "direction": plan.direction.value,
        "directions": directions(plan),
        "undeclared": [undeclared_json(item) for item in plan.undeclared],
        "not_visible": [_hidden(item) for item in plan.not_visible],
        "gone": list(plan.gone),
        "credential_ages": [
            {"address": age.address, "days": age.days, "last_used_at": age.last_used_at}
            for age in plan.ages
        ],
        "rotations": [
            rotation_json(change) for change in plan.changes if change.rotation is not None
        ],
        "requests": {
            "made": plan.requests.made,
            "not_modified": plan.requests.not_modified,
            "to_apply": plan.requests.to_apply,
        },
    }


def _manual(change: Change) -> dict[str, Any]:
    assert change.manual is not None
    return {
        "address": str(change.address) if change.address is not None else None,
        "name": change.name,
        "reason": change.manual.reason,
        "instructions": change.manual.instructions,
        "url": change.manual.url,
        "paths": list(change.manual.paths),
        **({} if change.step is None else step_json(change.step)),
    }


def directions(plan: Plan) -> dict[str, int]:
    """How many changes widen access, narrow it, or cannot be judged."""
    found = {"widens": 0, "narrows": 0, "unknown": 0}
    for change in (*plan.changes, *(item.change for item in plan.invocations)):
        if change.direction.value in found:
            found[change.direction.value] += 1
    return found


def undeclared_json(item: Undeclared) -> dict[str, Any]:
    """One object that nothing declares; by name and facets, not by its attributes."""
    return {
        "provider": item.provider,
        "type": item.type,
        "id": item.id,
        "label": item.label,
        "origin": item.origin,
        "mode": item.mode,
        "ignored": item.ignored,
        "held": item.held,
        "risks": sorted({risk for facet in item.facets for risk in facet.risk}),
    }


def _hidden(item: NotVisible) -> dict[str, Any]:
    return {
        "provider": item.provider,
        "subject": item.subject,
        "reason": item.unseen.reason.value,
        "needs": item.unseen.needs,
        "blocks": list(item.blocks),
    }
