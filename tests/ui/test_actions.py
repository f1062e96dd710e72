"""Invocations of actions as people and programs read them."""

import json

import pytest

from perimeter.engine.model import Options
from perimeter.testing.workspace import Workspace
from perimeter.ui.apply_text import apply_text
from perimeter.ui.configuration_json import configuration_json
from perimeter.ui.events_json import JsonStream
from perimeter.ui.plan_json import plan_json
from perimeter.ui.plan_text import plan_text
from perimeter.ui.schema_json import schemas_json
from tests.tiny.provider import TinyProvider
from tests.tiny.tenant import TinyTenant

TEXT = """
action "tiny_knock" "k" {
  config {
    door   = tiny_group.g.id
    word   = "open"
    secret = "kept-from-everybody"
  }
}

resource "tiny_group" "g" {
  name = "g"
  lifecycle {
    action_trigger {
      events  = [after_create]
      actions = [action.tiny_knock.k]
    }
  }
}
"""
BY_REQUEST = Options(invoke=("action.tiny_knock.k",))


@pytest.fixture
def work(tmp_path):
    made = Workspace(directory=tmp_path, providers={"tiny": TinyProvider(TinyTenant())})
    made.write(TEXT)
    return made


def test_what_a_change_triggers_stands_below_it(work):
    text = plan_text(work.plan().plan)
    assert (
        """    # Actions to be invoked after this change in order:
    action "tiny_knock" "k" {  # widens access
        config {
            door   = (known after apply)
            secret = (write-only attribute)
            word   = "open"
        }
    }

Plan: 1 to add, 0 to change, 0 to destroy. Actions: 1 to invoke.
Access: 2 changes widen it.
"""
        in text
    )
    assert "kept-from-everybody" not in text


def test_what_is_asked_for_stands_alone(work):
    work.apply()
    text = plan_text(work.plan(BY_REQUEST).plan)
    head, _, rest = text.partition("\n\n")
    assert head == "perimeter will invoke the following action(s):"
    assert rest.startswith("  # action.tiny_knock.k will be invoked")
    assert 'door   = "group-1"' in rest
    assert "Plan: 0 to add, 0 to change, 0 to destroy. Actions: 1 to invoke." in rest


def test_the_plan_as_json(work):
    """Terraform's ``action_invocations``; the configuration and the schema name the action, too."""
    plan = work.plan().plan
    data = plan_json(plan)
    (item,) = data["action_invocations"]
    assert item["address"] == "action.tiny_knock.k"
    assert item["config_values"] == {"word": "open"}
    assert item["config_unknown"] == {"door": True}
    assert item["lifecycle_action_trigger"] == {
        "triggering_resource_address": "tiny_group.g",
        "action_trigger_event": "AfterCreate",
        "action_trigger_block_index": 0,
        "actions_list_index": 0,
    }
    assert "kept-from-everybody" not in json.dumps(data)
    work.apply()
    asked = plan_json(work.plan(BY_REQUEST).plan)
    assert asked["applyable"] is True
    assert asked["complete"] is False
    assert "resource_changes" not in asked
    assert asked["action_invocations"][0]["invoke_action_trigger"] == {}


def test_configuration_and_schemas_name_actions():
    provider = TinyProvider(TinyTenant())
    schemas = schemas_json({"tiny": provider})["provider_schemas"]["tiny"]
    assert schemas["action_schemas"]["tiny_knock"]["block"]["attributes"]["door"]["required"]


def test_the_configuration_as_json(work):
    from perimeter.engine.session import load_configuration

    loaded = load_configuration(work.directory, environment={}, providers=work.providers)
    (action,) = configuration_json(loaded.config)["root_module"]["actions"]
    assert action["address"] == "action.tiny_knock.k"
    assert action["expressions"]["door"] == {"references": ["tiny_group.g.id", "tiny_group.g"]}


def test_the_stream_and_the_table(work):
    outcome = work.apply()
    lines = []
    stream = JsonStream(lines.append)
    stream.plan(outcome.plan)
    for event in work.events:
        stream(event)
    stream.applied(outcome.applied)
    found = [json.loads(line) for line in lines]
    kinds = [item["type"] for item in found]
    assert kinds.index("planned_action_invocation") < kinds.index("action_start")
    assert kinds.index("action_start") < kinds.index("action_complete")
    assert [i["changes"]["action_invocation"] for i in found if i["type"] == "change_summary"] == [
        1,
        1,
    ]
    assert apply_text(outcome.applied).startswith(
        "Apply complete! Resources: 1 added, 0 changed, 0 destroyed. Actions: 1 invoked.\n"
    )


def test_a_saved_plan_holds_its_invocations(work):
    """And is refused when it would invoke something else."""
    from perimeter.engine.planfile import decode_plan, encode_plan, mismatches
    from perimeter.engine.session import Session, load_configuration

    loaded = load_configuration(work.directory, environment={}, providers=work.providers)
    with Session(loaded=loaded, backend=work.backend(), environment={}) as session:
        request = session.request(session.backend.load(), Options())
        planned, seen = session.plan(request)
        data = encode_plan(planned.plan, seen, sources=loaded.sources, request=request)
        assert b"kept-from-everybody" not in data
        saved = decode_plan(data, where="p", providers=lambda _names: work.providers)
        (item,) = saved.plan.invocations
        assert item.change.schema is not None
        assert item.key == planned.plan.invocations[0].key
        assert mismatches(saved, planned.plan, request.state) == ()
    work.write(TEXT.replace('"open"', '"other"'))
    again = work.plan().plan
    assert mismatches(saved, again, work.state) == (
        "action.tiny_knock.k would be changed in another way than planned",
    )
