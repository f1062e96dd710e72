"""``aws_iam_role``: a role, and who from outside may assume it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.sdk import (
    NUMBER,
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
    Listing,
    ListRequest,
    ManualStep,
    NotFound,
    Observed,
    Permissions,
    ReadRequest,
    Reason,
    Recognition,
    ResourceType,
    Role,
    Schema,
    Tenant,
    Transition,
    Unknown,
    Unseen,
    UpdateRequest,
    Written,
    join_directions,
)
from perimeter.sdk.canonical import policy
from perimeter_aws.access import with_principal
from perimeter_aws.attributes import (
    ARN,
    BOUNDARY,
    ID,
    SETTLES_WITHIN,
    TAGS,
    Problem,
    account_of,
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
from perimeter_aws.console import role_page
from perimeter_aws.documents import problem_with
from perimeter_aws.principals import boundary_direction, bounded, tag_direction, update_tags
from perimeter_aws.quirks import PRINCIPAL_IDS, SESSIONS_LAST
from perimeter_aws.trust import lets_anybody_in, risks, trust_direction, trust_moves, trusts

RESERVED = ("/aws-service-role/", "/aws-reserved/")
"""Paths of roles that AWS's services make and change by themselves."""

_DETAILS = "iam:GetAccountAuthorizationDetails"
_ELSEWHERE = ("permissions_boundary", "tags", "last_used_at")


def decode(data: Mapping[str, Any], more: Mapping[str, Any] | Unseen | None = None) -> Observed:
    """One role.

    Args:
        data: of ``ListRoles`` or ``GetRole``.
        more: what carries tags, boundary and last use, which ``ListRoles`` leaves out; by default ``data``.
    """
    rest = data if more is None else more
    elsewhere: dict[str, Any]
    if isinstance(rest, Unseen):
        elsewhere = dict.fromkeys(_ELSEWHERE, rest)
    else:
        elsewhere = {
            "permissions_boundary": boundary_of(rest),
            "tags": tags_of(rest),
            "last_used_at": time_of((rest.get("RoleLastUsed") or {}).get("LastUsedDate")),
        }
    return Observed(
        id=str(data["RoleId"]),
        attributes={
            "id": str(data["RoleId"]),
            "name": str(data["RoleName"]),
            "path": str(data.get("Path") or "/"),
            "description": str(data.get("Description") or ""),
            "assume_role_policy": policy(data.get("AssumeRolePolicyDocument") or ""),
            "max_session_duration": int(data.get("MaxSessionDuration") or 3600),
            "arn": str(data["Arn"]),
            "created_at": time_of(data.get("CreateDate")),
            **elsewhere,
        },
    )


