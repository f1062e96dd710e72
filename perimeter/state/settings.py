"""What a kind of backend can be told, and what it can do with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from perimeter.diagnostics import error
from perimeter.sdk.redact import SECRETS
from perimeter.state.backend import Backend
from perimeter.state.codec import Codec
from perimeter.state.errors import StateError

DEFAULT_WORKSPACE = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One argument of a ``backend`` block.

    Attributes:
        name: as written.
        kind: of its value: ``str``, ``bool``, a whole ``number``, a ``list`` of strings or a ``map``
            of strings.
        required: whether the backend cannot do without; the environment may give it, see
            ``environment``.
        secret: whether its value is kept out of every output.
        default: taken when it is omitted or null.
        environment: the variables that stand in for it, the first one set wins.
        description: one sentence, for documentation and messages.
    """

    name: str
    kind: Literal["str", "bool", "number", "list", "map"] = "str"
    required: bool = False
    secret: bool = False
    default: Any = None
    environment: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of backend, such as ``s3``.

    ``settings`` below means the arguments that are set, by name, each of its Setting's kind; what
    is omitted may be missing or None. Every function raises ``StateError`` only, and
    ``SettingError`` where one argument is at fault.

    Attributes:
        settings: what it can be told, by name.
        open: ``(settings, workspace, codec, environment)`` to the workspace's backend. Nothing is
            read or written yet.
        workspaces: ``(settings, environment)`` to the names that have a state, ``default`` always
            among them, sorted.
        delete_workspace: ``(settings, name, environment)``: removes a workspace's state, journal,
            versions and lock. Its evidence log stays.
        describe: ``(settings, workspace)`` to the place, for people; holds no secret.
    """

    settings: Mapping[str, Setting]
    open: Callable[[Mapping[str, Any], str, Codec, Mapping[str, str]], Backend]
    workspaces: Callable[[Mapping[str, Any], Mapping[str, str]], tuple[str, ...]]
    delete_workspace: Callable[[Mapping[str, Any], str, Mapping[str, str]], None]
    describe: Callable[[Mapping[str, Any], str], str]


class SettingError(StateError):
    """One argument of a backend cannot be used.

    Attributes:
        setting: its name; whoever knows the source points there.
    """

    def __init__(self, setting: str, summary: str, detail: str) -> None:
        super().__init__(error(summary, detail))
        self.setting = setting


def by_name(settings: Iterable[Setting]) -> Mapping[str, Setting]:
    """Index settings by name."""
    return MappingProxyType({item.name: item for item in settings})


def chosen(
    known: Mapping[str, Setting], given: Mapping[str, Any], environment: Mapping[str, str]
) -> dict[str, Any]:
    """Complete what was given from the environment and the defaults; register secrets as such.

    Raises:
        SettingError: a required setting is missing.
    """
    found: dict[str, Any] = {}
    for setting in known.values():
        value = given.get(setting.name)
        if value is None or value == "":
            value = _from_environment(setting, environment)
        if value is None:
            value = setting.default
        if value is None:
            if setting.required:
                raise SettingError(
                    setting.name,
                    "Missing required argument",
                    f'The argument "{setting.name}" is required: {setting.description} Set it in the '
                    f'backend block, or by "-backend-config={setting.name}=…"'
                    + (f", or by {setting.environment[0]}." if setting.environment else "."),
                )
            continue
        if setting.secret:
            SECRETS.add_all(value)
        found[setting.name] = value
    return found


def _from_environment(setting: Setting, environment: Mapping[str, str]) -> Any:
    name = next((item for item in setting.environment if environment.get(item)), None)
    if name is None:
        return None
    value = environment[name]
    if setting.kind == "bool":
        return value.lower() in ("1", "true", "yes")
    if setting.kind == "number":
        try:
            return int(value)
        except ValueError:
            raise SettingError(
                setting.name, "Invalid environment variable", f"{name} must be a whole number."
            ) from None
    return value
