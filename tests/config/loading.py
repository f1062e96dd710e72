"""Configurations from text, for tests."""

from __future__ import annotations

from pathlib import Path

from perimeter.config.assignments import collect
from perimeter.config.files import Memory
from perimeter.config.graph import Graph, build_graph
from perimeter.config.load import load
from perimeter.config.model import Config
from perimeter.config.variables import bind
from perimeter.diagnostics import Diagnostics
from perimeter.lang.plain import to_plain


def loaded(main: str, **files: str) -> tuple[Config, Diagnostics]:
    """The configuration of ``main.hcl`` and others, named ``sub__file`` for ``sub/file.hcl``."""
    contents = {"main.hcl": main.encode()}
    contents |= {f"{name.replace('__', '/')}.hcl": text.encode() for name, text in files.items()}
    config, found, _ = load(Path(), reader=Memory(contents))
    assert config is not None
    return config, found


def graph_of(main: str, **files: str) -> tuple[Graph, Diagnostics]:
    """The graph of a configuration that loads without errors."""
    config, found = loaded(main, **files)
    assert not found.has_errors, list(found)
    return build_graph(config)


def everything(main: str, **files: str) -> list[tuple[str, str, str]]:
    """Summary, detail and place (``file:line``) of all the errors of loading and of the graph."""
    config, found = loaded(main, **files)
    _, more = build_graph(config)
    return [
        (
            item.summary,
            item.detail,
            f"{item.subject.filename}:{item.subject.start.line}" if item.subject else "",
        )
        for item in [*found.errors, *more.errors]
    ]


def bound(
    main: str, *options: tuple[str, str], environment: dict[str, str] | None = None, **files: str
) -> tuple[dict[str, object], list[str]]:
    """The root's variables as plain data, and the summaries of what is wrong with them."""
    contents = {"main.hcl": main.encode()}
    contents |= {f"{name.replace('__', '.')}.hcl": text.encode() for name, text in files.items()}
    memory = Memory(contents)
    config, found, _ = load(Path(), reader=memory)
    assert config is not None
    assert not found.has_errors, list(found)
    assignments, read = collect(
        Path(), options=options, environment=environment or {}, reader=memory
    )
    values, problems = bind(config.root.variables, assignments)
    plain = {name: to_plain(value) for name, value in values.items()}
    return plain, [item.summary for item in [*read, *problems]]
