"""What programs read: plan, state and schema JSON, and the event stream."""

import json
from datetime import UTC, datetime
from decimal import Decimal

from perimeter.engine.model import (
    Action,
    Applied,
    CheckResult,
    Event,
    OutputChange,
    StageResult,
)
from perimeter.lang.values import SENSITIVE, UNKNOWN, Reason, Unseen, number, string, unknown
from perimeter.sdk.contract import Direction
from perimeter.state.model import Instance, Output, State, StateObject
from perimeter.ui.events_json import JsonStream
from perimeter.ui.masks import sensitive_mask, to_json, unknown_mask
from perimeter.ui.plan_json import plan_json
from perimeter.ui.schema_json import schemas_json
from perimeter.ui.state_json import state_json
from perimeter.ui.state_text import state_text
from tests.tiny.provider import TinyProvider
from tests.tiny.tenant import TinyTenant
from tests.ui.made import POLICY, change, north_star, plan

STATE = State(
    serial=3,
    lineage="l",
    resources={
        "okta_app.crm": Instance(
            objects=(
                StateObject(
                    type="okta_app",
                    id="a1",
                    tenant="t",
                    provider="okta",
                    attributes={"label": "CRM", "token": "sensitive-token", "n": Decimal("1.5")},
                    sensitive=(("token",),),
                    dependencies=("okta_group.g",),
                    protected=True,
                ),
            )
        ),
        'module.m["a"].module.n.okta_group.g[0]': Instance(
            objects=(
                StateObject(
                    type="okta_group",
                    id="g1",
                    tenant="t",
                    provider="okta",
                    attributes={"name": "G"},
                ),
            )
        ),
    },
    outputs={
        "plain": Output(value={"a": [1]}, type=["object", {"a": ["list", "number"]}]),
        "hidden": Output(value="sensitive-output", type="string", sensitive=True),
    },
)


def created():
    return change(
        'module.m["a"].okta_policy.p[2]',
        Action.CREATE,
        POLICY,
        after={
            "id": UNKNOWN,
            "name": "n",
            "groups": ["a", UNKNOWN],
            "extra": None,
            "rule": [{"name": "r", "key": "hunter2-nested", "mfa_required": True}],
        },
        changed=frozenset({"name", "rule"}),
        direction=Direction.WIDENS,
        sensitive_after=(("groups", 0),),
        fingerprint="abc",
    )


def test_a_planned_create():
    """Known values, a mask of unknown ones, a mask of sensitive ones; nothing secret at any depth."""
    data = plan_json(plan(created()))
    found = data["resource_changes"][0]
    assert found["address"] == 'module.m["a"].okta_policy.p[2]'
    assert found["module_address"] == 'module.m["a"]'
    assert found["index"] == 2
    assert found["change"]["actions"] == ["create"]
    assert found["change"]["before"] is None
    assert found["change"]["after"] == {
        "name": "n",
        "groups": ["a", None],
        "extra": None,
        "rule": [{"name": "r", "key": None, "mfa_required": True}],
    }
    assert found["change"]["after_unknown"] == {"id": True, "groups": [False, True], "rule": [{}]}
    assert found["change"]["after_sensitive"] == {"groups": [True, False], "rule": [{}]}
    assert found["direction"] == "widens"
    assert "hunter2" not in to_json(data)
    module = data["planned_values"]["root_module"]["child_modules"][0]
    assert module["address"] == 'module.m["a"]'
    assert module["resources"][0]["name"] == "p"


def test_what_perimeter_knows_besides():
    """Manual steps, removals, directions, undeclared, not visible: complete, never sampled."""
    data = plan_json(north_star())
    assert data["format_version"] == "1.2"
    assert data["directions"] == {"widens": 0, "narrows": 3, "unknown": 0}
    assert data["manual_steps"][0]["url"].startswith("https://github.com/")
    assert data["removals"][0]["label"] == '"legacy-ci" on acme/api'
    assert data["removals"][0]["action_reason"] == "undeclared_in_exclusive_collection"
    assert len(data["undeclared"]) == 14
    assert data["not_visible"][0]["needs"] == "okta.logStreams.read"
    assert data["credential_ages"] == [
        {"address": "aws_iam_access_key.billing_export", "days": 61, "last_used_at": None}
    ]
    assert [item["address"] for item in data["resource_drift"]] == [
        "okta_global_session_policy.everyone"
    ]
    assert (data["applyable"], data["complete"], data["errored"]) == (True, True, False)
    json.loads(to_json(data, indent=2))


def test_sensitive_variables_are_left_out_and_outputs_masked():
    """A plan's JSON tells no secret that was given as a variable."""
    data = plan_json(
        plan(
            variables={"open": number(3), "token": string("hunter2").with_marks([SENSITIVE])},
            outputs=(
                OutputChange(
                    name="u", action=Action.CREATE, before=None, after=unknown(), sensitive=False
                ),
                OutputChange(
                    name="v", action=Action.CREATE, before=None, after=string("x"), sensitive=True
                ),
            ),
        )
    )
    assert data["variables"] == {"open": {"value": 3}}
    assert "after" not in data["output_changes"]["u"]
    assert data["output_changes"]["u"]["after_unknown"] is True
    assert data["output_changes"]["v"]["after_sensitive"] is True
    assert data["planned_values"]["outputs"]["u"] == {"sensitive": False}


