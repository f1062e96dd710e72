"""``-generate-config-out``: resource blocks for objects that import blocks name and nothing declares yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from perimeter.cli.command import Invocation
from perimeter.cli.failure import Refused, refuse
from perimeter.diagnostics import Diagnostics, Severity
from perimeter.engine.adoption import Adopted, adopt, undeclared_imports
from perimeter.engine.generation import generate
from perimeter.engine.model import Options
from perimeter.engine.observe import MAX_WAVES, Driver
from perimeter.engine.query import ListResult
from perimeter.engine.session import Loaded, Session
from perimeter.ui.style import counted

MISSING = "Configuration for import target does not exist"
"""What a plan says that finds no block for an import."""


def check_target(path: str) -> None:
    """Make sure that what is generated can be planned in the same run.

    Raises:
        Refused: the file exists, or is no configuration file of the working directory.
    """
    file = Path(path)
    if file.exists():
        raise refuse(
            "Target generated file already exists",
            f"{path}: generated configuration is written to a new file only. Name another one, or move this one away.",
        )
    if file.suffix != ".hcl" or file.resolve().parent != Path.cwd().resolve():
        raise refuse(
            "Invalid -generate-config-out",
            f"{path} is not a *.hcl file in the working directory, so the plan could not contain it. Name one, such as "
            "generated.hcl.",
        )


def generate_missing(
    invocation: Invocation, configuration: Loaded, working: Session, path: str
) -> Mapping[str, str]:
    """Write blocks for what import blocks name; returns the text of each by address, nothing when there are none.

    Raises:
        Refused: an object cannot be found, or the file cannot be written.
    """
    config = configuration.config
    assert config is not None
    if not undeclared_imports(config):
        return {}
    base = working.request(working.backend.load(), Options())
    driver = Driver(
        connections=working.connections,
        on_event=invocation.reporter.event,
        parallelism=working.parallelism,
        offline=base.snapshot.closed,
    )
    planned, snapshot = driver.plan(base)
    if planned.plan is None or driver.diagnostics.has_errors:
        raise Refused(planned.diagnostics, configuration.sources)
    others = [
        item
        for item in planned.diagnostics
        if item.severity is Severity.ERROR and item.summary != MISSING
    ]
    if others:
        raise Refused(others, configuration.sources)
    found = Adopted()
    for _ in range(MAX_WAVES):
        found = adopt(replace(base, snapshot=snapshot), planned)
        if not found.needs or driver.diagnostics.has_errors:
            break
        snapshot = driver.satisfy(found.needs, snapshot, base.providers)
    problems = Diagnostics([*driver.diagnostics, *found.diagnostics])
    if problems.has_errors:
        raise Refused(problems, configuration.sources)
    named = {
        (item.provider, item.type, item.id): address for address, item in found.objects.items()
    }
    result = ListResult(
        address="import", type="", provider="", objects=tuple(found.objects.values())
    )
    made = generate([result], config.root, planned.declared, addresses=named)
    texts = {item.address: item.resource for item in made.values()}
    _write(path, "\n".join(texts.values()))
    invocation.reporter.remark(
        f"\nConfiguration for {counted(len(texts), 'object')} written to {path}. Review it before applying.\n"
    )
    return texts


def _write(path: str, text: str) -> None:
    head = (
        "# Written by perimeter from what the tenants hold. Review it, and keep what is meant.\n\n"
    )
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            file.write(head + text)
    except OSError as problem:
        raise refuse("File cannot be written", f"{path}: {problem.strerror}.") from None
