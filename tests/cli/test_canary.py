"""Secrets are planted everywhere and every output is searched for them, in whatever form."""

import json
import time

import pytest

from perimeter.sandbox.faults import Fault
from perimeter.sandbox.server import Sandbox
from perimeter.testing.ladder import forms, nothing_secret
from perimeter_github.sandbox.vendor import GitHub
from perimeter_okta.sandbox.vendor import Okta
from tests.providers.github.world import OWNER
from tests.providers.github.world import seed as github_seed
from tests.providers.okta import seed as okta

HOOK = 'canary-hook "secret"/+'
STORED = "canary-secret-that-github-stores"
EPHEMERAL = "canary-ephemeral-value"
OUTPUT = "canary-sensitive-output"
ECHOED = "canary-echoed-by-the-vendor"
PASSPHRASE = "canary passphrase of the state"
CHANGED = 'canary-hook "changed"/+'
APPROVAL = "canary secret of 32 bytes and more, for approvals"
SECRETS = (
    APPROVAL,
    PASSPHRASE,
    CHANGED,
    OWNER,
    okta.TOKEN,
    okta.CLIENT_SECRET,
    HOOK,
    STORED,
    EPHEMERAL,
    ECHOED,
)
TEXT = """
variable "github_token" {{
  type      = string
  sensitive = true
}}

variable "hook" {{
  type      = string
  ephemeral = true
}}

variable "session" {{
  type      = string
  ephemeral = true
}}

variable "echoed" {{
  type      = string
  sensitive = true
}}

provider "github" {{
  organization = "acme"
  base_url     = "{github}"
  token        = var.github_token
}}

provider "okta" {{
  org_url = "{okta}"
  token   = "{okta_token}"
}}

resource "github_organization_webhook" "siem" {{
  url            = "https://siem.example/in"
  secret         = var.hook
  secret_version = "{version}"
}}

resource "github_organization_settings" "acme" {{
  default_repository_permission = "read"
}}

resource "okta_group" "g" {{
  name        = "Canaries"
  description = "{description}"
}}

collection "okta_app" "all" {{
}}

locals {{
  session = "x${{var.session}}"
}}
"""


@pytest.fixture
def tenants():
    github = github_seed()
    github["organizations"][0]["hooks"] = [{"url": "https://old.example", "secret": STORED}]
    people = okta.seed()
    with Sandbox({"github": GitHub(github, time.time), "okta": Okta(people, time.time)}) as sandbox:
        yield sandbox


def write(cli, tenants, version="1", description="d"):
    cli.write(
        TEXT.format(
            github=tenants.url("github"),
            okta=tenants.url("okta"),
            okta_token=okta.TOKEN,
            version=version,
            description=description,
        )
    )


