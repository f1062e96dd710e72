"""Values of root variables: where they come from, what they become, what is refused."""

from __future__ import annotations

import pytest

from tests.config.loading import bound

_MAIN = """
variable "name" { default = "from default" }
variable "sizes" {
  type    = list(number)
  default = []
}
"""


def test_the_last_source_wins() -> None:
    """Environment, then files, then the command line in its order."""
    environment = {"PERIMETER_VAR_name": "from environment", "PERIMETER_VAR_sizes": "[1, 2]"}
    assert bound(_MAIN)[0]["name"] == "from default"
    values, problems = bound(_MAIN, environment=environment)
    assert (values, problems) == ({"name": "from environment", "sizes": [1, 2]}, [])
    files = {"perimeter__vars": 'name = "from file"\n'}
    assert bound(_MAIN, environment=environment, **files)[0]["name"] == "from file"
    files["z__auto__vars"] = 'name = "from auto"\nsizes = ["3"]\n'
    values, problems = bound(_MAIN, environment=environment, **files)
    assert (values, problems) == ({"name": "from auto", "sizes": [3]}, [])
    values, _ = bound(_MAIN, ("var", "name=first"), ("var", "name=last"), **files)
    assert values["name"] == "last"
    assert (
        bound(_MAIN, ("var-file", "extra.vars.hcl"), extra__vars='name = "x"\n')[0]["name"] == "x"
    )


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ([("var", "sizes=[1,")], None),
        ([("var", 'sizes=["x"]')], "Invalid value for input variable"),
        ([("var", "nope=1")], "Value for undeclared variable"),
        ([("var", "name")], "Invalid -var option"),
        ([("var", " name=1")], "Invalid -var option"),
        ([("var-file", "gone.hcl")], "Failed to read variables file"),
        ([("var", "sizes=var.name")], "Variables not allowed"),
        ([("var", "sizes=range(3)")], "Function calls not allowed"),
    ],
)
def test_what_is_wrong_with_a_value(options: list[tuple[str, str]], problem: str | None) -> None:
    """Reported once, and the other variables have their values."""
    values, problems = bound(_MAIN, *options)
    assert len(problems) >= 1
    if problem is not None:
        assert problems == [problem]
    assert "name" in values


def test_a_required_variable_must_have_a_value() -> None:
    """Null counts only where it is allowed."""
    assert bound('variable "v" {}')[1] == ["No value for required variable"]
    assert bound('variable "v" {\n type = string\n}', ("var", "v=null"))[0] == {"v": "null"}
    main = 'variable "v" {\n type = any\n nullable = false\n}'
    assert bound(main, ("var", "v=null"))[1] == ["Required variable not set"]
    main = 'variable "v" {\n type = any\n nullable = false\n default = 3\n}'
    assert bound(main, ("var", "v=null")) == ({"v": 3}, [])


def test_undeclared_values_in_files_are_warnings() -> None:
    """The environment may hold others' values."""
    _, problems = bound(_MAIN, perimeter__vars="a = 1\nb = 2\nc = 3\nd = 4\n")
    assert problems == ["Value for undeclared variable"] * 2 + ["Values for undeclared variables"]
    assert bound(_MAIN, environment={"PERIMETER_VAR_other": "1"})[1] == []


def test_validations_are_checked() -> None:
    """All of them, with their own words, over other variables as well."""
    main = """
    variable "low" { default = 1 }
    variable "high" {
      type = number
      validation {
        condition     = var.high > var.low
        error_message = "high must exceed ${var.low}"
      }
      validation {
        condition     = var.high < 100
        error_message = "too high"
      }
    }
    """
    assert bound(main, ("var", "high=5"))[1] == []
    assert bound(main, ("var", "high=0"))[1] == ["Invalid value for variable"]
    assert (
        bound(main, ("var", "high=100"), ("var", "low=200"))[1]
        == ["Invalid value for variable"] * 2
    )


def test_objects_get_their_defaults() -> None:
    """And lose what the type does not have."""
    main = """
    variable "v" {
      type = object({ a = optional(number, 3), b = list(object({ c = optional(string, "x") })) })
    }
    """
    values, problems = bound(main, ("var", "v={ b = [{}, { c = 1 }], z = 1 }"))
    assert (values, problems) == ({"v": {"a": 3, "b": [{"c": "x"}, {"c": "1"}]}}, [])
