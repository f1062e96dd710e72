"""Consents for tests: as an approval of some of a plan's changes makes them."""

from perimeter.engine.approvals import approved_change, to_approve
from perimeter.engine.consent import Consent


def consent_to(plan, *names, **more):
    """Consent to the changes of those names; to all of them when none is named."""
    chosen = [c for c in to_approve(plan) if not names or c.name in names]
    assert not names or {c.name for c in chosen} == set(names)
    items = tuple(approved_change(change) for change in chosen)
    return Consent(changes=items, by={i.fingerprint: "alice" for i in items}, **more)


def held(outcome):
    """What is held back, with its reason, by name."""
    return {item.change.name: item.because for item in outcome.planned.agreed.held}


def ended(outcome):
    """How it ended, by name."""
    return {item.name: item.status for item in outcome.applied.results}
