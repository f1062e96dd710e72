"""Ten times more calls than the vendor allows at once: nothing fails, and the wait is announced."""

import time

import pytest

from perimeter.sandbox.server import Sandbox
from perimeter.testing.workspace import Workspace
from perimeter_github.sandbox.vendor import GitHub
from perimeter_okta.sandbox.vendor import Okta
from tests.providers.github.world import OWNER
from tests.providers.github.world import seed as github_seed
from tests.providers.okta import seed as okta

ALLOWANCE, WINDOW = 12, 1
CALLS = 10 * ALLOWANCE


def waits(workspace):
    return [event for event in workspace.events if event.kind == "wait"]


def check(sandbox, workspace, made, objects):
    """Everything is there, the allowance was kept, and people were told."""
    outcome = workspace.apply()
    assert not outcome.errors, outcome.errors
    assert outcome.applied is not None
    assert {result.status for result in outcome.applied.results} == {"done"}
    assert made() == objects
    assert len(sandbox.calls.entries) >= CALLS
    told = waits(workspace)
    assert told
    assert all(event.text and event.seconds > 0 for event in told)


@pytest.mark.timeout(240)
def test_github(tmp_path):
    """Webhooks: a list, a create and a read each."""
    content = github_seed()
    content["organizations"][0]["hooks"] = []
    content["limits"] = {
        "core": {"limit": ALLOWANCE, "window": WINDOW},
        "content": {"limit": 10_000, "window": 60},
    }
    with Sandbox({"github": GitHub(content, time.time)}) as sandbox:
        work = Workspace(directory=tmp_path, environment={"GITHUB_TOKEN": OWNER}, parallelism=8)
        hooks = "\n".join(f'    "h{n}" = "https://h.example/{n}"' for n in range(CALLS // 3))
        work.write(f"""
provider "github" {{
  organization   = "acme"
  base_url       = "{sandbox.url("github")}"
  capacity_share = 1
}}

resource "github_organization_webhook" "h" {{
  for_each = {{
{hooks}
  }}
  url = each.value
}}
""")
        hook_list = sandbox.vendors["github"]

        def made():
            return len(hook_list.dump()["organizations"][0]["hooks"])

        check(sandbox, work, made, CALLS // 3)
        limited = [call for call in sandbox.calls.entries if call.status in (403, 429)]
        assert len(limited) <= 8, "it keeps within what it was told, but for the first moment"


@pytest.mark.timeout(240)
def test_okta(tmp_path):
    """Groups, whose 429 carries no Retry-After: the wait is until the advertised reset."""
    content = okta.seed()
    content["rate_limits"] = {
        "/api/v1/groups": [ALLOWANCE, WINDOW],
        "/api/v1/groups/*": [ALLOWANCE, WINDOW],
    }
    before = len(content["groups"])
    with Sandbox({"okta": Okta(content, time.time)}) as sandbox:
        work = Workspace(
            directory=tmp_path, environment={"OKTA_API_TOKEN": okta.TOKEN}, parallelism=8
        )
        names = "\n".join(f'    "g{n}" = "Group {n}"' for n in range(CALLS // 2))
        work.write(f"""
provider "okta" {{
  org_url        = "{sandbox.url("okta")}"
  capacity_share = 1
}}

resource "okta_group" "g" {{
  for_each = {{
{names}
  }}
  name = each.value
}}
""")

        def made():
            return len(sandbox.vendors["okta"].dump()["groups"]) - before

        check(sandbox, work, made, CALLS // 2)
