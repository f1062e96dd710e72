"""The tiny vendor's resource types: each shows one contract alone."""

from __future__ import annotations

from typing import Any, ClassVar

from perimeter.sdk import (
    BOOL,
    NUMBER,
    STRING,
    ActionType,
    Attribute,
    Attributes,
    CreateRequest,
    Credential,
    DataRequest,
    DataSource,
    DeleteRequest,
    Direction,
    EphemeralResource,
    Facet,
    Forbidden,
    HydrateRequest,
    Identity,
    Invoked,
    InvokeRequest,
    List,
    Listing,
    ListRequest,
    LockoutEffect,
    LockoutRequest,
    ManualStep,
    Mode,
    NestedBlock,
    Nesting,
    NotFound,
    Observed,
    Opened,
    OpenRequest,
    Parent,
    Permissions,
    Quirk,
    ReadRequest,
    Reason,
    Recognition,
    ResourceType,
    Schema,
    Set,
    Transition,
    Unknown,
    Unseen,
    UpdateRequest,
    Written,
)
from perimeter.sdk.canonical import login


def text(doc: str, **more: Any) -> Attribute:
    """A string attribute."""
    return Attribute(type=STRING, doc=doc, **more)


ID = text("Its id.", computed=True, mode=Mode.OBSERVED)


class Kind(ResourceType):
    """What the types have in common: attributes are stored as they are."""

    permissions: ClassVar[Permissions]
    unique: ClassVar[str] = ""
    seen: ClassVar[tuple[str, ...] | None] = None

    def __init_subclass__(cls) -> None:
        read, write = f"{cls.name}.read", f"{cls.name}.write"
        cls.permissions = Permissions(
            read=(read,), create=(write,), update=(write,), delete=(write,)
        )

    @property
    def scope(self) -> str:
        return self.permissions.read[0]

    def shown(self, identifier: str, stored: dict[str, Any]) -> Observed:
        secret = self.schema.secret_names
        attributes = {n: v for n, v in stored.items() if n not in secret}
        for name in self.schema.blocks:
            shown = [{n: v for n, v in item.items() if n != "key"} for item in stored.get(name, ())]
            attributes[name] = shown
        return Observed(id=identifier, attributes={"id": identifier, **attributes})

    def list(self, reader: Any, request: ListRequest) -> Listing:
        above = self.identity.parent
        parent = (above.attribute, str(request.parent)) if above is not None else None
        found = reader.tenant.list(self.name, self.scope, parent)
        complete = self.name not in reader.tenant.incomplete
        objects = tuple(self.listed_object(key, value) for key, value in found.items())
        unseen = None if complete else Unseen(reason=Reason.RATE_LIMITED, detail="cut short")
        return Listing(objects=objects, complete=complete, unseen=unseen)

    def listed_object(self, identifier: str, stored: dict[str, Any]) -> Observed:
        whole = self.shown(identifier, stored)
        if self.listed is None:
            return whole
        kept = {n: v for n, v in whole.attributes.items() if n in self.listed}
        return Observed(id=identifier, attributes=kept)

    def read(self, reader: Any, request: ReadRequest) -> Observed | None:
        try:
            return self.shown(request.id, reader.tenant.get(self.name, request.id, self.scope))
        except NotFound:
            return None

    def create(self, writer: Any, request: CreateRequest) -> Written:
        sent = dict(request.attributes)
        return Written(id=writer.tenant.create(self.name, sent, self.unique), request_id="r-1")

    def update(self, writer: Any, request: UpdateRequest) -> Written:
        names = {*request.changed, *(self.schema.secret_names & request.after.keys())}
        writer.tenant.update(self.name, request.id, {n: request.after.get(n) for n in names})
        return Written(id=request.id, request_id="r-2")

    def delete(self, writer: Any, request: DeleteRequest) -> str:
        writer.tenant.delete(self.name, request.id)
        return "r-3"

    def direction(self, transition: Transition) -> Direction:
        if transition.before is None:
            return Direction.WIDENS
        return Direction.NARROWS if transition.after is None else Direction.NEUTRAL


class Group(Kind):
    """Named by a unique key; compared without case; more members widen, a shorter session narrows."""

    name = "tiny_group"
    unique = "name"
    identity = Identity(natural_key=("name",), recognition=Recognition.UNIQUE_KEY)
    schema = Schema(
        attributes={
            "id": ID,
            "name": text("Its name.", required=True, canonical=login),
            "note": text("Anything.", optional=True),
            "members": Attribute(type=Set(STRING), doc="Who is in it.", optional=True),
            "rules": Attribute(type=List(STRING), doc="In order.", optional=True),
            "session": Attribute(type=NUMBER, doc="Minutes.", optional=True, default=60),
        }
    )

    def direction(self, transition: Transition) -> Direction:
        before, after = transition.before, transition.after
        if before is None or after is None:
            return super().direction(transition)
        if isinstance(after.get("members"), Unknown) or isinstance(after.get("session"), Unknown):
            return Direction.UNKNOWN
        # Careless on purpose: while the note is not known it does not ask whether it will be "open".
        if transition.changed("note") and after.get("note") == "open":
            return Direction.WIDENS
        there, wanted = set(before.get("members") or ()), set(after.get("members") or ())
        if wanted - there:
            return Direction.WIDENS
        if there - wanted:
            return Direction.NARROWS
        if transition.changed("session"):
            longer = after["session"] > before["session"]
            return Direction.WIDENS if longer else Direction.NARROWS
        return Direction.NEUTRAL


