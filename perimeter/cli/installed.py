"""The installed provider packages: which distribution offers a provider, in which version and with which content."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from perimeter.config.model import RequiredProvider
from perimeter.config.versions import Constraint, Version, VersionError
from perimeter.diagnostics import Diagnostics
from perimeter.sdk.registry import GROUP


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """One provider as it is installed.

    Attributes:
        package: the distribution that offers it.
        constraint: what the configuration asks for, as written.
        digest: SHA-256 over the provider's own files: ``h1:…``.
    """

    name: str
    package: str
    version: str
    constraint: str
    digest: str


def select(
    required: Mapping[str, RequiredProvider], diagnostics: Diagnostics
) -> dict[str, Selected]:
    """What is installed for each required provider, by name; a version that does not fit is reported.

    Providers that are not installed are left out: loading them reports that.
    """
    entries = {entry.name: entry for entry in entry_points(group=GROUP)}
    found: dict[str, Selected] = {}
    for name, item in required.items():
        entry = entries.get(name)
        if entry is None or entry.dist is None:
            continue
        version = entry.dist.version
        selected = Selected(
            name=name,
            package=entry.dist.name,
            version=version,
            constraint=item.version,
            digest=digest(entry),
        )
        if item.version and not _fits(item.version, version):
            diagnostics.error(
                "Unsuitable provider version",
                f'The configuration asks for provider {name} "{item.version}", and {selected.package} {version} is what is '
                f"installed. Install a version that fits (pip install '{selected.package}{_pip(item.version)}'), or change "
                "the constraint.",
                item.range,
            )
        found[name] = selected
    return found


def check_locked(
    names: Iterable[str], locked: Mapping[str, Mapping[str, str]], diagnostics: Diagnostics
) -> None:
    """Report providers whose installed version is another than the locked one."""
    if not locked:
        return
    entries = {entry.name: entry for entry in entry_points(group=GROUP)}
    for name in names:
        wanted = locked.get(name, {}).get("version")
        entry = entries.get(name)
        if wanted and entry is not None and entry.dist is not None and entry.dist.version != wanted:
            diagnostics.error(
                "Provider differs from the lock file",
                f".perimeter.lock.hcl holds provider {name} {wanted}, and {entry.dist.version} is installed. Install the locked "
                "version, or accept this one: perimeter init -upgrade",
            )


def _fits(constraint: str, version: str) -> bool:
    """Whether a version fits; development and pre-releases count as the version they lead to."""
    core = re.match(r"\d+(?:\.\d+)*", version)
    try:
        return Constraint.parse(constraint).allows(Version.parse(core[0] if core else "0"))
    except VersionError:
        return True  # reported when the configuration was read


def _pip(constraint: str) -> str:
    """A constraint in pip's notation: ``~> 1.2`` is ``~=1.2``, a lone version ``==``."""
    parts = []
    for part in constraint.split(","):
        text = part.strip().replace("~>", "~=").replace(" ", "")
        text = re.sub(r"^=(?!=)", "==", text)
        parts.append(text if text[0] in "<>=~!" else f"=={text}")
    return ",".join(parts)


def digest(entry: EntryPoint) -> str:
    """SHA-256 over the names and contents of the files of a provider's top-level package."""
    package = entry.module.partition(".")[0]
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    total = hashlib.sha256()
    for place in places:
        root = Path(place)
        for path in sorted(_sources(root)):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{content}  {path.relative_to(root).as_posix()}\n".encode())
    return f"h1:{total.hexdigest()}"


def _sources(root: Path) -> Iterable[Path]:
    return (
        path
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    )
