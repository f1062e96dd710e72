"""``perimeter migrate terraform``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from perimeter.cli.command import Invocation, command, flags, value
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.source import SourceFile
from perimeter.migrate.catalogue import catalogue_of
from perimeter.migrate.foreign_state import ForeignState, read_state
from perimeter.migrate.translate import migrate
from perimeter.migrate.write import write_files
from perimeter.sdk.migration import TERRAFORM
from perimeter.sdk.registry import available, load_providers

STATE = "terraform.tfstate"


@command("migrate terraform")
@flags(
    value(
        "state",
        "FILE",
        f"Terraform's state, as terraform state pull prints it. By default {STATE} in DIR, if it is there.",
    ),
    value(
        "out", "DIR", "Where the translation goes; the current directory by default.", default="."
    ),
)
@click.argument("dir_", metavar="DIR")
def run(invocation: Invocation, dir_: str, **given: Any) -> int:
    """Translate a Terraform configuration, and the modules in it, to perimeter's.

    What the installed providers have a counterpart of is translated, with an
    import block for each object that Terraform's state knows. Everything else
    becomes a comment with the reason. Nothing in DIR is changed, no tenant is
    read, and no secret is written. Run perimeter init and perimeter plan next:
    the plan imports, and shows what differs.
    """
    found = Diagnostics()
    directory = Path(dir_)
    state = _state(directory, given["state"], found)
    providers, problems = load_providers(available())
    found.extend(problems)
    migrated = migrate(directory, state, catalogue_of(providers.values(), TERRAFORM), found)
    if not found.has_errors:
        write_files(migrated.files, Path(given["out"]), found)
    if not state.given and not found.has_errors:
        found.warning(
            "No state was given",
            "Without Terraform's state there are no import blocks, and perimeter does not know which objects the"
            " declarations mean. Run terraform state pull > terraform.tfstate, and migrate again with -state.",
        )
    invocation.reporter.diagnostics(found, _sources(found))
    if found.has_errors:
        return 1
    from perimeter.ui.migration_text import migration_text

    terminal = invocation.terminal
    out = Path(given["out"])
    files = [str(out / name) for name in sorted(migrated.files)]
    terminal.print(migration_text(migrated.report, files, terminal.style()))
    return 0


def _state(directory: Path, given: str | None, found: Diagnostics) -> ForeignState:
    path = Path(given) if given else directory / STATE
    return read_state(path, found) if given or path.exists() else ForeignState()


def _sources(found: Diagnostics) -> Mapping[str, SourceFile]:
    """The foreign files that problems are in, to show the place."""
    sources: dict[str, SourceFile] = {}
    for item in found:
        if item.subject is not None and Path(item.subject.filename).is_file():
            name = item.subject.filename
            text = Path(name).read_text(encoding="utf-8", errors="replace")
            sources[name] = SourceFile(name, text)
    return sources
