"""The provider contract: a resource type declares, the engine decides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Protocol

from perimeter.sdk.access import Access, AccessRequest, Standing, standing_of
from perimeter.sdk.actions import ActionType
from perimeter.sdk.contract import (
    Attributes,
    ConnectRequest,
    CreateRequest,
    DataRequest,
    DeleteRequest,
    Direction,
    HydrateRequest,
    Identity,
    Listing,
    ListRequest,
    LockoutEffect,
    LockoutRequest,
    ManualStep,
    Observed,
    Opened,
    OpenRequest,
    Permissions,
    Quirk,
    ReadRequest,
    StateOutput,
    Tenant,
    Transition,
    UpdateRequest,
    Written,
)
from perimeter.sdk.errors import Unsupported
from perimeter.sdk.facets import Administrator, Facet
from perimeter.sdk.functions import ProviderFunction
from perimeter.sdk.migration import Migration
from perimeter.sdk.rotation import CredentialType, SinkType
from perimeter.sdk.schema import Schema


class Reader(Protocol):
    """A provider's own client that can only read. It is used by several threads at once.

    One that also has ``budget() -> tuple[Budget, ...]`` lets the plan print what is left of each allowance; one that has
    ``date -> datetime | None``, the vendor's clock as last seen, lets ages and expiry be judged by it.
    """

    def close(self) -> None:
        """Release connections."""
        ...


class Writer(Reader, Protocol):
    """A provider's own client that can read and write. Only an apply can make one: see ``WritePermit``."""


