"""``github_actions_secret`` and its kin: secrets of GitHub Actions, as sinks. GitHub shows names and dates, never a value."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from perimeter.sdk import (
    STRING,
    Attribute,
    Attributes,
    CreateRequest,
    DeleteRequest,
    Delivered,
    DeliverRequest,
    Direction,
    Forbidden,
    HydrateRequest,
    Identity,
    Listing,
    ListRequest,
    Mode,
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
    SinkType,
    Tenant,
    Transition,
    Unknown,
    Unseen,
    UpdateRequest,
    Written,
    collect,
    join_directions,
    link_pages,
)
from perimeter.sdk.canonical import login, timestamp
from perimeter_github import directions
from perimeter_github.client import PAGE, Client
from perimeter_github.permissions import (
    ENVIRONMENTS_READ,
    ENVIRONMENTS_WRITE,
    METADATA_READ,
    ORGANIZATION_SECRETS_READ,
    ORGANIZATION_SECRETS_WRITE,
    REPOSITORY_SECRETS_READ,
    REPOSITORY_SECRETS_WRITE,
    needed,
)
from perimeter_github.secret_places import NAME, Place, one_of, places, put, secrets_of

EMPTY = "perimeter has not delivered anything yet"
"""What a new secret holds until the first delivery: GitHub makes none without a value."""

_UNDELIVERED = Quirk(
    summary=f'Until the first delivery the secret reads "{EMPTY}".',
    since="2026-11-24",
    source="https://docs.github.com/en/rest/actions/secrets",
    applies=lambda transition: transition.before is None,
)


def _upper(value: str) -> str:
    return value.strip().upper()


def _moment(doc: str) -> Attribute:
    return Attribute(type=STRING, doc=doc, computed=True, mode=Mode.OBSERVED, canonical=timestamp)


def _attributes(**more: Attribute) -> dict[str, Attribute]:
    return {
        "id": Attribute(type=STRING, doc="Where it is and its name.", computed=True),
        **more,
        "name": Attribute(
            type=STRING,
            doc="Its name: letters, digits and underscores; GitHub writes it in capitals.",
            required=True,
            replace=True,
            canonical=_upper,
        ),
        "created_at": _moment("When it was made."),
        "updated_at": _moment("When its value was last put."),
    }


_REPOSITORY = Attribute(
    type=STRING,
    doc="The repository's name, without the organisation.",
    required=True,
    replace=True,
    canonical=login,
)


class ActionsSink(SinkType):
    """Sealed boxes in; nothing ever comes out, so that neither later trials nor restoring are possible here."""

    def __init__(self, read: str, write: str) -> None:
        self.permissions: Mapping[str, tuple[str, ...]] = {"deliver": (read, write)}  # type: ignore[misc]

    def deliver(self, writer: Client, request: DeliverRequest) -> Delivered:
        """Put the payload; the version is the time at which GitHub says it was updated."""
        place, name = place_of(request.id, request.attributes)
        settings: dict[str, Any] = {}
        if not place.repository:
            # GitHub asks for the visibility each time, and takes the repositories along with it.
            shown = one_of(writer, place, name) or {}
            settings["visibility"] = shown.get("visibility") or request.attributes["visibility"]
            if settings["visibility"] == "selected":
                selected = _selected(writer, name)
                settings["selected_repository_ids"] = [int(item["id"]) for item in selected]
        version, request_id = put(writer, place, name, request.payload, settings)
        return Delivered(version=version, request_id=request_id)


class ActionsSecretType(ResourceType):
    """What the three kinds have in common."""

    hides = "Secrets of archived repositories, and of repositories that the credential cannot see."
    quirks = (_UNDELIVERED,)

    @abstractmethod
    def place(self, attributes: Attributes) -> Place:
        """Where a declared secret is to be."""

    def read(self, reader: Client, request: ReadRequest) -> Observed | None:
        """One secret by its name."""
        place, name = place_of(request.id, request.hint)
        found = one_of(reader, place, name)
        return None if found is None else observed(place, found)

    def create(self, writer: Client, request: CreateRequest) -> Written:
        """Put a text that says that nothing was delivered yet."""
        place, name = self.place(request.attributes), str(request.attributes["name"]).upper()
        _, request_id = put(writer, place, name, EMPTY, self._settings(writer, request.attributes))
        return Written(id=place.id_of(name), request_id=request_id)

    def delete(self, writer: Client, request: DeleteRequest) -> str:
        """Remove it, value and all."""
        place, name = place_of(request.id, request.attributes)
        with writer.naming(place.write):
            return writer.http.delete(place.path(writer, name)).request_id

    def direction(self, transition: Transition) -> Direction:
        """An empty secret gives nobody anything; a delivery is judged with the credential."""
        return Direction.NEUTRAL

    def describe(self, attributes: Attributes) -> str:
        """``DEPLOY_KEY in acme/api``."""
        name = attributes.get("name")
        where = [attributes.get(part) for part in ("repository", "environment")]
        text = "/".join(str(part) for part in where if isinstance(part, str))
        return f"{name} in {text}" if text else f"{name} of the organisation"

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """Names that GitHub takes."""
        name, repository = config.get("name"), config.get("repository")
        if isinstance(name, str) and not NAME.fullmatch(name):
            yield (
                ("name",),
                "A secret's name has letters, digits and underscores, does not begin with a digit, nor with GITHUB_.",
            )
        if isinstance(repository, str) and "/" in repository:
            yield (
                ("repository",),
                "Give the repository's name alone; the provider block names the organisation.",
            )

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """As ``import_format`` says."""
        parts = text.removeprefix(f"{tenant.name}/").split("/")
        if len(parts) < self._parts or (len(parts) > self._parts and self._parts < 3):
            raise ValueError(f'"{text}" does not name such a secret.')
        place, name = place_of(text.removeprefix(f"{tenant.name}/"), {})
        return {"id": place.id_of(name)}

    _parts: ClassVar[int] = 1

    def _settings(self, writer: Client, attributes: Attributes) -> dict[str, Any]:
        return {}


class RepositorySecret(ActionsSecretType):
    """A secret that the workflows of one repository read."""

    name = "github_actions_secret"
    sink = ActionsSink(REPOSITORY_SECRETS_READ, REPOSITORY_SECRETS_WRITE)
    identity = Identity(
        natural_key=("repository", "name"),
        recognition=Recognition.UNIQUE_KEY,
        import_format="REPOSITORY/NAME",
    )
    permissions = Permissions(
        read=(METADATA_READ, REPOSITORY_SECRETS_READ),
        create=(REPOSITORY_SECRETS_WRITE,),
        delete=(REPOSITORY_SECRETS_WRITE,),
    )
    schema = Schema(
        doc="A GitHub Actions secret of a repository: a sink for rotated credentials.",
        attributes=_attributes(repository=_REPOSITORY),
    )
    _parts = 2

    def place(self, attributes: Attributes) -> Place:
        """The repository."""
        return Place(repository=str(attributes["repository"]))

    def list(self, reader: Client, request: ListRequest) -> Listing:
        """A call per repository: GitHub has no list over all of them. Confirmed answers cost no allowance."""
        return _over(reader, inside_environments=False)


class EnvironmentSecret(ActionsSecretType):
    """A secret that workflows read while they deploy to one environment."""

    name = "github_actions_environment_secret"
    sink = ActionsSink(ENVIRONMENTS_READ, ENVIRONMENTS_WRITE)
    identity = Identity(
        natural_key=("repository", "environment", "name"),
        recognition=Recognition.UNIQUE_KEY,
        import_format="REPOSITORY/ENVIRONMENT/NAME",
    )
    permissions = Permissions(
        read=(METADATA_READ, "actions=read", ENVIRONMENTS_READ),
        create=(ENVIRONMENTS_WRITE,),
        delete=(ENVIRONMENTS_WRITE,),
    )
    schema = Schema(
        doc="A GitHub Actions secret of an environment, which must exist: a sink for rotated credentials.",
        attributes=_attributes(
            repository=_REPOSITORY,
            environment=Attribute(
                type=STRING, doc="The environment's name.", required=True, replace=True
            ),
        ),
    )
    _parts = 3

    def place(self, attributes: Attributes) -> Place:
        """The environment."""
        return Place(
            repository=str(attributes["repository"]), environment=str(attributes["environment"])
        )

    def list(self, reader: Client, request: ListRequest) -> Listing:
        """A call per repository for its environments, and one for each of those."""
        return _over(reader, inside_environments=True)


class OrganizationSecret(ActionsSecretType):
    """A secret that the workflows of many repositories read."""

    name = "github_actions_organization_secret"
    sink = ActionsSink(ORGANIZATION_SECRETS_READ, ORGANIZATION_SECRETS_WRITE)
    listed = frozenset({"id", "name", "visibility", "created_at", "updated_at"})
    identity = Identity(
        natural_key=("name",), recognition=Recognition.UNIQUE_KEY, import_format="NAME"
    )
    permissions = Permissions(
        read=(ORGANIZATION_SECRETS_READ,),
        create=(ORGANIZATION_SECRETS_WRITE, METADATA_READ),
        update=(ORGANIZATION_SECRETS_WRITE, METADATA_READ),
        delete=(ORGANIZATION_SECRETS_WRITE,),
    )
    schema = Schema(
        doc="A GitHub Actions secret of the organisation: a sink for rotated credentials.",
        attributes=_attributes(
            visibility=Attribute(
                type=STRING,
                doc="Which repositories' workflows read it: all, those that are private or internal, or selected ones.",
                optional=True,
                computed=True,
                default="private",
                values=("all", "private", "selected"),
            ),
            selected_repositories=Attribute(
                type=Set(STRING),
                doc="Names of the repositories, with visibility selected.",
                optional=True,
                computed=True,
            ),
        ),
    )

    def place(self, attributes: Attributes) -> Place:
        """The organisation."""
        return Place()

    def list(self, reader: Client, request: ListRequest) -> Listing:
        """``GET /orgs/{org}/actions/secrets``, 100 a page."""
        place = Place()
        try:
            found = secrets_of(reader, place)
        except NotFound as error:
            raise reader.hidden(error, place.read) from None
        return Listing(objects=tuple(observed(place, item) for item in found))

    def hydrate(self, reader: Client, request: HydrateRequest) -> tuple[Observed, ...]:
        """The selected repositories: a call per secret that has some."""
        found = []
        for item in request.objects:
            name = item.id
            chosen: list[str] = []
            if item.attributes.get("visibility") == "selected":
                try:
                    chosen = _names(_selected(reader, name))
                except NotFound:
                    continue
            found.append(Observed(id=name, attributes={"selected_repositories": chosen}))
        return tuple(found)

    def read(self, reader: Client, request: ReadRequest) -> Observed | None:
        """One secret, with its repositories."""
        found = super().read(reader, request)
        if found is None:
            return None
        selected = found.attributes.get("visibility") == "selected"
        chosen: Plain = _names(_selected(reader, request.id)) if selected else []
        return Observed(
            id=found.id, attributes={**found.attributes, "selected_repositories": chosen}
        )

    def update(self, writer: Client, request: UpdateRequest) -> Written:
        """Change who reads it; the value stays, as GitHub's description does not ask for one."""
        body = self._settings(writer, request.after)
        with writer.naming(ORGANIZATION_SECRETS_WRITE):
            answer = writer.http.put(Place().path(writer, request.id), body)
        return Written(id=request.id, request_id=answer.request_id)

    def direction(self, transition: Transition) -> Direction:
        """More repositories that read it widen."""
        before, after = transition.before, transition.after
        if before is None or after is None:
            return Direction.NEUTRAL
        if transition.changed("visibility"):
            return _opening(before.get("visibility"), after.get("visibility"))
        return join_directions(
            Direction.NEUTRAL,
            directions.members(
                before.get("selected_repositories"), after.get("selected_repositories")
            ),
        )

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """Repositories only where they count."""
        yield from super().validate(config)
        visibility, chosen = config.get("visibility"), config.get("selected_repositories")
        if isinstance(chosen, list | tuple) and chosen and visibility in (None, "all", "private"):
            yield (
                ("selected_repositories",),
                'Only visibility = "selected" has selected_repositories; set it, or remove them.',
            )

    def _settings(self, writer: Client, attributes: Attributes) -> dict[str, Any]:
        visibility = attributes.get("visibility") or "private"
        settings: dict[str, Any] = {"visibility": visibility}
        if visibility == "selected":
            chosen = attributes.get("selected_repositories")
            names = chosen if isinstance(chosen, list | tuple) else ()
            settings["selected_repository_ids"] = [
                int(writer.get(writer.repository(str(name)), METADATA_READ).data["id"])
                for name in names
            ]
        return settings


