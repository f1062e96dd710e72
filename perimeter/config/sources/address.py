"""Module source addresses: what they mean, without looking anything up.

The forms are those of https://developer.hashicorp.com/terraform/language/modules/sources
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

KINDS = {
    ".zip": "zip",
    ".tar.gz": "tar.gz",
    ".tgz": "tar.gz",
    ".tar.xz": "tar.xz",
    ".txz": "tar.xz",
    ".tar.bz2": "tar.bz2",
    ".tbz2": "tar.bz2",
    ".tar": "tar",
}
"""Archive formats by the end of a name."""

_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")
_REGISTRY = re.compile(
    r"(?:(?P<host>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d+)?|localhost:\d+)/)?"
    r"(?P<namespace>[0-9A-Za-z][0-9A-Za-z_-]{0,63})/(?P<name>[0-9A-Za-z][0-9A-Za-z_-]{0,63})/"
    r"(?P<system>[0-9a-z]{1,64})"
)
_SCP = re.compile(r"(?P<user>[\w.-]+)@(?P<host>[\w.-]+):(?P<path>[^?]+)(?P<query>\?.*)?")
_FORCED = re.compile(r"(?P<getter>[A-Za-z0-9]+)::(?P<rest>.+)", re.DOTALL)
_CHECKSUM = re.compile(r"(?:(?P<kind>md5|sha1|sha256|sha512):)?(?P<value>[0-9a-fA-F]{32,128})")
_LENGTHS = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}


class SourceError(Exception):
    """A module cannot be found, fetched or trusted.

    Attributes:
        summary: a diagnostic's summary.
        detail: its detail, which says what to do.
    """

    def __init__(self, summary: str, detail: str) -> None:
        super().__init__(detail)
        self.summary = summary
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Local:
    """A directory beside the caller, in the same package."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """A module of a registry; ``host`` is empty where none is written."""

    host: str
    namespace: str
    name: str
    system: str
    subdir: str = ""

    @property
    def package(self) -> str:
        """The address without the folder inside."""
        path = f"{self.namespace}/{self.name}/{self.system}"
        return f"{self.host}/{path}" if self.host else path


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """A git repository.

    Attributes:
        ref: a branch, tag or commit; empty for the repository's default branch.
        depth: how many commits to fetch; None where none is written.
        submodules: whether the repository's submodules are fetched, too.
    """

    url: str
    ref: str = ""
    depth: int | None = None
    submodules: bool = False
    subdir: str = ""

    @property
    def package(self) -> str:
        """The address without the folder inside, and without what does not change the content."""
        query = [f"ref={self.ref}"] if self.ref else []
        query += ["submodules=true"] if self.submodules else []
        return f"git::{self.url}" + (f"?{'&'.join(query)}" if query else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """An archive behind a URL.

    Attributes:
        kind: a value of ``KINDS``; empty where the URL does not say, and its answer must.
        store: how it is fetched: over https alone, or from an object store.
        checksum: (algorithm, hexadecimal digest) that the file must have.
    """

    url: str
    kind: str = ""
    store: Literal["https", "s3", "gcs"] = "https"
    checksum: tuple[str, str] | None = None
    subdir: str = ""

    @property
    def package(self) -> str:
        """The address without the folder inside."""
        return self.url if self.store == "https" else f"{self.store}::{self.url}"


Address: TypeAlias = Local | Registry | Git | Archive


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine."""
    return _LOOPBACK.fullmatch(urlsplit(url).hostname or "") is not None


