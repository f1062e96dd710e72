"""From a directory to a ``Config``: files are read, parsed, decoded; local modules are followed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from perimeter.config.blocks import decode_module
from perimeter.config.files import DISK, Reader, read_text, reason, select, shown
from perimeter.config.model import Config, Module, ModuleCall, RequiredProvider
from perimeter.config.model import Path as ModuleNames
from perimeter.config.override import override
from perimeter.config.providers import check_providers, required_everywhere
from perimeter.config.shape import header
from perimeter.diagnostics import Diagnostics
from perimeter.hcl import parse_file
from perimeter.hcl.nodes import Block, Body
from perimeter.hcl.source import SourceFile

MAX_DEPTH = 64
"""How deep modules may call modules; a symbolic link can make a chain that never repeats."""

_REGISTRY = re.compile(r"(?:[\w.-]+/)?[\w-]+/[\w-]+/[\w-]+(?://.*)?")
_REMOTE = re.compile(r"(?:\w+::|\w+://|git@|github\.com/|bitbucket\.org/)")


def load(
    directory: Path, *, reader: Reader = DISK
) -> tuple[Config | None, Diagnostics, Mapping[str, SourceFile]]:
    """Read the configuration in a directory and the local modules it calls.

    Returns:
        The configuration (None when there is nothing to go on with: no directory, no files), every
        problem found, and the sources by shown name for rendering snippets. Where there are errors
        the configuration holds what could be understood, so that later steps can report more.
    """
    loader = _Loader(reader)
    root = loader.root(directory)
    if root is None:
        return None, loader.diagnostics, loader.sources
    loader.place(root, (), directory, ())
    config = Config(root=loader.modules[()], modules=loader.modules)
    required: dict[str, RequiredProvider] = required_everywhere(config)
    config = replace(config, provider_sources=required)
    check_providers(config, loader.diagnostics)
    return config, loader.diagnostics, loader.sources


@dataclass(slots=True)
class _Loader:
    reader: Reader
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    sources: dict[str, SourceFile] = field(default_factory=dict)
    modules: dict[ModuleNames, Module] = field(default_factory=dict)
    read: dict[Path, Module] = field(default_factory=dict)

    def root(self, directory: Path) -> Module | None:
        """The root module, or None once it is reported that there is none."""
        try:
            listing = select(self.reader.names(self.reader.resolve(directory)))
        except OSError as failure:
            self.diagnostics.error(
                "Unreadable module directory",
                f'The directory "{shown(directory)}" could not be read: {reason(failure)}.',
            )
            return None
        module = self.module(directory)
        if not listing.primary and not listing.overrides:
            self.diagnostics.error(
                "No configuration files",
                "This command requires configuration to be present, and the directory "
                f'"{shown(directory)}" holds no file that ends in .hcl. Running without a '
                "configuration would mark everything for destruction, which is normally not what "
                "is desired. Create a configuration file and try again, or name another directory "
                "with -chdir.",
            )
            return None
        return module

    def module(self, directory: Path) -> Module:
        """One directory's module, read once however often it is called; raises OSError."""
        resolved = self.reader.resolve(directory)
        known = self.read.get(resolved)
        if known is not None:
            return known
        listing = select(self.reader.names(resolved))
        for name, tool in listing.skipped:
            self.diagnostics.warning(
                "File skipped",
                f'"{shown(directory / name)}" looks like a file of {tool} and is not read.',
            )
        sources: dict[str, SourceFile] = {}
        bodies = self.bodies(directory, listing.primary, sources)
        overriding = self.bodies(directory, listing.overrides, sources)
        bodies = override(bodies, overriding, self.diagnostics)
        draft = decode_module(bodies, self.diagnostics)
        module = draft.finish(shown(directory), sources)
        self.sources.update(sources)
        self.read[resolved] = module
        return module

    def bodies(
        self, directory: Path, names: tuple[str, ...], sources: dict[str, SourceFile]
    ) -> list[Body]:
        """Parse files."""
        found = []
        for name in names:
            path = directory / name
            if name.endswith(".json"):
                self.diagnostics.error(
                    "JSON configuration is not supported yet",
                    f'"{shown(path)}" is configuration in JSON syntax, which this version of '
                    "perimeter does not read yet. Write it in HCL syntax.",
                )
                continue
            source = read_text(path, self.reader, self.diagnostics)
            if source is None:
                continue
            body, problems = parse_file(source.text, source.filename)
            sources[source.filename] = body.src
            self.diagnostics.extend(problems)
            found.append(body)
        return found

    def place(
        self, module: Module, path: ModuleNames, directory: Path, chain: tuple[Path, ...]
    ) -> None:
        """Put a module at its place in the tree, then those it calls."""
        self.modules[path] = replace(module, path=path)
        chain = (*chain, self.reader.resolve(directory))
        for call in module.calls.values():
            child = self.called(call, directory, chain)
            if child is not None:
                self.place(child[0], (*path, call.name), child[1], chain)

    def called(
        self, call: ModuleCall, directory: Path, chain: tuple[Path, ...]
    ) -> tuple[Module, Path] | None:
        """The module that a call leads to and its directory, or None once the reason is reported."""
        assert isinstance(call.node, Block)
        where = call.node.body.attributes["source"].expr.range
        place = {"subject": where, "block": header(call.node)}
        if not call.source.startswith(("./", "../")) and call.source not in (".", ".."):
            summary, detail = _not_local(call)
            self.diagnostics.error(summary, detail, **place)  # type: ignore[arg-type]  # subject is a Range
            return None
        if call.version is not None:
            self.diagnostics.error(
                "Invalid registry module source address",
                f'Cannot use the local directory "{call.source}" with a "version": the argument '
                "applies only to registry modules. Remove it.",
                **place,  # type: ignore[arg-type]  # subject is a Range
            )
            return None
        target = Path(os.path.normpath(directory / call.source))
        try:
            resolved = self.reader.resolve(target)
            if resolved in chain or len(chain) >= MAX_DEPTH:
                steps = [*chain[chain.index(resolved) if resolved in chain else 0 :], resolved]
                self.diagnostics.error(
                    "Module calls itself",
                    f'The directory "{shown(target)}" is one of the modules that led to this call: '
                    f"{' calls '.join(step.name or '.' for step in steps[:8])}. A module cannot be "
                    "a part of itself.",
                    **place,  # type: ignore[arg-type]  # subject is a Range
                )
                return None
            return self.module(target), target
        except OSError as failure:
            self.diagnostics.error(
                "Unreadable module directory",
                f'The directory "{shown(target)}" could not be read for module "{call.name}": '
                f"{reason(failure)}.",
                **place,  # type: ignore[arg-type]  # subject is a Range
            )
            return None


def _not_local(call: ModuleCall) -> tuple[str, str]:
    if _REMOTE.match(call.source) or _REGISTRY.fullmatch(call.source):
        detail = (
            f'Module "{call.name}" comes from "{call.source}". Only local modules, whose source '
            'starts with "./" or "../", are supported so far: copy the module beside the '
            "configuration and name its directory."
        )
        return "Module source not supported yet", detail
    detail = (
        f'"{call.source}" names no place that modules come from. If you intended this as a path '
        f'relative to the current module, use "./{call.source.lstrip("/")}" instead. The "./" '
        "prefix indicates that the address is a relative filesystem path."
    )
    return "Invalid module source address", detail
