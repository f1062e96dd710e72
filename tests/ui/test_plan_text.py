"""A plan as people read it."""

from dataclasses import replace

import pytest

from perimeter.addresses import parse_address
from perimeter.engine.model import Action, NotVisible, Options, OutputChange, Undeclared
from perimeter.lang.values import SENSITIVE, UNKNOWN, Reason, Unseen, null, string
from perimeter.sdk.contract import Direction, ManualStep
from perimeter.ui.plan_text import change_text, plan_text, summary
from perimeter.ui.style import Style
from tests.ui.made import POLICY, change, north_star, plan


def test_the_plan_of_a_company_that_has_drifted(golden):
    """Directions, manual steps, drift, undeclared removals and the facts below, in their order."""
    golden("plan_north_star.txt", plan_text(north_star()))


def test_the_same_plan_in_colour(golden):
    """Colour adds escape sequences and takes nothing away."""
    colored = plan_text(north_star(), Style(color=True))
    golden("plan_north_star_color.txt", colored)
    import re

    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == plan_text(north_star())


def test_nothing_to_do_says_so():
    """The sentence that scripts and people look for."""
    text = plan_text(plan())
    assert text.startswith("No changes. Your tenants match the configuration.\n")


def test_no_changes_is_not_claimed_for_what_was_not_seen():
    """With something deferred, only what could be seen matches."""
    text = plan_text(plan(change("okta_app.crm", Action.NO_OP, deferred="okta_app is not visible")))
    assert "okta_app.crm: okta_app is not visible" in text
    assert "No changes. What could be seen of your tenants matches the configuration." in text


@pytest.mark.parametrize(
    ("reason", "address", "words"),
    [
        ("delete_because_no_resource_config", "a_b.c", "(because a_b.c is not in configuration)"),
        ("delete_because_each_key", 'a_b.c["x"]', '(because key ["x"] is not in for_each map)'),
        ("delete_because_count_index", "a_b.c[2]", "(because index [2] is out of range for count)"),
        (
            "delete_because_no_module",
            "module.m.a_b.c",
            "(because module.m is not in configuration)",
        ),
        ("delete_because_wrong_repetition", "a_b.c", "(because resource uses count or for_each)"),
        ("delete_because_wrong_repetition", "a_b.c[0]", "(because resource does not use count)"),
        (
            "delete_because_wrong_repetition",
            'a_b.c["k"]',
            "(because resource does not use for_each)",
        ),
        ("expired", "a_b.c", "(its expires_at has passed)"),
    ],
)
def test_reasons_are_worded_as_terraform_words_them(reason, address, words):
    """Why an object goes stands below its header."""
    text = change_text(change(address, Action.DELETE, before={"id": "1"}, reason=reason))
    assert f"  # {words}\n" in text


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("replace_because_tainted", "is tainted, so it must be replaced"),
        ("replace_by_request", "will be replaced, as requested"),
        ("replace_by_triggers", "will be replaced due to changes in replace_triggered_by"),
        ("replace_because_cannot_update", "must be replaced"),
    ],
)
def test_replacements_say_why(reason, words):
    """Header, glyph and what forces it."""
    text = change_text(
        change(
            "a_b.c",
            Action.DELETE_THEN_CREATE,
            before={"id": "1", "app_slug": "x"},
            after={"id": UNKNOWN, "app_slug": "y"},
            reason=reason,
            replace_paths=(("app_slug",),),
        )
    )
    assert text.startswith(f'  # a_b.c {words}\n-/+ resource "a_b" "c" {{\n')
    assert '~ app_slug = "x" -> "y" # forces replacement' in text
    assert '~ id       = "1" -> (known after apply)' in text


def test_sensitive_and_write_only_values_are_masked():
    """Neither the old nor the new one is shown; that a secret is sent is."""
    text = change_text(
        change(
            "a_b.c",
            Action.UPDATE,
            before={"id": "1", "token": "old-token", "secret": None},
            after={"id": "1", "token": "new-token", "secret": None},
            changed=frozenset({"token", "secret"}),
            desired={"secret": "hunter2"},
            sensitive_before=(("token",),),
            sensitive_after=(("token",),),
        )
    )
    assert "~ token  = (sensitive value)" in text
    assert "~ secret = (write-only attribute)" in text
    assert not any(word in text for word in ("old-token", "new-token", "hunter2"))


def test_a_secret_inside_a_nested_block_is_masked():
    """Blocks keep what is to be sent; it is not shown."""
    text = change_text(
        change(
            "a_b.c",
            Action.CREATE,
            POLICY,
            after={"id": UNKNOWN, "name": "n", "rule": [{"name": "r", "key": "hunter2"}]},
        )
    )
    assert "+ key = (write-only attribute)" in text
    assert "hunter2" not in text


