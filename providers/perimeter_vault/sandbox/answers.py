"""Vault's manners: the frame around each answer, error bodies, times and durations."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import Any

from perimeter.sandbox.wire import Request, Response

Data = dict[str, Any]
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


class Refusal(Exception):
    """Ends a call with an error answer."""

    def __init__(self, status: int, *errors: str) -> None:
        super().__init__(status)
        self.response = Response(status=status, body={"errors": list(errors)})


def denied(*, token: bool = False) -> Refusal:
    """What a policy does not allow, or a token that Vault does not know."""
    if token:
        return Refusal(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")
    return Refusal(403, "1 error occurred:\n\t* permission denied\n\n")


def framed(data: Any, auth: Any = None) -> Response:
    """An answer in Vault's frame."""
    return Response(
        body={
            "request_id": str(uuid.uuid4()),
            "lease_id": "",
            "renewable": False,
            "lease_duration": 0,
            "data": data,
            "wrap_info": None,
            "warnings": None,
            "auth": auth,
        }
    )


def body_of(request: Request) -> Data:
    """The request's JSON object; an empty one where there is none."""
    try:
        data = request.json()
    except ValueError:
        data = ()
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise Refusal(400, "failed to parse JSON input")
    return data


def moment(seconds: float) -> str:
    """A time as Vault prints it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds_of(value: Any) -> int:
    """A duration: seconds as a number or text, or Go's notation."""
    text = str(value)
    if text.isdigit():
        return int(text)
    parts = re.findall(r"(\d+)([dhms])", text)
    if not parts or "".join(n + unit for n, unit in parts) != text:
        raise Refusal(400, f"Field validation failed: error converting input {text!r} to a time")
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def printed(seconds: int) -> str:
    """A duration as Go prints it."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
