"""A plan back to what an earlier version of the state recorded; pure.

The configuration still gives providers, variables and the accounts that must get in. What is wanted of each object is
what that version recorded: attributes that an API writes, no secret. An object is the same one wherever it is remembered
now; one that is gone is made again, and whatever held its old id is given the new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from perimeter.addresses import Address, InstanceKey, parse_address
from perimeter.config.model import Lifecycle, Resource
from perimeter.engine.evaluation import Evaluation, Restored
from perimeter.engine.instances import Declaration, plan_instance
from perimeter.engine.joining import parent_of
from perimeter.engine.model import Action
from perimeter.engine.persist import local_attributes
from perimeter.engine.repetition import Repetition
from perimeter.engine.selection import selects
from perimeter.engine.upgrading import upgrade_state
from perimeter.engine.work import ProviderInstance, Work
from perimeter.hcl.nodes import Body
from perimeter.hcl.source import SourceFile
from perimeter.lang.plain import to_plain
from perimeter.lang.values import UNKNOWN, Unknown
from perimeter.sdk.contract import Attributes, Listing
from perimeter.sdk.provider import ResourceType
from perimeter.sdk.schema import Attribute, Mode, NestedBlock, Nesting
from perimeter.state.model import State, StateObject
from perimeter.state.moving import block_of


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorded:
    """An object of the earlier version, and the address it has or gets."""

    recorded: str
    address: Address
    item: StateObject
    now: StateObject | None

    @property
    def text(self) -> str:
        return str(self.address)


def restore(work: Work, earlier: State, serial: int) -> frozenset[str]:
    """Plan every object that an earlier version of the state recorded; returns the addresses that stay.

    What the state holds besides is for the caller to remove.
    """
    work.changes[:] = [change for change in work.changes if change.action is not Action.READ]
    earlier = upgrade_state(earlier, work.providers, work.diagnostics)
    found = _recorded(work, earlier)
    _expand(work, found)
    links = _Links(work, {(one.item.tenant, one.item.id): one for one in found if one.item.id})
    kept: set[str] = set()
    notes = _Notes()
    for one in found:
        options = work.options
        if (options.targets and not selects(options.targets, one.address)) or selects(
            options.excludes, one.address
        ):
            kept.add(one.text)
            continue
        if _declare(work, one, links, serial, notes):
            kept.add(one.text)
    kept |= {
        text
        for text in work.state.resources
        if work.options.restricted and not work.selection.removes(parse_address(text))
    }
    _warn(work, serial, notes)
    return frozenset(kept)


@dataclass(slots=True)
class _Notes:
    """What a rollback cannot bring back, for one warning each."""

    expired: list[str] = field(default_factory=list)
    unset: list[str] = field(default_factory=list)
    secret: list[str] = field(default_factory=list)


def _recorded(work: Work, earlier: State) -> list[_Recorded]:
    """The earlier objects in address order, each where the same object is remembered now."""
    places = {
        (item.tenant, item.type, item.id): text
        for text, instance in work.state.resources.items()
        if (item := instance.current()) is not None
    }
    found: dict[str, _Recorded] = {}
    for text, instance in earlier.resources.items():
        item = instance.current()
        if item is None:
            continue
        place = places.get((item.tenant, item.type, item.id), text)
        held = work.state.resources.get(place)
        one = _Recorded(
            recorded=text,
            address=parse_address(place),
            item=item,
            now=held.current() if held else None,
        )
        # Where two claim one place, the object that is there now has it.
        if place not in found or place != text:
            found[place] = one
    return sorted(found.values(), key=lambda one: one.address.sort_key)


def _expand(work: Work, found: Iterable[_Recorded]) -> None:
    """Let each block have the instances of both versions, so that what is made can be referred to."""
    blocks: dict[Address, dict[InstanceKey, None]] = {}
    for one in found:
        blocks.setdefault(one.address.block, {})[one.address.key] = None
    for block, keys in blocks.items():
        known = work.evaluation.resource(block.module, "managed", block.type, block.name)
        values = dict(known.values) if known is not None else {}
        made = work.evaluation.expand(
            (block.module, "managed", block.type, block.name),
            Repetition("each", tuple(dict.fromkeys([*keys, *values]))),
        )
        for key, value in values.items():
            made.put(key, value)


def _declare(
    work: Work,
    one: _Recorded,
    links: _Links,
    serial: int,
    notes: _Notes,
) -> bool:
    """Plan one object; False where it is not to be brought back."""
    held = work.state.resources.get(one.text)
    if one.now is None and held is not None and held.expired_at:
        notes.expired.append(one.text)
        return True
    instance = _instance(work, one)
    if instance is None:
        return True
    kind = instance.provider.resources[one.item.type]
    wanted = _settable(kind.schema.attributes, kind.schema.blocks, one.item.attributes)
    if one.now is not None and not kind.local:
        _default(kind, wanted, one, notes)
    if one.now is not None:
        # What only state knows, such as the version of a secret, says what was sent last.
        wanted |= local_attributes(kind.schema, one.now.attributes)
    secret = sorted(kind.schema.secret_names)
    if one.now is None and secret:
        notes.secret.append(f"{one.text} ({', '.join(secret)})")
        required = [name for name in secret if kind.schema.attributes[name].required]
        if required:
            work.diagnostics.error(
                "Secret is not remembered",
                f"{one.text} cannot be made again: {', '.join(required)} is write-only, so no version of the state holds "
                f"it. Put the object back by configuration, or leave it out with: -exclude='{one.text}'",
                address=one.text,
            )
    block = _block(one, serial)
    decide = _Wanted(recorded=wanted, item=one.item, links=links)
    desired = decide(work.evaluation)
    expressions = {
        name: f"state version {serial}: {name} of {one.text}"
        for name, value in desired.items()
        if _has_unknown(value)
    }
    work.evaluation.restored[one.text] = Restored(block=block, wanted=decide)
    source = one.now or one.item
    change, _ = plan_instance(
        work,
        Declaration(
            address=one.address,
            block=block,
            instance=instance,
            kind=kind,
            desired=desired,
            sensitive=one.item.sensitive,
            expressions=expressions,
            dependencies=_dependencies(source, links.known),
            prevent_destroy=source.protected,
            import_id={"id": one.item.id} if links.still_there(one) else None,
        ),
    )
    if change is not None:
        work.changes.append(change)
    return True


def _instance(work: Work, one: _Recorded) -> ProviderInstance | None:
    key = (one.now or one.item).provider
    found = work.instances.get(key)
    provider = work.providers.get(key.rpartition(".")[2])
    if found is None and provider is not None and "." not in key:
        found = ProviderInstance(key=key, name=provider.name, provider=provider, config={})
        work.instances[key] = found
    if found is None or one.item.type not in found.provider.resources:
        work.diagnostics.error(
            "Provider configuration not present",
            f"{one.text} was made by provider {key}, which the configuration no longer has. Put the provider block back, "
            f"or leave the object out with: -exclude='{one.text}'",
            address=one.text,
        )
        return None
    return found


def _block(one: _Recorded, serial: int) -> Resource:
    """A resource block that says nothing but how changes are made."""
    source = one.now or one.item
    file = SourceFile(f"state version {serial}", "")
    body = Body(file, 0, 0, {}, [])
    return Resource(
        node=body,
        mode="managed",
        type=one.address.type,
        name=one.address.name,
        body=body,
        lifecycle=Lifecycle(
            create_before_destroy=source.create_before_destroy,
            prevent_destroy=source.protected,
            destroy=not source.retained,
        ),
    )


@dataclass(slots=True)
class _Links:
    """The earlier objects by tenant and id, and which of those that state has lost the tenant still holds."""

    work: Work
    known: Mapping[tuple[str, str], _Recorded]
    _there: dict[str, bool] = field(default_factory=dict)

    def still_there(self, one: _Recorded) -> bool:
        """Whether an object that state forgot can be taken over again by its id."""
        if one.text not in self._there:
            self._there[one.text] = False  # should objects ever refer to each other in a circle
            self._there[one.text] = self._look(one)
        return self._there[one.text]

    def _look(self, one: _Recorded) -> bool:
        instance = self.work.instances.get(one.item.provider)
        if one.now is not None or instance is None or not one.item.id:
            return False
        kind = instance.provider.resources.get(one.item.type)
        if kind is None or kind.local or kind.singleton or instance.config is None:
            return False
        wanted = _settable(kind.schema.attributes, kind.schema.blocks, one.item.attributes)
        desired = _Wanted(recorded=wanted, item=one.item, links=self)(self.work.evaluation)
        parent = parent_of(kind, desired, None)
        if isinstance(parent, Unknown):
            return False
        listing = self.work.listing(instance, kind, parent)
        if not isinstance(listing, Listing):
            return False
        return any(item.id == one.item.id for item in listing.objects)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """Attributes as recorded, with the present ids of the objects they meant."""

    recorded: Attributes
    item: StateObject
    links: _Links

    def __call__(self, evaluation: Evaluation) -> Attributes:
        blocks = frozenset(_dependencies(self.item, self.links.known))
        return {name: self._now(value, evaluation, blocks) for name, value in self.recorded.items()}

    def _now(self, value: Any, evaluation: Evaluation, blocks: frozenset[str]) -> Any:
        if isinstance(value, Mapping):
            return {key: self._now(part, evaluation, blocks) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self._now(part, evaluation, blocks) for part in value]
        if isinstance(value, bool) or not isinstance(value, str | int):
            return value
        one = self.links.known.get((self.item.tenant, str(value)))
        if one is None or block_of(one.text) not in blocks:
            return value
        if one.now is not None:
            return _like(value, one.now.id)
        if self.links.still_there(one):
            return value
        address = one.address
        made = evaluation.resource(address.module, "managed", address.type, address.name)
        known = made.values.get(address.key) if made is not None else None
        identifier = _id_of(known)
        return UNKNOWN if identifier is None else _like(value, identifier)


def _like(value: str | int, identifier: str) -> str | int:
    return int(identifier) if isinstance(value, int) and identifier.isdigit() else identifier


def _id_of(value: Any) -> str | None:
    if value is None or not value.is_known or value.is_null:
        return None
    plain = to_plain(value)
    found = plain.get("id") if isinstance(plain, Mapping) else None
    return None if found is None or isinstance(found, Unknown) else str(found)


def _dependencies(item: StateObject, links: Mapping[tuple[str, str], _Recorded]) -> tuple[str, ...]:
    """Blocks that an object was made after, under the names they have now."""
    renamed: dict[str, dict[str, None]] = {}
    for one in links.values():
        renamed.setdefault(block_of(one.recorded), {})[block_of(one.text)] = None
    return tuple(sorted({new for name in item.dependencies for new in renamed.get(name, (name,))}))


def _settable(
    attributes: Mapping[str, Attribute], blocks: Mapping[str, NestedBlock], values: Attributes
) -> dict[str, Any]:
    """What of recorded values an API writes and configuration could have named."""
    found = {
        name: values[name]
        for name, attribute in attributes.items()
        if values.get(name) is not None
        and attribute.configurable
        and attribute.mode is Mode.MANAGED
        and not attribute.is_secret
    }
    for name, block in blocks.items():
        value = values.get(name)
        if value is None or _has_secret(block):
            continue
        if block.nesting is Nesting.SINGLE:
            found[name] = _settable(block.attributes, block.blocks, value)
        else:
            found[name] = [_settable(block.attributes, block.blocks, part) for part in value]
    return found


def _has_secret(block: NestedBlock) -> bool:
    return any(attribute.is_secret for attribute in block.attributes.values()) or any(
        _has_secret(inner) for inner in block.blocks.values()
    )


def _default(kind: ResourceType, wanted: dict[str, Any], one: _Recorded, notes: _Notes) -> None:
    """What was not set then and is set now goes back to its default; without one nothing unsets it."""
    assert one.now is not None
    for name, attribute in kind.schema.attributes.items():
        if (
            name in wanted
            or one.now.attributes.get(name) is None
            or not attribute.configurable
            or attribute.mode is not Mode.MANAGED
            or attribute.is_secret
        ):
            continue
        if attribute.default is not None:
            wanted[name] = attribute.default
        else:
            notes.unset.append(f"{one.text}.{name}")


def _has_unknown(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_has_unknown(part) for part in value.values())
    if isinstance(value, list | tuple):
        return any(_has_unknown(part) for part in value)
    return isinstance(value, Unknown)


def _warn(work: Work, serial: int, notes: _Notes) -> None:
    work.diagnostics.warning(
        "A rollback leaves the configuration as it is",
        f"The plan leads back to what version {serial} of the state recorded. Where the configuration says otherwise, the "
        "next plan shows the difference and the next apply undoes the rollback: change the configuration, too. Outputs "
        "stay as they are until then. Secrets and other write-only values are in no version of the state and are not "
        "touched.",
    )
    for names, summary, detail in (
        (
            notes.expired,
            "Expired objects are not brought back",
            "Their declarations mean absence since they expired:",
        ),
        (
            notes.unset,
            "Some values cannot be unset",
            f"Version {serial} of the state recorded nothing for them, and perimeter never resets what is not named:",
        ),
        (
            notes.secret,
            "Some objects are made without their secrets",
            "No version of the state holds write-only values. Apply the configuration afterwards to set them:",
        ),
    ):
        if names:
            listed = "".join(f"\n  - {name}" for name in names)
            work.diagnostics.warning(summary, f"{detail}{listed}")
