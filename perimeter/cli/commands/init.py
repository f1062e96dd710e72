"""``perimeter init``."""

from __future__ import annotations

from typing import Any

from perimeter.cli import workspaces
from perimeter.cli.command import Invocation, command, flags, switch, value, values
from perimeter.cli.failure import Refused, refuse
from perimeter.cli.flags import INPUT, LOCKING, VARIABLES
from perimeter.cli.installed import Selected, check_locked, select
from perimeter.cli.lockfile import LOCK_FILE, lock_text, read_lock, read_modules
from perimeter.cli.migrating import settle
from perimeter.cli.modules import copy_module, finish, installer
from perimeter.cli.workspace import HERE, SCRATCH, early_variables, keys_of
from perimeter.config.load import load
from perimeter.config.sources.lock import LockedModule
from perimeter.diagnostics import Diagnostics
from perimeter.sdk.registry import load_providers
from perimeter.state.codec import Codec


@command("init")
@flags(
    VARIABLES,
    switch("upgrade", "Accept providers and modules that differ from the lock file."),
    value("from-module", "SOURCE", "Copy a module into this empty directory first."),
    switch("get", "Download no modules; those that are installed must do.", default=True),
    value("lockfile", "MODE", '"readonly" refuses to change the lock file.'),
    switch("backend", "Leave the backend as it was initialized before.", default=True),
    values(
        "backend-config",
        "FILE|NAME=VALUE",
        "Arguments for the backend block, which need not stand there. May be repeated.",
    ),
    switch("migrate-state", "Copy existing state to the backend that is configured now."),
    switch("force-copy", "Answer the questions of -migrate-state with yes."),
    switch("reconfigure", "Forget the backend before; its state stays where it is."),
    *LOCKING,
    *INPUT,
)
def run(invocation: Invocation, **given: Any) -> int:
    """Download modules, check that the providers are installed, and write .perimeter.lock.hcl.

    It is safe to run again. Modules go to .perimeter/modules/. Providers
    are Python packages: init installs none, it says what to install.
    """
    readonly = given["lockfile"] == "readonly"
    workspace = workspaces.current(invocation.terminal.environment)
    if given["from_module"] is not None:
        copy_module(invocation, HERE, given["from_module"])
    fetching = (
        installer(invocation, HERE, upgrade=given["upgrade"], readonly=readonly)
        if given["get"]
        else None
    )
    config, diagnostics, sources = load(
        HERE, locator=fetching, given=early_variables(invocation), workspace=workspace
    )
    if config is None:
        if len(diagnostics) == 1 and "No configuration files" in diagnostics.errors[0].summary:
            invocation.terminal.print(
                "perimeter initialized in an empty directory!\n\nThe directory has no configuration files (*.hcl). Write "
                "one, then run init again.\n"
            )
            return 0
        raise Refused(diagnostics, sources)
    _, problems = load_providers(config.provider_sources)
    diagnostics.extend(problems)
    found = select(config.provider_sources, diagnostics)
    if diagnostics.has_errors:
        raise Refused(diagnostics, sources)
    keys = keys_of(config, invocation)
    where = "not looked at"
    if given["backend"]:
        backend = settle(invocation, config, given, Codec(keys=lambda: keys().state))
        where = backend.kind.describe(backend.settings, workspace)
    locked = read_modules(LOCK_FILE)
    modules = locked if fetching is None else fetching.modules
    changed = _compare(found, diagnostics, upgrade=given["upgrade"]) or modules != locked
    if diagnostics.has_errors:
        raise Refused(diagnostics, sources)
    _prepare(found, modules, changed=changed, readonly=readonly)
    if fetching is not None:
        finish(fetching)
    invocation.reporter.diagnostics(diagnostics, sources)
    _tell(invocation, found, where, changed=changed)
    return 0


def _compare(found: dict[str, Selected], diagnostics: Diagnostics, *, upgrade: bool) -> bool:
    """Whether the lock file must be written; a provider that changed under it is an error without ``-upgrade``."""
    locked = read_lock(LOCK_FILE)
    if not upgrade:
        check_locked(found, locked, diagnostics)
    for name, item in found.items():
        known = locked.get(name)
        if known is None or upgrade:
            continue
        if known.get("version") == item.version and known.get("hash") != item.digest:
            diagnostics.warning(
                "Provider content changed",
                f"The files of provider {name} {item.version} differ from those that {LOCK_FILE} was written for. If that is "
                "expected (a development version), accept them: perimeter init -upgrade",
            )
    return (
        upgrade or any(name not in locked for name in found) or any(n not in found for n in locked)
    )


def _prepare(
    found: dict[str, Selected],
    modules: tuple[LockedModule, ...],
    *,
    changed: bool,
    readonly: bool,
) -> None:
    if changed and readonly:
        raise refuse(
            "Lock file would change",
            f"{LOCK_FILE} does not hold exactly the providers and modules that the configuration requires, and "
            "-lockfile=readonly forbids to write it. Run perimeter init and commit the file.",
        )
    try:
        SCRATCH.mkdir(exist_ok=True)
        if changed:
            LOCK_FILE.write_text(lock_text(found, modules), encoding="utf-8")
    except OSError as problem:
        raise refuse("Directory not writable", f"{problem.filename}: {problem.strerror}.") from None


def _tell(invocation: Invocation, found: dict[str, Selected], state: str, *, changed: bool) -> None:
    style = invocation.terminal.style()
    lines = [
        "",
        style.bold("Initializing the state..."),
        f"- {state}",
        "",
        style.bold("Initializing providers..."),
    ]
    lines += [f"- {item.name} v{item.version} ({item.package})" for item in found.values()] or [
        "- none"
    ]
    if changed and found:
        lines += [
            "",
            f"perimeter has recorded the providers and modules in {LOCK_FILE}. Include this file",
            "in your version control repository, so that everybody works with the same ones.",
        ]
    lines += ["", style.paint("perimeter has been successfully initialized!", "bold", "green")]
    if not invocation.terminal.automation:
        lines += [
            "",
            'Try "perimeter plan" to see what it would change. It changes nothing by itself.',
        ]
    invocation.terminal.print("\n".join(lines) + "\n")
