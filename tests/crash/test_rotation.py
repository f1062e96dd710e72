"""An access key under rotation, and a process that is killed while it rotates it: the sink always holds a key that works."""

import json
import os
import time

import boto3
import pytest

from perimeter.state.journal import replay
from perimeter.state.local import DEFAULT_PATH, LocalBackend
from perimeter.testing.moto import MotoServer

TEXT = """
provider "aws" {
  capacity_share = 1
}

resource "aws_secretsmanager_secret" "billing" {
  name = "billing-export/aws"
}

resource "aws_iam_access_key" "billing" {
  user = "billing"
  rotation {
    max_age    = "MAX"
    overlap    = "0s"
    quarantine = "0s"
    deliver_to = [aws_secretsmanager_secret.billing]
    verify {
      by = "attestation"
    }
  }
}
"""
EXHAUSTIVE = os.environ.get("PERIMETER_CRASH") == "all"


@pytest.fixture(scope="module")
def moto():
    with MotoServer() as server:
        yield server


@pytest.fixture
def clients(moto):
    moto.reset()
    keys = {
        "endpoint_url": moto.url,
        "region_name": "us-east-1",
        "aws_access_key_id": "AKIAPERIMETERSANDBOX",
        "aws_secret_access_key": "only-for-the-sandbox",
    }
    iam, store = boto3.client("iam", **keys), boto3.client("secretsmanager", **keys)
    iam.create_user(UserName="billing")
    yield iam, store
    iam.close()
    store.close()


def declare(crash, oldest):
    for place in crash.places:
        (place / "main.hcl").write_text(TEXT.replace("MAX", oldest), encoding="utf-8")


def sound(crash, clients):
    """The secret holds a key that the account has and that is on; state knows every key."""
    iam, store = clients
    there = {
        key["AccessKeyId"]: key["Status"]
        for key in iam.list_access_keys(UserName="billing")["AccessKeyMetadata"]
    }
    held = json.loads(store.get_secret_value(SecretId="billing-export/aws")["SecretString"])
    assert there[held["access_key_id"]] == "Active"
    return there


def known(crash):
    held = LocalBackend(crash.state / DEFAULT_PATH).load()
    state = replay(held.state, held.records).state
    return {item.id for item in state.resources["aws_iam_access_key.billing"].objects}


@pytest.fixture
def crash(moto, clients, crashes):
    environment = {**moto.environment, "AWS_ENDPOINT_URL": moto.url, "PERIMETER_SETTLES": "0"}
    made = crashes(environment, TEXT)
    declare(made, "90d")
    done = made.run("never")
    assert done.returncode == 0, done.stdout + done.stderr
    time.sleep(2.0)
    declare(made, "1s")
    return made


def test_a_due_key_is_rotated(crash, clients):
    before = set(sound(crash, clients))
    done = crash.run("list")
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(sound(crash, clients)) > before
    assert known(crash) == set(sound(crash, clients))


@pytest.mark.parametrize("number", range(1, 40) if EXHAUSTIVE else (7, 10, 13, 15))
def test_killed_while_it_rotates(crash, clients, number):
    crash.run(number)
    sound(crash, clients)
    declare(crash, "90d")
    crash.converge()
    assert known(crash) == set(sound(crash, clients))
