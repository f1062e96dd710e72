"""``perimeter state replace-provider``."""

from __future__ import annotations

import re
from typing import Any

import click
import msgspec

from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.failure import refuse
from perimeter.cli.flags import INPUT, LOCKING, STORED
from perimeter.cli.state_writing import BACKUP, remember
from perimeter.cli.workspace import locked, place_of_directory
from perimeter.state.journal import replay
from perimeter.state.model import Instance, State, StateObject

_NAME = re.compile(r"[a-z0-9_-]+(\.[\w-]+)?", re.IGNORECASE)


@command("state replace-provider")
@flags(
    STORED,
    LOCKING,
    BACKUP,
    INPUT,
    switch("auto-approve", "Do not ask for approval."),
)
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def run(invocation: Invocation, source: str, target: str, **given: Any) -> int:
    """Let the objects of one provider be managed by another one.

    FROM and TO are names of providers, such as github, or of one of their
    configurations, such as github.eu. No tenant is changed; the next plan
    reads the objects through the other provider.
    """
    for name in (source, target):
        if not _NAME.fullmatch(name):
            raise refuse(
                "Invalid provider",
                f'"{name}" names no provider. Write the name of a provider, such as github, or of a configuration of it, '
                "such as github.eu.",
            )
    found = place_of_directory(given["state"], invocation=invocation)
    with locked(invocation, found, "state-replace-provider", given):
        held = found.backend.load()
        replayed = replay(held.state, held.records)
        state = replayed.state
        names = [
            address
            for address, instance in state.resources.items()
            if any(_of(item, source, target) != item for item in instance.objects)
        ]
        if not names:
            invocation.terminal.print("No matching resources found.\n")
            return 0
        waiting = sorted({item.address for item in replayed.pending} & {*names})
        if waiting:
            raise refuse(
                "An earlier apply was cut off",
                f"What became of {', '.join(waiting)} is not known yet. Run perimeter apply first.",
            )
        invocation.terminal.print(_announced(invocation, source, target, names))
        if not _agreed(invocation, given):
            invocation.terminal.print("Cancelled replacing providers.\n")
            return 0
        touched = [(name, state.resources[name].current()) for name in names]
        after = _replaced(state, names, source, target)
        remember(invocation, found, held, after, "replace-provider", touched, given)
    noun = "resource" if len(names) == 1 else "resources"
    invocation.terminal.print(f"\nSuccessfully replaced provider for {len(names)} {noun}.\n")
    return 0


def _announced(invocation: Invocation, source: str, target: str, names: list[str]) -> str:
    style = invocation.terminal.style()
    noun = "resource" if len(names) == 1 else "resources"
    listed = "".join(f"  {name}\n" for name in names)
    return (
        "perimeter will perform the following actions:\n\n"
        f"  ~ Updating provider:\n    - {source}\n    + {target}\n\n"
        f"{style.bold('Changing')} {len(names)} {noun}:\n\n{listed}"
    )


def _agreed(invocation: Invocation, given: dict[str, Any]) -> bool:
    if given["auto_approve"]:
        return True
    if not (given["input"] and invocation.terminal.may_ask):
        raise refuse("Approval is needed and nobody can be asked", "Add -auto-approve.")
    question = "\nDo you want to make these changes?\nOnly 'yes' will be accepted to continue.\n\nEnter a value: "
    return invocation.terminal.ask(question) == "yes"


def _of(item: StateObject, source: str, target: str) -> StateObject:
    """The object under its new provider; a name without an alias means every configuration of it."""
    module, name = _split(item.provider)
    if name == source:
        name = target
    elif "." not in source and name.split(".")[0].split("[")[0] == source and "." not in target:
        name = target + name.removeprefix(source)
    else:
        return item
    return msgspec.structs.replace(item, provider=f"{module}{name}")


def _split(provider: str) -> tuple[str, str]:
    match = re.fullmatch(r"((?:module\.[^.]+\.)*)(.+)", provider)
    assert match is not None
    return match[1], match[2]


def _replaced(state: State, names: list[str], source: str, target: str) -> State:
    def one(instance: Instance) -> Instance:
        objects = tuple(_of(item, source, target) for item in instance.objects)
        return msgspec.structs.replace(instance, objects=objects)

    changed = {name: one(state.resources[name]) for name in names}
    return msgspec.structs.replace(state, resources={**state.resources, **changed})
