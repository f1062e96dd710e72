"""``aws_iam_access_key``: a long-lived key of a user. Its secret is dropped where AWS's answer is decoded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.sdk import (
    SECRETS,
    STRING,
    Access,
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
    Listing,
    ListRequest,
    Mode,
    NotFound,
    Observed,
    Permissions,
    ProviderError,
    ReadRequest,
    Reason,
    Recognition,
    ResourceType,
    Schema,
    Tenant,
    Transition,
    Unknown,
    Unseen,
    UpdateRequest,
    Written,
)
from perimeter_aws.access import find, with_principal
from perimeter_aws.attributes import (
    SETTLES_WITHIN,
    Problem,
    check_name,
    day,
    known,
    moment,
    time_of,
)
from perimeter_aws.client import AwsReader, AwsWriter, request_id
from perimeter_aws.key_rotation import AccessKeyCredential
from perimeter_aws.quirks import KEY_ENDS, LOST_SECRET

ACTIVE, INACTIVE = "Active", "Inactive"
_KEY = re.compile(r"A[A-Z0-9]{15,127}")
_USED = ("last_used_at", "last_used_service")


def decode(data: Mapping[str, Any]) -> Observed:
    """One key of IAM's answers; the secret, where there is one, is left behind."""
    return Observed(
        id=str(data["AccessKeyId"]),
        attributes={
            "id": str(data["AccessKeyId"]),
            "user": str(data["UserName"]),
            "status": str(data.get("Status") or ""),
            "created_at": time_of(data.get("CreateDate")),
        },
    )


