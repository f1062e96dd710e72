"""A whole directory: its modules, from the called ones up, until nothing more falls away."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from pathlib import Path

from perimeter.diagnostics import Diagnostics
from perimeter.hcl.format import format_text
from perimeter.migrate import blocks
from perimeter.migrate.catalogue import Catalogue
from perimeter.migrate.foreign_state import ForeignState
from perimeter.migrate.lines import Lines
from perimeter.migrate.read import ForeignFile, read_directory
from perimeter.migrate.report import Entry, Outcome, Report
from perimeter.migrate.resources import ImportBlock, Made, translate_resource
from perimeter.migrate.scope import Key, Scope, declare
from perimeter.migrate.secrets import scrubbed
from perimeter.migrate.tree import NOT_LITERAL, Block, every_argument
from perimeter.migrate.variable_files import translate_variable_files

IMPORTS = "imports.hcl"
_ROUNDS = 100
_READING = frozenset(
    f"file{what}"
    for what in (
        "",
        "base64",
        "md5",
        "sha1",
        "sha256",
        "sha512",
        "base64sha256",
        "base64sha512",
        "set",
    )
) | {"templatefile", "fileexists"}


@dataclass(slots=True, kw_only=True)
class Migrated:
    """What a migration comes to.

    Attributes:
        files: contents by path from the output directory.
    """

    files: dict[str, str] = field(default_factory=dict)
    report: Report = field(default_factory=Report)
    diagnostics: Diagnostics = field(default_factory=Diagnostics)


def migrate(
    directory: Path, state: ForeignState, catalogue: Catalogue, diagnostics: Diagnostics
) -> Migrated:
    """Translate the configuration in a directory and the local modules that it calls."""
    migrated = Migrated(diagnostics=diagnostics)
    scopes: dict[Path, Scope] = {}
    root = _load(directory.resolve(), "", scopes, state, catalogue, diagnostics)
    if diagnostics.has_errors:
        return migrated
    if not root.files:
        diagnostics.error(
            "No Terraform configuration files", f'"{directory}" contains no files that end in .tf.'
        )
        return migrated
    _paths(root, "", set())
    for scope in scopes.values():
        declare(scope)
    for _ in range(_ROUNDS):
        before = sum(len(scope.gone) for scope in scopes.values())
        for scope in scopes.values():
            for _, block in scope.blocks():
                _settle(block, scope)
        if sum(len(scope.gone) for scope in scopes.values()) == before:
            break
    imports: list[ImportBlock] = []
    for scope in scopes.values():
        for file in scope.files:
            name = posixpath.join(scope.out, f"{Path(file.name).stem}.hcl")
            migrated.files[name] = _file(file, scope, migrated, imports)
        _files_read(scope, migrated.report)
    for name, text in translate_variable_files(root, migrated.report, diagnostics).items():
        migrated.files[name] = format_text(text.rstrip() + "\n", name)[0]
    _write_imports(imports, migrated)
    _left_in_state(scopes, state, migrated.report)
    return migrated


def _load(
    directory: Path,
    out: str,
    scopes: dict[Path, Scope],
    state: ForeignState,
    catalogue: Catalogue,
    diagnostics: Diagnostics,
) -> Scope:
    """Read a module and those it calls."""
    scope = Scope(
        directory=directory,
        out=out,
        files=read_directory(directory, diagnostics),
        catalogue=catalogue,
        state=state,
    )
    scopes[directory] = scope
    for file, block in scope.blocks():
        if block.type != "module" or len(block.labels) != 1:
            continue
        source = block.body.arguments.get("source")
        path = source.expr.literal if source is not None else NOT_LITERAL
        if not isinstance(path, str) or not path.startswith(("./", "../")):
            continue
        target = (directory / path).resolve()
        if not target.is_dir():
            diagnostics.error(
                "Module not found",
                f'module "{block.labels[0]}" in {directory / file.name} has the source "{path}", and there is no such'
                " directory.",
            )
            continue
        if target not in scopes:
            place = _place(out, path, {item.out for item in scopes.values()})
            _load(target, place, scopes, state, catalogue, diagnostics)
        scope.calls[block.labels[0]] = scopes[target]
    return scope


def _place(out: str, source: str, taken: set[str]) -> str:
    """Where a module goes: as it lies to its caller, but never out of the output directory."""
    path = posixpath.normpath(posixpath.join(out, source))
    if path.startswith("..") or path in taken or path == ".":
        base = posixpath.basename(path) if posixpath.basename(path) not in ("..", ".") else "module"
        path = f"modules/{base}"
        number = 2
        while path in taken:
            path = f"modules/{base}_{number}"
            number += 1
    return path


def _paths(scope: Scope, path: str, above: set[Path]) -> None:
    scope.paths.add(path)
    for name, called in scope.calls.items():
        if called.directory not in above:
            inner = f"{path}.module.{name}" if path else f"module.{name}"
            _paths(called, inner, above | {scope.directory})


def _settle(block: Block, scope: Scope) -> None:
    """Note what a block that has no counterpart takes along."""
    made = _translated(block, scope)
    key = _key(block)
    if made.broken and key is not None:
        scope.gone.setdefault(key, "; ".join(dict.fromkeys(made.broken)))


def _key(block: Block) -> Key | None:
    match block.type, block.labels:
        case "resource", (type_, name):
            return (type_, name)
        case "data", (type_, name):
            return ("data", type_, name)
        case "module" | "output", (name,):
            return (block.type, name)
    return None


def _translated(block: Block, scope: Scope) -> Made:
    match block.type:
        case "resource" | "data":
            key = _key(block)
            declared = scope.declared.get(key) if key is not None else None
            if declared is None:
                return Made(broken=["it has not two labels"])
            if declared.known is None:
                return Made(broken=[scope.gone[declared.key]])
            return translate_resource(declared, scope)
        case "terraform":
            return blocks.translate_settings(block, scope)
        case "provider":
            return blocks.translate_provider(block, scope)
        case "module":
            return blocks.translate_module(block, scope)
        case "locals":
            return blocks.translate_locals(block, scope)
        case _ if block.type in blocks.CARRIED:
            return blocks.translate_carried(block, scope)
    reason = blocks.UNTRANSLATED.get(block.type, "perimeter has no such block")
    return Made(broken=[reason])


def _file(file: ForeignFile, scope: Scope, migrated: Migrated, imports: list[ImportBlock]) -> str:
    lines = Lines()
    secrets = scope.state.secrets
    at = 0
    for item in file.body.items:
        lines.gap(scrubbed(file.text[at : item.start], secrets))
        at = item.end
        if not isinstance(item, Block):
            lines.comment(f"Not translated: it is an argument outside of blocks.\n{item.text}")
            continue
        made = _translated(item, scope)
        if not made.broken:
            text, problems = format_text(made.text, file.name)
            if problems:
                made.broken = [f"perimeter's parser: {problems[0].summary}"]
            else:
                lines.code(text)
        if made.broken:
            lines.comment_lines(blocks.not_translated(item, made.broken, scope))
        else:
            imports += made.imports
        _report(item, made, file, scope, migrated.report)
    lines.gap(scrubbed(file.text[at:], secrets))
    text, problems = format_text(lines.text.rstrip() + "\n", file.name)
    migrated.diagnostics.extend(problems)
    return text.lstrip("\n")


def _report(block: Block, made: Made, file: ForeignFile, scope: Scope, report: Report) -> None:
    name = posixpath.join(scope.out, file.name)
    subject = ".".join(block.labels) if block.type == "resource" else block.header
    if made.broken:
        reason = "; ".join(dict.fromkeys(made.broken))
        report.add(
            Entry(outcome=Outcome.NOT, subject=subject, text=reason, file=name, line=block.line)
        )
        return
    report.add(
        Entry(
            outcome=Outcome.TRANSLATED,
            subject=subject,
            text=", ".join(made.ours),
            file=name,
            line=block.line,
        )
    )
    for argument, reason, offset in made.left_out:
        line = file.text.count("\n", 0, offset) + 1
        what = f"{subject} {argument}"
        report.add(Entry(outcome=Outcome.PARTLY, subject=what, text=reason, file=name, line=line))
    for note in made.notes:
        report.note(subject, note)


def _write_imports(imports: list[ImportBlock], migrated: Migrated) -> None:
    if not imports:
        return
    name = IMPORTS if IMPORTS not in migrated.files else "imports_from_state.hcl"
    head = "# The objects of Terraform's state. Delete this file once they are imported.\n\n"
    text = head + "\n".join(blocks.import_text(item.to, item.id) for item in imports)
    migrated.files[name], problems = format_text(text, name)
    migrated.diagnostics.extend(problems)
    migrated.report.imports = len(imports)


def _files_read(scope: Scope, report: Report) -> None:
    """Files that expressions read lie beside the foreign configuration, and stay there."""
    for file in scope.files:
        texts = [
            argument.expr.text
            for argument in every_argument(file.body)
            if any(word.kind == "NAME" and word.text in _READING for word in argument.expr.words)
        ]
        if texts:
            name = posixpath.join(scope.out, file.name)
            report.note(name, f"copy the files that it reads to the new place: {', '.join(texts)}")


def _left_in_state(scopes: dict[Path, Scope], state: ForeignState, report: Report) -> None:
    declared = {key for scope in scopes.values() for key in scope.declared}
    for item in state.instances:
        if item.mode == "managed" and (item.type, item.name) not in declared:
            report.note(
                item.address,
                "it is in the state only, not in the configuration; nothing is written",
            )