class WritePermit:
    """Without one no ``Writer`` can be made. Only the apply step issues it; planning has no way to."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason


class ResourceType(ABC):
    """One kind of object in a tenant.

    Must: be stateless; keep every method without a Reader or Writer pure; raise only ``perimeter.sdk.errors``; drop secrets
    of the vendor's answers while decoding; accept unknown fields, nulls and new enum values in answers.
    May: leave out what the type cannot do (``create`` of a token that only a person can make).
    """

    name: ClassVar[str]
    schema: ClassVar[Schema]
    identity: ClassVar[Identity]
    permissions: ClassVar[Permissions]
    singleton: ClassVar[bool] = False
    """One per tenant, neither created nor deleted: destroy means to stop managing. Its id is the tenant's."""
    listed: ClassVar[frozenset[str] | None] = None
    """Attributes (and blocks) that the list carries; None for all. ``hydrate`` reads the others."""
    hides: ClassVar[str] = ""
    """What the list leaves out by the vendor's own filter, in one sentence; empty for nothing."""
    quirks: ClassVar[tuple[Quirk, ...]] = ()
    creatable: ClassVar[bool] = True
    deletable: ClassVar[bool] = True
    local: ClassVar[bool] = False
    """Whether objects live in perimeter's state only: there is no tenant to list, ``create`` makes the id."""
    resets: ClassVar[bool] = True
    """For a ``local`` type: whether an argument that is omitted becomes null, as nobody else can have set it."""
    inventory: ClassVar[bool] = False
    """Whether every plan lists the collection, even when nothing of the type is declared (apps, grants, credentials)."""
    credential: ClassVar[CredentialType | None] = None
    """How it is rotated; None for what is no credential."""
    sink: ClassVar[SinkType | None] = None
    """How it takes the secret of a credential; None for what is no sink."""
    affects_sign_in: ClassVar[bool] = False
    """Whether a change of such an object can take sign-in or administration from somebody."""

    @abstractmethod
    def list(self, reader: Any, request: ListRequest) -> Listing:
        """Read a whole collection with as few calls as the vendor allows.

        For a singleton: the one object. Raise rather than return a part: a failed page is no absence.
        """

    def hydrate(self, reader: Any, request: HydrateRequest) -> tuple[Observed, ...]:
        """Read ``request.attributes`` of the given objects; each answer holds those attributes only.

        An object that is gone meanwhile is left out. Only needed when ``listed`` is set.
        """
        raise NotImplementedError(f"{self.name} lists every attribute")

    @abstractmethod
    def read(self, reader: Any, request: ReadRequest) -> Observed | None:
        """Read one object, all attributes; None only when the vendor says it does not exist."""

    def create(self, writer: Any, request: CreateRequest) -> Written:
        """Create an object."""
        raise Unsupported(f"{self.name} cannot be created by API.")

    def update(self, writer: Any, request: UpdateRequest) -> Written:
        """Change an object in place."""
        raise Unsupported(f"{self.name} cannot be changed by API.")

    def delete(self, writer: Any, request: DeleteRequest) -> str:
        """Remove an object; return the vendor's request id or nothing. ``NotFound`` counts as done."""
        raise Unsupported(f"{self.name} cannot be removed by API.")

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """Parse what people write at ``import`` into attributes (or ``{"id": …}``) that single one object out.

        Raises:
            ValueError: the text does not follow ``identity.import_format``.
        """
        return {"id": text}

    def plan(self, transition: Transition) -> Attributes:
        """Decide computed attributes that follow from the others; returns the whole planned object; pure.

        ``transition.after`` is what configuration and tenant give so far, computed attributes of a new object being
        ``Unknown``. Never called for a delete.
        """
        return transition.after or {}

    def fold(self, desired: Attributes) -> Attributes | None:
        """Bring nested blocks that end by themselves (``NestedBlock.expires``) into the attributes that they add to; pure.

        ``desired`` holds what has not ended yet, without the ends; parts may be unknown. None when nothing is declared any
        more: once blocks have ended, the declaration then means absence. Only called where such a block is declared.
        """
        return desired

    @abstractmethod
    def direction(self, transition: Transition) -> Direction:
        """Judge what a transition does to access, from before, after, siblings and order; pure."""

    def manual(self, transition: Transition) -> ManualStep | None:
        """The manual step that a transition needs because no API makes it (with this kind of credential); pure."""
        return None

    def may_lock_out(self, transition: Transition) -> bool:
        """Whether this transition can take sign-in or administration from anybody at all; pure and cheap.

        Who administers is read only when a plan holds a change that can.
        """
        return self.affects_sign_in

    def lockout(self, request: LockoutRequest) -> LockoutEffect:
        """Who loses or regains sign-in or administration by a transition; pure.

        For types whose changes touch single people only; others implement ``access_after``.
        """
        return LockoutEffect()

    def access_after(self, access: Access, transition: Transition) -> tuple[Access, ...]:
        """What a transition makes of who gets in; pure.

        One value per state that the tenant goes through while it is carried out (each call may be the last that
        succeeds), the final one last. What touches nobody returns ``(access,)``, the same object.
        """
        request = LockoutRequest(transition=transition, administrators=access.people)
        effect = self.lockout(request)
        if not (effect.lost or effect.uncertain or effect.regained):
            return (access,)
        return (access.after(effect),)

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """How an object appears in the normalised inventory; pure."""
        return ()

    def describe(self, attributes: Attributes) -> str:
        """Name an object to people, after the type: ``"legacy-ci" on acme/api``; pure."""
        for name in (*self.identity.natural_key, "name", "id"):
            if isinstance(attributes.get(name), str):
                return f'"{attributes[name]}"'
        return ""

    def origin(self, attributes: Attributes) -> str:
        """What is known of where an object comes from: ``added by j.doe 2023-04-02, last used never``; pure."""
        return ""

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """Yield (path, what is wrong and what to do) for configuration that can never work; parts may be unknown; pure."""
        return ()

    def move_from(self, type_name: str, attributes: Attributes) -> Attributes | None:
        """Take over what state remembers of an object of another type that a ``moved`` block leads here from; pure.

        The object stays the same one: its vendor id does. None when the type can take nothing over from that one.
        """
        return None

    def upgrade(self, version: int, attributes: Attributes) -> Attributes:
        """Bring recorded attributes from schema ``version`` to ``version + 1``; pure."""
        return attributes


