"""Test and mock files in JSON syntax: what their properties mean."""

from __future__ import annotations

from perimeter.config.json_files import GENERATED
from perimeter.diagnostics import Diagnostic
from perimeter.hcl import parse_file
from perimeter.hcl.json_syntax import JsonShape, parse_json_file
from perimeter.hcl.nodes import Body

_OVERRIDE = JsonShape(native=frozenset({"target", "override_during"}))
_OVERRIDES = dict.fromkeys(("override_resource", "override_data", "override_module"), _OVERRIDE)
_DEFAULTS = JsonShape(labels=("type",), native=frozenset({"override_during"}))
_MOCKS = {"mock_resource": _DEFAULTS, "mock_data": _DEFAULTS, **_OVERRIDES}
_RUN = JsonShape(
    labels=("name",),
    blocks={
        "assert": JsonShape(),
        "variables": JsonShape(),
        "module": JsonShape(),
        "plan_options": JsonShape(native=frozenset({"mode", "target", "replace"})),
        **_OVERRIDES,
    },
    native=frozenset({"command", "expect_failures", "providers"}),
)
_TEST = JsonShape(
    blocks={
        "run": _RUN,
        "variables": JsonShape(),
        "provider": JsonShape(labels=("name",), blocks=GENERATED),
        "mock_provider": JsonShape(
            labels=("name",), blocks=_MOCKS, native=frozenset({"override_during"})
        ),
        "test": JsonShape(),
        **_OVERRIDES,
    }
)
_MOCK = JsonShape(blocks=_MOCKS)


def parse_test(text: str, filename: str) -> tuple[Body, list[Diagnostic]]:
    """Parse a test file in the syntax that its name says."""
    if filename.endswith(".json"):
        return parse_json_file(text, filename, _TEST)
    return parse_file(text, filename)


def parse_mock(text: str, filename: str) -> tuple[Body, list[Diagnostic]]:
    """Parse a mock file in the syntax that its name says."""
    if filename.endswith(".json"):
        return parse_json_file(text, filename, _MOCK)
    return parse_file(text, filename)
