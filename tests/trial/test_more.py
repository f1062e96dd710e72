"""Tests in JSON, overrides of single instances, made-up times, interrupts, mocked actions."""

import json
import signal
import subprocess
import sys
import textwrap
import time
from datetime import datetime
from pathlib import Path

import pytest

from perimeter.lang.types import STRING
from perimeter.sdk import Attribute
from perimeter.sdk.canonical import timestamp
from perimeter.trial.made_up import attribute_value
from tests.trial.trying import Log, said, statuses

GROUPS = """
variable "names" {
  default = ["a", "b"]
}

resource "tiny_group" "g" {
  for_each = toset(var.names)
  name     = each.key
}

output "ids" {
  value = { for key, one in tiny_group.g : key => one.id }
}
"""


def test_a_test_file_in_json(trial):
    """Keywords, references and conditions as in native syntax; beside it, a native one."""
    trial.write(GROUPS)
    content = {
        "mock_provider": {"tiny": {"mock_resource": {"tiny_group": {"defaults": {"id": "made"}}}}},
        "variables": {"names": ["a"]},
        "run": {
            "made": {
                "assert": [
                    {
                        "condition": '${output.ids == {a = "made"}}',
                        "error_message": "No: ${jsonencode(output.ids)}",
                    }
                ]
            },
            "planned": {
                "command": "plan",
                "variables": {"names": ["a", "c"]},
                "plan_options": {"target": ["tiny_group.g"]},
                "override_resource": {
                    "target": "tiny_group.g",
                    "override_during": "plan",
                    "values": {"id": "early"},
                },
                "assert": {"condition": '${output.ids.c == "early"}', "error_message": "No."},
            },
        },
    }
    trial.write(json.dumps(content), "a.test.hcl.json")
    trial.write('mock_provider "tiny" {}\nrun "native" {\n  command = plan\n}\n', "b.test.hcl")
    result = trial.run()
    assert said(result) == []
    assert statuses(result) == {"made": "pass", "planned": "pass", "native": "pass"}


def test_a_mock_file_in_json(trial):
    trial.write(GROUPS)
    trial.write(
        json.dumps({"mock_resource": {"tiny_group": {"defaults": {"id": "x"}}}}),
        "m/a.mock.hcl.json",
    )
    trial.write(
        """
mock_provider "tiny" {
  source = "./m"
}
run "one" {
  assert {
    condition     = output.ids["a"] == "x"
    error_message = "No."
  }
}
""",
        "a.test.hcl",
    )
    assert statuses(trial.run()) == {"one": "pass"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"run": {"r": {"command": "destroy"}}}, 'Invalid "command" keyword'),
        ({"runs": {}}, "Extraneous JSON object property"),
        ({"override_resource": {"values": {}}}, "Missing target attribute"),
        ([1], "Incorrect JSON value type"),
    ],
)
def test_what_is_wrong_in_json_is_said(trial, content, problem):
    trial.write(json.dumps(content), "a.test.hcl.json")
    assert any(text.startswith(problem) for text in trial.problems()), trial.problems()


def test_a_single_instance_is_overridden(trial):
    """The others are made in the tenant; the overridden one is not; both are torn down."""
    trial.write(GROUPS)
    trial.write(
        """
override_resource {
  target = tiny_group.g["b"]
  values = {
    id = "mine"
  }
}
run "one" {
  assert {
    condition     = output.ids["b"] == "mine" && output.ids["a"] != "mine"
    error_message = "No: ${jsonencode(output.ids)}"
  }
}
""",
        "a.test.hcl",
    )
    result = trial.run()
    assert said(result) == []
    assert statuses(result) == {"one": "pass"}
    assert trial.tenant.count("create") == trial.tenant.count("delete") == 1
    assert trial.tenant.of("tiny_group") == {}


def test_a_single_instance_inside_a_module(trial):
    trial.write(
        """
module "m" {
  source   = "./m"
  for_each = toset(["x", "y"])
  name     = each.key
}
output "ids" {
  value = { for key, one in module.m : key => one.id }
}
"""
    )
    trial.write(
        'variable "name" {}\ndata "tiny_group" "g" {\n  name = var.name\n}\n'
        'output "id" {\n  value = data.tiny_group.g.id\n}\n',
        "m/main.hcl",
    )
    trial.tenant.put("tiny_group", name="y")
    trial.write(
        """
override_data {
  target = module.m["x"].data.tiny_group.g
  values = {
    id = "mine"
  }
}
run "one" {
  command = plan
  assert {
    condition     = output.ids == { x = "mine", y = "group-1" }
    error_message = "No: ${jsonencode(output.ids)}"
  }
}
""",
        "a.test.hcl",
    )
    result = trial.run()
    assert said(result) == []
    assert statuses(result) == {"one": "pass"}


