"""Terraform's module registry protocol.

https://developer.hashicorp.com/terraform/internals/module-registry-protocol and
https://developer.hashicorp.com/terraform/internals/remote-service-discovery
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from perimeter.config.sources.address import Registry, SourceError, is_loopback
from perimeter.config.sources.download import Answer, get
from perimeter.config.versions import Constraint, Version, VersionError

HOST = "PERIMETER_REGISTRY"
"""The environment variable that names the registry of addresses without a host."""


def host_of(address: Registry, environment: Mapping[str, str]) -> str:
    """The registry's host, with its port.

    Raises:
        SourceError: neither the address nor the environment names one.
    """
    host = address.host or environment.get(HOST, "")
    if host:
        return host
    raise SourceError(
        "No module registry",
        f'"{address.package}" is a registry address without a host, and perimeter has no public '
        f"registry. Write the host in front (registry.example.com/{address.package}), or set "
        f"{HOST}. If you intended a local directory, the source must start with ./ or ../.",
    )


def token_of(host: str, environment: Mapping[str, str]) -> str:
    """The token for a host: ``PERIMETER_TOKEN_registry_example_com``, hyphens doubled to ``__``."""
    name = host.partition(":")[0].replace("-", "__").replace(".", "_")
    return environment.get(f"PERIMETER_TOKEN_{name}", "")


def discover(host: str, environment: Mapping[str, str]) -> str:
    """The base URL of a host's module registry.

    Raises:
        SourceError: the host offers none.
    """
    scheme = "http" if is_loopback(f"http://{host}") else "https"
    url = f"{scheme}://{host}/.well-known/terraform.json"
    answer = get(url, _headers(host, environment))
    if answer.status != 200:
        raise _refused(host, f"{url} answers with status {answer.status}")
    path = _object(answer, host).get("modules.v1")
    if not isinstance(path, str):
        raise _refused(host, "it offers no module registry")
    base = urljoin(answer.url, path)
    if urlsplit(base).scheme != "https" and not (scheme == "http" and is_loopback(base)):
        raise _refused(host, "its module registry is not reached over https")
    return base if base.endswith("/") else f"{base}/"


def versions(
    base: str, host: str, address: Registry, environment: Mapping[str, str]
) -> list[Version]:
    """The versions that a registry offers of a module, in its order.

    Raises:
        SourceError: it has no such module, or cannot be asked.
    """
    answer = get(f"{base}{_path(address)}/versions", _own(base, host, environment))
    if answer.status == 404:
        raise SourceError(
            "Module not found",
            f'The registry {host} has no module "{address.namespace}/{address.name}/'
            f'{address.system}", or does not show it without a token.',
        )
    if answer.status != 200:
        raise _refused(host, f"it answers with status {answer.status}")
    found = []
    try:
        for item in _object(answer, host)["modules"][0]["versions"]:
            try:
                found.append(Version.parse(item["version"]))
            except VersionError:
                continue
    except (LookupError, TypeError):
        raise _refused(host, "its answer lists no versions") from None
    return found


def location(
    base: str, host: str, address: Registry, version: str, environment: Mapping[str, str]
) -> str:
    """The source address of one version.

    Raises:
        SourceError: the registry names none.
    """
    url = f"{base}{_path(address)}/{quote(version, safe='')}/download"
    answer = get(url, _own(base, host, environment))
    if answer.status not in (200, 204):
        raise _refused(host, f"the download of {version} answers with status {answer.status}")
    found = answer.headers.get("x-terraform-get", "")
    if not found and answer.status == 200:
        found = _object(answer, host).get("location", "")
    if not isinstance(found, str) or not found:
        raise _refused(host, f"it does not say where {version} is")
    if found.startswith(("/", "./", "../")):
        found = urljoin(answer.url, found)
    return found


def choose(offered: Sequence[Version], constraint: Constraint | None, address: Registry) -> Version:
    """The newest version that a constraint allows; a prerelease only where it is named exactly.

    Raises:
        SourceError: there is none.
    """
    if constraint is None:
        fitting = [version for version in offered if not version.prerelease]
    else:
        fitting = [version for version in offered if constraint.allows(version)]
        if any(term.operator != "=" for term in constraint.terms):
            fitting = [version for version in fitting if not version.prerelease]
    if fitting:
        return max(fitting)
    newest = max((v for v in offered if not v.prerelease), default=None)
    raise SourceError(
        "Unresolvable module version constraint",
        f'There is no available version of module "{address.package}" which matches the given '
        f"version constraint{f' {constraint.text}' if constraint else ''}. The newest available "
        f"version is {newest or 'a prerelease, which must be named exactly'}.",
    )


def _path(address: Registry) -> str:
    return "/".join(
        quote(part, safe="") for part in (address.namespace, address.name, address.system)
    )


def _headers(host: str, environment: Mapping[str, str]) -> dict[str, str]:
    token = token_of(host, environment)
    return {"authorization": f"Bearer {token}"} if token else {}


def _own(base: str, host: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The token, where the registry's calls stay on the host it is for."""
    return _headers(host, environment) if urlsplit(base).netloc.lower() == host else {}


def _object(answer: Answer, host: str) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _refused(host, f"{answer.url} is no JSON object")
    return found


def _refused(host: str, reason: str) -> SourceError:
    return SourceError(
        "Error accessing remote module registry",
        f"The module registry {host} cannot be used: {reason}.",
    )
