"""``lifecycle { enabled }``: a resource or module that may not be there."""

import pytest

from perimeter.engine.model import Action

TEXT = """
variable "on" {{
  default = {on}
}}

resource "tiny_group" "a" {{
  name = "a"
  lifecycle {{
    enabled = var.on
  }}
}}

output "there" {{
  value = tiny_group.a == null ? "no" : tiny_group.a.name
}}
"""


def write(tiny, on):
    tiny.write(TEXT.format(on=on))


def test_what_is_disabled_is_null_and_is_removed(tiny):
    """And comes back."""
    write(tiny, "true")
    tiny.applied()
    assert tiny.work.state.outputs["there"].value == "a"
    write(tiny, "false")
    change = tiny.planned()["tiny_group.a"]
    assert (change.action, change.reason) == (Action.DELETE, "delete_because_enabled_false")
    tiny.applied()
    assert tiny.work.state.outputs["there"].value == "no"
    write(tiny, "true")
    assert tiny.planned()["tiny_group.a"].action is Action.CREATE


def test_a_module_may_be_disabled(tiny):
    """Its value is null then."""
    inner = tiny.work.directory / "m"
    inner.mkdir()
    (inner / "main.hcl").write_text(
        'resource "tiny_group" "a" {\n  name = "a"\n}\noutput "n" {\n  value = tiny_group.a.name\n}\n'
    )
    text = (
        'module "m" {{\n  source = "./m"\n  lifecycle {{\n    enabled = {on}\n  }}\n}}\n'
        'output "n" {{\n  value = try(module.m.n, "none")\n}}\n'
    )
    tiny.write(text.format(on="true"))
    tiny.applied()
    tiny.write(text.format(on="false"))
    assert tiny.planned()["module.m.tiny_group.a"].action is Action.DELETE
    tiny.applied()
    assert tiny.work.state.outputs["n"].value == "none"


def test_a_data_source_may_be_disabled(tiny):
    """It is not read."""
    tiny.write(
        'data "tiny_group" "g" {\n  name = "none"\n  lifecycle {\n    enabled = false\n  }\n}\n'
        'output "n" {\n  value = data.tiny_group.g == null\n}\n'
    )
    tiny.applied()
    assert tiny.tenant.count("data") == 0
    assert tiny.work.state.outputs["n"].value is True


@pytest.mark.parametrize(
    ("enabled", "more", "summary"),
    [
        ("null", "", "Invalid enabled argument"),
        ('"maybe"', "", "Invalid enabled argument"),
        ("sensitive(true)", "", "Invalid enabled argument"),
        ('timestamp() == "x"', "", "Invalid enabled argument"),
        ("true", "count = 1", 'Invalid combination of "count" and "enabled"'),
    ],
)
def test_what_enabled_cannot_be(tiny, enabled, more, summary):
    """It must be decided while planning, and in the open."""
    tiny.write(
        f'resource "tiny_group" "a" {{\n  name = "a"\n  {more}\n  lifecycle {{\n    enabled = {enabled}\n  }}\n}}\n'
    )
    assert [item.summary for item in tiny.plan().diagnostics.errors] == [summary]
