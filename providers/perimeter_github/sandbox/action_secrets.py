"""Secrets of GitHub Actions: each place has a key pair, and a box that does not open is refused."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from perimeter.sandbox.wire import Request, Response
from perimeter_github.sandbox.access import Caller, administers
from perimeter_github.sandbox.errors import Refused, invalid, not_found
from perimeter_github.sandbox.paging import page
from perimeter_github.sandbox.repositories import minimal
from perimeter_github.sandbox.tenant import Content, node_id

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST = 48 * 1024


def value(holder: dict[str, Any], name: str) -> str | None:
    """What a workflow would read; None where there is no such secret."""
    found = _secrets(holder).get(name.upper())
    return None if found is None else str(found["value"])


def organization_key(
    content: Content,
    caller: Caller,  # noqa: ARG001 - every handler has the same shape
    request: Request,  # noqa: ARG001
    organization: dict[str, Any],
) -> Response:
    """``GET /orgs/{org}/actions/secrets/public-key``."""
    return _key(content, organization)


def organization_secrets(
    content: Content,  # noqa: ARG001
    caller: Caller,  # noqa: ARG001
    request: Request,
    organization: dict[str, Any],
) -> Response:
    """``GET /orgs/{org}/actions/secrets``."""
    return _list(request, organization, organization)


def organization_secret(
    content: Content,  # noqa: ARG001
    caller: Caller,  # noqa: ARG001
    request: Request,
    organization: dict[str, Any],
    name: str,
) -> Response:
    """``GET /orgs/{org}/actions/secrets/{secret_name}``."""
    return Response(body=_shown(_find(organization, name), organization, request))


def put_organization_secret(
    content: Content,
    caller: Caller,  # noqa: ARG001
    request: Request,
    organization: dict[str, Any],
    name: str,
) -> Response:
    """``PUT /orgs/{org}/actions/secrets/{secret_name}``; a change needs no new value."""
    body = _object(request)
    visibility = body.get("visibility")
    if visibility not in {"all", "private", "selected"}:
        raise invalid("Secret", "visibility")
    chosen = body.get("selected_repository_ids")
    if chosen is not None and visibility != "selected":
        raise invalid("Secret", "selected_repository_ids")
    there = name.upper() in _secrets(organization)
    if not there or "encrypted_value" in body:
        answer = _put(content, organization, name, body)
    else:
        answer = Response(status=204)
    found = _find(organization, name)
    found["visibility"] = visibility
    known = {repository["id"] for repository in organization["repositories"]}
    if not set(chosen or ()) <= known:
        raise not_found()
    if visibility != "selected":
        found["repositories"] = []
    elif chosen is not None:
        found["repositories"] = sorted(chosen)
    return answer


def selected(
    content: Content,  # noqa: ARG001
    caller: Caller,  # noqa: ARG001
    request: Request,
    organization: dict[str, Any],
    name: str,
) -> Response:
    """``GET /orgs/{org}/actions/secrets/{secret_name}/repositories``."""
    found = _find(organization, name)
    if found["visibility"] != "selected":
        raise Refused(409, "Visibility is not set to selected")
    chosen = [one for one in organization["repositories"] if one["id"] in found["repositories"]]
    return page(
        request,
        chosen,
        lambda one: minimal(one, organization, request.base_url),
        wrap=_in("repositories"),
    )


def remove_organization_secret(
    content: Content,  # noqa: ARG001
    caller: Caller,  # noqa: ARG001
    request: Request,  # noqa: ARG001
    organization: dict[str, Any],
    name: str,
) -> Response:
    """``DELETE /orgs/{org}/actions/secrets/{secret_name}``."""
    return _remove(organization, name)


def environments(
    content: Content,
    caller: Caller,
    request: Request,
    organization: dict[str, Any],
    repository: str,
) -> Response:
    """``GET /repos/{owner}/{repo}/environments``."""
    found = content.repository(organization["login"], repository)
    if found is None or not caller.sees(repository):
        raise not_found()
    root = f"{request.base_url}/repos/{organization['login']}/{found['name']}"

    names = sorted(found.get("environments", {}))

    def shown(name: str) -> dict[str, Any]:
        number = 1 + names.index(name) + found["id"] * 1000
        return {
            "id": number,
            "node_id": node_id("Environment", number),
            "name": name,
            "url": f"{root}/environments/{name}",
            "html_url": f"https://github.com/{organization['login']}/{found['name']}/deployments",
            "created_at": found["created_at"],
            "updated_at": found["created_at"],
        }

    return page(request, names, shown, wrap=_in("environments"))


def key(
    content: Content,
    caller: Caller,
    request: Request,  # noqa: ARG001
    organization: dict[str, Any],
    *where: str,
) -> Response:
    """``GET …/secrets/public-key`` of a repository or environment."""
    return _key(content, _holder(content, caller, organization, *where))


def listed(
    content: Content,
    caller: Caller,
    request: Request,
    organization: dict[str, Any],
    *where: str,
) -> Response:
    """``GET …/secrets`` of a repository or environment."""
    return _list(request, _holder(content, caller, organization, *where), None)


def show(
    content: Content,
    caller: Caller,
    request: Request,
    organization: dict[str, Any],
    *where: str,
) -> Response:
    """``GET …/secrets/{secret_name}`` of a repository or environment."""
    *place, name = where
    found = _find(_holder(content, caller, organization, *place), name)
    return Response(body=_shown(found, None, request))


def put(
    content: Content,
    caller: Caller,
    request: Request,
    organization: dict[str, Any],
    *where: str,
) -> Response:
    """``PUT …/secrets/{secret_name}`` of a repository or environment."""
    *place, name = where
    holder = _holder(content, caller, organization, *place)
    return _put(content, holder, name, _object(request))


def remove(
    content: Content,
    caller: Caller,
    request: Request,  # noqa: ARG001
    organization: dict[str, Any],
    *where: str,
) -> Response:
    """``DELETE …/secrets/{secret_name}`` of a repository or environment."""
    *place, name = where
    return _remove(_holder(content, caller, organization, *place), name)


def holder_of(repository: dict[str, Any], environment: str = "") -> dict[str, Any] | None:
    """What holds the secrets of a repository, or of one of its environments."""
    if not environment:
        return repository
    found: dict[str, Any] | None = repository.get("environments", {}).get(environment)
    return found


def _holder(
    content: Content,
    caller: Caller,
    organization: dict[str, Any],
    repository: str,
    environment: str = "",
) -> dict[str, Any]:
    found = content.repository(organization["login"], repository)
    if found is None or not caller.sees(repository) or not administers(organization, found, caller):
        raise not_found()
    holder = holder_of(found, unquote(environment))
    if holder is None:
        raise not_found()
    return holder


def _in(name: str) -> Callable[[list[Any], int], dict[str, Any]]:
    return lambda shown, total: {"total_count": total, name: shown}


def _secrets(holder: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = holder.get("secrets", {})
    return found


def _find(holder: dict[str, Any], name: str) -> dict[str, Any]:
    found = _secrets(holder).get(name.upper())
    if found is None:
        raise not_found()
    return found


def _list(
    request: Request, holder: dict[str, Any], organization: dict[str, Any] | None
) -> Response:
    found = [_secrets(holder)[name] for name in sorted(_secrets(holder))]
    return page(request, found, lambda one: _shown(one, organization, request), wrap=_in("secrets"))


def _shown(
    found: dict[str, Any], organization: dict[str, Any] | None, request: Request
) -> dict[str, Any]:
    shown = {name: found[name] for name in ("name", "created_at", "updated_at")}
    if organization is None:
        return shown
    shown["visibility"] = found["visibility"]
    if found["visibility"] == "selected":
        root = f"{request.base_url}/orgs/{organization['login']}/actions/secrets/{found['name']}"
        shown["selected_repositories_url"] = f"{root}/repositories"
    return shown


def _key(content: Content, holder: dict[str, Any]) -> Response:
    from nacl.public import PrivateKey

    if "actions_key" not in holder:
        private = PrivateKey.generate()
        holder["actions_key"] = base64.b64encode(bytes(private)).decode()
        holder["actions_key_id"] = str(568250167242549740 + content.next_id())
    private = PrivateKey(base64.b64decode(holder["actions_key"]))
    public = base64.b64encode(bytes(private.public_key)).decode()
    return Response(body={"key_id": holder["actions_key_id"], "key": public})


def _put(content: Content, holder: dict[str, Any], name: str, body: dict[str, Any]) -> Response:
    if not _NAME.fullmatch(name) or name.upper().startswith("GITHUB_"):
        raise invalid("Secret", "name", "custom", "Secret names can only contain alphanumerics")
    if body.get("key_id") != holder.get("actions_key_id"):
        raise Refused(422, "Bad request - key ID is not the current one.")
    text = _opened(holder, body.get("encrypted_value"))
    if len(text.encode()) > _MOST:
        raise Refused(422, "Secret value is too large.")
    made = name.upper() not in _secrets(holder)
    now = content.now()
    found = holder.setdefault("secrets", {}).setdefault(
        name.upper(),
        {"name": name.upper(), "created_at": now, "visibility": "private", "repositories": []},
    )
    found |= {"value": text, "updated_at": now}
    return Response(status=201, body={}) if made else Response(status=204)


def _opened(holder: dict[str, Any], box: Any) -> str:
    from nacl.exceptions import CryptoError
    from nacl.public import PrivateKey, SealedBox

    try:
        private = PrivateKey(base64.b64decode(holder["actions_key"]))
        return SealedBox(private).decrypt(base64.b64decode(box, validate=True)).decode()
    except (CryptoError, binascii.Error, UnicodeDecodeError, TypeError, KeyError):
        raise Refused(422, "Encrypted value is invalid.") from None


def _remove(holder: dict[str, Any], name: str) -> Response:
    _find(holder, name)
    del _secrets(holder)[name.upper()]
    return Response(status=204)


def _object(request: Request) -> dict[str, Any]:
    body = request.json()
    if not isinstance(body, dict):
        raise Refused(400, "Body should be a JSON object")
    return body


def uses_key(content: Content, repository: dict[str, Any], private_key: str) -> bool:
    """Whether a private key reaches a repository by SSH; the deploy key remembers the use."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_ssh_private_key,
    )

    try:
        private = load_ssh_private_key(private_key.encode(), None)
    except ValueError:
        return False
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    for item in repository["keys"]:
        if item["key"].split()[:2] == public.split()[:2]:
            item["last_used"] = content.now()
            return True
    return False


def signs(hook: dict[str, Any], body: bytes) -> str:
    """The signature that a delivery of this hook would carry; empty where it has no secret."""
    import hmac

    secret = hook.get("secret")
    if not secret:
        return ""
    return "sha256=" + hmac.new(str(secret).encode(), body, hashlib.sha256).hexdigest()
