"""Tools of Terraform's world, in an environment of their own, and realistic plans for them to judge."""

import json
import os
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from perimeter.testing.moto import MotoServer
from tests.cli.conftest import cli
from tests.providers.github.world import OWNER, world_of
from tests.providers.github.world import seed as github_seed
from tests.providers.okta.conftest import started
from tests.providers.okta.seed import TOKEN
from tests.providers.okta.seed import seed as okta_seed

__all__ = ["cli"]

ROOT = Path(__file__).parents[2]
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
HOME = Path(os.environ.get("PERIMETER_INTEROP", ROOT / ".venv-interop"))
DEAD_END = "http://127.0.0.1:9"
"""Nobody listens there: whatever a tool tries to fetch cannot be had."""


@pytest.fixture
def tool(tmp_path):
    """Runs one of the tools, without a network; returns the exit code and what it printed."""
    if not (HOME / "bin" / "checkov").exists():
        pytest.skip("the other tools are not installed: script/setup interop")

    def run(name, *arguments):
        environment = {
            "PATH": f"{HOME / 'bin'}:/usr/bin:/bin",
            "HOME": str(tmp_path),
            "HTTPS_PROXY": DEAD_END,
            "HTTP_PROXY": DEAD_END,
            "NO_COLOR": "1",
            "CHECKOV_RUN_SCA_PACKAGE_SCAN_V2": "false",
        }
        done = subprocess.run(
            [str(HOME / "bin" / name), *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        return done.returncode, _COLOUR.sub("", done.stdout + done.stderr)

    return run


CONFIG = """
provider "github" {{
  organization = "acme"
  base_url     = "{github}"
}}
provider "okta" {{
  org_url = "{okta}"
}}
provider "aws" {{
  endpoint_url = "{aws}"
}}
resource "github_deploy_key" "website" {{
  repository = "website"
  title      = "deploy"
  key        = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB7"
  read_only  = {read_only}
}}
resource "github_organization_webhook" "siem" {{
  url          = "{scheme}://siem.acme.example/github"
  content_type = "json"
  events       = ["organization"]
}}
resource "okta_group" "contractors" {{
  name        = "Contractors"
  description = "People who are paid by others"
}}
resource "okta_app" "chat" {{
  label                      = "Chat"
  sign_on_mode               = "OPENID_CONNECT"
  application_type           = "service"
  grant_types                = ["client_credentials"]
  response_types             = ["token"]
  token_endpoint_auth_method = "private_key_jwt"
  jwks_uri                   = "https://chat.example/jwks.json"
}}
resource "okta_app_scope_grant" "chat" {{
  app    = okta_app.chat.id
  scopes = ["{scope}"]
}}
resource "aws_iam_account_password_policy" "acme" {{
  minimum_password_length      = {length}
  require_symbols              = true
  require_numbers              = true
  require_lowercase_characters = true
  require_uppercase_characters = true
}}
resource "aws_iam_role" "deploy" {{
  name = "deploy"
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = {{ AWS = "{principal}" }}
    }}]
  }})
}}
"""
GOOD = {
    "read_only": "true",
    "scheme": "https",
    "scope": "okta.users.read",
    "length": 14,
    "principal": "arn:aws:iam::123456789012:role/ci",
}
BAD = {
    "read_only": "false",
    "scheme": "http",
    "scope": "okta.users.manage",
    "length": 8,
    "principal": "*",
}


@contextmanager
def tenants(directory, monkeypatch):
    """Endpoints of one emulated tenant per vendor."""
    directory.mkdir()
    with world_of(github_seed(), directory) as world, MotoServer() as moto:
        org = started(okta_seed())
        monkeypatch.setenv("GITHUB_TOKEN", OWNER)
        monkeypatch.setenv("OKTA_API_TOKEN", TOKEN)
        for name, text in moto.environment.items():
            monkeypatch.setenv(name, text)
        running = next(org)
        yield {
            "github": world.sandbox.url("github"),
            "okta": running.sandbox.url("okta"),
            "aws": moto.url,
        }
        next(org, None)


@pytest.fixture
def plans(cli, tmp_path, monkeypatch):
    """Files with the JSON of two plans: one as it should be, one with a mistake at every vendor."""
    made = {}
    with tenants(tmp_path / "tenants", monkeypatch) as urls:
        for name, values in (("good", GOOD), ("bad", BAD)):
            cli.write(CONFIG.format(**urls, **values))
            cli.ok("plan", f"-out={name}.plan")
            made[name] = cli.directory / f"{name}.json"
            made[name].write_text(cli.ok("show", "-json", f"{name}.plan"))
            types = {
                item["type"] for item in json.loads(made[name].read_text())["resource_changes"]
            }
            assert {kind.partition("_")[0] for kind in types} == {"github", "okta", "aws"}
    return made
