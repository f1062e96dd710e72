"""AWS's APIs as the resource types use them: one client that only reads, one that also writes.

Operations are named as IAM actions: ``iam:ListUsers``, ``secretsmanager:DescribeSecret``.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from perimeter.sdk import (
    SECRETS,
    ConnectRequest,
    Fatal,
    NotFound,
    ProviderError,
    RateLimited,
    Retryable,
    WritePermit,
)
from perimeter.sdk.limiter import LIMITERS, Limiter, Reading, http_date
from perimeter_aws.details import Details, read_details
from perimeter_aws.failures import failure

PAGES: Mapping[str, tuple[str, str, int]] = {
    "iam": ("Marker", "MaxItems", 1000),
    "secretsmanager": ("NextToken", "MaxResults", 100),
    "ssm": ("NextToken", "MaxResults", 50),
}
"""By service: what names the next page, what asks for a page's size, and the most items that a page may have."""

ATTEMPTS = 6
WAITS = 60
FRESH = 60.0
"""Seconds for which the account's details are read only once, unless perimeter writes meanwhile."""

TOGETHER = 8
"""Calls at once for what must be read one by one; the limiter may allow fewer."""

_READS = ("Describe", "Generate", "Get", "List", "Simulate")
_STS_READS = frozenset({"GetAccessKeyInfo", "GetCallerIdentity"})
_LOG = logging.getLogger("perimeter.aws")


def reads_only(action: str) -> bool:
    """Whether an action changes nothing: an allow-list, in which most of STS is missing, as it makes credentials."""
    service, _, operation = action.partition(":")
    return operation in _STS_READS if service == "sts" else operation.startswith(_READS)


