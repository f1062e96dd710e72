"""The id of an import block is an expression; what it must be is said when it is not."""

import pytest

from tests.engine.test_joining import GROUP


def _with(tiny, expression, more=""):
    tiny.write(f"{GROUP}import {{\n  to = tiny_group.a\n  id = {expression}\n}}\n{more}")


def test_an_id_may_be_computed(tiny):
    """From variables and locals, evaluated before the resource."""
    identifier = tiny.tenant.put("tiny_group", name="staff")
    prefix, _, number = identifier.rpartition("-")
    _with(
        tiny,
        'join("-", [local.prefix, local.number])',
        f'locals {{\n  prefix = "{prefix}"\n  number = {number}\n}}\n',
    )
    tiny.applied()
    tiny.empty()


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("12345", "Cannot import non-existent object"),
        ("null", "must not be null or empty"),
        ('""', "must not be null or empty"),
        ("[]", "string required"),
        ("timestamp()", "must be known while planning"),
        ('sensitive("x")', "sensitive"),
        ("tonumber(path.root)", "Invalid function argument"),
    ],
)
def test_an_unsuitable_id_is_an_error(tiny, expression, reason):
    """A number is as good as its text; nothing is silently created instead."""
    _with(tiny, expression)
    outcome = tiny.plan()
    assert len(outcome.errors) == 1
    assert reason in outcome.errors[0]


MANY = """
resource "tiny_group" "a" {
  for_each = toset(["x", "y"])
  name     = each.key
}
"""


def _many(tiny, to="tiny_group.a[each.key]", ids="local.ids", more="id = each.value"):
    found = {name: tiny.tenant.put("tiny_group", name=name) for name in ("x", "y")}
    pairs = ", ".join(f'{name} = "{identifier}"' for name, identifier in found.items())
    tiny.write(
        f"{MANY}locals {{\n  ids = {{ {pairs} }}\n}}\n"
        f"import {{\n  for_each = {ids}\n  to = {to}\n  {more}\n}}\n"
    )
    return found


def test_one_block_imports_many(tiny):
    """for_each over ids, with the instance key computed."""
    found = _many(tiny)
    changes = tiny.planned()
    assert {change.address.key: change.importing for change in changes.values()} == found
    tiny.applied()
    assert tiny.tenant.count("create") == 0
    tiny.empty()


def test_an_identity_may_stand_for_the_id(tiny):
    """The natural key."""
    found = _many(tiny, more="identity = { name = each.key }")
    assert sorted(c.importing for c in tiny.planned().values()) == sorted(found.values())


@pytest.mark.parametrize(
    ("changed", "summary"),
    [
        ({"ids": '{ z = "q" }'}, "Configuration for import target does not exist"),
        ({"more": "identity = { note = each.key }"}, "Invalid import id"),
        ({"more": 'id = "a"\n  identity = { name = "x" }'}, "Invalid import block"),
        ({"to": "tiny_group.a[each.key].b"}, "Invalid import address"),
        ({"to": "tiny_group.a[null]"}, "Invalid import address expression"),
        ({"ids": '["x"]'}, "Invalid for_each argument"),
    ],
)
def test_an_unsuitable_import_of_many_is_an_error(tiny, changed, summary):
    """Nothing is created instead."""
    _many(tiny, **changed)
    outcome = tiny.plan()
    assert summary in {item.summary for item in outcome.diagnostics.errors}
