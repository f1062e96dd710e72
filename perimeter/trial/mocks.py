"""A provider without a vendor: objects live in the test's state, and what nobody configures is made up."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from perimeter.engine.diff import sort_text
from perimeter.lang.types import STRING
from perimeter.lang.values import UNKNOWN, Unknown
from perimeter.sdk.actions import ActionType, Invoked, InvokeRequest
from perimeter.sdk.contract import (
    Attributes,
    ConnectRequest,
    CreateRequest,
    DataRequest,
    DeleteRequest,
    Direction,
    Listing,
    ListRequest,
    ManualStep,
    Observed,
    ReadRequest,
    Tenant,
    Transition,
    UpdateRequest,
    Written,
)
from perimeter.sdk.facets import Facet
from perimeter.sdk.functions import ProviderFunction
from perimeter.sdk.provider import DataSource, Provider, ResourceType, WritePermit
from perimeter.sdk.schema import Plain, Schema
from perimeter.trial.made_up import attribute_value, empty_blocks, made_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What objects of a type get for what nobody configures.

    Attributes:
        values: in the schema's types.
        early: whether they are known while planning.
    """

    values: Mapping[str, Plain] = field(default_factory=dict)
    early: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a provider is mocked.

    Attributes:
        seed: what made-up values follow from, besides the object itself.
        resources: by resource type.
        data: by data source.
        default: for all other types.
    """

    seed: str
    resources: Mapping[str, Filling] = field(default_factory=dict)
    data: Mapping[str, Filling] = field(default_factory=dict)
    default: Filling = Filling()


class Nobody:
    """A client for no vendor."""

    def close(self) -> None:
        """Release nothing."""


class _MockedType(ResourceType):
    """A type whose objects only state holds."""

    local = True
    resets = False
    inner: ResourceType
    filling: Filling
    seed: str

    def __init__(self) -> None:
        self._made: Counter[str] = Counter()
        self._lock = threading.Lock()

    def list(self, reader: Any, request: ListRequest) -> Listing:
        return Listing(objects=())

    def read(self, reader: Any, request: ReadRequest) -> Observed | None:
        return Observed(id=request.id, attributes=request.hint)

    def plan(self, transition: Transition) -> Attributes:
        after = dict(transition.after or {})
        if transition.before is not None:
            return after
        seed = self._seed(after)
        for name, attribute in self.schema.attributes.items():
            if not attribute.computed or not isinstance(after.get(name, UNKNOWN), Unknown):
                continue
            after[name] = UNKNOWN
            if self.filling.early:
                after[name] = attribute_value(name, attribute, self.filling.values, seed)
        return after

    def _seed(self, attributes: Attributes) -> str:
        known = {name: value for name, value in attributes.items() if not _open(value)}
        return f"{self.seed}/{self.name}/{sort_text(known)}"

    def create(self, writer: Any, request: CreateRequest) -> Written:
        seed = self._seed(request.attributes)
        with self._lock:
            self._made[seed] += 1
            seed = f"{seed}/{self._made[seed]}"
        made = {**empty_blocks(self.schema), **self.filling.values, **request.attributes}
        for name, attribute in self.schema.attributes.items():
            if attribute.computed and name not in request.attributes:
                made[name] = attribute_value(name, attribute, self.filling.values, seed)
            elif name not in request.attributes:
                made.pop(name, None)
            if attribute.is_secret:
                made.pop(name, None)
        identifier = made.get("id")
        if not isinstance(identifier, str) or not identifier:
            identifier = made_up(STRING, f"{seed}.id")
        return Written(id=identifier, attributes=made)

    def update(self, writer: Any, request: UpdateRequest) -> Written:
        hidden = self.schema.secret_names
        made = {name: value for name, value in request.after.items() if name not in hidden}
        return Written(id=request.id, attributes=made)

    def delete(self, writer: Any, request: DeleteRequest) -> str:
        return ""

    def direction(self, transition: Transition) -> Direction:
        return self.inner.direction(transition)

    def manual(self, transition: Transition) -> ManualStep | None:
        return None

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        return self.inner.facets(attributes)

    def describe(self, attributes: Attributes) -> str:
        return self.inner.describe(attributes)

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        return self.inner.validate(config)

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        return self.inner.import_key(text, tenant)


class _MockedSource(DataSource):
    """A data source that answers at once."""

    filling: Filling
    seed: str

    def read(self, reader: Any, request: DataRequest) -> Attributes:
        seed = f"{self.seed}/data.{self.name}/{sort_text(request.config)}"
        made = {**empty_blocks(self.schema), **self.filling.values, **request.config}
        for name, attribute in self.schema.attributes.items():
            if attribute.computed and request.config.get(name) is None:
                made[name] = attribute_value(name, attribute, self.filling.values, seed)
            elif name not in request.config:
                made.pop(name, None)
        return made


class MockedProvider(Provider):
    """Has the types of another provider and reaches nobody; see ``mocked``."""

    inner: Provider
    recipe: Recipe

    def __init__(self) -> None:
        recipe = self.recipe
        self._resources = {
            name: _mocked_type(kind, recipe.resources.get(name, recipe.default), recipe.seed)
            for name, kind in self.inner.resources.items()
        }
        self._data_sources = {
            name: _mocked_source(kind, recipe.data.get(name, recipe.default), recipe.seed)
            for name, kind in self.inner.data_sources.items()
        }

    @property
    def resources(self) -> Mapping[str, ResourceType]:
        """The other provider's types, mocked."""
        return self._resources

    @property
    def data_sources(self) -> Mapping[str, DataSource]:
        """The other provider's data sources, mocked."""
        return self._data_sources

    @property
    def actions(self) -> Mapping[str, ActionType]:
        """The other provider's actions, which do nothing."""
        return {name: _mocked_action(kind) for name, kind in self.inner.actions.items()}

    @property
    def functions(self) -> Mapping[str, ProviderFunction]:
        """The other provider's functions: they are pure."""
        return self.inner.functions

    def reader(self, request: ConnectRequest) -> Nobody:
        """There is nobody to ask."""
        return Nobody()

    def writer(self, request: ConnectRequest, permit: WritePermit) -> Nobody:
        """There is nobody to tell."""
        return Nobody()

    def tenant(self, reader: Any) -> Tenant:
        """One that does not exist."""
        return Tenant(id=f"mock-{self.name}", name=f"a mocked {self.name} tenant")


