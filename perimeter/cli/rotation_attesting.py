"""What ``perimeter attest`` says about rotations: that a consumer has moved, that a new credential works."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from perimeter.addresses import Address, parse_address
from perimeter.cli import workspaces
from perimeter.cli.failure import refuse
from perimeter.config.load import load
from perimeter.config.model import Config
from perimeter.diagnostics import did_you_mean
from perimeter.engine.clock import instant
from perimeter.state.evidence import Evidence
from perimeter.state.model import Instance, State


def entry(step: str, who: str, at: str, *, withdrawn: bool) -> Evidence:
    """The evidence of it."""
    return Evidence(
        at=at,
        run="attest",
        address=step,
        operation="attest",
        approver=who,
        result="refused" if withdrawn else "done",
    )


def rotation_attested(state: State, step: str, at: str, given: Mapping[str, Any]) -> State | None:
    """The state with the attestation; None where the text names neither a consumer nor a credential under rotation.

    Raises:
        Refused: it does, and no rotation is under way.
    """
    if step.startswith("consumer.") or ".consumer." in step:
        return _consumer(state, step, at, withdrawn=given["withdraw"])
    known = state.resources.get(step)
    if known is None or known.rotation is None:
        return None
    if not _under_way(known):
        raise refuse(
            "No rotation is under way",
            f"{step} has one credential only; there is nothing to attest.",
        )
    return _with(state, [step], "verified_at", None, "" if given["withdraw"] else at)


def _consumer(state: State, step: str, at: str, *, withdrawn: bool) -> State:
    module, _, name = step.rpartition("consumer.")
    module = module.rstrip(".")
    config, _, _ = load(Path(), workspace=workspaces.current(os.environ))
    addresses = list(_used(config, module, name, state)) if config is not None else []
    if not addresses:
        known = [f"consumer.{one}" for one in config.root.consumers] if config is not None else []
        raise refuse(
            "No such consumer",
            f'"{step}" is not declared, or uses no credential that state knows.{did_you_mean(step, known)}',
        )
    waiting = [text for text in addresses if _under_way(state.resources[text])]
    if not waiting:
        raise refuse(
            "No rotation is under way",
            f"{', '.join(addresses)} has one credential only; {step} cannot use another one.",
        )
    full = f"{module}.{name}" if module else name
    return _with(state, waiting, "moved", full, "" if withdrawn else at)


def _used(config: Config, module: str, name: str, state: State) -> Iterator[str]:
    for text in state.resources:
        address = parse_address(text)
        if str(address.module) != module:
            continue
        declared = config.modules.get(address.module.names)
        consumer = declared.consumers.get(name) if declared is not None else None
        if consumer is not None and any(
            _names(traversal.root, [step.key for step in traversal.steps], address)
            for traversal in consumer.uses
        ):
            yield text


def _names(root: str, steps: list[str | int], address: Address) -> bool:
    path = [root, *steps] if root != "resource" else steps
    return path[:2] == [address.type, address.name] and (len(path) < 3 or path[2] == address.key)


def _under_way(known: Instance) -> bool:
    rotation = known.rotation
    return rotation is not None and bool(rotation.delivered_at) and not rotation.completed_at


def _with(state: State, addresses: list[str], field: str, name: str | None, at: str) -> State:
    resources = dict(state.resources)
    for text in addresses:
        known = resources[text]
        assert known.rotation is not None
        # Somebody who says so in the second of the delivery says so after it.
        when = max(at, known.rotation.delivered_at, key=instant) if at else ""
        value: Any = when
        if name is not None:
            left = {key: one for key, one in known.rotation.moved.items() if key != name}
            value = {**left, name: when} if when else left
        rotation = msgspec.structs.replace(known.rotation, **{field: value})
        resources[text] = msgspec.structs.replace(known, rotation=rotation)
    return msgspec.structs.replace(state, resources=resources)
