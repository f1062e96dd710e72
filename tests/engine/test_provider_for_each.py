"""A provider configuration with ``for_each``: one per tenant."""

import pytest

from perimeter.engine.model import Options
from perimeter.sdk import Tenant
from tests.tiny.provider import Client, TinyProvider
from tests.tiny.tenant import TinyTenant

PROVIDER = """
variable "orgs" {{
  default = {orgs}
}}

provider "tiny" {{
  alias    = "by_org"
  for_each = var.orgs
  token    = each.value
}}
"""

GROUP = """
resource "tiny_group" "g" {
  for_each = toset(["a", "b"])
  provider = tiny.by_org[each.key]
  name     = "staff"
}
"""


class Many(TinyProvider):
    """Reaches the tenant that its token belongs to."""

    def __init__(self):
        self.tenants = {name: TinyTenant(id=f"tenant-{name}") for name in ("A", "B")}

    @property
    def behind(self):
        raise AssertionError("no token was used")

    def reader(self, request):
        return Client(self.tenants[request.config["token"]])

    def writer(self, request, permit):
        return self.reader(request)

    def tenant(self, reader):
        return Tenant(id=reader.tenant.id, name=reader.tenant.id, caller="perimeter")

    def administrators(self, reader, tenant):
        return ()


@pytest.fixture
def many(tiny):
    tiny.work.providers = {"tiny": Many()}
    return tiny


def write(many, more, orgs='{ a = "A", b = "B" }'):
    many.write(PROVIDER.format(orgs=orgs) + more)


def test_each_instance_lives_in_its_own_tenant(many):
    """Created, read, remembered under the provider instance's name, and removed there."""
    write(many, GROUP)
    many.applied()
    tenants = many.work.providers["tiny"].tenants
    assert [len(tenants[name].of("tiny_group")) for name in "AB"] == [1, 1]
    held = many.state['tiny_group.g["b"]'].current()
    assert (held.tenant, held.provider) == ("tenant-B", 'tiny.by_org["b"]')
    many.empty()
    write(many, "")
    many.applied()
    assert [len(tenants[name].of("tiny_group")) for name in "AB"] == [0, 0]


def test_a_module_is_passed_one_of_them(many):
    """Each instance of the module another one."""
    inner = many.work.directory / "m"
    inner.mkdir()
    (inner / "main.hcl").write_text('resource "tiny_group" "g" {\n  name = "staff"\n}\n')
    write(
        many,
        'module "m" {\n  source   = "./m"\n  for_each = var.orgs\n'
        "  providers = {\n    tiny = tiny.by_org[each.key]\n  }\n}\n",
    )
    many.applied()
    held = {name: item.current().tenant for name, item in many.state.items()}
    assert held == {
        'module.m["a"].tiny_group.g': "tenant-A",
        'module.m["b"].tiny_group.g': "tenant-B",
    }
    many.empty()


def test_a_collection_covers_each_tenant(many):
    """What is undeclared goes there, and only there."""
    tenants = many.work.providers["tiny"].tenants
    tenants["B"].put("tiny_group", name="stray")
    write(
        many,
        GROUP + 'collection "tiny_group" "all" {\n  for_each = var.orgs\n'
        '  provider = tiny.by_org[each.key]\n  mode     = "exclusive"\n}\n',
    )
    removals = [change for change in many.plan().plan.active if change.address is None]
    assert [(item.provider, item.label) for item in removals] == [('tiny.by_org["b"]', '"stray"')]


def test_a_tenant_that_goes_leaves_its_objects_without_provider(many):
    """As in OpenTofu: first the objects go, then the tenant."""
    write(many, GROUP)
    many.applied()
    write(many, "", orgs='{ a = "A" }')
    assert [item.summary for item in many.plan().diagnostics.errors] == [
        "Provider configuration not present"
    ]
    write(many, "")
    assert len(many.planned(Options())) == 2


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        (GROUP.replace('"b"]', '"c"]'), "Provider configuration not present"),
        (
            GROUP.replace("tiny.by_org[each.key]", "tiny.by_org"),
            "Provider configuration not present",
        ),
        (
            GROUP.replace("tiny.by_org[each.key]", "tiny.by_org[timestamp()]"),
            "Invalid provider instance key",
        ),
        (
            'provider "tiny" {\n  for_each = var.orgs\n}\n',
            "Alias required when using for_each",
        ),
    ],
)
def test_wrong_uses_are_refused(many, text, summary):
    """With what there is instead."""
    write(many, text)
    assert summary in [item.summary for item in many.plan().diagnostics.errors]
