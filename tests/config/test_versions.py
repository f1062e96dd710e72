"""Version constraints as HashiCorp's tools read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perimeter.config.versions import Constraint, Version, VersionError

_VERSIONS = st.tuples(*[st.integers(0, 20)] * 3).map(lambda parts: ".".join(map(str, parts)))


@pytest.mark.parametrize(
    ("constraint", "version", "allowed"),
    [
        ("1.2.3", "1.2.3", True),
        ("= 1.2", "1.2.0", True),
        ("!= 1.2.3", "1.2.3", False),
        (">= 1.2, < 2.0", "1.9.9", True),
        (">= 1.2, < 2.0", "2.0.0", False),
        ("~> 1.2", "1.9.0", True),
        ("~> 1.2", "2.0.0", False),
        ("~> 1.2.3", "1.2.9", True),
        ("~> 1.2.3", "1.3.0", False),
        ("> 1.2", "1.3.0-beta", False),
        ("1.3.0-beta", "1.3.0-beta", True),
        ("v1.2.3", "1.2.3", True),
    ],
)
def test_constraints(constraint: str, version: str, allowed: bool) -> None:
    """Prereleases answer only to exact constraints."""
    assert Constraint.parse(constraint).allows(Version.parse(version)) is allowed


@pytest.mark.parametrize("text", ["", "x", "1.2.3.x", ">> 1", "1,,2", "^1.0"])
def test_malformed_constraints(text: str) -> None:
    """They are refused with an example."""
    with pytest.raises(VersionError):
        Constraint.parse(text)


@given(_VERSIONS, _VERSIONS)
def test_comparisons_agree(left: str, right: str) -> None:
    """Exactly one of less, equal and greater holds, and constraints say the same."""
    one, other = Version.parse(left), Version.parse(right)
    verdicts = [Constraint.parse(f"{op} {right}").allows(one) for op in ("<", "=", ">")]
    assert verdicts == [one < other, one == other, other < one]
    assert sum(verdicts) == 1
