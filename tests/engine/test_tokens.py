"""A create with an idempotency token whose answer is lost: the token tells, not what else there is."""

import pytest

from perimeter.sdk import Retryable
from tests.tiny.tenant import Fault

TEXT = 'resource "tiny_job" "x" {\n  task = "mine"\n}\n'


@pytest.mark.parametrize("committed", [False, True], ids=["never made", "made"])
def test_somebody_elses_object_is_not_taken_for_the_lost_one(tiny, committed):
    """The second run sends the same token: one object is made, and the foreign one stays as it is."""
    foreign = tiny.tenant.put("tiny_job", task="theirs")
    tiny.write(TEXT)
    lost = Retryable("The answer was lost.", committed=None)
    tiny.tenant.faults.append(Fault("create", "tiny_job", lost, after=committed))
    tiny.apply()
    tiny.applied()
    assert tiny.state["tiny_job.x"].current().id != foreign
    assert tiny.tenant.of("tiny_job")[foreign] == {"task": "theirs"}
    assert len(tiny.tenant.of("tiny_job")) == 2
    tiny.empty()
