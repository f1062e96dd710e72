"""A year of applies with kills, failures and late consumers: at all times every sink holds what works."""

import random
from datetime import timedelta

import pytest

from perimeter.engine.clock import instant
from perimeter.sdk import ProviderError
from perimeter.sdk.errors import RateLimited
from tests.rotation.conftest import Killed
from tests.tiny.tenant import Fault

NAMES = ("a", "b", "c")
CONFIG = """
resource "tiny_vault" "vault" {
  for_each = toset(["a", "b", "c"])
  name     = "vault-${each.key}"
}

resource "tiny_box" "box" {
  for_each = toset(["a", "b", "c"])
  name     = "box-${each.key}"
}

resource "tiny_pass" "key" {
  for_each = toset(["a", "b", "c"])
  user     = each.key
  rotation {
    max_age    = "60d"
    overlap    = "7d"
    deliver_to = [tiny_box.box[each.key], tiny_vault.vault[each.key]]
  }
}
"""


def faults(chance):
    """What goes wrong in one apply."""
    found = []
    for verb, kind in (("issue", "tiny_pass"), ("deliver", "tiny_vault"), ("deliver", "tiny_box")):
        if chance.random() < 0.15:
            error = chance.choice(
                [
                    ProviderError("No.", committed=False),
                    ProviderError("The connection broke.", committed=None),
                    RateLimited("Slower.", after=0.0),
                ]
            )
            after = chance.random() < 0.5 and error.committed is None
            found.append(Fault(verb, kind, error, after=after, times=chance.choice([1, 3])))
    if chance.random() < 0.1:
        found.append(Fault("delete", "tiny_pass", ProviderError("Later.", committed=False)))
    return found


def killing(chance):
    """A failpoint that ends the process at some call, or never."""
    left = chance.choice([None, None, None, None, *range(1, 12)])

    def failpoint(name):
        nonlocal left
        if left is None or not name.startswith("call."):
            return
        left -= 1
        if left == 0:
            left = None
            raise Killed(name)

    return failpoint


def _exit(code):
    raise Killed(code)


def sound(tiny):
    """Every sink holds a working credential, and state knows every credential or how it was begun."""
    for name in NAMES:
        for sink in (f"vault-{name}", f"box-{name}"):
            assert tiny.works(sink), (sink, tiny.moment, tiny.secret(sink))


@pytest.mark.parametrize("seed", range(2))
def test_a_year(tiny, seed, monkeypatch):
    chance = random.Random(seed)
    monkeypatch.setattr("perimeter.engine.apply.os._exit", _exit)
    monkeypatch.setattr("perimeter.engine.rotating.delivering.PAUSE", 0.0)
    tiny.work.write(CONFIG)
    tiny.applied()
    sound(tiny)
    kills = 0
    ends = tiny.moment + timedelta(days=365)
    while tiny.moment < ends:
        tiny.later(hours=chance.choice([24, 36, 48]))
        for name in NAMES:
            if chance.random() < 0.8:
                tiny.use(f"vault-{name}")
                tiny.use(f"box-{name}")
        tiny.tenant.faults = faults(chance)
        tiny.work.failpoint = killing(chance)
        plan = None
        try:
            outcome = tiny.work.apply()
            assert not outcome.errors, outcome.errors
            plan = outcome.plan
        except Killed:
            kills += 1
        tiny.tenant.faults = []
        tiny.work = tiny.workspace()
        sound(tiny)
        findings = {
            str(change.address): change.rotation.findings
            for change in (plan or tiny.plan()).changes
            if change.rotation is not None
        }
        for name in NAMES:
            made = tiny.passes[tiny.secret(f"vault-{name}")["id"]]["created_at"]
            old = tiny.moment - instant(made)
            allowed = timedelta(days=60 + 7 + 3)
            assert old < allowed or findings[f'tiny_pass.key["{name}"]'], (name, old)
    for _ in range(12):
        tiny.later(days=1)
        for name in NAMES:
            tiny.use(f"vault-{name}")
            tiny.use(f"box-{name}")
        tiny.apply()
    assert kills > 5
    assert not tiny.orphans()
    assert len(tiny.passes) <= 2 * len(NAMES)