def mocked(provider: Provider, recipe: Recipe) -> MockedProvider:
    """A provider with the types of another one, which reaches nobody."""
    schema = Schema(doc="A mock takes no configuration.", attributes={})
    names = {"name": provider.name, "schema": schema, "inner": provider, "recipe": recipe}
    return cast("MockedProvider", type("MockedProvider", (MockedProvider,), names)())


def _mocked_type(kind: ResourceType, filling: Filling, seed: str) -> ResourceType:
    names = {
        "name": kind.name,
        "schema": kind.schema,
        "identity": kind.identity,
        "permissions": kind.permissions,
        "quirks": kind.quirks,
        "inner": kind,
        "filling": filling,
        "seed": seed,
    }
    return cast("ResourceType", type("MockedType", (_MockedType,), names)())


class _MockedAction(ActionType):
    """Does nothing."""

    inner: ActionType

    def direction(self, config: Attributes) -> Direction:
        return self.inner.direction(config)

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        return self.inner.validate(config)

    def invoke(self, writer: Any, request: InvokeRequest) -> Invoked:
        return Invoked(text="mocked")


def _mocked_action(kind: ActionType) -> ActionType:
    names = {
        "name": kind.name,
        "schema": kind.schema,
        "permissions": kind.permissions,
        "inner": kind,
    }
    return cast("ActionType", type("MockedAction", (_MockedAction,), names)())


def _mocked_source(source: DataSource, filling: Filling, seed: str) -> DataSource:
    names = {
        "name": source.name,
        "schema": source.schema,
        "permissions": source.permissions,
        "filling": filling,
        "seed": seed,
    }
    return cast("DataSource", type("MockedSource", (_MockedSource,), names)())


def _open(value: Plain) -> bool:
    if isinstance(value, Mapping):
        return any(map(_open, value.values()))
    if isinstance(value, list):
        return any(map(_open, value))
    return isinstance(value, Unknown)
