"""Which foreign types and providers the installed providers know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from perimeter.sdk.migration import Migration, TypeMapping
from perimeter.sdk.provider import Provider
from perimeter.sdk.schema import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownType:
    """A foreign type with a counterpart; ``schema`` is ours."""

    mapping: TypeMapping
    schema: Schema
    singleton: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownProvider:
    """A foreign provider with a counterpart, ours being named ``name``."""

    name: str
    migration: Migration
    schema: Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Everything that can be translated.

    Attributes:
        resources: by foreign type.
        data_sources: by foreign type.
        without: why other foreign types have no counterpart.
        providers: by foreign source, such as ``integrations/github``.
    """

    resources: Mapping[str, KnownType]
    data_sources: Mapping[str, KnownType]
    without: Mapping[str, str]
    providers: Mapping[str, KnownProvider]

    def provider(self, local: str, source: str | None) -> KnownProvider | None:
        """The counterpart of a provider by its local name and, where one is required, its source."""
        if source is not None:
            address = "/".join(source.lower().split("/")[-2:])
            return self.providers.get(address)
        return next((item for item in self.providers.values() if item.name == local), None)


def catalogue_of(providers: Iterable[Provider], tool: str) -> Catalogue:
    """The catalogue for a tool's files."""
    resources: dict[str, KnownType] = {}
    data_sources: dict[str, KnownType] = {}
    without: dict[str, str] = {}
    known: dict[str, KnownProvider] = {}
    for provider in providers:
        for migration in provider.migrations:
            if migration.tool != tool:
                continue
            without |= migration.without
            for source in migration.sources:
                known[source] = KnownProvider(
                    name=provider.name, migration=migration, schema=provider.schema
                )
            for name, mapping in migration.resources.items():
                kind = provider.resources[mapping.type]
                resources[name] = KnownType(
                    mapping=mapping, schema=kind.schema, singleton=kind.singleton
                )
            for name, mapping in migration.data_sources.items():
                data_sources[name] = KnownType(
                    mapping=mapping, schema=provider.data_sources[mapping.type].schema
                )
    return Catalogue(
        resources=resources, data_sources=data_sources, without=without, providers=known
    )
