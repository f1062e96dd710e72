import pytest

from perimeter.testing.workspace import Workspace
from tests.tiny.provider import TinyProvider
from tests.tiny.tenant import TinyTenant


class Tiny:
    """A workspace over the tiny vendor."""

    def __init__(self, directory):
        self.tenant = TinyTenant()
        self.provider = TinyProvider(self.tenant)
        self.work = Workspace(directory=directory, providers={"tiny": self.provider})

    def write(self, text):
        self.work.write(text)

    def plan(self, *args, **kwargs):
        return self.work.plan(*args, **kwargs)

    def planned(self, *args, **kwargs):
        """The changes that do something, by name."""
        outcome = self.work.plan(*args, **kwargs)
        assert not outcome.errors, outcome.errors
        return {change.name: change for change in outcome.plan.active}

    def apply(self, *args, **kwargs):
        return self.work.apply(*args, **kwargs)

    def applied(self, *args, **kwargs):
        outcome = self.work.apply(*args, **kwargs)
        assert not outcome.errors, outcome.errors
        bad = [r for r in outcome.applied.results if r.status in ("failed", "skipped")]
        assert not bad, bad
        return outcome

    def empty(self):
        assert self.planned() == {}

    @property
    def state(self):
        return self.work.state.resources


@pytest.fixture
def tiny(tmp_path):
    return Tiny(tmp_path / "work")
