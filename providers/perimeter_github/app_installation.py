"""``github_app_installation``: which GitHub Apps reach the organisation, and how far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.sdk import (
    BOOL,
    STRING,
    UNKNOWN,
    App,
    Attribute,
    Attributes,
    Direction,
    Facet,
    Forbidden,
    Grant,
    HydrateRequest,
    Identity,
    Listing,
    ListRequest,
    LockoutEffect,
    LockoutRequest,
    ManualStep,
    Map,
    Mode,
    NestedBlock,
    Nesting,
    NotFound,
    Observed,
    Permissions,
    Plain,
    Quirk,
    ReadRequest,
    Reason,
    Recognition,
    ResourceType,
    Schema,
    Set,
    Tenant,
    Transition,
    Unknown,
    Unseen,
    join_directions,
    path_of,
)
from perimeter.sdk.canonical import login, timestamp
from perimeter_github import directions
from perimeter_github.client import Client
from perimeter_github.permissions import LEVELS, METADATA_READ, SETTINGS_READ, USED, powers

_USER_TOKEN = "a classic token of an owner"  # noqa: S105 - words for people


def _shown(kind: Any, doc: str, *, optional: bool = False, **more: Any) -> Attribute:
    return Attribute(
        type=kind, doc=doc, optional=optional, computed=True, mode=Mode.OBSERVED, **more
    )


def _names(value: Plain) -> Plain:
    return sorted({login(name) if isinstance(name, str) else name for name in value})


def _loses_reach(transition: Transition) -> bool:
    before, after = transition.before, transition.after
    if before is None or after is None:
        return False
    narrower = (
        directions.levels(before.get("permissions"), after.get("permissions")),
        directions.members(before.get("repositories"), after.get("repositories")),
        directions.rising(
            _reach(before.get("repository_selection")), _reach(after.get("repository_selection"))
        ),
        directions.flag(transition, "suspended", opens=False),
    )
    return Direction.NARROWS in narrower


TOKENS_LAST = Quirk(
    summary="Tokens that the app made before may reach as far as they did until they end, up to one hour; only the app itself "
    "can revoke them.",
    since="2026-11-24",
    source="https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/"
    "generating-an-installation-access-token-for-a-github-app",
    applies=_loses_reach,
)


class AppInstallation(ResourceType):
    """An installed GitHub App. An organisation's credential may only look."""

    name = "github_app_installation"
    inventory = True
    affects_sign_in = True
    creatable = False
    deletable = False
    listed = frozenset(
        {
            "id",
            "app_slug",
            "app_id",
            "client_id",
            "permissions",
            "events",
            "repository_selection",
            "suspended",
            "html_url",
            "created_at",
            "updated_at",
        }
    )
    identity = Identity(
        natural_key=("app_slug",),
        recognition=Recognition.UNIQUE_KEY,
        import_format="INSTALLATION_ID or APP_SLUG",
    )
    permissions = Permissions(read=(SETTINGS_READ,), attributes={"repositories": (METADATA_READ,)})
    schema = Schema(
        doc="A GitHub App that is installed in the organisation. GitHub lets an organisation's "
        "credential read installations only, so every change is a manual step.",
        attributes={
            "id": Attribute(type=STRING, doc="The installation's id.", computed=True),
            "app_slug": Attribute(
                type=STRING,
                doc="The app's name in URLs.",
                required=True,
                mode=Mode.OBSERVED,
                canonical=login,
            ),
            "app_id": _shown(STRING, "The app's id."),
            "client_id": _shown(STRING, "The app's client id."),
            "permissions": _shown(Map(STRING), "Access levels by permission.", optional=True),
            "events": _shown(Set(STRING), "Events that are sent to the app.", optional=True),
            "repository_selection": _shown(
                STRING,
                "Whether the app reaches all repositories.",
                optional=True,
                values=("all", "selected"),
            ),
            "repositories": _shown(
                Set(STRING),
                "Names of the selected repositories; null where all are.",
                optional=True,
                canonical=_names,
            ),
            "suspended": _shown(BOOL, "Whether the app is kept out for now.", optional=True),
            "html_url": _shown(STRING, "Its page in the organisation's settings."),
            "created_at": _shown(STRING, "When it was installed.", canonical=timestamp),
            "updated_at": _shown(STRING, "When it last changed.", canonical=timestamp),
        },
        blocks={
            "permission": NestedBlock(
                nesting=Nesting.SET,
                doc="A permission that the app holds for a while: in place of what `permissions` says of it.",
                label="name",
                key=("name",),
                expires="expires_at",
                attributes={
                    "name": Attribute(type=STRING, doc="Such as contents.", required=True),
                    "access": Attribute(
                        type=STRING, doc="The level: read, write or admin.", required=True
                    ),
                    "expires_at": Attribute(
                        type=STRING,
                        doc="From when on `permissions` alone counts: a date, or a time from the first apply such as `90d`.",
                        optional=True,
                    ),
                },
            )
        },
    )
    quirks = (TOKENS_LAST,)

    def fold(self, desired: Attributes) -> Attributes:
        """Blocks stand in place of what ``permissions`` says of the same names; without it they are refused."""
        blocks, whole = desired.get("permission"), desired.get("permissions")
        if blocks is None or whole is None:
            return desired
        rest = {name: value for name, value in desired.items() if name != "permission"}
        if isinstance(blocks, Unknown) or isinstance(whole, Unknown):
            return {**rest, "permissions": UNKNOWN}
        if any(isinstance(block.get("name"), Unknown) for block in blocks):
            return {**rest, "permissions": UNKNOWN}
        more = {str(block["name"]): block.get("access") for block in blocks}
        return {**rest, "permissions": {**whole, **more}}

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """What a permission falls back to once it ends must be said."""
        if config.get("permission") is not None:
            yield (
                ("permission",),
                "Give permissions, too: what the app holds once these permissions have ended.",
            )

    def list(self, reader: Client, request: ListRequest) -> Listing:
        """``GET /orgs/{org}/installations``, 100 a page."""
        return Listing(objects=self._listed(reader))

    def hydrate(self, reader: Client, request: HydrateRequest) -> tuple[Observed, ...]:
        """The selected repositories, as far as the credential may see them."""
        return tuple(
            Observed(id=item.id, attributes={"repositories": self._repositories(reader, item)})
            for item in request.objects
        )

    def read(self, reader: Client, request: ReadRequest) -> Observed | None:
        """Find one in the list: there is no call for a single installation."""
        for item in self._listed(reader):
            if item.id == request.id:
                selected = self._repositories(reader, item)
                return Observed(
                    id=item.id, attributes={**item.attributes, "repositories": selected}
                )
        return None

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """An installation's id, or the app's slug."""
        return {"id": text} if text.isdigit() else {"app_slug": text}

    def direction(self, transition: Transition) -> Direction:
        """More permissions, repositories or events widen; so does an end of a suspension."""
        if transition.before is None:
            return Direction.WIDENS
        if transition.after is None:
            return Direction.NARROWS
        before, after = transition.before, transition.after
        selection = "repository_selection"
        found = [
            directions.levels(before.get("permissions"), after.get("permissions")),
            directions.members(before.get("events"), after.get("events")),
            directions.flag(transition, "suspended", opens=False),
            directions.rising(_reach(before.get(selection)), _reach(after.get(selection))),
        ]
        if before.get(selection) == after.get(selection):
            found.append(directions.members(before.get("repositories"), after.get("repositories")))
        return join_directions(*found)

    def manual(self, transition: Transition) -> ManualStep:
        """Every change is one."""
        before, after = transition.before, transition.after
        if before is None:
            return ManualStep(
                reason="GitHub lets only a person, or an enterprise owner, install an app.",
                instructions="Open the app's page, choose Install and the organisation"
                + _choice(after or {})
                + ".",
                url=f"https://github.com/apps/{(after or {}).get('app_slug')}/installations/new",
            )
        url = str(before.get("html_url") or "")
        if after is None:
            return ManualStep(
                reason="GitHub lets only a person, the app's owner or an enterprise owner uninstall "
                "an app; this credential belongs to the organisation.",
                instructions='Under "Danger zone" choose Uninstall.',
                url=url,
            )
        names = tuple(
            name
            for name, attribute in self.schema.attributes.items()
            if attribute.optional and after.get(name) is not None and transition.changed(name)
        )
        return ManualStep(
            reason="GitHub lets only an enterprise owner change this by API; this credential "
            "belongs to the organisation.",
            instructions=" ".join(_steps(before, after, names)),
            url=url,
            paths=names,
        )

    def may_lock_out(self, transition: Transition) -> bool:
        """Only a change of the installation that perimeter acts as."""
        own = transition.tenant.caller_credential if transition.tenant is not None else ""
        return bool(own) and (transition.before or {}).get("id") == own

    def lockout(self, request: LockoutRequest) -> LockoutEffect:
        """The installation that perimeter acts as must stay, not suspended, with the permissions that perimeter's types use."""
        before, after = request.transition.before or {}, request.transition.after
        own = frozenset(
            person.id
            for person in request.administrators
            if person.caller and before.get("id") in person.credentials
        )
        if not own:
            return LockoutEffect()
        if after is None or after.get("suspended"):
            verb = "uninstalled" if after is None else "suspended"
            return LockoutEffect(
                lost=own, because=f"perimeter itself acts as this app: it is {verb}"
            )
        less = _lowered(before.get("permissions") or {}, after.get("permissions"))
        if not less:
            return LockoutEffect()
        because = f"perimeter itself acts as this app and uses {less[0]}"
        return LockoutEffect(lost=own, because=because)

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """The app, and what the organisation granted it."""
        permissions = attributes.get("permissions") or {}
        scopes = tuple(f"{name}:{level}" for name, level in sorted(permissions.items()))
        everywhere = attributes.get("repository_selection") == "all"
        where = "every repository" if everywhere else "selected repositories"
        suspended = bool(attributes.get("suspended"))
        risk = () if suspended else powers(permissions, where)
        slug, number = str(attributes.get("app_slug")), str(attributes.get("id"))
        return (
            App(id=number, name=slug, scopes=scopes, suspended=suspended, risk=risk),
            Grant(id=number, name=slug, app=slug, scopes=scopes, risk=risk),
        )

    def origin(self, attributes: Attributes) -> str:
        """When it was installed, and when it last changed."""
        created, updated = attributes.get("created_at"), attributes.get("updated_at")
        if not isinstance(created, str):
            return ""
        changed = f", changed {updated[:10]}" if isinstance(updated, str) else ""
        return f"installed {created[:10]}{changed}"

    def _listed(self, reader: Client) -> tuple[Observed, ...]:
        items = reader.items(reader.path("installations"), SETTINGS_READ, at="installations")
        return tuple(_observed(item) for item in items)

    def _repositories(self, reader: Client, item: Observed) -> Plain:
        if item.attributes.get("repository_selection") not in {"selected", None}:
            return None
        if reader.app and item.id != reader.installation:
            return Unseen(
                reason=Reason.FORBIDDEN,
                needs=_USER_TOKEN,
                detail="An app sees the repositories of its own installation only.",
            )
        path = "/installation/repositories"
        if not reader.app:
            path = path_of("user", "installations", item.id, "repositories")
        try:
            found = reader.items(path, METADATA_READ, at="repositories")
        except (Forbidden, NotFound) as error:
            return Unseen(reason=Reason.FORBIDDEN, needs=_USER_TOKEN, detail=error.message)
        return sorted(str(repository["name"]) for repository in found)