def test_a_value_that_becomes_sensitive_is_announced():
    """Terraform's warning, above the attribute."""
    text = change_text(
        change(
            "a_b.c",
            Action.UPDATE,
            before={"id": "1", "app_slug": "x"},
            after={"id": "1", "app_slug": "y"},
            changed=frozenset({"app_slug"}),
            sensitive_after=(("app_slug",),),
        )
    )
    assert "# Warning: this attribute value will be marked as sensitive" in text
    assert '"y"' not in text


def test_blocks_pair_by_label_and_unchanged_ones_are_counted(golden):
    """A rule that moves is the same rule; one that goes and one that comes are their own."""
    before = [
        {"name": "a", "mfa_required": True},
        {"name": "b", "mfa_required": False, "idle_minutes": 5},
        {"name": "c", "mfa_required": True},
    ]
    after = [
        {"name": "b", "mfa_required": True, "idle_minutes": 5},
        {"name": "c", "mfa_required": True},
        {"name": "d", "mfa_required": None, "idle_minutes": 7},
    ]
    found = change(
        "okta_policy.p",
        Action.UPDATE,
        POLICY,
        before={
            "id": "1",
            "name": "n",
            "groups": ["x"],
            "extra": {"a": "q", "b": 1},
            "rule": before,
        },
        after={
            "id": "1",
            "name": "n",
            "groups": ["x", "y"],
            "extra": {"a": "q", "b": None},
            "rule": after,
        },
        changed=frozenset({"rule", "groups", "extra"}),
    )
    golden("change_blocks.txt", change_text(found) + "\n")


def test_large_plans_are_sampled_and_say_so():
    """Above the limit a few of each kind are shown, and how many are not."""
    many = [
        change(f"a_b.c[{number}]", Action.CREATE, after={"id": UNKNOWN, "app_slug": "x"})
        for number in range(250)
    ]
    text = plan_text(plan(*many))
    assert text.count("will be created") == 6
    assert "# 245 more a_b will be created, not shown here" in text
    assert "250 changes are planned; a sample is shown." in text
    assert "Plan: 250 to add, 0 to change, 0 to destroy." in text
    assert plan_text(plan(*many), limit=250).count("will be created") == 250


def test_the_clock_has_its_own_section():
    """What happens because time passes is not mixed with what somebody asked for."""
    text = plan_text(
        plan(
            change("a_b.now", Action.CREATE, after={"id": UNKNOWN}),
            change("a_b.old", Action.DELETE, before={"id": "1"}, reason="expired", clock=True),
        )
    )
    assert text.index("perimeter will perform") < text.index("The clock causes")
    assert text.index("The clock causes") < text.index(
        "# a_b.old has expired and will be destroyed"
    )


def test_imports_moves_deposed_and_recovered_objects_are_named():
    """Each says where the object comes from."""
    seen = {"id": "1", "app_slug": "x"}
    imported = change_text(change("a_b.c", Action.NO_OP, before=seen, after=seen, importing="1"))
    assert "# a_b.c will be imported\n" in imported
    assert '# (imported from "1")' in imported
    assert 'app_slug = "x"' in imported
    moved = change(
        "a_b.c", Action.UPDATE, before=seen, after=seen, previous_address=parse_address("a_b.z")
    )
    assert "# (moved from a_b.z)" in change_text(moved)
    deposed = change("a_b.c", Action.DELETE, before=seen, deposed="0badcafe")
    assert "# a_b.c (deposed object 0badcafe) will be destroyed" in change_text(deposed)
    assert "left over from a partially-failed replacement" in change_text(deposed)
    recovered = change("a_b.c", Action.UPDATE, before=seen, after=seen, recovered=True)
    assert "made by an earlier apply whose answer was lost" in change_text(recovered)


def test_singletons_are_forgotten_not_destroyed():
    """Destroy means to stop managing."""
    found = change("a_b.c", Action.FORGET, before={"id": "1"})
    assert "will no longer be managed by perimeter, but will not be destroyed" in change_text(found)
    assert "1 to forget" in summary(plan(found))


def test_protected_objects_are_shown_as_kept():
    """With the way to let them go."""
    text = plan_text(plan(change("a_b.c", Action.NO_OP, before={"id": "1"}, kept=True)))
    assert "kept because they are protected:\n  # a_b.c\n" in text
    assert "prevent_destroy = false" in text


def test_drift_that_is_not_put_right_is_shown_apart():
    """Attributes that configuration does not name still changed."""
    seen = {"id": "1", "app_slug": "x", "repository_selection": "all"}
    now = {**seen, "repository_selection": "selected"}
    drift = change(
        "a_b.c", Action.UPDATE, before=seen, after=now, changed=frozenset({"repository_selection"})
    )
    text = plan_text(
        plan(change("a_b.c", Action.NO_OP, before=now, after=now), drift=(drift,), gone=("a_b.z",))
    )
    assert "Note: Objects have changed outside of perimeter" in text
    assert '~ repository_selection = "all" -> "selected"' in text
    assert "# a_b.z is gone" in text
    assert "No changes." in text


