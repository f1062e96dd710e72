"""``perimeter import``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
import msgspec

from perimeter.addresses import Address, AddressError, parse_address
from perimeter.cli.command import Invocation, command, flags, value
from perimeter.cli.failure import Refused, refuse
from perimeter.cli.flags import INPUT, LOCKING, STATE, VARIABLES
from perimeter.cli.state_writing import BACKUP, remember
from perimeter.cli.workspace import loaded, locked, place, session
from perimeter.diagnostics import Diagnostic, did_you_mean, error
from perimeter.engine.importing import (
    ARGUMENT,
    block_of,
    imported,
    in_the_way,
    owner,
    taken_over,
    with_import,
)
from perimeter.engine.model import Change, Options, Plan
from perimeter.engine.session import Loaded, Session
from perimeter.hcl.source import SourceFile
from perimeter.state.journal import replay
from perimeter.state.model import Instance, State, StateObject

_SUCCESS = """
Import successful!

The resources that were imported are shown above. These resources are now in
your perimeter state and will henceforth be managed by perimeter.

"""


@command("import")
@flags(
    VARIABLES,
    STATE,
    LOCKING,
    INPUT,
    BACKUP,
    value("parallelism", "N", "Calls at the same time.", default=10, integer=True),
)
@click.argument("address", metavar="ADDR")
@click.argument("identifier", metavar="ID")
def run(invocation: Invocation, address: str, identifier: str, **given: Any) -> int:
    """Let state remember that an object which exists is the resource instance ADDR.

    ID is what the resource type's documentation calls the import id. The
    object is read and not changed; where the configuration wants it
    otherwise, the next plan shows it. An import block does the same, is
    reviewed like any plan, and can generate the configuration.
    """
    try:
        parsed = parse_address(address)
    except AddressError as problem:
        raise refuse("Invalid address", str(problem)) from None
    if parsed.mode != "managed":
        raise refuse(
            "A managed resource address is required",
            f"Importing into {parsed} is not allowed: a data source is read anew each time.",
        )
    if not identifier:
        raise refuse("Invalid import id", "The id must not be empty.")
    configuration = loaded(invocation)
    assert configuration.config is not None
    if block_of(configuration.config, parsed) is None:
        raise refuse(
            "Configuration for import target does not exist", _undeclared(configuration, parsed)
        )
    found = place(configuration.config, given["state"], invocation=invocation)
    taking = replace(configuration, config=with_import(configuration.config, parsed, identifier))
    with (
        locked(invocation, found, "import", given),
        session(invocation, taking, found, parallelism=given["parallelism"]) as working,
    ):
        held = working.backend.load()
        state = replay(held.state, held.records).state
        _refuse_managed(state, parsed)
        invocation.terminal.print(f'{parsed}: Importing from ID "{identifier}"...\n')
        change, item = _read(taking, working, parsed, identifier)
        other = owner(state, change)
        if other:
            raise refuse(
                "Object already managed by perimeter",
                f"{change.type} {change.id} is {other} already, and one object is one resource instance. To give it another "
                f"address: perimeter state mv '{other}' '{parsed}'",
            )
        invocation.terminal.print(
            f"{parsed}: Import prepared!\n  Prepared {parsed.type} for import\n"
            f"{parsed}: Refreshing state... [id={change.id}]\n"
        )
        resources = {**state.resources, str(parsed): Instance(objects=(item,))}
        after = msgspec.structs.replace(state, resources=resources)
        remember(invocation, found, held, after, "import", [(str(parsed), item)], given)
    invocation.terminal.print(_SUCCESS)
    return 0


def _undeclared(configuration: Loaded, address: Address) -> str:
    config = configuration.config
    assert config is not None
    names = address.module.names
    module = config.modules.get(names)
    if module is None:
        return (
            f"{address} lies in {address.module}, which the configuration does not call. Call the module, or import to an "
            "address that is declared."
        )
    where = "the root module" if not names else f"the module {'.'.join(names)}"
    known = [item.address for item in module.resources.values() if item.mode == "managed"]
    near = did_you_mean(f"{address.type}.{address.name}", known)
    return (
        f'Resource address "{address}" does not exist in the configuration.{near}\n\nBefore importing this resource, please '
        f"create its configuration in {where}. For example:\n\n"
        f'resource "{address.type}" "{address.name}" {{\n  # (resource arguments)\n}}'
    )


def _refuse_managed(state: State, address: Address) -> None:
    known = state.resources.get(str(address))
    if known is not None and known.objects:
        raise refuse(
            "Resource already managed by perimeter",
            f"perimeter is already managing a remote object for {address}. To import to this address you must first remove "
            f"the existing object from the state: perimeter state rm '{address}'",
        )


def _read(
    configuration: Loaded, working: Session, address: Address, identifier: str
) -> tuple[Change, StateObject]:
    """Look the object up and check the declaration against it."""
    options = Options(targets=(str(address),))
    request = working.request(working.backend.load(), options)
    planned, _ = working.plan(request)
    change = taken_over(planned.plan, address) if planned.plan is not None else None
    wrong = [item for item in planned.diagnostics if in_the_way(item, address)]
    if wrong or change is None:
        found = wrong or planned.diagnostics.errors or [_unseen(planned.plan, address)]
        raise Refused(found, {**configuration.sources, ARGUMENT: SourceFile(ARGUMENT, identifier)})
    provider = configuration.providers[change.provider_name]
    return change, imported(change, provider, request.now)


def _unseen(plan: Plan | None, address: Address) -> Diagnostic:
    changes = plan.changes if plan is not None else ()
    why = next((item.deferred for item in changes if item.address == address), "")
    return error(
        "The object cannot be seen",
        f"{why or 'The plan has nothing to take over'}. Nothing was written. Give the credential what it lacks, then import "
        "again.",
        address=str(address),
    )
