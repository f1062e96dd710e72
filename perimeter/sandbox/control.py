"""The sandbox's own endpoint below ``/_sandbox``, and a client for it.

``GET`` and ``PUT /seed`` show and replace the tenants; ``GET`` and ``DELETE /calls`` show and clear
the call log; ``GET``, ``POST`` and ``DELETE /faults`` show, add and clear faults.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from perimeter.sandbox.faults import Fault
from perimeter.sandbox.seeds import SeedError
from perimeter.sandbox.wire import Request, Response

if TYPE_CHECKING:
    from perimeter.sandbox.server import Sandbox

NAME = "_sandbox"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def answer(sandbox: Sandbox, request: Request) -> Response:
    """Answer a request to the sandbox itself."""
    if refusal := _refusal(request):
        return _error(403, refusal)
    try:
        body = request.json()
    except ValueError:
        return _error(400, "The body is not JSON.")
    match request.method, request.path.rstrip("/"):
        case "GET", "/seed":
            return Response(body=sandbox.dump())
        case "PUT", "/seed":
            return _reseed(sandbox, body)
        case "GET", "/calls":
            return Response(body=[asdict(call) for call in sandbox.calls.entries])
        case "DELETE", "/calls":
            sandbox.calls.clear()
            return Response(status=204)
        case "GET", "/faults":
            return Response(body=[asdict(fault) for fault in sandbox.faults.pending])
        case "POST", "/faults":
            try:
                sandbox.faults.add(Fault.of(body))
            except ValueError as error:
                return _error(422, str(error))
            return Response(status=204)
        case "DELETE", "/faults":
            sandbox.faults.clear()
            return Response(status=204)
    return _error(404, "The sandbox has /seed, /calls and /faults.")


def _reseed(sandbox: Sandbox, body: Any) -> Response:
    if not isinstance(body, dict):
        return _error(422, 'A seed is a JSON object such as {"github": {}}.')
    try:
        sandbox.reseed(body)
    except SeedError as error:
        return _error(422, str(error))
    return Response(status=204)


def _refusal(request: Request) -> str:
    """Why a web page in somebody's browser, which also reaches loopback, is not served."""
    host = urlsplit("//" + request.headers.get("host", "")).hostname
    if host not in _LOOPBACK or "origin" in request.headers:
        return "The sandbox is controlled from this machine's command line only."
    return ""


def _error(status: int, message: str) -> Response:
    return Response(status=status, body={"message": message})


class SandboxClient:
    """Talks to a running sandbox.

    Args:
        url: the sandbox's root, such as ``http://127.0.0.1:8899``.
    """

    def __init__(self, url: str, *, timeout: float = 30.0) -> None:
        self._address = urlsplit(url).netloc
        self._timeout = timeout

    def seed(self) -> dict[str, Any]:
        """The present content of all tenants."""
        found: dict[str, Any] = self._ask("GET", "/seed")
        return found

    def reseed(self, seed: Mapping[str, Any]) -> None:
        """Replace the tenants that the seed names.

        Raises:
            SeedError: the sandbox refuses it, or is not there.
        """
        self._ask("PUT", "/seed", seed)

    def calls(self) -> list[dict[str, Any]]:
        """The call log; see ``perimeter.sandbox.calls.Call``."""
        found: list[dict[str, Any]] = self._ask("GET", "/calls")
        return found

    def add_fault(self, fault: Fault) -> None:
        """Put a fault in force."""
        self._ask("POST", "/faults", asdict(fault))

    def clear_faults(self) -> None:
        """Take all faults out of force."""
        self._ask("DELETE", "/faults")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = HTTPConnection(self._address, timeout=self._timeout)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(
                method, f"/{NAME}{path}", content, {"Content-Type": "application/json"}
            )
            response = connection.getresponse()
            text = response.read()
            data = json.loads(text) if text else None
        except (OSError, HTTPException, ValueError):
            raise SeedError(
                "No sandbox there",
                f"Nothing that is a sandbox answers at {self._address}. "
                "Start one: perimeter sandbox up.",
            ) from None
        finally:
            connection.close()
        if response.status >= 400:
            message = data.get("message", "") if isinstance(data, dict) else ""
            raise SeedError("The sandbox refused", message or f"status {response.status}")
        return data
