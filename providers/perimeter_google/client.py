"""Secret Manager as the resource type uses it: one client that only reads, one that also writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from perimeter.sdk import (
    Answer,
    Budget,
    Conflict,
    ConnectRequest,
    Fatal,
    Forbidden,
    HttpClient,
    MissingExtra,
    NotFound,
    ProviderError,
    Retryable,
    collect,
    cursor_pages,
)
from perimeter_google.credentials import Account, account

PAGE = 250
_ENDPOINTS = {
    "secretmanager": "https://secretmanager.googleapis.com",
    "cloudresourcemanager": "https://cloudresourcemanager.googleapis.com",
}
_PERMISSION = re.compile(r"Permission '?([a-z]+(?:\.[A-Za-z]+)+)'? denied")
_PROJECT = re.compile(r"([a-z0-9.-]+:)?[a-z0-9][a-z0-9-]{3,28}[a-z0-9]")


def in_googles_terms(answer: Answer) -> ProviderError | None:
    """What Google's status codes alone do not tell; None for the usual reading.

    https://cloud.google.com/apis/design/errors
    """
    if answer.status < 400 or not isinstance(answer.data, Mapping):
        return None
    error = answer.data.get("error") or {}
    said, status = str(error.get("message") or ""), error.get("status")
    if answer.status == 403:
        reasons = {item.get("reason") for item in error.get("details") or () if item}
        if "SERVICE_DISABLED" in reasons:
            return Forbidden(f"Google: {said[:300]}", needs="the API switched on in the project")
        found = _PERMISSION.search(said)
        if found:
            return Forbidden(f"Google: {said[:300]}", needs=found[1])
    if status in {"FAILED_PRECONDITION", "ABORTED"} and "etag" in said.lower():
        return Conflict("Somebody else changed the secret meanwhile; nothing was written.")
    return None


class GoogleReader:
    """Reads one project; used by several threads at once.

    Args:
        project: its id or number.
        who: whose credential is used.
        clients: by API.
        services: what builds the calls, by API.
        send: sends a built call through a client.
    """

    def __init__(
        self,
        *,
        project: str,
        who: Account,
        clients: Mapping[str, HttpClient],
        services: Mapping[str, Any],
        send: Callable[[HttpClient, Any], Answer],
    ) -> None:
        self.project = project
        self.who = who
        self._clients = clients
        self._services = services
        self._send = send

    def about(self) -> Mapping[str, Any]:
        """The project, its immutable number among it."""
        call = self._services["cloudresourcemanager"].projects().get(name=self.parent)
        return self._sent("cloudresourcemanager", call)

    @property
    def parent(self) -> str:
        """The project's name in calls."""
        return f"projects/{self.project}"

    def secrets(self) -> list[dict[str, Any]]:
        """All secrets that are not regional."""

        def fetch(following: str | None) -> Answer:
            call = self._secrets.list(parent=self.parent, pageSize=PAGE, pageToken=following)
            return self._send(self._clients["secretmanager"], call)

        pages = cursor_pages(fetch, lambda data: data.get("nextPageToken") or None)
        return collect(pages, lambda data: data.get("secrets") or [], key=lambda item: item["name"])

    def secret(self, name: str) -> Mapping[str, Any] | None:
        """One secret, without any value; None when Google says that it does not exist."""
        try:
            return self._sent("secretmanager", self._secrets.get(name=self.named(name)))
        except NotFound:
            return None

    def latest(self, name: str) -> Mapping[str, Any] | None:
        """The version that ``latest`` means, without its value; None when there is none yet."""
        place = f"{self.named(name)}/versions/latest"
        try:
            return self._sent("secretmanager", self._secrets.versions().get(name=place))
        except NotFound:
            return None

    def value(self, name: str, version: str = "latest") -> str:
        """A version's payload in base64.

        Raises:
            NotFound: there is no such version.
            Invalid: it is disabled or destroyed.
        """
        place = f"{self.named(name)}/versions/{version}"
        found = self._sent("secretmanager", self._secrets.versions().access(name=place))
        return str((found.get("payload") or {}).get("data") or "")

    def named(self, name: str) -> str:
        """A secret's whole name."""
        return f"{self.parent}/secrets/{name}"

    @property
    def _secrets(self) -> Any:
        return self._services["secretmanager"].projects().secrets()

    def _sent(self, api: str, call: Any) -> Mapping[str, Any]:
        data = self._send(self._clients[api], call).data
        if not isinstance(data, Mapping):
            raise Retryable(f"{call.methodId}: the answer holds no object.")
        return data

    def budget(self) -> tuple[Budget, ...]:
        """What is left of the credential's allowances."""
        return tuple(one for client in self._clients.values() for one in client.budget())

    @property
    def date(self) -> datetime | None:
        """Google's clock, as last seen."""
        return self._clients["secretmanager"].date

    def close(self) -> None:
        """Release connections."""
        for client in self._clients.values():
            client.close()


