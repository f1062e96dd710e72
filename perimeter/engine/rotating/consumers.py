"""Who declares to use a credential; pure."""

from __future__ import annotations

from perimeter.addresses import Address, ModulePath
from perimeter.config.model import Consumer
from perimeter.engine.rotating.planned import PlannedConsumer
from perimeter.engine.work import Work
from perimeter.lang.plain import to_plain


def consumers_of(work: Work, address: Address) -> tuple[PlannedConsumer, ...]:
    """The consumers that declare to use a credential, by name."""
    found = []
    module = work.config.modules.get(address.module.names)
    for name, consumer in sorted(module.consumers.items()) if module is not None else ():
        if _uses(consumer, address):
            found.append(
                PlannedConsumer(
                    name=_prefixed(address.module, name),
                    evidence=consumer.evidence,
                    owner=_owner(work, consumer, address.module),
                    path=consumer.path,
                )
            )
    return tuple(found)


def _prefixed(module: ModulePath, name: str) -> str:
    return f"{module}.{name}" if module.steps else name


def _owner(work: Work, consumer: Consumer, module: ModulePath) -> str:
    if consumer.owner is None:
        return ""
    value = to_plain(work.evaluation.value(consumer.owner, module, work.diagnostics))
    return value if isinstance(value, str) else ""


def _uses(consumer: Consumer, address: Address) -> bool:
    for traversal in consumer.uses:
        path = [traversal.root, *(step.key for step in traversal.steps)]
        if path[0] == "resource":
            path = path[1:]
        if path[:2] == [address.type, address.name] and (len(path) < 3 or path[2] == address.key):
            return True
    return False
