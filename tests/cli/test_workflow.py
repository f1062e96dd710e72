"""Plan, apply, show, destroy: with objects that live in state only."""

import json
import stat

import pytest

CONFIG = """
variable "v" {
  type    = number
  default = 1
}
variable "token" {
  type      = string
  sensitive = true
  default   = "s3cret-workflow-token"
}
resource "perimeter_data" "a" {
  input = { v = var.v, token = var.token }
}
resource "perimeter_data" "b" {
  count = 2
  input = perimeter_data.a.id
}
output "v" {
  value = var.v
}
output "hidden" {
  value     = var.token
  sensitive = true
}
"""


@pytest.fixture
def applied(cli):
    cli.write(CONFIG)
    cli.ok("init")
    cli.ok("apply", "-auto-approve")
    return cli


def test_init_is_repeatable_and_locks_providers(cli):
    """A second run changes nothing; a changed lock is noticed; readonly refuses to write."""
    cli.write(CONFIG)
    assert "lockfile=readonly" in cli("init", "-lockfile=readonly").err
    assert "successfully initialized" in cli.ok("init")
    lock = cli.directory / ".perimeter.lock.hcl"
    text = lock.read_text()
    assert 'provider "perimeter" {' in text
    assert (cli.directory / ".perimeter").is_dir()
    cli.ok("init", "-lockfile=readonly")
    assert lock.read_text() == text
    lock.write_text(text.replace('version     = "0', 'version     = "9'))
    refused = cli("init")
    assert refused.code == 1
    assert "differs from the lock file" in refused.err
    assert "differs from the lock file" in cli("plan").err
    cli.ok("init", "-upgrade")
    assert lock.read_text() == text


def test_init_without_a_provider_says_what_is_missing(cli):
    """And with a version that does not fit, what to install."""
    cli.write('resource "nosuch_thing" "x" {}\n')
    assert "Provider nosuch is not installed" in cli("init").err
    cli.write(
        'perimeter {\n  required_providers {\n    perimeter = {\n      version = "~> 99.1"\n    }\n  }\n}\n'
        'resource "perimeter_data" "a" {}\n'
    )
    result = cli("init")
    assert "Unsuitable provider version" in result.err
    assert "perimeter-as-code~=99.1" in result.err.replace("\n", "")


def test_exit_codes_of_plan(cli):
    """0 and 2 with -detailed-exitcode, 0 without, 1 on errors."""
    cli.write(CONFIG)
    assert cli("plan").code == 0
    assert cli("plan", "-detailed-exitcode").code == 2
    cli.ok("apply", "-auto-approve")
    result = cli("plan", "-detailed-exitcode")
    assert result.code == 0
    assert "No changes. Your tenants match the configuration." in result.out
    assert cli("plan", "-var=v=x").code == 1


@pytest.mark.parametrize(
    ("answer", "done"), [("yes\n", True), ("y\n", False), ("no\n", False), ("", False)]
)
def test_only_yes_approves(cli, answer, done):
    """Anything else cancels and exits 1."""
    cli.write(CONFIG)
    result = cli("apply", typed=answer)
    assert result.code == (0 if done else 1)
    assert ("Apply complete! Resources: 3 added, 0 changed, 0 destroyed." in result.out) is done
    assert ("Apply cancelled." in result.out) is not done
    assert ("perimeter_data.a" in cli.ok("state", "list")) is done


@pytest.mark.parametrize("how", ["-input=false", "environment"])
def test_where_nobody_can_be_asked_approval_must_be_given(cli, monkeypatch, how):
    """It is refused with what to do instead."""
    cli.write(CONFIG)
    if how == "environment":
        monkeypatch.setenv("PERIMETER_INPUT", "0")
    result = cli("apply", *([how] if how != "environment" else []), typed="yes\n")
    assert result.code == 1
    assert "-auto-approve" in result.err
    assert cli.ok("state", "list") == ""


def test_sensitive_values_are_in_no_text(applied):
    """Neither in a plan, nor in state, nor in outputs, nor in diagnostics."""
    texts = [
        applied.ok("plan", "-var=v=2"),
        applied.ok("plan", "-destroy"),
        applied.ok("show"),
        applied.ok("state", "show", "perimeter_data.a"),
        applied.ok("output"),
    ]
    assert "(sensitive value)" in texts[1]
    assert "hidden = <sensitive>" in texts[4]
    for text in texts:
        assert "s3cret-workflow" not in text


