"""Query files against the tiny vendor: what is found, what is said of it, what is wrong."""

import re

import pytest

GROUPS = """
resource "tiny_group" "a" {
  name = "a"
}
collection "tiny_group" "all" {
  ignore = [{ name = "keep" }]
}
"""


@pytest.fixture
def asked(tiny):
    """Ask with a query file; the objects by list and name."""

    def ask(text, **more):
        tiny.write(text, "q.query.hcl")
        return tiny.work.query(**more)

    tiny.write = lambda text, name="main.hcl": tiny.work.write(text, name)
    return ask


def names(result):
    return sorted(item.attributes["name"] for item in result.objects)


def test_every_object_says_what_configuration_and_state_make_of_it(tiny, asked):
    """Declared here, gone from configuration but in state, ignored, or nobody's."""
    tiny.write(GROUPS + 'resource "tiny_group" "old" {\n  name = "old"\n}\n')
    tiny.applied()
    tiny.write(GROUPS)
    for name in ("keep", "stray"):
        tiny.tenant.put("tiny_group", name=name)
    (result,) = asked('list "tiny_group" "all" {}')[0].results
    said = {item.attributes["name"]: (item.status, item.address) for item in result.objects}
    assert said == {
        "a": ("declared", "tiny_group.a"),
        "old": ("removed", "tiny_group.old"),
        "keep": ("ignored", ""),
        "stray": ("undeclared", ""),
    }
    assert result.address == "list.tiny_group.all"


def test_without_query_files_everything_undeclared_of_every_type_is_listed(tiny):
    """Types below a parent too, and settings that nobody declares."""
    tiny.work.write(GROUPS)
    tiny.applied()
    stray = tiny.tenant.put("tiny_group", name="stray")
    tiny.tenant.put("tiny_key", group=stray, label="k")
    tiny.tenant.put("tiny_hook", url="https://evil.example")
    found, _ = tiny.work.query()
    kinds = {result.type: result.objects for result in found.results if result.objects}
    assert set(kinds) == {"tiny_group", "tiny_key", "tiny_hook", "tiny_settings"}
    assert [item.id for item in kinds["tiny_group"]] == [stray]
    assert kinds["tiny_hook"][0].origin == "added by j.doe"


def test_config_filters_by_attributes_and_by_scope(tiny, asked):
    """A key's group bounds what is read; its label is compared."""
    one, two = (tiny.tenant.put("tiny_group", name=name) for name in ("one", "two"))
    for group in (one, two):
        for label in ("x", "y"):
            tiny.tenant.put("tiny_key", group=group, label=label)
    tiny.write(
        f'variable "label" {{\n  default = "x"\n}}\nlocals {{\n  group = "{one}"\n}}\n'
        'provider "tiny" {}\n'
    )
    found, _ = asked("""
list "tiny_key" "some" {
  config {
    within = { group = local.group }
    label  = var.label
  }
}
""")
    (result,) = found.results
    assert [(i.attributes["group"], i.attributes["label"]) for i in result.objects] == [(one, "x")]
    assert result.settings == {"group": one, "label": "x"}
    assert ("list", "tiny_key", two) not in tiny.tenant.calls


def test_an_attribute_that_no_list_carries_is_read_to_be_compared(tiny, asked):
    """And one that is not shown neither fits nor is forgotten."""
    for name, plan in (("a", "free"), ("b", "paid")):
        tiny.tenant.put("tiny_account", name=name, plan=plan, audit="on")
    tiny.write('provider "tiny" {}\n')
    text = 'list "tiny_account" "all" {{\n  config {{\n    {} = "{}"\n  }}\n}}\n'
    found, _ = asked(text.format("plan", "paid"))
    assert names(found.results[0]) == ["b"]
    tiny.tenant.scopes = {"tiny_account.read"}
    found, _ = asked(text.format("audit", "on"))
    assert found.results[0].objects == ()
    ((subject, why),) = found.results[0].unseen
    assert (subject, why.needs) == ("tiny_account.audit", "audit.read")


def test_a_list_that_cannot_be_read_is_not_an_empty_one(tiny, asked):
    """The reason is told."""
    tiny.write('provider "tiny" {}\n')
    tiny.tenant.scopes = set()
    found, _ = asked('list "tiny_group" "all" {}')
    assert [subject for subject, _ in found.results[0].unseen] == ["tiny_group"]


