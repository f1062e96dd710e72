"""The IAM part of hashicorp/aws: migrated against an account at moto's server."""

import json

import pytest

from perimeter.testing.moto import MotoServer
from tests.migrate.conftest import FIXTURES
from tests.providers.aws.conftest import ACCOUNT, READ_ONLY, Account, trust

DEPLOY = f"arn:aws:iam::{ACCOUNT}:policy/deploy"
AUDIT_TRUST = trust("arn:aws:iam::210987654321:root")
DEPLOY_TRUST = trust(f"arn:aws:iam::{ACCOUNT}:root")
FIXTURE = FIXTURES / "aws"
KEY, SECRET = "AKIAEXAMPLE000000001", "example+secret/access+key/0123456789abcd"


@pytest.fixture
def account():
    with MotoServer() as moto:
        made = Account(moto)
        yield made
        for client in made.open:
            client.close()


def seeded(account):
    """Make in the account what the fixture's configuration says; return its key and Terraform's state of all."""
    iam = account.iam
    for name in ("backup", "ci"):
        tags = {"owner": "platform", "purpose": name}
        iam.create_user(
            UserName=f"robot-{name}",
            Path="/robots/",
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
    key = iam.create_access_key(UserName="robot-ci")["AccessKey"]
    iam.attach_user_policy(UserName="robot-backup", PolicyArn=READ_ONLY)
    iam.create_role(
        RoleName="deploy",
        Description="Deploys",
        MaxSessionDuration=7200,
        AssumeRolePolicyDocument=DEPLOY_TRUST,
    )
    iam.create_role(RoleName="audit-2024", AssumeRolePolicyDocument=AUDIT_TRUST)
    document = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    iam.create_policy(
        PolicyName="deploy",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [document]}),
    )
    iam.attach_role_policy(RoleName="deploy", PolicyArn=DEPLOY)
    iam.update_account_password_policy(MinimumPasswordLength=14, RequireSymbols=True)
    text = FIXTURE.joinpath("terraform.tfstate").read_text(encoding="utf-8")
    return key, text.replace(KEY, key["AccessKeyId"]).replace(SECRET, key["SecretAccessKey"])


def test_the_plan_imports_and_shows_what_was_explained(cli, account, monkeypatch):
    """Only the tags change that the provider's default_tags had added, as the report says."""
    key, text = seeded(account)
    cli.write(FIXTURE.joinpath("main.tf").read_text(encoding="utf-8"), "tf/main.tf")
    cli.write(text, "tf/state.json")
    report = cli.ok("migrate", "terraform", "-state=tf/state.json", "-out=.", "tf")
    assert "write them into each resource's tags, or plans remove them from what has tags" in report
    written = (cli.directory / "main.hcl").read_text() + (cli.directory / "imports.hcl").read_text()
    assert key["AccessKeyId"] in written
    assert key["SecretAccessKey"] not in written + report
    assert 'name = "audit-2024"' in written
    for name, value in account.environment.items():
        monkeypatch.setenv(name, value)
    cli.ok("init")
    plan = cli.ok("plan")
    assert "Plan: 8 to import, 0 to add, 2 to change, 0 to destroy" in plan, plan
    assert plan.count('- "owner"   = "platform" -> null') == 2


def test_the_files(migrated):
    """What stood in a policy document, and in a made-up name, comes from the state."""
    cli = migrated("aws")
    assert SECRET not in cli.directory.joinpath("main.hcl").read_text(encoding="utf-8")
