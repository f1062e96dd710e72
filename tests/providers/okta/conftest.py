"""A sandbox with one Okta org, watched by Okta's own description, and clients for it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from perimeter.sandbox.server import Sandbox
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
    Transition,
    UpdateRequest,
    WritePermit,
    Written,
)
from perimeter_okta.client import OktaReader, OktaWriter
from perimeter_okta.provider import Okta
from perimeter_okta.sandbox.vendor import Okta as Vendor
from tests.openapi import Validator, okta_document
from tests.providers.okta.seed import TOKEN, seed


@dataclass
class Org:
    """An org in a sandbox, and how a test works with it."""

    sandbox: Sandbox
    seed: dict[str, Any]
    problems: list[str] = field(default_factory=list)
    open: list[OktaReader] = field(default_factory=list)
    known: dict[str, Any] = field(default_factory=dict)

    def request(self, **config: Any) -> ConnectRequest:
        given = {"org_url": self.sandbox.url("okta"), **({"token": TOKEN} | config)}
        return ConnectRequest(config=given, capacity_share=1.0, timeout=10)

    @property
    def reader(self) -> OktaReader:
        if "reader" not in self.known:
            self.known["reader"] = self.connected(Okta().reader(self.request()))
        return self.known["reader"]

    @property
    def writer(self) -> OktaWriter:
        if "writer" not in self.known:
            made = Okta().writer(self.request(), WritePermit("a test"))
            self.known["writer"] = self.connected(made)
        return self.known["writer"]

    @property
    def tenant(self) -> Tenant:
        if "tenant" not in self.known:
            self.known["tenant"] = Okta().tenant(self.reader)
        return self.known["tenant"]

    def connected(self, client: Any) -> Any:
        self.open.append(client)
        return client

    def content(self) -> dict[str, Any]:
        return self.sandbox.vendors["okta"].dump()

    def list(self, kind: str, parent: str | None = None) -> dict[str, Attributes]:
        request = ListRequest(tenant=self.tenant, parent=parent)
        listing = Okta().resources[kind].list(self.reader, request)
        assert listing.complete
        return {item.id: item.attributes for item in listing.objects}

    def hydrate(self, kind: str, identifier: str) -> Attributes:
        type_ = Okta().resources[kind]
        listed = self.list(kind)[identifier]
        request = HydrateRequest(
            tenant=self.tenant,
            objects=(Observed(id=identifier, attributes=listed),),
            attributes=frozenset(type_.schema.blocks),
        )
        (found,) = type_.hydrate(self.reader, request)
        return {**listed, **found.attributes}

    def read(self, kind: str, identifier: str) -> Attributes | None:
        request = ReadRequest(tenant=self.tenant, id=identifier)
        found = Okta().resources[kind].read(self.reader, request)
        return None if found is None else found.attributes

    def create(self, kind: str, attributes: Mapping[str, Any]) -> Written:
        request = CreateRequest(tenant=self.tenant, attributes=attributes, token="t")
        return Okta().resources[kind].create(self.writer, request)

    def update(self, kind: str, identifier: str, **changes: Any) -> Attributes:
        before = self.read(kind, identifier)
        assert before is not None
        request = UpdateRequest(
            tenant=self.tenant,
            id=identifier,
            before=before,
            after={**before, **changes},
            changed=frozenset(changes),
        )
        written = Okta().resources[kind].update(self.writer, request)
        assert written.id == identifier
        after = self.read(kind, identifier)
        assert after is not None
        return after

    def delete(self, kind: str, identifier: str) -> None:
        attributes = self.read(kind, identifier) or {}
        request = DeleteRequest(tenant=self.tenant, id=identifier, attributes=attributes)
        Okta().resources[kind].delete(self.writer, request)

    def transition(self, before: Any, after: Any) -> Transition:
        return Transition(before=before, after=after, tenant=self.tenant)

    def calls(self, method: str = "*", path: str = "*") -> int:
        return self.sandbox.calls.count(vendor="okta", method=method, path=path)


def started(content: dict[str, Any], clock: Any = time.time) -> Iterator[Org]:
    """An org with this content; every exchange is held against Okta's description where it is at hand."""
    document = okta_document()
    validator = None if document is None else Validator(document)
    with Sandbox({"okta": Vendor(content, clock)}, clock=clock) as sandbox:
        org = Org(sandbox=sandbox, seed=content)

        def watch(_: str, request: Any, response: Any) -> None:
            described = not request.path.startswith("/oauth2/v1/")
            if validator is not None and described:
                org.problems.extend(validator.check(request, response))

        sandbox.on_exchange = watch
        try:
            yield org
        finally:
            for client in org.open:
                client.close()
    assert org.problems == []
    assert sandbox.problems == []


@pytest.fixture
def org() -> Iterator[Org]:
    """The company of ``seed.py``."""
    yield from started(seed())


@pytest.fixture
def org_with() -> Iterator[Any]:
    """Makes an org whose seed has some parts replaced."""
    running: list[Iterator[Org]] = []

    def make(**parts: Any) -> Org:
        made = started({**seed(), **parts})
        running.append(made)
        return next(made)

    yield make
    for made in running:
        for _ in made:
            pass