def test_limit_for_each_and_include_resource(tiny, asked):
    """What a limit hides is counted."""
    for name in ("a", "b", "c"):
        tiny.tenant.put("tiny_account", name=name, plan="free")
    tiny.write('provider "tiny" {}\n')
    found, _ = asked("""
list "tiny_account" "some" {
  for_each         = toset(["a", "b"])
  include_resource = each.key == "a"
  config {
    name = each.key
  }
}
list "tiny_account" "few" {
  limit = 1 + 1
}
""")
    by = {result.address: result for result in found.results}
    assert list(by) == [
        'list.tiny_account.some["a"]',
        'list.tiny_account.some["b"]',
        "list.tiny_account.few",
    ]
    assert by['list.tiny_account.some["a"]'].objects[0].attributes["plan"] == "free"
    assert "plan" not in by['list.tiny_account.some["b"]'].objects[0].attributes
    assert (len(by["list.tiny_account.few"].objects), by["list.tiny_account.few"].left) == (2, 1)


def test_an_aliased_provider_is_asked_where_the_list_names_it(tiny, asked):
    """As a resource would."""
    tiny.tenant.put("tiny_group", name="a")
    tiny.write('provider "tiny" {\n  alias = "eu"\n}\n')
    found, made = asked('list "tiny_group" "all" {\n  provider = tiny.eu\n}\n', whole=True)
    assert found.results[0].objects[0].provider == "tiny.eu"
    assert "provider = tiny.eu" in next(iter(made.values())).resource


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ('list "tiny_group" {}', "Missing name for list"),
        ('list "tiny_group" "a" {}\nlist "tiny_group" "a" {}', 'Duplicate list "tiny_group"'),
        ('list "tiny_grp" "a" {}', "Invalid list resource"),
        ('list "other_thing" "a" {}', "Provider configuration not present"),
        ('resource "tiny_group" "a" {}', "Unsupported block type"),
        ('list "tiny_group" "a" {\n  nmae = 1\n}', "Unsupported argument"),
        ('list "tiny_group" "a" {\n  config {\n    nmae = 1\n  }\n}', "Unsupported argument"),
        ('list "tiny_group" "a" {\n  config {}\n  config {}\n}', "Duplicate config block"),
        ('list "tiny_group" "a" {\n  limit = -1\n}', "Invalid limit argument"),
        ('list "tiny_group" "a" {\n  limit = "many"\n}', "Invalid limit argument"),
        (
            'list "tiny_group" "a" {\n  include_resource = "x"\n}',
            "Invalid include_resource argument",
        ),
        (
            'list "tiny_group" "a" {\n  config {\n    name = var.nope\n  }\n}',
            "Reference to undeclared input variable",
        ),
        (
            'list "tiny_group" "a" {\n  config {\n    name = each.key\n  }\n}',
            'Reference to "each" in context without for_each',
        ),
        (
            'list "tiny_group" "a" {\n  count    = 1\n  for_each = {}\n}',
            'Invalid combination of "count" and "for_each"',
        ),
        ('list "tiny_group" "a" {\n  config {\n    within = "x"\n  }\n}', "Invalid within"),
        ('list "tiny_group" "a" {\n  config {\n    within = { x = 1 }\n  }\n}', "Invalid within"),
        ('list "tiny_key" "a" {\n  config {\n    secret = "x"\n  }\n}', "Unsupported argument"),
        (
            'list "tiny_group" "a" {\n  config {\n    name   = "x"\n    within = { name = "y" }\n  }\n}',
            "Argument given twice",
        ),
        (
            'list "tiny_group" "a" {\n  config {\n    name = tiny_job.j.id\n  }\n}',
            "Unknown value in a list's config",
        ),
        ('list "tiny_group" "a" {', "Unclosed configuration block"),
    ],
)
def test_what_is_wrong_is_said(tiny, asked, text, summary):
    """With Terraform's summaries where it has them; nothing is listed."""
    tiny.write('provider "tiny" {}\nresource "tiny_job" "j" {\n  task = "t"\n}\n')
    with pytest.raises(ValueError, match=re.escape(summary)):
        asked(text)


def test_a_query_file_in_json(tiny, asked):
    """The same lists; a reference to a provider is native, other strings are templates."""
    tiny.write(GROUPS)
    for name in ("x", "y"):
        tiny.tenant.put("tiny_group", name=name)
    query = {
        "list": {
            "tiny_group": {
                "all": {"provider": "tiny", "config": {"name": '${upper("x") == "X" ? "x" : ""}'}}
            }
        }
    }
    import json

    tiny.write(json.dumps(query), "q.query.hcl.json")
    (result,) = tiny.work.query()[0].results
    assert names(result) == ["x"]


def test_a_list_shows_a_hundred_objects_unless_it_says_otherwise(tiny, asked):
    """As in Terraform; without query files everything is shown."""
    tiny.write("")
    for number in range(103):
        tiny.tenant.put("tiny_group", name=f"g{number}")
    (result,) = asked('list "tiny_group" "all" {\n  provider = tiny\n}\n')[0].results
    assert (len(result.objects), result.left) == (100, 3)
