"""Rotations as JSON data: their steps as Terraform's ``action_invocations``, and all that is known of them."""

from __future__ import annotations

from typing import Any

from perimeter.engine.model import Change, Plan
from perimeter.engine.rotating.planned import PlannedRotation, SeenCredential
from perimeter.ui.rotations_text import orphaned


def steps_json(change: Change) -> list[dict[str, Any]]:
    """One entry of ``action_invocations`` for each step that an apply takes."""
    rotation, address = change.rotation, change.address
    if rotation is None or address is None:
        return []
    trigger: dict[str, Any] = (
        {"invoke_action_trigger": {}}
        if rotation.requested
        else {
            "lifecycle_action_trigger": {
                "triggering_resource_address": str(address),
                "action_trigger_event": "Rotation",
                "action_trigger_block_index": 0,
                "actions_list_index": 0,
            }
        }
    )
    return [
        {
            "address": str(address),
            "type": f"rotation_{step}",
            "name": address.name,
            "config_values": {"deliver_to": [sink.address for sink in rotation.sinks]},
            "config_sensitive": {},
            "config_unknown": {},
            "provider_name": change.provider_name,
            **trigger,
            "action_reason": rotation.reason,
        }
        for step in rotation.steps
    ]


def rotation_json(change: Change) -> dict[str, Any]:
    """One rotation, whole."""
    rotation = change.rotation
    assert isinstance(rotation, PlannedRotation)
    return {
        "address": str(change.address),
        "stage": rotation.stage,
        "steps": list(rotation.steps),
        "because": rotation.because,
        "reason": rotation.reason,
        "next_at": rotation.next_at or None,
        "waiting_for": list(rotation.waiting_for),
        "findings": [
            {"summary": item.summary, "detail": item.detail} for item in rotation.findings
        ],
        "current": _seen(rotation.current),
        "previous": _seen(rotation.previous),
        "sinks": [
            {"address": sink.address, "member": sink.member or None} for sink in rotation.sinks
        ],
        "consumers": [
            {
                "name": item.name,
                "owner": item.owner or None,
                "evidence": item.evidence,
                "moved_at": item.moved_at or None,
            }
            for item in rotation.consumers
        ],
        "rule": dict(rotation.rule),
        "lost": list(rotation.lost),
        "no_overlap": rotation.no_overlap,
        "federate": rotation.federate or None,
    }


def _seen(seen: SeenCredential | None) -> dict[str, Any] | None:
    if seen is None:
        return None
    return {
        "id": seen.id,
        "created_at": seen.created_at or None,
        "last_used_at": seen.last_used_at or None,
        "age_seconds": seen.age,
        "usable": seen.usable,
    }


def report_json(plan: Plan) -> dict[str, Any]:
    """All rotations, and what is recorded to be removed."""
    return {
        "format_version": "1.0",
        "timestamp": plan.timestamp,
        "rotations": [
            rotation_json(change) for change in plan.changes if change.rotation is not None
        ],
        "orphans": [
            {"address": str(change.address), "id": change.id, "deposed": change.deposed}
            for change in orphaned(plan)
        ],
    }
