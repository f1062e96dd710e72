"""The registry that the state of the working directory shares with others."""

from __future__ import annotations

from perimeter.cli.failure import refuse
from perimeter.cli.workspace import place_of_directory
from perimeter.state.backend import Registry


def registry(state: str | None) -> Registry:
    """The registry of the state here; ``state`` is the flag's path.

    Raises:
        Refused: the backend has none.
    """
    found = place_of_directory(state).backend.registry()
    if found is None:
        raise refuse(
            "The backend has no registry",
            "States can tell each other what they claim in an object store, in PostgreSQL and in a local directory.",
        )
    return found
