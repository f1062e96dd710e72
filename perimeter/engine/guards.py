"""Refusals that hold a plan back from doing too much at once; each prints its exact override; pure."""

from __future__ import annotations

from collections.abc import Iterable, Set

from perimeter.addresses import parse_address
from perimeter.engine.limits import Limits
from perimeter.engine.model import Change
from perimeter.engine.removal import Claim, matches
from perimeter.engine.snapshot import objects_of
from perimeter.engine.work import Work
from perimeter.sdk.contract import Attributes


def check_guards(work: Work, claims: Iterable[Claim] = (), held: Set[str] = frozenset()) -> None:
    """Report what the plan may not do without an explicit override; ``held``: keys of changes that will not be made."""
    if not work.options.destroy:
        _mass_change(work, tuple(claims), held)
    _max_destroy(work, held)
    if work.options.destroy:
        _protected(work)


def _mass_change(work: Work, claims: tuple[Claim, ...], held: Set[str]) -> None:
    by_kind: dict[tuple[str, str], list[Change]] = {}
    for change in work.changes:
        instance = work.instances.get(change.provider)
        kind = instance.provider.resources.get(change.type) if instance is not None else None
        if kind is not None and not kind.local and change.before is not None:
            by_kind.setdefault((change.provider, change.type), []).append(change)
    for (provider, kind_name), changes in sorted(by_kind.items()):
        if kind_name in work.options.allow_mass_change:
            continue
        if not any(_removes(change) and change.key not in held for change in changes):
            continue
        seen = [item.attributes for item in objects_of(work.snapshot, provider, kind_name)]
        own = [c for c in claims if (c.instance.key, c.kind.name) == (provider, kind_name)]
        # Each block limits its own scope; what no block speaks of is limited as a whole.
        scopes: list[tuple[Claim | None, Limits]] = [(claim, claim.limits) for claim in own]
        for claim, limits in scopes or [(None, Limits())]:
            inside = [c for c in changes if claim is None or _within(claim, c.before)]
            population = sum(1 for item in seen if claim is None or _within(claim, item))
            removed = sum(1 for c in inside if _removes(c) and c.key not in held)
            whole = max(population, len(inside))
            if removed and (why := _too_much(removed, whole, limits)):
                _refuse(work, provider, kind_name, removed, whole, why)
                break


def _within(claim: Claim, attributes: Attributes | None) -> bool:
    return matches(claim.kind, claim.within, attributes or {})


def _too_much(removed: int, whole: int, limits: Limits) -> str:
    """Why so much is refused; empty where it is not."""
    if limits.count is not None and removed > limits.count:
        return f"its collection block allows {limits.count}"
    if whole >= limits.population and removed * 100 > whole * limits.percent:
        return f"more than {limits.percent} % of a collection of {limits.population} or more"
    return ""


def _refuse(work: Work, provider: str, kind_name: str, removed: int, whole: int, why: str) -> None:
    work.diagnostics.error(
        "This removes too much at once",
        f"The plan removes or replaces {removed} of the {whole} {kind_name} objects that {provider} holds "
        f"({-(-removed * 100 // whole)} %): {why}. That is usually a mistake in the configuration, or a tenant that answered "
        f"wrongly. Read the plan below.\n\nTo go ahead regardless: -allow-mass-change={kind_name}",
    )


def _removes(change: Change) -> bool:
    return change.action.removes


def _max_destroy(work: Work, held: Set[str]) -> None:
    limit = work.options.max_destroy
    if limit is None:
        return
    count = sum(1 for change in work.changes if _removes(change) and change.key not in held)
    if count > limit:
        work.diagnostics.error(
            "More removals than allowed",
            f"The plan removes or replaces {count} objects, and -max-destroy={limit} allows {limit}.\n\n"
            f"To go ahead regardless: -max-destroy={count}",
        )


def _protected(work: Work) -> None:
    for change in work.changes:
        if change.kept:
            work.diagnostics.error(
                "Instance cannot be destroyed",
                f"{change.name} is protected: prevent_destroy was applied to it. To destroy it, apply "
                "prevent_destroy = false first, or leave it out with -target.",
                address=change.name,
            )


def check_replacements(work: Work, declared: frozenset[str]) -> None:
    """Warn of ``-replace`` addresses that name a block with other instances, or nothing declared."""
    for text in work.options.replace:
        if text in declared:
            continue
        wanted = parse_address(text)
        others = sorted(name for name in declared if parse_address(name).block == wanted.block)
        if not others:
            why = "it is not declared"
        elif wanted.key is None:
            why = "it has instance keys"
        else:
            why = "it has other instance keys"
        options = "".join(f"\n  -replace={shell_word(name)}" for name in others[:10])
        more = (
            f". To force replacement of particular instances, use one or more of the following options instead:{options}"
            if others
            else "."
        )
        work.diagnostics.warning(
            "Incompletely-matched force-replace resource instance",
            f"Your force-replace request for {text} doesn't match any resource instances because {why}{more}",
        )


def shell_word(text: str) -> str:
    """An address as a shell takes it."""
    return f"'{text}'" if '"' in text else text
