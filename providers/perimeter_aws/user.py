"""``aws_iam_user``: an identity of the account's own, with neither credentials nor rights by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.sdk import (
    STRING,
    Access,
    Attribute,
    Attributes,
    CreateRequest,
    DeleteRequest,
    Direction,
    Facet,
    Forbidden,
    Identity,
    IdentityFacet,
    Listing,
    ListRequest,
    NotFound,
    Observed,
    Permissions,
    ReadRequest,
    Reason,
    Recognition,
    ResourceType,
    Schema,
    Tenant,
    Transition,
    Unseen,
    UpdateRequest,
    Written,
    join_directions,
)
from perimeter_aws.access import with_principal
from perimeter_aws.attributes import (
    ARN,
    BOUNDARY,
    ID,
    SETTLES_WITHIN,
    TAGS,
    Problem,
    boundary_of,
    check_name,
    check_path,
    check_policy_arn,
    day,
    known,
    moment,
    tag_list,
    tags_of,
    time_of,
)
from perimeter_aws.client import AwsReader, AwsWriter, request_id
from perimeter_aws.principals import boundary_direction, bounded, tag_direction, update_tags
from perimeter_aws.quirks import NEW_ARN, PRINCIPAL_IDS

_DETAILS = "iam:GetAccountAuthorizationDetails"


def decode(data: Mapping[str, Any], more: Mapping[str, Any] | Unseen | None = None) -> Observed:
    """One user.

    Args:
        data: of ``ListUsers`` or ``GetUser``.
        more: what carries tags and boundary, which ``ListUsers`` leaves out; by default ``data``.
    """
    rest = data if more is None else more
    return Observed(
        id=str(data["UserId"]),
        attributes={
            "id": str(data["UserId"]),
            "name": str(data["UserName"]),
            "path": str(data.get("Path") or "/"),
            "permissions_boundary": rest if isinstance(rest, Unseen) else boundary_of(rest),
            "tags": rest if isinstance(rest, Unseen) else tags_of(rest),
            "arn": str(data["Arn"]),
            "created_at": time_of(data.get("CreateDate")),
            "password_last_used": time_of(data.get("PasswordLastUsed")),
        },
    )


class User(ResourceType):
    """An IAM user."""

    name = "aws_iam_user"
    schema = Schema(
        doc="An IAM user. It can do nothing until it is given a policy, and cannot sign in until it is given a key or password.",
        attributes={
            "id": ID,
            "name": Attribute(
                type=STRING, doc="Its name, unique in the account.", required=True, replace=True
            ),
            "path": Attribute(
                type=STRING,
                doc="Its path, such as `/service/`; part of the ARN.",
                optional=True,
                computed=True,
                default="/",
            ),
            "permissions_boundary": BOUNDARY,
            "tags": TAGS,
            "arn": ARN,
            "created_at": moment("When it was made."),
            "password_last_used": moment(
                "When somebody last signed in to the console as this user; null for never."
            ),
        },
    )
    identity = Identity(
        natural_key=("name",),
        recognition=Recognition.UNIQUE_KEY,
        import_format="NAME",
        visible_within=SETTLES_WITHIN,
    )
    permissions = Permissions(
        read=("iam:ListUsers", "iam:GetUser"),
        create=("iam:CreateUser", "iam:TagUser"),
        update=(
            "iam:UpdateUser",
            "iam:TagUser",
            "iam:UntagUser",
            "iam:PutUserPermissionsBoundary",
            "iam:DeleteUserPermissionsBoundary",
        ),
        delete=("iam:DeleteUser",),
        attributes={"tags": (_DETAILS,), "permissions_boundary": (_DETAILS,)},
    )
    quirks = (NEW_ARN, PRINCIPAL_IDS)
    inventory = True
    affects_sign_in = True

    def list(self, reader: AwsReader, request: ListRequest) -> Listing:
        """Read all users: 1,000 a call, and as many again for tags and boundaries."""
        users = reader.all("iam:ListUsers", "Users")
        try:
            details = reader.details().users
        except Forbidden as refused:
            dark = Unseen(reason=Reason.FORBIDDEN, needs=refused.needs, detail=refused.message)
            return Listing(objects=tuple(decode(item, dark) for item in users))
        found = []
        for item in users:
            more = details.get(item["UserId"])
            # Made between the two reads.
            one = decode(item, more) if more is not None else _by_name(reader, item["UserName"])
            if one is not None:
                found.append(one)
        return Listing(objects=tuple(found))

    def read(self, reader: AwsReader, request: ReadRequest) -> Observed | None:
        """Read one user; one that was renamed is found by its id."""
        name = known(request.hint, "name")
        found = _by_name(reader, str(name)) if name else None
        if found is not None and found.id == request.id:
            return found
        for item in reader.all("iam:ListUsers", "Users"):
            if item["UserId"] == request.id:
                return _by_name(reader, item["UserName"])
        return None

    def create(self, writer: AwsWriter, request: CreateRequest) -> Written:
        """Create a user with everything in one call."""
        wanted = request.attributes
        more: dict[str, Any] = {}
        if wanted.get("path"):
            more["Path"] = wanted["path"]
        if wanted.get("permissions_boundary"):
            more["PermissionsBoundary"] = wanted["permissions_boundary"]
        if wanted.get("tags"):
            more["Tags"] = tag_list(wanted["tags"])
        answer = writer.write("iam:CreateUser", UserName=wanted["name"], **more)
        return Written(id=answer["User"]["UserId"], request_id=request_id(answer))

    def update(self, writer: AwsWriter, request: UpdateRequest) -> Written:
        """Change path, boundary and tags, a call each."""
        name, after = str(request.before["name"]), request.after
        answer: Mapping[str, Any] = {}
        if "path" in request.changed:
            answer = writer.write("iam:UpdateUser", UserName=name, NewPath=after["path"])
        if "permissions_boundary" in request.changed:
            if after.get("permissions_boundary"):
                answer = writer.write(
                    "iam:PutUserPermissionsBoundary",
                    UserName=name,
                    PermissionsBoundary=after["permissions_boundary"],
                )
            else:
                answer = writer.write("iam:DeleteUserPermissionsBoundary", UserName=name)
        if "tags" in request.changed:
            answer = update_tags(writer, "User", name, request) or answer
        return Written(id=request.id, request_id=request_id(answer))

    def delete(self, writer: AwsWriter, request: DeleteRequest) -> str:
        """Remove a user on which nothing hangs any more."""
        return request_id(writer.write("iam:DeleteUser", UserName=request.attributes["name"]))

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """A name."""
        if not text.strip() or "/" in text:
            raise ValueError(f"{text!r} is no user's name.")
        return {"name": text}

    def direction(self, transition: Transition) -> Direction:
        """A new user can do nothing yet; what changes access later are boundary and tags."""
        if transition.before is None:
            return Direction.NEUTRAL
        if transition.after is None:
            return Direction.NARROWS
        path = Direction.UNKNOWN if transition.changed("path") else Direction.NEUTRAL
        return join_directions(boundary_direction(transition), tag_direction(transition), path)

    def may_lock_out(self, transition: Transition) -> bool:
        """A user that goes, or is bounded."""
        return transition.before is not None and (
            transition.after is None or transition.changed("permissions_boundary")
        )

    def access_after(self, access: Access, transition: Transition) -> tuple[Access, ...]:
        """Who is deleted, or bounded, may no longer administer."""
        before = transition.before or {}
        user = str(known(before, "id"))
        if transition.after is None:
            return (with_principal(access, user, lost=f"the user {before.get('name')} is removed"),)
        return (bounded(access, user, transition),)

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """An identity."""
        name = str(known(attributes, "name") or "")
        return (IdentityFacet(id=str(known(attributes, "id") or ""), name=name, login=name),)

    def origin(self, attributes: Attributes) -> str:
        """Since when, and when last seen at the console."""
        used = day(attributes.get("password_last_used"))
        return f"made {day(attributes.get('created_at'))}, last signed in to the console {used}"

    def validate(self, config: Attributes) -> Iterable[Problem]:
        """What IAM would refuse."""
        yield from check_name(config, "name")
        yield from check_path(config)
        yield from check_policy_arn(config, "permissions_boundary", empty=True)


def _by_name(reader: AwsReader, name: str) -> Observed | None:
    try:
        return decode(reader.call("iam:GetUser", UserName=name)["User"])
    except NotFound:
        return None