class AccessKey(ResourceType):
    """A user's access key.

    AWS has no bulk list of keys: the credential report names neither their ids nor those made since it was written, up
    to four hours ago. So a list is one call per user.
    """

    name = "aws_iam_access_key"
    schema = Schema(
        doc="A long-lived access key of a user. perimeter watches its age and use, switches it off and removes it. With a "
        "`rotation` block perimeter makes the keys and delivers them. Without one, the secret of a key that perimeter creates, "
        "which AWS shows only once, is dropped, so that nobody can use it: make such keys elsewhere and import them.",
        attributes={
            "id": Attribute(type=STRING, doc="The access key id; no secret.", computed=True),
            "user": Attribute(type=STRING, doc="The user's name.", required=True, replace=True),
            "status": Attribute(
                type=STRING,
                doc="Active or Inactive.",
                optional=True,
                computed=True,
                default=ACTIVE,
                values=(ACTIVE, INACTIVE),
            ),
            "created_at": moment("When it was made."),
            "last_used_at": moment("When it was last used; null for never."),
            "last_used_service": Attribute(
                type=STRING,
                doc="The service that it was last used with.",
                computed=True,
                mode=Mode.OBSERVED,
            ),
        },
    )
    identity = Identity(
        recognition=Recognition.DIFFERENCE,
        match=("user",),
        import_format="ACCESS_KEY_ID or USER/ACCESS_KEY_ID",
        visible_within=SETTLES_WITHIN,
    )
    permissions = Permissions(
        read=("iam:ListUsers", "iam:ListAccessKeys"),
        create=("iam:CreateAccessKey", "iam:UpdateAccessKey"),
        update=("iam:UpdateAccessKey",),
        delete=("iam:DeleteAccessKey",),
        attributes=dict.fromkeys(_USED, ("iam:GetAccessKeyLastUsed",)),
    )
    listed = frozenset({"id", "user", "status", "created_at"})
    quirks = (LOST_SECRET, KEY_ENDS)
    credential = AccessKeyCredential()
    inventory = True
    affects_sign_in = True

    def list(self, reader: AwsReader, request: ListRequest) -> Listing:
        """Read the keys of every user: a call per user, several at once."""
        users = [item["UserName"] for item in reader.all("iam:ListUsers", "Users")]
        found = reader.all_of("iam:ListAccessKeys", "AccessKeyMetadata", "UserName", users)
        return Listing(objects=tuple(decode(item) for item in found))

    def hydrate(self, reader: AwsReader, request: HydrateRequest) -> tuple[Observed, ...]:
        """Read when each key was last used, and for what: a call per key."""
        found = ((item.id, _used(reader, item.id)) for item in request.objects)
        return tuple(Observed(id=key, attributes=used) for key, used in found if used is not None)

    def read(self, reader: AwsReader, request: ReadRequest) -> Observed | None:
        """Read one key: by its user where that is known, otherwise AWS tells whose it is."""
        user = known(request.hint, "user")
        try:
            if not user:
                user = reader.call("iam:GetAccessKeyLastUsed", AccessKeyId=request.id)["UserName"]
            keys = reader.all("iam:ListAccessKeys", "AccessKeyMetadata", UserName=user)
        except NotFound:
            return None
        data = next((item for item in keys if item["AccessKeyId"] == request.id), None)
        if data is None:
            return None
        found = decode(data)
        used = _used(reader, found.id) or dict.fromkeys(_USED)
        return Observed(id=found.id, attributes={**found.attributes, **used})

    def create(self, writer: AwsWriter, request: CreateRequest) -> Written:
        """Create a key; AWS makes every key active, so that an inactive one takes a second call."""
        user = request.attributes["user"]
        answer = writer.write("iam:CreateAccessKey", UserName=user)
        made = answer["AccessKey"]
        SECRETS.add(made.pop("SecretAccessKey", None))
        if request.attributes.get("status") == INACTIVE:
            try:
                writer.write(
                    "iam:UpdateAccessKey",
                    UserName=user,
                    AccessKeyId=made["AccessKeyId"],
                    Status=INACTIVE,
                )
            except ProviderError as problem:
                problem.committed = None  # the key is there, though not as wanted
                raise
        return Written(id=made["AccessKeyId"], request_id=request_id(answer))

    def update(self, writer: AwsWriter, request: UpdateRequest) -> Written:
        """Switch a key on or off."""
        answer = writer.write(
            "iam:UpdateAccessKey",
            UserName=request.before["user"],
            AccessKeyId=request.id,
            Status=request.after["status"],
        )
        return Written(id=request.id, request_id=request_id(answer))

    def delete(self, writer: AwsWriter, request: DeleteRequest) -> str:
        """Remove a key."""
        user = request.attributes["user"]
        return request_id(
            writer.write("iam:DeleteAccessKey", UserName=user, AccessKeyId=request.id)
        )

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """A key's id, alone or after its user's name."""
        user, _, key = text.rpartition("/")
        if not _KEY.fullmatch(key):
            raise ValueError(f"{text!r} is no access key id.")
        return {"id": key, "user": user} if user else {"id": key}

    def direction(self, transition: Transition) -> Direction:
        """A key more, or one switched on, widens."""
        if transition.before is None:
            return Direction.WIDENS
        if transition.after is None:
            return Direction.NARROWS
        if not transition.changed("status"):
            return Direction.NEUTRAL
        wanted = transition.after.get("status")
        if isinstance(wanted, Unknown):
            return Direction.UNKNOWN
        return {ACTIVE: Direction.WIDENS, INACTIVE: Direction.NARROWS}.get(
            str(wanted), Direction.UNKNOWN
        )

    def may_lock_out(self, transition: Transition) -> bool:
        """A key that goes or is switched off."""
        after = transition.after
        return transition.before is not None and (after is None or after.get("status") != ACTIVE)

    def access_after(self, access: Access, transition: Transition) -> tuple[Access, ...]:
        """The key in use must stay usable, and nobody must lose the only way in."""
        before, after = transition.before or {}, transition.after
        key, user = known(before, "id"), find(access, "User", before.get("user"))
        if key and key == access.facts.get("key"):
            caller = next((person.id for person in access.people if person.caller), "")
            because = f"perimeter uses the access key {key}"
            decided = after is None or not isinstance(after.get("status"), Unknown)
            if decided:
                return (with_principal(access, caller, lost=because),)
            return (with_principal(access, caller, doubtful=because),)
        keys = access.facts["principals"][user]["keys"] if user else None
        if keys is None or known(before, "status") != ACTIVE:
            return (access,)
        return (with_principal(access, user, keys=keys - 1),)

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """A credential."""
        key = str(known(attributes, "id") or "")
        used = attributes.get("last_used_at", Unseen(reason=Reason.NOT_REQUESTED))
        active = known(attributes, "status") != INACTIVE
        return (
            Credential(
                id=key,
                name=key,
                owner=str(known(attributes, "user") or ""),
                kind="access key",
                created_at=known(attributes, "created_at"),
                last_used_at=known(attributes, "last_used_at"),
                active=active,
                risk=("never used",) if active and used is None else (),
            ),
        )

    def describe(self, attributes: Attributes) -> str:
        """The key and whose it is."""
        return f'"{known(attributes, "id")}" of {known(attributes, "user")}'

    def origin(self, attributes: Attributes) -> str:
        """Since when, and when last used, where that was asked for."""
        made = f"made {day(attributes.get('created_at'))}"
        used = attributes.get("last_used_at", Unseen(reason=Reason.NOT_REQUESTED))
        return made if isinstance(used, Unseen) else f"{made}, last used {day(used)}"

    def validate(self, config: Attributes) -> Iterable[Problem]:
        """What IAM would refuse."""
        yield from check_name(config, "user")


def _used(reader: AwsReader, key: str) -> Attributes | None:
    """When and for what a key was last used; unseen where the caller may not know, None where there is no such key."""
    try:
        answer = reader.call("iam:GetAccessKeyLastUsed", AccessKeyId=key)
    except NotFound:
        return None
    except Forbidden as refused:
        dark = Unseen(reason=Reason.FORBIDDEN, needs=refused.needs, detail=refused.message)
        return dict.fromkeys(_USED, dark)
    data = answer.get("AccessKeyLastUsed") or {}
    at = time_of(data.get("LastUsedDate"))
    service = data.get("ServiceName")
    return {"last_used_at": at, "last_used_service": service if at and service != "N/A" else None}
