"""The providers' tables name what their schemas have."""

import string

import pytest

from perimeter.sdk.migration import Dropped, Flattened, Nested, Renamed, Secret
from perimeter.sdk.registry import available, load_provider

MIGRATIONS = [
    pytest.param(provider, migration, id=f"{name}-{migration.sources[0]}")
    for name in available()
    for provider in [load_provider(name)[0]]
    for migration in provider.migrations
]


def named(rules):
    """Our names in rules."""
    for rule in rules.values():
        if isinstance(rule, str):
            yield rule
        elif isinstance(rule, Renamed | Secret) and rule.name:
            yield rule.name


def check(arguments, blocks, schema):
    for name in named(arguments):
        assert schema.attributes[name].configurable, name
    for block in blocks.values():
        if isinstance(block, Flattened):
            check(block.arguments, {}, schema)
        elif isinstance(block, Nested):
            check(block.arguments, {}, schema.blocks[block.name])


@pytest.mark.parametrize(("provider", "migration"), MIGRATIONS)
def test_names_exist_here(provider, migration):
    """Arguments can be configured, attributes exist, required ones have a source."""
    check(migration.arguments, migration.blocks, provider.schema)
    for joined in migration.joined:
        assert joined.name in provider.schema.attributes
    for table, kinds in (
        (migration.resources, provider.resources),
        (migration.data_sources, provider.data_sources),
    ):
        for mapping in table.values():
            schema = kinds[mapping.type].schema
            if mapping.into is not None:
                check(mapping.arguments, mapping.blocks, schema.blocks[mapping.into.block])
                assert schema.blocks[mapping.into.block].label == mapping.into.label
                assert mapping.into.foreign in table
                continue
            check(mapping.arguments, mapping.blocks, schema)
            assert set(mapping.attributes.values()) <= set(schema.attributes), mapping.foreign
            given = {*named(mapping.arguments), *mapping.constants}
            for block in mapping.blocks.values():
                given |= set(named(block.arguments)) if isinstance(block, Flattened) else set()
            if mapping.split is not None:
                check(mapping.split.arguments, {}, schema)
                given |= set(named(mapping.split.arguments))
            if mapping.spread is not None:
                assert isinstance(mapping.arguments[mapping.spread.argument], str)
            needed = {name for name, item in schema.attributes.items() if item.required}
            assert needed <= given, mapping.foreign
            fields = {name for _, name, _, _ in string.Formatter().parse(mapping.import_id) if name}
            known = {*mapping.arguments, "id"}
            assert fields <= known
    assert not migration.resources.keys() & migration.without.keys()


@pytest.mark.parametrize(("provider", "migration"), MIGRATIONS)
def test_reasons_read_as_clauses(provider, migration):
    """ "NAME: reason" is one sentence: no capital, no full stop."""
    reasons = [*migration.without.values()]
    tables = [migration, *migration.resources.values(), *migration.data_sources.values()]
    for table in tables:
        rules = [*table.arguments.values(), *table.blocks.values()]
        reasons += [rule.reason for rule in rules if isinstance(rule, Dropped)]
    for reason in reasons:
        assert not reason.endswith("."), reason
        assert reason[0].islower() or reason.startswith(("AWS", "GitHub", "Okta")), reason