def test_unseen_is_neither_a_value_nor_unknown_after_apply():
    """It is null, and why stands beside it."""
    hidden = Unseen(reason=Reason.FORBIDDEN, needs="x.read")
    data = plan_json(
        plan(
            change(
                "a_b.c",
                Action.NO_OP,
                before={"id": "1", "token": hidden},
                after={"id": "1", "token": hidden},
            )
        )
    )
    found = data["resource_changes"][0]
    assert found["change"]["after_unknown"] == {}
    assert found["not_visible"] == {"token": "not visible: forbidden, needs x.read"}


def test_checks_are_grouped():
    """One entry per object; the worst status counts."""
    checks = (
        CheckResult(address="a_b.c", kind="resource", status="pass"),
        CheckResult(address="a_b.c", kind="resource", status="fail", problems=("No.",)),
    )
    found = plan_json(plan(checks=checks))["checks"]
    assert len(found) == 1
    assert found[0]["status"] == "fail"
    assert found[0]["instances"][0]["problems"] == [{"message": "No."}]


def test_masks_follow_terraform():
    """Objects name what holds, lists keep their places."""
    value = {"a": [1, UNKNOWN], "b": {"c": UNKNOWN}, "d": 1}
    assert unknown_mask(value) == {"a": [False, True], "b": {"c": True}}
    assert sensitive_mask(value, [("a", 0), ("d",)]) == {"a": [True, False], "b": {}, "d": True}
    assert sensitive_mask(value, [()]) is True


def test_state_json():
    """Terraform's format 1.0, in a module tree."""
    data = state_json(STATE)
    assert data["format_version"] == "1.0"
    root = data["values"]["root_module"]
    app = root["resources"][0]
    assert app["values"]["n"] == Decimal("1.5")
    assert app["sensitive_values"] == {"token": True}
    assert app["depends_on"] == ["okta_group.g"]
    nested = root["child_modules"][0]
    assert nested["address"] == 'module.m["a"]'
    assert nested["child_modules"][0]["address"] == 'module.m["a"].module.n'
    assert nested["child_modules"][0]["resources"][0]["index"] == 0
    assert data["values"]["outputs"]["plain"]["value"] == {"a": [1]}
    assert '"n":1.5' in to_json(data)
    assert state_json(State()).keys() == {
        "format_version",
        "terraform_version",
        "perimeter_version",
    }


def test_state_text_masks_what_is_sensitive(golden):
    """Attributes and outputs."""
    text = state_text(STATE, {})
    golden("state.txt", text)
    assert "sensitive-token" not in text
    assert "sensitive-output" not in text


def test_schemas():
    """Types in Terraform's encoding; what is write-only says so."""
    found = schemas_json({"tiny": TinyProvider(TinyTenant())})
    assert found["format_version"] == "1.0"
    resources = found["provider_schemas"]["tiny"]["resource_schemas"]
    assert resources
    for schema in resources.values():
        for attribute in schema["block"]["attributes"].values():
            assert attribute["type"]
            assert attribute["description"]


def stream():
    lines = []
    made = JsonStream(lines.append, now=lambda: datetime(2026, 1, 2, tzinfo=UTC))
    return made, lambda: [json.loads(line) for line in lines]


def test_the_stream_of_a_plan():
    """One JSON object a line, in Terraform's message types."""
    made, read = stream()
    made.version()
    made.plan(north_star())
    messages = read()
    assert [m["type"] for m in messages[:5]] == [
        "version",
        "resource_drift",
        "planned_change",
        "planned_change",
        "planned_change",
    ]
    assert messages[0]["ui"] == "1.2"
    assert messages[2]["change"]["action"] == "manual"
    assert messages[4]["change"]["resource"]["resource_type"] == "github_deploy_key"
    summary = next(m for m in messages if m["type"] == "change_summary")
    assert summary["changes"] == {
        "add": 0,
        "change": 1,
        "import": 0,
        "action_invocation": 0,
        "remove": 1,
        "operation": "plan",
    }
    assert sum(m["type"] == "undeclared" for m in messages) == 14
    assert all(
        {"@level", "@message", "@module", "@timestamp", "type"} <= m.keys() for m in messages
    )


def test_the_stream_of_an_apply():
    """Start, completion, error, skip, summary, outputs."""
    made, read = stream()
    address = 'module.m.okta_app.crm["a"]'
    made(Event(kind="stage_start", subject=address, text="create"))
    made(
        Event(
            kind="stage_done",
            subject=address,
            seconds=1.6,
            data={"id": "a1", "operation": "create"},
        )
    )
    made(Event(kind="stage_start", subject="okta_app.b", text="delete"))
    made(Event(kind="stage_failed", subject="okta_app.b", text="403"))
    made(Event(kind="stage_skipped", subject="okta_app.c", text="because okta_app.b failed"))
    results = (StageResult(name=address, status="done", text="created", operation="create"),)
    outputs = {"o": string("x"), "s": string("hunter2").with_marks([SENSITIVE])}
    made.applied(Applied(results=results, outputs=outputs))
    messages = read()
    assert [m["type"] for m in messages] == [
        "apply_start",
        "apply_complete",
        "apply_start",
        "apply_errored",
        "apply_skipped",
        "change_summary",
        "outputs",
    ]
    assert messages[1]["hook"]["id_value"] == "a1"
    assert messages[1]["hook"]["elapsed_seconds"] == 2
    assert messages[1]["hook"]["resource"]["module"] == "module.m"
    assert messages[1]["hook"]["resource"]["resource_key"] == "a"
    assert messages[1]["@message"].endswith("Creation complete after 2s [id=a1]")
    assert messages[3]["hook"]["action"] == "delete"
    assert messages[5]["changes"]["add"] == 1
    assert messages[6]["outputs"]["s"] == {"sensitive": True, "type": "string"}
