from tests.trial.trying import said, statuses

GROUPS = """
perimeter {
  required_providers {
    tiny = { source = "perimeter/tiny" }
  }
}
variable "note" { default = "hello" }
resource "tiny_group" "a" {
  name = "a"
  note = var.note
}
resource "tiny_key" "k" {
  group = tiny_group.a.id
}
data "tiny_group" "other" { name = "other" }
output "id" { value = tiny_group.a.id }
output "created" { value = tiny_key.k.created_at }
output "other" { value = data.tiny_group.other.id }
"""


def test_a_mocked_provider_reaches_nobody_and_makes_up_the_same_values_each_time(trial):
    """Computed attributes are made up; what configuration gives is kept; data sources answer."""
    trial.write(GROUPS)
    trial.write(
        """
        mock_provider "tiny" {}
        run "made_up" {
          assert {
            condition     = length(output.id) == 8 && tiny_group.a.note == "hello"
            error_message = "got ${output.id}"
          }
          assert {
            condition     = tiny_key.k.group == tiny_group.a.id && output.other != output.id
            error_message = "not linked"
          }
        }
        run "again" {
          assert {
            condition     = run.made_up.id == output.id
            error_message = "replaced"
          }
        }
        """,
        "tests/mock.test.hcl",
    )
    first, second = trial.run(), trial.run()
    assert statuses(first) == {"made_up": "pass", "again": "pass"}, said(first)
    assert trial.tenant.calls == []

    def ids(result):
        return result.files[0].runs[0].state.outputs["id"].value

    assert ids(first) == ids(second)


def test_defaults_of_a_mock_fill_what_nobody_configures(trial):
    """Also from the directory that ``source`` names, after what the block says itself."""
    trial.write(GROUPS)
    trial.write(
        'mock_resource "tiny_group" {\n  defaults = { id = "shared" }\n}\n'
        'mock_data "tiny_group" {\n  defaults = { id = "d-1", note = upper("n") }\n}\n',
        "mocks/tiny.mock.hcl",
    )
    trial.write(
        """
        variables { stamp = "2026-01-01" }
        mock_provider "tiny" {
          source = "./mocks"
          mock_resource "tiny_key" {
            defaults = { created_at = var.stamp }
          }
        }
        run "filled" {
          assert {
            condition     = [output.id, output.created, output.other] == ["shared", "2026-01-01", "d-1"]
            error_message = "got ${jsonencode([output.id, output.created, output.other])}"
          }
          assert {
            condition     = data.tiny_group.other.note == "N"
            error_message = "no note"
          }
        }
        """,
        "tests/mock.test.hcl",
    )
    result = trial.run()
    assert statuses(result) == {"filled": "pass"}, said(result)


def test_made_up_values_are_unknown_while_planning_unless_the_mock_says_otherwise(trial):
    trial.write(GROUPS)
    text = """
        mock_provider "tiny" {
          %s
        }
        run "planned" {
          command = plan
          assert {
            condition     = output.id != null
            error_message = "unknown"
          }
        }
        run "applied" {
          assert {
            condition     = output.id == tiny_group.a.id
            error_message = "differs"
          }
        }
    """
    trial.write(text % "", "tests/mock.test.hcl")
    result = trial.run()
    assert statuses(result) == {"planned": "error", "applied": "skip"}
    assert said(result)[0].startswith("Unknown condition value: Condition expression could not")
    trial.write(text % "override_during = plan", "tests/mock.test.hcl")
    result = trial.run()
    assert statuses(result) == {"planned": "pass", "applied": "pass"}, said(result)


def test_overrides_replace_one_block_and_the_run_comes_before_the_file(trial):
    trial.write(GROUPS)
    trial.write(
        """
        mock_provider "tiny" {
          override_resource {
            target = tiny_group.a
            values = { id = "by-mock" }
          }
        }
        override_data {
          target = data.tiny_group.other
          values = { id = "by-file" }
        }
        run "outer" {
          assert {
            condition     = output.id == "by-mock" && output.other == "by-file"
            error_message = "got ${output.id} ${output.other}"
          }
        }
        run "inner" {
          command   = plan
          state_key = "other"
          override_resource {
            target          = tiny_group.a
            override_during = plan
            values          = { id = "by-run" }
          }
          assert {
            condition     = output.id == "by-run"
            error_message = "got ${output.id}"
          }
        }
        """,
        "tests/override.test.hcl",
    )
    result = trial.run()
    assert statuses(result) == {"outer": "pass", "inner": "pass"}, said(result)


