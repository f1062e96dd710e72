"""How a declared credential is issued, tried and switched off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from perimeter.sdk import (
    SECRETS,
    Attributes,
    CredentialType,
    Forbidden,
    HttpClient,
    Invalid,
    Issued,
    IssueRequest,
    Probed,
    ProbeRequest,
    ProviderError,
    Retryable,
    SwitchRequest,
    Unauthenticated,
)
from perimeter_http.client import LARGEST, Client, explained, headers_of, whole
from perimeter_http.pointers import body, text


def values_of(attributes: Attributes, **more: str) -> dict[str, str]:
    """What placeholders stand for: ``{name}``, ``{parameters.NAME}`` and what the call adds."""
    parameters = attributes.get("parameters")
    given = parameters if isinstance(parameters, Mapping) else {}
    values = {f"parameters.{name}": str(value) for name, value in given.items()}
    if isinstance(attributes.get("name"), str):
        values["name"] = str(attributes["name"])
    return {**values, **more}


class HttpCredential(CredentialType):
    """Issued by the declared ``create`` call beside those there are."""

    members = ()
    """As the ``create`` block's ``secret`` says."""
    last_used_at = "last_used_at"
    use_lags: ClassVar[float] = 3600.0
    """A guess: an undeclared vendor promises nothing."""
    owner = ("name",)
    limit: ClassVar[int] = 1000
    """Not known; the vendor's own refusal tells."""
    probeable = True

    def issue(self, writer: Client, request: IssueRequest) -> Issued:
        """Make the ``create`` call and take id and secret out of its answer."""
        values = values_of(request.attributes, token=request.token, previous=request.previous)
        block = writer.declared("create")
        if self.switchable is not bool(writer.config.get("disable")):
            other = "http_credential" if self.switchable else "http_switchable_credential"
            has = "no" if self.switchable else "a"
            raise Invalid(f"The provider block has {has} disable call: declare this as {other}.")
        try:
            answer = writer.call("create", values, method="POST")
        except ProviderError as error:
            raise explained(error) from None
        secret: dict[str, str] = {}
        for member, pointer in sorted((block.get("secret") or {}).items()):
            value = text(answer.data, str(pointer))
            SECRETS.add(value)
            if value is not None:
                secret[str(member)] = value
        identifier = text(answer.data, str(block["id"]))
        missing = sorted({*(block.get("secret") or {})} - secret.keys())
        if identifier is None or missing:
            what = f"no {missing[0]}" if missing else "no id"
            raise Retryable(
                f"The create call was answered, and the answer holds {what} where the provider block says. A credential may "
                "have been made that nobody can use; look for it and revoke it.",
                committed=None,
                request_id=answer.request_id,
            )
        return Issued(id=identifier, secret=secret, request_id=answer.request_id)

    def probe(self, request: ProbeRequest) -> Probed:
        """Make the ``probe`` call with the new secret, and with no other credential."""
        block = request.config.get("probe")
        if not block:
            return Probed(works=None, detail="the provider block declares no probe call")
        for value in request.secret.values():
            SECRETS.add(value)
        secrets = {f"secret.{name}": value for name, value in request.secret.items()}
        values = values_of(request.attributes, id=request.id, **secrets)
        base = str(block.get("base_url") or request.config.get("base_url") or "").rstrip("/")
        refused = {int(status) for status in block.get("refused") or (401, 403)}
        http = None
        try:
            headers = headers_of(block.get("headers") or {}, request.environment, secrets)
            http = HttpClient(
                base, lambda: headers, read_only=False, timeout=10.0, max_body=LARGEST
            )
            content: Any = None
            if block.get("body") is not None:
                content = body(str(block["body"]), values)
            http.request(
                str(block.get("method") or "GET").upper(),
                whole(str(block["path"]), values, "probe"),
                body=content,
                fresh=True,
            )
        except (Unauthenticated, Forbidden, ProviderError) as error:
            if error.status in refused:
                return Probed(works=False, detail=f"it is refused ({error.status})")
            return Probed(works=None, detail=explained(error).message)
        except ValueError:
            return Probed(works=None, detail="the probe's body is no JSON")
        finally:
            if http is not None:
                http.close()
        return Probed(works=True, detail="the probe call succeeds")


class SwitchableHttpCredential(HttpCredential):
    """The same, with ``disable`` and ``enable`` calls."""

    switchable = True

    def switch_off(self, writer: Client, request: SwitchRequest) -> str:
        """Make the ``disable`` call."""
        return _switch(writer, request, "disable")

    def switch_on(self, writer: Client, request: SwitchRequest) -> str:
        """Make the ``enable`` call."""
        return _switch(writer, request, "enable")

    def is_on(self, attributes: Attributes) -> bool:
        """As the list shows it; true where it does not."""
        return attributes.get("active") is not False


def _switch(writer: Client, request: SwitchRequest, name: str) -> str:
    values = values_of(request.attributes, id=request.id)
    try:
        return writer.call(name, values, method="POST").request_id
    except ProviderError as error:
        raise explained(error) from None
