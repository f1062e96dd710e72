"""JSON that Terraform and perimeter print for the same configurations, in one run: the same members, types and values.

What differs on purpose is listed, with the reason; anything else that differs fails.
"""

import fnmatch
import json
import re
import shutil

import pytest

from tests.cli.shapes import (
    CASES,
    MISSING,
    Perimeter,
    Terraform,
    differences,
    documents,
    messages,
    plain,
)

pytestmark = pytest.mark.skipif(
    shutil.which("terraform") is None, reason="terraform is not installed"
)

OURS = "only perimeter knows it"
ON_PURPOSE = {
    ".perimeter_version": "each tool has its own versions",
    ".prior_state.perimeter_version": "each tool has its own versions",
    "*.schema_version": "the type's own: terraform_data begins at 0, perimeter_data at 1",
    ".resource_changes[[][]].*": OURS,
    "*.resources[[][]].*": OURS,
    ".fingerprint": OURS,
    ".removals": OURS,
    ".steps": OURS,
    ".tenants": OURS,
    ".manual_steps": OURS,
    ".rotations": OURS,
    ".directions": OURS,
    ".direction": OURS,
    ".undeclared": OURS,
    ".not_visible": OURS,
    ".gone": OURS,
    ".credential_ages": OURS,
    ".requests": OURS,
    "*.diagnostic.address": OURS,
    "[[][]].changes.action_invocation": "in Terraform since 1.14",
    ".relevant_attributes": "perimeter does not work out which attributes led to a change",
    ".planned_values.*.sensitive_values.*": "Terraform knows the type of what is not known yet",
    ".resource_changes[[][]].change.after_sensitive.*": "Terraform knows the type of what is not known yet",
    ".prior_state": "Terraform puts outputs into a state that is empty yet",
    ".variables": "sensitive variables are in no plan",
    ".configuration.root_module.variables.hush.default": "nor are their defaults",
    ".configuration.root_module.variables.names.default.*": "a default is shown as it is written",
    ".checks": "state keeps no results of checks",
    "*.diagnostic.snippet.values": "a check's diagnostic does not repeat the values",
}
ADDED = {OURS, "in Terraform since 1.14"}


def test_the_streams_begin_alike(cli, tmp_path):
    """The version message differs in nothing but the versions."""
    mine = Perimeter(cli)
    mine.write('resource "terraform_data" "a" {}\n')
    theirs = Terraform(tmp_path)
    theirs.write('resource "terraform_data" "a" {}\n')
    theirs("init")
    first = [plain(_lines(tool("plan", "-json")[1])[0]) for tool in (theirs, mine)]
    assert first[0].keys() == first[1].keys()
    assert first[0]["ui"] == first[1]["ui"]


def _lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_the_same_schemas(cli, tmp_path):
    """Types of attributes and functions of the builtin provider; ours tells more."""
    text = 'resource "terraform_data" "a" {}\n'
    mine, theirs = Perimeter(cli), Terraform(tmp_path)
    found = []
    for tool in (theirs, mine):
        tool.write(text)
        tool("init")
        data = json.loads(tool("providers", "schema", "-json")[1])
        assert data["format_version"] == "1.0"
        (schemas,) = plain(data)["provider_schemas"].values()
        found.append(schemas)
    odd = [
        (path, one, other)
        for path, one, other in differences(*found)
        if one is not MISSING
        and not path.endswith((".description", ".description_kind", ".summary", ".version"))
        and not (path.startswith(".functions.") and path.endswith(".name"))
    ]
    assert not odd


@pytest.mark.parametrize("name", CASES)
def test_the_same_json(cli, tmp_path, name):
    """Everything a case prints, but for what differs on purpose."""
    theirs_dir = tmp_path / "terraform"
    theirs_dir.mkdir()
    case = CASES[name]
    theirs = documents(Terraform(theirs_dir), case)
    ours = documents(Perimeter(cli), case)
    assert ours.keys() == theirs.keys()
    odd = []
    for what, (code, data) in theirs.items():
        our_code, our_data = ours[what]
        assert our_code == code, what
        odd += [(what, *found) for found in _odd(what, plain(data), plain(our_data))]
    assert not odd


def _odd(what, theirs, ours):
    if "events" in what:
        # Terraform drops a change whose precondition fails; perimeter shows what it refuses.
        refused = any(item["type"] == "change_summary" for item in theirs) and any(
            item.get("diagnostic", {}).get("severity") == "error" for item in theirs
        )
        if refused:
            left_out = ("planned_change", "change_summary")
            theirs = [item for item in theirs if item["type"] not in left_out]
            ours = [item for item in ours if item["type"] not in left_out]
        theirs, ours = messages(theirs[1:]), messages(ours[1:])
        assert [item["type"] for item in ours] == [item["type"] for item in theirs], what
    if "validate" in what:
        for data in (theirs, ours):
            data["diagnostics"].sort(key=lambda item: item["range"]["start"]["byte"])
    for path, one, other in differences(theirs, ours):
        if not _on_purpose(what, path, one, other):
            yield path, one, other


def _on_purpose(what, path, one, other):
    if (
        path.endswith(("diagnostic.detail", ".detail"))
        and one is not MISSING
        and other is not MISSING
    ):
        # Advice names each tool's own commands.
        return _words(one)[:6] == _words(other)[:6]
    if "planned_values.root_module.resources" in path and other is MISSING:
        # What is forgotten is no planned value, though Terraform 1.11 lists it without any.
        return all("values" not in item for item in one)
    reasons = [why for pattern, why in ON_PURPOSE.items() if fnmatch.fnmatchcase(path, pattern)]
    if any(why in ADDED for why in reasons) and one is MISSING:
        return True
    return any(why not in ADDED for why in reasons)


def _words(text):
    return re.findall(r"\w+", text)