def test_an_overridden_resource_of_a_real_provider_never_reaches_it(trial):
    """The others do, and are removed at the end."""
    trial.write(GROUPS.replace('"other"', '"a"'))
    trial.write(
        """
        override_resource { target = tiny_key.k }
        override_data {
          target = data.tiny_group.a
          values = { id = "x" }
        }
        run "mixed" {
          assert {
            condition     = tiny_key.k.group == tiny_group.a.id && length(output.created) == 8
            error_message = "wrong"
          }
        }
        """,
        "tests/mixed.test.hcl",
    )
    trial.write(
        GROUPS.replace("data.tiny_group.other.id", '"x"').replace(
            'data "tiny_group" "other" { name = "other" }', 'data "tiny_group" "a" { name = "a" }'
        )
    )
    result = trial.run()
    assert statuses(result) == {"mixed": "pass"}, said(result)
    created = [call for call in trial.tenant.calls if call[0] == "create"]
    assert [call[1] for call in created] == ["tiny_group"]
    assert trial.tenant.of("tiny_group") == {}


def test_an_overridden_module_makes_nothing_and_its_other_outputs_are_null(trial):
    trial.write(
        'module "m" {\n  source = "./m"\n  name = "x"\n}\n'
        'output "a" { value = module.m.a }\noutput "b" { value = module.m.b }\n'
    )
    trial.write(
        'variable "name" {}\nresource "tiny_group" "g" { name = var.name }\n'
        'output "a" { value = tiny_group.g.id }\noutput "b" { value = "b" }\n',
        "m/main.hcl",
    )
    trial.write(
        """
        override_module {
          target  = module.m
          outputs = { a = "A" }
        }
        run "planned" {
          command = plan
          assert {
            condition     = output.a == "A" && output.b == null
            error_message = "no"
          }
        }
        """,
        "tests/module.test.hcl",
    )
    result = trial.run()
    assert statuses(result) == {"planned": "pass"}, said(result)
    assert trial.tenant.calls == []


def test_aliased_mocks_are_passed_by_name(trial):
    trial.write(
        'provider "tiny" {\n  alias = "eu"\n}\n'
        'resource "tiny_group" "a" { name = "a" }\n'
        'resource "tiny_group" "b" {\n  provider = tiny.eu\n  name = "b"\n}\n'
    )
    trial.write(
        """
        mock_provider "tiny" { alias = "one" }
        mock_provider "tiny" {
          alias = "two"
          mock_resource "tiny_group" {
            defaults = { id = "two" }
          }
        }
        run "passed" {
          providers = {
            tiny    = tiny.one
            tiny.eu = tiny.two
          }
          assert {
            condition     = tiny_group.b.id == "two" && tiny_group.a.id != "two"
            error_message = "got ${tiny_group.b.id}"
          }
        }
        run "unknown" {
          providers = { tiny = tiny.three }
        }
        """,
        "tests/alias.test.hcl",
    )
    result = trial.run()
    assert statuses(result) == {"passed": "pass", "unknown": "error"}, said(result)
    assert any(text.startswith("Missing provider for run: ") for text in said(result))
    assert trial.tenant.calls == []


def test_a_providers_arguments_may_come_from_an_earlier_run(trial):
    trial.write('resource "tiny_group" "a" { name = "a" }\n')
    trial.write('output "token" { value = "from-setup" }\n', "setup/main.hcl")
    trial.write(
        """
        provider "tiny" { token = run.setup.token }
        run "setup" {
          module { source = "./setup" }
        }
        run "real" {}
        """,
        "tests/provider.test.hcl",
    )
    result = trial.run()
    # The first run cannot have it yet.
    assert statuses(result) == {"setup": "error", "real": "skip"}
    trial.write(
        trial.directory.joinpath("tests/provider.test.hcl")
        .read_text()
        .replace('module { source = "./setup" }', 'module { source = "./setup" }\n providers = {}'),
        "tests/provider.test.hcl",
    )
    result = trial.run()
    assert statuses(result) == {"setup": "pass", "real": "pass"}, said(result)


def test_what_does_not_fit_a_mock_is_said(trial):
    trial.write('resource "tiny_group" "a" { name = "a" }\n')
    trial.write(
        """
        mock_provider "tiny" {
          mock_resource "tiny_group" {
            defaults = { identity = "x", session = "long" }
          }
          mock_resource "tiny_gruop" {}
        }
        override_resource { target = tiny_group.zzz }
        override_resource { target = tiny_group.a["x"] }
        run "x" {}
        """,
        "tests/wrong.test.hcl",
    )
    text = "\n".join(said(trial.run()))
    assert 'Invalid mocked value: There is no attribute "identity".' in text
    assert 'Attribute "session": a number is required' in text
    assert 'has no resource type "tiny_gruop". Did you mean "tiny_group"?' in text
    assert "The override target tiny_group.zzz does not exist" in text
    assert 'The override target tiny_group.a["x"] does not exist' in text
