"""Finding installed providers, and loading those that are named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from perimeter.diagnostics import Diagnostic, did_you_mean, error
from perimeter.sdk.errors import ProviderError
from perimeter.sdk.provider import Provider
from perimeter.sdk.redact import SECRETS

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "perimeter.providers"
BUILTIN = "perimeter"
"""The provider of what needs no vendor: its functions may be called wherever expressions stand."""
API_VERSION = 1
"""The version of ``perimeter.sdk.provider`` that this perimeter speaks."""


def available() -> tuple[str, ...]:
    """The names of the installed providers, sorted; loads none."""
    return tuple(sorted(_entry_points()))


def load_providers(
    names: Iterable[str],
) -> tuple[Mapping[str, Provider], tuple[Diagnostic, ...]]:
    """Load the named providers and no others.

    Those that fail are missing from the mapping and have a diagnostic.
    """
    providers: dict[str, Provider] = {}
    diagnostics: list[Diagnostic] = []
    for name in dict.fromkeys(names):
        provider, problems = load_provider(name)
        diagnostics += problems
        if provider is not None:
            providers[name] = provider
    return providers, tuple(diagnostics)


def load_provider(name: str) -> tuple[Provider | None, tuple[Diagnostic, ...]]:
    """Load and construct one provider; None, and diagnostics, when that fails."""
    found = _entry_points()
    entries = found.get(name, ())
    if not entries:
        installed = ", ".join(sorted(found)) or "none"
        return None, (
            error(
                f"Provider {name} is not installed",
                f'No installed package offers the provider "{name}".{did_you_mean(name, found)}'
                f" Installed: {installed}.",
            ),
        )
    if len(entries) > 1:
        packages = " and ".join(sorted(f"{_package(e)} ({e.value})" for e in entries))
        return None, (
            error(
                f"Two packages offer provider {name}",
                f'The provider "{name}" comes from {packages}. Uninstall one of them.',
            ),
        )
    return _constructed(name, next(iter(entries)))


def _constructed(name: str, entry: EntryPoint) -> tuple[Provider | None, tuple[Diagnostic, ...]]:
    summary = f"Provider {name} cannot be loaded"
    try:
        provider = entry.load()()
    except ProviderError as problem:  # MissingExtra among them
        return None, (error(summary, SECRETS.redact(problem.message)),)
    except ModuleNotFoundError as problem:
        return None, (error(summary, _missing(name, entry, problem.name or "")),)
    except Exception as problem:  # noqa: BLE001 - third-party code may raise anything
        text = SECRETS.redact(f"{type(problem).__name__}: {problem}")
        return None, (
            error(
                summary,
                f"{_package(entry)} failed while it was loaded ({text}). This is a problem of "
                "that package: update it, or"
                " report it to its authors.",
            ),
        )
    if not isinstance(provider, Provider):
        detail = f"{entry.value} in {_package(entry)} is not a perimeter provider."
        return None, (error(summary, detail),)
    if provider.api_version != API_VERSION:
        older = provider.api_version < API_VERSION
        return None, (
            error(
                f"Provider {name} does not fit this perimeter",
                f"{_package(entry)} speaks version {provider.api_version} of the provider "
                "contract, this perimeter version"
                f" {API_VERSION}. Update {_package(entry) if older else 'perimeter-as-code'}.",
            ),
        )
    if provider.name != name:
        detail = (
            f'{_package(entry)} registers the provider "{provider.name}" under the name "{name}".'
        )
        return None, (error(summary, f"{detail} Report it to its authors."),)
    return provider, ()


def _entry_points() -> dict[str, tuple[EntryPoint, ...]]:
    from importlib.metadata import entry_points

    found: dict[str, dict[str, EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        # An editable and a built installation may both show the same entry.
        found.setdefault(entry.name, {}).setdefault(entry.value, entry)
    return {name: tuple(by_value.values()) for name, by_value in found.items()}


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.module.partition(".")[0]


def _missing(name: str, entry: EntryPoint, module: str) -> str:
    package = _package(entry)
    if module.partition(".")[0] == entry.module.partition(".")[0]:
        return (
            f"{package} is installed incompletely: {module} is missing."
            f" Run: pip install --force-reinstall {package}"
        )
    extras = entry.dist.metadata.get_all("Provides-Extra") if entry.dist is not None else None
    target = f'"{package}[{name}]"' if name in (extras or ()) else package
    return (
        f"The {name} provider needs the module {module}, which is not installed."
        f" Run: pip install {target}"
    )
