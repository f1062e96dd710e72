"""GitHub's REST and GraphQL endpoints behind one credential."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from perimeter.sdk import (
    SECRETS,
    Answer,
    Auth,
    Budget,
    ConnectRequest,
    EtagCache,
    Fatal,
    Forbidden,
    HttpClient,
    Limiters,
    NotFound,
    ProviderError,
    RateHeaders,
    RateLimited,
    RenewedAuth,
    Retryable,
    Token,
    bearer,
    collect,
    link_pages,
    path_of,
    sign_jwt,
)
from perimeter_github.permissions import needed

PUBLIC = "https://api.github.com"
API_VERSION = "2022-11-28"
PAGE = 100
DECODER = "1"
"""Raised when what the cache keeps of an answer changes in meaning."""

_HEADERS = {"accept": "application/vnd.github+json", "x-github-api-version": API_VERSION}
_DROPPED = frozenset({"token", "temp_clone_token", "password", "client_secret", "pem"})


@dataclass(slots=True)
class Client:
    """A reader or writer of one organisation; used by several threads at once.

    Attributes:
        organization: its login.
        http: the client for REST and GraphQL.
        graph: path (or URL) of GraphQL.
        app: the app's id when the credential is one, else nothing.
        installation: the app's installation here.
        about_app: the client that acts as the app itself, for ``GET /app``.
        scopes: of a classic token, known once the tenant is; None for other credentials.
        selection: ``all`` or ``selected`` repositories of the app's installation, once known.
    """

    organization: str
    http: HttpClient
    graph: str = "/graphql"
    app: str = ""
    installation: str = ""
    about_app: HttpClient | None = None
    scopes: frozenset[str] | None = None
    selection: dict[str, str] = field(default_factory=dict)

    def path(self, *segments: str | int) -> str:
        """A path below the organisation."""
        return path_of("orgs", self.organization, *segments)

    def repository(self, name: str, *segments: str | int) -> str:
        """A path below one of its repositories."""
        return path_of("repos", self.organization, name, *segments)

    def get(self, path: str, permission: str, *, fresh: bool = False) -> Answer:
        """Read one thing.

        Raises:
            NotFound: it does not exist, or the credential may not see it.
            Forbidden: with what to grant.
        """
        with self.naming(permission):
            return self.http.get(path, fresh=fresh)

    def items(
        self,
        path: str,
        permission: str,
        params: Mapping[str, str] | None = None,
        *,
        at: str = "",
    ) -> list[Any]:
        """A whole REST list; ``at`` names the field that holds it in each page.

        GitHub hides lists behind 404 from credentials without the right. Since the organisation is
        there, a list is never missing: 404 is read as ``Forbidden``.
        """
        find: Callable[[Any], Any] | None = (lambda data: data[at]) if at else None
        query: dict[str, str | int] = {**(params or {}), "per_page": PAGE}
        try:
            with self.naming(permission):
                pages = link_pages(self.http, path, query, page_size=PAGE, items=find)
                return collect(pages, find, key=lambda item: item["id"])
        except NotFound as error:
            raise self.hidden(error, permission) from None

    def hidden(self, error: ProviderError, permission: str) -> Forbidden:
        """A 404 that only means that the credential lacks a right."""
        needs = needed(permission, self.scopes)
        return Forbidden(
            f"{error.message} GitHub answers so when the credential lacks {needs}.",
            needs=needs,
            status=error.status,
            request_id=error.request_id,
        )

    def naming(self, permission: str) -> _Naming:
        """A context in which a ``Forbidden`` without a hint names the permission."""
        return _Naming(needed(permission, self.scopes))

    def query(
        self, document: str, variables: Mapping[str, Any], permission: str
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Run a GraphQL query; returns (data, errors about parts of it).

        Raises:
            ProviderError: nothing of it could be answered.
        """
        with self.naming(permission):
            body = {"query": document, "variables": dict(variables)}
            answer = self.http.post_read(self.graph, body)
        return answer.data.get("data") or {}, list(answer.data.get("errors") or ())

    def budget(self) -> tuple[Budget, ...]:
        """What is left of the credential's allowances."""
        return self.http.budget()

    @property
    def date(self) -> datetime | None:
        """The vendor's clock, as last seen."""
        return self.http.date

    def close(self) -> None:
        """Release connections."""
        self.http.close()
        if self.about_app is not None:
            self.about_app.close()


