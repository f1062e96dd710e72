"""An age file climbs the desired-state ladder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from perimeter.sdk import Direction, Transition
from perimeter.testing import ladder as steps
from perimeter.testing.ladder import Ladder
from tests.providers.age.conftest import KIND, Key, Place, delivery


def ladder_of(place: Place) -> Ladder:
    def noted(name: str, value: object) -> None:
        beside = place.file.with_name("billing.age.json")
        beside.write_text(json.dumps({**json.loads(beside.read_text()), name: value}))

    return Ladder(
        kind=KIND,
        address="age_file.this",
        steps=(
            place.block(place.one),
            place.block(place.one, place.two),
            place.block(place.two, more="armor = true"),
        ),
        tamper={
            "recipients": lambda _: noted("recipients", [Key().public]),
            "armor": lambda _: noted("armor", False),
        },
        untampered={"path": "it is its name"},
        import_id=lambda held: held.id,
        remove=lambda _: place.file.unlink(),
    )


def test_the_ladder(place: Place) -> None:
    """Each step reads back, drift is repaired, lists find it, removal removes it with what is beside it."""
    workspace, ladder = place.workspace(), ladder_of(place)
    steps.climb(workspace, ladder)
    assert place.two.opens(place.file) == ""
    with pytest.raises(Exception, match="No matching keys"):
        place.one.opens(place.file)
    steps.drift(workspace, ladder)
    steps.listed(workspace, ladder)
    steps.comes_back(workspace, ladder)
    steps.removed(workspace, ladder, 'output "x" {\n  value = 1\n}\n')
    assert list(place.file.parent.iterdir()) == []


def test_an_import_into_an_empty_state(place: Place, tmp_path: Path) -> None:
    """The files travel with the configuration, as in version control."""
    workspace, ladder = place.workspace(), ladder_of(place)
    steps.climb(workspace, ladder)
    shutil.copytree(place.file.parent, tmp_path / "other" / "secrets")
    steps.imported(workspace, ladder, tmp_path / "other")


def test_a_file_that_somebody_else_made_is_imported(place: Place) -> None:
    """Who can read it is not visible until the first delivery; nothing is overwritten before."""
    place.file.parent.mkdir()
    import pyrage

    place.file.write_bytes(pyrage.encrypt(b"theirs", [place.two.secret.to_public()]))
    workspace = place.workspace()
    workspace.write(place.block(place.one))
    refused = workspace.apply()
    assert any("import" in text for text in refused.errors), refused.errors
    workspace.write('import {\n  to = age_file.this\n  id = "secrets/billing.age"\n}\n', "i.hcl")
    outcome = workspace.apply()
    assert outcome.errors == []
    assert place.two.opens(place.file) == "theirs"
    KIND.sink.deliver(place.writer(), delivery("ours", "t-1"))
    assert place.one.opens(place.file) == "ours"
    assert workspace.plan().plan.active == ()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("../x.age", "allow_outside"),
        ("/tmp/x.age", "allow_outside"),
        ("./x.age", "shortest"),
        ("a//x.age", "shortest"),
        ("x.txt", "end in .age"),
        ("secrets/.age", "end in .age"),
    ],
)
def test_paths_stay_inside(place: Place, path: str, says: str) -> None:
    """A path that leads out, or that has two forms, is refused before anything is written."""
    workspace = place.workspace()
    workspace.write(place.block(place.one, path=path))
    outcome = workspace.apply()
    told = [*outcome.errors, *_failures(outcome)]
    assert any(says in text for text in told), told
    assert not list(place.directory.parent.glob("*.age"))


def test_a_link_to_elsewhere_is_not_followed(place: Place, tmp_path: Path) -> None:
    """Neither a folder that is one nor the file itself."""
    (tmp_path / "elsewhere").mkdir()
    (place.directory / "secrets").symlink_to(tmp_path / "elsewhere")
    workspace = place.workspace()
    workspace.write(place.block(place.one))
    outcome = workspace.apply()
    assert any("allow_outside" in t for t in [*outcome.errors, *_failures(outcome)])
    assert list((tmp_path / "elsewhere").iterdir()) == []
    workspace.write('provider "age" {\n  allow_outside = true\n}\n', "p.hcl")
    assert workspace.apply().errors == []
    assert place.one.opens(tmp_path / "elsewhere" / "billing.age") == ""


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("AGE-SECRET-KEY-1QQQQ", "secret key"),
        ("age1yubikey1qqqq", "plugin"),
        ("mallory", "SSH"),
    ],
)
def test_what_is_no_recipient_is_refused_while_planning(
    place: Place, given: str, says: str
) -> None:
    """A secret key in the configuration most of all."""
    workspace = place.workspace()
    workspace.write(
        f'resource "age_file" "this" {{\npath = "a.age"\nrecipients = ["{given}"]\n}}\n'
    )
    assert any(says in text for text in workspace.plan().errors)


def test_who_reads_more_widens() -> None:
    """Judged by recipients in one form."""
    key, other = Key().public, Key().public
    ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL"

    def judged(before: list[str] | None, after: list[str] | None) -> Direction:
        was = None if before is None else {"recipients": before}
        will = None if after is None else {"recipients": after}
        return KIND.direction(Transition(before=was, after=will))

    assert judged(None, [key]) is Direction.WIDENS
    assert judged([key], [key, other]) is Direction.WIDENS
    assert judged([key, other], [key]) is Direction.NARROWS
    assert judged([key], [other]) is Direction.WIDENS
    assert judged([f"{ssh} me@here"], [ssh]) is Direction.NEUTRAL
    assert judged([key], None) is Direction.NARROWS


def _failures(outcome) -> list[str]:
    return [item.text for item in outcome.applied.results] if outcome.applied else []
