"""From files to a configuration: what is read, what is refused, and how it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from perimeter.config.files import Memory
from perimeter.config.load import load
from perimeter.hcl.nodes import Literal
from perimeter.lang.types import NUMBER, List, Object
from tests.config.loading import everything, loaded


def test_all_kinds_of_blocks() -> None:
    """Each lands in the module under its key."""
    config, found = loaded(
        """
        perimeter {
          required_version = ">= 0"
          required_providers {
            okta = { source = "perimeter/okta", version = "~> 1.0", configuration_aliases = [okta.eu] }
            gh   = { source = "perimeter/github" }
          }
          backend "local" { path = "x.json" }
        }
        provider "okta" { org = "acme" }
        provider "okta" {
          alias = "eu"
          org   = "acme-eu"
        }
        variable "sizes" {
          type        = list(number)
          default     = [1]
          description = "How many"
          sensitive   = true
        }
        locals {
          a = 1
          b = 2
        }
        resource "okta_app" "crm" {
          provider   = okta.eu
          for_each   = { x = 1 }
          depends_on = [okta_app.other]
          lifecycle {
            create_before_destroy = true
            prevent_destroy       = true
            ignore_changes        = [label, settings["a"].b]
            expires_at            = "2027-01-01"
            precondition {
              condition     = local.a > 0
              error_message = "no"
            }
          }
        }
        resource "okta_app" "other" {}
        data "okta_user" "me" {}
        integration "drift" {
          owner   = "revops@acme.example"
          purpose = "Chat"
        }
        collection "okta_app" "all" {
          mode   = "exclusive"
          within = { status = "ACTIVE" }
          ignore = [{ label = "x" }]
        }
        break_glass "okta" { users = ["bg@acme.example"] }
        import {
          to = okta_app.other
          id = "0oa1"
        }
        output "o" {
          value     = local.b
          sensitive = true
        }
        """
    )
    assert not found, list(found)
    root = config.root
    assert root.variables["sizes"].type == List(NUMBER)
    assert root.variables["sizes"].sensitive
    assert list(root.locals) == ["a", "b"]
    crm = root.resources["managed", "okta_app", "crm"]
    assert crm.provider.key == "okta.eu"
    assert crm.lifecycle.prevent_destroy is True
    assert crm.lifecycle.ignore_changes == (("label",), ("settings", "a", "b"))
    assert crm.lifecycle.create_before_destroy
    assert [str(item) for item in crm.depends_on] == ["okta_app.other"]
    assert root.resources["data", "okta_user", "me"].address == "data.okta_user.me"
    assert isinstance(root.integrations["drift"].owner, Literal)
    assert root.collections["okta_app", "all"].mode is not None
    assert root.break_glass["okta"].provider == "okta"
    assert list(root.imports) == ["okta_app.other"]
    assert root.outputs["o"].sensitive
    assert root.provider_configs.keys() == {"okta", "okta.eu"}
    assert root.required_providers["okta"].aliases == ("okta.eu",)
    assert root.required_providers["gh"].entry_point == "github"
    assert root.backend is not None
    assert root.backend.type == "local"
    assert config.provider_sources.keys() == {"okta", "github"}


@pytest.mark.parametrize(
    ("main", "summary", "detail"),
    [
        ('resorce "a" "b" {}', "Unsupported block type", 'Did you mean "resource"?'),
        ("x = 1", "Unsupported argument", "not expected here"),
        ('variable "v" {\n typ = string\n}', "Unsupported argument", 'Did you mean "type"?'),
        ('variable "count" {}', "Invalid variable name", "reserved"),
        ('variable "a b" {}', "Invalid variable name", "must start with"),
        (
            'variable "v" {\n type = number\n default = "x"\n}',
            "Invalid default value for variable",
            "number is required",
        ),
        ('variable "v" {\n type = strng\n}', "Invalid type specification", '"strng"'),
        ('variable "v" {}\nvariable "v" {}', "Duplicate variable declaration", "main.hcl:1,1-13"),
        (
            "locals {\n a = 1\n}\nlocals {\n a = 2\n}",
            "Duplicate local value definition",
            "main.hcl:2",
        ),
        ('output "o" {}', "Missing required argument", '"value"'),
        ('resource "a_b" {}', "Missing name for resource", "2 labels"),
        ('resource "a_b" "c" "d" {}', "Extraneous label for resource", "Only 2 labels"),
        (
            'resource "a_b" "c" {}\nresource "a_b" "c" {}',
            'Duplicate resource "a_b" configuration',
            "unique",
        ),
        (
            'resource "a_b" "c" {\n count = 1\n for_each = {}\n}',
            'Invalid combination of "count" and "for_each"',
            "mutually-exclusive",
        ),
        (
            'resource "a_b" "c" {\n provisioner "local-exec" {}\n}',
            "Provisioners are not supported",
            "pipeline",
        ),
        (
            'resource "a_b" "c" {\n lifecycle {\n prevent_destory = true\n}\n}',
            "Unsupported argument",
            'Did you mean "prevent_destroy"?',
        ),
        (
            'data "a_b" "c" {\n lifecycle {\n prevent_destroy = true\n}\n}',
            "Invalid data resource lifecycle argument",
            "managed resources",
        ),
        (
            'resource "a_b" "c" {\n lifecycle {\n precondition {\n condition = true\n error_message = "x"\n}\n}\n}',
            "Invalid precondition expression",
            "at least one object",
        ),
        (
            'collection "a_b" "c" {\n mode = "exclusiv"\n}',
            "Invalid collection mode",
            'Did you mean "exclusive"?',
        ),
        ('collection "a_b" "c" {\n modus = "x"\n}', "Unsupported argument", 'Did you mean "mode"?'),
        ('integration "i" {\n ownr = "x"\n}', "Unsupported argument", 'Did you mean "owner"?'),
        ('break_glass "okta" {}', "Missing required argument", '"users"'),
        (
            'resource "a_b" "c" {\n provider = okta.eu.x\n}',
            "Invalid provider configuration reference",
            "alias",
        ),
        (
            'resource "a_b" "c" {\n provider = a.eu\n}',
            "Provider configuration not present",
            'alias = "eu"',
        ),
        (
            'perimeter {\n required_version = ">= 99"\n}',
            "Unsupported perimeter version",
            "does not support",
        ),
        (
            'module "m" {\n source = "hashicorp/x/y"\n}',
            "Module not installed",
            "perimeter init",
        ),
        (
            'module "m" {\n source = "modules/m"\n}',
            "Invalid module source address",
            '"./modules/m"',
        ),
        ('module "m" {\n source = "./none"\n}', "Unreadable module directory", "none"),
        ('module "m" {\n source = "./"\n}', "Module calls itself", "part of itself"),
        ('policy "p" {}', "Block type not supported yet", "does not act on them yet"),
        (
            'variable "v" {\n validation {\n condition = true\n error_message = "x"\n}\n}',
            "Invalid validation expression",
            "at least one object",
        ),
        (
            'variable "v" {\n validation {\n condition = local.x\n error_message = "x"\n}\n}\nlocals {\n x = true\n}',
            "Invalid variable validation condition",
            "var.v",
        ),
    ],
)
def test_what_is_wrong_is_said_with_a_remedy(main: str, summary: str, detail: str) -> None:
    """Terraform's summary where it has one, a place, and the nearest name."""
    found = everything(main)
    assert summary in [item[0] for item in found], found
    chosen = next(item for item in found if item[0] == summary)
    assert detail in chosen[1]
    assert chosen[2].startswith("main.hcl:")


