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
