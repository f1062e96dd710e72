"""GitHub's objects, listed and declared by generated configuration."""

import pytest

from perimeter.testing.workspace import Workspace
from perimeter_github.provider import GitHub
from tests.generated import declare_everything

from .world import APP, OWNER

PROVIDER = """
provider "github" {{
  organization   = "acme"
  base_url       = "{url}"
  capacity_share = 1
}}
"""
APP_ONLY = {"github_personal_access_token_grant", "github_personal_access_token_request"}
ACTIONS = {
    "github_actions_secret",
    "github_actions_environment_secret",
    "github_actions_organization_secret",
}
LISTED = {name for name, kind in GitHub().resources.items() if not kind.local}


@pytest.mark.parametrize(("token", "unseen"), [(OWNER, APP_ONLY), (APP, ACTIONS)])
def test_what_is_generated_for_every_type_plans_empty(world, tmp_path, token, unseen):
    """Nothing is changed by taking an organisation over as it is."""
    work = Workspace(directory=tmp_path / "work", environment={"GITHUB_TOKEN": token})
    work.write(PROVIDER.format(url=world.sandbox.url("github")), "provider.hcl")
    before = world.vendor.dump()
    text, found = declare_everything(work)
    types = {item.type for result in found.results for item in result.objects}
    assert types == LISTED - unseen
    assert {subject for result in found.results for subject, _ in result.unseen} == unseen
    assert world.vendor.dump() == before
    assert "# can write code in acme/api\n# deploy key: " in text
    assert "  secret " not in text
    assert "npm-token-of-old" not in text
