"""The same for IAM access keys: nothing names them, and AWS allows two per user."""

import os

import boto3
import pytest

from perimeter.state.journal import replay
from perimeter.state.local import DEFAULT_PATH, LocalBackend
from perimeter.testing.moto import MotoServer
from tests.crash.cutting_proxy import CuttingProxy

TEXT = """
provider "aws" {
  capacity_share = 1
}

resource "aws_iam_access_key" "export" {
  for_each = { one = "billing", two = "billing", three = "reports" }
  user     = each.value
  status   = "Active"
}
"""
KEYS = 3
EXHAUSTIVE = os.environ.get("PERIMETER_CRASH") == "all"
FAILPOINTS = 37
SAMPLE = range(1, FAILPOINTS + 1) if EXHAUSTIVE else range(3, FAILPOINTS + 1, 8)
KILLS = 100 if EXHAUSTIVE else 2


@pytest.fixture(scope="module")
def moto():
    with MotoServer() as server:
        yield server


@pytest.fixture
def account(moto):
    moto.reset()
    keys = {
        "endpoint_url": moto.url,
        "region_name": "us-east-1",
        "aws_access_key_id": "AKIAPERIMETERSANDBOX",
        "aws_secret_access_key": "only-for-the-sandbox",
    }
    iam = boto3.client("iam", **keys)
    for user in ("billing", "reports"):
        iam.create_user(UserName=user)
    with CuttingProxy(moto.url) as proxy:
        proxy.iam = iam
        yield proxy
    iam.close()


@pytest.fixture
def crash(moto, account, crashes):
    # Moto shows what it made at once: nothing has to be waited for.
    environment = {**moto.environment, "AWS_ENDPOINT_URL": account.url, "PERIMETER_SETTLES": "0"}
    return crashes(environment, TEXT)


def settled(account, crash):
    """The account holds what is declared, state knows it, and no create was carried out twice."""
    there = {
        key["AccessKeyId"]
        for user in ("billing", "reports")
        for key in account.iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
    }
    assert len(there) == KEYS
    assert account.count("CreateAccessKey") == KEYS
    held = LocalBackend(crash.state / DEFAULT_PATH).load()
    state = replay(held.state, held.records).state
    assert {item.id for one in state.resources.values() for item in one.objects} == there


@pytest.mark.parametrize("number", SAMPLE)
def test_killed_at_a_failpoint(account, crash, number):
    """Whatever had happened by then, the next run elsewhere converges."""
    crash.run(number)
    crash.converge()
    settled(account, crash)


@pytest.mark.parametrize("number", range(KILLS))
def test_killed_at_a_random_moment(account, crash, number):
    """The same at any instant."""
    crash.kill_at_random(number, 2.0)
    crash.converge()
    settled(account, crash)


@pytest.mark.parametrize("number", range(KEYS))
def test_an_answer_lost_after_the_server_committed(account, crash, number):
    """The key exists and its answer never came: it is found, not made again."""
    account.cuts["CreateAccessKey"] = {number}
    crash.run("never")
    crash.converge()
    settled(account, crash)
