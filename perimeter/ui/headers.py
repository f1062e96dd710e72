"""The comment lines above a planned change: what happens, why, and what it does to access."""

from __future__ import annotations

from perimeter.engine.model import Action, Change
from perimeter.sdk.contract import Direction
from perimeter.ui.difference_text import quote
from perimeter.ui.style import Style, clean

_LOOKS = {Direction.WIDENS: "red", Direction.UNKNOWN: "red", Direction.NARROWS: "green"}

DIRECTIONS = {
    Direction.WIDENS: "widens access",
    Direction.NARROWS: "narrows access",
    Direction.UNKNOWN: "may widen access",
    Direction.NEUTRAL: "",
}
"""What each direction is called at the end of a header."""


def header_lines(change: Change, style: Style) -> list[str]:
    """The ``#`` lines: the header with the direction at its right end, then reasons."""
    name = str(change.previous_address) if _only_moves(change) else named(change)
    text = f"  # {clean(name)} {what_happens(change)}"
    return [
        with_direction(text, change, style),
        *(f"  {style.dim('# ' + why)}" for why in reasons(change)),
    ]


def _only_moves(change: Change) -> bool:
    return change.moved and not change.does_something and change.manual is None


def named(change: Change) -> str:
    """The address; an undeclared object by type and label; a deposed one with its key."""
    return clean(change.name)


def with_direction(text: str, change: Change, style: Style) -> str:
    """A header with what the change does to access at its right end."""
    end = DIRECTIONS[change.direction]
    shown = style.bold(text)
    if not end:
        return shown
    gap = max(2, style.width - len(text) - len(end))
    return f"{shown}{' ' * gap}{style.paint(end, _LOOKS[change.direction])}"


def is_drift(change: Change) -> bool:
    """Whether the change undoes what somebody did in the tenant."""
    return change.action is Action.UPDATE and bool(change.drifted & change.changed)


def what_happens(change: Change) -> str:
    """The verb phrase of the header: ``will be created``."""
    if change.manual is not None:
        return f"must be {_manual_verb(change)} by hand"
    match change.action:
        case Action.CREATE:
            return "will be created"
        case Action.READ:
            return "will be read during apply"
        case Action.UPDATE:
            if change.importing:
                return "will be imported and updated in-place"
            if is_drift(change):
                return "has drifted and will be updated in-place"
            return "will be updated in-place"
        case Action.DELETE:
            if change.reason == "expired":
                return "has expired and will be destroyed"
            return "will be destroyed"
        case Action.FORGET:
            return "will no longer be managed by perimeter, but will not be destroyed"
        case Action.FORGET_THEN_CREATE:
            return "must be replaced, and the old object is kept but no longer managed"
        case Action.DELETE_THEN_CREATE | Action.CREATE_THEN_DELETE:
            return _REPLACES.get(change.reason, "must be replaced")
        case _:
            if change.importing:
                return "will be imported"
            if change.moved:
                return f"has moved to {named(change)}"
            return "stays as it is"


_REPLACES = {
    "replace_because_tainted": "is tainted, so it must be replaced",
    "replace_by_request": "will be replaced, as requested",
    "replace_by_triggers": "will be replaced due to changes in replace_triggered_by",
}


def _manual_verb(change: Change) -> str:
    if change.before is None:
        return "created"
    return "removed" if change.after is None else "changed"


def reasons(change: Change) -> list[str]:
    """Why, in Terraform's words where it has them; each without the leading ``#``."""
    found: list[str] = []
    if change.collection:
        why = f'(not declared, and collection "{change.type}" is exclusive'
        found.append(f"{why}; {clean(change.origin)})" if change.origin else f"{why})")
    elif change.origin:
        found.append(f"({clean(change.origin)})")
    if change.deposed:
        found.append("(left over from a partially-failed replacement of this instance)")
    elif change.reason and not change.collection:
        found.extend(_because(change))
    if change.action is Action.FORGET and change.retained:
        found = ["(destroy = false is set in the configuration)"]
    if change.moved and not _only_moves(change):
        found.append(f"(moved from {change.previous_address})")
    if change.importing:
        found.append(f"(imported from {quote(change.importing)})")
    if change.generated:
        found.append("(its configuration was generated)")
    if change.recovered:
        found.append("(made by an earlier apply whose answer was lost)")
    return found


def _because(change: Change) -> list[str]:
    address = change.address
    key = address.key if address is not None else None
    match change.reason:
        case "delete_because_no_resource_config":
            block = address.block if address is not None else change.name
            return [f"(because {block} is not in configuration)"]
        case "delete_because_wrong_repetition":
            if key is None:
                return ["(because resource uses count or for_each)"]
            if isinstance(key, int):
                return ["(because resource does not use count)"]
            return ["(because resource does not use for_each)"]
        case "delete_because_enabled_false":
            return ["(because enabled is false)"]
        case "delete_because_count_index":
            return [f"(because index [{key}] is out of range for count)"]
        case "delete_because_each_key":
            return [f"(because key [{quote(str(key))}] is not in for_each map)"]
        case "delete_because_no_module":
            module = address.module if address is not None else ""
            return [f"(because {module} is not in configuration)"]
        case "delete_because_rollback":
            return ["(because the earlier state does not hold it)"]
        case "read_because_config_unknown":
            return ["(config refers to values not yet known)"]
        case "read_because_dependency_pending":
            return ["(depends on a resource or a module with changes pending)"]
        case "expired":
            return ["(its expires_at has passed)", *_ended(change, every=True)]
        case "block_expired":
            return _ended(change)
        case _:
            return []


def _ended(change: Change, *, every: bool = False) -> list[str]:
    """Which nested blocks ended when: those that make the change, or all."""
    return [
        f"({clean(end.name)} expired at {end.at})"
        for end in change.ends
        if end.passed and (every or end.name in change.lapsed)
    ]
