"""What a query found, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from perimeter.engine.credentials import told
from perimeter.engine.query import FoundObject, ListResult
from perimeter.ui.facts_text import unseen_words
from perimeter.ui.style import Style, clean, counted

_ORDER = ("undeclared", "removed", "ignored", "declared")
_LOOKS = {"undeclared": "yellow", "removed": "red", "ignored": "dim", "declared": "green"}
_WORDS = {"removed": "to be removed"}


def query_text(results: Sequence[ListResult], style: Style, *, all_types: bool) -> str:
    """Every list with its objects, and a last line that counts them.

    ``all_types``: the lists are those of all types, so that one without objects is not worth a line.
    """
    parts: list[str] = []
    for result in results:
        lines = [line for item in result.objects for line in _lines(item, style)]
        if result.left:
            lines.append(f"  and {result.left:,} more beyond the limit")
        lines += [
            f"  not visible: {clean(subject)} ({clean(unseen_words(why))})"
            for subject, why in result.unseen
        ]
        if not lines and all_types:
            continue
        head = style.bold(result.address)
        if result.provider != result.type.partition("_")[0]:
            head += f" ({clean(result.provider)})"
        parts.append("\n".join([head, *(lines or ["  nothing found"])]))
    parts.append(_sum(results, all_types=all_types))
    return "\n\n".join(parts) + "\n"


def _lines(item: FoundObject, style: Style) -> list[str]:
    """What and where it is, and below that what is risky about it."""
    status = _WORDS.get(item.status, item.status)
    shown = style.paint(f"{status:<10}", _LOOKS[item.status])
    named = clean(item.label or item.id)
    where = f" as {item.address}" if item.address else ""
    told = [f"id {item.id}" if item.label else "", item.origin]
    facts = "; ".join(clean(text) for text in told if text)
    first = f"  {shown}  {named}{where}" + (f" ({facts})" if facts else "")
    return [first, *(f"{'':14}{clean(risk)}" for risk in (*item.risks, *_concerns(item)))]


def _concerns(item: FoundObject) -> list[str]:
    """What is wrong with a credential that was found, on a line."""
    text = told(item.credential) if item.credential is not None else ""
    return [text] if text else []


def _sum(results: Sequence[ListResult], *, all_types: bool) -> str:
    found = Counter(item.status for result in results for item in result.objects)
    total = sum(found.values())
    blind = any(result.unseen for result in results)
    if not total:
        if not all_types:
            return "Nothing found."
        return "Everything that was read is declared." if blind else "Everything is declared."
    parts = [f"{found[name]:,} {_WORDS.get(name, name)}" for name in _ORDER if found[name]]
    return f"{counted(total, 'object')}: {', '.join(parts)}."
