"""The lines below a plan: what it does to access, what nothing declares, what was not visible, keys, requests."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from perimeter.engine.model import Change, CredentialAge, NotVisible, Plan, Requests, Undeclared
from perimeter.lang.values import Reason, Unseen
from perimeter.sdk.budget import Budget
from perimeter.sdk.contract import Direction
from perimeter.ui.style import Style, clean, counted

_MOST = 3
_MOST_KEYS = 5


def fact_lines(plan: Plan, style: Style) -> list[str]:
    """All of them, one paragraph each, wrapped."""
    lines: list[str] = []
    for title, text in (
        ("Undeclared:", undeclared_line(plan.undeclared)),
        *(("Left alone:", text) for text in _held(plan.undeclared)),
        *(("Not visible:", _hidden(item)) for item in plan.not_visible),
        ("Keys:", keys_line(plan.ages)),
        ("Requests:", requests_line(plan.requests)),
    ):
        if text:
            first, *rest = style.wrap(f"{title} {clean(text)}")
            lines += [style.bold(title) + first.removeprefix(title), *rest]
    return lines


def access_line(changes: Iterable[Change]) -> str:
    """``Access: 3 changes narrow it, none widens it.`` Nothing where no change touches access."""
    found = Counter(change.direction for change in changes)
    narrow, widen = found[Direction.NARROWS], found[Direction.WIDENS]
    unclear = found[Direction.UNKNOWN]
    if not (narrow or widen or unclear):
        return ""
    parts: list[str] = []
    if widen:
        parts.append(f"{widen:,}{_noun(parts, widen)} {_verb('widen', widen)} it")
    if unclear:
        parts.append(f"{unclear:,}{_noun(parts, unclear)} may widen it")
    if narrow:
        parts.append(f"{narrow:,}{_noun(parts, narrow)} {_verb('narrow', narrow)} it")
    if not widen and not unclear:
        parts.append("none widens it")
    return f"Access: {', '.join(parts)}."


def _noun(before: Sequence[str], count: int) -> str:
    """The noun is said once."""
    return "" if before else (" change" if count == 1 else " changes")


def _verb(verb: str, count: int) -> str:
    return f"{verb}s" if count == 1 else verb


def type_words(provider: str, kind: str, count: int) -> str:
    """``github app installations`` for a resource type: the provider, then the type's own words."""
    words = kind.partition("_")[2].replace("_", " ") or kind
    if count != 1:
        if words.endswith("y") and words[-2:-1] not in "aeiou":
            words = f"{words[:-1]}ies"
        elif words.endswith(("s", "x", "ch", "sh")):
            words += "es"
        else:
            words += "s"
    return f"{provider} {words}"


def undeclared_line(found: Sequence[Undeclared]) -> str:
    """What the tenants hold and nothing declares, by type, with the risks that facets tell."""
    groups: dict[tuple[str, str], list[Undeclared]] = defaultdict(list)
    for item in found:
        if not item.ignored and item.mode != "additive" and not item.held:
            groups[item.provider, item.type].append(item)
    if not groups:
        return ""
    parts = []
    for (provider, kind), members in groups.items():
        risks = Counter(
            risk for item in members for risk in {r for facet in item.facets for r in facet.risk}
        )
        common = sorted(risks.items(), key=lambda item: (-item[1], item[0]))[:_MOST]
        worded = [f"{count:,} {risk}" for risk, count in common]
        tail = f" ({', '.join(worded)})" if worded else ""
        parts.append(f"{len(members):,} {type_words(provider, kind, len(members))}{tail}")
    return f"{', '.join(parts)}. `perimeter query` lists them."


def _held(found: Sequence[Undeclared]) -> list[str]:
    groups = Counter((item.provider, item.type, item.held) for item in found if item.held)
    return [
        f"{count:,} undeclared {type_words(provider, kind, count)} of an exclusive collection, because {why}."
        for (provider, kind, why), count in groups.items()
    ]


def unseen_words(unseen: Unseen) -> str:
    """Why the tenant did not show something: ``the credential lacks okta.logStreams.read``."""
    match unseen.reason:
        case Reason.FORBIDDEN:
            if not unseen.needs:
                return "access is forbidden"
            lacks = "it needs" if " " in unseen.needs else "the credential lacks"
            return f"{lacks} {unseen.needs}"
        case Reason.EDITION:
            return f"it needs {unseen.needs}" if unseen.needs else "this edition does not offer it"
        case Reason.NOT_REQUESTED:
            return "the snapshot does not contain it"
        case Reason.RATE_LIMITED:
            return "the vendor's rate limit was reached"
        case _:
            return "reading it failed"


def _hidden(item: NotVisible) -> str:
    count = len(item.blocks)
    if not count:
        tail = "Nothing above depends on it."
    else:
        named = ", ".join(item.blocks[:_MOST])
        more = f" and {count - _MOST:,} more" if count > _MOST else ""
        verb = "depends" if count == 1 else "depend"
        tail = f"{named}{more} {verb} on it."
    return f"{item.subject} ({unseen_words(item.unseen)}). {tail}"


def keys_line(ages: Sequence[CredentialAge]) -> str:
    """How old the declared credentials are, the oldest first."""
    if not ages:
        return ""
    ordered = sorted(ages, key=lambda age: (age.days is None, -(age.days or 0), age.address))
    parts = []
    for age in ordered[:_MOST_KEYS]:
        old = "of unknown age" if age.days is None else f"{counted(age.days, 'day')} old"
        used = f", last used {age.last_used_at[:10]}" if age.last_used_at else ""
        parts.append(f"{age.address} is {old}{used}")
    more = len(ordered) - _MOST_KEYS
    tail = f"; and {more:,} more" if more > 0 else ""
    return f"{'; '.join(parts)}{tail}."


def requests_line(requests: Requests) -> str:
    """What reading cost, about what applying will, and what is left of the vendors' allowances."""
    budgets = [
        text for key in sorted(requests.budgets) if (text := _budget(key, requests.budgets[key]))
    ]
    if not (requests.made or requests.to_apply or budgets):
        return ""
    made = f"{requests.made:,} made"
    if requests.not_modified:
        made += f" ({requests.not_modified:,} answered from the cache)"
    if requests.waited >= 1:
        made += f", {requests.waited:.0f} s waited for rate limits"
    if requests.to_apply:
        made += f"; about {requests.to_apply:,} to apply"
    return " ".join([f"{made}.", *budgets])


def _budget(key: str, budgets: Sequence[Budget]) -> str:
    known = [item for item in budgets if item.limit and item.remaining is not None]
    if not known:
        return ""
    least = min(known, key=lambda item: (item.remaining or 0) / (item.limit or 1))
    window = f" for the next {_minutes(least.reset_in)}" if least.reset_in else ""
    return f"{key} {least.remaining:,} of {least.limit:,} left{window}."


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