def test_a_saved_plan_is_applied_exactly_or_refused(cli):
    """Only what it does not hold is given again; it fits once, and only its own configuration."""
    text = CONFIG.replace('  default   = "s3cret-workflow-token"\n', "")
    cli.write(text.replace(", token = var.token", "").partition('output "hidden"')[0])
    out = cli.ok("plan", "-out=p", "-var=token=s3cret-again", "-var=v=5")
    assert 'perimeter apply "p"' in out
    path = cli.directory / "p"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"s3cret" not in path.read_bytes()
    assert "Plan: 3 to add" in cli.ok("show", "p")
    assert "No value for required variable" in cli("apply", "p").err
    assert "settled when the plan was made" in " ".join(cli("apply", "-var=v=6", "p").err.split())
    assert "-destroy cannot be given" in cli("apply", "-destroy", "p").err
    applied = cli.ok("apply", "-var=token=s3cret-again", "p")
    assert "v = 5" in applied
    stale = cli("apply", "-var=token=s3cret-again", "p")
    assert stale.code == 1
    assert "Saved plan is stale" in stale.err
    cli.write("# changed\n", "other.hcl")
    assert (
        "Configuration differs from the plan's" in cli("apply", "-var=token=s3cret-again", "p").err
    )


def test_a_plan_file_that_is_none(cli):
    """A damaged or foreign file is named as such."""
    cli.write(CONFIG)
    (cli.directory / "bad").write_text("{}")
    assert "Not a plan" in cli("apply", "bad").err
    cli.ok("plan", "-out=p")
    text = (cli.directory / "p").read_text().replace('"create', '"delete', 1)
    (cli.directory / "p").write_text(text.replace("perimeter_data.a", "perimeter_data.z", 1))
    assert "Checksum mismatch in plan" in cli("show", "p").err


def test_machine_output(applied):
    """show -json of state and plan, output -json, the stream."""
    state = json.loads(applied.ok("show", "-json"))
    assert {r["address"] for r in state["values"]["root_module"]["resources"]} == {
        "perimeter_data.a",
        "perimeter_data.b[0]",
        "perimeter_data.b[1]",
    }
    applied.ok("plan", "-var=v=2", "-out=p")
    text = applied.ok("show", "-json", "p")
    plan = json.loads(text)
    assert plan["format_version"] == "1.2"
    assert "s3cret" not in json.dumps(plan["variables"])
    assert plan["variables"]["v"] == {"value": 2}
    assert plan["prior_state"]["values"]["outputs"]["v"]["value"] == 1
    resources = {r["name"]: r for r in plan["configuration"]["root_module"]["resources"]}
    assert resources["a"]["expressions"]["input"]["references"] == ["var.v", "var.token"]
    assert resources["b"]["expressions"]["input"]["references"] == [
        "perimeter_data.a.id",
        "perimeter_data.a",
    ]
    assert resources["b"]["count_expression"] == {"constant_value": 2}
    assert plan["configuration"]["root_module"]["variables"]["token"] == {"sensitive": True}
    outputs = json.loads(applied.ok("output", "-json"))
    assert outputs["v"] == {"sensitive": False, "type": "number", "value": 1}
    lines = applied.ok("apply", "-json", "-auto-approve", "-var=v=3").splitlines()
    kinds = [json.loads(line)["type"] for line in lines]
    assert kinds[0] == "version"
    assert {"planned_change", "apply_start", "apply_complete", "change_summary", "outputs"} <= set(
        kinds
    )
    assert not any("s3cret" in line for line in lines)
    failed = applied("plan", "-json", "-var=v=x")
    assert failed.code == 1
    last = json.loads(failed.out.splitlines()[-1])
    assert (last["type"], last["@level"]) == ("diagnostic", "error")


def test_outputs_one_by_one(applied):
    """Text, raw, JSON; by name also a sensitive one; what is missing is said."""
    assert applied.ok("output", "v") == "1\n"
    assert applied.ok("output", "-raw", "v") == "1"
    assert applied.ok("output", "-json", "v") == "1\n"
    assert applied.ok("output", "-raw", "hidden") == "s3cret-workflow-token"
    missing = applied("output", "w")
    assert missing.code == 1
    assert 'Output "w" not found' in missing.err
    assert applied("output", "-raw").code == 1


def test_outputs_of_an_empty_state(cli):
    """A warning, not an error."""
    assert "No outputs found" in cli.ok("output")
    assert cli.ok("show") == "The state holds nothing.\n"


def test_state_commands(applied):
    """list with a filter, show, pull, rm."""
    assert (
        applied.ok("state", "list", "perimeter_data.b")
        == "perimeter_data.b[0]\nperimeter_data.b[1]\n"
    )
    shown = applied.ok("state", "show", "perimeter_data.b[0]")
    assert shown.startswith('# perimeter_data.b[0]:\nresource "perimeter_data" "b" {\n')
    identifier = json.loads(applied.ok("state", "show", "-json", "perimeter_data.b[0]"))[0]["id"]
    assert applied.ok("state", "list", f"-id={identifier}") == "perimeter_data.b[0]\n"
    assert json.loads(applied.ok("state", "pull"))["format"] == "perimeter state"
    assert "Would remove perimeter_data.b[0]" in applied.ok(
        "state", "rm", "-dry-run", "perimeter_data.b"
    )
    assert "Successfully removed 2 resource instances." in applied.ok(
        "state", "rm", "perimeter_data.b"
    )
    assert applied.ok("state", "list") == "perimeter_data.a\n"
    assert applied("state", "rm", "perimeter_data.b").code == 1
    assert 'Did you mean "perimeter_data.a"?' in " ".join(
        applied("state", "show", "perimeter_data.c").err.split()
    )


