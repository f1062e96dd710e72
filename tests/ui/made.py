"""Plans made by hand, to see how they are shown."""

from perimeter.addresses import parse_address
from perimeter.engine.model import (
    Action,
    Change,
    CredentialAge,
    NotVisible,
    Options,
    Plan,
    Requests,
    Undeclared,
)
from perimeter.lang.types import BOOL, NUMBER, STRING, List, Map, Object, Set
from perimeter.lang.values import Reason, Unseen
from perimeter.sdk.budget import Budget
from perimeter.sdk.contract import Direction, ManualStep, Tenant
from perimeter.sdk.facets import App
from perimeter.sdk.schema import Attribute, Mode, NestedBlock, Nesting, Schema

WHEN = "2026-11-24T10:00:00Z"

INSTALLATION = Schema(
    attributes={
        "id": Attribute(type=STRING, doc="Id.", computed=True),
        "app_slug": Attribute(type=STRING, doc="App.", required=True),
        "permissions": Attribute(type=Map(STRING), doc="Permissions.", optional=True),
        "repository_selection": Attribute(type=STRING, doc="Which.", optional=True),
        "events": Attribute(type=Set(STRING), doc="Events.", optional=True),
        "secret": Attribute(type=STRING, doc="Secret.", optional=True, mode=Mode.WRITE_ONLY),
        "token": Attribute(type=STRING, doc="Token.", optional=True, sensitive=True),
    }
)

RULE = NestedBlock(
    nesting=Nesting.LIST,
    doc="A rule.",
    attributes={
        "name": Attribute(type=STRING, doc="Name.", required=True),
        "mfa_required": Attribute(type=BOOL, doc="Whether.", optional=True),
        "idle_minutes": Attribute(type=NUMBER, doc="Minutes.", optional=True),
        "key": Attribute(type=STRING, doc="Secret.", optional=True, mode=Mode.WRITE_ONLY),
    },
    label="name",
)

POLICY = Schema(
    attributes={
        "id": Attribute(type=STRING, doc="Id.", computed=True),
        "name": Attribute(type=STRING, doc="Name.", required=True),
        "groups": Attribute(type=List(STRING), doc="Groups.", optional=True),
        "extra": Attribute(type=Object({"a": STRING, "b": NUMBER}), doc="Extra.", optional=True),
    },
    blocks={"rule": RULE},
)


def change(address, action, schema=INSTALLATION, **more):
    """A change; without address an undeclared object."""
    kind = more.pop("type", None)
    found = parse_address(address) if address else None
    return Change(
        address=found,
        type=kind or found.type,
        provider=more.pop("provider", "github"),
        provider_name="github",
        action=action,
        schema=schema,
        **more,
    )


def plan(*changes, **more):
    """A plan of those changes."""
    return Plan(timestamp=WHEN, options=more.pop("options", Options()), changes=changes, **more)


def north_star():
    """The plan of a company that has drifted."""
    before = {
        "id": "48213377",
        "app_slug": "drift-chat",
        "permissions": {"metadata": "read", "issues": "write", "contents": "write"},
        "repository_selection": "all",
        "events": ["issues"],
    }
    after = {
        **before,
        "permissions": {"metadata": "read", "issues": "write"},
        "repository_selection": "selected",
    }
    by_hand = change(
        "github_app_installation.drift",
        Action.NO_OP,
        id="48213377",
        before=before,
        after=after,
        direction=Direction.NARROWS,
        manual=ManualStep(
            reason="GitHub lets only an enterprise owner change this by API; this token belongs to the organisation.",
            instructions='Choose "Only select repositories" and "website".',
            url="https://github.com/organizations/acme/settings/installations/48213377",
        ),
    )
    key_schema = Schema(
        attributes={
            "read_only": Attribute(type=BOOL, doc="Whether.", optional=True),
            "title": Attribute(type=STRING, doc="Title.", required=True),
        }
    )
    undeclared = change(
        "",
        Action.DELETE,
        key_schema,
        type="github_deploy_key",
        id="7",
        before={"read_only": False, "title": "legacy-ci"},
        label='"legacy-ci" on acme/api',
        origin="added by j.doe 2023-04-02, last used never",
        collection="collection.github_deploy_key.acme",
        reason="undeclared_in_exclusive_collection",
        direction=Direction.NARROWS,
    )
    rules = [{"name": "mfa", "mfa_required": False, "idle_minutes": 120}]
    policy = {"id": "p1", "name": "Everyone", "groups": ["g1"], "extra": None, "rule": rules}
    drifted = change(
        "okta_global_session_policy.everyone",
        Action.UPDATE,
        POLICY,
        provider="okta",
        id="p1",
        before=policy,
        after={**policy, "rule": [{**rules[0], "mfa_required": True}]},
        changed=frozenset({"rule"}),
        drifted=frozenset({"rule"}),
        origin="changed in Okta by m.ruiz, 2026-11-20 17:04 UTC, from 203.0.113.9",
        direction=Direction.NARROWS,
        quirks=("Sessions that are open stay open.",),
    )
    apps = [
        Undeclared(
            provider="github",
            type="github_app_installation",
            id=str(number),
            label=f'"app-{number}"',
            attributes={},
            facets=(
                App(
                    id=str(number),
                    name=f"app-{number}",
                    risk=("can write code in every repository",) if number < 2 else (),
                ),
            ),
        )
        for number in range(14)
    ]
    return plan(
        by_hand,
        drifted,
        undeclared,
        drift=(drifted,),
        undeclared=tuple(apps),
        not_visible=(
            NotVisible(
                provider="okta",
                subject="okta_log_stream",
                unseen=Unseen(reason=Reason.FORBIDDEN, needs="okta.logStreams.read"),
            ),
        ),
        ages=(CredentialAge(address="aws_iam_access_key.billing_export", days=61),),
        tenants={"github": Tenant(id="1", name="acme", caller="svc")},
        requests=Requests(
            made=68,
            to_apply=5,
            budgets={"github": (Budget(bucket="core", limit=5000, remaining=4959, reset_in=1800),)},
        ),
    )