def _observed(item: dict[str, Any]) -> Observed:
    attributes: dict[str, Plain] = {
        "id": str(item["id"]),
        "app_slug": item.get("app_slug"),
        "app_id": str(item.get("app_id")),
        "client_id": item.get("client_id"),
        "permissions": {
            name: level for name, level in (item.get("permissions") or {}).items() if level
        },
        "events": sorted(item.get("events") or ()),
        "repository_selection": item.get("repository_selection"),
        "suspended": item.get("suspended_at") is not None,
        "html_url": item.get("html_url"),
        "created_at": item.get("created_at"),
        "updated_at": item.get("updated_at"),
    }
    if attributes["repository_selection"] == "all":
        attributes["repositories"] = None
    return Observed(id=str(item["id"]), attributes=attributes)


def _lowered(before: Attributes, after: Plain) -> list[str]:
    """What perimeter uses and would no longer have, as ``PERMISSION=LEVEL``."""
    if not isinstance(after, Mapping):
        return []
    found = []
    for word in USED:
        name, _, level = word.partition("=")
        needs = LEVELS[level]
        had, keeps = (LEVELS.get(str(held.get(name, "none")), 0) for held in (before, after))
        if had >= needs > keeps:
            found.append(word)
    return found


def _reach(selection: Plain) -> Plain:
    return {"selected": 1, "all": 2}.get(selection, selection) if selection else None