def test_destroy(applied):
    """Asks in its own words, removes everything, shows no outputs that are gone."""
    result = applied("destroy", typed="yes\n")
    assert result.code == 0
    assert "There is no undo." in result.out
    tail = result.out.split("Destroy complete!")[1]
    assert "3 destroyed." in tail
    assert "Outputs:" not in tail
    assert applied.ok("state", "list") == ""
    assert "No objects need to be destroyed." in applied.ok("plan", "-destroy")


def test_target_and_replace(applied):
    """A target warns; a replacement is as requested."""
    out = applied.ok("plan", "-replace=perimeter_data.b[1]", "-target=perimeter_data.b[1]")
    assert "# perimeter_data.b[1] will be replaced, as requested" in out
    assert "Plan: 1 to add, 0 to change, 1 to destroy." in out
    assert "Warning: Resource targeting is in effect" in out
    compact = applied.ok("plan", "-target=perimeter_data.b[1]", "-compact-warnings")
    assert "- Resource targeting is in effect\n" in compact


def test_limits_are_refused_with_the_plan_shown(applied):
    """What was refused must be seen, and how to go ahead."""
    result = applied("plan", "-destroy", "-max-destroy=2")
    assert result.code == 1
    assert "Plan: 0 to add, 0 to change, 3 to destroy." in result.out
    assert "The plan above cannot be applied" in result.out
    assert "-max-destroy=3" in result.err


def test_explain_lists_the_stages(cli):
    """In the order in which apply executes them."""
    cli.write(CONFIG)
    out = cli.ok("plan", "-explain")
    assert "Apply would take 3 stages:" in out
    assert "1  create   perimeter_data.a\n" in out
    assert "2  create   perimeter_data.b[0]   after 1\n" in out


def test_a_local_backend_and_the_state_flag(cli):
    """State lies where the backend says; the flag goes before it; other backends are refused."""
    cli.write(CONFIG + 'perimeter {\n  backend "local" {\n    path = "deep/my.json"\n  }\n}\n')
    cli.ok("apply", "-auto-approve")
    assert (cli.directory / "deep" / "my.json").exists()
    assert "perimeter_data.a" in cli.ok("state", "list")
    assert cli.ok("state", "list", "-state=other.json") == ""
    cli.write('perimeter {\n  backend "s4" {}\n}\n')
    assert 'no backend type named "s4". There are azurerm,' in cli("plan").err
    cli.write('perimeter {\n  backend "local" {\n    dir = "x"\n  }\n}\n')
    assert "Unsupported argument" in cli("plan").err


def test_a_held_lock_is_respected_and_can_be_broken_only_when_dead(applied):
    """The holder is named; -lock=false goes past it; force-unlock refuses a living holder."""
    from perimeter.state.local import LocalBackend
    from perimeter.state.lockinfo import new_lock_info

    backend = LocalBackend("perimeter.state.json")
    with backend.lock(new_lock_info("OperationTypeApply", "perimeter.state.json")) as held:
        refused = applied("apply", "-auto-approve")
        assert refused.code == 1
        assert "Error acquiring the state lock" in refused.err
        assert held.info.id in refused.err
        assert applied("plan").code == 0, "a plan changes nothing, so it waits for nobody"
        assert applied("apply", "-auto-approve", "-lock=false").code == 0
        assert applied("force-unlock", "-force", held.info.id).code == 1
        assert "cancelled" in applied("force-unlock", held.info.id, typed="no\n").out
    applied.ok("plan")


def test_automation_leaves_out_what_to_type_next(cli, monkeypatch):
    """PERIMETER_IN_AUTOMATION."""
    cli.write(CONFIG)
    assert "Note: You didn't use the -out option" in cli.ok("plan")
    monkeypatch.setenv("PERIMETER_IN_AUTOMATION", "1")
    assert "Note: You didn't use" not in cli.ok("plan")
    assert "To perform exactly" not in cli.ok("plan", "-out=p")


def test_evidence_names_approver_and_commit(cli, monkeypatch):
    """Who let it happen, and from which commit."""
    monkeypatch.setenv("PERIMETER_APPROVER", "m.ruiz")
    monkeypatch.setenv("PERIMETER_COMMIT", "c0ffee")
    cli.write(CONFIG)
    out = cli.ok("apply", "-auto-approve")
    assert "Evidence: entry 3 (sha256 " in out
    entries = (cli.directory / "perimeter.state.json.evidence.jsonl").read_text()
    assert "m.ruiz (-auto-approve)" in entries
    assert "c0ffee" in entries