@pytest.mark.parametrize(
    "target", ["tiny_group.z", "tiny_group.g[0].x", 'module.m["a"].tiny_group.g']
)
def test_a_target_that_is_not_there(trial, target):
    trial.write(GROUPS)
    trial.write(f'override_resource {{\n  target = {target}\n}}\nrun "one" {{\n}}\n', "a.test.hcl")
    if trial.problems():
        assert trial.problems()[0].startswith("Invalid override target")
        return
    assert any(text.startswith("Invalid override target") for text in said(trial.run()))


def test_made_up_times_are_times():
    """Each its own, the same each time, in RFC 3339."""
    moment = Attribute(type=STRING, doc="When.", computed=True, canonical=timestamp)
    one, same, other = (attribute_value("at", moment, {}, seed) for seed in ("a", "a", "b"))
    assert one == same != other
    for text in (one, other):
        assert 2020 <= datetime.fromisoformat(text).year < 2025
        assert timestamp(text) == text


def test_mocked_actions_do_nothing(trial):
    trial.write(
        """
action "tiny_knock" "k" {
  config {
    door = tiny_group.g.id
  }
}
resource "tiny_group" "g" {
  name = "g"
  lifecycle {
    action_trigger {
      events  = [after_create]
      actions = [action.tiny_knock.k]
    }
  }
}
"""
    )
    trial.write('mock_provider "tiny" {}\nrun "one" {\n}\n', "a.test.hcl")
    assert statuses(trial.run()) == {"one": "pass"}
    assert trial.tenant.count("invoke") == 0


def test_a_stop_ends_the_run_skips_the_others_and_tears_down(trial):
    """Asked for after the first of three runs: the second is not begun."""
    from perimeter.trial.find import find_tests
    from perimeter.trial.runner import Suite

    trial.write(GROUPS)
    trial.write("\n".join(f'run "r{n}" {{\n}}' for n in range(3)), "a.test.hcl")
    found = find_tests(trial.directory, trial.directory / "tests")
    suite = Suite(directory=trial.directory, files=found.only(()), providers=trial.providers())

    class Stopping(Log):
        def run_ends(self, file, result):
            super().run_ends(file, result)
            suite.stop.stop()

    suite.observer = Stopping(trial.log)
    suite.run()
    assert trial.log == [("r0", "pass"), ("r1", "skip"), ("r2", "skip"), ("teardown", "r0")]
    assert trial.tenant.of("tiny_group") == {}


CHILD = textwrap.dedent(
    """
    import sys, time
    sys.path.insert(0, {root!r})
    from perimeter.sdk import registry
    from tests.tiny.provider import TinyProvider
    from tests.tiny.tenant import TinyTenant
    from perimeter_builtin.provider import Builtin
    tenant = TinyTenant()
    made = tenant.create
    def slow(*args, **kwargs):
        print("creating", flush=True)
        time.sleep({seconds})
        return made(*args, **kwargs)
    tenant.create = slow
    from perimeter.trial import runner
    runner.load_providers = lambda names: ({{"tiny": TinyProvider(tenant), "perimeter": Builtin()}}, [])
    from perimeter.cli.main import run
    code = run(["test", "-no-color"])
    print("left", len(tenant.of("tiny_group")), flush=True)
    sys.exit(code)
    """
)


def interrupted(directory, times, seconds, creating=1):
    """Run the command, and press Ctrl-C once it creates something (for the given time)."""
    root = str(Path(__file__).parents[2])
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(root=root, seconds=seconds)],
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    seen = ""
    while seen.count("creating") < creating:
        line = child.stdout.readline()
        assert line, child.stderr.read()
        seen += line
    for _ in range(times):
        child.send_signal(signal.SIGINT)
        time.sleep(0.3)
    out, err = child.communicate(timeout=60)
    return child.returncode, seen + out, err


def test_ctrl_c_ends_the_run_and_removes_what_it_made(trial):
    trial.write(GROUPS)
    trial.write('run "one" {\n}\nrun "two" {\n}\n', "a.test.hcl")
    code, out, err = interrupted(trial.directory, 1, 1.0)
    assert code == 1
    assert "Interrupt received" in err
    assert "Error: Interrupted" in err
    assert 'run "two"... skip' in out
    assert "left 0" in out


def test_ctrl_c_twice_names_what_is_left(trial):
    trial.write(GROUPS.replace('["a", "b"]', '["a"]'))
    trial.write(
        'run "one" {\n}\nrun "two" {\n  variables {\n    names = ["a", "b"]\n  }\n}\n', "a.test.hcl"
    )
    code, _, err = interrupted(trial.directory, 2, 1.0, creating=2)
    assert code == 1
    assert "Stopped at once." in err
    assert 'tiny_group.g["a"] (group-1)' in err
