"""Nobody waits in these tests: what a tenant shows late, the sandbox shows at once."""

from __future__ import annotations

from functools import partial

import pytest

from perimeter.engine import apply
from perimeter.engine.execute import Executor


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """An apply looks again at once."""
    monkeypatch.setattr(apply, "Executor", partial(Executor, sleep=lambda _: None))