class _Naming:
    def __init__(self, needs: str) -> None:
        self._needs = needs

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Forbidden) and not error.needs:
            error.needs = self._needs


def connect(
    request: ConnectRequest, *, read_only: bool, limiters: Limiters | None = None
) -> Client:
    """Make a client for the organisation that a provider block names; no call is made.

    Raises:
        Fatal: the block names no credential, or a malformed one.
    """
    config = request.config
    base_url = str(config.get("base_url") or PUBLIC).rstrip("/")
    more: dict[str, Any] = {} if limiters is None else {"limiters": limiters}
    more.update(
        rate_headers=RateHeaders(not_modified_is_free=True),
        capacity_share=request.capacity_share,
        on_wait=request.on_wait,
        on_request=request.on_request,
        timeout=request.timeout,
        headers=_HEADERS,
        bucket=bucket_of,
        error_map=error_of,
    )
    client = Client(organization=str(config["organization"]), http=None)  # type: ignore[arg-type]
    auth, credential = _auth(request, base_url, client, more)
    if base_url.endswith("/api/v3"):  # GitHub Enterprise Server
        client.graph = base_url.removesuffix("/v3") + "/graphql"
    cache = Path(request.base_dir) / ".perimeter" / "cache" / "github.sqlite"
    client.http = HttpClient(
        base_url,
        auth,
        read_only=read_only,
        credential=credential,
        post_reads=frozenset({client.graph}),
        etag_cache=EtagCache(cache, strip=without_secrets, decoder_version=DECODER),
        **more,
    )
    return client


def bucket_of(method: str, path: str) -> str:  # noqa: ARG001 - the signature is the HTTP client's
    """The allowance that a call draws on (GitHub documentation, "Rate limits for the REST API")."""
    if path.endswith("/graphql"):
        return "graphql"
    return "search" if path.startswith("/search/") else "core"


def error_of(answer: Answer) -> ProviderError | None:
    """GitHub's own refusals; the usual reading by status serves for the others."""
    if answer.status == 200 and isinstance(answer.data, Mapping) and answer.data.get("errors"):
        return _graph_error(answer)
    if answer.status != 403 or _limited(answer):
        return None
    said = _message(answer.data)
    accepted = answer.header("x-accepted-github-permissions")
    if "x-oauth-scopes" in answer.headers:
        # For a classic token; several scopes are alternatives, of which the catalogue knows the least.
        scopes = answer.header("x-accepted-oauth-scopes")
        accepted = "" if "," in scopes else scopes
    text = f"GitHub: 403 {said}".rstrip(". ")
    hint = f" Grant the credential {accepted}." if accepted else ""
    return Forbidden(f"{text}.{hint}", needs=accepted)


def _limited(answer: Answer) -> bool:
    said = _message(answer.data).lower()
    return "rate limit" in said or bool(answer.header("retry-after"))


def _message(data: Any) -> str:
    return str(data.get("message", "")) if isinstance(data, Mapping) else ""


def _graph_error(answer: Answer) -> ProviderError | None:
    errors = answer.data["errors"]
    kinds = {error.get("type") for error in errors}
    if "RATE_LIMITED" in kinds:
        reset = answer.header("x-ratelimit-reset")
        now = (answer.date or datetime.now(UTC)).timestamp()
        after = max(1.0, float(reset) - now) if reset.isdigit() else 60.0
        return RateLimited("GitHub: the GraphQL allowance is used up.", after=after, status=200)
    data = answer.data.get("data")
    if isinstance(data, Mapping) and any(part is not None for part in data.values()):
        return None
    return refusal(errors)


