"""``claims list`` and ``claims release``: what states tell each other, for people."""

import json

import pytest

from perimeter.state.claims import ExclusiveClaim, amend
from perimeter.state.local import LocalBackend


@pytest.fixture
def claimed(cli):
    cli.write('resource "perimeter_data" "a" {}\n')
    made = ExclusiveClaim(
        lineage="l-1",
        tenant="4242",
        type="github_deploy_key",
        within={"repository": "api"},
        collection='collection "github_deploy_key" "all"',
    )

    def change(claims):
        objects = {"4242": {"github_deploy_key": ("17",)}}
        taken = claims.claiming("l-1", "s3://b/team-a", [made], "2026-01-02T03:04:05Z")
        return taken.managing("l-1", "s3://b/team-a", objects, "2026-01-02T03:04:05Z")

    amend(LocalBackend().registry(), change)
    return cli


def test_nothing_is_listed_where_nothing_is_shared(cli):
    cli.write('resource "perimeter_data" "a" {}\n')
    assert cli.ok("claims", "list") == "No state has claimed or managed anything here yet.\n"


def test_the_list_names_who_claims_what_since_when(claimed):
    assert claimed.ok("claims", "list") == (
        "s3://b/team-a  1 object  lineage l-1\n"
        '  collection "github_deploy_key" "all"  claims github_deploy_key of tenant 4242 within repository = "api", '
        "since 2026-01-02T03:04:05Z\n"
    )
    found = json.loads(claimed.ok("claims", "list", "-json"))
    assert [item["lineage"] for item in found["states"]] == ["l-1"]
    assert [item["within"] for item in found["claims"]] == [{"repository": "api"}]


def test_a_release_asks_first_and_strikes_the_state(claimed):
    assert claimed("claims", "release", "l-1").code == 1
    assert "l-1" in claimed.ok("claims", "list")
    out = claimed.ok("claims", "release", "-force", "l-1")
    assert out == "The claims of s3://b/team-a have been released.\n"
    assert "No state" in claimed.ok("claims", "list")


def test_a_lineage_that_takes_no_part_is_told(claimed):
    result = claimed("claims", "release", "-force", "l-2")
    assert result.code == 1
    assert "No such state" in result.err


def test_a_damaged_registry_is_named(claimed):
    (claimed.directory / "perimeter.registry.json").write_text("{")
    result = claimed("claims", "list")
    assert result.code == 1
    assert "Truncated registry" in result.err or "Damaged registry" in result.err
