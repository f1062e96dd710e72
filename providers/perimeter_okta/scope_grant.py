"""``okta_app_scope_grant``: what an application may do with Okta's own API."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from perimeter.sdk import (
    STRING,
    UNKNOWN,
    Access,
    Attribute,
    Attributes,
    CreateRequest,
    DeleteRequest,
    Direction,
    Facet,
    Grant,
    Identity,
    Listing,
    ListRequest,
    NestedBlock,
    Nesting,
    NotFound,
    Observed,
    Parent,
    ReadRequest,
    Recognition,
    ResourceType,
    Schema,
    Set,
    Transition,
    Unknown,
    UpdateRequest,
    Written,
    path_of,
)
from perimeter_okta.access import with_app
from perimeter_okta.attributes import ID, moment, observed
from perimeter_okta.client import OktaReader, OktaWriter
from perimeter_okta.decode import given, text, texts, time
from perimeter_okta.directions import of_set, undecided
from perimeter_okta.permissions import GRANTS, MANAGE_SCOPES, READ_SCOPES
from perimeter_okta.quirks import OWN_APP, SCOPES_LAST, is_own_app
from perimeter_okta.revocation import revoke_some


def decode(app: str, found: Iterable[Any]) -> Observed | None:
    """All active grants of one application together; None when it has none."""
    active = [item for item in found if text(item, "status") in {None, "ACTIVE"}]
    if not active:
        return None
    newest = max(active, key=lambda item: text(item, "created") or "")
    return Observed(
        id=app,
        attributes={
            "id": app,
            "app": app,
            "scopes": sorted({scope for item in active if (scope := text(item, "scopeId"))}),
            "issuer": text(newest, "issuer"),
            "granted_by": text(newest, "createdBy", "id"),
            "granted_at": time(newest, "created"),
        },
    )


class AppScopeGrant(ResourceType):
    """The Okta API scopes of one application, consented to by an administrator."""

    name = "okta_app_scope_grant"
    schema = Schema(
        doc="The scopes of Okta's own API that an application holds. What is declared is all it holds.",
        attributes={
            "id": ID,
            "app": Attribute(type=STRING, doc="The application's id.", required=True, replace=True),
            "scopes": Attribute(
                type=Set(STRING),
                doc="Scopes such as okta.users.read.",
                optional=True,
                computed=True,
            ),
            "issuer": observed("The org whose API it is."),
            "granted_by": observed("Id of the user or client that granted the newest scope."),
            "granted_at": moment("When the newest scope was granted."),
        },
        blocks={
            "scope": NestedBlock(
                nesting=Nesting.SET,
                doc="One more scope, for a while. Together with `scopes` these are all its scopes.",
                label="name",
                key=("name",),
                expires="expires_at",
                attributes={
                    "name": Attribute(type=STRING, doc="The scope.", required=True),
                    "expires_at": Attribute(
                        type=STRING,
                        doc="From when on the app no longer holds it: a date, or a time from the first apply such as `90d`.",
                        optional=True,
                    ),
                },
            )
        },
    )
    identity = Identity(
        natural_key=("app",),
        recognition=Recognition.UNIQUE_KEY,
        parent=Parent(type="okta_app", attribute="app"),
        import_format="APP_ID",
    )
    permissions = GRANTS
    quirks = (OWN_APP, SCOPES_LAST)
    affects_sign_in = True
    inventory = True

    def list(self, reader: OktaReader, request: ListRequest) -> Listing:
        """Read an application's grants: one object, or none."""
        try:
            found = decode(request.parent or "", _grants(reader, request.parent or ""))
        except NotFound:
            found = None
        return Listing(objects=() if found is None else (found,))

    def read(self, reader: OktaReader, request: ReadRequest) -> Observed | None:
        """Read an application's grants."""
        try:
            return decode(request.id, _grants(reader, request.id))
        except NotFound:
            return None

    def create(self, writer: OktaWriter, request: CreateRequest) -> Written:
        """Grant each scope."""
        app = str(request.attributes["app"])
        return _grant(writer, app, _scopes(request.attributes))

    def update(self, writer: OktaWriter, request: UpdateRequest) -> Written:
        """Revoke what is too much, grant what is missing, then end the tokens that carry what was revoked."""
        live = {text(item, "scopeId"): item for item in _grants(writer, request.id)}
        wanted = _scopes(request.after)
        for scope, item in live.items():
            if scope not in wanted:
                writer.delete(_path(request.id, str(item["id"])))
        made = _grant(writer, request.id, [scope for scope in wanted if scope not in live])
        _revoke(writer, request.id, live.keys() - set(wanted), request.also)
        return made

    def delete(self, writer: OktaWriter, request: DeleteRequest) -> str:
        """Revoke every scope, and the tokens that carry one."""
        answer = ""
        try:
            live = _grants(writer, request.id)
        except NotFound:
            return answer
        for item in live:
            answer = writer.delete(_path(request.id, str(item["id"])))
        _revoke(writer, request.id, {text(item, "scopeId") for item in live}, request.also)
        return answer

    def fold(self, desired: Attributes) -> Attributes | None:
        """The scopes of the blocks are scopes like the others."""
        blocks = desired.get("scope")
        if blocks is None:
            return desired
        rest = {name: value for name, value in desired.items() if name != "scope"}
        scopes = rest.get("scopes")
        if isinstance(blocks, Unknown) or isinstance(scopes, Unknown):
            return {**rest, "scopes": UNKNOWN}
        whole = [*(scopes or ()), *(block.get("name") for block in blocks)]
        return {**rest, "scopes": list(dict.fromkeys(whole))} if whole else None

    def may_lock_out(self, transition: Transition) -> bool:
        """Only what the app that perimeter acts as may do."""
        return is_own_app(transition)

    def access_after(self, access: Access, transition: Transition) -> tuple[Access, ...]:
        """The app that perimeter acts as must keep the scopes that it asks for: without one of them it gets no token at all."""
        if not is_own_app(transition):
            return (access,)
        held = transition.tenant.scopes if transition.tenant is not None else None
        before, after = transition.before or {}, transition.after or {}
        kept = after.get("scopes") or ()
        if undecided(kept):
            return (
                with_app(access, doubtful="which scopes perimeter's own app keeps is not known"),
            )
        asked = set(MANAGE_SCOPES) | set(READ_SCOPES) | set(held or ())
        gone = sorted((set(before.get("scopes") or ()) - set(kept)) & asked)
        if not gone:
            return (access,)
        return (with_app(access, lost=f"perimeter itself uses the scope {gone[0]}"),)

    def direction(self, transition: Transition) -> Direction:
        """More scopes widen."""
        before, after = transition.before or {}, transition.after or {}
        return of_set(before.get("scopes"), after.get("scopes"))

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """A grant for the whole tenant."""
        scopes = tuple(attributes.get("scopes") or ())
        writes = tuple(scope for scope in scopes if scope.endswith(".manage"))
        risk = (f"can change {len(writes)} kinds of objects in Okta",) if writes else ()
        app = str(attributes.get("app") or "")
        return (Grant(id=app, name=app, app=app, scopes=scopes, risk=risk),)

    def describe(self, attributes: Attributes) -> str:
        """For which app."""
        return f"of {attributes.get('app')}"

    def origin(self, attributes: Attributes) -> str:
        """Who granted it."""
        day = attributes.get("granted_at")
        return (
            f"granted by {attributes.get('granted_by')} {day[:10]}" if isinstance(day, str) else ""
        )

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """A grant of nothing is no grant."""
        scopes = config.get("scopes")
        if not scopes and not isinstance(scopes, Unknown):
            yield (
                ("scopes",),
                "A grant needs at least one scope; remove the resource to revoke all.",
            )
        for scope in scopes if isinstance(scopes, list | tuple) else ():
            if isinstance(scope, str) and not scope.startswith(("okta.", "ssf.")):
                yield ("scopes",), f'"{scope}" is no scope of Okta\'s API; they begin with okta.'


def _revoke(writer: OktaWriter, app: str, gone: AbstractSet[str | None], also: list[str]) -> None:
    if gone:
        revoke_some(
            writer,
            app,
            lambda token: not gone.isdisjoint(texts(token, "scopes")),
            also,
            ended="The scopes were revoked",
        )


def _path(app: str, *more: str) -> str:
    return path_of("api", "v1", "apps", app, "grants", *more)


def _grants(reader: OktaReader, app: str) -> list[dict[str, Any]]:
    return reader.all(_path(app))


def _scopes(attributes: Attributes) -> list[str]:
    return sorted(str(scope) for scope in given(attributes, "scopes") or ())


def _grant(writer: OktaWriter, app: str, scopes: Iterable[str]) -> Written:
    answer = ""
    for scope in scopes:
        body = {"issuer": writer.org_url(), "scopeId": scope}
        answer = writer.post(_path(app), body).request_id
    return Written(id=app, request_id=answer)