def parse_address(text: str) -> Address:
    """What a module's ``source`` means.

    Raises:
        SourceError: it means nothing, or something that modules are not fetched from.
    """
    if text.startswith(("./", "../")) or text in (".", ".."):
        return Local(text)
    if not text or not text.isprintable() or text != text.strip():
        raise _invalid(f'"{text.strip()}" holds white space or control characters, or nothing.')
    forced = _FORCED.fullmatch(text)
    if forced is not None:
        return _forced(forced["getter"].lower(), forced["rest"])
    package, subdir = split_subdir(text)
    match = _REGISTRY.fullmatch(package)
    if match is not None and (match["host"] or "").lower() not in ("github.com", "bitbucket.org"):
        return Registry(
            host=(match["host"] or "").lower(),
            namespace=match["namespace"],
            name=match["name"],
            system=match["system"],
            subdir=subdir,
        )
    scp = _SCP.fullmatch(package)
    if scp is not None:
        path = scp["path"].lstrip("/")
        return _git(f"ssh://{scp['user']}@{scp['host']}/{path}{scp['query'] or ''}", subdir)
    if package.startswith(("github.com/", "bitbucket.org/")):
        return _hosted(package, subdir)
    if re.match(r"(?:[\w.-]+\.)?s3[.-][\w.-]*amazonaws\.com/", package):
        return _archive(f"https://{package}", subdir, "s3")
    if package.startswith("www.googleapis.com/storage/"):
        return _archive(f"https://{package}", subdir, "gcs")
    if re.match(r"https?://", package, re.IGNORECASE):
        if urlsplit(package).path.endswith(".git"):
            return _git(package, subdir)
        return _archive(package, subdir, "https")
    if re.match(r"(?:git\+)?ssh://", package):
        return _git(package.removeprefix("git+"), subdir)
    raise _invalid(
        f'"{text}" names no place that modules come from. If you intended this as a path relative '
        f'to the current module, use "./{text.lstrip("/")}" instead. The "./" prefix indicates that '
        "the address is a relative filesystem path."
    )


def split_subdir(text: str) -> tuple[str, str]:
    """An address and the folder that follows ``//``; a query stays with the address.

    Raises:
        SourceError: the folder leaves the package.
    """
    scheme = text.find("://")
    at = text.find("//", scheme + 3 if scheme >= 0 else 0)
    query = text.find("?")
    if at < 0 or 0 <= query < at:
        return text, ""
    folder, mark, rest = text[at + 2 :].partition("?")
    return text[:at] + mark + rest, clean_subdir(folder)


def clean_subdir(folder: str) -> str:
    """A folder inside a package, normalised; empty for the package itself.

    Raises:
        SourceError: it leaves the package.
    """
    cleaned = posixpath.normpath(folder) if folder else "."
    if cleaned == ".." or cleaned.startswith(("../", "/")) or "\\" in cleaned:
        raise _invalid(f'The subdirectory "{folder}" leads out of the package it is a part of.')
    return "" if cleaned == "." else cleaned


def joined(base: str, folder: str) -> str:
    """A folder below another, both inside a package."""
    return clean_subdir("/".join(part for part in (base, folder) if part))


def _invalid(detail: str) -> SourceError:
    return SourceError("Invalid module source address", detail)


def _forced(getter: str, rest: str) -> Address:
    package, subdir = split_subdir(rest)
    match getter:
        case "git":
            scp = _SCP.fullmatch(package)
            if scp is not None and "://" not in package:
                path = scp["path"].lstrip("/")
                package = f"ssh://{scp['user']}@{scp['host']}/{path}{scp['query'] or ''}"
            elif package.startswith(("github.com/", "bitbucket.org/")):
                return _hosted(package, subdir)
            return _git(package, subdir)
        case "http" | "https":
            return _archive(package, subdir, "https")
        case "s3":
            return _archive(package, subdir, "s3")
        case "gcs":
            return _archive(package, subdir, "gcs")
    raise _invalid(
        f'Modules cannot be fetched with "{getter}::". Use "git::", "s3::", "gcs::", an https '
        "archive, a registry, or a local directory."
    )


def _hosted(package: str, subdir: str) -> Git:
    path, mark, query = package.partition("?")
    parts = path.split("/")
    if len(parts) < 3 or not parts[1] or not parts[2]:
        raise _invalid(f'"{package}" must name an owner and a repository: {parts[0]}/OWNER/NAME.')
    host, owner, name, *below = parts
    inside = joined("/".join(below), subdir)
    return _git(f"https://{host}/{owner}/{name.removesuffix('.git')}.git{mark}{query}", inside)


