import threading

from tests.trial.trying import Trial, said, statuses

GROUP = """
variable "name" {
  type = string
  validation {
    condition     = length(var.name) > 2
    error_message = "too short"
  }
}
variable "note" { default = "n" }
resource "tiny_group" "a" {
  name = var.name
  note = var.note
}
output "id" { value = tiny_group.a.id }
output "name" {
  value = tiny_group.a.name
  precondition {
    condition     = var.note != "bad"
    error_message = "bad note"
  }
}
"""


def test_runs_share_a_state_and_it_is_destroyed_at_the_end(trial: Trial) -> None:
    """Later runs see what earlier ones made, change it, and refer to their outputs."""
    trial.write(GROUP)
    trial.write(
        """
        variables { name = "first" }
        run "make" {}
        run "same" {
          command = plan
          assert {
            condition     = output.id == run.make.id
            error_message = "not the same object"
          }
        }
        run "change" {
          variables { note = "${run.make.name}-changed" }
          assert {
            condition     = tiny_group.a.note == "first-changed" && output.id == run.same.id
            error_message = "replaced"
          }
        }
        """,
        "tests/a.test.hcl",
    )
    result = trial.run()
    assert statuses(result) == {"make": "pass", "same": "pass", "change": "pass"}, said(result)
    assert [call[0] for call in trial.tenant.calls if call[1] == "tiny_group"].count("create") == 1
    assert trial.tenant.of("tiny_group") == {}
    assert trial.log[-1] == ("teardown", "change")


def test_each_module_and_state_key_has_its_own_state_torn_down_in_reverse(trial: Trial) -> None:
    trial.write(GROUP)
    trial.write(
        'resource "tiny_rule" "r" {\n  name = "r"\n  effect = "deny"\n}\n'
        'output "name" { value = tiny_rule.r.name }\n',
        "setup/main.hcl",
    )
    trial.write(
        """
        variables { name = "group" }
        run "setup" {
          module { source = "./setup" }
        }
        run "one" {
          variables { name = "one-${run.setup.name}" }
        }
        run "two" {
          state_key = "second"
        }
        run "one_again" {
          variables { name = "one-r" }
          assert {
            condition     = output.id == run.one.id && output.id != run.two.id
            error_message = "wrong state"
          }
        }
        """,
        "tests/a.test.hcl",
    )
    result = trial.run()
    assert set(statuses(result).values()) == {"pass"}, said(result)
    torn = [name for what, name in trial.log if what == "teardown"]
    assert torn == ["one_again", "two", "setup"]
    assert trial.tenant.of("tiny_group") == trial.tenant.of("tiny_rule") == {}


def test_what_is_protected_is_removed_as_well(trial: Trial) -> None:
    """``prevent_destroy`` guards what people rely on, not what a test made."""
    trial.write(
        'resource "tiny_group" "a" {\n  name = "a"\n  lifecycle { prevent_destroy = true }\n}\n'
    )
    trial.write('run "make" {}\n', "tests/a.test.hcl")
    result = trial.run()
    assert result.status.value == "pass"
    assert trial.tenant.of("tiny_group") == {}


def test_what_cannot_be_removed_is_named(trial: Trial) -> None:
    trial.write(GROUP)
    trial.write('run "make" {\n  variables { name = "stays" }\n}\n', "tests/a.test.hcl")

    def refuse(*_):
        from perimeter.sdk.errors import Forbidden

        raise Forbidden("Not allowed to delete.")

    trial.tenant.delete = refuse
    result = trial.run()
    (left,) = result.files[0].left
    assert left.run == "make"
    assert [address for address, _ in left.objects] == ["tiny_group.a"]
    assert "Not allowed to delete." in left.diagnostics[0].detail
    assert result.status.value == "error"


def test_a_failed_assertion_goes_on_and_an_error_stops_the_file(trial: Trial) -> None:
    trial.write(GROUP)
    trial.write(
        """
        variables { name = "group" }
        run "fails" {
          assert {
            condition     = output.name == "x"
            error_message = "it is ${output.name}"
          }
        }
        run "errs" {
          command = plan
          assert {
            condition     = tiny_gruop.a.name == "x"
            error_message = ""
          }
        }
        run "skipped" {}
        """,
        "tests/a.test.hcl",
    )
    trial.write('run "other" {\n  variables { name = "other" }\n}\n', "tests/b.test.hcl")
    result = trial.run()
    expected = {"fails": "fail", "errs": "error", "skipped": "skip", "other": "pass"}
    assert statuses(result) == expected
    fails = result.files[0].runs[0]
    assert fails.failed == ("it is group",)
    assert fails.diagnostics[0].values == (("output.name", 'is "group"'),)
    assert said(result)[1].startswith("Reference to undeclared resource: ")
    assert trial.tenant.of("tiny_group") == {}


