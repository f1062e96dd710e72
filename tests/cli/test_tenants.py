"""Commands over an emulated tenant: sandbox, observe, snapshots, console, providers, graph, stopping."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from perimeter.cli.patching import merged, parse_setting, with_setting
from tests.providers.github.world import OWNER
from tests.providers.github.world import seed as github_seed

CONFIG = """
provider "github" {{
  organization = "acme"
  base_url     = "{url}/github"
}}
variable "secret" {{
  sensitive = true
  default   = "s3cret-of-the-hook"
}}
resource "github_organization_webhook" "h" {{
  url    = "https://example.com/hook"
  events = ["push"]
  secret = var.secret
}}
collection "github_deploy_key" "acme" {{
  mode = "{mode}"
}}
"""


@pytest.fixture
def sandbox(cli, monkeypatch):
    """A sandbox started as people start it, in a process of its own."""
    monkeypatch.setenv("GITHUB_TOKEN", OWNER)
    cli.write(json.dumps({"github": github_seed()}), "sandbox.json")
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from perimeter.cli.main import run; raise SystemExit(run())",
            "sandbox",
            "up",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    line = process.stdout.readline()
    assert line.startswith("github: http://127.0.0.1:"), line
    process.stdout.readline()
    yield line.split()[1].removesuffix("/github"), process
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    process.stdout.close()


def test_from_an_empty_state_to_drift_and_back(cli, sandbox):
    """Plan, apply, drift, plan, apply; nothing secret anywhere."""
    url, _ = sandbox
    cli.write(CONFIG.format(url=url, mode="exclusive"))
    planned = cli("plan")
    assert planned.code == 0, planned
    assert "# github_organization_webhook.h will be created" in planned.out
    assert (
        planned.out.split("github_organization_webhook.h will be created")[1]
        .split("\n")[0]
        .endswith("widens access")
    )
    assert "secret       = (write-only attribute)" in planned.out
    assert '# github_deploy_key "legacy-ci" on acme/api will be destroyed' in planned.out
    assert "Undeclared:" in planned.out
    assert "Not visible: github_personal_access_token_grant" in planned.out
    assert planned.err.startswith("Reading github (acme) ▸ ")
    assert planned.err.count("\n") == 1
    done = cli("apply", "-auto-approve")
    assert done.code == 0
    assert "created, read back equal" in done.out
    assert "No changes." in cli.ok("plan")
    hooks = json.loads(cli.ok("sandbox", "seed"))["github"]["organizations"][0]["hooks"]
    number = next(
        str(index) for index, hook in enumerate(hooks) if hook["url"] == "https://example.com/hook"
    )
    cli.write(
        json.dumps({"github": {"organizations": {"0": {"hooks": {number: {"events": ["*"]}}}}}}),
        "drift.json",
    )
    cli.ok("sandbox", "drift")
    drifted = cli("plan", "-detailed-exitcode")
    assert drifted.code == 2
    assert "# github_organization_webhook.h has drifted and will be updated in-place" in drifted.out
    texts = [planned.out, planned.err, done.out, done.err, drifted.out]
    texts.append(cli.ok("apply", "-auto-approve", "-json"))
    texts.append(cli.ok("show", "-json"))
    texts += [
        path.read_text(errors="replace")
        for path in cli.directory.rglob("*")
        if path.is_file() and path.name not in ("main.hcl", "sandbox.json")
    ]
    for text in texts:
        assert "s3cret-of-the-hook" not in text
        assert OWNER not in text


def test_a_plan_on_a_snapshot_needs_no_credential(cli, sandbox, monkeypatch):
    """The same plan, without reading; without a credential and a snapshot there is none, and "No changes" is not said."""
    url, _ = sandbox
    cli.write(CONFIG.format(url=url, mode="report"))
    told = cli.ok("observe", "-out=snap.json")
    assert "written to snap.json" in told
    assert "Not visible: github_personal_access_token_grant" in told
    live = cli.ok("plan").split("Requests:")[0]
    monkeypatch.delenv("GITHUB_TOKEN")
    assert cli.ok("plan", "-snapshot=snap.json").split("Requests:")[0] == live
    refused = cli("plan")
    assert refused.code == 1
    assert "There is no credential for GitHub" in refused.err
    assert "No changes" not in refused.out
    assert OWNER not in Path("snap.json").read_text()


def test_what_nothing_declares_is_listed(cli, sandbox):
    """For people with risks, for programs as JSON."""
    url, _ = sandbox
    cli.write(CONFIG.format(url=url, mode="report"))
    text = cli.ok("observe", "-undeclared")
    assert 'github: github_deploy_key "legacy-ci" on acme/api' in text
    data = json.loads(cli.ok("observe", "-undeclared", "-json"))
    assert {item["type"] for item in data} >= {"github_deploy_key", "github_app_installation"}
    assert cli("observe").code == 1


def test_the_sandbox_is_found_changed_and_stopped(cli, sandbox):
    """By the file it leaves, or by a variable; stopped only where it was started."""
    _, process = sandbox
    cli.ok("sandbox", "seed", "-set", "github.organizations.0.hooks=[]")
    assert json.loads(cli.ok("sandbox", "seed"))["github"]["organizations"][0]["hooks"] == []
    refused = cli("sandbox", "drift", "-set", "github.organizations.9.x=1")
    assert refused.code == 1
    assert 'There is no element "9"' in refused.err
    assert cli.ok("sandbox", "down") == "Stopped.\n"
    process.wait(10)
    assert "No sandbox" in cli("sandbox", "seed").err


def test_the_sandbox_with_aws(cli):
    """AWS's stand-in runs beside the other tenants, and ends with them."""
    pytest.importorskip("moto")
    cli.write(json.dumps({"github": github_seed()}), "sandbox.json")
    code = "from perimeter.cli.main import run; raise SystemExit(run())"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "sandbox", "up", "-aws", "-port=0", "-aws-port=0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process.stdout as out:
        lines = []
        while not lines or not lines[-1].startswith("Up."):
            lines.append(out.readline())
            assert lines[-1], "it ended"
        aws = next(line.split()[1] for line in lines if line.startswith("aws: "))
        assert f"  export AWS_ENDPOINT_URL={aws}\n" in lines
        process.send_signal(signal.SIGINT)
        assert out.readline() == "Stopped.\n"
    assert process.wait(20) == 0
    with pytest.raises(OSError, match="refused"):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(aws, timeout=2)