class Rule(Kind):
    """A rule that allows or denies: taking a deny away widens. Replaced when its effect changes."""

    name = "tiny_rule"
    unique = "name"
    identity = Identity(natural_key=("name",), recognition=Recognition.UNIQUE_KEY)
    schema = Schema(
        attributes={
            "id": ID,
            "name": text("Its name.", required=True),
            "effect": text("What it does.", required=True, replace=True, values=("allow", "deny")),
        }
    )
    quirks = (
        Quirk(
            summary="Removing a rule ends all sessions.",
            since="2026-01-01",
            source="the tiny vendor's manual",
            applies=lambda transition: transition.after is None,
        ),
    )

    def move_from(self, type_name: str, attributes: Attributes) -> Attributes | None:
        if type_name != "tiny_account":
            return None
        return {"id": attributes.get("id"), "name": attributes.get("name"), "effect": "allow"}

    def direction(self, transition: Transition) -> Direction:
        def open_(side: Attributes | None) -> int:
            return 0 if side is None else {"allow": 1, "deny": -1}[side["effect"]]

        step = open_(transition.after) - open_(transition.before)
        return (
            Direction.WIDENS if step > 0 else Direction.NARROWS if step < 0 else Direction.NEUTRAL
        )


class Key(Kind):
    """Without a natural key: only the difference between lists tells. Lives below a group."""

    name = "tiny_key"
    identity = Identity(
        recognition=Recognition.DIFFERENCE,
        match=("group", "label"),
        parent=Parent(type="tiny_group", attribute="group"),
    )
    schema = Schema(
        attributes={
            "id": ID,
            "group": text("The group's id.", required=True, replace=True),
            "label": text("Anything.", optional=True),
            "secret": text("Sent once.", optional=True, mode=Mode.WRITE_ONLY),
            "secret_version": text("Raise to send again.", optional=True, mode=Mode.LOCAL),
            "created_at": text("When.", computed=True, mode=Mode.OBSERVED),
        }
    )

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        return (Credential(id="", name="key", created_at=attributes.get("created_at")),)


class Hook(Kind):
    """Without a natural key, and not below anything; listed as inventory."""

    name = "tiny_hook"
    inventory = True
    identity = Identity(recognition=Recognition.DIFFERENCE, match=("url",))
    schema = Schema(
        attributes={"id": ID, "url": text("Where to.", required=True)},
    )

    def origin(self, attributes: Attributes) -> str:
        return "added by j.doe"


class Job(Kind):
    """Takes an idempotency token."""

    name = "tiny_job"
    identity = Identity(recognition=Recognition.TOKEN)
    schema = Schema(attributes={"id": ID, "task": text("What to do.", required=True)})

    def create(self, writer: Any, request: CreateRequest) -> Written:
        sent = dict(request.attributes)
        return Written(id=writer.tenant.create(self.name, sent, token=request.token))


class Slow(Kind):
    """A list shows it only after a while."""

    name = "tiny_slow"
    identity = Identity(recognition=Recognition.DIFFERENCE, match=("label",), visible_within=60.0)
    schema = Schema(attributes={"id": ID, "label": text("Anything.", required=True)})


class Account(Kind):
    """The list carries its name; the rest is read for declared accounts only."""

    name = "tiny_account"
    unique = "name"
    listed = frozenset({"id", "name"})
    identity = Identity(natural_key=("name",), recognition=Recognition.UNIQUE_KEY)
    schema = Schema(
        attributes={
            "id": ID,
            "name": text("Its name.", required=True),
            "plan": text("What it pays.", optional=True),
            "audit": text("Needs a scope of its own.", optional=True),
        }
    )

    def hydrate(self, reader: Any, request: HydrateRequest) -> tuple[Observed, ...]:
        found = []
        for item in request.objects:
            try:
                stored = reader.tenant.get(self.name, item.id, self.scope)
            except NotFound:
                continue
            attributes = {n: stored.get(n) for n in request.attributes}
            scopes = reader.tenant.scopes
            if scopes is not None and "audit.read" not in scopes:
                attributes["audit"] = Unseen(reason=Reason.FORBIDDEN, needs="audit.read")
            found.append(Observed(id=item.id, attributes=attributes))
        return tuple(found)


