"""``state mv``, ``taint`` and ``untaint``: changing what state remembers."""

import pytest

TEXT = 'resource "perimeter_data" "{}" {{\n  {}\n  input = "x"\n}}\n'


@pytest.fixture
def applied(cli):
    cli.write(TEXT.format("a", "") + TEXT.format("m", "count = 2"))
    cli.ok("apply", "-auto-approve")
    return cli


def listed(cli):
    return cli.ok("state", "list").split()


def test_mv_renames_blocks_and_instances(applied):
    """The plan is empty once the configuration agrees."""
    out = applied.ok("state", "mv", "perimeter_data.a", "perimeter_data.b")
    assert out == 'Move "perimeter_data.a" to "perimeter_data.b"\nSuccessfully moved 1 object(s).\n'
    applied.ok("state", "mv", "perimeter_data.m", "module.n.perimeter_data.m")
    applied.ok("state", "mv", "module.n.perimeter_data.m[1]", 'perimeter_data.k["x"]')
    assert listed(applied) == [
        "perimeter_data.b",
        'perimeter_data.k["x"]',
        "module.n.perimeter_data.m[0]",
    ]
    applied.ok("state", "mv", "module.n", "module.o")
    assert "module.o.perimeter_data.m[0]" in listed(applied)
    applied.write(
        TEXT.format("b", "")
        + TEXT.format("k", 'for_each = toset(["x"])')
        + 'module "o" {\n  source = "./o"\n}\n'
    )
    applied.write(TEXT.format("m", "count = 1"), "o/main.hcl")
    assert "No changes." in applied.ok("plan")


def test_mv_says_what_it_would_do(applied):
    """-dry-run changes nothing."""
    out = applied.ok("state", "mv", "-dry-run", "perimeter_data.a", "perimeter_data.b")
    assert out == 'Would move "perimeter_data.a" to "perimeter_data.b"\n'
    assert "perimeter_data.a" in listed(applied)


@pytest.mark.parametrize(
    ("source", "target", "summary"),
    [
        ("perimeter_data.z", "perimeter_data.y", "Invalid target address"),
        ("perimeter_data.a", "module.b", "Invalid state move"),
        ("perimeter_data.a", "tiny_group.a", "Invalid state move"),
        ("perimeter_data.a", "perimeter_data.m[0]", "Invalid state move"),
        ("a", "perimeter_data.m[0]", "Invalid target address"),
    ],
)
def test_mv_refuses_what_would_lose_something(applied, source, target, summary):
    """Nothing is moved."""
    before = listed(applied)
    result = applied("state", "mv", source, target)
    assert (result.code, summary in result.err) == (1, True)
    assert listed(applied) == before


def test_what_is_tainted_is_replaced(applied):
    """Unless the mark is taken back."""
    out = applied.ok("taint", "perimeter_data.a")
    assert out == "Resource instance perimeter_data.a has been marked as tainted.\n"
    assert "perimeter_data.a is tainted, so it must be replaced" in applied.ok("plan")
    out = applied.ok("untaint", "perimeter_data.a")
    assert out == "Resource instance perimeter_data.a has been successfully untainted.\n"
    assert "No changes." in applied.ok("plan")
    applied.ok("taint", "perimeter_data.m[1]")
    applied.ok("apply", "-auto-approve")
    assert "No changes." in applied.ok("plan")


def test_only_what_state_holds_can_be_marked(applied):
    """-allow-missing makes it no error."""
    result = applied("taint", "perimeter_data.m")
    assert (result.code, "No such resource instance" in result.err) == (1, True)
    assert applied("taint", "-allow-missing", "perimeter_data.m").code == 0
    assert "is not tainted" in applied("untaint", "perimeter_data.a").err


def test_replacing_what_is_not_there_warns(applied):
    """And names the instances that are."""
    result = applied("plan", "-replace=perimeter_data.m")
    assert result.code == 0
    text = result.out + result.err
    assert "Incompletely-matched force-replace resource instance" in text
    assert "-replace=perimeter_data.m[0]" in text
