"""An AWS account's objects, listed and declared by generated configuration."""

import json

from perimeter_aws.provider import Aws
from tests.generated import declare_everything
from tests.providers.aws.conftest import ADMINISTRATOR, READ_ONLY, trust


def test_what_is_generated_for_every_type_plans_empty(account, tmp_path):
    """Nothing is changed by taking an account over as it is; documents are written as objects."""
    iam = account.iam
    iam.create_user(UserName="billing", Path="/service/", Tags=[{"Key": "team", "Value": "a"}])
    iam.create_user(UserName="Apfel.Bot@x")
    iam.create_access_key(UserName="billing")
    iam.attach_user_policy(UserName="billing", PolicyArn=READ_ONLY)
    policy = json.loads(trust("arn:aws:iam::999999999999:root", StringEquals={"a": "${x}"}))
    iam.create_role(
        RoleName="CrossAccountDeploy",
        AssumeRolePolicyDocument=json.dumps(policy),
        Description="Who deploys",
    )
    iam.attach_role_policy(RoleName="CrossAccountDeploy", PolicyArn=ADMINISTRATOR)
    iam.update_account_password_policy(MinimumPasswordLength=14, RequireNumbers=True)
    iam.create_open_id_connect_provider(
        Url="https://token.actions.githubusercontent.com", ClientIDList=["sts.amazonaws.com"]
    )
    account.client("secretsmanager").create_secret(Name="billing/aws", SecretString="s3cr3t-s3cr3t")
    account.client("ssm").put_parameter(
        Name="/billing/aws", Value="s3cr3t-s3cr3t", Type="SecureString", Tier="Standard"
    )
    work = account.workspace(tmp_path / "work")
    work.write('provider "aws" {}\n', "provider.hcl")
    text, found = declare_everything(work)
    types = {item.type for result in found.results for item in result.objects}
    assert types == set(Aws().resources)
    assert "s3cr3t-s3cr3t" not in text
    assert "role       = aws_iam_role.cross_account_deploy.name" in text
    assert "user   = aws_iam_user.billing.name" in text
    assert 'a = "$${x}"' in text
