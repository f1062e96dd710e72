"""A plan as people read it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from perimeter.engine.model import Action, Change, Invocation, Plan
from perimeter.ui import facts_text
from perimeter.ui.actions_text import count_text, invoked, triggered_lines
from perimeter.ui.blocks import block_lines, change_difference
from perimeter.ui.difference_text import Layout, symbol
from perimeter.ui.headers import header_lines, is_drift, named, what_happens
from perimeter.ui.outputs_text import output_changes
from perimeter.ui.rotations_text import rotation_count, rotations
from perimeter.ui.steps_text import tracking
from perimeter.ui.style import PLAIN, Style, clean

LIMIT = 200
"""With more changes than this the text shows some of each kind; JSON always shows all."""

SAMPLE = 5
"""How many of each kind are then shown."""


def plan_text(plan: Plan, style: Style = PLAIN, *, limit: int = LIMIT) -> str:
    """The whole plan, ending in a line break."""
    sections = [
        _outside(plan, style, limit),
        _actions(plan, style, limit),
        invoked(plan, style),
        rotations(plan, style),
        _deferred(plan, style),
        _kept(plan, style),
        _verdict(plan, style),
        output_changes(plan, style),
        _only_outputs(plan),
        "\n".join(facts_text.fact_lines(plan, style)),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _planned(plan: Plan) -> list[Change]:
    return [
        change
        for change in plan.changes
        if (change.does_something and not _only_rotates(change))
        or change.manual is not None
        or change.moved
    ]


def _only_rotates(change: Change) -> bool:
    """Whether the section on rotations says all about it."""
    return change.rotates and change.action is Action.NO_OP and not change.importing


def _actions(plan: Plan, style: Style, limit: int) -> str:
    found = _planned(plan)
    if not found:
        return ""
    parts: list[str] = []
    now = [change for change in found if not change.clock]
    later = [change for change in found if change.clock]
    invoked_by: dict[str, list[Invocation]] = defaultdict(list)
    for item in plan.invocations:
        invoked_by[item.trigger].append(item)
    if now:
        head = "The following is left to be done by hand:"
        if not plan.is_idle:
            head = "perimeter will perform the following actions:"
        parts += [
            style.bold(head),
            *_shown(now, style, limit, invoked_by),
        ]
    if later:
        parts += [
            style.bold("The clock causes the following actions:"),
            *_shown(later, style, limit, invoked_by),
        ]
    return "\n\n".join(parts)


def _shown(
    changes: list[Change],
    style: Style,
    limit: int,
    invoked_by: Mapping[str, list[Invocation]],
) -> list[str]:
    """Every change, or a sample of each kind that says so."""
    if len(changes) <= limit:
        return [_with_actions(change, style, invoked_by) for change in changes]
    groups: dict[tuple[str, str, str], list[Change]] = defaultdict(list)
    for change in changes:
        by_hand = " by hand" if change.manual is not None else ""
        groups[change.type, change.action.name + by_hand, change.direction.value].append(change)
    parts: list[str] = []
    for (kind, _, _), members in groups.items():
        parts.extend(_with_actions(change, style, invoked_by) for change in members[:SAMPLE])
        left = len(members) - SAMPLE
        if left > 0:
            text = f"  # {left:,} more {kind} {what_happens(members[-1])}, not shown here"
            parts.append(style.dim(text))
    total = f"{len(changes):,} changes are planned; a sample is shown. "
    return [
        *parts,
        f"{total}To see all of them: perimeter plan -out=FILE, perimeter show -json FILE",
    ]


def _with_actions(change: Change, style: Style, invoked_by: Mapping[str, list[Invocation]]) -> str:
    found = [] if change.deposed else invoked_by.get(str(change.address), [])
    return "\n".join([change_text(change, style), *triggered_lines(found, style)])


def change_text(change: Change, style: Style = PLAIN) -> str:
    """One change: its header, its difference, and what a person has to know or do."""
    diff = change_difference(change)
    action = diff.action if change.manual is not None else change.action
    if action is Action.NO_OP and (change.importing or change.moved):
        lines = [*header_lines(change, style), f"    {_title(change)} {{"]
    else:
        lines = [*header_lines(change, style), f"{symbol(action, style)}{_title(change)} {{"]
    layout = Layout(style=style, everything=action is Action.NO_OP and not change.moved)
    lines += [*block_lines(diff, 0, layout), "    }"]
    lines += [f"    {line}" for line in _remarks(change, style)]
    return "\n".join(lines)


def _title(change: Change) -> str:
    if change.address is None:
        return f'resource "{change.type}"'
    word = "data" if change.address.mode == "data" else "resource"
    return f'{word} "{change.type}" "{change.address.name}"'


def _remarks(change: Change, style: Style) -> list[str]:
    lines: list[str] = []
    manual = change.manual
    if manual is not None:
        text = f"{manual.reason} {manual.instructions} perimeter checks it at the next plan."
        lines += style.wrap(clean(text), style.width - 4)
        if manual.url:
            lines.append(f"Open {clean(manual.url)}")
        if change.step is not None:
            lines += tracking(change.step)
    for end in change.ends:
        if not end.passed:
            lines.append(f"Note: {clean(end.name)} expires at {end.at}.")
    for quirk in change.quirks:
        lines += style.wrap(f"Note: {quirk}", style.width - 4)
    for name, unseen in sorted(change.unseen.items()):
        why = facts_text.unseen_words(unseen)
        lines += style.wrap(f"Not visible: {name} ({why}); it is left as it is.", style.width - 4)
    return lines


def _outside(plan: Plan, style: Style, limit: int) -> str:
    """What changed in the tenants and is not put right by this plan."""
    undone = {change.key: change.changed for change in plan.changes if is_drift(change)}
    found = [
        change for change in plan.drift if change.changed - undone.get(change.key, frozenset())
    ]
    if not (found or plan.gone):
        return ""
    parts = [
        style.paint("Note: Objects have changed outside of perimeter", "bold", "cyan"),
        "Since the last apply the following has changed in the tenants:",
    ]
    for change in found[:limit]:
        head = f"  # {named(change)} has changed"
        lines = [style.bold(head)]
        if change.origin:
            lines.append(style.dim(f"  # ({clean(change.origin)})"))
        lines.append(f"{symbol(Action.UPDATE, style)}{_title(change)} {{")
        lines += [*block_lines(change_difference(change), 0, Layout(style=style)), "    }"]
        parts.append("\n".join(lines))
    if len(found) > limit:
        parts.append(style.dim(f"  # {len(found) - limit:,} more have changed, not shown here"))
    gone = [name.replace("#", " deposed object ") for name in plan.gone]
    if gone:
        listed = [style.bold(f"  # {name} is gone") for name in gone[:limit]]
        more = len(gone) - limit
        tail = [style.dim(f"  # {more:,} more are gone, not shown here")] if more > 0 else []
        parts.append("\n".join([*listed, *tail]))
    return "\n\n".join(parts)


def _deferred(plan: Plan, style: Style) -> str:
    found = [change for change in plan.changes if change.deferred]
    if not found:
        return ""
    lines = [style.bold("Nothing could be decided about the following:")]
    lines += [f"  # {named(change)}: {clean(change.deferred)}" for change in found[:LIMIT]]
    if len(found) > LIMIT:
        lines.append(f"  # and {len(found) - LIMIT:,} more")
    return "\n".join(lines)


def _kept(plan: Plan, style: Style) -> str:
    found = [change for change in plan.changes if change.kept]
    if not found:
        return ""
    lines = [style.bold("Not declared any more, and kept because they are protected:")]
    lines += [f"  # {named(change)}" for change in found]
    return "\n".join(
        [
            *lines,
            "To let them go, put the block back, apply prevent_destroy = false, and remove it again.",
        ]
    )


def _verdict(plan: Plan, style: Style) -> str:
    """The summary line, or that there is nothing to do."""
    if plan.is_idle:
        return _nothing(plan, style)
    turning = [change for change in plan.changes if _only_rotates(change)]
    shown = [*_planned(plan), *turning, *(item.change for item in plan.invocations)]
    if not shown:
        return ""
    lines = [summary(plan, style)]
    access = facts_text.access_line(shown)
    return "\n".join([*lines, access] if access else lines)


def _nothing(plan: Plan, style: Style) -> str:
    if plan.options.destroy:
        found, more = "No objects need to be destroyed.", "State holds nothing to destroy."
    elif plan.options.rollback is not None:
        found = f"Your tenants match version {plan.options.rollback} of the state."
        more = "perimeter has compared what the tenants hold with what that version recorded and found no differences."
    elif plan.options.refresh_only:
        found = "Your tenants still match what state remembers."
        more = "perimeter has read the tenants and found nothing that state does not know."
        if plan.drift or plan.gone:
            found = "Nothing is changed by a refresh."
            more = "Applying this plan brings state up to date with the tenants and changes none of them."
    else:
        found = "Your tenants match the configuration."
        more = (
            "perimeter has compared what the tenants hold with the configuration and found no differences, so no "
            "changes are needed."
        )
        if plan.by_hand:
            count = len(plan.by_hand)
            steps = "one change" if count == 1 else f"{count:,} changes"
            found = f"Your tenants match the configuration, but for {steps} to be made by hand."
            more = f"perimeter can do nothing about {'it' if count == 1 else 'them'}, and looks again at the next plan."
        if any(change.deferred for change in plan.changes):
            found = "What could be seen of your tenants matches the configuration."
            more = "Nothing is decided about what is listed above as not visible."
    head = f"{style.paint('No changes.', 'bold', 'green')} {style.bold(found)}"
    return "\n".join([head, "", *style.wrap(more)])


def counts(changes: Iterable[Change]) -> dict[str, int]:
    """How many objects are imported, added, changed, destroyed, forgotten and left to people."""
    names = ("import", "add", "change", "destroy", "forget", "by_hand")
    found: dict[str, int] = dict.fromkeys(names, 0)
    for change in changes:
        if change.importing:
            found["import"] += 1
        if change.manual is not None:
            found["by_hand"] += 1
        match change.action:
            case Action.CREATE:
                found["add"] += 1
            case Action.UPDATE:
                found["change"] += 1
            case Action.DELETE:
                found["destroy"] += 1
            case Action.FORGET:
                found["forget"] += 1
            case Action.FORGET_THEN_CREATE:
                found["add"] += 1
                found["forget"] += 1
            case Action.DELETE_THEN_CREATE | Action.CREATE_THEN_DELETE:
                found["add"] += 1
                found["destroy"] += 1
            case _:
                pass
    return found


def summary(plan: Plan, style: Style = PLAIN) -> str:
    """The summary line: ``Plan: 0 to add, 1 to change, 1 to destroy. 1 to change by hand.``."""
    found = counts(plan.changes)
    parts = []
    if found["import"]:
        parts.append(f"{found['import']:,} to import")
    parts += [f"{found[verb]:,} to {verb}" for verb in ("add", "change", "destroy")]
    if found["forget"]:
        parts.append(f"{found['forget']:,} to forget")
    text = f"{style.bold('Plan:')} {', '.join(parts)}."
    if found["by_hand"]:
        text += f" {found['by_hand']:,} to change by hand."
    text += rotation_count(plan) + count_text(plan)
    return text


def _only_outputs(plan: Plan) -> str:
    turning = any(change.rotates for change in plan.changes)
    if plan.is_empty or turning or _planned(plan) or plan.invocations:
        return ""
    return "You can apply this plan to save these new output values to the state, without changing\nany tenant."
