"""Generated configuration: names, references, what is left out; and that it plans empty."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perimeter.engine.naming import slug, suggested, unique
from perimeter.hcl.lexer import is_identifier
from tests.generated import declare_everything


@pytest.fixture
def work(tiny):
    tiny.work.write('provider "tiny" {}\n', "provider.hcl")
    return tiny


def test_every_type_is_declared_without_a_change(work):
    """Parents, blocks and settings included; secrets, and what only the tenant sets, are not written."""
    group = work.tenant.put(
        "tiny_group", name="Sales & Co", note='say "hi" ${x}\n', members=["b", "a"]
    )
    work.tenant.put("tiny_key", group=group, label="deploy", created_at="2020-01-01T00:00:00Z")
    work.tenant.put("tiny_account", name="acme", plan="free")
    work.tenant.put("tiny_rule", name="r", effect="deny")
    work.tenant.put("tiny_hook", url="https://siem.example/in?token=t0ps3cret")
    work.tenant.of("tiny_settings")[work.tenant.id] = {
        "theme": "dark",
        "mfa": True,
        "region": "eu",
        "network": [{"name": "office", "cidr": "10.0.0.0/8"}],
    }
    text, _ = declare_everything(work.work)
    assert "group = tiny_group.sales_co.id" in text
    assert 'resource "tiny_hook" "siem_example_in"' in text
    assert 'network "office" {' in text
    assert "# added by j.doe" in text
    for absent in ("created_at", "secret", "region", "null"):
        assert absent not in text.replace("t0ps3cret", "")


def test_names_do_not_collide_with_each_other_or_with_what_is_declared(work):
    """Those that would share one all get a part of their id: which was there first does not matter."""
    work.work.write('resource "tiny_group" "taken" {\n  name = "mine"\n}\n')
    work.applied()
    for name in ("taken", "Same", "same", "日本", "1st", "é"):
        work.tenant.put("tiny_group", name=name)
    text, _ = declare_everything(work.work)
    assert 'resource "tiny_group" "taken_group' in text
    assert 'resource "tiny_group" "same"' not in text
    assert text.count('resource "tiny_group" "same_group_') == 2
    assert 'resource "tiny_group" "group_1st"' in text
    assert 'resource "tiny_group" "e"' in text


def test_a_declared_object_is_referred_to_by_its_address(work):
    """With its instance key."""
    work.work.write(
        'resource "tiny_group" "a" {\n  for_each = toset(["x"])\n  name     = each.key\n}\n'
    )
    work.applied()
    (group,) = work.tenant.of("tiny_group")
    work.tenant.put("tiny_key", group=group, label="k")
    text, _ = declare_everything(work.work)
    assert 'group = tiny_group.a["x"].id' in text


def test_what_looks_like_an_id_by_accident_is_no_reference(work):
    """A short id in an attribute of another name says nothing."""
    work.tenant.of("tiny_rule")["free"] = {"name": "r", "effect": "deny"}
    work.tenant.put("tiny_account", name="acme", plan="free")
    text, _ = declare_everything(work.work)
    assert 'plan = "free"' in text


def test_objects_that_mean_each_other_are_written_without_a_cycle(work):
    """One of the two ids stays an id."""
    work.tenant.of("tiny_account")["0123456789abcd"] = {"name": "acme", "plan": "ffff0123456789"}
    work.tenant.of("tiny_job")["ffff0123456789"] = {"task": "0123456789abcd"}
    text, _ = declare_everything(work.work)
    assert ("plan = tiny_job." in text) != ("task = tiny_account." in text)


def test_a_comment_cannot_be_left_by_a_name(work, monkeypatch):
    """Origins hold what people typed into the vendor's console."""
    from tests.tiny.types import Hook

    evil = 'x\nresource "tiny_group" "evil" {\u2028\r}'
    monkeypatch.setattr(Hook, "origin", lambda self, attributes: evil)
    work.tenant.put("tiny_hook", url="https://a.example")
    text, _ = declare_everything(work.work)
    assert '# x resource "tiny_group" "evil" { }\n' in text


def test_what_was_not_shown_is_a_comment(work):
    """And stays unmanaged."""
    work.tenant.put("tiny_account", name="acme", plan="free", audit="on")
    work.tenant.scopes = {"tiny_account.read"}
    _, made = work.work.query(whole=True)
    (one,) = made.values()
    assert "# audit is not visible: forbidden, needs audit.read." in one.resource


@given(st.lists(st.text(max_size=60), min_size=1, max_size=12))
def test_every_name_is_an_identifier_and_stands_for_one_object(titles):
    """Whatever people type; in whatever order the objects come."""
    wanted = {
        number: (
            "tiny_group",
            suggested("tiny_group", ["name"], [], {"name": title}, {}),
            f"id-{number}",
        )
        for number, title in enumerate(titles)
    }
    taken = {"tiny_group": frozenset({"a", "group_id_0"})}
    found = unique(wanted, taken)
    assert found == unique(dict(reversed(wanted.items())), taken)
    assert len({*found.values(), "a", "group_id_0"}) == len(titles) + 2
    assert all(is_identifier(name) for name in found.values())


def test_slugs_and_unique_names():
    """Words of names, in whatever script and case."""
    assert slug("CrossAccount-Deploy (old)") == "cross_account_deploy_old"
    assert slug("日本") == ""
    found = unique({1: ("t_x", "a", "ID-1"), 2: ("t_x", "", "日")}, {"t_x": frozenset({"a"})})
    assert found[1] == "a_id_1"
    assert found[2].startswith("x_")
    assert found[2] == found[2].encode("ascii").decode()
