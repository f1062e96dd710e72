"""``check`` blocks: they warn and never block."""

import pytest

GROUP = 'resource "tiny_group" "a" {\n  name = "a"\n  session = 30\n}\n'
CHECK = """check "c" {{
  {data}
  assert {{
    condition     = {condition}
    error_message = "No: ${{tiny_group.a.name}}."
  }}
}}
"""


def check(condition, data=""):
    return CHECK.format(condition=condition, data=data)


def said(outcome):
    assert not outcome.errors, outcome.errors
    return [(item.summary, item.detail.partition(".")[0]) for item in outcome.diagnostics]


def test_a_failed_check_warns_and_blocks_nothing(tiny):
    """At plan and again at apply."""
    tiny.write(GROUP + check("tiny_group.a.session > 60"))
    outcome = tiny.plan()
    assert said(outcome) == [("Check block assertion failed", "No: a")]
    assert [(c.address, c.kind, c.status, c.problems) for c in outcome.plan.checks] == [
        ("check.c", "check", "fail", ("No: a.",))
    ]
    applied = tiny.applied()
    assert said(applied).count(("Check block assertion failed", "No: a")) == 1
    assert len(tiny.tenant.of("tiny_group")) == 1


def test_a_check_that_holds_is_silent(tiny):
    """It is in the plan all the same."""
    tiny.write(GROUP + check("tiny_group.a.session < 60"))
    outcome = tiny.plan()
    assert said(outcome) == []
    assert [item.status for item in outcome.plan.checks] == ["pass"]


def test_what_is_not_known_yet_is_judged_at_apply(tiny):
    """The id is known afterwards."""
    tiny.write(GROUP + check('tiny_group.a.id == "x"'))
    outcome = tiny.plan()
    assert [summary for summary, _ in said(outcome)] == ["Check block assertion known after apply"]
    assert [item.status for item in outcome.plan.checks] == ["unknown"]
    assert [summary for summary, _ in said(tiny.applied())] == [
        "Check block assertion known after apply",
        "Check block assertion failed",
    ]


def test_its_data_source_is_its_own(tiny):
    """Read for the check, invisible elsewhere; that it finds nothing is a warning."""
    data = 'data "tiny_group" "g" {\n    name = "other"\n  }'
    tiny.tenant.put("tiny_group", name="other", note="n")
    tiny.write(GROUP + check('data.tiny_group.g.note == "n"', data))
    assert said(tiny.plan()) == []
    tiny.tenant.of("tiny_group").clear()
    outcome = tiny.plan()
    assert "No such object" in [summary for summary, _ in said(outcome)]
    assert [item.status for item in outcome.plan.checks] == ["unknown"]
    tiny.applied()
    outside = 'output "o" {\n  value = data.tiny_group.g.session\n}\n'
    tiny.write(GROUP + check('data.tiny_group.g.note == "n"', data) + outside)
    assert [item.summary for item in tiny.plan().diagnostics.errors] == [
        "Reference to scoped resource"
    ]


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ('check "c" {\n}\n', "Zero assert blocks"),
        (check("1 == 2"), "Invalid assert expression"),
        (check("tiny_group.a.name"), "Invalid condition result"),
        (check("tiny_group.a.session > 1") * 2, 'Duplicate check "c" configuration'),
        (
            check(
                "tiny_group.a.session > 1",
                'data "tiny_group" "x" {\n    name = "x"\n  }\n'
                '  data "tiny_group" "y" {\n    name = "x"\n  }',
            ),
            "Multiple data resource blocks",
        ),
    ],
)
def test_checks_that_make_no_sense_are_refused(tiny, text, summary):
    """In Terraform's words."""
    tiny.write(GROUP + text)
    found = [item.summary for item in tiny.plan().diagnostics.errors]
    # A condition that tests nothing is none, as Terraform has it.
    also = ["Zero assert blocks"] if summary == "Invalid assert expression" else []
    assert found == [summary, *also]


CONDITIONED = """
data "tiny_group" "g" {{
  name = "g"
  lifecycle {{
    {kind} {{
      condition     = {condition}
      error_message = "Not like this."
    }}
  }}
}}
"""


@pytest.mark.parametrize(
    ("kind", "condition", "summary", "reads"),
    [
        ("precondition", "var.x == 2", "Resource precondition failed", 0),
        ("postcondition", 'self.note == "z"', "Resource postcondition failed", 1),
    ],
)
def test_a_data_sources_conditions_are_judged_while_planning(tiny, kind, condition, summary, reads):
    """A precondition before it is read, a postcondition on what was read."""
    tiny.tenant.put("tiny_group", name="g", note="n")
    variable = 'variable "x" {\n  default = 1\n}\n'
    tiny.write(variable + CONDITIONED.format(kind=kind, condition=condition))
    errors = tiny.plan().diagnostics.errors
    assert [(item.summary, item.detail) for item in errors] == [(summary, "Not like this.")]
    assert tiny.tenant.count("data") == reads
