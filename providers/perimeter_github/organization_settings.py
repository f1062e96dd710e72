"""``github_organization_settings``: what members may do by default, and how they sign in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from perimeter.sdk import (
    BOOL,
    STRING,
    Attribute,
    Attributes,
    Direction,
    Facet,
    Identity,
    Listing,
    ListRequest,
    LockoutEffect,
    LockoutRequest,
    ManualStep,
    Mode,
    Observed,
    Permissions,
    Quirk,
    ReadRequest,
    Reason,
    Recognition,
    ResourceType,
    Schema,
    SignInSetting,
    Tenant,
    Transition,
    Unseen,
    UpdateRequest,
    Written,
    join_directions,
)
from perimeter_github import directions
from perimeter_github.client import Client
from perimeter_github.permissions import MEMBERS_READ, SETTINGS_READ, SETTINGS_WRITE, needed

_DOCS = "https://docs.github.com/enterprise-cloud@latest"
_TWO_FACTOR = "two_factor_requirement_enabled"
_CREATING = (
    "members_can_create_repositories",
    "members_can_create_public_repositories",
    "members_can_create_private_repositories",
    "members_can_create_internal_repositories",
)
"""Switches that GitHub moves together; an update sends them all."""

_WRITTEN: Mapping[str, str] = {
    "members_can_create_repositories": "Members may create repositories at all.",
    "members_can_create_public_repositories": "Members may create repositories that anybody sees.",
    "members_can_create_private_repositories": "Members may create private repositories.",
    "members_can_create_internal_repositories": "Members may create repositories for the enterprise"
    " (organisations of an enterprise only).",
    "members_can_create_pages": "Members may publish GitHub Pages sites.",
    "members_can_create_public_pages": "Members may publish sites that anybody sees.",
    "members_can_create_private_pages": "Members may publish private sites.",
    "members_can_fork_private_repositories": "Members may fork private repositories.",
    "deploy_keys_enabled_for_repositories": "Deploy keys may be added and used.",
    "web_commit_signoff_required": "Commits made in the web interface must be signed off.",
}
_SHOWN: Mapping[str, str] = {
    _TWO_FACTOR: "Everybody with access needs a second factor.",
    "members_can_delete_repositories": "Repository admins may delete or transfer repositories.",
    "members_can_change_repo_visibility": "Repository admins may change who sees a repository.",
    "members_can_invite_outside_collaborators": "Repository admins may invite outsiders.",
    "members_can_create_teams": "Members may create teams.",
}
_CONSOLE: Mapping[str, str] = {
    "members_can_delete_repositories": "deleting and transferring repositories",
    "members_can_change_repo_visibility": "changing repositories' visibility",
    "members_can_invite_outside_collaborators": "inviting outside collaborators",
    "members_can_create_teams": "creating teams",
}
"""What the console's page is to allow or forbid. GitHub renames its labels, so none is quoted."""
_CLOSING = frozenset({"web_commit_signoff_required", _TWO_FACTOR})


def _switch(doc: str, mode: Mode = Mode.MANAGED) -> Attribute:
    return Attribute(type=BOOL, doc=doc, optional=True, computed=True, mode=mode)


def _turns(name: str, after: bool) -> Any:
    def applies(transition: Transition) -> bool:
        before = (transition.before or {}).get(name)
        return before is (not after) and (transition.after or {}).get(name) is after

    return applies


