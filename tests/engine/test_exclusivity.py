"""Three teams' states on one tenant: who may remove what is undeclared, and who manages what."""

from dataclasses import replace

import pytest

from perimeter.engine.model import Options
from perimeter.engine.plan import plan
from perimeter.state.claims import ExclusiveClaim, read_claims
from perimeter.testing.workspace import Workspace
from tests.tiny.provider import TinyProvider
from tests.tiny.tenant import TinyTenant


class Teams:
    """Workspaces on one tenant that share a registry."""

    def __init__(self, folder):
        self.folder = folder
        self.tenant = TinyTenant()
        self.provider = TinyProvider(self.tenant)

    def team(self, name, text):
        work = Workspace(
            directory=self.folder / name,
            providers={"tiny": self.provider},
            registry=self.folder / "registry.json",
        )
        work.write(text)
        return work

    @property
    def claims(self):
        return read_claims(self.team("reader", "").backend().registry())

    @property
    def groups(self):
        return sorted(item["name"] for item in self.tenant.of("tiny_group").values())


def group(name):
    return f'resource "tiny_group" "{name}" {{\n  name = "{name}"\n}}\n'


def collection(more=""):
    return f'collection "tiny_group" "all" {{\n  mode = "exclusive"\n{more}\n}}\n'


def done(outcome):
    assert not outcome.errors, outcome.errors
    assert {item.status for item in outcome.applied.results} <= {"done"}, outcome.applied.results
    return outcome


@pytest.fixture
def teams(tmp_path):
    return Teams(tmp_path)


def test_a_second_exclusive_claim_is_refused_and_names_the_first(teams):
    done(teams.team("a", group("one") + collection()).apply())
    second = teams.team("b", group("two") + collection())
    assert "Another state claims this collection" in second.plan().errors[0]
    assert "exclusive, and so is" in second.plan().errors[0]
    assert " of a, since " in second.plan().errors[0]
    assert teams.groups == ["one"]


def test_what_another_state_manages_is_never_undeclared(teams):
    """Three teams: two declare groups, the third would sweep."""
    done(teams.team("a", group("one")).apply())
    done(teams.team("b", group("two")).apply())
    teams.tenant.put("tiny_group", name="stray")
    sweeper = teams.team("c", group("three") + collection())
    errors = sweeper.plan().errors
    assert len(errors) == 2
    assert all("Another state manages this object" in text for text in errors)
    assert "which a manages" in errors[0]
    assert teams.groups == ["one", "stray", "two"]
    ignoring = collection('  ignore = [{ name = "one" }, { name = "two" }]')
    done(teams.team("c", group("three") + ignoring).apply())
    assert teams.groups == ["one", "three", "two"]


def test_a_claim_goes_with_its_block(teams):
    done(teams.team("a", group("one") + collection()).apply())
    assert [item.type for item in teams.claims.claims] == ["tiny_group"]
    done(teams.team("a", group("one")).apply())
    assert teams.claims.claims == ()
    sweeper = teams.team("b", collection('  ignore = [{ name = "one" }]'))
    done(sweeper.apply())
    assert len(teams.claims.claims) == 1


def test_a_destroyed_state_takes_no_part_any_more(teams):
    one = teams.team("a", group("one") + collection())
    done(one.apply())
    assert next(iter(teams.claims.members.values())).place == "a"
    done(one.apply(Options(destroy=True)))
    assert teams.claims.members == {}
    assert teams.claims.claims == ()


def test_the_faster_of_two_gets_the_claim(teams):
    """Both planned before either applied: the second one's apply removes nothing."""
    teams.tenant.put("tiny_group", name="stray")
    second = teams.team("b", group("two") + collection('  ignore = [{ name = "one" }]'))

    def first():
        done(teams.team("a", group("one") + collection('  ignore = [{ name = "two" }]')).apply())
        teams.tenant.put("tiny_group", name="stray again")

    outcome = second.apply(between=first)
    assert "Another state claims this collection" in outcome.errors[0]
    assert outcome.applied.cancelled
    assert teams.groups == ["one", "stray again"]


def test_two_states_that_manage_one_object_are_told(teams):
    done(teams.team("a", group("one")).apply())
    identifier = next(iter(teams.tenant.of("tiny_group")))
    other = teams.team(
        "b", group("one") + f'import {{\n  to = tiny_group.one\n  id = "{identifier}"\n}}\n'
    )
    found = [item.summary for item in other.plan().diagnostics]
    assert found == ["Two states manage one object"]


def test_one_state_alone_is_told_nothing(teams):
    one = teams.team("a", group("one") + collection())
    done(one.apply())
    teams.tenant.put("tiny_group", name="stray")
    outcome = done(one.apply())
    assert not outcome.diagnostics
    assert teams.groups == ["one"]


def test_without_a_registry_exclusive_is_refused_with_its_override(teams):
    """Other states on the tenant could not say what they manage."""
    one = teams.team("a", group("one") + collection())
    with one._session(None) as (_, session):
        request = session.request(session.backend.load(), Options())
        planned, seen = session.plan(replace(request, claims=None))
    text = planned.diagnostics.errors[0].detail
    override = '-allow-unregistered=\'collection "tiny_group" "all"\''
    assert text.endswith(override)
    allowed = Options(allow_unregistered=('collection "tiny_group" "all"',))
    again = plan(replace(request, claims=None, options=allowed, snapshot=seen))
    assert not again.diagnostics.has_errors


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ({}, {}, True),
        ({"repository": "a"}, {}, True),
        ({"repository": "a"}, {"repository": "a"}, True),
        ({"repository": "a"}, {"repository": "b"}, False),
        ({"repository": "a"}, {"owner": "x"}, True),
    ],
)
def test_scopes_overlap_unless_an_attribute_tells_them_apart(one, other, overlap):
    made = [ExclusiveClaim(lineage="l", tenant="t", type="k", within=item) for item in (one, other)]
    assert made[0].overlaps(made[1]) is overlap
    assert made[1].overlaps(made[0]) is overlap


def test_a_new_state_that_has_nothing_to_do_claims_under_a_lineage_that_stays(teams):
    """The next apply is the same state's."""
    one = teams.team("a", collection())
    done(one.apply())
    done(one.apply())
    assert one.state.lineage == teams.claims.claims[0].lineage
    assert one.state.serial == 0
