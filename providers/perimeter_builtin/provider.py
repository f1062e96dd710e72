"""The provider ``perimeter``: what needs no vendor."""

from __future__ import annotations

from collections.abc import Mapping

from perimeter.sdk import (
    ConnectRequest,
    DataSource,
    Fatal,
    Provider,
    ProviderFunction,
    ResourceType,
    Schema,
    Tenant,
    WritePermit,
)
from perimeter_builtin.data import Data
from perimeter_builtin.functions import FUNCTIONS
from perimeter_builtin.remote_state import RemoteState

_RESOURCES: Mapping[str, ResourceType] = {Data.name: Data()}
_DATA_SOURCES: Mapping[str, DataSource] = {RemoteState.name: RemoteState()}
_NOWHERE = Tenant(id="perimeter", name="perimeter")


class Nothing:
    """A client for no vendor."""

    def close(self) -> None:
        """Release nothing."""


class Builtin(Provider):
    """The types that live in perimeter's own state."""

    name = "perimeter"
    schema = Schema(doc="What needs no vendor; takes no configuration.", attributes={})

    @property
    def resources(self) -> Mapping[str, ResourceType]:
        """``perimeter_data``."""
        return _RESOURCES

    @property
    def data_sources(self) -> Mapping[str, DataSource]:
        """``perimeter_remote_state``."""
        return _DATA_SOURCES

    @property
    def functions(self) -> Mapping[str, ProviderFunction]:
        """Configuration text from values and back."""
        return FUNCTIONS

    def reader(self, request: ConnectRequest) -> Nothing:
        """There is nothing to read."""
        return Nothing()

    def writer(self, request: ConnectRequest, permit: WritePermit) -> Nothing:
        """There is nothing to write to."""
        if not isinstance(permit, WritePermit):
            raise Fatal("A writer needs a permit, which only an apply issues.")
        return Nothing()

    def tenant(self, reader: Nothing) -> Tenant:
        """The same everywhere: objects live in state."""
        return _NOWHERE