def test_a_seed_that_is_wrong_is_refused(cli):
    """With what is wrong."""
    assert "Seed not readable" in cli("sandbox", "up").err
    cli.write("{}", "sandbox.json")
    assert "names no vendor" in cli("sandbox", "up").err
    cli.write('{"nosuch": {}}', "sandbox.json")
    assert "cannot be emulated here" in cli("sandbox", "up").err


def test_patches():
    """Merge patches, added list elements, list elements by number, single values."""
    data = {"a": {"b": 1, "c": [1, {"x": 1}]}, "d": 2}
    assert merged(data, {"a": {"b": None, "c+": [3]}, "e": "new"}) == {
        "a": {"c": [1, {"x": 1}, 3]},
        "d": 2,
        "e": "new",
    }
    assert merged(data, {"a": {"c": {"1": {"x": 2}}}})["a"]["c"] == [1, {"x": 2}]
    assert data["a"]["c"] == [1, {"x": 1}]
    assert with_setting(data, *parse_setting("a.c.1.x=true"))["a"]["c"][1] == {"x": True}
    assert with_setting(data, *parse_setting("n.m=text"))["n"] == {"m": "text"}


def test_console(cli):
    """Lines and expressions over several lines; values of the configuration and of state; sensitive ones masked."""
    cli.write(
        'variable "s" {\n  sensitive = true\n  default   = "s3cret-console"\n}\nlocals {\n  l = [1, 2]\n}\n'
        'resource "perimeter_data" "a" {\n  input = 5\n}\n'
    )
    assert cli.ok("console", typed="1 + 5\n") == "6\n"
    assert cli.ok("console", typed="perimeter_data.a.output\n") == "(known after apply)\n"
    cli.ok("apply", "-auto-approve")
    typed = (
        'perimeter_data.a.output\nvar.s\n{\n  a = local.l\n}\ntype(local.l)\nupper("x")\nexit\nnope'
    )
    out = cli.ok("console", typed=typed)
    assert out == (
        '5\n(sensitive value)\n{\n  "a" = [\n    1,\n    2,\n  ]\n}\n'
        + cli.ok("console", typed="type(local.l)\n")
        + '"X"\n'
    )
    wrong = cli("console", typed="local.x\n1\n")
    assert wrong.code == 1
    assert "Reference to undeclared local value" in wrong.err
    assert "1:" in wrong.err
    assert wrong.out == ""
    assert cli("console", typed="1 +\n").code == 1