def test_output_changes_and_what_applying_them_means():
    """Only outputs differ: no tenant is touched."""
    outputs = (
        OutputChange(
            name="a", action=Action.CREATE, before=None, after=string("x"), sensitive=False
        ),
        OutputChange(name="gone", action=Action.DELETE, before=[1], after=null(), sensitive=False),
        OutputChange(
            name="same", action=Action.NO_OP, before="s", after=string("s"), sensitive=False
        ),
        OutputChange(
            name="secret",
            action=Action.UPDATE,
            before="old-secret",
            after=string("new-secret").with_marks([SENSITIVE]),
            sensitive=True,
        ),
    )
    text = plan_text(plan(outputs=outputs))
    assert text == (
        "Changes to Outputs:\n"
        '  + a      = "x"\n'
        "  - gone   = [\n"
        "      - 1,\n"
        "    ] -> null\n"
        "  ~ secret = (sensitive value)\n"
        "\n"
        "You can apply this plan to save these new output values to the state, without changing\n"
        "any tenant.\n"
    )


@pytest.mark.parametrize(
    ("directions", "line"),
    [
        ("N", "Access: 1 change narrows it, none widens it."),
        ("NNN", "Access: 3 changes narrow it, none widens it."),
        ("W", "Access: 1 change widens it."),
        ("WWN", "Access: 2 changes widen it, 1 narrows it."),
        ("U", "Access: 1 change may widen it."),
        ("WUN", "Access: 1 change widens it, 1 may widen it, 1 narrows it."),
    ],
)
def test_the_access_line_never_hides_a_widening(directions, line):
    """Unknown is said apart and is never called narrowing."""
    kinds = {"N": Direction.NARROWS, "W": Direction.WIDENS, "U": Direction.UNKNOWN}
    changes = [
        change(
            f"a_b.c[{index}]",
            Action.UPDATE,
            before={"id": "1"},
            after={"id": "1"},
            direction=kinds[letter],
        )
        for index, letter in enumerate(directions)
    ]
    assert line in plan_text(plan(*changes)).split("\n")


def test_exclusive_removals_that_are_held_back_say_why():
    """Otherwise an exclusive collection would look obeyed."""
    item = Undeclared(
        provider="github",
        type="github_deploy_key",
        id="1",
        label='"x"',
        attributes={},
        mode="exclusive",
        held="-target is in use",
    )
    text = plan_text(
        plan(undeclared=(item, replace(item, id="2"), replace(item, id="3", ignored=True, held="")))
    )
    assert (
        "Left alone: 2 undeclared github deploy keys of an exclusive collection, because -target is in use."
        in text.replace("\n", " ")
    )


def test_what_was_not_visible_names_what_hangs_on_it():
    """Reason and instances."""
    hidden = NotVisible(
        provider="okta",
        subject="okta_app",
        unseen=Unseen(reason=Reason.EDITION, needs="Okta Identity Engine"),
        blocks=("okta_app.a", "okta_app.b", "okta_app.c", "okta_app.d"),
    )
    text = plan_text(plan(not_visible=(hidden,))).replace("\n", " ")
    assert "Not visible: okta_app (it needs Okta Identity Engine)." in text
    assert "okta_app.a, okta_app.b, okta_app.c and 1 more depend on it." in text


def test_text_from_tenants_cannot_steer_the_terminal():
    """Escape sequences and bidirectional overrides are written out."""
    evil = 'x"\x1b[2J\u202eevil'
    text = plan_text(
        plan(
            change(
                "",
                Action.DELETE,
                type="a_b",
                id="1",
                label=evil,
                origin=evil,
                before={"app_slug": evil},
            ),
            change(
                "a_b.c",
                Action.NO_OP,
                before={"id": "1", "app_slug": f"{evil}\n{evil}"},
                after={"id": "1", "app_slug": "x"},
                manual=ManualStep(reason=evil, instructions=evil, url=evil),
            ),
        )
    )
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_refresh_only_says_what_applying_does():
    """No tenant changes."""
    seen = {"id": "1", "app_slug": "x"}
    drift = change(
        "a_b.c",
        Action.UPDATE,
        before=seen,
        after={**seen, "app_slug": "y"},
        changed=frozenset({"app_slug"}),
    )
    text = plan_text(plan(drift=(drift,), options=Options(refresh_only=True)))
    assert "brings state up to date with the tenants and changes none of them" in text


def test_a_plan_read_without_its_provider_is_still_shown():
    """Attributes are then shown by their values alone."""
    found = change(
        "a_b.c", Action.UPDATE, None, before={"id": "1", "n": 1}, after={"id": "1", "n": 2}
    )
    assert "~ n  = 1 -> 2" in change_text(found)
