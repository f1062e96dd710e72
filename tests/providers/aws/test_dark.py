"""With any one read right taken away, perimeter plans no write more, and takes nothing unseen for absent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perimeter.testing.ladder import never_wider_without
from tests.providers.aws.conftest import READ_ONLY, Account, trust

OUTSIDE = "arn:aws:iam::999999999999:root"

CONFIG = f"""
resource "aws_iam_user" "app" {{
  name = "app"
  tags = {{ team = "platform" }}
}}

resource "aws_iam_access_key" "app" {{
  user   = aws_iam_user.app.name
  status = "Active"
}}

resource "aws_iam_user_policy_attachment" "app" {{
  user       = aws_iam_user.app.name
  policy_arn = "{READ_ONLY}"
}}

resource "aws_iam_role" "deploy" {{
  name               = "deploy"
  assume_role_policy = {json.dumps(trust(OUTSIDE))}
}}

resource "aws_iam_role_policy_attachment" "deploy" {{
  role       = aws_iam_role.deploy.name
  policy_arn = "{READ_ONLY}"
}}

resource "aws_iam_account_password_policy" "this" {{
  minimum_password_length = 14
}}

collection "aws_iam_access_key" "all" {{
  mode   = "exclusive"
  ignore = [{{ user = "ci" }}]
}}
"""


def test_no_right_less_makes_a_write_more(account: Account, tmp_path: Path) -> None:
    """Applied once, then drift in every object; the plan with all rights is the yardstick."""
    workspace = account.workspace(tmp_path)
    workspace.write(CONFIG)
    account.act_as("ci", "*")
    outcome = workspace.apply()
    assert not outcome.errors, outcome.errors
    iam = account.iam
    iam.tag_user(UserName="app", Tags=[{"Key": "team", "Value": "other"}])
    iam.detach_user_policy(UserName="app", PolicyArn=READ_ONLY)
    iam.update_assume_role_policy(RoleName="deploy", PolicyDocument=trust("*"))
    iam.update_account_password_policy(MinimumPasswordLength=6)
    iam.create_access_key(UserName="app")
    rights = {"sts:GetCallerIdentity", "iam:ListAccountAliases"}
    for kind in account.provider.resources.values():
        rights.update(kind.permissions.read)
        rights.update(name for names in kind.permissions.attributes.values() for name in names)

    def allow(names: set[str]) -> None:
        statement = {"Effect": "Allow", "Action": sorted(names), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="ci", PolicyName="own", PolicyDocument=document)

    @contextmanager
    def taken(right: str) -> Iterator[None]:
        allow(rights - {right})
        with account.enforcing():
            yield
        allow(rights)

    allow(rights)
    whole = workspace.plan()
    assert not whole.errors, whole.errors
    assert whole.plan is not None
    planned = {change.name for change in whole.plan.active}
    assert len(planned) >= 5, planned
    never_wider_without(workspace, sorted(rights), taken)
