"""``deprecated`` variables and outputs warn where they are used, not where they stand; ``perimeter.applying``."""

import pytest

CHILD = """
variable "old" {
  default    = ""
  deprecated = "Use new."
}

variable "new" {
  default = var_default
}

output "old" {
  value      = var.old
  deprecated = "Read new."
}

output "new" {
  value = var.new
}
""".replace("var_default", '""')


def warnings(tiny, text):
    inner = tiny.work.directory / "m"
    inner.mkdir()
    (inner / "main.hcl").write_text(CHILD)
    tiny.write(text)
    outcome = tiny.plan()
    assert not outcome.errors, outcome.errors
    return [(item.summary, item.detail.splitlines()[-1]) for item in outcome.diagnostics]


def test_what_is_not_used_does_not_warn(tiny):
    """Its author may keep it."""
    text = (
        'module "m" {\n  source = "./m"\n  new = "x"\n}\noutput "o" {\n  value = module.m.new\n}\n'
    )
    assert warnings(tiny, text) == []


def test_uses_warn_with_the_authors_words(tiny):
    """An argument, and a reference to an output."""
    text = (
        'module "m" {\n  source = "./m"\n  old = "x"\n}\noutput "o" {\n  value = module.m.old\n}\n'
    )
    assert sorted(warnings(tiny, text)) == [
        ("Value derived from a deprecated source", "Read new."),
        ("Variable marked as deprecated by the module author", "Use new."),
    ]


def test_a_root_variable_warns_when_it_is_given(tiny):
    """By anybody."""
    tiny.work.environment = {"PERIMETER_VAR_old": "x"}
    tiny.write(CHILD)
    found = [item.summary for item in tiny.plan().diagnostics]
    assert found == ["Deprecated variable used from the root module"]


def test_a_message_is_needed(tiny):
    """An empty one helps nobody."""
    tiny.write('variable "a" {\n  deprecated = " "\n}\n')
    assert "Invalid deprecated message" in [x.summary for x in tiny.plan().diagnostics.errors]


KEY = """
resource "tiny_key" "k" {{
  group  = "{group}"
  label  = "k"
  secret = perimeter.applying ? "while-applying" : "while-planning"
}}
"""


def test_applying_is_ephemeral(tiny):
    """Neither state nor an output may hold it."""
    tiny.write('output "o" {\n  value = perimeter.applying\n}\n')
    assert [x.summary for x in tiny.plan().diagnostics.errors] == ["Ephemeral value not allowed"]


def test_a_secret_is_evaluated_anew_at_apply(tiny):
    """A write-only argument may depend on the phase."""
    tiny.write(KEY.format(group=tiny.tenant.put("tiny_group", name="g")))
    tiny.applied()
    assert [item["secret"] for item in tiny.tenant.of("tiny_key").values()] == ["while-applying"]
    assert "while-" not in repr(tiny.state)


@pytest.mark.parametrize("name", ["note"])
def test_an_ordinary_argument_cannot_be_ephemeral(tiny, name):
    """It is kept in state."""
    tiny.write(
        f'resource "tiny_group" "a" {{\n  name = "a"\n  {name} = "${{perimeter.applying}}"\n}}\n'
    )
    assert [x.summary for x in tiny.plan().diagnostics.errors] == ["Invalid use of ephemeral value"]
