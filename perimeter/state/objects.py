"""An object store with conditional writes, whoever sells it: a few verbs over obstore.

What a store answered last may be lost. A write is therefore judged by what the store holds: an
object that is there, byte for byte as it was to be written, was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from perimeter.sdk.redact import SECRETS
from perimeter.state.errors import state_error

if TYPE_CHECKING:
    from obstore.store import AzureStore, ClientConfig, GCSStore, RetryConfig, S3Store

PAGE = 1000
CONNECT_WITHIN = timedelta(seconds=10)
ATTEMPT_WITHIN = timedelta(seconds=30)
GIVE_UP_AFTER = timedelta(seconds=90)
"""No further attempt begins later than this after the first one."""
ATTEMPTS = 5

_NO_BUCKET = re.compile(
    r"NoSuchBucket|ContainerNotFound|specified bucket does not exist|no bucket named"
)
_CODE = re.compile(r"<Code>([^<]+)</Code>")
_MESSAGE = re.compile(r"<Message>([^<\n]+)")
_STATUS = re.compile(r"status code: (\d{3} [A-Za-z ]+)")
_LONGEST = 300


class StoreProblem(Exception):
    """The store did not do what it was asked.

    Attributes:
        what: the cause, as a sentence.
        then: what to do about it, as a sentence.
    """

    def __init__(self, what: str, then: str) -> None:
        super().__init__(what)
        self.what = what
        self.then = then


class Outdated(Exception):
    """The object is not, or no longer, the one that the write was to follow."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object as it is.

    Attributes:
        data: its bytes.
        etag: names this version of it, for ``replace``.
        modified: when it was written, by the store's clock.
    """

    data: bytes
    etag: str
    modified: datetime


class ObjectStore:
    """One bucket; safe to use from several threads.

    Every method raises ``StoreProblem`` when the store cannot be asked.

    Args:
        client: obstore's client.
        place: the bucket, for people: ``s3://bucket``.
    """

    def __init__(self, client: S3Store | GCSStore | AzureStore, place: str) -> None:
        self._client = client
        self.place = place

    def get(self, key: str) -> Found | None:
        """Read an object; None when there is none."""
        with self._explaining():
            try:
                result = self._client.get(key)
                data = bytes(result.bytes())
            except FileNotFoundError as problem:
                self._require_bucket(problem)
                return None
            meta: Any = result.meta
        return Found(data, _etag(meta), meta["last_modified"])

    def etag(self, key: str) -> str:
        """The object's present version; empty when there is none."""
        with self._explaining():
            try:
                meta: Any = self._client.head(key)
            except FileNotFoundError:
                return ""
        return _etag(meta)

    def create(self, key: str, data: bytes) -> str:
        """Write an object that does not exist yet, whole; return its etag.

        Raises:
            Outdated: it exists, with other content.
        """
        return self._put(key, data, "create")

    def replace(self, key: str, data: bytes, etag: str) -> str:
        """Replace the version that ``etag`` names, whole; return the new etag.

        Raises:
            Outdated: another version is there, with other content, or none.
        """
        version, _, tag = etag.partition(" ")
        return self._put(key, data, {"e_tag": tag} | ({"version": version} if version else {}))

    def overwrite(self, key: str, data: bytes) -> str:
        """Write an object whatever is there; return its etag."""
        return self._put(key, data, "overwrite")

    def below(self, folder: str) -> list[tuple[str, datetime]]:
        """The keys below a folder and when each was written, in order of the keys."""
        with self._explaining():
            pages = self._client.list(folder, chunk_size=PAGE)
            return sorted((item["path"], item["last_modified"]) for page in pages for item in page)

    def folder(self, folder: str) -> tuple[list[str], list[str]]:
        """The keys right inside a folder and the folders in it, each list sorted."""
        with self._explaining():
            found: Any = self._client.list_with_delimiter(folder or None)
        return sorted(item["path"] for item in found["objects"]), sorted(found["common_prefixes"])

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is gone already."""
        from obstore.exceptions import GenericError

        with self._explaining():
            try:
                self._client.delete(key)
            except FileNotFoundError as problem:
                self._require_bucket(problem)
            except GenericError:
                # Azure's is a POST, which obstore does not ask again.
                with suppress(FileNotFoundError):
                    self._client.delete(key)

    def _put(self, key: str, data: bytes, mode: Any) -> str:
        from obstore.exceptions import (
            AlreadyExistsError,
            BaseError,
            PermissionDeniedError,
            PreconditionError,
            UnauthenticatedError,
        )

        with self._explaining():
            first: Exception
            outdated = False
            try:
                return _etag(self._client.put(key, data, mode=mode, use_multipart=False))
            except (PermissionDeniedError, UnauthenticatedError):
                raise
            except (AlreadyExistsError, PreconditionError, FileNotFoundError) as problem:
                self._require_bucket(problem)
                gone = isinstance(problem, FileNotFoundError)
                outdated, first = not gone or isinstance(mode, dict), problem
            except BaseError as problem:
                first = problem
            # The attempt that was answered may have followed one that was carried out.
            try:
                found = self.get(key)
            except StoreProblem:
                raise first from None
            if found is not None and found.data == data:
                return found.etag
            if outdated:
                raise Outdated
            raise first

    def _require_bucket(self, problem: Exception) -> None:
        if _NO_BUCKET.search(str(problem)):
            raise StoreProblem(
                f"{self.place} does not exist.", "Create it, or correct its name, then run again."
            )

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Word what obstore raises."""
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError) as problem:
            raise StoreProblem(
                f"{self.place}: {_worded(problem)}",
                'Check the credentials and their permissions on the bucket; "docs/state.md" lists the '
                "least that are needed.",
            ) from None
        except (BaseError, ValueError, FileNotFoundError) as problem:
            self._require_bucket(problem)
            raise StoreProblem(
                f"{self.place}: {_worded(problem)}",
                "Check the backend's settings, the credentials and the network, then run again.",
            ) from None


