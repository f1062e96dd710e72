"""``github_deploy_key``: SSH keys that reach one repository each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.sdk import (
    BOOL,
    STRING,
    Attribute,
    Attributes,
    CreateRequest,
    Credential,
    DeleteRequest,
    Direction,
    Facet,
    Forbidden,
    HydrateRequest,
    Identity,
    Invalid,
    Listing,
    ListRequest,
    Mode,
    NotFound,
    Observed,
    Permissions,
    Plain,
    ReadRequest,
    Reason,
    Recognition,
    ResourceType,
    Schema,
    Tenant,
    Transition,
    Unknown,
    Unseen,
    Written,
    link_pages,
)
from perimeter.sdk.canonical import login, timestamp
from perimeter_github import directions
from perimeter_github.client import PAGE, Client, batches, refusal
from perimeter_github.deploy_key_rotation import DeployKeyCredential
from perimeter_github.permissions import KEYS_READ, KEYS_WRITE, METADATA_READ, needed
from perimeter_github.public_keys import fingerprint, normal, problem

_FIELDS = "key title readOnly createdAt verified enabled"
_KEYS = f"pageInfo {{ hasNextPage endCursor }} nodes {{ {_FIELDS} }}"
LIST_QUERY = f"""
query DeployKeys($login: String!, $after: String) {{
  organization(login: $login) {{
    repositories(
      first: {PAGE}, after: $after, ownerAffiliations: [OWNER],
      orderBy: {{field: CREATED_AT, direction: ASC}}
    ) {{
      pageInfo {{ hasNextPage endCursor }}
      nodes {{ id name nameWithOwner deployKeys(first: {PAGE}) {{ {_KEYS} }} }}
    }}
  }}
}}
"""
"""100 repositories with 100 keys each: 1 point (the calls it stands for, 101, divided by 100)."""
REST_ONLY = frozenset({"key_id", "added_by", "last_used"})
_AT_ONCE = 20


def more_query(count: int) -> str:
    """Further keys of several repositories, one alias each."""
    variables = ", ".join(f"$id{n}: ID!, $after{n}: String!" for n in range(count))
    parts = "\n".join(
        f"  r{n}: node(id: $id{n}) {{ ... on Repository {{ id name nameWithOwner "
        f"deployKeys(first: {PAGE}, after: $after{n}) {{ {_KEYS} }} }} }}"
        for n in range(count)
    )
    return f"query MoreDeployKeys({variables}) {{\n{parts}\n}}"


def _shown(kind: Any, doc: str, **more: Any) -> Attribute:
    return Attribute(type=kind, doc=doc, computed=True, mode=Mode.OBSERVED, **more)


class DeployKey(ResourceType):
    """A deploy key. GitHub takes each public key once, so repository and key name the object."""

    name = "github_deploy_key"
    inventory = True
    listed = frozenset(
        {
            "id",
            "repository",
            "full_name",
            "title",
            "key",
            "fingerprint",
            "read_only",
            "created_at",
            "verified",
            "enabled",
        }
    )
    hides = "Keys of repositories that the credential cannot see."
    identity = Identity(
        natural_key=("repository", "key"),
        recognition=Recognition.UNIQUE_KEY,
        import_format="REPOSITORY/SHA256:FINGERPRINT",
    )
    permissions = Permissions(
        read=(METADATA_READ, KEYS_READ), create=(KEYS_WRITE,), delete=(KEYS_WRITE,)
    )
    credential = DeployKeyCredential()
    schema = Schema(
        doc="An SSH key that reaches one repository. GitHub cannot change one: every change makes a "
        "new key and removes the old one.",
        attributes={
            "id": Attribute(
                type=STRING, doc="Repository and fingerprint of the key.", computed=True
            ),
            "repository": Attribute(
                type=STRING,
                doc="The repository's name, without the organisation.",
                required=True,
                replace=True,
                canonical=login,
            ),
            "title": Attribute(
                type=STRING, doc="What people call it.", required=True, replace=True
            ),
            "key": Attribute(
                type=STRING,
                doc="The public key in OpenSSH's format; a comment at its end does not count. With a rotation block "
                "leave it out: perimeter makes the pair and delivers the private half.",
                optional=True,
                computed=True,
                replace=True,
                canonical=normal,
            ),
            "read_only": Attribute(
                type=BOOL,
                doc="Whether the key may only read.",
                optional=True,
                computed=True,
                default=True,
                replace=True,
            ),
            "full_name": _shown(STRING, "The repository's name with the organisation."),
            "fingerprint": _shown(STRING, "SHA-256 fingerprint, as ssh-keygen shows it."),
            "created_at": _shown(STRING, "When it was added.", canonical=timestamp),
            "verified": _shown(BOOL, "Whether GitHub has verified the key."),
            "enabled": _shown(BOOL, "Whether organisation and enterprise allow its use."),
            "key_id": _shown(STRING, "GitHub's number of the key."),
            "added_by": _shown(STRING, "Who added it."),
            "last_used": _shown(STRING, "When it was last used.", canonical=timestamp),
        },
    )

    def list(self, reader: Client, request: ListRequest) -> Listing:
        """GraphQL, 100 repositories with up to 100 keys each a call."""
        return _List(reader).run()

    def hydrate(self, reader: Client, request: HydrateRequest) -> tuple[Observed, ...]:
        """``GET /repos/{owner}/{repo}/keys`` for each repository that occurs."""
        by_repository: dict[str, list[str]] = {}
        for item in request.objects:
            by_repository.setdefault(item.id.partition("/")[0], []).append(item.id)
        found = []
        for repository, wanted in by_repository.items():
            try:
                keys = {item.id: item for item in _of(reader, repository)}
            except NotFound:
                keys = {}
            for number in wanted:
                if number in keys:
                    known = keys[number].attributes
                    shown = {name: known[name] for name in request.attributes if name in known}
                    found.append(Observed(id=number, attributes=shown))
        return tuple(found)

    def read(self, reader: Client, request: ReadRequest) -> Observed | None:
        """Find the key among those of its repository; a repository that is gone has none."""
        repository, _, wanted = request.id.partition("/")
        try:
            keys = _of(reader, repository)
        except NotFound as error:
            _confirm_gone(reader, repository, error)
            return None
        for item in keys:
            if item.attributes["fingerprint"] == wanted:
                return item
        return None

    def create(self, writer: Client, request: CreateRequest) -> Written:
        """``POST /repos/{owner}/{repo}/keys``."""
        wanted = request.attributes
        if not isinstance(wanted.get("key"), str):
            raise Invalid(
                "The deploy key has no public key. Give key, or a rotation block that says where "
                "perimeter delivers the private half of a pair that it makes.",
                path=("key",),
            )
        body = {
            "title": wanted["title"],
            "key": wanted["key"],
            "read_only": bool(wanted.get("read_only", True)),
        }
        with writer.naming(KEYS_WRITE):
            answer = writer.http.post(writer.repository(wanted["repository"], "keys"), body)
        made = _from_rest(answer.data)
        return Written(id=made.id, request_id=answer.request_id)

    def delete(self, writer: Client, request: DeleteRequest) -> str:
        """``DELETE /repos/{owner}/{repo}/keys/{key_id}``."""
        repository = request.id.partition("/")[0]
        number = request.attributes.get("key_id")
        if not isinstance(number, str):
            there = {item.id: item for item in _of(writer, repository)}
            if request.id not in there:
                raise NotFound(f"The deploy key {request.id} is gone already.")
            number = str(there[request.id].attributes["key_id"])
        with writer.naming(KEYS_WRITE):
            return writer.http.delete(writer.repository(repository, "keys", number)).request_id

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """The repository's name and the key's fingerprint."""
        repository, slash, print_ = text.removeprefix(f"{tenant.name}/").partition("/")
        if not slash or not print_.startswith("SHA256:"):
            raise ValueError(f'"{text}" does not name a repository and a fingerprint.')
        return {"id": f"{repository.lower()}/{print_}"}

    def plan(self, transition: Transition) -> Attributes:
        """The fingerprint follows from the key."""
        after = dict(transition.after or {})
        key = after.get("key")
        if isinstance(key, str) and isinstance(after.get("fingerprint"), Unknown):
            after["fingerprint"] = fingerprint(key)
        return after

    def direction(self, transition: Transition) -> Direction:
        """A new key widens, a removed one narrows, and so does one that may only read now."""
        before, after = transition.before, transition.after
        if before is None or after is None:
            return Direction.WIDENS if before is None else Direction.NARROWS
        if _reach(before) != _reach(after):
            return Direction.WIDENS
        return directions.flag(transition, "read_only", opens=False)

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """A credential of its repository."""
        where = str(attributes.get("full_name") or attributes.get("repository"))
        risk = () if attributes.get("read_only") is True else (f"can write code in {where}",)
        return (
            Credential(
                id=str(attributes.get("id")),
                name=str(attributes.get("title")),
                risk=risk,
                owner=where,
                kind="deploy key",
                created_at=_text(attributes.get("created_at")),
                last_used_at=_text(attributes.get("last_used")),
                active=attributes.get("enabled") is not False,
            ),
        )

    def describe(self, attributes: Attributes) -> str:
        """``"legacy-ci" on acme/api``."""
        title = _text(attributes.get("title"))
        where = _text(attributes.get("full_name")) or _text(attributes.get("repository"))
        return f'"{title}" on {where}' if title and where else ""

    def origin(self, attributes: Attributes) -> str:
        """Who added it and when, and when it was last used, as far as that was read."""
        words = ["added"]
        if by := _text(attributes.get("added_by")):
            words.append(f"by {by}")
        if at := _text(attributes.get("created_at")):
            words.append(at[:10])
        text = " ".join(words) if len(words) > 1 else ""
        if "last_used" in attributes and not isinstance(attributes["last_used"], Unknown):
            used = _text(attributes["last_used"])
            text += f", last used {used[:10] if used else 'never'}"
        return text.removeprefix(", ")

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """A public key in OpenSSH's format, and a repository's bare name."""
        key, repository = config.get("key"), config.get("repository")
        if isinstance(key, str) and (wrong := problem(key)):
            yield ("key",), wrong
        if isinstance(repository, str) and "/" in repository:
            yield (
                ("repository",),
                "Give the repository's name alone; the provider block names the organisation.",
            )


class _List:
    """One reading of all keys of the organisation."""

    def __init__(self, reader: Client) -> None:
        self._reader = reader
        self._found: dict[str, Observed] = {}
        self._open: list[tuple[str, str]] = []
        self._refused: list[str] = []

    def run(self) -> Listing:
        after: str | None = None
        while True:
            after = self._page(after)
            if after is None:
                break
        while self._open:
            opened, self._open = self._open, []
            for part in batches(opened, _AT_ONCE):
                self._more(part)
        objects = tuple(self._found.values())
        if not self._refused:
            return Listing(objects=objects)
        needs = needed(KEYS_READ, self._reader.scopes)
        if not objects:
            raise Forbidden(
                f"GitHub: {self._refused[0]} Grant the credential {needs}.", needs=needs
            )
        count = len(self._refused)
        detail = f"The keys of {count} repositories were not shown: {self._refused[0]}"
        unseen = Unseen(reason=Reason.FORBIDDEN, needs=needs, detail=detail)
        return Listing(objects=objects, complete=False, unseen=unseen)

    def _page(self, after: str | None) -> str | None:
        login_ = self._reader.organization
        data, errors = self._reader.query(LIST_QUERY, {"login": login_, "after": after}, KEYS_READ)
        organization = data.get("organization")
        if not organization:
            raise refusal(errors)
        page = organization["repositories"]
        self._take(page["nodes"] or (), errors)
        info = page["pageInfo"]
        return info["endCursor"] if info["hasNextPage"] else None

    def _more(self, part: list[tuple[str, str]]) -> None:
        variables: dict[str, str] = {}
        for n, (number, cursor) in enumerate(part):
            variables |= {f"id{n}": number, f"after{n}": cursor}
        data, errors = self._reader.query(more_query(len(part)), variables, KEYS_READ)
        self._take([data.get(f"r{n}") for n in range(len(part))], errors)

    def _take(self, repositories: Iterable[Any], errors: list[dict[str, Any]]) -> None:
        unanswered = 0
        for repository in repositories:
            keys = (repository or {}).get("deployKeys")
            if keys is None:
                unanswered += 1
                continue
            for key in keys["nodes"] or ():
                if key is not None:
                    item = _from_graph(key, repository)
                    self._found[item.id] = item
            if keys["pageInfo"]["hasNextPage"]:
                self._open.append((repository["id"], keys["pageInfo"]["endCursor"]))
        said = str(errors[0].get("message", "")) if errors else "GitHub does not say why."
        self._refused += [said] * (unanswered or (1 if errors else 0))


def _of(reader: Client, repository: str) -> list[Observed]:
    """All keys of one repository, by REST."""
    pages = link_pages(
        reader.http, reader.repository(repository, "keys"), {"per_page": PAGE}, page_size=PAGE
    )
    with reader.naming(KEYS_READ):
        return [_from_rest(item) for page in pages for item in page.data]


def _confirm_gone(reader: Client, repository: str, error: NotFound) -> None:
    """Tell a repository that does not exist from one that the credential may not see."""
    try:
        reader.get(reader.repository(repository), METADATA_READ)
    except NotFound:
        whole = reader.selection.get("repositories") == "all"
        if reader.scopes is not None or (reader.app and whole):
            return
        raise Forbidden(
            f"GitHub shows no repository {repository} to this credential. It may be gone, or out of "
            "the credential's reach.",
            needs="access to all repositories",
        ) from None
    raise reader.hidden(error, KEYS_READ) from None


def _from_graph(key: Mapping[str, Any], repository: Mapping[str, Any]) -> Observed:
    attributes = {
        **_common(repository["name"], repository["nameWithOwner"], key["key"]),
        "title": key.get("title"),
        "read_only": key.get("readOnly"),
        "created_at": key.get("createdAt"),
        "verified": key.get("verified"),
        "enabled": key.get("enabled"),
    }
    return Observed(id=attributes["id"], attributes=attributes)


def _from_rest(key: Mapping[str, Any]) -> Observed:
    owner, name = str(key["url"]).split("/repos/", 1)[1].split("/")[:2]
    attributes = {
        **_common(name, f"{owner}/{name}", key["key"]),
        "title": key.get("title"),
        "read_only": key.get("read_only"),
        "created_at": key.get("created_at"),
        "verified": key.get("verified"),
        "enabled": key.get("enabled"),
        "key_id": str(key["id"]),
        "added_by": key.get("added_by"),
        "last_used": key.get("last_used"),
    }
    return Observed(id=attributes["id"], attributes=attributes)


def _common(name: str, full_name: str, key: str) -> dict[str, Any]:
    print_ = fingerprint(key)
    return {
        "id": f"{name.lower()}/{print_}",
        "repository": name,
        "full_name": full_name,
        "key": normal(key),
        "fingerprint": print_,
    }


def _reach(attributes: Attributes) -> tuple[Plain, Plain]:
    key, repository = attributes.get("key"), attributes.get("repository")
    return (
        normal(key) if isinstance(key, str) else key,
        login(repository) if isinstance(repository, str) else repository,
    )


def _text(value: Plain) -> str | None:
    return value if isinstance(value, str) else None