class IamRole(ResourceType):
    """An IAM role."""

    name = "aws_iam_role"
    schema = Schema(
        doc="An IAM role and its trust policy. What the role may do are its attachments.",
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
                replace=True,
            ),
            "description": Attribute(
                type=STRING, doc="What it is for.", optional=True, computed=True, default=""
            ),
            "assume_role_policy": Attribute(
                type=STRING,
                doc="The trust policy, JSON: who may assume the role.",
                required=True,
                canonical=policy,
            ),
            "max_session_duration": Attribute(
                type=NUMBER,
                doc="Seconds that a session may last: 3600 to 43200.",
                optional=True,
                computed=True,
                default=3600,
            ),
            "permissions_boundary": BOUNDARY,
            "tags": TAGS,
            "arn": ARN,
            "created_at": moment("When it was made."),
            "last_used_at": moment(
                "When it was last used, within the last 400 days; null for not."
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
        read=("iam:ListRoles", "iam:GetRole"),
        create=("iam:CreateRole", "iam:TagRole"),
        update=(
            "iam:UpdateRole",
            "iam:UpdateAssumeRolePolicy",
            "iam:TagRole",
            "iam:UntagRole",
            "iam:PutRolePermissionsBoundary",
            "iam:DeleteRolePermissionsBoundary",
        ),
        delete=("iam:DeleteRole",),
        attributes=dict.fromkeys(_ELSEWHERE, (_DETAILS,)),
    )
    quirks = (SESSIONS_LAST, PRINCIPAL_IDS)
    inventory = True
    affects_sign_in = True

    def list(self, reader: AwsReader, request: ListRequest) -> Listing:
        """Read all roles: 1,000 a call, and as many again for tags, boundaries and last use."""
        roles = reader.all("iam:ListRoles", "Roles")
        try:
            details = reader.details().roles
        except Forbidden as refused:
            dark = Unseen(reason=Reason.FORBIDDEN, needs=refused.needs, detail=refused.message)
            return Listing(objects=tuple(decode(item, dark) for item in roles))
        found = []
        for item in roles:
            more = details.get(item["RoleId"])
            # Made between the two reads.
            one = decode(item, more) if more is not None else _by_name(reader, item["RoleName"])
            if one is not None:
                found.append(one)
        return Listing(objects=tuple(found))

    def read(self, reader: AwsReader, request: ReadRequest) -> Observed | None:
        """Read one role."""
        name = known(request.hint, "name")
        found = _by_name(reader, str(name)) if name else None
        if found is not None and found.id == request.id:
            return found
        for item in reader.all("iam:ListRoles", "Roles"):
            if item["RoleId"] == request.id:
                return _by_name(reader, item["RoleName"])
        return None

    def create(self, writer: AwsWriter, request: CreateRequest) -> Written:
        """Create a role with everything in one call."""
        wanted = request.attributes
        sent: dict[str, Any] = {
            "Path": wanted.get("path"),
            "Description": wanted.get("description"),
            "PermissionsBoundary": wanted.get("permissions_boundary"),
            "Tags": tag_list(wanted.get("tags") or {}),
        }
        if wanted.get("max_session_duration") is not None:
            sent["MaxSessionDuration"] = int(wanted["max_session_duration"])
        answer = writer.write(
            "iam:CreateRole",
            RoleName=wanted["name"],
            AssumeRolePolicyDocument=wanted["assume_role_policy"],
            **{name: value for name, value in sent.items() if value},
        )
        return Written(id=answer["Role"]["RoleId"], request_id=request_id(answer))

    def update(self, writer: AwsWriter, request: UpdateRequest) -> Written:
        """Change what differs, a call for each kind of thing."""
        name, after = str(request.before["name"]), request.after
        answer: Mapping[str, Any] = {}
        if "assume_role_policy" in request.changed:
            answer = writer.write(
                "iam:UpdateAssumeRolePolicy",
                RoleName=name,
                PolicyDocument=after["assume_role_policy"],
            )
        if request.changed & {"description", "max_session_duration"}:
            answer = writer.write(
                "iam:UpdateRole",
                RoleName=name,
                Description=after.get("description") or "",
                MaxSessionDuration=int(after.get("max_session_duration") or 3600),
            )
        if "permissions_boundary" in request.changed:
            if after.get("permissions_boundary"):
                answer = writer.write(
                    "iam:PutRolePermissionsBoundary",
                    RoleName=name,
                    PermissionsBoundary=after["permissions_boundary"],
                )
            else:
                answer = writer.write("iam:DeleteRolePermissionsBoundary", RoleName=name)
        if "tags" in request.changed:
            answer = update_tags(writer, "Role", name, request) or answer
        return Written(id=request.id, request_id=request_id(answer))

    def delete(self, writer: AwsWriter, request: DeleteRequest) -> str:
        """Remove a role on which nothing hangs any more."""
        return request_id(writer.write("iam:DeleteRole", RoleName=request.attributes["name"]))

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """A name."""
        if not text.strip() or "/" in text:
            raise ValueError(f"{text!r} is no role's name.")
        return {"name": text}

    def direction(self, transition: Transition) -> Direction:
        """Who may assume it, for how long, and within which boundary."""
        before, after = transition.before, transition.after
        if after is None:
            return Direction.NARROWS
        trust = after.get("assume_role_policy")
        if before is None:
            if isinstance(trust, Unknown):
                return Direction.UNKNOWN
            return Direction.WIDENS if lets_anybody_in(trust) else Direction.NEUTRAL
        return join_directions(
            trust_direction(before.get("assume_role_policy"), trust),
            _longer(before.get("max_session_duration"), after.get("max_session_duration")),
            boundary_direction(transition),
            tag_direction(transition),
        )

    def manual(self, transition: Transition) -> ManualStep | None:
        """AWS's services alone change their own roles."""
        before = transition.before or {}
        path = str(known(before, "path") or "")
        if not path.startswith(RESERVED):
            return None
        return ManualStep(
            reason="The role belongs to an AWS service; IAM refuses to change or remove it.",
            instructions="Remove or change it in the service that made it (its path names the service; IAM Identity Center "
            "for /aws-reserved/sso.amazonaws.com/), or let the collection ignore it.",
            url=role_page(str(known(before, "name") or "")),
        )

    def may_lock_out(self, transition: Transition) -> bool:
        """A role that goes, is bounded, or trusts others than before."""
        return transition.before is not None and (
            transition.after is None
            or transition.changed("permissions_boundary")
            or transition.changed("assume_role_policy")
        )

    def access_after(self, access: Access, transition: Transition) -> tuple[Access, ...]:
        """Who gets in through the role gets in no longer, or perhaps not."""
        before, after = transition.before or {}, transition.after
        role = str(known(before, "id"))
        if after is None:
            return (with_principal(access, role, lost=f"the role {before.get('name')} is removed"),)
        found = []
        if transition.changed("assume_role_policy"):
            moved = trust_moves(before.get("assume_role_policy"), after.get("assume_role_policy"))
            if moved - {Direction.NEUTRAL, Direction.WIDENS}:
                because = f"the trust policy of {before.get('name')} changes who may assume it"
                found.append(with_principal(access, role, doubtful=because))
        if transition.changed("permissions_boundary"):
            found.append(bounded(found[-1] if found else access, role, transition))
        return tuple(found) or (access,)

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """A role, and who from outside may assume it."""
        document, account = known(attributes, "assume_role_policy"), account_of(attributes)
        return (
            Role(
                id=str(known(attributes, "id") or ""),
                name=str(known(attributes, "name") or ""),
                trusts=trusts(document, account),
                risk=risks(document, account),
            ),
        )

    def origin(self, attributes: Attributes) -> str:
        """Since when, and when last used."""
        made = f"made {day(attributes.get('created_at'))}"
        used = attributes.get("last_used_at")
        return made if isinstance(used, Unseen) else f"{made}, last used {day(used)}"

    def validate(self, config: Attributes) -> Iterable[Problem]:
        """What IAM would refuse."""
        yield from check_name(config, "name")
        yield from check_path(config)
        yield from check_policy_arn(config, "permissions_boundary", empty=True)
        problem = problem_with(known(config, "assume_role_policy"))
        if problem:
            yield ("assume_role_policy",), problem
        seconds = known(config, "max_session_duration")
        if seconds is not None and not 3600 <= seconds <= 43200:
            yield (
                ("max_session_duration",),
                f"max_session_duration must be from 3600 to 43200 seconds, not {seconds}.",
            )


def _by_name(reader: AwsReader, name: str) -> Observed | None:
    try:
        return decode(reader.call("iam:GetRole", RoleName=name)["Role"])
    except NotFound:
        return None


def _longer(before: Any, after: Any) -> Direction:
    if before == after:
        return Direction.NEUTRAL
    if not isinstance(before, int) or not isinstance(after, int):
        return Direction.UNKNOWN
    return Direction.WIDENS if after > before else Direction.NARROWS
