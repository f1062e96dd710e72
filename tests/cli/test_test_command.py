"""``perimeter test``: what it prints, in all its forms."""

import json
from xml.etree import ElementTree as ET

MAIN = """
variable "name" { default = "x" }
resource "perimeter_data" "a" { input = var.name }
output "o" { value = perimeter_data.a.output }
"""

TESTS = """
run "fine" {
  assert {
    condition     = output.o == "x"
    error_message = "no"
  }
}
run "wrong" {
  assert {
    condition     = output.o == "<y> & ]]>"
    error_message = "got ${output.o} <&> ]]>"
  }
}
run "error" {
  command = plan
  assert {
    condition     = output.nope
    error_message = "no"
  }
}
run "left_out" {}
"""


def test_text_and_exit_code(cli):
    cli.write(MAIN)
    cli.write(TESTS, "tests/a.test.hcl")
    result = cli("test")
    assert result.code == 1
    assert result.out == (
        "tests/a.test.hcl... in progress\n"
        '  run "fine"... pass\n'
        '  run "wrong"... fail\n'
        '  run "error"... fail\n'
        '  run "left_out"... skip\n'
        "tests/a.test.hcl... tearing down\n"
        "tests/a.test.hcl... fail\n"
        "\nFailure! 1 passed, 2 failed, 1 skipped.\n"
    )
    assert '  on tests/a.test.hcl line 10, in run "wrong":' in result.err
    assert '│ output.o is "x"' in result.err
    assert "Error: Reference to undeclared output value" in result.err


def test_success(cli):
    cli.write(MAIN)
    cli.write('run "fine" {}\n', "tests/a.test.hcl")
    assert cli.ok("test").endswith("\nSuccess! 1 passed, 0 failed.\n")
    assert not (cli.directory / "perimeter.state.json").exists()


def test_nothing_to_test(cli):
    cli.write(MAIN)
    assert cli.ok("test") == "\nSuccess! 0 passed, 0 failed.\n"


def test_filter_and_directory(cli):
    cli.write(MAIN)
    cli.write('run "a" {}\n', "checks/a.test.hcl")
    cli.write('run "b" {}\n', "b.test.hcl")
    cli.write(TESTS, "tests/c.test.hcl")
    found = cli.ok("test", "-test-directory=checks")
    assert 'run "a"... pass' in found
    assert "2 passed" in found
    assert "1 passed" in cli.ok("test", "-filter=b.test.hcl")
    unknown = cli("test", "-filter=c.test.hcl")
    assert unknown.code == 1
    assert "Unknown test file" in unknown.err
    assert cli("test", "-test-directory=/tmp").code == 1


def test_variables_from_the_command_line(cli):
    cli.write(MAIN)
    text = (
        'run "a" {\n  assert {\n    condition = output.o == "cli"\n    error_message = ""\n  }\n}\n'
    )
    cli.write(text, "tests/a.test.hcl")
    cli.write('name = "cli"\n', "x.vars.hcl")
    cli.ok("test", "-var", "name=cli", "-var=unused=1")
    cli.ok("test", "-var-file=x.vars.hcl")


def test_verbose_shows_plan_and_state(cli):
    cli.write(MAIN)
    cli.write('run "p" {\n  command = plan\n}\nrun "a" {}\n', "tests/a.test.hcl")
    found = cli.ok("test", "-verbose")
    assert "# perimeter_data.a will be created" in found
    assert '# perimeter_data.a:\nresource "perimeter_data" "a" {' in found
    assert '\nOutputs:\n\no = "x"\n' in found


def test_json_stream(cli):
    cli.write(MAIN)
    cli.write(TESTS, "tests/a.test.hcl")
    result = cli("test", "-json", "-verbose")
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert result.code == 1
    assert [line["type"] for line in lines] == [
        "version",
        "test_abstract",
        "test_file",
        *["test_run", "test_run", "test_state"],
        *["test_run", "test_run", "test_state", "diagnostic"],
        *["test_run", "test_run", "test_plan", "diagnostic"],
        "test_run",
        "test_file",
        "test_run",
        "test_file",
        "test_summary",
    ]
    assert lines[1]["test_abstract"] == {"tests/a.test.hcl": ["fine", "wrong", "error", "left_out"]}
    assert lines[1]["@message"] == "Found 1 file and 4 run blocks"
    assert lines[4]["test_run"] == {
        "path": "tests/a.test.hcl",
        "run": "fine",
        "progress": "complete",
        "status": "pass",
    }
    failed = next(line for line in lines if line["type"] == "diagnostic")
    assert (failed["@testfile"], failed["@testrun"]) == ("tests/a.test.hcl", "wrong")
    assert failed["diagnostic"]["snippet"]["values"] == [
        {"traversal": "output.o", "statement": 'is "x"'}
    ]
    assert lines[-1]["test_summary"] == {
        "status": "error",
        "passed": 1,
        "failed": 1,
        "errored": 1,
        "skipped": 1,
    }


def test_junit_report(cli):
    cli.write(MAIN)
    cli.write(TESTS, "tests/a.test.hcl")
    cli("test", "-junit-xml=report.xml")
    tree = ET.parse(cli.directory / "report.xml")
    (suite,) = tree.getroot()
    assert suite.attrib == {
        "name": "tests/a.test.hcl",
        "tests": "4",
        "skipped": "1",
        "failures": "1",
        "errors": "1",
    }
    fine, wrong, error, skipped = suite
    assert list(fine) == []
    assert float(fine.get("time")) > 0
    assert wrong.find("failure").get("message") == "1 of 1 assertions failed: got x <&> ]]>"
    assert "got x <&> ]]>" in wrong.find("failure").text
    assert "Reference to undeclared output value" in error.find("error").text
    assert 'Previous testcase "error" ended in error' in skipped.find("skipped").text
    assert cli("test", "-junit-xml=no/such/report.xml").code == 1


def test_problems_of_test_files_stop_everything(cli):
    cli.write(MAIN)
    cli.write('run "a" {\n  command = foo\n}\n', "tests/a.test.hcl")
    result = cli("test")
    assert result.code == 1
    assert result.out == ""
    assert 'Error: Invalid "command" keyword' in result.err


def test_a_broken_configuration_fails_its_runs(cli):
    cli.write('output "o" { value = local.nope }\n')
    cli.write('run "a" {}\nrun "b" {}\n', "tests/a.test.hcl")
    result = cli("test")
    assert result.code == 1
    assert "Reference to undeclared local value" in result.err
    assert result.err.count("undeclared local value") == 1
