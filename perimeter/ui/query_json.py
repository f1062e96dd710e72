"""What a query found, as messages of the JSON stream: Terraform's, and what perimeter knows besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from perimeter.engine.generation import Generated
from perimeter.engine.query import FoundObject, ListResult
from perimeter.ui.events_json import JsonStream
from perimeter.ui.masks import known, unseen_parts, without_secrets


def send_results(
    stream: JsonStream,
    results: Sequence[ListResult],
    generated: Mapping[tuple[str, str, str], Generated],
) -> None:
    """``list_start``, ``list_resource_found`` and ``list_complete`` for each list."""
    for result in results:
        about = {"address": result.address, "resource_type": result.type}
        start: dict[str, Any] = {**about, "provider": result.provider}
        if result.settings:
            start["input_config"] = known(dict(result.settings))
        stream.send("list_start", f"{result.address}: Starting query...", list_start=start)
        for item in result.objects:
            found = {**about, **_object(item, include=result.include)}
            made = generated.get((item.provider, item.type, item.id))
            if made is not None:
                found |= {"config": made.resource, "import_config": made.importing}
            stream.send(
                "list_resource_found", f"{result.address}: Result found", list_resource_found=found
            )
        for subject, why in result.unseen:
            hidden = {
                "provider": result.provider,
                "subject": subject,
                "reason": why.reason.value,
                "needs": why.needs,
            }
            stream.send("not_visible", f"{subject} is {why}", not_visible=hidden)
        total = {**about, "total": len(result.objects), "beyond_limit": result.left}
        stream.send("list_complete", f"{result.address}: List complete", list_complete=total)


def _object(item: FoundObject, *, include: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "display_name": item.label,
        "identity": known(dict(item.identity)),
        "identity_version": item.kind.schema.version,
        "status": item.status,
        "provider": item.provider,
        "tenant": item.tenant.id,
        "origin": item.origin,
        "risks": list(item.risks),
    }
    if item.credential is not None:
        found["credential"] = asdict(item.credential)
    if item.address:
        found["declared_address"] = item.address
    if include:
        sensitive = {n for n, a in item.kind.schema.attributes.items() if a.sensitive}
        shown = without_secrets(item.kind.schema, item.attributes) or {}
        found["resource_object"] = {
            name: None if name in sensitive else known(value) for name, value in shown.items()
        }
        hidden = unseen_parts(item.attributes)
        if hidden:
            found["not_visible"] = hidden
    return found