def test_expected_failures_of_every_kind_of_checkable_object(trial: Trial) -> None:
    trial.write(
        GROUP
        + """
        resource "tiny_group" "many" {
          for_each = toset(["x", "y"])
          name     = "${each.key}-${var.name}"
          lifecycle {
            precondition {
              condition     = var.note != "no-${each.key}"
              error_message = "not ${each.key}"
            }
          }
        }
        check "sane" {
          assert {
            condition     = var.note != "odd"
            error_message = "odd note"
          }
        }
        """
    )
    trial.write(
        """
        variables { name = "group" }
        run "variable" {
          command = plan
          variables { name = "x" }
          expect_failures = [var.name]
        }
        run "output" {
          command = plan
          variables { note = "bad" }
          expect_failures = [output.name]
        }
        run "instance" {
          command = plan
          variables { note = "no-x" }
          expect_failures = [tiny_group.many["x"]]
        }
        run "block" {
          command = plan
          variables { note = "no-y" }
          expect_failures = [tiny_group.many]
        }
        run "check" {
          variables { note = "odd" }
          expect_failures = [check.sane]
        }
        run "none" {
          command         = plan
          expect_failures = [check.sane, var.name]
        }
        """,
        "tests/a.test.hcl",
    )
    result = trial.run()
    found = statuses(result)
    assert found.pop("none") == "error"
    assert set(found.values()) == {"pass"}, said(result)
    assert said(result) == [
        "Missing expected failure: The checkable object, check.sane, was expected to report an error but did not.",
        "Missing expected failure: The checkable object, var.name, was expected to report an error but did not.",
    ]


def test_the_wrong_instance_failing_is_not_expected(trial: Trial) -> None:
    trial.write(
        """
        variable "bad" {}
        resource "tiny_group" "many" {
          for_each = toset(["x", "y"])
          name     = each.key
          lifecycle {
            precondition {
              condition     = each.key != var.bad
              error_message = "not ${each.key}"
            }
          }
        }
        """
    )
    trial.write(
        'run "x" {\n  command = plan\n  variables { bad = "y" }\n'
        '  expect_failures = [tiny_group.many["x"]]\n}\n',
        "tests/a.test.hcl",
    )
    result = trial.run()
    assert statuses(result) == {"x": "error"}
    assert any("not y" in text for text in said(result))


def test_an_expected_failure_keeps_a_run_from_applying(trial: Trial) -> None:
    """As in Terraform: then nobody knows whether the apply would have gone well."""
    trial.write(GROUP)
    trial.write(
        'run "x" {\n  variables { name = "x" }\n  expect_failures = [var.name]\n}\n',
        "tests/a.test.hcl",
    )
    result = trial.run()
    assert statuses(result) == {"x": "error"}
    texts = said(result)
    assert texts[0].startswith(
        "Expected failure while planning: A custom condition within var.name"
    )
    assert texts[1].startswith("Invalid value for variable: too short")
    diagnostic = result.files[0].runs[0].diagnostics[1]
    assert (diagnostic.subject.filename, diagnostic.subject.start.line) == ("tests/a.test.hcl", 2)


def test_a_failed_check_is_an_error_in_a_test(trial: Trial) -> None:
    trial.write(
        'variable "n" {}\ncheck "c" {\n  assert {\n    condition = var.n > 1\n    error_message = "small"\n  }\n}\n'
    )
    trial.write('run "x" {\n  variables { n = 1 }\n}\n', "tests/a.test.hcl")
    result = trial.run()
    assert statuses(result) == {"x": "error"}
    assert said(result) == ["Check block assertion failed: small"]