def place_of(identifier: str, attributes: Attributes) -> tuple[Place, str]:
    """Where a secret is, and its name, from perimeter's id: ``[REPOSITORY/[ENVIRONMENT/]]NAME``."""
    where, _, name = identifier.rpartition("/")
    repository, _, environment = where.partition("/")
    known = attributes.get("repository")
    if isinstance(known, str) and known.lower() == repository.lower():
        repository = known
    return Place(repository=repository, environment=environment), name.upper()


def observed(place: Place, item: Mapping[str, Any]) -> Observed:
    """A secret of GitHub's answers, which hold no value."""
    name = str(item["name"]).upper()
    attributes: dict[str, Plain] = {"id": place.id_of(name), "name": name}
    if place.repository:
        attributes["repository"] = place.repository
    else:
        attributes["visibility"] = item.get("visibility")
    if place.environment:
        attributes["environment"] = place.environment
    attributes |= {"created_at": item.get("created_at"), "updated_at": item.get("updated_at")}
    return Observed(id=place.id_of(name), attributes=attributes)


def _over(reader: Client, *, inside_environments: bool) -> Listing:
    """The secrets of every place; what is refused makes the list incomplete, not shorter."""
    found: list[Observed] = []
    refused: list[str] = []
    permission = ENVIRONMENTS_READ if inside_environments else REPOSITORY_SECRETS_READ
    needs = needed(permission, reader.scopes)
    for place in places(reader, inside_environments=inside_environments):
        try:
            found += [observed(place, item) for item in secrets_of(reader, place)]
        except (Forbidden, NotFound) as error:
            refused.append(f"{place.repository}: {error.message}")
    if not refused:
        return Listing(objects=tuple(found))
    if not found:
        raise Forbidden(f"GitHub: {refused[0]} Grant the credential {needs}.", needs=needs)
    detail = f"The secrets of {len(refused)} places were not shown, the first one {refused[0]}"
    unseen = Unseen(reason=Reason.FORBIDDEN, needs=needs, detail=detail)
    return Listing(objects=tuple(found), complete=False, unseen=unseen)


def _opening(before: Plain, after: Plain) -> Direction:
    """All is more than the others; which of those is more depends on the repositories."""
    if isinstance(before, Unknown) or isinstance(after, Unknown) or "all" not in (before, after):
        return Direction.UNKNOWN
    return Direction.WIDENS if after == "all" else Direction.NARROWS


def _selected(reader: Client, name: str) -> list[dict[str, Any]]:
    def items(data: Any) -> Any:
        return data["repositories"]

    path = Place().path(reader, name.upper(), "repositories")
    with reader.naming(ORGANIZATION_SECRETS_READ):
        pages = link_pages(reader.http, path, {"per_page": PAGE}, page_size=PAGE, items=items)
        return collect(pages, items, key=lambda item: item["id"])


def _names(found: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted(str(item["name"]) for item in found)
