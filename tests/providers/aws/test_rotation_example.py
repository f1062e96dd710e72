"""examples/rotation-aws and modules/github-actions-aws-oidc, whole, at moto's server."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from perimeter.sdk import SECRETS
from perimeter.testing.ladder import nothing_secret
from perimeter.testing.workspace import Workspace
from perimeter.trial.find import find_tests
from perimeter.trial.runner import Suite
from tests.providers.aws.conftest import Account

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples" / "rotation-aws"
MODULE = ROOT / "modules" / "github-actions-aws-oidc"
NAME = "billing-export/aws"


class Consumer:
    """What reads the secret, as the example's README says."""

    def __init__(self, account: Account) -> None:
        self.account = account

    @property
    def key(self) -> dict[str, str]:
        manager = self.account.client("secretsmanager")
        found: dict[str, str] = json.loads(manager.get_secret_value(SecretId=NAME)["SecretString"])
        return found

    def works(self) -> bool:
        """Whether what it reads lets it in, as STS and the list of keys say."""
        key = self.key
        sts = boto3.client(
            "sts",
            endpoint_url=self.account.moto.url,
            region_name="us-east-1",
            aws_access_key_id=key["access_key_id"],
            aws_secret_access_key=key["secret_access_key"],
        )
        arn = str(sts.get_caller_identity()["Arn"])
        sts.close()
        return (
            arn.endswith(":user/billing-export")
            and self.statuses()[key["access_key_id"]] == "Active"
        )

    def statuses(self) -> dict[str, str]:
        found = self.account.iam.list_access_keys(UserName="billing-export")["AccessKeyMetadata"]
        return {item["AccessKeyId"]: item["Status"] for item in found}


class Clock:
    """The real time, and as much later as the test says."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def workspace(account: Account, clock: Clock, tmp_path: Path) -> Workspace:
    made = account.workspace(tmp_path / "work")
    made.now = clock
    shutil.copy(EXAMPLE / "main.hcl", made.directory)
    return made


def applied(workspace: Workspace) -> Any:
    outcome = workspace.apply()
    assert not outcome.errors, outcome.errors
    assert outcome.applied is not None
    assert not [item for item in outcome.applied.results if item.status == "failed"]
    return outcome


def test_the_first_apply_delivers_a_working_key(account: Account, workspace: Workspace) -> None:
    applied(workspace)
    consumer = Consumer(account)
    assert set(consumer.key) == {"access_key_id", "secret_access_key"}
    assert consumer.works()
    assert list(consumer.statuses()) == [consumer.key["access_key_id"]]


def test_the_key_is_replaced_and_the_secret_works_at_all_times(
    account: Account, workspace: Workspace, clock: Clock
) -> None:
    """A rotation from its first day to the removal of the old key, an apply a day, at the declared ages."""
    applied(workspace)
    consumer, seen = Consumer(account), set()
    first = consumer.key["access_key_id"]
    for day in (1, 89, 91, 92, 97, 99, 100, 101, 102, 103):
        clock.ahead = timedelta(days=day)
        outcome = applied(workspace)
        assert consumer.works(), day
        seen.add(json.dumps(sorted(consumer.statuses().values())))
        if day < 90:
            assert consumer.key["access_key_id"] == first
        if day == 91:
            assert consumer.key["access_key_id"] != first
            assert consumer.statuses()[first] == "Active"
        assert not [c.name for c in outcome.plan.active if c.action.is_replace]
    assert first not in consumer.statuses()
    assert json.dumps(["Active", "Inactive"]) in seen


def test_no_key_is_anywhere_but_in_the_secret(
    account: Account, workspace: Workspace, clock: Clock
) -> None:
    secrets = []
    consumer = Consumer(account)
    texts = []
    for day in (0, 91, 99, 100):
        clock.ahead = timedelta(days=day)
        outcome = applied(workspace)
        secrets.append(consumer.key["secret_access_key"])
        texts += [repr(outcome), repr(workspace.events)]
    assert len(set(secrets)) == 2
    nothing_secret(set(secrets), [workspace.directory], texts)
    assert all("(redacted)" in SECRETS.redact(f"x {secret} y") for secret in secrets)


def test_the_first_issue_says_nothing_of_a_lost_secret(workspace: Workspace) -> None:
    """That is true only of a key without a rotation block."""
    outcome = workspace.plan()
    assert outcome.plan is not None
    said = [text for change in outcome.plan.changes for text in change.quirks]
    assert not [text for text in said if "drops it" in text]


def test_the_module_passes_its_own_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(MODULE, tmp_path / "module")
    monkeypatch.chdir(tmp_path / "module")
    found = find_tests(tmp_path / "module", tmp_path / "module" / "tests")
    result = Suite(directory=tmp_path / "module", files=found.only(()), environment={}).run()
    runs = [run for file in result.files for run in file.runs]
    assert {run.status.value for run in runs} == {"pass"}
    assert len(runs) == 7


def test_the_modules_example_applies_and_settles(account: Account, tmp_path: Path) -> None:
    shutil.copytree(MODULE, tmp_path / "module")
    workspace = account.workspace(tmp_path / "module" / "examples" / "deploy")
    applied(workspace)
    outcome = workspace.plan()
    assert outcome.plan is not None
    assert not outcome.plan.active
    role = account.iam.get_role(RoleName="deploy")["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"]["Federated"].endswith("token.actions.githubusercontent.com")
    (arn,) = [
        p["PolicyArn"]
        for p in account.iam.list_attached_role_policies(RoleName="deploy")["AttachedPolicies"]
    ]
    assert arn.endswith("ReadOnlyAccess")
