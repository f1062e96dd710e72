"""``perimeter import``: a configuration that takes one object over and asks nothing of it; pure."""

from __future__ import annotations

from dataclasses import replace

from perimeter.addresses import Address, AddressError, parse_address
from perimeter.config.model import Config, Import, Resource
from perimeter.diagnostics import Diagnostic, Severity
from perimeter.engine.model import Change, Plan
from perimeter.engine.persist import state_object
from perimeter.hcl.nodes import Literal
from perimeter.hcl.source import SourceFile
from perimeter.lang.values import Unseen
from perimeter.sdk.provider import Provider
from perimeter.state.model import State, StateObject

ARGUMENT = "<import-id>"
"""What diagnostics call the id on the command line."""


def block_of(config: Config, address: Address) -> Resource | None:
    """The resource block that an instance belongs to."""
    module = config.modules.get(address.module.names)
    return module.resources.get(("managed", address.type, address.name)) if module else None


def with_import(config: Config, address: Address, identifier: str) -> Config:
    """The configuration with an import of one object, whose block asks for no change: what differs is for the next plan."""
    block = block_of(config, address)
    assert block is not None
    file = SourceFile(ARGUMENT, identifier)
    text = Literal(file, 0, len(identifier), identifier)
    lifecycle = replace(block.lifecycle, ignore_changes="all", replace_triggered_by=(), triggers=())
    names = address.module.names
    home = config.modules[names]
    changed = replace(
        home, resources={**home.resources, block.key: replace(block, lifecycle=lifecycle)}
    )
    modules = {**config.modules, names: changed}
    others = {
        key: item
        for key, item in modules[()].imports.items()
        if item.keys or item.for_each is not None or item.to != address
    }
    root = replace(
        modules[()], imports={**others, ARGUMENT: Import(node=text, to=address, id=text)}
    )
    return replace(config, root=root, modules={**modules, (): root})


def taken_over(plan: Plan, address: Address) -> Change | None:
    """The change that takes the object over; None where the plan has none."""
    return next((item for item in plan.changes if item.address == address and item.importing), None)


def in_the_way(diagnostic: Diagnostic, address: Address) -> bool:
    """Whether an error keeps the object from being taken over: those of other instances are for their own plan."""
    if diagnostic.severity is not Severity.ERROR:
        return False
    try:
        about = parse_address(diagnostic.address or "")
    except AddressError:
        return True
    return about == address


def owner(state: State, change: Change) -> str:
    """The printed address under which state holds the object already, or an empty text."""
    tenant = change.tenant.id if change.tenant is not None else ""
    for text, instance in state.resources.items():
        for item in instance.objects:
            if (item.type, item.id, item.tenant) == (change.type, change.id, tenant):
                return text
    return ""


def imported(change: Change, provider: Provider, now: str) -> StateObject:
    """The object as state remembers it from now on."""
    seen = {n: v for n, v in (change.before or {}).items() if not isinstance(v, Unseen)}
    return state_object(
        change,
        provider.resources[change.type],
        id=change.id,
        tenant=change.tenant.id if change.tenant is not None else "",
        attributes=seen,
        now=now,
    )
