"""What ``init`` does about the backend: settle it, and move states from the one before."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from perimeter.cli import backend_memory
from perimeter.cli.backend_memory import Memory
from perimeter.cli.backend_settings import LOCAL, Configured, configured, given_settings
from perimeter.cli.backends import is_same, open_backend, pointing, with_given
from perimeter.cli.command import Invocation
from perimeter.cli.failure import Refused, refuse
from perimeter.cli.flags import seconds
from perimeter.config.model import Config
from perimeter.diagnostics import Diagnostics, error
from perimeter.state.codec import Codec
from perimeter.state.copying import copy, is_empty
from perimeter.state.lockinfo import new_lock_info
from perimeter.state.places import DEFAULT_WORKSPACE
from perimeter.state.settings import chosen as completed

CHANGED = "Backend configuration changed"
_CHANGED_DETAIL = (
    "A change in the backend configuration has been detected, which may require migrating existing state.\n\nIf you wish to "
    'attempt automatic migration of the state, use "perimeter init -migrate-state".\nIf you wish to store the current '
    'configuration with no changes to the state, use "perimeter init -reconfigure".'
)


def settle(
    invocation: Invocation, config: Config, given: Mapping[str, Any], codec: Codec
) -> Configured:
    """Settle the backend for the directory, after moving states where that is asked for or offered.

    ``given``: the flags of ``init``; ``codec``: how states are encrypted, for any workspace.

    Raises:
        Refused: the backend is not well configured, changed without a flag that says what to do, or nobody can be asked.
        StateError: a state cannot be read or written; the directory still has the old backend.
    """
    if given["migrate_state"] and given["reconfigure"]:
        raise refuse(
            "Incompatible command-line flags",
            "The -migrate-state and -reconfigure options are mutually-exclusive.",
        )
    memory = None if given["reconfigure"] else backend_memory.read()
    own = configured(config.root.backend)
    options = given["backend_config"]
    if options and own.block is None:
        warned = Diagnostics()
        warned.warning(
            "Missing backend configuration",
            '-backend-config was used without a "backend" block in the configuration. Add one, such as '
            'perimeter { backend "s3" {} }.',
        )
        invocation.reporter.diagnostics(warned, {})
        options = ()
    extra = given_settings(own.type, options)
    if not options and memory is not None and memory.type == own.type:
        extra = dict(memory.given)
    new = with_given(own, extra)
    environment = invocation.terminal.environment
    with pointing(new):
        completed(new.kind.settings, new.settings, environment)
        open_backend(new, DEFAULT_WORKSPACE, codec, environment)
    if memory is not None and is_same(new, memory):
        if options:
            backend_memory.write(new, extra)
        return new
    if not given["reconfigure"]:
        _move(invocation, memory, new, given, codec)
    if new.block is not None or memory is not None or backend_memory.FILE.exists():
        backend_memory.write(new, extra)
    if new.type != LOCAL:
        _tell(invocation, f'Successfully configured the backend "{new.type}"!')
    elif memory is not None and memory.type != LOCAL:
        _tell(invocation, f'Successfully unset the backend "{memory.type}".')
    return new


def _tell(invocation: Invocation, text: str) -> None:
    invocation.terminal.print(f"\n{invocation.terminal.style().paint(text, 'green')}\n")


def _move(
    invocation: Invocation,
    memory: Memory | None,
    new: Configured,
    given: Mapping[str, Any],
    codec: Codec,
) -> None:
    """Move what the backend before holds, if it holds anything and that is wanted."""
    environment = invocation.terminal.environment
    old = _before(memory, new)
    if old.type == new.type == LOCAL and _paths(old) == _paths(new):
        return
    asked = given["migrate_state"] or given["force_copy"]
    if memory is not None and memory.type != LOCAL and not asked:
        raise _changed(new)
    if memory is not None:
        _require_secrets(old, memory, environment)
    names = [
        name
        for name in old.kind.workspaces(old.settings, environment)
        if not is_empty(open_backend(old, name, _for(codec, name), environment).load())
    ]
    if not names:
        return
    if memory is not None and not asked:
        if old.type == new.type == LOCAL and _has_state(new, names, environment, codec):
            return  # both are in use, as with a path made of variables
        raise _changed(new)
    if not _agreed(invocation, old, new, names, given):
        if len(names) == 1 and names == [DEFAULT_WORKSPACE] and not given["migrate_state"]:
            return
        raise refuse(
            "Migration aborted by user",
            "The states are where they were, and the directory still has the old backend.",
        )
    for name in names:
        _copy(invocation, old, new, name, given, codec)


def _changed(new: Configured) -> Refused:
    return Refused([error(CHANGED, _CHANGED_DETAIL, new.range_of())], new.sources)


def _before(memory: Memory | None, new: Configured) -> Configured:
    """The backend before; its secrets are those of the new one if they lead to the same place, or the environment's."""
    if memory is None:
        return Configured()
    secrets = {name: item for name, item in new.settings.items() if new.kind.settings[name].secret}
    if memory.type == new.type:
        same = Configured(type=memory.type, settings={**secrets, **memory.settings})
        if backend_memory.place_of(same) == memory.place:
            return same
    return Configured(type=memory.type, settings=memory.settings)


