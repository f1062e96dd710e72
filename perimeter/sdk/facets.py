"""Facets: how objects of any vendor appear in the one normalised inventory."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """Common to all facets.

    Attributes:
        id: the vendor's id of the object that shows this facet.
        name: what people call it.
        risk: short worded risks, such as ``can write code in every repository``.
    """

    id: str
    name: str
    risk: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class App(Facet):
    """Software of a third party (or one's own) that is connected to the tenant."""

    publisher: str = ""
    scopes: tuple[str, ...] = ()
    suspended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(Facet):
    """What one app may do on behalf of one subject; ``subject`` is a login, or ``tenant`` for all."""

    app: str
    subject: str = "tenant"
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential(Facet):
    """A key, token or secret. Times are RFC 3339 text as the tenant gives them, or None where unknown.

    Attributes:
        identity: id or login of the identity that it acts as, where it is one's own; empty for what belongs to no person.
    """

    owner: str = ""
    identity: str = ""
    kind: str = "key"
    created_at: str | None = None
    last_used_at: str | None = None
    expires_at: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity(Facet):
    """A person or service account."""

    login: str
    active: bool = True
    service_account: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Role(Facet):
    """Something that can be assumed, and who from outside may assume it."""

    trusts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInSetting(Facet):
    """A rule about how people sign in; ``requires_factor`` is None where it is unseen."""

    requires_factor: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStream(Facet):
    """Where audit events go."""

    destination: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Administrator:
    """Somebody who can administer the tenant, as read for the lockout proof.

    Attributes:
        id: vendor id.
        login: what ``break_glass`` names.
        able: whether the account can sign in and administer now (active, not suspended).
        factors: whether a second factor is enrolled; None when the tenant did not show it.
        groups: vendor ids of the groups the account is in; None when unseen.
        caller: whether perimeter itself acts as this account.
        credentials: ids of the credentials perimeter itself uses, when ``caller``.
        counted: whether it is one of those administrators of whom some must be left; not so an app, or a caller that may
            do some things only.
        doubtful: when it is not ``able``: whether the tenant does not show enough to tell.
        because: when it is not ``able``: why.
    """

    id: str
    login: str
    able: bool = True
    factors: bool | None = None
    groups: frozenset[str] | None = None
    caller: bool = False
    credentials: frozenset[str] = field(default_factory=frozenset)
    counted: bool = True
    doubtful: bool = False
    because: str = ""
