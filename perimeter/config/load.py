"""From a directory to a ``Config``: files are read, parsed, decoded; modules are followed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from perimeter.config.assignments import Assignments, collect
from perimeter.config.blocks import decode_module
from perimeter.config.early import (
    EarlyScope,
    Given,
    check_constants,
    early_text,
    early_values,
)
from perimeter.config.files import DISK, Reader, read_text, reason, select, shown
from perimeter.config.json_files import parse_json_configuration
from perimeter.config.model import Backend, Config, Module, ModuleCall, RequiredProvider
from perimeter.config.model import Path as ModuleNames
from perimeter.config.override import override
from perimeter.config.providers import check_providers, required_everywhere
from perimeter.config.shape import header
from perimeter.config.sources.address import Local, Registry, SourceError, parse_address
from perimeter.config.sources.manifest import Installed, Located, Locator
from perimeter.diagnostics import Diagnostics
from perimeter.hcl import parse_file
from perimeter.hcl.nodes import Block, Body
from perimeter.hcl.source import SourceFile

DEFAULT_WORKSPACE = "default"
"""What ``perimeter.workspace`` is where nobody selected another."""

MAX_DEPTH = 64
"""How deep modules may call modules; a symbolic link can make a chain that never repeats."""


def load(
    directory: Path,
    *,
    reader: Reader = DISK,
    locator: Locator | None = None,
    given: Given | None = None,
    workspace: str = DEFAULT_WORKSPACE,
) -> tuple[Config | None, Diagnostics, Mapping[str, SourceFile]]:
    """Read the configuration in a directory and the modules it calls.

    Args:
        directory: of the root module.
        reader: where files come from.
        given: what root variables are given, where module sources or the backend refer to them; by default
            what variable files that load by themselves and the environment say.
        locator: where modules that are not local are; by default what ``perimeter init`` installed.
        workspace: what ``perimeter.workspace`` is.

    Returns:
        The configuration (None when there is nothing to go on with: no directory, no files), every
        problem found, and the sources by shown name for rendering snippets. Where there are errors
        the configuration holds what could be understood, so that later steps can report more.
    """
    loader = _Loader(reader, locator or Installed.of(directory, reader))
    loader.workspace = workspace
    loader.given = given or loader.collected(directory)
    root = loader.root(directory)
    if root is None:
        return None, loader.diagnostics, loader.sources
    loader.place(root, (), Located(directory, None), (), None)
    config = Config(root=loader.modules[()], modules=loader.modules, workspace=workspace)
    required: dict[str, RequiredProvider] = required_everywhere(config)
    config = replace(config, provider_sources=required)
    check_providers(config, loader.diagnostics)
    return config, loader.diagnostics, loader.sources


@dataclass(slots=True)
class _Loader:
    reader: Reader
    locator: Locator
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    sources: dict[str, SourceFile] = field(default_factory=dict)
    modules: dict[ModuleNames, Module] = field(default_factory=dict)
    read: dict[Path, Module] = field(default_factory=dict)
    given: Given = Assignments
    workspace: str = DEFAULT_WORKSPACE

    def collected(self, directory: Path) -> Given:
        """The values of root variables that need no command line, read when first asked for."""

        @cache
        def read() -> Assignments:
            found, problems = collect(directory, environment=os.environ, reader=self.reader)
            self.diagnostics.extend(problems)
            return found

        return read

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
            source = read_text(path, self.reader, self.diagnostics)
            if source is None:
                continue
            parse = parse_json_configuration if name.endswith(".json") else parse_file
            body, problems = parse(source.text, source.filename)
            sources[source.filename] = body.src
            self.diagnostics.extend(problems)
            found.append(body)
        return found

    def place(
        self,
        module: Module,
        path: ModuleNames,
        at: Located,
        chain: tuple[Path, ...],
        caller: tuple[EarlyScope, ModuleCall] | None,
    ) -> None:
        """Put a module at its place in the tree, then those it calls."""
        package = shown(at.package) if at.package is not None else ""
        scope = EarlyScope(module, self.given, caller, workspace=self.workspace)
        check_constants(scope, module, self.diagnostics)
        calls = {name: self.decided(call, scope) for name, call in module.calls.items()}
        backend = self.backend(module.backend, scope) if caller is None else module.backend
        self.modules[path] = replace(
            module, path=path, package_dir=package, calls=calls, backend=backend
        )
        chain = (*chain, self.reader.resolve(at.directory))
        for call in calls.values():
            if not call.source:
                continue
            child = self.called(call, (*path, call.name), at, chain)
            if child is not None:
                self.place(child[0], (*path, call.name), child[1], chain, (scope, call))

    def decided(self, call: ModuleCall, scope: EarlyScope) -> ModuleCall:
        """A call with its source and version as texts; without a source once that is reported."""
        if not call.early:
            return call
        found = Diagnostics()
        texts = {
            name: early_text(expr, scope, f"module {name}", found)
            for name, expr in call.early.items()
        }
        block = header(call.node) if isinstance(call.node, Block) else None
        self.diagnostics.extend(item.at(block=block) for item in found)
        return replace(
            call,
            source=texts.get("source", call.source) or "",
            version=texts.get("version", call.version),
        )

    def backend(self, block: Backend | None, scope: EarlyScope) -> Backend | None:
        """The backend with its arguments evaluated."""
        if block is None:
            return None
        found = Diagnostics()
        given = {name: item.expr for name, item in block.body.attributes.items()}
        values = early_values(given, scope, found)
        self.diagnostics.extend(item.at(block=f'backend "{block.type}"') for item in found)
        return replace(block, arguments=values)

    def called(
        self, call: ModuleCall, path: ModuleNames, caller: Located, chain: tuple[Path, ...]
    ) -> tuple[Module, Located] | None:
        """The module that a call leads to and where it is, or None once the reason is reported."""
        assert isinstance(call.node, Block)
        where = call.node.body.attributes["source"].expr.range
        block = header(call.node)
        target = caller.directory
        try:
            found = self.located(call, path, caller)
            target = found.directory
            resolved = self.reader.resolve(target)
            if found.package is not None:
                _check_inside(resolved, self.reader.resolve(found.package), call)
            if resolved in chain or len(chain) >= MAX_DEPTH:
                steps = [*chain[chain.index(resolved) if resolved in chain else 0 :], resolved]
                raise SourceError(
                    "Module calls itself",
                    f'The directory "{shown(target)}" is one of the modules that led to this call: '
                    f"{' calls '.join(step.name or '.' for step in steps[:8])}. A module cannot be "
                    "a part of itself.",
                )
            return self.module(target), found
        except SourceError as problem:
            self.diagnostics.error(problem.summary, problem.detail, where, block=block)
        except OSError as failure:
            self.diagnostics.error(
                "Unreadable module directory",
                f'The directory "{shown(target)}" could not be read for module "{call.name}": '
                f"{reason(failure)}.",
                where,
                block=block,
            )
        return None

    def located(self, call: ModuleCall, path: ModuleNames, caller: Located) -> Located:
        """Where the module is that a call leads to; raises SourceError."""
        address = parse_address(call.source)
        if isinstance(address, Local):
            if call.version is not None:
                raise SourceError(
                    "Invalid registry module source address",
                    f'Cannot use the local directory "{call.source}" with a "version": the '
                    "argument applies only to registry modules. Remove it.",
                )
            target = Path(os.path.normpath(caller.directory / address.path))
            if caller.package is not None:
                _check_inside(target, Path(os.path.normpath(caller.package)), call)
            return Located(target, caller.package)
        if call.version is not None and not isinstance(address, Registry):
            raise SourceError(
                "Invalid registry module source address",
                f'Cannot use "{call.source}" with a "version": the argument applies only to '
                'registry modules. Remove it; a git repository\'s version is chosen by "?ref=".',
            )
        return self.locator.locate(path, call.source, call.version)


def _check_inside(target: Path, package: Path, call: ModuleCall) -> None:
    """A package must be whole: what it is checked and locked by covers nothing outside."""
    if not target.is_relative_to(package):
        raise SourceError(
            "Local module path escapes module package",
            f'The module "{call.name}" has the source "{call.source}", which leads out of the '
            "package that its caller was installed with. Modules that are installed together must "
            "be in one package.",
        )
