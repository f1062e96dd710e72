"""Okta's objects, listed and declared by generated configuration."""

from perimeter.testing.workspace import Workspace
from perimeter_okta.provider import Okta
from tests.generated import declare_everything
from tests.providers.okta.seed import TOKEN

PROVIDER = 'provider "okta" {{\n  org_url        = "{url}"\n  capacity_share = 1\n}}\n'


def test_what_is_generated_for_every_type_plans_empty(org, tmp_path):
    """Nothing is changed by taking an org over as it is, and references stand for ids."""
    work = Workspace(directory=tmp_path / "work", environment={"OKTA_API_TOKEN": TOKEN})
    work.write(PROVIDER.format(url=org.sandbox.url("okta")), "provider.hcl")
    before = org.content()
    text, found = declare_everything(work)
    types = {item.type for result in found.results for item in result.objects}
    assert types == set(Okta().resources)
    assert org.content() == before
    assert "user  = okta_user.j_doe.id" in text
    assert "groups      = [okta_group.employees.id]" in text
    assert 'resource "okta_app_group_assignment" "crm_sales"' in text