def _choice(after: Attributes) -> str:
    if after.get("repository_selection") == "all":
        return ', "All repositories"'
    names = after.get("repositories")
    if isinstance(names, list | tuple) and names:
        return ', "Only select repositories" and ' + ", ".join(f'"{name}"' for name in names)
    return ""


def _steps(before: Attributes, after: Attributes, names: tuple[str, ...]) -> list[str]:
    steps = []
    if "repository_selection" in names or "repositories" in names:
        steps.append(f"Under Repository access choose{_choice(after).removeprefix(',')} and save.")
    if "suspended" in names:
        verb = "Suspend" if after.get("suspended") else "Unsuspend"
        steps.append(f'Under "Danger zone" choose {verb}.')
    if "permissions" in names:
        steps += _permission_steps(before.get("permissions") or {}, after["permissions"])
    if "events" in names:
        steps.append("Events are the app's own: ask its publisher to change them.")
    return steps


def _permission_steps(before: Attributes, after: Attributes) -> list[str]:
    fewer: list[str] = []
    more: list[str] = []
    for name in sorted({*before, *after}):
        old, new = before.get(name, "none"), after.get(name, "none")
        if old != new:
            less = LEVELS.get(str(new), 0) < LEVELS.get(str(old), 0)
            (fewer if less else more).append(f"{name} from {old} to {new}")
    steps = []
    if fewer:
        steps.append(
            "Permissions are the app's own, and no organisation can take single ones away: ask its "
            f"publisher to lower {', '.join(fewer)}, or suspend or uninstall it there."
        )
    if more:
        steps.append(
            f'To raise {", ".join(more)}: choose "Review request" there once the publisher asks '
            "for it."
        )
    return steps
