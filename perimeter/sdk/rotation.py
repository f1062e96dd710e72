"""Credentials that can be rotated, and the sinks their secrets are delivered to: what a provider says and does.

A resource type that is a credential has ``credential``; one that takes secrets has ``sink``.
When to issue, deliver, verify, retire and remove is the engine's business; nothing here knows of a schedule. A secret is a
mapping of names to texts that lives in memory only: it is in no attribute, no state, no log and no error.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from perimeter.sdk.contract import Attributes, ManualStep, Tenant
from perimeter.sdk.errors import Unsupported

Secret = Mapping[str, str]
"""A credential's parts by name, such as ``access_key_id`` and ``secret_access_key``; also the parts that are no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRequest:
    """Asks for a new credential beside those there are.

    Attributes:
        attributes: as configuration wants it, wholly known.
        token: an idempotency token, the same for each attempt at this issue.
        previous: vendor id of the credential that it will replace; empty for the first one.
    """

    tenant: Tenant
    attributes: Attributes
    token: str
    previous: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A new credential.

    Attributes:
        id: vendor id.
        secret: all that a consumer needs, by ``CredentialType.members``.
        attributes: what the vendor told of it besides; without secrets.
        request_id: the vendor's id of the exchange, for the evidence log.
    """

    id: str
    secret: Secret = field(repr=False)
    attributes: Attributes = field(default_factory=dict)
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchRequest:
    """Switches a credential off, or on again; ``attributes`` as read just before."""

    tenant: Tenant
    id: str
    attributes: Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRequest:
    """Tries a credential.

    Attributes:
        attributes: of the credential, as known.
        config: of the provider that manages it, for addresses; its own credential is not to be used.
        environment: the process environment, for addresses.
    """

    tenant: Tenant
    id: str
    secret: Secret = field(repr=False)
    attributes: Attributes = field(default_factory=dict)
    config: Attributes = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What came of a trial.

    Attributes:
        works: whether the vendor accepted it; None where that could not be found out.
        detail: in a few words, without secrets.
    """

    works: bool | None
    detail: str = ""


class CredentialType(ABC):
    """How one kind of credential is issued and retired.

    Must: be stateless; register every secret with ``perimeter.sdk.SECRETS`` where the answer is decoded; raise only
    ``perimeter.sdk.errors``, with ``committed`` None where the vendor may have acted.
    """

    members: ClassVar[tuple[str, ...]]
    """The names that ``Issued.secret`` has."""
    created_at: ClassVar[str] = "created_at"
    """The attribute that tells when it was made (RFC 3339), by the vendor's clock."""
    last_used_at: ClassVar[str] = ""
    """The attribute that tells when it was last used; empty where the vendor does not tell per credential."""
    use_lags: ClassVar[float] = 0.0
    """Seconds after a use until ``last_used_at`` surely shows it."""
    owner: ClassVar[tuple[str, ...]] = ()
    """Attributes that all credentials of one owner have in common, such as ``user``: ``limit`` counts those."""
    limit: ClassVar[int] = 2
    """How many the vendor lets one owner have, switched-off ones included. With 1 a new one ends the old one at once."""
    issuable: ClassVar[bool] = True
    """Whether an API makes one; otherwise ``by_hand`` says what a person does, and perimeter does the rest."""
    switchable: ClassVar[bool] = False
    """Whether it can be switched off before it is removed, and on again if somebody still needed it."""
    ends_previous: ClassVar[bool] = False
    """Whether issuing ends the previous one at once: there is no overlap, and the plan warns."""
    probeable: ClassVar[bool] = False
    """Whether ``probe`` can try one."""
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Scopes by operation: ``issue``, ``switch``, ``probe``; deleting needs what the resource type says."""

    def issue(self, writer: Any, request: IssueRequest) -> Issued:
        """Make a new credential."""
        raise Unsupported("No API makes such a credential.")

    def by_hand(self, attributes: Attributes, tenant: Tenant) -> ManualStep:
        """What a person does where no API issues one; pure."""
        return ManualStep(
            reason="No API makes such a credential.",
            instructions="Make a new one in the vendor's console.",
            url="",
        )

    def switch_off(self, writer: Any, request: SwitchRequest) -> str:
        """Make it unusable without removing it; return the vendor's request id or nothing."""
        raise Unsupported("Such a credential cannot be switched off.")

    def switch_on(self, writer: Any, request: SwitchRequest) -> str:
        """Make it usable again; return the vendor's request id or nothing."""
        raise Unsupported("Such a credential cannot be switched on.")

    def is_on(self, attributes: Attributes) -> bool:
        """Whether it is usable, as far as its attributes tell; pure."""
        return True

    def probe(self, request: ProbeRequest) -> Probed:
        """Try it, with a client of its own. Bounded in time; never raises for a credential that is refused."""
        return Probed(works=None, detail="such a credential cannot be tried")

    def federate(self, attributes: Attributes) -> str:
        """HCL that would make the credential unnecessary, such as a trust for OIDC; empty where there is none; pure."""
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverRequest:
    """Puts a secret into a sink.

    Attributes:
        id: of the sink's object.
        attributes: of the sink's object, as read just before.
        payload: the text to store, as it is to be read by consumers.
        token: names this delivery; the same for each attempt. Delivering twice under one token stores once.
        credential: vendor id of the credential, to find it again; it may be stored beside the payload where that is no harm.
    """

    tenant: Tenant
    id: str
    attributes: Attributes
    payload: str = field(repr=False)
    token: str
    credential: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a sink holds now.

    Attributes:
        version: the sink's name for it; empty where it has none.
        request_id: the vendor's id of the exchange, for the evidence log.
    """

    version: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkRequest:
    """Names a sink's object; ``version`` of a delivery where that is known."""

    tenant: Tenant
    id: str
    attributes: Attributes
    version: str = ""


class SinkType(ABC):
    """How one kind of sink stores a secret.

    Must: be stateless; let no secret into an error, a log or an answer. The delivered value becomes what consumers read by
    default (AWSCURRENT) and the one before stays readable where the sink keeps versions (AWSPREVIOUS).
    """

    readable: ClassVar[bool] = False
    """Whether ``fetch`` can read the value back, for later trials and for rolling back."""
    versioned: ClassVar[bool] = False
    """Whether the value before can be made current again by ``restore``."""
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Scopes by operation: ``deliver``, ``fetch``, ``restore``."""

    @abstractmethod
    def deliver(self, writer: Any, request: DeliverRequest) -> Delivered:
        """Store it, and make sure of it: return only when the sink says that it is what consumers get."""

    def fetch(self, reader: Any, request: SinkRequest) -> str:
        """Read the payload that consumers get; it stays in memory and is registered with ``SECRETS``."""
        raise Unsupported("This sink does not give back what it holds.")

    def restore(self, writer: Any, request: SinkRequest) -> Delivered:
        """Make the version named the one that consumers get."""
        raise Unsupported("This sink keeps no earlier value.")