class StateReader(Protocol):
    """Reads what other states let everybody know: their root outputs."""

    def outputs(
        self, *, backend: str, config: Attributes, workspace: str
    ) -> Mapping[str, StateOutput]:
        """The outputs of the state in a backend, by name.

        Args:
            backend: its kind, such as ``local`` or ``s3``.
            config: its arguments, as in a ``backend`` block.
            workspace: whose state it is.

        Raises:
            NotFound: there is no state.
            ProviderError: the backend cannot be opened or read.
        """
        ...


class DataSource(ABC):
    """Something that can be looked up."""

    name: ClassVar[str]
    schema: ClassVar[Schema]
    permissions: ClassVar[Permissions]
    reads_states: ClassVar[bool] = False
    """Whether it looks into other states instead of a tenant: its reader is a ``StateReader``, and it may answer with
    ``StateOutput`` as values of a mapping."""

    @abstractmethod
    def read(self, reader: Any, request: DataRequest) -> Attributes:
        """Look it up; return all attributes.

        Raises:
            NotFound: there is none.
        """


class EphemeralResource(ABC):
    """Something that lasts for one apply: a short-lived credential, a value that must not be kept anywhere.

    Opened when the apply first needs it, renewed when it would run out, closed at the end. Nothing of it is persisted;
    while planning its attributes are unknown.
    """

    name: ClassVar[str]
    schema: ClassVar[Schema]
    permissions: ClassVar[Permissions]

    @abstractmethod
    def open(self, reader: Any, request: OpenRequest) -> Opened:
        """Make or fetch it."""

    def renew(self, reader: Any, opened: Opened) -> Opened:
        """Let it last longer; its attributes stay the same. Only called where ``renew_after`` is set."""
        return opened

    def close(self, reader: Any, opened: Opened) -> None:  # noqa: B027  # most need nothing
        """Give it back."""


class Provider(ABC):
    """Everything perimeter knows of one vendor. Constructed without arguments; construction does no I/O."""

    api_version: ClassVar[int] = 1
    name: ClassVar[str]
    schema: ClassVar[Schema]

    @property
    @abstractmethod
    def resources(self) -> Mapping[str, ResourceType]:
        """Resource types by name."""

    @property
    def data_sources(self) -> Mapping[str, DataSource]:
        """Data sources by name."""
        return {}

    @property
    def ephemeral_resources(self) -> Mapping[str, EphemeralResource]:
        """Ephemeral resource types by name."""
        return {}

    @property
    def actions(self) -> Mapping[str, ActionType]:
        """Action types by name."""
        return {}

    @property
    def functions(self) -> Mapping[str, ProviderFunction]:
        """Functions by name: ``provider::NAME::FUNCTION(…)``; pure."""
        return {}

    @property
    def migrations(self) -> tuple[Migration, ...]:
        """How other tools' configuration for the same vendor translates, for ``perimeter migrate``."""
        return ()

    @abstractmethod
    def reader(self, request: ConnectRequest) -> Reader:
        """Make a client that can only read: a write attempted through it raises ``Fatal`` before anything is sent."""

    @abstractmethod
    def writer(self, request: ConnectRequest, permit: WritePermit) -> Writer:
        """Make a client that can also write."""

    @abstractmethod
    def tenant(self, reader: Any) -> Tenant:
        """Establish the tenant's immutable id; the first call of every run."""

    def administrators(self, reader: Any, tenant: Tenant) -> tuple[Administrator, ...]:
        """Read who can administer the tenant, for the lockout proof; called only when a change affects sign-in."""
        return ()

    def access(self, reader: Any, request: AccessRequest) -> Access:
        """Read who administers and what decides whether they get in, for the lockout proof.

        Called while planning when a change may lock somebody out, and again just before each such change.
        """
        return Access(people=self.administrators(reader, request.tenant))

    def standings(self, access: Access) -> Mapping[str, Standing]:
        """How each of ``access.people`` stands, by id; pure."""
        return {person.id: standing_of(person) for person in access.people}