def test_all_errors_are_found_in_one_run() -> None:
    """Syntax, structure and references of several files."""
    found = everything(
        'variable "v" {\n typ = 1\n}\nx = = 2\n',
        other='output "o" {}\nlocals { a = var.nope }\n',
    )
    assert [(item[0], item[2]) for item in found] == [
        ("Invalid expression", "main.hcl:4"),
        ("Unsupported argument", "main.hcl:2"),
        ("Missing required argument", "other.hcl:1"),
        ("Reference to undeclared input variable", "other.hcl:2"),
    ]


def test_override_files_merge() -> None:
    """Arguments replace arguments, blocks of a type replace all of it, ``lifecycle`` merges inside."""
    config, found = loaded(
        """
        variable "v" { default = 1 }
        locals { a = 1 }
        resource "a_b" "c" {
          x = 1
          y = 1
          rule { n = 1 }
          rule { n = 2 }
          lifecycle {
            prevent_destroy       = true
            create_before_destroy = true
          }
        }
        """,
        override="""
        variable "v" { default = 2 }
        locals { a = 3 }
        resource "a_b" "c" {
          y = 2
          rule { n = 3 }
          lifecycle { prevent_destroy = false }
        }
        """,
    )
    assert not found
    block = config.root.resources["managed", "a_b", "c"]
    assert {name: item.expr.text for name, item in block.body.attributes.items()} == {
        "x": "1",
        "y": "2",
    }
    assert [item.type for item in block.body.blocks].count("rule") == 1
    assert block.lifecycle.prevent_destroy is False
    assert block.lifecycle.create_before_destroy
    default = config.root.variables["v"].default
    assert default is not None
    assert default.text == "2"
    assert config.root.locals["a"].expr.text == "3"


