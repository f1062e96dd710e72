"""Renaming what state remembers: instances get new addresses, and what depends on them follows; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from perimeter.addresses import Address, ModulePath, parse_address
from perimeter.state.model import Instance, Moves


def rekeyed(resources: Mapping[str, Instance], moves: Moves) -> dict[str, Instance]:
    """Instances under their new addresses, all moved at once.

    ``moves``: pairs of printed addresses, old and new. Recorded dependencies on a block follow it
    once none of its instances is left at the old address.
    """
    to = dict(moves)
    found = {
        to.get(address, address): _delivered(instance, to)
        for address, instance in resources.items()
    }
    left = {block_of(address) for address in found}
    blocks: dict[str, dict[str, None]] = {}
    for old, new in moves:
        if block_of(old) not in left:
            blocks.setdefault(block_of(old), {})[block_of(new)] = None
    if not blocks:
        return found
    return {address: _following(instance, blocks) for address, instance in found.items()}


def _delivered(instance: Instance, to: Mapping[str, str]) -> Instance:
    """A credential whose sinks have moved."""
    rotation = instance.rotation
    if rotation is None or not rotation.holds.keys() & to.keys():
        return instance
    moved = msgspec.structs.replace(
        rotation,
        deliveries={to.get(name, name): one for name, one in rotation.deliveries.items()},
        before={to.get(name, name): one for name, one in rotation.before.items()},
        holds={to.get(name, name): one for name, one in rotation.holds.items()},
    )
    return msgspec.structs.replace(instance, rotation=moved)


def _following(instance: Instance, blocks: Mapping[str, Iterable[str]]) -> Instance:
    if not any(name in blocks for item in instance.objects for name in item.dependencies):
        return instance
    objects = tuple(
        msgspec.structs.replace(
            item,
            dependencies=tuple(
                sorted({new for name in item.dependencies for new in blocks.get(name, (name,))})
            ),
        )
        for item in instance.objects
    )
    return msgspec.structs.replace(instance, objects=objects)


def block_of(text: str) -> str:
    """The printed address of a block as it stands in the configuration: without any instance key."""
    address = parse_address(text)
    module = ModulePath(tuple((name, None) for name in address.module.names))
    return str(Address(module, address.type, address.name, None, address.mode))
