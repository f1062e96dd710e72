"""How an apply ended, as people read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set

from perimeter.engine.model import Applied, StageResult
from perimeter.ui.outputs_text import output_lines
from perimeter.ui.style import PLAIN, Style, clean, counted

MOST_DONE = 40
"""With more that went well, these are only counted: what needs attention must be seen."""

_LOOKS = {"done": "green", "failed": "red", "skipped": "yellow", "by hand": "cyan"}
_WORDS = {"create": "added", "update": "changed", "delete": "destroyed", "adopt": "imported"}
_ROTATED = {
    "issue": "issued",
    "verify": "verified",
    "retire": "retired",
    "remove": "removed",
    "roll_back": "rolled back",
    "take_over": "taken over",
}
_MORE_WORDS = {"forget": "forgotten", "invoke": "invoked", **_ROTATED}
_NAME = 64


def apply_text(
    applied: Applied, style: Style = PLAIN, *, hidden: Set[str] = frozenset(), verb: str = "Apply"
) -> str:
    """The headline, the table, what to do next, the outputs; ends in a line break.

    ``hidden``: names of outputs that nobody is shown.
    """
    parts = [headline(applied, style, verb=verb)]
    table = _table(applied.results, style)
    if table:
        parts.append("\n".join(table))
    parts += _next(applied, style, verb)
    if applied.outputs:
        parts.append("\n".join(["Outputs:", "", *output_lines(applied.outputs, hidden)]))
    return "\n\n".join(parts) + "\n"


def headline(applied: Applied, style: Style = PLAIN, *, verb: str = "Apply") -> str:
    """Terraform's line when all went well, else what was done, failed, skipped and left to people."""
    done = Counter(item.operation for item in applied.results if item.status == "done")
    others = [(applied.count(word), word) for word in ("failed", "skipped", "by hand")]
    if not any(count for count, _ in others) and not applied.cancelled:
        first = f"{done['adopt']:,} imported, " if done["adopt"] else ""
        counts = ", ".join(
            f"{done[name]:,} {_WORDS[name]}" for name in ("create", "update", "delete")
        )
        forgotten = f", {done['forget']:,} forgotten" if done["forget"] else ""
        invoked = f" Actions: {done['invoke']:,} invoked." if done["invoke"] else ""
        turned = [f"{done[name]:,} {word}" for name, word in _ROTATED.items() if done[name]]
        rotated = f" Rotation: {', '.join(turned)}." if turned else ""
        text = f"{verb} complete! Resources: {first}{counts}{forgotten}.{invoked}{rotated}"
        return style.paint(text, "bold", "green")
    well = [(done[name], word) for name, word in (*_WORDS.items(), *_MORE_WORDS.items())]
    shown = [f"{count:,} {word}" for count, word in (*well, *others) if count]
    ending = "was interrupted" if applied.cancelled else "finished"
    text = f"{verb} {ending}: {', '.join(shown) or 'nothing was changed'}."
    failed = applied.cancelled or bool(applied.count("failed"))
    return style.paint(text, "bold", "red" if failed else "yellow")


def _table(results: tuple[StageResult, ...], style: Style) -> list[str]:
    shown = [item for item in results if item.operation != "read" or item.status != "done"]
    well = [item for item in shown if item.status == "done"]
    if len(well) > MOST_DONE:
        shown = [item for item in shown if item.status != "done"]
    if all(item.status == "done" for item in shown) and len(well) > MOST_DONE:
        return []
    width = min(_NAME, max((len(item.name) for item in shown), default=0))
    lines = [line for item in shown for line in _row(item, width, style)]
    if len(well) > MOST_DONE:
        lines.insert(0, f"  {style.paint('done', 'green')}     {counted(len(well), 'object')}")
    return lines


def _row(item: StageResult, width: int, style: Style) -> list[str]:
    status = style.paint(item.status, _LOOKS.get(item.status, "bold")) + " " * (
        7 - len(item.status)
    )
    name = clean(item.name)
    margin = 2 + 7 + 2 + width + 2
    text = style.wrap(clean(item.text), max(40, style.width - margin)) or [""]
    lines = [f"  {status}  {name:<{width}}  {text[0]}".rstrip()]
    lines += [f"{' ' * margin}{line}" for line in text[1:]]
    return lines


def _next(applied: Applied, style: Style, verb: str) -> list[str]:
    sentences = []
    if applied.count("failed") or applied.count("skipped") or applied.cancelled:
        sentences.append(
            f"Run `perimeter {verb.lower()}` again to finish; nothing that is done will be repeated."
        )
    if applied.results and applied.evidence_entry and applied.evidence_head:
        sentences.append(
            f"Evidence: entry {applied.evidence_entry} (sha256 {applied.evidence_head[:8]}…)."
        )
    return ["\n".join(style.wrap(" ".join(sentences)))] if sentences else []
