"""Ten thousand objects of one organisation cost about as many calls as there are full pages."""

import math
import time

import pytest

from perimeter.sandbox.server import Sandbox
from perimeter.testing.workspace import Workspace
from perimeter_github.sandbox.vendor import GitHub
from tests.providers.github.world import APP, public_key, seed

REPOSITORIES, KEYS_EACH = 1_000, 8
HOOKS, INSTALLATIONS, GRANTS, REQUESTS = 400, 500, 600, 500
PAGE = 100
TEXT = """
provider "github" {{
  organization   = "acme"
  base_url       = "{url}"
  capacity_share = 1
}}

collection "github_deploy_key" "all" {{
}}

collection "github_organization_webhook" "all" {{
}}
"""


def large():
    """An organisation with 10,000 objects."""
    content = seed()
    organization = content["organizations"][0]
    organization["repositories"] = [
        {
            "name": f"repo-{number:04}",
            "keys": [
                {"key": public_key(number * KEYS_EACH + index + 1), "title": f"key {index}"}
                for index in range(KEYS_EACH)
            ],
        }
        for number in range(REPOSITORIES)
    ]
    organization["hooks"] = [{"url": f"https://hooks.example/{n}"} for n in range(HOOKS)]
    own = next(item for item in organization["installations"] if item["app_id"] == 303)
    organization["installations"] = [own] + [
        {"id": 60_000_000 + n, "app_id": 2000 + n, "app_slug": f"app-{n}"}
        for n in range(INSTALLATIONS - 1)
    ]
    organization["token_grants"] = [
        {"owner": "j.doe", "token_id": 20_000 + n, "token_name": f"grant {n}"}
        for n in range(GRANTS)
    ]
    organization["token_requests"] = [
        {"owner": "j.doe", "token_id": 40_000 + n, "token_name": f"request {n}"}
        for n in range(REQUESTS)
    ]
    return content


@pytest.fixture
def sandbox():
    with Sandbox({"github": GitHub(large(), time.time)}) as it:
        yield it
    assert not it.problems


def observed(sandbox, directory):
    """Plan once, in a process's worth of clients; the calls made and the undeclared objects."""
    workspace = Workspace(directory=directory, environment={"GITHUB_TOKEN": APP})
    workspace.write(TEXT.format(url=sandbox.url("github")))
    sandbox.calls.clear()
    outcome = workspace.plan()
    assert not outcome.errors, outcome.errors
    assert outcome.plan is not None
    return list(sandbox.calls.entries), outcome.plan


def test_the_calls_are_near_the_minimum(sandbox, tmp_path, capsys):
    """At most 1.2 times one call per full page; the second time every REST page is a 304."""
    minimum = sum(
        math.ceil(count / PAGE) for count in (REPOSITORIES, HOOKS, INSTALLATIONS, GRANTS, REQUESTS)
    )
    minimum += 1  # the tenant
    calls, plan = observed(sandbox, tmp_path)
    objects = REPOSITORIES * KEYS_EACH + HOOKS + INSTALLATIONS + GRANTS + REQUESTS
    assert objects == 10_000
    assert len(plan.undeclared) == objects
    with capsys.disabled():
        print(f"\n{objects} objects: {len(calls)} calls, {minimum} at the least")
    assert len(calls) <= 1.2 * minimum
    assert plan.requests.made == len(calls)
    again, plan = observed(sandbox, tmp_path)
    # An installation is no user: who it acts as is asked for once a run, and refused.
    rest = [call for call in again if call.path not in ("/graphql", "/user")]
    assert {call.status for call in rest} == {304}
    assert plan.requests.not_modified == len(rest)
    assert len(plan.undeclared) == objects
