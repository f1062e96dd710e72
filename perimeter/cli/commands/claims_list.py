"""``perimeter claims list``."""

from __future__ import annotations

import json
from typing import Any

from perimeter.cli.claiming import registry
from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.flags import STATE
from perimeter.state.claims import Claims, read_claims


@command("claims list")
@flags(STATE, switch("json", "Print one JSON object."))
def run(invocation: Invocation, **given: Any) -> int:
    """List the states that share a registry with this one: what they claim and how much they manage."""
    found = read_claims(registry(given["state"]))
    text = (
        json.dumps(_data(found), indent=2, sort_keys=True) + "\n" if given["json"] else _text(found)
    )
    invocation.terminal.print(text)
    return 0


def _data(found: Claims) -> dict[str, Any]:
    return {
        "format_version": "1.0",
        "states": [
            {
                "lineage": lineage,
                "place": member.place,
                "written_at": member.written_at,
                "objects": member.objects,
            }
            for lineage, member in found.members.items()
        ],
        "claims": [
            {
                "lineage": item.lineage,
                "tenant": item.tenant,
                "type": item.type,
                "within": item.within,
                "collection": item.collection,
                "since": item.since,
            }
            for item in found.claims
        ],
    }


def _text(found: Claims) -> str:
    if not found.members:
        return "No state has claimed or managed anything here yet.\n"
    lines: list[str] = []
    for lineage, member in sorted(found.members.items(), key=lambda pair: pair[1].place):
        count = sum(len(ids) for types in member.objects.values() for ids in types.values())
        lines.append(
            f"{member.place}  {count} {'object' if count == 1 else 'objects'}  lineage {lineage}"
        )
        lines += [
            f"  {item.collection}  claims {item.scope}, since {item.since}"
            for item in found.claims
            if item.lineage == lineage
        ]
    return "\n".join(lines) + "\n"
