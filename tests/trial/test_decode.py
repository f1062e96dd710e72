import pytest

from tests.trial.trying import Trial

WRONG = {
    'run "x" {\n  command = foo\n}\n': 'Invalid "command" keyword: The "command" argument requires one of',
    'run "x" {\n  command = "plan"\n}\n': 'Invalid "command" keyword: ',
    'run "x" {\n  bogus = 1\n}\n': 'Unsupported argument: An argument named "bogus"',
    'run "x" {}\nrun "x" {}\n': 'Duplicate "run" block names: This test file already has a run named x',
    "foo {}\n": 'Unsupported block type: Blocks of type "foo" are not expected here.',
    'run "a" "b" {}\n': "Extraneous label for run: ",
    'run "x" {\n  assert {}\n}\n': 'Missing required argument: The argument "condition" is required',
    'run "x" {\n  plan_options { mode = "x" }\n}\n': 'Invalid "mode" keyword: ',
    'run "x" {\n  plan_options {\n    mode = refresh-only\n    refresh = false\n  }\n}\n': "Incompatible plan options: ",
    'run "x" {\n  variables {}\n  variables {}\n}\n': 'Multiple "variables" blocks: This run block already',
    'run "x" {\n  state_key = var.x\n}\n': "Variables not allowed: ",
    'run "x" {\n  expect_failures = [local.x]\n}\n': "Invalid `expect_failures` reference: ",
    'run "x" {\n  expect_failures = [okta_app.x.name]\n}\n': "Invalid `expect_failures` reference: ",
    'run "x" {\n  assert {\n    condition = length("x") == 1\n    error_message = ""\n  }\n}\n': "Invalid assert expression: ",
    "override_resource {}\n": "Missing target attribute: override_resource blocks must specify",
    "override_data {\n  target = okta_app.a\n}\n": "Invalid override target: You can only target data sources",
    "override_module {\n  target = okta_app.a\n}\n": "Invalid override target: You can only target modules",
    "override_resource {\n  target = module.a\n}\n": "Invalid override target: You can only target resources",
    "override_resource {\n  target = okta_app.a\n}\n"
    * 2: "Duplicate override_resource block: An override_resource",
    'mock_provider "x" {\n  mock_resource "a" {}\n  mock_resource "a" {}\n}\n': "Duplicate mock_resource block: ",
    'mock_provider "x" {}\nprovider "x" {}\n': "Duplicate provider block: A provider for x is already defined",
    'mock_provider "x" {\n  override_during = foo\n}\n': "Invalid override_during value: ",
    'mock_provider "x" {\n  source = "./nowhere"\n}\n': "Unreadable mock directory: ",
    "run {": "",
}


@pytest.mark.parametrize(("text", "expected"), WRONG.items())
def test_what_is_wrong_with_a_file_is_said(trial: Trial, text: str, expected: str) -> None:
    trial.write(text, "tests/a.test.hcl")
    found = trial.problems()
    assert found
    assert any(problem.startswith(expected) for problem in found), found


def test_files_are_found_beside_the_configuration_and_in_the_directory_for_tests(
    trial: Trial,
) -> None:
    trial.write('output "a" { value = 1 }\n')
    for name in ("b.test.hcl", "tests/a.test.hcl", "tests/deep/no.test.hcl", "tests/.x.test.hcl"):
        trial.write('run "x" {}\n', name)
    assert [file.name for file in trial.run().files] == ["b.test.hcl", "tests/a.test.hcl"]
    assert [f.name for f in trial.run(only=["./tests/a.test.hcl"]).files] == ["tests/a.test.hcl"]