class GoogleWriter(GoogleReader):
    """Reads and writes."""

    def create(self, name: str, body: Mapping[str, Any]) -> None:
        """Make a secret without a version."""
        call = self._secrets.create(parent=self.parent, secretId=name, body=dict(body))
        self._sent("secretmanager", call)

    def patch(self, name: str, body: Mapping[str, Any], fields: tuple[str, ...]) -> None:
        """Change fields of a secret."""
        call = self._secrets.patch(
            name=self.named(name), body=dict(body), updateMask=",".join(fields)
        )
        self._sent("secretmanager", call)

    def remove(self, name: str) -> None:
        """Remove a secret with all its versions; what is gone already counts as removed."""
        try:
            self._sent("secretmanager", self._secrets.delete(name=self.named(name)))
        except NotFound:
            return

    def add(self, name: str, payload: Mapping[str, str]) -> str:
        """Add a version and return its number."""
        call = self._secrets.addVersion(parent=self.named(name), body={"payload": dict(payload)})
        return number_of(self._sent("secretmanager", call))

    def disable(self, name: str, version: str) -> None:
        """Make a version unreadable, without destroying it."""
        place = f"{self.named(name)}/versions/{version}"
        self._sent("secretmanager", self._secrets.versions().disable(name=place, body={}))


def number_of(version: Mapping[str, Any]) -> str:
    """A version's number, by its name."""
    return str(version.get("name") or "").rpartition("/")[2]


def connect(request: ConnectRequest, *, write: bool) -> GoogleReader:
    """Make a client.

    Raises:
        MissingExtra: Google's packages are not installed.
        Fatal: credential or project are missing.
    """
    try:
        from perimeter_google.documents import RESOURCE_MANAGER, SECRET_MANAGER, send, service
    except ImportError:
        raise MissingExtra("google", "google") from None
    who = account(request)
    environment = request.environment
    project = request.config.get("project") or next(
        (environment[name] for name in _PROJECTS if environment.get(name)), who.project
    )
    if not _PROJECT.fullmatch(str(project)):
        raise Fatal(
            "The project is missing, or is no project id. Set project in the provider block, or GOOGLE_CLOUD_PROJECT."
        )
    endpoints = {
        api: str(request.config.get("endpoint_url") or environment.get(_override(api)) or usual)
        for api, usual in _ENDPOINTS.items()
    }
    clients = {
        api: HttpClient(
            endpoint.rstrip("/"),
            who.auth,
            read_only=not write,
            capacity_share=float(request.config.get("capacity_share") or request.capacity_share),
            on_wait=request.on_wait,
            on_request=request.on_request,
            timeout=request.timeout,
            error_map=in_googles_terms,
            credential=f"{who.email} {project}" if who.email else "",
        )
        for api, endpoint in endpoints.items()
    }
    services = {
        api[0]: service(api, endpoints[api[0]].rstrip("/") + "/")
        for api in (SECRET_MANAGER, RESOURCE_MANAGER)
    }
    kind = GoogleWriter if write else GoogleReader
    return kind(project=str(project), who=who, clients=clients, services=services, send=send)


_PROJECTS = ("GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT")


def _override(api: str) -> str:
    """The variable by which gcloud, too, is led to another endpoint."""
    return f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api.upper()}"
