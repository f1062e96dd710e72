"""Module sources and the backend may refer to variables and locals."""

import pytest

from perimeter.config.assignments import Assignments, Given, Origin
from perimeter.config.load import load
from perimeter.lang.values import string

CHILD = 'variable "x" {\n  default = ""\n}\n'


def loaded(directory, main, given=None, **modules):
    (directory / "main.hcl").write_text(main)
    for name, text in modules.items():
        (directory / name).mkdir()
        (directory / name / "main.hcl").write_text(text)
    values = {
        name: Given(name=name, origin=Origin.COMMAND_LINE, where="-var", text=text)
        for name, text in (given or {}).items()
    }
    config, problems, _ = load(directory, given=lambda: Assignments(values=values))
    return config, [f"{item.summary}: {item.detail}" for item in problems.errors]


def test_a_source_follows_variables_and_locals(tmp_path):
    """The default, and what is given instead."""
    main = (
        'variable "kind" {\n  default = "one"\n  const = true\n}\n'
        'locals {\n  where = "./${var.kind}"\n}\n'
        'module "m" {\n  source = local.where\n}\n'
    )
    config, errors = loaded(tmp_path, main, one=CHILD, two=CHILD)
    assert not errors
    assert config.root.calls["m"].source == "./one"
    config, errors = loaded(tmp_path, main, {"kind": "two"})
    assert config.modules["m",].source_dir.endswith("two")


def test_a_source_inside_a_module_follows_what_it_is_given(tmp_path):
    """Through a const variable of the module."""
    main = 'module "outer" {\n  source = "./outer"\n  kind = lower("INNER")\n}\n'
    outer = 'variable "kind" {\n  const = true\n}\nmodule "m" {\n  source = "../${var.kind}"\n}\n'
    config, errors = loaded(tmp_path, main, outer=outer, inner=CHILD)
    assert not errors
    assert ("outer", "m") in config.modules


def test_a_backend_follows_variables(tmp_path):
    """Its arguments are values."""
    main = 'variable "team" {}\nperimeter {\n  backend "local" {\n    path = "${var.team}.json"\n  }\n}\n'
    config, errors = loaded(tmp_path, main, {"team": "red"})
    assert not errors
    assert config.root.backend.arguments == {"path": string("red.json")}


@pytest.mark.parametrize(
    ("main", "expected"),
    [
        ('module "m" {\n  source = data.x.y.z\n}\n', "Reference not available early"),
        ('module "m" {\n  source = var.no\n}\n', "Reference to undeclared input variable"),
        (
            'locals {\n  a = local.b\n  b = local.a\n}\nmodule "m" {\n  source = local.a\n}\n',
            "Self-",
        ),
        (
            'variable "s" {\n  default = "./one"\n  sensitive = true\n}\nmodule "m" {\n  source = var.s\n}\n',
            "Invalid module source: The module source is unsuitable: it is derived from a sensitive",
        ),
        ('variable "n" {}\nmodule "m" {\n  source = var.n\n}\n', "No value for required variable"),
        ('locals {\n  n = null\n}\nmodule "m" {\n  source = local.n\n}\n', "Invalid module source"),
        (
            'variable "s" {\n  const = true\n  ephemeral = true\n}\n',
            'Invalid combination of "const" and "ephemeral"',
        ),
        (
            'module "m" {\n  source = "./const"\n  x = data.a.b.c\n}\n',
            "Value is not constant",
        ),
    ],
)
def test_what_cannot_be_known_early_is_an_error(tmp_path, main, expected):
    """With the reason."""
    _, errors = loaded(tmp_path, main, one=CHILD, const='variable "x" {\n  const = true\n}\n')
    assert errors
    assert errors[0].startswith(expected)
