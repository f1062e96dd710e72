"""An AWS account at moto's server, and clients for it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from perimeter.sdk import (
    Attributes,
    ConnectRequest,
    CreateRequest,
    DeleteRequest,
    HydrateRequest,
    ListRequest,
    Observed,
    ReadRequest,
    Tenant,
    UpdateRequest,
    WritePermit,
    Written,
)
from perimeter.testing.moto import MotoServer
from perimeter.testing.workspace import Workspace
from perimeter_aws.client import AwsReader, AwsWriter
from perimeter_aws.provider import Aws

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ACCOUNT = "123456789012"


def trust(*principals: str, **condition: Any) -> str:
    """A trust policy for AWS principals."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": list(principals)},
        "Action": "sts:AssumeRole",
    }
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass
class Account:
    """An account, and how a test works with it: by perimeter's clients, or behind its back by ``iam``."""

    moto: MotoServer
    provider: Aws = field(default_factory=Aws)
    requests: list[tuple[str, int]] = field(default_factory=list)
    open: list[Any] = field(default_factory=list)
    iam: Any = None

    def __post_init__(self) -> None:
        self.iam = self.client("iam")
        self.environment = dict(self.moto.environment)

    def client(self, service: str) -> Any:
        """A client of a service that perimeter knows nothing of."""
        return self._own(boto3.client(service, **self._keys(self.moto.environment)))  # type: ignore[call-overload]

    def connect(self, **config: Any) -> ConnectRequest:
        def note(method: str, url: str, status: int, seconds: float) -> None:
            self.requests.append((url.partition("Action=")[2], status))

        return ConnectRequest(
            config=config,
            environment=self.environment,
            capacity_share=1.0,
            on_request=note,
            timeout=10,
        )

    def reader(self, **config: Any) -> AwsReader:
        made: AwsReader = self._own(self.provider.reader(self.connect(**config)))
        return made

    def writer(self) -> AwsWriter:
        made: AwsWriter = self._own(
            self.provider.writer(self.connect(), WritePermit("a test's apply"))
        )
        return made

    def tenant(self) -> Tenant:
        return self.provider.tenant(self.reader())

    def listed(self, type_name: str) -> dict[str, Observed]:
        kind = self.provider.resources[type_name]
        found = kind.list(self.reader(), ListRequest(tenant=self.tenant()))
        assert found.complete
        return {item.id: item for item in found.objects}

    def read(self, type_name: str, identifier: str, hint: Attributes) -> Observed | None:
        request = ReadRequest(tenant=self.tenant(), id=identifier, hint=hint)
        return self.provider.resources[type_name].read(self.reader(), request)

    def hydrated(self, type_name: str, *objects: Observed) -> dict[str, Attributes]:
        kind = self.provider.resources[type_name]
        names = frozenset(kind.schema.attributes) - (kind.listed or frozenset())
        request = HydrateRequest(tenant=self.tenant(), objects=objects, attributes=names)
        return {item.id: item.attributes for item in kind.hydrate(self.reader(), request)}

    def create(self, type_name: str, **attributes: Any) -> Written:
        request = CreateRequest(tenant=self.tenant(), attributes=attributes, token="t-1")
        return self.provider.resources[type_name].create(self.writer(), request)

    def update(self, type_name: str, before: Observed, **after: Any) -> Written:
        request = UpdateRequest(
            tenant=self.tenant(),
            id=before.id,
            before=before.attributes,
            after={**before.attributes, **after},
            changed=frozenset(after),
        )
        return self.provider.resources[type_name].update(self.writer(), request)

    def delete(self, type_name: str, item: Observed) -> str:
        request = DeleteRequest(tenant=self.tenant(), id=item.id, attributes=item.attributes)
        return self.provider.resources[type_name].delete(self.writer(), request)

    def workspace(self, directory: Path) -> Workspace:
        return Workspace(
            directory=directory, providers={"aws": self.provider}, environment=self.environment
        )

    def act_as(self, user: str, *allowed: str) -> str:
        """From now on perimeter acts as a user who may do only what is named; returns the key's id."""
        self.iam.create_user(UserName=user)
        statement = {"Effect": "Allow", "Action": list(allowed), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=document)
        key = self.iam.create_access_key(UserName=user)["AccessKey"]
        self.environment["AWS_ACCESS_KEY_ID"] = key["AccessKeyId"]
        self.environment["AWS_SECRET_ACCESS_KEY"] = key["SecretAccessKey"]
        return str(key["AccessKeyId"])

    @contextmanager
    def enforcing(self) -> Iterator[None]:
        """moto checks every call against the caller's policies."""
        self._post("/moto-api/reset-auth", b"0")
        try:
            yield
        finally:
            self._post("/moto-api/reset-auth", b"inf")

    def calls(self, operation: str) -> int:
        """How often an operation was called by perimeter."""
        return sum(1 for name, _ in self.requests if name == operation)

    def close(self) -> None:
        for client in self.open:
            client.close()

    def _own(self, client: Any) -> Any:
        self.open.append(client)
        return client

    def _keys(self, environment: Mapping[str, str]) -> dict[str, str]:
        return {
            "endpoint_url": environment["AWS_ENDPOINT_URL"],
            "region_name": environment["AWS_DEFAULT_REGION"],
            "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
        }

    def _post(self, path: str, body: bytes) -> None:
        headers = {"content-type": "text/plain"}
        request = urllib.request.Request(self.moto.url + path, body, headers, method="POST")
        with urllib.request.urlopen(request, timeout=10):
            return


@pytest.fixture(scope="session")
def moto() -> Iterator[MotoServer]:
    with MotoServer() as server:
        yield server


@pytest.fixture
def account(moto: MotoServer) -> Iterator[Account]:
    moto.reset()
    made = Account(moto)
    yield made
    made.close()