def test_console_without_a_configuration(cli):
    """Arithmetic needs none."""
    assert cli.ok("console", typed="[for x in [1, 2] : x * 2]\n") == "[\n  2,\n  4,\n]\n"


def test_validate(cli):
    """Valid without values for variables; all problems at once otherwise; JSON for editors."""
    cli.write(
        'variable "names" {\n  type = set(string)\n}\n'
        'resource "perimeter_data" "a" {\n  for_each = var.names\n  input    = each.key\n}\n'
    )
    assert "Success! The configuration is valid." in cli.ok("validate")
    cli.write(
        'resource "perimeter_data" "a" {\n  inptu = 1\n}\noutput "o" {\n  value = [for x in 5 : x]\n}\n'
    )
    result = cli("validate")
    assert result.code == 1
    assert 'Did you mean "input"?' in result.err
    assert "on main.hcl line 2, in resource" in result.err
    data = json.loads(cli("validate", "-json").out)
    assert data["valid"] is False
    assert data["error_count"] == 2
    assert data["format_version"] == "1.0"


def test_providers_and_graph(cli):
    """What is required, in a tree; schemas; dependencies in DOT."""
    cli.write(
        'module "m" {\n  source = "./m"\n  i      = perimeter_data.a.id\n}\nresource "perimeter_data" "a" {}\n'
    )
    cli.write(
        'variable "i" {}\nresource "perimeter_data" "z" {\n  input = var.i\n}\n', "m/main.hcl"
    )
    out = cli.ok("providers")
    assert ".\n├── provider[perimeter]\n└── module.m\n    └── provider[perimeter]\n" in out
    schemas = json.loads(cli.ok("providers", "schema", "-json"))["provider_schemas"]
    assert schemas["perimeter"]["resource_schemas"]["perimeter_data"]["block"]["attributes"]["id"][
        "computed"
    ]
    assert cli("providers", "schema").code == 1
    graph = cli.ok("graph")
    assert '"module.m.perimeter_data.z" -> "perimeter_data.a";' in graph
    assert '"var' not in graph
    assert '"module.m.var.i"' in cli.ok("graph", "-type=all")


def test_the_first_interrupt_starts_no_new_call(cli, monkeypatch):
    """What runs is finished and remembered; the rest is skipped; running again finishes it."""
    from perimeter_builtin.data import Data

    count = 0
    original = Data.create

    def slow(self, writer, request):
        nonlocal count
        count += 1
        if count == 3:
            threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        time.sleep(0.15)
        return original(self, writer, request)

    monkeypatch.setattr(Data, "create", slow)
    cli.write('resource "perimeter_data" "a" {\n  count = 30\n}\n')
    result = cli("apply", "-auto-approve", "-parallelism=2")
    assert result.code == 1
    assert "Interrupt received. No new call is started" in result.err
    assert "Apply was interrupted:" in result.out
    made = len(cli.ok("state", "list").splitlines())
    assert 3 <= made < 10
    monkeypatch.setattr(Data, "create", original)
    assert f"Resources: {30 - made} added" in cli.ok("apply", "-auto-approve")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