def client_options(endpoint: str, certificates: bytes = b"") -> ClientConfig:
    """How to talk to a store: bounded in time, unencrypted only where the endpoint says so."""
    options: ClientConfig = {
        "connect_timeout": CONNECT_WITHIN,
        "timeout": ATTEMPT_WITHIN,
        "allow_http": endpoint.lower().startswith("http://"),
    }
    if certificates:
        options["root_certificate"] = certificates
    return options


def retries(attempts: int = ATTEMPTS) -> RetryConfig:
    """How often to ask again."""
    return {
        "max_retries": max(0, attempts - 1),
        "retry_timeout": GIVE_UP_AFTER,
        "backoff": {
            "init_backoff": timedelta(milliseconds=100),
            "max_backoff": timedelta(seconds=5),
            "base": 2,
        },
    }


def require_obstore(kind: str) -> None:
    """Refuse where the library that speaks to object stores is not installed.

    Raises:
        StateError: it is not; the message has the command.
    """
    try:
        import obstore  # noqa: F401
    except ImportError:
        raise state_error(
            "Backend not installed",
            f'The backend "{kind}" needs a library that is not installed. Run: pip install '
            '"perimeter-as-code[stores]"',
        ) from None


def read_all(store: ObjectStore, keys: Sequence[str]) -> list[Found | None]:
    """Read several objects, some at a time."""
    if len(keys) < 3:
        return [store.get(key) for key in keys]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(8, len(keys))) as threads:
        return list(threads.map(store.get, keys))


def delete_all(store: ObjectStore, keys: Sequence[str]) -> None:
    """Remove several objects, some at a time."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(8, len(keys) or 1)) as threads:
        for _ in threads.map(store.delete, keys):
            pass


def stamp(moment: datetime | None = None) -> str:
    """A moment in UTC as part of a key: ``20260131T235959Z``; by default now."""
    return (moment or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _etag(meta: Any) -> str:
    return f"{meta.get('version') or ''} {meta.get('e_tag') or ''}"


def _worded(problem: Exception) -> str:
    """What a store or the network said, short and without secrets."""
    text = str(problem)
    code, message, status = _CODE.search(text), _MESSAGE.search(text), _STATUS.search(text)
    if message:
        said = f"{code[1]}: {message[1].strip()}" if code else message[1].strip()
    elif status:
        said = f"it answered {status[1].strip()}"
    else:
        said = text.partition("\n\nDebug source")[0].replace("\n", " ").strip()
    said = SECRETS.redact(said)[:_LONGEST]
    return said if said.endswith(".") else f"{said}."
