"""``okta_clear_user_sessions`` against the sandbox, which keeps to Okta's description."""

from __future__ import annotations

import pytest

from perimeter.engine.model import Options
from perimeter.sandbox.faults import Fault
from perimeter.sdk import Direction, Forbidden, InvokeRequest, NotFound, WritePermit
from perimeter.testing.workspace import Workspace
from perimeter_okta.provider import Okta
from tests.providers.okta.seed import PLAIN, TOKEN, seed

ACTION = Okta().actions["okta_clear_user_sessions"]


def clear(org, **config):
    request = InvokeRequest(tenant=org.tenant, config={"user": PLAIN, **config})
    return ACTION.invoke(org.writer, request)


def with_sessions(org_with):
    """An org in which j.doe is signed in."""
    content = seed()
    content["users"][2] |= {"sessions": ["s1"], "tokens": ["t1"], "rememberedDevices": ["d1"]}
    return org_with(users=content["users"])


def held(org):
    (user,) = [one for one in org.content()["users"] if one["id"] == PLAIN]
    return {name for name in ("sessions", "tokens", "rememberedDevices") if user[name]}


@pytest.mark.parametrize(
    ("config", "left"),
    [
        ({}, {"tokens"}),
        ({"oauth_tokens": True}, set()),
        ({"oauth_tokens": True, "forget_devices": False}, {"rememberedDevices"}),
        ({"user": "j.doe@acme.example", "forget_devices": False}, {"tokens", "rememberedDevices"}),
    ],
)
def test_what_is_ended(org_with, config, left):
    org = with_sessions(org_with)
    answer = clear(org, **config)
    assert answer.request_id.startswith("req")
    assert held(org) == left


def test_nobody_by_that_name_is_an_error(org):
    with pytest.raises(NotFound):
        clear(org, user="nobody@acme.example")


def test_it_names_the_scope_it_lacks(org_with):
    """A token without okta.users.manage is told so."""
    org = org_with()
    org.sandbox.faults.add(Fault(kind="status", method="DELETE", status=403))
    with pytest.raises(Forbidden) as refused:
        clear(org)
    assert refused.value.needs == "okta.users.manage"


def test_it_narrows():
    assert ACTION.direction({"user": PLAIN}) is Direction.NARROWS
    assert list(ACTION.validate({"user": ""}))
    assert ACTION.permissions == ("okta.users.manage",)


CONFIG = """
provider "okta" {{
  org_url = "{url}"
}}

import {{
  to = okta_user.leaver
  id = "j.doe@acme.example"
}}

resource "okta_user" "leaver" {{
  login  = "j.doe@acme.example"
  status = "{status}"
  lifecycle {{
    action_trigger {{
      events    = [after_update]
      condition = self.status != "ACTIVE"
      actions   = [action.okta_clear_user_sessions.leaver]
    }}
  }}
}}

action "okta_clear_user_sessions" "leaver" {{
  config {{
    user         = okta_user.leaver.id
    oauth_tokens = true
  }}
}}
"""


def test_suspending_somebody_signs_them_out(org_with, tmp_path):
    """By trigger after the suspension, and by request; a second apply does nothing."""
    org = with_sessions(org_with)
    work = Workspace(directory=tmp_path, environment={"OKTA_API_TOKEN": TOKEN})
    work.write(CONFIG.format(url=org.sandbox.url("okta"), status="SUSPENDED"))
    outcome = work.apply()
    assert outcome.errors == []
    assert [item.operation for item in outcome.applied.results] == ["adopt", "update", "invoke"]
    assert held(org) == set()
    assert work.apply().plan.is_empty
    assert org.calls("DELETE") == 2  # the suspension ends sessions itself; the action once more
    asked = Options(invoke=("action.okta_clear_user_sessions.leaver",))
    assert work.apply(asked).errors == []
    assert org.calls("DELETE") == 3


def test_a_lost_answer_is_not_repeated(org_with, tmp_path):
    """The server acted and the answer broke off: reported exactly, and no second call."""
    org = with_sessions(org_with)
    work = Workspace(directory=tmp_path, environment={"OKTA_API_TOKEN": TOKEN})
    work.write(CONFIG.format(url=org.sandbox.url("okta"), status="SUSPENDED"))
    assert work.apply().errors == []
    before = org.calls("DELETE")
    org.sandbox.faults.add(Fault(kind="lost", method="DELETE", times=-1))
    outcome = work.apply(Options(invoke=("action.okta_clear_user_sessions.leaver",)))
    (failed,) = [item for item in outcome.applied.results if item.status == "failed"]
    assert "not known whether it ran" in failed.text
    work.apply()
    assert org.calls("DELETE") == before + 1


def test_a_writer_is_needed(org):
    """The reader refuses before anything is sent."""
    made = Okta().writer(org.request(), WritePermit("a test"))
    made.close()
    assert not hasattr(org.reader, "end")
