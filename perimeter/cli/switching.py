"""The workspaces of a directory's backend."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perimeter.cli import workspaces
from perimeter.cli.backend_settings import LOCAL, Configured
from perimeter.cli.backends import chosen, open_backend, pointing
from perimeter.cli.command import Invocation
from perimeter.cli.encryption import Supply
from perimeter.cli.failure import refuse
from perimeter.cli.workspace import HERE, Place, early_variables, keys_of, locked
from perimeter.config.load import load
from perimeter.state.codec import Codec
from perimeter.state.model import State

OVERRIDDEN = f"The active workspace is being overridden using the {workspaces.VARIABLE} environment\nvariable."


@dataclass(frozen=True, slots=True)
class States:
    """A backend with all its workspaces."""

    configured: Configured
    environment: Mapping[str, str]
    keys: Supply

    def names(self) -> tuple[str, ...]:
        """The workspaces that have a state, ``default`` always among them.

        Raises:
            StateError: they cannot be listed.
        """
        with pointing(self.configured):
            return self.configured.kind.workspaces(self.configured.settings, self.environment)

    def place(self, name: str) -> Place:
        """Where a workspace's state lies."""
        codec = Codec(workspace=name, keys=lambda: self.keys().state)
        backend = open_backend(self.configured, name, codec, self.environment)
        described = self.configured.kind.describe(self.configured.settings, name)
        return Place(
            backend, described, self.keys, local=self.configured.type == LOCAL, workspace=name
        )

    def delete(self, name: str) -> None:
        """Remove a workspace.

        Raises:
            StateError: it cannot be removed.
        """
        self.configured.kind.delete_workspace(self.configured.settings, name, self.environment)


def states(invocation: Invocation) -> States:
    """The backend of the working directory.

    Raises:
        Refused: it is not well configured, or not initialized.
    """
    environment = invocation.terminal.environment
    config, _, _ = load(
        HERE, given=early_variables(invocation), workspace=workspaces.current(environment)
    )
    return States(chosen(config, environment), environment, keys_of(config, invocation))


def require_free(invocation: Invocation) -> None:
    """Refuse to select a workspace where the environment does.

    Raises:
        Refused: it does.
    """
    if workspaces.overridden(invocation.terminal.environment):
        raise refuse(
            "Workspace is selected by the environment",
            f"The selected workspace is currently overridden using the {workspaces.VARIABLE} environment variable. To select "
            "a new workspace, either update this environment variable or unset it.",
        )


def create(invocation: Invocation, found: States, name: str, given: Mapping[str, Any]) -> None:
    """Make an empty state and select its workspace.

    Raises:
        StateError: it cannot be made, or the backend has no workspaces.
    """
    place = found.place(name)
    with locked(invocation, place, "workspace-new", given):
        held = place.backend.load()
        if not held.etag and not held.records:
            place.backend.write_state(State(lineage=str(uuid.uuid4())), "")
    workspaces.select(name)
    bold = invocation.terminal.style().paint(
        f'Created and switched to workspace "{name}"!', "bold", "green"
    )
    invocation.terminal.print(
        f"{bold}\n\nYou're now on a new, empty workspace. Workspaces isolate their state,\nso if you run "
        '"perimeter plan" perimeter will not see any existing state\nfor this configuration.\n'
    )