def _url(text: str, schemes: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """A URL without its query, and the query's fields."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise _invalid(f'"{text}" is not a URL.') from None
    scheme = parts.scheme.lower()
    if scheme not in schemes or (not parts.hostname and scheme != "file"):
        listed = ", ".join(f"{name}://" for name in schemes if name not in ("http", "file"))
        raise _invalid(f"The URL of the module must begin with {listed} and name a host.")
    if parts.password is not None or (parts.username is not None and scheme != "ssh"):
        raise SourceError(
            "Credentials in module source",
            f"The address of {parts.hostname} holds a user name or password, which would be kept "
            "in files and shown to people. Remove it, and let git's credential helper, ssh-agent "
            "or the environment supply it.",
        )
    if scheme == "http" and not is_loopback(text):
        raise SourceError(
            "Insecure module source",
            f"Over http, anybody on the way to {parts.hostname} could change the module. Use https.",
        )
    if (parts.hostname or "").startswith("-") or parts.path.startswith("-"):
        raise _invalid(f'"{text}" is not a URL.')
    fields = dict(parse_qsl(parts.query, keep_blank_values=True))
    return urlunsplit((scheme, parts.netloc, parts.path, "", "")), fields


def _git(text: str, subdir: str) -> Git:
    url, fields = _url(text, ("https", "ssh", "http", "file"))
    for name in fields:
        if name not in ("ref", "depth", "submodules"):
            more = " Use ssh-agent, or GIT_SSH_COMMAND." if name == "sshkey" else ""
            raise _invalid(
                f'A git source takes "ref", "depth" and "submodules", not "{name}".{more}'
            )
    ref, depth = fields.get("ref", ""), fields.get("depth")
    if ref.startswith("-") or not re.fullmatch(r"[^\s~^:?*\[\\\x00-\x20]*", ref) or ".." in ref:
        raise _invalid(f'"{ref}" cannot be the name of a branch, tag or commit.')
    if depth is not None and not re.fullmatch(r"[1-9]\d{0,8}", depth):
        raise _invalid(f'"depth" must be a positive whole number, not "{depth}".')
    return Git(
        url=url,
        ref=ref,
        depth=int(depth) if depth else None,
        submodules=fields.get("submodules") in ("1", "true"),
        subdir=subdir,
    )


def _archive(text: str, subdir: str, store: Literal["https", "s3", "gcs"]) -> Archive:
    url, fields = _url(text, ("https", "http"))
    kind = fields.pop("archive", "")
    checksum = fields.pop("checksum", "")
    name = unquote(urlsplit(url).path).lower()
    if kind:
        found = KINDS.get(f".{kind}")
        if found is None:
            raise _invalid(f'"{kind}" is no archive format: {", ".join(sorted(KINDS))}.')
    else:
        found = next((kind for end, kind in KINDS.items() if name.endswith(end)), "")
    if store != "https" and not found:
        raise _invalid(
            f'"{url}" must name an archive, by the end of its name or with "?archive=": '
            f"{', '.join(sorted(KINDS))}."
        )
    rest = re.sub(r"(?:^|(?<=&))(?:archive|checksum)=[^&]*(?:&|$)", "", urlsplit(text).query)
    query = rest.rstrip("&")
    return Archive(
        url=f"{url}?{query}" if query else url,
        kind=found,
        store=store,
        checksum=_checksum(checksum) if checksum else None,
        subdir=subdir,
    )


def _checksum(text: str) -> tuple[str, str]:
    match = _CHECKSUM.fullmatch(text)
    value = match["value"].lower() if match is not None else ""
    kind = (match["kind"] if match is not None else None) or _LENGTHS.get(len(value), "")
    if _LENGTHS.get(len(value)) != kind:
        raise _invalid('"checksum" must be an algorithm and a digest, such as sha256:….')
    return kind, value