def test_an_override_needs_something_to_override() -> None:
    """Otherwise a typing error would declare something."""
    found = everything("", x_override='resource "a_b" "c" {}\nimport {\n to = a_b.c\n id = 1\n}\n')
    assert [item[0] for item in found] == [
        "Missing base resource configuration to override",
        "Cannot override 'import' blocks",
    ]


def test_modules_stand_once_per_call() -> None:
    """A module called twice is two modules at two places; nested ones too."""
    config, found = loaded(
        'module "a" {\n source = "./m"\n}\nmodule "b" {\n source = "./m"\n}\n',
        m__main='module "inner" {\n source = "./inner"\n}\n',
        m__inner__main="locals { x = 1 }\n",
    )
    assert not found
    assert list(config.modules) == [(), ("a",), ("a", "inner"), ("b",), ("b", "inner")]
    assert config.modules["a", "inner"].source_dir == "m/inner"
    assert config.modules["a", "inner"].address == "module.a.module.inner"


def test_modules_that_call_each_other_are_refused() -> None:
    """The chain is named."""
    found = everything(
        'module "a" {\n source = "./a"\n}\n',
        a__main='module "b" {\n source = "../b"\n}\n',
        b__main='module "a" {\n source = "../a"\n}\n',
    )
    assert ("Module calls itself", True) in [(item[0], "calls" in item[1]) for item in found]


def test_other_tools_files_are_skipped_and_named() -> None:
    """Variable, test and query files are not configuration either."""
    contents = {
        "main.hcl": b"locals { a = 1 }",
        "terragrunt.hcl": b"what {",
        "x.pkr.hcl": b"what {",
        "x.vars.hcl": b"a = 1",
        "x.test.hcl": b"run x {}",
        ".hidden.hcl": b"what {",
        "notes.txt": b"what {",
    }
    config, found, sources = load(Path(), reader=Memory(contents))
    assert config is not None
    assert [item.summary for item in found] == ["File skipped", "File skipped"]
    assert list(sources) == ["main.hcl"]


def test_nothing_to_load_is_an_error() -> None:
    """No file, or no directory."""
    config, found, _ = load(Path(), reader=Memory({"notes.txt": b""}))
    assert config is None
    assert [item.summary for item in found] == ["No configuration files"]
    config, found, _ = load(Path("gone"), reader=Memory({"notes.txt": b""}))
    assert config is None
    assert [item.summary for item in found] == ["Unreadable module directory"]


def test_a_file_that_is_no_utf8_is_refused_where_it_stops() -> None:
    """With the position of the first wrong byte."""
    _, found, _ = load(Path(), reader=Memory({"main.hcl": b"a = 1\nb = \xff"}))
    item = found.errors[0]
    assert item.summary == "Invalid character encoding"
    assert item.subject is not None
    assert (item.subject.start.line, item.subject.start.column) == (2, 5)


def test_symbolic_links_do_not_loop(tmp_path: Path) -> None:
    """A directory that links to itself is one module."""
    (tmp_path / "main.hcl").write_text('module "m" {\n source = "./again"\n}\n')
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    _, found, _ = load(tmp_path)
    assert [item.summary for item in found] == ["Module calls itself"]


def test_optional_attributes_in_a_constraint() -> None:
    """Are part of the variable's type."""
    config, found = loaded(
        'variable "v" {\n type = object({ a = string, b = optional(number, 3) })\n}\n'
    )
    assert not found
    kind = config.root.variables["v"].type
    assert isinstance(kind, Object)
    assert kind.optional == {"b"}