@pytest.mark.parametrize("encryption", ["", f'passphrase = "{PASSPHRASE}"'])
def test_no_output_holds_a_secret(cli, tenants, monkeypatch, tmp_path, encryption):
    """Variables, provider configuration, tenants' answers and error bodies, at the highest log level."""
    monkeypatch.setenv("PERIMETER_ENCRYPTION", encryption)
    monkeypatch.setenv("PERIMETER_LOG", "TRACE")
    monkeypatch.setenv("PERIMETER_LOG_PATH", str(tmp_path / "work" / "trace.log"))
    monkeypatch.setenv("PERIMETER_APPROVAL_SECRET", APPROVAL)
    monkeypatch.setenv("PERIMETER_VAR_github_token", OWNER)
    monkeypatch.setenv("PERIMETER_VAR_hook", HOOK)
    monkeypatch.setenv("PERIMETER_VAR_session", EPHEMERAL)
    monkeypatch.setenv("PERIMETER_VAR_echoed", ECHOED)
    texts = []

    def run(*arguments, typed="", code=0):
        result = cli(*arguments, typed=typed)
        texts.extend([result.out, result.err])
        if code is not None:
            assert result.code == code, (arguments, result)
        return result

    write(cli, tenants)
    run("init")
    run("validate", "-json")
    run("plan", "-out=x.plan")
    run("show", "x.plan")
    run("show", "-json", "x.plan")
    run("approve", "-by=alice", "-yes", "x.plan")
    run("approve", "verify", "x.plan.approval")
    run("apply", "-approved=x.plan.approval", "-narrowing-only", code=None)
    run("apply", "-approved=x.plan.approval", "x.plan")
    run("plan", "-json")
    run("plan", "-json-into=events.jsonl")
    run("plan", "-show-sensitive")
    run("show", "-show-sensitive")
    run("show", "-config", "-json")
    run("observe", "-out=x.snapshot")
    run("observe", "-undeclared", "-json")
    run("plan", "-snapshot=x.snapshot")
    run("show")
    run("show", "-json")
    run("state", "list")
    run("state", "show", "github_organization_webhook.siem")
    run("state", "pull")
    run("state", "history")
    run("state", "history", "-json")
    run("state", "rollback", "-out=back.plan", "1")
    run("state", "rm", "okta_group.g")
    run("import", "okta_group.g", "nothing", code=1)
    run("state", "push", "-force", "perimeter.state.json.backup")
    run("output")
    run("providers", "schema", "-json")
    run("graph")
    for name in ("evidence list", "evidence show 1", "evidence verify", "state rekey"):
        run(*name.split())
    run("evidence", "list", "-json")
    run("console", typed="var.hook\nvar.session\nlocal.session\nvar.github_token\n", code=None)

    # A changed secret shows where it is remembered by digest, and is never shown.
    monkeypatch.setenv("PERIMETER_VAR_hook", CHANGED)
    run("plan", "-detailed-exitcode", code=2 if encryption else 0)
    run("plan", "-json", "-out=y.plan")
    run("show", "-json", "y.plan")
    run("apply", "y.plan")
    run("plan", "-detailed-exitcode")

    # A second secret version, and a vendor that repeats it in its error.
    write(cli, tenants, version="2")
    tenants.vendors["github"].error_body = lambda status, request: {
        "message": f"cannot use {request.body.decode()} {ECHOED} {request.headers['authorization']}"
    }
    tenants.faults.add(Fault(kind="status", status=422, method="PATCH"))
    run("apply", "-auto-approve", code=1)
    tenants.faults.add(Fault(kind="status", status=500, method="GET", times=-1))
    run("plan", code=1)
    tenants.faults.clear()
    tenants.faults.add(Fault(kind="lost", method="PATCH"))
    run("apply", "-auto-approve", "-json", code=1)
    run("apply", "-auto-approve")
    write(cli, tenants, description='${upper(var.hook)}${"', version="2")
    run("plan", code=1)
    write(cli, tenants, description="${var.session}", version="2")
    run("plan", code=1)
    run("plan", "-var", f"github_token={OWNER}", "-var", "nope=1", code=1)

    assert (tmp_path / "work" / "trace.log").stat().st_size > 1000
    written = [
        path
        for path in (tmp_path / "work").rglob("*")
        if path.is_file() and path.name != "main.hcl"
    ]
    assert {"perimeter.state.json", "x.plan", "x.snapshot", "trace.log"} <= {
        p.name for p in written
    }
    nothing_secret(SECRETS, written, texts)


def test_a_sensitive_output_is_told_only_when_asked_for_by_name(cli):
    """As in Terraform."""
    cli.write(f'output "o" {{\n  value     = "{OUTPUT}"\n  sensitive = true\n}}\n')
    assert OUTPUT not in cli.ok("apply", "-auto-approve")
    assert OUTPUT not in cli.ok("output")
    assert OUTPUT not in cli.ok("show")
    assert json.loads(cli.ok("output", "-json", "o")) == OUTPUT
    assert cli.ok("output", "-raw", "o") == OUTPUT


def test_the_search_finds_each_form():
    """A search that finds nothing would prove nothing."""
    import base64
    from urllib.parse import quote

    for text in (
        HOOK,
        json.dumps(HOOK),
        quote(HOOK, safe=""),
        base64.b64encode(f"user:{HOOK}".encode()).decode(),
        base64.urlsafe_b64encode(f"xx{HOOK} and more".encode()).decode(),
    ):
        with pytest.raises(AssertionError):
            nothing_secret([HOOK], [], [f"before {text} after"])
    assert len(forms(HOOK)) >= 6
