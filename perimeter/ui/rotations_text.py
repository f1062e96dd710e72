"""Rotations as people read them: where each credential stands, what an apply does, and what comes next."""

from __future__ import annotations

from collections.abc import Iterable

from perimeter.engine.model import Change, Plan
from perimeter.engine.rotating.planned import PlannedRotation, SeenCredential
from perimeter.ui.headers import with_direction
from perimeter.ui.style import Style, clean, counted

LIMIT = 100
"""How many rotations the text shows in full; JSON always shows all."""

SETTLED = 10
"""How many of those that rest are named."""

_DAY = 86400


def rotations(plan: Plan, style: Style) -> str:
    """The plan's section on rotations; empty where nothing is rotated."""
    found = [change for change in plan.changes if change.rotation is not None]
    if not found:
        return ""
    busy = [change for change in found if change.rotation is not None and _busy(change.rotation)]
    resting = [change for change in found if change not in busy]
    lines = [style.bold("Rotation:")]
    for change in busy[:LIMIT]:
        lines += ["", *_whole(change, style)]
    if len(busy) > LIMIT:
        lines += ["", style.dim(f"  # {len(busy) - LIMIT:,} more, not shown here")]
    if resting:
        lines += ["", *(_line(change) for change in resting[:SETTLED])]
        if len(resting) > SETTLED:
            lines.append(style.dim(f"  # {len(resting) - SETTLED:,} more rest"))
    return "\n".join(lines)


def _busy(rotation: PlannedRotation) -> bool:
    return bool(rotation.steps or rotation.findings or rotation.previous or rotation.waiting_for)


def rotation_count(plan: Plan) -> str:
    """`` 2 to rotate.`` for the summary line; empty without."""
    count = sum(1 for change in plan.changes if change.rotates)
    return f" {count:,} to rotate." if count else ""


def _line(change: Change) -> str:
    rotation = change.rotation
    assert rotation is not None
    age = age_words(rotation.current)
    until = f", due at {rotation.next_at}" if rotation.next_at else ""
    return f"  # {clean(change.name)} is {rotation.stage}{f', {age}' if age else ''}{until}"


def _whole(change: Change, style: Style) -> list[str]:
    rotation = change.rotation
    assert rotation is not None
    because = f": {clean(rotation.because)}" if rotation.because else ""
    head = f"  # {clean(change.name)} is {rotation.stage}"
    lines = [with_direction(head, change, style) if rotation.steps else style.bold(head)]
    if because:
        lines.append(style.dim(f"  # ({because.removeprefix(': ')})"))
    for step in rotation.steps:
        lines += style.wrap(f"    {style_glyph(step)} {step_words(change, step)}", style.width)
    for name, seen in (("current", rotation.current), ("previous", rotation.previous)):
        if seen is not None:
            lines.append(f"      {name:<9} {_seen(seen)}")
    for consumer in rotation.consumers if rotation.previous is not None else ():
        state = f"has moved ({consumer.moved_at})" if consumer.moved_at else "has not moved yet"
        owner = f", {clean(consumer.owner)}" if consumer.owner else ""
        lines.append(f"      consumer  {clean(consumer.name)}{owner}: {state}")
    if rotation.waiting_for:
        lines += _wrapped(style, "waits for", "; ".join(rotation.waiting_for))
    if rotation.next_at:
        lines.append(f"      next      {rotation.next_at}")
    for finding in rotation.findings:
        lines += _wrapped(style, "finding", f"{finding.summary}. {finding.detail}")
    if rotation.federate and "issue" in rotation.steps:
        lines += ["      Federate instead, and no key is needed:"]
        lines += [f"        {clean(line)}" for line in rotation.federate.splitlines()]
    return lines


def _wrapped(style: Style, name: str, text: str) -> list[str]:
    first, *rest = style.wrap(clean(text), max(40, style.width - 16))
    return [f"      {name:<9} {first}", *(f"                {line}" for line in rest)]


def style_glyph(step: str) -> str:
    """The glyph of a step."""
    return {"issue": "+", "take_over": "+", "remove": "-", "retire": "-"}.get(step, "~")


def step_words(change: Change, step: str) -> str:
    """What a step does, in words."""
    rotation = change.rotation
    assert rotation is not None
    old = rotation.previous.id if rotation.previous is not None else "the previous one"
    new = rotation.current.id if rotation.current is not None else "the current one"
    sinks = ", ".join(clean(sink.address) for sink in rotation.sinks)
    match step:
        case "issue":
            return f"issue a new one and deliver it to {sinks}" if sinks else "issue a new one"
        case "verify":
            return f"gather proof that {clean(new)} works and is used"
        case "retire":
            return f"switch off {clean(_ended(rotation, old))}"
        case "remove":
            return f"remove {clean(_ended(rotation, old))}"
        case "roll_back":
            return f"give consumers {clean(old)} again and remove {clean(new)}"
        case _:
            return f"take over {clean(rotation.taken)}, which was made by hand"


def _ended(rotation: PlannedRotation, old: str) -> str:
    if rotation.lost:
        return f"{', '.join(rotation.lost)}, whose secret was lost"
    if rotation.previous is None and rotation.current is not None:
        return rotation.current.id
    return old


def _seen(seen: SeenCredential) -> str:
    parts = [clean(seen.id), age_words(seen) or "of unknown age"]
    if seen.last_used_at:
        parts.append(f"last used {seen.last_used_at}")
    if not seen.usable:
        parts.append("switched off")
    return ", ".join(parts)


def age_words(seen: SeenCredential | None) -> str:
    """How old a credential is: ``12 days old``; empty where nobody knows."""
    if seen is None or seen.age is None:
        return ""
    if seen.age >= 2 * _DAY:
        return f"{counted(seen.age // _DAY, 'day')} old"
    if seen.age >= 7200:
        return f"{counted(seen.age // 3600, 'hour')} old"
    return f"{counted(seen.age, 'second')} old"


def findings_of(changes: Iterable[Change]) -> int:
    """How many findings rotations have."""
    return sum(len(change.rotation.findings) for change in changes if change.rotation is not None)


def report(plan: Plan, style: Style) -> str:
    """All rotations in full, and what is recorded to be removed; ends in a line break."""
    found = [change for change in plan.changes if change.rotation is not None]
    orphans = orphaned(plan)
    if not found and not orphans:
        return "No credential is under rotation.\n"
    blocks = ["\n".join(_whole(change, style)) for change in found]
    if orphans:
        lines = [style.bold("Recorded to be removed; each apply tries:")]
        lines += [f"  # {clean(change.name)}, {clean(change.id)}" for change in orphans]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def orphaned(plan: Plan) -> list[Change]:
    """Credentials that a rotation left behind and could not remove."""
    rotated = {str(change.address) for change in plan.changes if change.rotation is not None}
    return [change for change in plan.changes if change.deposed and str(change.address) in rotated]