def test_variables_come_from_the_run_then_the_file_then_outside(trial: Trial) -> None:
    trial.write(GROUP)
    trial.write('name = "automatic"\nnote = "automatic"\n', "perimeter.vars.hcl")
    trial.write('note = "of-tests"\n', "tests/x.auto.vars.hcl")
    text = """
        variables {
          name  = "file-${var.extra}"
          other = "${var.name}!"
        }
        run "file" {
          command = plan
          assert {
            condition     = var.name == "file-e" && var.note == "%s" && var.other == "file-e!"
            error_message = "got ${var.name} ${var.note} ${var.other}"
          }
        }
        run "own" {
          command = plan
          variables { name = "${var.other}${var.note}" }
          assert {
            condition     = tiny_group.a.name == "file-e!%s"
            error_message = "got ${var.name}"
          }
        }
        run "undeclared" {
          command = plan
          variables { foo = 1 }
        }
        run "unknown" {
          variables { note = var.nobody }
        }
    """
    trial.write(text % ("of-tests", "of-tests"), "tests/a.test.hcl")
    result = trial.run(environment={"PERIMETER_VAR_extra": "e"})
    expected = {"file": "pass", "own": "pass", "undeclared": "pass", "unknown": "error"}
    assert statuses(result) == expected, said(result)
    assert "Value for undeclared variable" in said(result)[0]
    assert said(result)[1].startswith("Reference to unavailable variable")
    trial.write(text % ("given", "given"), "tests/a.test.hcl")
    options = [("var", "extra=e"), ("var", "note=given")]
    assert statuses(trial.run(options=options)) == expected


def test_parallel_runs_go_on_together(trial: Trial) -> None:
    """Two runs meet inside the provider: one alone would wait there for ever."""
    trial.write('variable "name" {}\nresource "tiny_group" "a" { name = var.name }\n')
    trial.write(
        """
        test { parallel = true }
        run "one" {
          state_key = "one"
          variables { name = "one" }
        }
        run "two" {
          state_key = "two"
          variables { name = "two" }
        }
        run "after" {
          state_key = "one"
          parallel  = false
          variables { name = "one" }
        }
        """,
        "tests/a.test.hcl",
    )
    barrier = threading.Barrier(2, timeout=20)
    create = trial.tenant.create

    def meet(*arguments, **more):
        barrier.wait()
        return create(*arguments, **more)

    trial.tenant.create = meet
    result = trial.run()
    assert statuses(result) == {"one": "pass", "two": "pass", "after": "pass"}, said(result)


def test_plan_options(trial: Trial) -> None:
    trial.write(GROUP + 'resource "tiny_rule" "r" {\n  name = "r"\n  effect = "deny"\n}\n')
    trial.write(
        """
        variables { name = "group" }
        run "one_of_two" {
          plan_options { target = [tiny_group.a] }
        }
        run "replaced" {
          command = plan
          plan_options { replace = [tiny_group.a] }
        }
        run "refreshed" {
          command = plan
          plan_options { mode = refresh-only }
        }
        """,
        "tests/a.test.hcl",
    )
    result = trial.run()
    one, replaced, refreshed = result.files[0].runs
    assert set(one.state.resources) == {"tiny_group.a"}
    actions = {str(change.address): change.action.verbs for change in replaced.plan.changes}
    assert actions == {"tiny_group.a": ("delete", "create"), "tiny_rule.r": ("create",)}
    assert refreshed.plan.options.refresh_only


def test_sensitive_values_are_not_shown(trial: Trial) -> None:
    trial.write(
        'variable "s" {\n  sensitive = true\n}\noutput "s" {\n  value = var.s\n  sensitive = true\n}\n'
    )
    trial.write(
        """
        run "x" {
          variables { s = "hush-hush" }
          assert {
            condition     = output.s == "x"
            error_message = "got ${output.s}"
          }
        }
        """,
        "tests/a.test.hcl",
    )
    result = trial.run()
    assert statuses(result) == {"x": "fail"}
    diagnostic = result.files[0].runs[0].diagnostics[0]
    assert "sensitive value" in diagnostic.detail
    assert diagnostic.values == (("output.s", "has a sensitive value"),)
    assert "hush" not in str(diagnostic)


def test_runs_refer_only_to_earlier_runs(trial: Trial) -> None:
    trial.write(GROUP)
    for name, words in (
        ("later", 'The run block "later" has not executed yet.'),
        (
            "latter",
            'The run block "latter" does not exist within this test file. Did you mean "later"?',
        ),
    ):
        trial.write(
            f'run "x" {{\n  variables {{ name = run.{name}.name }}\n}}\nrun "later" {{}}\n',
            "tests/a.test.hcl",
        )
        result = trial.run()
        assert statuses(result) == {"x": "error", "later": "skip"}
        assert words in said(result)[0]
