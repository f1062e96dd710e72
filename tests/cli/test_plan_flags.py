"""Flags of plan, apply, destroy, show and output."""

import json
import subprocess
import sys

import pytest

from tests.providers.github.world import OWNER, seed, world_of

TWO = """
variable "word" {
  sensitive = true
  default   = "hush-hush-hush"
}
resource "perimeter_data" "a" { input = "one" }
resource "perimeter_data" "b" { input = perimeter_data.a.id }
resource "perimeter_data" "c" { input = var.word }
output "word" {
  value     = var.word
  sensitive = true
}
output "open" { value = "seen" }
"""


def stream(text):
    return [json.loads(line) for line in text.splitlines()]


def test_excluding(cli):
    """The warning names the flag; files hold addresses; both together are refused."""
    cli.write(TWO)
    out = cli.ok("plan", "-exclude=perimeter_data.a")
    assert "creating a plan with the -exclude option" in out
    assert "# perimeter_data.c will be created" in out
    assert "perimeter_data.a" not in out
    assert "perimeter_data.b" not in out
    cli.write("# what is not ready\n\n  perimeter_data.a\nperimeter_data.c\n", "left-out.txt")
    assert "will be created" not in cli.ok("plan", "-exclude-file=left-out.txt")
    both = cli.ok("plan", "-target-file=left-out.txt")
    assert "Plan: 2 to add" in both
    assert "creating a plan with the -target option" in both
    refused = cli("plan", "-exclude=perimeter_data.a", "-target=perimeter_data.b")
    assert refused.code == 1
    assert "Invalid combination of arguments" in refused.err


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("-exclude=perimeter_data", 'Invalid exclude "perimeter_data"'),
        ("-exclude-file=nowhere.txt", "nowhere.txt cannot be read: No such file or directory."),
        ("-target-file=main.hcl", 'Invalid target "variable'),
        ("-target-file=empty.txt", "empty.txt names no address"),
    ],
)
def test_addresses_that_are_none(cli, flag, said):
    """Each is named."""
    cli.write(TWO)
    cli.write("# nothing\n", "empty.txt")
    refused = cli("plan", flag)
    assert refused.code == 1
    assert said in refused.err


@pytest.mark.parametrize("other", ["-refresh-only", "-refresh=false"])
def test_one_rule_for_reading(cli, other):
    """-minimal-refresh contradicts the others."""
    cli.write(TWO)
    refused = cli("plan", "-minimal-refresh", other)
    assert refused.code == 1
    assert "Incompatible refresh options" in refused.err
    assert "Plan: 3 to add" in cli.ok("plan", "-minimal-refresh")


def test_text_and_stream_at_once(cli):
    """The file holds what -json prints; problems are in both; -json as well is refused."""
    cli.write(TWO)
    out = cli.ok("apply", "-auto-approve", "-json-into=events.jsonl")
    assert "Apply complete!" in out
    found = stream((cli.directory / "events.jsonl").read_text())
    kinds = [item["type"] for item in found]
    assert kinds[0] == "version"
    assert kinds.count("planned_change") == 3
    assert kinds.count("apply_complete") == 3
    assert kinds[-1] == "outputs"
    assert found[-1]["outputs"]["open"]["value"] == "seen"
    assert "value" not in found[-1]["outputs"]["word"]
    assert "hush-hush-hush" not in out + json.dumps(found)
    cli.write("resource {}\n")
    failed = cli("plan", "-json-into=events.jsonl")
    assert failed.code == 1
    assert "Missing type for resource" in failed.err
    told = stream((cli.directory / "events.jsonl").read_text())
    assert [item["diagnostic"]["severity"] for item in told[1:]] == ["error"] * (len(told) - 1)
    assert len(told) > 1
    assert cli("plan", "-json", "-json-into=x").code == 1
    assert "nowhere/x" in cli("plan", "-json-into=nowhere/x").err


