"""A tiny vendor with a clock that tests move, consumers that read their sinks, and what must hold at all times."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from perimeter.testing.workspace import Workspace
from tests.tiny.provider import TinyProvider
from tests.tiny.tenant import TinyTenant

RULE = 'max_age = "90d"\n overlap = "7d"\n quarantine = "1d"'


class Killed(BaseException):
    """The process is gone."""


class Rotated:
    """A workspace over the tiny vendor, with one clock for both."""

    def __init__(self, directory):
        self.moment = datetime(2026, 1, 5, 12, tzinfo=UTC)
        self.tenant = TinyTenant(clock=lambda: self.moment)
        self.provider = TinyProvider(self.tenant)
        self.directory = directory
        self.work = self.workspace()

    def workspace(self):
        """Another machine over the same state."""
        return Workspace(
            directory=self.directory,
            providers={"tiny": self.provider},
            now=lambda: self.moment,
        )

    def later(self, **span):
        self.moment += timedelta(**span)

    def write(self, *, kind="tiny_pass", sinks=("vault",), rule=RULE, verify="", more="", tail=""):
        entries = ", ".join(f"tiny_{name.rstrip('0123456789')}.{name}" for name in sinks)
        blocks = "\n".join(
            f'resource "tiny_{name.rstrip("0123456789")}" "{name}" {{ name = "{name}" }}'
            for name in sinks
        )
        self.work.write(
            f"""
            {blocks}
            resource "{kind}" "key" {{
              user = "billing"
              {more}
              rotation {{
                {rule}
                deliver_to = [{entries}]
                {verify}
              }}
            }}
            {tail}
            """
        )

    def plan(self, *args, **kwargs):
        outcome = self.work.plan(*args, **kwargs)
        assert not outcome.errors, outcome.errors
        return outcome.plan

    def rotation(self, *args, address="tiny_pass.key", **kwargs):
        plan = self.plan(*args, **kwargs)
        return next(c.rotation for c in plan.changes if str(c.address) == address)

    def apply(self, *args, **kwargs):
        outcome = self.work.apply(*args, **kwargs)
        assert not outcome.errors, outcome.errors
        return outcome

    def applied(self, *args, **kwargs):
        outcome = self.apply(*args, **kwargs)
        bad = [r for r in outcome.applied.results if r.status in ("failed", "skipped")]
        assert not bad, bad
        return outcome

    @property
    def passes(self):
        return self.tenant.of("tiny_pass")

    def instance(self, address="tiny_pass.key"):
        return self.work.state.resources[address]

    def roles(self, address="tiny_pass.key"):
        known = self.work.state.resources.get(address)
        return {item.id: item.role for item in known.objects} if known else {}

    def secret(self, sink):
        """What the consumers of a sink get; None before the first delivery."""
        ids = [
            key
            for kind in ("tiny_vault", "tiny_box")
            for key, stored in self.tenant.of(kind).items()
            if stored["name"] == sink
        ]
        payload = self.tenant.payload(ids[0]) if ids else None
        return json.loads(payload) if payload else None

    def works(self, sink, kind="tiny_pass"):
        secret = self.secret(sink)
        return secret is not None and self.tenant.works(kind, secret)

    def use(self, sink, kind="tiny_pass"):
        assert self.tenant.use(kind, self.secret(sink))

    def orphans(self, kind="tiny_pass"):
        """Credentials that the tenant has and state does not know."""
        known = {item.id for one in self.work.state.resources.values() for item in one.objects}
        return set(self.tenant.of(kind)) - known


@pytest.fixture
def tiny(tmp_path):
    return Rotated(tmp_path / "work")
