"""A short fuzz run; ``script/fuzz`` makes a long one. What was once found is in the corpus and tried first."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.mutation import made, seeds
from tests.fuzz.run import failure
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_nothing_but_diagnostics_comes_out(target: str) -> None:
    """Of the kept seeds and of some hundred new inputs, the same in each run."""
    random = Random(target)
    known = seeds()[target]
    inputs = [*known[:200], *(made(random, known) for _ in range(500))]
    wrong = {text: found for text in inputs if (found := failure(target, text))}
    assert not wrong