class OrganizationSettings(ResourceType):
    """Settings of the organisation as a whole."""

    name = "github_organization_settings"
    singleton = True
    creatable = False
    deletable = False
    affects_sign_in = True
    identity = Identity(recognition=Recognition.UNIQUE_KEY, import_format="ORGANIZATION")
    permissions = Permissions(read=(SETTINGS_READ,), update=(SETTINGS_WRITE, MEMBERS_READ))
    schema = Schema(
        doc="Settings of a GitHub organisation: what members may do, and how they sign in.",
        attributes={
            "id": Attribute(type=STRING, doc="The organisation's id.", computed=True),
            "login": Attribute(
                type=STRING, doc="The organisation's name.", computed=True, mode=Mode.OBSERVED
            ),
            "html_url": Attribute(
                type=STRING, doc="Where it is on the web.", computed=True, mode=Mode.OBSERVED
            ),
            "default_repository_permission": Attribute(
                type=STRING,
                doc="What every member may do in every repository.",
                optional=True,
                computed=True,
                values=("none", "read", "write", "admin"),
            ),
            **{name: _switch(doc) for name, doc in _WRITTEN.items()},
            **{name: _switch(doc, Mode.OBSERVED) for name, doc in _SHOWN.items()},
        },
    )
    quirks = (
        Quirk(
            summary="Outside collaborators without a second factor are removed; members and owners "
            "without one lose access until they enrol one.",
            since="2026-11-24",
            source=f"{_DOCS}/organizations/keeping-your-organization-secure/"
            "preparing-to-require-two-factor-authentication-in-your-organization",
            applies=_turns(_TWO_FACTOR, after=True),
        ),
        Quirk(
            summary="All deploy keys of all repositories stop working at once.",
            since="2026-11-24",
            source=f"{_DOCS}/rest/orgs/orgs#update-an-organization",
            applies=_turns("deploy_keys_enabled_for_repositories", after=False),
        ),
    )

    def list(self, reader: Client, request: ListRequest) -> Listing:
        """One call: ``GET /orgs/{org}``."""
        return Listing(objects=(self._get(reader, request.tenant),))

    def read(self, reader: Client, request: ReadRequest) -> Observed | None:
        """Read the organisation."""
        return self._get(reader, request.tenant)

    def update(self, writer: Client, request: UpdateRequest) -> Written:
        """``PATCH /orgs/{org}``."""
        names = request.changed & {"default_repository_permission", *_WRITTEN}
        if names & set(_CREATING):
            names |= {name for name in _CREATING if request.after.get(name) is not None}
        body = {name: request.after[name] for name in sorted(names)}
        with writer.naming(SETTINGS_WRITE):
            answer = writer.http.patch(writer.path(), body)
        return Written(id=request.id, request_id=answer.request_id)

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """The organisation's name or id."""
        if text.casefold() not in {tenant.name.casefold(), tenant.id}:
            raise ValueError(f'The provider is for the organisation {tenant.name}, not "{text}".')
        return {"id": tenant.id}

    def direction(self, transition: Transition) -> Direction:
        """Each setting by itself, joined."""
        before, after = transition.before or {}, transition.after
        if after is None:
            return Direction.NEUTRAL
        name = "default_repository_permission"
        found = [directions.level(before.get(name), after.get(name))]
        found += [
            directions.flag(transition, name, opens=name not in _CLOSING)
            for name in (*_WRITTEN, *_SHOWN)
        ]
        return join_directions(*found)

    def manual(self, transition: Transition) -> ManualStep | None:
        """The settings that GitHub shows and no API writes."""
        if transition.before is None or transition.after is None:
            return None
        after = transition.after
        names = [n for n in _SHOWN if after.get(n) is not None and transition.changed(n)]
        if not names:
            return None
        steps = []
        if _TWO_FACTOR in names:
            verb = "require" if after[_TWO_FACTOR] else "stop requiring"
            steps.append(
                f"under Authentication security {verb} two-factor authentication for everyone, "
                "and save"
            )
        for name in names:
            if name in _CONSOLE:
                verb = "allow" if after[name] else "forbid"
                steps.append(f"under Member privileges {verb} members {_CONSOLE[name]}, and save")
        page = "security" if _TWO_FACTOR in names else "member_privileges"
        return ManualStep(
            reason="GitHub shows "
            + ("this setting" if len(names) == 1 else "these settings")
            + " to the API and lets only the console write it.",
            instructions="Organisation settings: " + "; ".join(steps) + ".",
            url=f"{_console(transition)}/{page}",
            paths=tuple(names),
        )

    def lockout(self, request: LockoutRequest) -> LockoutEffect:
        """A required second factor locks out the owners who have none."""
        if not self.quirks[0].applies(request.transition):
            return LockoutEffect()
        people = request.administrators
        return LockoutEffect(
            lost=frozenset(person.id for person in people if person.factors is False),
            uncertain=frozenset(person.id for person in people if person.factors is None),
            because="the organisation will require a second factor",
        )

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """How members sign in."""
        required = attributes.get(_TWO_FACTOR)
        known = required if isinstance(required, bool) else None
        return (
            SignInSetting(
                id=str(attributes.get("id")),
                name=str(attributes.get("login")),
                risk=("nobody needs a second factor",) if known is False else (),
                requires_factor=known,
            ),
        )

    def describe(self, attributes: Attributes) -> str:
        """The organisation's name."""
        login = attributes.get("login")
        return f'"{login}"' if isinstance(login, str) else ""

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """Switches that contradict each other."""
        if config.get(_CREATING[0]) is False:
            for name in _CREATING[1:]:
                if config.get(name) is True:
                    yield (
                        (name,),
                        f"{_CREATING[0]} is false, so {name} cannot be true. Change one of them.",
                    )
        kinds = [config.get(name) for name in _CREATING[1:]]
        if config.get(_CREATING[0]) is True and kinds[:2] == [False, False] and not kinds[2]:
            message = (
                f"{_CREATING[0]} is true, but no kind of repository is allowed. Allow one, or set "
                "it to false."
            )
            yield (_CREATING[0],), message

    def _get(self, reader: Client, tenant: Tenant) -> Observed:
        data = reader.get(reader.path(), SETTINGS_READ).data
        shown = "default_repository_permission" in data
        hidden = Unseen(
            reason=Reason.FORBIDDEN,
            needs=needed(SETTINGS_READ, reader.scopes),
            detail="GitHub shows an organisation's settings to its owners only.",
        )
        attributes: dict[str, Any] = {
            "id": tenant.id,
            "login": data.get("login"),
            "html_url": data.get("html_url"),
        }
        for name in ("default_repository_permission", *_WRITTEN, *_SHOWN):
            attributes[name] = data.get(name) if shown else hidden
        return Observed(id=tenant.id, attributes=attributes)


def _console(transition: Transition) -> str:
    before = transition.before or {}
    place = urlsplit(str(before.get("html_url") or "https://github.com"))
    return f"{place.scheme}://{place.netloc}/organizations/{before.get('login')}/settings"
