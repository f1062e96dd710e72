"""Each guard refuses, can be configured, and prints the exact words that the documentation gives for it."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from perimeter.engine.model import Options
from perimeter.sdk import Administrator, Forbidden
from perimeter.testing.workspace import Workspace
from tests.lockout.okta_org import ADMINS, GLASS, SECOND, STAFF, Case, edge, find, org_of
from tests.tiny.provider import TinyProvider
from tests.tiny.tenant import TinyTenant

ROOT = Path(__file__).parents[2]
GROUPS = 'resource "tiny_group" "g" {{\n  for_each = toset([{names}])\n  name = each.key\n}}\n'


@pytest.fixture
def tiny(tmp_path: Path) -> SimpleNamespace:
    """A workspace over a small vendor."""
    tenant = TinyTenant()
    provider = TinyProvider(tenant)
    work = Workspace(directory=tmp_path / "work", providers={"tiny": provider})
    return SimpleNamespace(tenant=tenant, provider=provider, work=work)


def groups(count: int, more: str = "") -> str:
    """So many groups."""
    return GROUPS.format(names=", ".join(f'"g{number}"' for number in range(count))) + more


def limits(**arguments: int) -> str:
    """A collection block with limits."""
    lines = "".join(f"  {name} = {value}\n" for name, value in arguments.items())
    return f'collection "tiny_group" "all" {{\n{lines}}}\n'


def errors(tiny: SimpleNamespace, text: str, **options: object) -> list[str]:
    """What a plan refuses."""
    tiny.work.write(text)
    return tiny.work.plan(Options(**options)).errors


def made(tiny: SimpleNamespace, count: int) -> None:
    """So many groups, managed."""
    tiny.work.write(groups(count))
    outcome = tiny.work.apply()
    assert not outcome.errors


def test_the_share_counts_from_a_population_on(tiny: SimpleNamespace) -> None:
    """By default more than 30 % of 10 or more."""
    made(tiny, 10)
    assert errors(tiny, groups(7)) == []
    (refused,) = errors(tiny, groups(6))
    assert "4 of the 10 tiny_group objects" in refused
    assert refused.endswith("To go ahead regardless: -allow-mass-change=tiny_group")
    assert errors(tiny, groups(6), allow_mass_change=("tiny_group",)) == []
    assert errors(tiny, groups(6), allow_mass_change=("tiny_other",)) != []


@pytest.mark.parametrize(
    ("arguments", "left", "refused"),
    [
        ({"max_removals": 1}, 8, True),
        ({"max_removals": 2}, 8, False),
        ({"max_removal_percent": 10}, 8, True),
        ({"max_removal_percent": 50}, 5, False),
        ({"max_removal_percent": 0, "min_population": 11}, 8, False),
        ({"max_removal_percent": 100}, 0, False),
        ({"min_population": 5, "max_removal_percent": 20}, 7, True),
        ({"max_removals": 0}, 9, True),
    ],
)
def test_a_collection_sets_its_own_limits(
    tiny: SimpleNamespace, arguments: dict[str, int], left: int, refused: bool
) -> None:
    """Count, percentage and minimum population."""
    made(tiny, 10)
    found = errors(tiny, groups(left, limits(**arguments)))
    assert bool(found) is refused, found
    if refused:
        assert "-allow-mass-change=tiny_group" in found[0]


@pytest.mark.parametrize("value", ["-1", "101", '"x"', "1.5"])
def test_a_limit_that_is_none_is_named(tiny: SimpleNamespace, value: str) -> None:
    """It is a whole number."""
    text = f'collection "tiny_group" "all" {{\n  max_removal_percent = {value}\n}}\n'
    assert "Invalid collection limit" in errors(tiny, text)[0]


def test_max_destroy(tiny: SimpleNamespace) -> None:
    """Counted over the whole plan; the message names the number that would do."""
    made(tiny, 3)
    (refused,) = errors(tiny, groups(1), max_destroy=1)
    assert refused.endswith("-max-destroy=2")
    assert errors(tiny, groups(1), max_destroy=2) == []


def test_the_minimum_of_administrators(tiny: SimpleNamespace) -> None:
    """Two must stay able, where the block says so."""
    people = [
        Administrator(id=name, login=name, factors=factor)
        for name, factor in (("a", True), ("b", False), ("c", True))
    ]
    tiny.tenant.administrators = people
    settings = 'resource "tiny_settings" "s" {\n  mfa = true\n}\n'
    block = 'break_glass "tiny" {{\n  users = []\n  minimum_administrators = {}\n}}\n'
    assert errors(tiny, settings + block.format(2)) == []
    assert "2 of the 3 accounts" in errors(tiny, settings + block.format(3))[0]
    assert "Invalid break_glass block" in errors(tiny, settings + block.format(0))[0]


def test_a_break_glass_account_that_is_none_is_told(tiny: SimpleNamespace) -> None:
    """It would be no help in an emergency."""
    tiny.tenant.administrators = [Administrator(id="a", login="a", factors=True)]
    tiny.work.write(
        'resource "tiny_settings" "s" {\n  mfa = true\n}\n'
        'break_glass "tiny" {\n  users = ["typo"]\n}\n'
    )
    outcome = tiny.work.plan()
    assert outcome.errors == []
    assert any("typo cannot sign in" in item.detail for item in outcome.diagnostics)


def test_an_owner_who_changed_keeps_an_object(tmp_path: Path) -> None:
    """The token was taken over by somebody else after the plan: it is not revoked."""
    token = (
        'resource "okta_api_token" "t" {\n  name = "export"\n}\n'
        'import {\n  to = okta_api_token.t\n  id = "00Tother"\n}\n'
    )
    with org_of(Case(name="owner", then="", adopt=token), tmp_path) as org:
        org.adopt()
        org.workspace.write("")

        def meanwhile() -> None:
            org.vendor._tenant.api_tokens["00Tother"]["userId"] = GLASS

        outcome = org.workspace.apply(between=meanwhile)
        assert outcome.applied is not None
        (result,) = outcome.applied.results
        assert result.status == "failed"
        assert "owner since the plan. It was not removed" in result.text
        assert "00Tother" in org.vendor._tenant.api_tokens


def test_another_object_of_the_same_name_is_left_alone(tmp_path: Path) -> None:
    """What was deleted and made anew by somebody has another id, and stays."""
    adopted = (
        'resource "okta_group" "g" {\n  name = "Staff"\n}\n'
        f'import {{\n  to = okta_group.g\n  id = "{STAFF}"\n}}\n'
    )
    with org_of(Case(name="identity", then="", adopt=adopted), tmp_path) as org:
        org.adopt()
        org.workspace.write("")

        def meanwhile() -> None:
            held = org.vendor._tenant.groups
            held["00ganew"] = {**held.pop(STAFF), "id": "00ganew"}

        outcome = org.workspace.apply(between=meanwhile)
        assert outcome.applied is not None
        assert "00ganew" in org.vendor._tenant.groups


# The documentation ----------------------------------------------------------------------------------------------------


def refusals(tiny: SimpleNamespace, tmp_path: Path) -> dict[str, str]:
    """By message, the flag that it prints: from each guard, made to refuse."""
    found: dict[str, str] = {}

    def note(outcome: object) -> None:
        for item in outcome.diagnostics.errors:  # type: ignore[attr-defined]
            flag = re.search(r"To go ahead[^:]*: (-[a-z-]+)=\S", item.detail)
            if flag:
                found[item.summary] = flag[1]

    made(tiny, 10)
    tiny.work.write(groups(1))
    note(tiny.work.plan(Options(max_destroy=1)))
    settings = 'resource "tiny_settings" "s" {\n  mfa = true\n}\n'
    tiny.work.write(groups(10) + settings)
    for people in (
        [Administrator(id="a", login="a", factors=False)],
        [
            Administrator(id="a", login="a", factors=False, caller=True),
            Administrator(id="b", login="b", factors=True),
        ],
    ):
        tiny.tenant.administrators = people
        note(tiny.work.plan())

    class Blind(TinyProvider):
        def administrators(self, reader: object, tenant: object) -> tuple[Administrator, ...]:
            raise Forbidden("Not you.", needs="tiny.admins.read")

    blind = Workspace(directory=tmp_path / "blind", providers={"tiny": Blind(tiny.tenant)})
    blind.write(settings)
    note(blind.plan())
    return found


def documented() -> dict[str, str]:
    """The table of docs/safety.md."""
    text = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
    row = r"^\| `([^`]+)` \|[^|]*\| `(-[a-z-]+)=[A-Z]+` \|$"
    return dict(re.findall(row, text, re.MULTILINE))


def test_each_guard_is_documented_with_its_override(tiny: SimpleNamespace, tmp_path: Path) -> None:
    """Message for message and flag for flag, both ways."""
    run = refusals(tiny, tmp_path)
    assert len(run) == 5
    table = documented()
    assert {message: table.get(message) for message in run} == run
    others = {message: flag for message, flag in table.items() if message not in run}
    sources = [
        path.read_text(encoding="utf-8") for path in (ROOT / "perimeter" / "engine").rglob("*.py")
    ]
    for message, flag in others.items():
        assert any(f'"{message}"' in text and flag in text for text in sources), message


def test_no_override_is_left_out_of_the_documentation() -> None:
    """Every flag that lets a guard pass stands in the table."""
    text = (ROOT / "perimeter" / "cli" / "flags.py").read_text(encoding="utf-8")
    flags = set(re.findall(r'values?\(\s*"(allow-[a-z-]+|max-destroy)"', text))
    assert {f"-{name}" for name in flags} == set(documented().values())


def test_overrides_are_printed_as_a_shell_takes_them(tmp_path: Path) -> None:
    """An object that nothing declares is named by type and label, in quotes."""
    case = Case(
        name="undeclared",
        changes=(
            lambda made: made["roles"].pop(GLASS),
            lambda made: find(made, "groups", ADMINS)["users"].append(GLASS),
        ),
        then=edge(ADMINS, SECOND, there=True)
        + 'collection "okta_group_membership" "admins" {\n  mode = "exclusive"\n'
        f'  within = {{ group = "{ADMINS}" }}\n}}\n',
    )
    with org_of(case, tmp_path) as org:
        ran = org.run()
        (error,) = ran.outcome.errors
        printed = error.rpartition("-allow-lockout=")[2]
        assert printed == f"'okta_group_membership \"glass@acme.example\" in {ADMINS}'"
        org.workspace.write(case.then)
        assert not org.workspace.plan(Options(allow_lockout=(printed.strip("'"),))).errors
