"""Lockout on Okta, judged by the tenant: it takes power away, and says who still gets in after every call."""

from __future__ import annotations

from pathlib import Path

import pytest

from perimeter.engine.model import Options
from perimeter.sandbox.faults import Fault
from tests.lockout.okta_cases import DANGEROUS, FINE, ORDERED
from tests.lockout.okta_org import GLASS_BLOCK, SECOND, Case, org_of, user_block

WRITES = ("P*", "DELETE")
"""Methods by which something is changed, as fault patterns."""


def named(case: Case) -> str:
    """A case as a test's id."""
    return case.name.replace(" ", "-").replace(",", "")


@pytest.mark.parametrize("case", DANGEROUS, ids=named)
def test_a_dangerous_plan_is_refused_and_makes_no_call(case: Case, tmp_path: Path) -> None:
    """The refusal names what to type; nothing was written."""
    with org_of(case, tmp_path) as org:
        org.adopt()
        ran = org.run()
        assert ran.writes == []
        assert not ran.breaches
        assert ran.outcome.applied is None
        assert any("-allow-lockout=" in error for error in ran.outcome.errors), ran.outcome.errors


@pytest.mark.parametrize("case", DANGEROUS, ids=named)
def test_the_dangers_are_real(case: Case, tmp_path: Path) -> None:
    """Overridden, each plan does lock somebody out, by the tenant's own word (or leaves too few administrators)."""
    with org_of(case, tmp_path) as org:
        org.adopt()
        refused = org.run().outcome
        names = tuple(
            item.address for item in refused.diagnostics.errors if "-allow-lockout=" in item.detail
        )
        assert names
        before = administrators(org)
        org.case = Case(name=case.name, then=case.then, options=Options(allow_lockout=names))
        ran = org.run()
        assert ran.outcome.applied is not None, ran.outcome.errors
        doubtful = "own tokens" in case.name or "office let in" in case.name
        fewer = "minimum" in case.name and administrators(org) < before
        assert ran.breaches or fewer or doubtful


def administrators(org) -> int:
    """How many administer, by the tenant."""
    users = org.vendor.dump()["users"]
    return sum(
        1
        for user in users
        if org.vendor.administers(user["id"]) and org.vendor.can_sign_in(user["id"]).allowed
    )


@pytest.mark.parametrize("case", FINE, ids=named)
def test_a_look_alike_is_not_refused(case: Case, tmp_path: Path) -> None:
    """It runs to its end, and after every call everybody who is kept gets in."""
    with org_of(case, tmp_path) as org:
        org.adopt()
        ran = org.run()
        assert ran.outcome.errors == []
        assert ran.outcome.applied is not None
        assert {item.status for item in ran.outcome.applied.results} <= {"done", "by hand"}
        assert ran.breaches == []
        assert len(ran.writes) >= case.makes, ran.writes


@pytest.mark.parametrize("case", [case for case in FINE if case.makes > 1], ids=named)
@pytest.mark.parametrize("kind", ["status", "lost"])
def test_whichever_call_fails_nobody_is_locked_out(case: Case, kind: str, tmp_path: Path) -> None:
    """Each write in turn is refused, or its answer is lost; what hangs on it is not made."""
    for number in range(case.makes):
        with org_of(case, tmp_path / str(number)) as org:
            org.adopt()
            faults = [
                Fault(kind=kind, method=method, after=number, times=-1, status=403)
                for method in WRITES
            ]
            ran = org.run(*faults)
            assert ran.breaches == [], (number, ran.writes)


def test_a_removal_waits_for_what_compensates_it(tmp_path: Path) -> None:
    """The membership that replaces the own one fails: the own one is kept, and the table says because of what."""
    case = next(one for one in FINE if one.name == "own group swapped for another")
    with org_of(case, tmp_path) as org:
        org.adopt()
        ran = org.run(Fault(kind="status", method="PUT", status=403, times=-1))
        assert ran.writes == []
        assert ran.outcome.applied is not None
        results = {item.status: item for item in ran.outcome.applied.results}
        assert set(results) == {"failed", "skipped"}
        assert "m_00groots_00uatan failed" in results["skipped"].text


@pytest.mark.parametrize("name", ORDERED)
def test_the_order_is_part_of_the_plan(name: str, tmp_path: Path) -> None:
    """What compensates comes first, in the plan's own list of stages."""
    case = next(one for one in FINE if one.name == name)
    with org_of(case, tmp_path) as org:
        org.adopt()
        org.workspace.write(case.then)
        plan = org.workspace.plan().plan
        assert plan is not None
        assert len(plan.sequence) >= 2
        assert plan.compensations
        for stage, needed in plan.compensations.items():
            assert all(plan.sequence.index(one) < plan.sequence.index(stage) for one in needed)


def test_somebody_else_at_work_in_between(tmp_path: Path) -> None:
    """The plan was fine; by the time of the call it would take the last one. It is looked at again, and not made."""
    two = GLASS_BLOCK.replace("\n}", "\n  minimum_administrators = 2\n}")
    case = Case(name="race", then=user_block(SECOND, "SUSPENDED"), glass=two)
    with org_of(case, tmp_path) as org:
        org.workspace.write(case.then)

        def meanwhile() -> None:
            org.vendor._tenant.users["00uglass"]["status"] = "SUSPENDED"

        outcome = org.workspace.apply(between=meanwhile)
        assert outcome.applied is not None
        (result,) = [item for item in outcome.applied.results if item.operation == "update"]
        assert result.status == "failed"
        assert "Nothing was sent" in result.text
        assert "-allow-lockout=okta_user.u_00umruiz" in result.text
        assert org.vendor.can_sign_in(SECOND).allowed
