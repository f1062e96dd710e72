"""Trust policies: one canonical form, the direction of each change, and who from outside gets in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from perimeter.sdk import UNKNOWN, Direction, Role, Transition
from perimeter_aws.documents import allows_everything, effect_of, problem_with
from perimeter_aws.provider import Aws
from perimeter_aws.trust import lets_anybody_in, risks, trust_direction, trusts
from tests.providers.aws.conftest import ACCOUNT

ROLE = Aws().resources["aws_iam_role"]
OTHER = "arn:aws:iam::999999999999:root"
SOMEBODY = "arn:aws:iam::999999999999:role/deploy"
EXTERNAL = {"StringEquals": {"sts:ExternalId": "x-1"}}
GITHUB = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
SUB = "token.actions.githubusercontent.com:sub"


def allow(principal: Any, action: Any = "sts:AssumeRole", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action, **more}


def deny(principal: Any, action: Any = "sts:AssumeRole", **more: Any) -> dict[str, Any]:
    return {**allow(principal, action, **more), "Effect": "Deny"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


ONE = allow({"AWS": OTHER})
LAMBDA = allow({"Service": "lambda.amazonaws.com"})
N, W, NONE, Q = Direction.NARROWS, Direction.WIDENS, Direction.NEUTRAL, Direction.UNKNOWN


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param([ONE], [ONE], NONE, id="nothing"),
        pytest.param([ONE], [{**ONE, "Sid": "Renamed"}], NONE, id="another Sid"),
        pytest.param([ONE, LAMBDA], [LAMBDA, ONE], NONE, id="another order"),
        pytest.param([ONE], [allow({"AWS": ["999999999999"]})], NONE, id="another spelling"),
        pytest.param([LAMBDA], [LAMBDA, ONE], W, id="a principal more"),
        pytest.param([LAMBDA, ONE], [LAMBDA], N, id="a principal less"),
        pytest.param([ONE], [allow({"AWS": "*"})], W, id="everybody"),
        pytest.param([allow("*")], [ONE], N, id="no longer everybody"),
        pytest.param([ONE], [allow({"AWS": SOMEBODY})], N, id="one role instead of its account"),
        pytest.param([allow({"AWS": SOMEBODY})], [ONE], W, id="an account instead of one role"),
        pytest.param([ONE], [{**ONE, "Condition": EXTERNAL}], N, id="a condition more"),
        pytest.param([{**ONE, "Condition": EXTERNAL}], [ONE], W, id="a condition dropped"),
        pytest.param(
            [{**ONE, "Condition": EXTERNAL}],
            [{**ONE, "Condition": {"StringEquals": {"sts:ExternalId": ["x-1", "x-2"]}}}],
            W,
            id="a value more in a condition",
        ),
        pytest.param(
            [{**ONE, "Condition": {"StringNotEquals": {"aws:SourceVpc": ["a", "b"]}}}],
            [{**ONE, "Condition": {"StringNotEquals": {"aws:SourceVpc": "a"}}}],
            W,
            id="a value less in a negated condition",
        ),
        pytest.param(
            [{**ONE, "Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": "60"}}}],
            [{**ONE, "Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": "90"}}}],
            W,
            id="a number that only AWS can compare counts as widening",
        ),
        pytest.param([ONE], [allow({"AWS": OTHER}, "sts:*")], W, id="more actions"),
        pytest.param([allow({"AWS": OTHER}, "sts:*")], [ONE], N, id="fewer actions"),
        pytest.param([ONE, deny({"AWS": SOMEBODY})], [ONE], W, id="a deny taken away"),
        pytest.param([ONE], [ONE, deny({"AWS": SOMEBODY})], N, id="a deny more"),
        pytest.param(
            [ONE, deny({"AWS": SOMEBODY})],
            [ONE, deny({"AWS": SOMEBODY}, Condition=EXTERNAL)],
            W,
            id="a deny on a condition",
        ),
        pytest.param(
            [ONE], [allow({"AWS": "888888888888"})], W, id="one for another: both, so widens"
        ),
        pytest.param(
            [ONE],
            [{"Effect": "Allow", "NotPrincipal": {"AWS": OTHER}, "Action": "*"}],
            Q,
            id="NotPrincipal",
        ),
        pytest.param([ONE], [{**ONE, "Resource": "*"}], Q, id="an element that trust has not"),
        pytest.param([ONE], [{**ONE, "Condition": "odd"}], Q, id="an odd condition"),
    ],
)
def test_the_direction_of_a_trust_policys_change(
    before: list[dict[str, Any]], after: list[dict[str, Any]], expected: Direction
) -> None:
    assert trust_direction(document(*before), document(*after)) is expected


def test_what_is_not_known_or_no_policy_is_unknown() -> None:
    assert trust_direction(document(ONE), UNKNOWN) is Q
    assert trust_direction(document(ONE), "{") is Q
    assert trust_direction("[]", document(ONE)) is Q


def test_spelling_is_no_drift() -> None:
    """The role's trust policy is compared in its canonical form."""
    canonical = ROLE.schema.attributes["assume_role_policy"].canonical
    assert canonical is not None
    spaced = json.dumps(json.loads(document(LAMBDA, ONE)), indent=2)
    other = document(allow({"AWS": ["999999999999"]}, ["sts:AssumeRole"]), LAMBDA)
    assert canonical(spaced) == canonical(other)
    assert canonical(canonical(spaced)) == canonical(spaced)
    assert canonical(spaced) != canonical(document(ONE))