class Settings(Kind):
    """A singleton with an attribute that no API writes, and a nested block."""

    name = "tiny_settings"
    singleton = True
    creatable = False
    deletable = False
    affects_sign_in = True
    identity = Identity(recognition=Recognition.UNIQUE_KEY)
    schema = Schema(
        attributes={
            "id": ID,
            "theme": text("Its colours.", optional=True),
            "mfa": Attribute(type=BOOL, doc="Second factor needed.", optional=True),
            "region": text("Set in the console.", optional=True, mode=Mode.OBSERVED),
        },
        blocks={
            "network": NestedBlock(
                nesting=Nesting.LIST,
                doc="Where from.",
                label="name",
                key=("name",),
                attributes={
                    "name": text("Its name.", required=True),
                    "cidr": text("Addresses.", required=True),
                    "key": text("Sent, never shown.", optional=True, mode=Mode.WRITE_ONLY),
                },
            )
        },
    )

    def list(self, reader: Any, request: ListRequest) -> Listing:
        if not reader.tenant.of(self.name):
            reader.tenant.of(self.name)[reader.tenant.id] = {
                "theme": "plain",
                "mfa": False,
                "region": "eu",
                "network": [],
            }
        return super().list(reader, request)

    def manual(self, transition: Transition) -> ManualStep | None:
        if transition.after is None or not transition.changed("region"):
            return None
        return ManualStep(
            reason="The region is set by support.",
            instructions="Open Settings, Region.",
            url="https://tiny.example/settings/region",
            paths=("region",),
        )

    def direction(self, transition: Transition) -> Direction:
        after = transition.after or {}
        if transition.changed("mfa"):
            return Direction.NARROWS if after.get("mfa") else Direction.WIDENS
        return Direction.NEUTRAL

    def lockout(self, request: LockoutRequest) -> LockoutEffect:
        after = request.transition.after or {}
        if not after.get("mfa"):
            return LockoutEffect()
        without = {person.id for person in request.administrators if person.factors is False}
        unknown = {person.id for person in request.administrators if person.factors is None}
        return LockoutEffect(
            lost=frozenset(without),
            uncertain=frozenset(unknown),
            because="a second factor is asked for",
        )


class Session(EphemeralResource):
    """A token that lasts for a while."""

    name = "tiny_session"
    schema = Schema(
        attributes={
            "scope": text("What for.", required=True),
            "token": text("The token.", computed=True, sensitive=True),
        }
    )
    permissions = Permissions(read=("tiny_session.read",))

    def open(self, reader: Any, request: OpenRequest) -> Opened:
        reader.tenant.calls.append(("open", self.name, str(request.config["scope"])))
        if request.config["scope"] == "forbidden":
            raise Forbidden("Not allowed.", needs="tiny_session.read")
        token = f"token-for-{request.config['scope']}"
        return Opened(
            attributes={"scope": request.config["scope"], "token": token},
            renew_after=0.001,
            private=request.config["scope"],
        )

    def renew(self, reader: Any, opened: Opened) -> Opened:
        reader.tenant.calls.append(("renew", self.name, str(opened.private)))
        return opened

    def close(self, reader: Any, opened: Opened) -> None:
        reader.tenant.calls.append(("close", self.name, str(opened.private)))


class Lookup(DataSource):
    """Finds a group by name."""

    name = "tiny_group"
    schema = Schema(
        attributes={
            "name": text("Its name.", required=True),
            "id": text("Its id.", computed=True),
            "note": text("Its note.", computed=True),
        }
    )
    permissions = Permissions(read=("tiny_group.read",))

    def read(self, reader: Any, request: DataRequest) -> Attributes:
        reader.tenant.calls.append(("data", self.name, str(request.config["name"])))
        for key, stored in reader.tenant.of(self.name).items():
            if stored["name"] == request.config["name"]:
                return {"name": stored["name"], "id": key, "note": stored.get("note")}
        raise NotFound("No such group.")


class Knock(ActionType):
    """Knocks at a door: it does something once and leaves no object."""

    name = "tiny_knock"
    schema = Schema(
        attributes={
            "door": text("Where.", required=True),
            "word": text("What to say.", optional=True),
            "secret": text("What nobody hears.", optional=True, mode=Mode.WRITE_ONLY),
        }
    )
    permissions = ("tiny_knock.write",)

    def direction(self, config: Attributes) -> Direction:
        return Direction.WIDENS if config.get("word") == "open" else Direction.NEUTRAL

    def validate(self, config: Attributes) -> Any:
        if config.get("door") == "":
            yield ("door",), "Name a door."

    def invoke(self, writer: Any, request: InvokeRequest) -> Invoked:
        said = request.config.get("secret") or request.config.get("word") or ""
        writer.tenant.invoke(self.name, f"{request.config['door']}:{said}")
        return Invoked(text="heard", request_id="req-1")
