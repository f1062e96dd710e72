"""What a provider raises, named by the consequence for the engine.

- ``ProviderError``
    - ``Retryable``: the same call may succeed later (connection lost, 500, 503).
    - ``RateLimited``: the same call will succeed after a known wait.
    - ``NotFound``: the object does not exist (for the whole tenant, not merely for this token).
    - ``Conflict``: somebody else changed or created it; read again.
    - ``Forbidden``: the credential lacks a right; nothing is known about the object.
    - ``Unauthenticated``: the credential itself was refused.
    - ``Invalid``: the vendor refuses the values.
    - ``Unsupported``: this tenant, edition or API cannot do it.
    - ``Fatal``: nothing further with this provider instance makes sense.

Anything else that a provider raises is reported as the provider's bug, with the address and without a traceback.
Messages must hold no secret: use ``perimeter.sdk.redact``.
"""

from __future__ import annotations


class ProviderError(Exception):
    """Any failure of a call. ``committed`` is None when it is not known whether the vendor acted."""

    def __init__(
        self,
        message: str,
        *,
        committed: bool | None = False,
        status: int | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.committed = committed
        self.status = status
        self.request_id = request_id


class Retryable(ProviderError):
    """The same call may succeed later; not before ``after`` seconds, where the vendor says so."""

    def __init__(
        self,
        message: str,
        *,
        committed: bool | None = False,
        status: int | None = None,
        request_id: str = "",
        after: float = 0.0,
    ) -> None:
        super().__init__(message, committed=committed, status=status, request_id=request_id)
        self.after = after


class RateLimited(ProviderError):
    """The same call will succeed after ``after`` seconds."""

    def __init__(
        self, message: str, *, after: float, status: int | None = 429, request_id: str = ""
    ) -> None:
        super().__init__(message, committed=False, status=status, request_id=request_id)
        self.after = after


class NotFound(ProviderError):
    """The object does not exist."""


class Conflict(ProviderError):
    """Somebody else changed or created it."""


class Forbidden(ProviderError):
    """The credential lacks a right; ``needs`` names the scope, permission or edition that would grant it."""

    def __init__(
        self, message: str, *, needs: str = "", status: int | None = 403, request_id: str = ""
    ) -> None:
        super().__init__(message, committed=False, status=status, request_id=request_id)
        self.needs = needs


class Unauthenticated(ProviderError):
    """The credential was refused."""


class Invalid(ProviderError):
    """The vendor refuses the values; ``path`` names the attribute where it says which."""

    def __init__(
        self,
        message: str,
        *,
        path: tuple[str | int, ...] = (),
        status: int | None = 422,
        request_id: str = "",
    ) -> None:
        super().__init__(message, committed=False, status=status, request_id=request_id)
        self.path = path


class Unsupported(ProviderError):
    """This tenant, edition or API cannot do it; ``needs`` names the edition that can."""

    def __init__(
        self, message: str, *, needs: str = "", status: int | None = None, request_id: str = ""
    ) -> None:
        super().__init__(message, committed=False, status=status, request_id=request_id)
        self.needs = needs


class Fatal(ProviderError):
    """Nothing further with this provider instance makes sense."""


class MissingExtra(Fatal):
    """A Python package that the provider needs is not installed; ``extra`` names the extra that installs it."""

    def __init__(self, provider: str, extra: str) -> None:
        super().__init__(
            f'The {provider} provider needs packages that are not installed. Run: pip install "perimeter-as-code[{extra}]"'
        )
        self.extra = extra