def refusal(errors: list[dict[str, Any]]) -> ProviderError:
    """What GraphQL errors mean that left nothing answered."""
    said = str(errors[0].get("message", "")) if errors else "an empty answer"
    kinds = {str(error.get("type", "")) for error in errors}
    if kinds & {"FORBIDDEN", "INSUFFICIENT_SCOPES"}:
        return Forbidden(f"GitHub: {said}", status=200)
    if "NOT_FOUND" in kinds:
        return NotFound(f"GitHub: {said}", status=200)
    if any(error.get("extensions") for error in errors):
        return Fatal(f"GitHub refuses the query: {said}", status=200)
    return Retryable(f"GitHub: {said}", status=200)


def without_secrets(data: Any) -> Any:
    """Drop what must not be kept of an answer; of a webhook's secret stays whether there is one."""
    if isinstance(data, Mapping):
        return {
            name: bool(part) if name == "secret" else without_secrets(part)
            for name, part in data.items()
            if name not in _DROPPED or isinstance(part, Mapping | list)
        }
    return [without_secrets(item) for item in data] if isinstance(data, list) else data


def _auth(
    request: ConnectRequest, base_url: str, client: Client, more: Mapping[str, Any]
) -> tuple[Auth, str]:
    app = request.config.get("app")
    if app:
        return _app_auth(request, base_url, client, app, more)
    token = request.config.get("token") or request.environment.get("GITHUB_TOKEN")
    if not token:
        raise Fatal(
            "There is no credential for GitHub. Set GITHUB_TOKEN, or give the provider an app block "
            "and set GITHUB_APP_PRIVATE_KEY. perimeter never reads anonymously: it would see less "
            "than there is."
        )
    return bearer(str(token).strip()), ""


def _app_auth(
    request: ConnectRequest,
    base_url: str,
    client: Client,
    app: Mapping[str, Any],
    more: Mapping[str, Any],
) -> tuple[Auth, str]:
    client.app, client.installation = str(app["id"]), str(app["installation_id"])
    key = _private_key(request, app)
    path = path_of("app", "installations", client.installation, "access_tokens")
    credential = f"app {client.app}"

    def assertion() -> Mapping[str, str]:
        # A minute back: GitHub refuses assertions from the future, and clocks differ.
        now = int(time.time())
        claims = {"iat": now - 60, "exp": now + 480, "iss": client.app}
        return {"authorization": f"Bearer {sign_jwt(claims, key)}"}

    http = client.about_app = HttpClient(
        base_url,
        assertion,
        read_only=True,
        credential=credential,
        post_reads=frozenset({path}),
        **more,
    )

    def fetch() -> Token:
        answer = http.post_read(path, {})
        token, expires = answer.data["token"], datetime.fromisoformat(answer.data["expires_at"])
        SECRETS.add(token)
        client.selection["repositories"] = str(answer.data.get("repository_selection") or "")
        now = answer.date or datetime.now(UTC)
        lifetime = max(1.0, (expires - now).total_seconds())
        return Token(headers={"authorization": f"Bearer {token}"}, lifetime=lifetime)

    return RenewedAuth(fetch), f"{credential} installation {client.installation}"


def _private_key(request: ConnectRequest, app: Mapping[str, Any]) -> str:
    if app.get("private_key"):
        return str(app["private_key"])
    if app.get("pem_file"):
        path = Path(request.base_dir) / Path(str(app["pem_file"])).expanduser()
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise Fatal(f"The app's private key cannot be read from {path}: {reason}.") from None
    key = request.environment.get("GITHUB_APP_PRIVATE_KEY")
    if not key:
        raise Fatal(
            "The app's private key is missing. Set GITHUB_APP_PRIVATE_KEY to its PEM text, or "
            "pem_file in the provider's app block."
        )
    return key


def batches(items: list[Any], size: int) -> Iterator[list[Any]]:
    """Successive parts of a list."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