def process(cli, *arguments):
    """A process of its own: what one run has learned to redact, the next does not know."""
    command = "from perimeter.cli.main import run; raise SystemExit(run())"
    done = subprocess.run(
        [sys.executable, "-c", command, *arguments],
        cwd=cli.directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done
    return done.stdout


WORD = "hush-hush-hush"


def test_sensitive_values_are_shown_on_demand_only(cli):
    """In plans (saved ones, too), states and outputs."""
    cli.write(TWO)
    shown = "-show-sensitive"
    assert WORD not in process(cli, "plan", "-out=p")
    assert f'input = "{WORD}"' in " ".join(process(cli, "plan", shown).split())
    assert WORD not in process(cli, "show", "p")
    assert process(cli, "show", shown, "p").count(WORD) == 2
    applied = process(cli, "apply", "-auto-approve")
    assert "word = <sensitive>" in applied
    assert WORD not in applied + process(cli, "show") + process(cli, "output")
    assert process(cli, "show", shown).count(f'"{WORD}"') == 3
    assert f'word = "{WORD}"' in process(cli, "output", shown)
    assert f'word = "{WORD}"' in process(cli, "apply", "-auto-approve", shown)
    told = stream(process(cli, "apply", "-auto-approve", "-json", shown))
    assert told[-1]["outputs"]["word"]["value"] == WORD


def test_showing_one_thing(cli):
    """A plan by flag, the configuration for programs; never two things."""
    cli.write(TWO)
    cli.ok("plan", "-out=p")
    assert cli.ok("show", "-plan=p") == cli.ok("show", "p")
    data = json.loads(cli.ok("show", "-config", "-json"))
    assert data["format_version"] == "1.0"
    assert [item["address"] for item in data["configuration"]["root_module"]["resources"]] == [
        "perimeter_data.a",
        "perimeter_data.b",
        "perimeter_data.c",
    ]
    cli.write('variable "x" {}\n', "other/main.hcl")
    other = json.loads(cli.ok("show", "-module=other", "-json"))
    assert list(other["configuration"]["root_module"]["variables"]) == ["x"]
    for wrong in (["-config"], ["-config", "-json", "p"], ["-plan=p", "p"]):
        assert cli("show", *wrong).code == 1


def test_like_warnings_are_told_once(cli):
    """With the number of the others; -consolidate-warnings=false tells each, -consolidate-errors does it for errors."""
    text = 'module "m{0}" {{\n  source = "./m"\n  old    = "x"\n}}\n'
    cli.write("".join(text.format(number) for number in range(3)))
    cli.write('variable "old" {\n  default    = null\n  deprecated = "Use new."\n}\n', "m/main.hcl")
    cli.ok("init")
    out = cli.ok("plan")
    assert out.count("Warning: Variable marked as deprecated") == 1
    assert "(and 2 more similar warnings elsewhere)" in out
    assert cli.ok("plan", "-consolidate-warnings=false").count("Warning: Variable marked") == 3
    assert "(and 2 more)" in cli.ok("plan", "-compact-warnings")
    cli.write("".join(f'resource "perimeter_dat" "r{n}" {{}}\n' for n in range(3)))
    assert cli("plan").err.count("Error: Invalid resource type") == 3
    assert cli("plan", "-consolidate-errors").err.count("Error: Invalid resource type") == 1


def test_where_states_go(cli):
    """A backup of the old state, a new file for the new one; nothing is overwritten."""
    cli.write(TWO)
    cli.ok("apply", "-auto-approve")
    before = (cli.directory / "perimeter.state.json").read_bytes()
    cli.write(TWO.replace('"one"', '"two"'))
    cli.ok("apply", "-auto-approve", "-state-out=new.json", "-backup=old.json")
    assert (cli.directory / "perimeter.state.json").read_bytes() == before
    shown = json.loads(cli.ok("show", "-json", "-state=new.json"))
    old = json.loads(cli.ok("show", "-json", "-state=old.json"))

    def inputs(data):
        return [item["values"]["input"] for item in data["values"]["root_module"]["resources"]]

    assert inputs(shown)[0] == "two"
    assert inputs(old)[0] == "one"
    refused = cli("apply", "-auto-approve", "-state-out=new.json")
    assert refused.code == 1
    assert "State file exists already" in refused.err


def test_what_a_saved_plan_has_settled(cli):
    """Flags that would say otherwise are refused."""
    cli.write(TWO)
    cli.ok("plan", "-out=p", "-exclude=perimeter_data.b")
    for flag in ("-exclude=perimeter_data.a", "-minimal-refresh", "-target-file=main.hcl"):
        refused = cli("apply", flag, "p")
        assert refused.code == 1
        assert "A saved plan is already decided" in refused.err
    assert "2 added" in cli.ok("apply", "p")


def test_large_plans_are_sampled_for_people_only(cli):
    """Five thousand changes: some of each kind, how many there are, where all of them are; JSON has all."""
    cli.write('resource "perimeter_data" "a" {\n  count = 5000\n  input = count.index\n}\n')
    out = cli.ok("plan", "-out=p")
    assert out.count("will be created") < 20
    assert "4,995 more perimeter_data will be created, not shown here" in out
    assert "5,000 changes are planned; a sample is shown." in out
    assert "Plan: 5,000 to add, 0 to change, 0 to destroy." in out
    assert len(json.loads(cli.ok("show", "-json", "p"))["resource_changes"]) == 5000
    kinds = [item["type"] for item in stream(cli.ok("plan", "-json"))]
    assert kinds.count("planned_change") == 5000


@pytest.fixture
def world(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_TOKEN", OWNER)
    with world_of(seed(), tmp_path) as it:
        cli.write(
            f'provider "github" {{\n  organization = "acme"\n  base_url = "{it.sandbox.url("github")}"\n}}\n'
        )
        yield it


IMPORT = """
import {
  to = github_organization_webhook.siem
  id = "601"
}
"""


def test_configuration_for_imports_is_generated_and_planned(cli, world):
    """The block has the import's name; the plan imports it unchanged, and its JSON tells what was written."""
    cli.write(IMPORT, "imports.hcl")
    missing = cli("plan")
    assert "Configuration for import target does not exist" in missing.err
    out = cli.ok("plan", "-generate-config-out=generated.hcl", "-out=p")
    assert "Configuration for 1 object written to generated.hcl" in out
    assert "# github_organization_webhook.siem will be imported" in out
    assert "# (its configuration was generated)" in out
    assert "Plan: 1 to import, 0 to add, 0 to change, 0 to destroy." in out
    text = (cli.directory / "generated.hcl").read_text()
    assert 'resource "github_organization_webhook" "siem" {' in text
    assert "import {" not in text
    changes = json.loads(cli.ok("show", "-json", "p"))["resource_changes"]
    assert changes[0]["change"]["importing"] == {"id": "601"}
    assert (
        'resource "github_organization_webhook" "siem"' in changes[0]["change"]["generated_config"]
    )
    cli.ok("apply", "p")
    assert "No changes." in cli.ok("plan")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (IMPORT.replace("601", "999"), "Cannot import non-existent object"),
        (
            IMPORT.replace("_webhook.siem", "_webhok.siem"),
            'Did you mean "github_organization_webhook"',
        ),
        (IMPORT.replace(".siem", '.siem["a"]'), "Configuration cannot be generated"),
        (IMPORT.replace("github_organization_webhook", "okta_app"), 'has no provider "okta"'),
    ],
)
def test_what_cannot_be_generated(cli, world, text, said):
    """Each is said, and no file is left."""
    cli.write(text, "imports.hcl")
    refused = cli("plan", "-generate-config-out=generated.hcl")
    assert refused.code == 1
    assert said in " ".join(refused.err.split())
    assert not (cli.directory / "generated.hcl").exists()


def test_generated_configuration_goes_to_a_new_file_of_the_module(cli, world):
    """Otherwise the plan could not contain it."""
    cli.write(IMPORT, "imports.hcl")
    assert "exists" in cli("plan", "-generate-config-out=imports.hcl").err
    assert "generated.hcl" in cli("plan", "-generate-config-out=/tmp/x.hcl").err
    assert "generated.hcl" in cli("plan", "-generate-config-out=x.tf").err


def test_concise_says_nothing_of_the_reading(cli, world):
    """Results only."""
    assert cli("plan").err.startswith("Reading github")
    assert cli("plan", "-concise").err == ""