def _require_secrets(old: Configured, memory: Memory, environment: Mapping[str, str]) -> None:
    for name in memory.secrets:
        setting = old.kind.settings.get(name)
        if setting is None or old.settings.get(name):
            continue
        if any(environment.get(item) for item in setting.environment):
            continue
        way = f"Set {setting.environment[0]}" if setting.environment else "Move in two steps"
        raise refuse(
            "Secret of the previous backend is missing",
            f'The "{old.type}" backend before was configured with "{name}". It is a secret and so was not kept. {way} for this '
            "run; or leave the state where it is: perimeter init -reconfigure",
        )


def _paths(found: Configured) -> dict[str, Any]:
    return completed(found.kind.settings, found.settings, {})


def _for(codec: Codec, workspace: str) -> Codec:
    return replace(codec, workspace=workspace)


def _has_state(
    found: Configured, names: list[str], environment: Mapping[str, str], codec: Codec
) -> bool:
    return any(
        not is_empty(open_backend(found, name, _for(codec, name), environment).load())
        for name in names
    )


def _agreed(
    invocation: Invocation,
    old: Configured,
    new: Configured,
    names: list[str],
    given: Mapping[str, Any],
) -> bool:
    if given["force_copy"]:
        return True
    if not (given["input"] and invocation.terminal.may_ask):
        raise refuse(
            "Existing state would have to be copied",
            f'The backend "{old.type}" holds state, and nobody can be asked whether to copy it to "{new.type}". Add '
            "-migrate-state -force-copy to copy it, or -reconfigure to leave it where it is.",
        )
    if names == [DEFAULT_WORKSPACE]:
        question = "Do you want to copy existing state to the new backend?"
        said = (
            f'Pre-existing state was found in the "{old.type}" backend, and the newly configured "{new.type}" backend is '
            'to take its place.\n  Enter "yes" to copy it, with its journal, its evidence and its earlier versions.'
        )
    else:
        question = f'Do you want to migrate all workspaces to "{new.type}"?'
        listed = "".join(f"\n    {name}" for name in names)
        said = (
            f'The "{old.type}" backend holds these workspaces:{listed}\n  Enter "yes" to copy all of them, each with its '
            "journal, its evidence and its earlier versions."
        )
    bold = invocation.terminal.style().bold
    answer = invocation.terminal.ask(
        f"\n{bold(question)}\n  {said}\n  The old ones stay where they are.\n\n  {bold('Enter a value:')} "
    )
    return answer == "yes"


def _copy(
    invocation: Invocation,
    old: Configured,
    new: Configured,
    name: str,
    given: Mapping[str, Any],
    codec: Codec,
) -> None:
    environment = invocation.terminal.environment
    codec = _for(codec, name)
    with pointing(new):
        source = open_backend(old, name, codec, environment)
        target = open_backend(new, name, codec, environment)
    with ExitStack() as locks:
        if given["lock"]:
            for found, backend in ((old, source), (new, target)):
                info = new_lock_info(
                    "migration destination state"
                    if backend is target
                    else "migration source state",
                    found.kind.describe(found.settings, name),
                )
                locks.enter_context(backend.lock(info, seconds(given["lock_timeout"])))
        done = copy(source, target)
    told = f"Copied workspace {name}: {done.versions} earlier versions, {done.lines} lines of evidence.\n"
    if done.damaged:
        serials = ", ".join(str(serial) for serial in done.damaged)
        told += f"Left out earlier versions that cannot be read: serial {serials}.\n"
    invocation.terminal.print(told)