@pytest.mark.parametrize(
    ("statement", "outsiders", "risk"),
    [
        (
            allow({"AWS": OTHER}),
            ("999999999999",),
            "another account may assume it without an external id",
        ),
        (allow({"AWS": OTHER}, Condition=EXTERNAL), ("999999999999",), ""),
        (allow("*"), ("*",), "anybody may assume it"),
        (allow({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}), (), ""),
        (allow({"AWS": f"arn:aws:iam::{ACCOUNT}:user/bob"}), (), ""),
        (allow({"AWS": "AIDAEXAMPLEDELETED0001"}), (), ""),
        (LAMBDA, (), ""),
        (deny({"AWS": OTHER}), (), ""),
        (
            allow({"Federated": GITHUB}, "sts:AssumeRoleWithWebIdentity"),
            (GITHUB,),
            "every identity of token.actions.githubusercontent.com may assume it",
        ),
        (
            allow({"Federated": GITHUB}, Condition={"StringLike": {SUB: "repo:acme/*"}}),
            (GITHUB,),
            "",
        ),
        (
            {"Effect": "Allow", "NotPrincipal": {"AWS": OTHER}, "Action": "sts:AssumeRole"},
            ("*",),
            "everybody but those named may assume it",
        ),
    ],
)
def test_who_from_outside_gets_in(
    statement: dict[str, Any], outsiders: tuple[str, ...], risk: str
) -> None:
    text = document(statement)
    assert trusts(text, ACCOUNT) == outsiders
    assert risks(text, ACCOUNT) == ((risk,) if risk else ())


def test_the_facet_of_a_role_shows_them() -> None:
    attributes = {
        "id": "AROA1",
        "name": "deploy",
        "arn": f"arn:aws:iam::{ACCOUNT}:role/deploy",
        "assume_role_policy": document(ONE, LAMBDA),
    }
    (facet,) = ROLE.facets(attributes)
    assert isinstance(facet, Role)
    assert facet.trusts == ("999999999999",)
    assert ROLE.facets({"id": "AROA1"})[0].risk == ()


def test_a_new_role_widens_if_somebody_may_assume_it() -> None:
    def made(text: Any) -> Direction:
        return ROLE.direction(Transition(before=None, after={"assume_role_policy": text}))

    assert made(document(LAMBDA)) is W
    assert made(document(deny({"AWS": OTHER}))) is NONE
    assert made(UNKNOWN) is Q
    assert lets_anybody_in("no policy")


def test_the_effect_of_a_policy_as_a_whole() -> None:
    read = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}
    everything = {"Effect": "Allow", "Action": "*", "Resource": ["*"]}
    nothing = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    assert effect_of(document(read)) == "allow"
    assert effect_of(document(nothing)) == "deny"
    assert effect_of(document(read, nothing)) == "mixed"
    assert effect_of("{}") == effect_of(None) == "unclear"
    assert allows_everything(document(read, everything))
    assert not allows_everything(document(everything, nothing))
    assert not allows_everything(document({**everything, "Condition": EXTERNAL}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "Statement"),
        ('{"Statement": [{"Effect": "allow"}]}', "Effect"),
        (document(ONE), ""),
        (None, ""),
    ],
)
def test_what_is_no_policy_is_told_before_anything_is_sent(text: Any, said: str) -> None:
    assert said in problem_with(text)
    problems = list(ROLE.validate({"name": "r", "assume_role_policy": text}))
    assert bool(problems) is bool(said)
    assert bool(problem_with(text)) is bool(said)
