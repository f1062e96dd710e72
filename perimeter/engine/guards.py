"""Refusals that hold a plan back from doing too much at once; each prints its exact override; pure."""

from __future__ import annotations

from collections import Counter

from perimeter.addresses import parse_address
from perimeter.engine.model import Action
from perimeter.engine.work import Work

MASS_SHARE = 0.3
"""More than this share of a collection's objects removed or replaced by one plan is refused …"""
MASS_POPULATION = 10
"""… where the collection has at least this many objects. Both as octoDNS has proved them for DNS zones."""


def check_guards(work: Work) -> None:
    """Report what the plan may not do without an explicit override."""
    _mass_change(work)
    _max_destroy(work)
    if work.options.destroy:
        _protected(work)


def _mass_change(work: Work) -> None:
    if work.options.destroy:
        return
    removed: Counter[tuple[str, str]] = Counter()
    population: Counter[tuple[str, str]] = Counter()
    for change in work.changes:
        instance = work.instances.get(change.provider)
        kind = instance.provider.resources.get(change.type) if instance is not None else None
        if kind is None or kind.local:
            continue
        key = (change.provider, change.type)
        if change.before is not None:
            population[key] += 1
        if change.action is Action.DELETE or change.action.is_replace:
            removed[key] += 1
    for (provider, kind_name), count in sorted(removed.items()):
        whole = max(population[provider, kind_name], _seen(work, provider, kind_name))
        if (
            whole < MASS_POPULATION
            or count <= whole * MASS_SHARE
            or kind_name in work.options.allow_mass_change
        ):
            continue
        work.diagnostics.error(
            "This removes too much at once",
            f"The plan removes or replaces {count} of the {whole} {kind_name} objects that {provider} holds "
            f"({count * 100 // whole} %); more than {int(MASS_SHARE * 100)} % of a collection of {MASS_POPULATION} or more is "
            "usually a mistake in the configuration, or a tenant that answered wrongly. Read the plan below.\n\n"
            f"To go ahead regardless: -allow-mass-change={kind_name}",
        )


def _seen(work: Work, provider: str, kind_name: str) -> int:
    from perimeter.engine.snapshot import objects_of

    return sum(1 for _ in objects_of(work.snapshot, provider, kind_name))


def _max_destroy(work: Work) -> None:
    limit = work.options.max_destroy
    if limit is None:
        return
    count = sum(
        1 for change in work.changes if change.action is Action.DELETE or change.action.is_replace
    )
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