class Writes:
    """Counts this process's writes, so that nothing read before one is taken for current after it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    def note(self) -> None:
        """A write begins or has ended."""
        with self._lock:
            self._count += 1

    @property
    def count(self) -> int:
        """Grows with each write."""
        return self._count


WRITES = Writes()
"""One for all clients: the reader must know of what the writer did."""


class AwsReader:
    """Reads one account; used by several threads at once.

    A write attempted through it raises ``Fatal`` before anything is sent: the transport itself refuses.

    Args:
        make: makes the boto3 client of a service, without retries of its own.
        credentials: botocore's credentials, which renew themselves; None where none were found.
        region: of the services that are not global.
        request: capacity, and whom to tell of calls and waits.
    """

    read_only = True

    def __init__(
        self, make: Callable[[str], Any], credentials: Any, region: str, request: ConnectRequest
    ) -> None:
        self._make = make
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()
        self._credentials = credentials
        self._request = request
        self.region = region
        self._lock = threading.Lock()
        self._details: Details | None = None
        self._details_of = (-1, 0.0)
        self._date: datetime | None = None

    @property
    def access_key(self) -> str:
        """The id of the access key in use, which is no secret; empty where there is none."""
        found = self._frozen()
        return str(found.access_key) if found is not None else ""

    @property
    def allowed_accounts(self) -> tuple[str, ...]:
        """The only accounts that configuration lets perimeter touch; empty for any."""
        return tuple(map(str, self._request.config.get("allowed_account_ids") or ()))

    def call(self, action: str, /, **parameters: Any) -> dict[str, Any]:
        """Make a call; repeats what AWS surely did not act on, and reads after any passing failure."""
        write = not reads_only(action)
        # AWS tells no limits; of one service's calls only so many run at once, fewer after a refusal.
        service = action.partition(":")[0]
        limiter = LIMITERS.get(f"aws {self.access_key}", service, self._request.capacity_share)
        attempts = waits = 0
        while True:
            try:
                with limiter.slot(self._waiting):
                    return self._exchange(action, parameters, limiter, write=write)
            except RateLimited:
                waits += 1
                if waits > WAITS:
                    raise
                limiter.back_off(_backoff(waits, longest=20.0), f"AWS throttles {action}.")
            except Retryable as problem:
                attempts += 1
                if (write and problem.committed is not False) or attempts >= ATTEMPTS:
                    raise
                pause = _backoff(attempts, longest=10.0)
                self._waiting(pause, problem.message)
                LIMITERS.sleep(pause)

    def all(self, action: str, key: str, /, **parameters: Any) -> list[Any]:
        """Read all pages of a list; ``key`` names the items in the answer."""
        return [item for page in self.pages(action, **parameters) for item in page.get(key) or ()]

    def pages(self, action: str, /, **parameters: Any) -> list[dict[str, Any]]:
        """Read all pages of a list."""
        following, size, most = PAGES[action.partition(":")[0]]
        found: list[dict[str, Any]] = []
        seen: set[str] = set()
        wanted = {size: most, **parameters}
        while True:
            page = self.call(action, **wanted)
            found.append(page)
            marker = str(page.get(following) or "")
            # IAM says that there is more, the others give the name of the next page only where there is one.
            if not page.get("IsTruncated", bool(marker) and following == "NextToken"):
                return found
            if not marker or marker in seen:
                raise Retryable(f"{action}: the pages lead in a circle. Try again.")
            seen.add(marker)
            wanted[following] = marker

    def all_of(
        self, action: str, key: str, parameter: str, values: Iterable[str]
    ) -> list[dict[str, Any]]:
        """Read a list for each value of a parameter, several at once; what is gone meanwhile has none.

        For what AWS offers no bulk read of.
        """

        def one(value: str) -> list[dict[str, Any]]:
            try:
                return self.all(action, key, **{parameter: value})
            except NotFound:
                return []

        with ThreadPoolExecutor(TOGETHER, thread_name_prefix="aws") as pool:
            return [item for found in pool.map(one, values) for item in found]

    def details(self) -> Details:
        """Users, groups, roles and their policies in one bulk read, which several types and threads share."""
        with self._lock:
            writes, read_at = self._details_of
            now = time.monotonic()
            if self._details is None or writes != WRITES.count or now - read_at > FRESH:
                before = WRITES.count
                self._details = read_details(self.pages)
                self._details_of = (before, now)
            return self._details

    @property
    def date(self) -> datetime | None:
        """The account's clock, as of the last answer."""
        return self._date

    def close(self) -> None:
        """Release connections."""
        for client in self._clients.values():
            client.close()

    def _client(self, service: str) -> Any:
        """A service's client, made when it is first used: the models of some take long to read."""
        with self._making:
            client = self._clients.get(service)
            if client is None:
                client = self._make(service)
                if self.read_only:
                    client.meta.events.register_first("before-call", _refuse_writes)
                self._clients[service] = client
            return client

    def _exchange(
        self, action: str, parameters: Mapping[str, Any], limiter: Limiter, *, write: bool
    ) -> dict[str, Any]:
        from botocore import xform_name

        service, _, operation = action.partition(":")
        client = self._client(service)
        started = time.monotonic()
        answer: Mapping[str, Any] = {}
        try:
            self._frozen()
            found: dict[str, Any] = getattr(client, xform_name(operation))(**parameters)
            answer = found
        except ProviderError:
            raise
        except Exception as problem:  # noqa: BLE001 - what botocore raises may quote an answer that holds a secret
            answer = getattr(problem, "response", None) or {}
            raise failure(problem, action, write=write) from None
        finally:
            about = answer.get("ResponseMetadata") or {}
            status = int(about.get("HTTPStatusCode") or 0)
            moment = http_date(str((about.get("HTTPHeaders") or {}).get("date", "")))
            if moment is not None:
                self._date = datetime.fromtimestamp(moment, UTC)
            limiter.observe(Reading(now=moment))
            host = str(client.meta.endpoint_url).partition("://")[2].rstrip("/")
            self._tell(f"{host}/?Action={operation}", status, time.monotonic() - started)
        return found

    def _tell(self, url: str, status: int, seconds: float) -> None:
        _LOG.debug("POST %s %d %.3fs", url, status, seconds)
        if self._request.on_request is not None:
            self._request.on_request("POST", url, status, seconds)

    def _waiting(self, seconds: float, reason: str) -> None:
        if self._request.on_wait is not None and seconds >= 1:
            self._request.on_wait(seconds, reason)

    def _frozen(self) -> Any:
        """The credentials of this moment; their secrets are known to the redaction before they are used."""
        if self._credentials is None:
            return None
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            found = self._credentials.get_frozen_credentials()
        except (BotoCoreError, ClientError) as problem:
            raise failure(problem, "sts:AssumeRole", write=False) from None
        SECRETS.add(found.secret_key)
        SECRETS.add(found.token)
        return found


class AwsWriter(AwsReader):
    """Reads and writes one account; only an apply can make one."""

    read_only = False

    def __init__(
        self,
        make: Callable[[str], Any],
        credentials: Any,
        region: str,
        request: ConnectRequest,
        permit: WritePermit,
    ) -> None:
        if not isinstance(permit, WritePermit):
            raise Fatal("A writer needs a permit, which only an apply issues.")
        super().__init__(make, credentials, region, request)

    def write(self, action: str, /, **parameters: Any) -> dict[str, Any]:
        """Make a call that changes something."""
        WRITES.note()
        try:
            return self.call(action, **parameters)
        finally:
            WRITES.note()


def request_id(answer: Mapping[str, Any]) -> str:
    """AWS's id of an exchange."""
    return str((answer.get("ResponseMetadata") or {}).get("RequestId") or "")


def _refuse_writes(model: Any, **_: Any) -> None:
    """A handler of botocore's ``before-call``, which runs before anything is signed or sent."""
    action = f"{model.service_model.signing_name}:{model.name}"
    if not reads_only(action):
        raise Fatal(f"{action} was refused and nothing was sent: this client only reads.")


def _backoff(attempt: int, *, longest: float) -> float:
    """Half a second, doubled each time, spread so that many clients do not return at once."""
    pause: float = min(longest, 0.5 * 2 ** min(attempt - 1, 10))
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - no secret depends on it
