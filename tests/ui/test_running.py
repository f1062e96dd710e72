"""Progress, the end of an apply, and the list of stages."""

import io
import threading

from perimeter.engine.model import Action, Applied, Event, StageResult
from perimeter.engine.stages import stages
from perimeter.lang.values import SENSITIVE, string
from perimeter.sdk.contract import Direction
from perimeter.ui.apply_text import apply_text
from perimeter.ui.progress import Progress
from perimeter.ui.stages_text import stages_text
from perimeter.ui.style import Style
from tests.ui.made import change, plan


def result(name, status, text, operation="update"):
    return StageResult(name=name, status=status, text=text, operation=operation)


def test_the_table_at_the_end(golden):
    """What was done, what failed and why, what was skipped because of it, what is left to people."""
    applied = Applied(
        results=(
            result(
                'github_deploy_key "legacy-ci" on acme/api',
                "done",
                "deleted, verified gone",
                "delete",
            ),
            result("okta_global_session_policy.everyone", "done", "updated, read back equal"),
            result(
                "okta_app.crm", "failed", "Okta: 403 E0000006, the token lacks okta.apps.manage"
            ),
            result(
                'okta_app_assignment.crm["sales"]',
                "skipped",
                "because okta_app.crm failed",
                "create",
            ),
            result(
                "github_app_installation.drift", "by hand", "Choose what is right. " * 8, "manual"
            ),
        ),
        evidence_entry=118,
        evidence_head="9c1f" * 16,
    )
    golden("apply_table.txt", apply_text(applied))


def test_when_all_goes_well_the_line_is_terraforms():
    """Scripts look for it."""
    applied = Applied(
        results=(result("a_b.c", "done", "created", "create"),),
        outputs={"o": string("x"), "s": string("hunter2").with_marks([SENSITIVE])},
    )
    text = apply_text(applied)
    assert text.startswith("Apply complete! Resources: 1 added, 0 changed, 0 destroyed.\n")
    assert text.endswith('Outputs:\n\no = "x"\ns = <sensitive>\n')


def test_many_that_went_well_are_counted():
    """What needs attention is not buried."""
    done = [result(f"a_b.c[{n}]", "done", "created", "create") for n in range(1000)]
    text = apply_text(Applied(results=(*done, result("a_b.bad", "failed", "no"))))
    assert len(text.split("\n")) < 12
    assert "done     1,000 objects" in text
    assert "failed   a_b.bad" in text
    assert "a_b.c[" not in apply_text(Applied(results=tuple(done)))


def test_an_interrupted_apply_says_how_to_finish():
    """Even when nothing failed."""
    text = apply_text(
        Applied(
            results=(result("a", "skipped", "because the run was interrupted"),), cancelled=True
        )
    )
    assert text.startswith("Apply was interrupted: 1 skipped.")
    assert "Run `perimeter apply` again to finish" in text


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def read(progress):
    progress(Event(kind="read_start", provider="github"))
    progress(Event(kind="read_progress", provider="github", data={"tenant": "acme"}))
    for number in range(3):
        progress(Event(kind="read_start", provider="github", subject=f"type_{number}"))
    for _ in range(41):
        progress(
            Event(kind="read_progress", provider="github", data={"method": "GET", "status": 200})
        )
    progress(Event(kind="read_start", provider="perimeter", subject=""))


def test_without_a_terminal_one_line_is_enough():
    """No spam in logs: what was read, once, at the end of a short run."""
    out = io.StringIO()
    progress = Progress(out, Style(), living=False, clock=Clock())
    read(progress)
    assert out.getvalue() == ""
    progress.close()
    progress.close()
    assert out.getvalue() == "Reading github (acme) ▸ 3 collections, 41 requests\n"


def test_without_a_terminal_a_long_run_shows_signs_of_life():
    """Something within about a second, then now and then."""
    out = io.StringIO()
    clock = Clock()
    progress = Progress(out, Style(), living=False, clock=clock)
    read(progress)
    clock.now = 1.1
    done = threading.Event()
    for _ in range(100):
        if out.getvalue():
            break
        done.wait(0.05)
    assert out.getvalue() == "Reading github (acme) ▸ 3 collections, 41 requests\n"
    progress.close()
    assert out.getvalue().count("\n") == 1


def test_on_a_terminal_the_line_lives_at_once():
    """It is there with the first event and is rewritten, not repeated."""
    out = io.StringIO()
    progress = Progress(out, Style(width=60), living=True, clock=Clock())
    progress(Event(kind="read_start", provider="okta", subject="okta_app"))
    assert out.getvalue().startswith("\r\x1b[2KReading okta ▸ 1 collection")
    read(progress)
    progress(Event(kind="wait", provider="okta", text="rate limit", seconds=12.0))
    assert "waiting 12 s: rate limit" in progress.line
    progress.close()
    assert all(len(part) <= 60 for part in out.getvalue().replace("\n", "").split("\r\x1b[2K")[:-1])
    assert out.getvalue().count("\n") == 1


def test_applying_counts_and_failures_stay():
    """The living line counts; a failure is a line of its own."""
    out = io.StringIO()
    progress = Progress(out, Style(), living=False, clock=Clock())
    progress.applying(40)
    progress(Event(kind="stage_start", subject="okta_app.a", text="create"))
    assert progress.line == "Applying ▸ 0 of 40   create okta_app.a"
    progress(Event(kind="stage_done", subject="okta_app.a"))
    progress(Event(kind="stage_failed", subject="okta_app.b", text="403"))
    assert progress.line == "Applying ▸ 2 of 40, 1 failed"
    progress.close()
    assert out.getvalue() == "okta_app.b: 403\n"


def test_a_reader_that_goes_away_does_not_stop_the_work():
    """A closed pipe ends the progress, not the run."""
    out = io.StringIO()
    progress = Progress(out, Style(), living=True, clock=Clock())
    out.close()
    progress(Event(kind="read_start", provider="okta", subject="okta_app"))
    progress.close()


def test_stages_are_listed_in_their_order_with_what_they_wait_for():
    """The list that apply executes."""
    made = plan(
        change("okta_app.crm", Action.CREATE, after={}, direction=Direction.WIDENS),
        change("okta_grant.g", Action.CREATE, after={}, dependencies=("okta_app.crm",)),
        change("okta_user.u", Action.DELETE, before={"id": "1"}),
    )
    text = stages_text(stages(made, {}))
    assert text == (
        "Apply would take 3 stages:\n"
        "\n"
        "  1  create   okta_app.crm   (widens access)\n"
        "  2  delete   okta_user.u\n"
        "  3  create   okta_grant.g   after 1\n"
    )
    assert stages_text(()) == "No stage: there is nothing to apply.\n"
