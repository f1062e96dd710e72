"""``aws_iam_user_policy_attachment`` and ``aws_iam_role_policy_attachment``: which managed policy a principal has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

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
    Grant,
    Identity,
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
)
from perimeter_aws.access import attached, detached
from perimeter_aws.attributes import (
    POLICY_ARN,
    SETTLES_WITHIN,
    Problem,
    check_name,
    check_policy_arn,
    known,
)
from perimeter_aws.client import AwsReader, AwsWriter, request_id
from perimeter_aws.details import Details
from perimeter_aws.documents import ALLOW, DENY, DENYING, UNCLEAR, effect_of

ALMIGHTY = "AdministratorAccess"


def aws_owned(arn: Any) -> str:
    """The name of a policy of AWS's own, without its path; empty for any other."""
    found = POLICY_ARN.fullmatch(arn) if isinstance(arn, str) else None
    return str(arn).rpartition("/")[2] if found is not None and found[1] == "aws" else ""


def known_effect(arn: Any) -> str:
    """The effect of a policy that tells it by its ARN alone; empty for the account's own."""
    name = aws_owned(arn)
    return (DENY if name in DENYING else ALLOW) if name else ""


class PolicyAttachment(ResourceType):
    """A managed policy attached to a principal: an edge, known by its two ends.

    Attributes:
        entity: ``User`` or ``Role``, as IAM's operations name it.
        side: the attribute that names the principal.
    """

    entity: ClassVar[str]
    side: ClassVar[str]
    inventory = False
    affects_sign_in = True

    def list(self, reader: AwsReader, request: ListRequest) -> Listing:
        """Read all attachments of the account out of one bulk read."""
        details = reader.details()
        return Listing(
            objects=tuple(
                self._edge(str(item[f"{self.entity}Name"]), policy, _listed(details, policy))
                for item in self._principals(details).values()
                for policy in item.get("AttachedManagedPolicies") or ()
            )
        )

    def read(self, reader: AwsReader, request: ReadRequest) -> Observed | None:
        """Read one attachment."""
        principal, _, arn = request.id.partition("/")
        try:
            attached = reader.all(
                f"iam:ListAttached{self.entity}Policies",
                "AttachedPolicies",
                **{f"{self.entity}Name": principal},
            )
        except NotFound:
            return None
        policy = next((item for item in attached if item["PolicyArn"] == arn), None)
        return None if policy is None else self._edge(principal, policy, _read(reader, arn))

    def create(self, writer: AwsWriter, request: CreateRequest) -> Written:
        """Attach; attaching twice is no error."""
        principal, arn = request.attributes[self.side], request.attributes["policy_arn"]
        answer = writer.write(f"iam:Attach{self.entity}Policy", **self._ends(principal, arn))
        return Written(id=f"{principal}/{arn}", request_id=request_id(answer))

    def delete(self, writer: AwsWriter, request: DeleteRequest) -> str:
        """Detach."""
        principal, _, arn = request.id.partition("/")
        return request_id(
            writer.write(f"iam:Detach{self.entity}Policy", **self._ends(principal, arn))
        )

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """A principal's name and a policy's ARN."""
        principal, _, arn = text.partition("/")
        if not principal or not POLICY_ARN.fullmatch(arn):
            raise ValueError(f"{text!r} names no {self.side} and policy.")
        return {self.side: principal, "policy_arn": arn}

    def direction(self, transition: Transition) -> Direction:
        """A policy that allows widens when it is attached; one that denies widens when it is taken away."""
        attaching = transition.after is not None
        item = transition.after if transition.after is not None else transition.before or {}
        effect = known_effect(known(item, "policy_arn")) or known(item, "effect")
        if not effect:
            effect = _of_sibling(known(item, "policy_arn"), transition.siblings)
        if effect == ALLOW:
            return Direction.WIDENS if attaching else Direction.NARROWS
        if effect == DENY:
            return Direction.NARROWS if attaching else Direction.WIDENS
        return Direction.UNKNOWN

    def access_after(self, access: Access, transition: Transition) -> tuple[Access, ...]:
        """Who loses the last policy that allows everything may no longer administer; a policy that denies takes at once."""
        before, after = transition.before, transition.after
        item = after if after is not None else before or {}
        principal, arn = item.get(self.side), item.get("policy_arn")
        if isinstance(principal, Unknown):
            return (access,)  # a principal that does not exist yet administers nothing
        change = detached if after is None else attached
        return (change(access, self.entity, principal, arn),)

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """A grant to the principal."""
        arn = str(known(attributes, "policy_arn") or "")
        principal = str(known(attributes, self.side) or "")
        risk = ("may do everything",) if aws_owned(arn) == ALMIGHTY else ()
        return (
            Grant(
                id=str(known(attributes, "id") or ""),
                name=arn.rpartition("/")[2],
                app=principal,
                subject="tenant",
                scopes=(arn,),
                risk=risk,
            ),
        )

    def describe(self, attributes: Attributes) -> str:
        """The policy, and who has it."""
        arn = str(known(attributes, "policy_arn") or "")
        return f'"{arn.rpartition("/")[2]}" on {known(attributes, self.side)}'

    def validate(self, config: Attributes) -> Iterable[Problem]:
        """What IAM would refuse."""
        yield from check_name(config, self.side)
        yield from check_policy_arn(config, "policy_arn")

    def _principals(self, details: Details) -> Mapping[str, Mapping[str, Any]]:
        return details.users if self.entity == "User" else details.roles

    def _ends(self, principal: Any, arn: Any) -> dict[str, Any]:
        return {f"{self.entity}Name": principal, "PolicyArn": arn}

    def _edge(self, principal: str, policy: Mapping[str, Any], effect: Plain) -> Observed:
        arn = str(policy["PolicyArn"])
        identifier = f"{principal}/{arn}"
        return Observed(
            id=identifier,
            attributes={
                "id": identifier,
                self.side: principal,
                "policy_arn": arn,
                "effect": effect,
            },
        )


def _schema(side: str, what: str) -> Schema:
    return Schema(
        doc=f"A managed policy attached to a {what}.",
        attributes={
            "id": Attribute(
                type=STRING, doc=f"The {what}'s name and the policy's ARN.", computed=True
            ),
            side: Attribute(type=STRING, doc=f"The {what}'s name.", required=True, replace=True),
            "policy_arn": Attribute(
                type=STRING, doc="The ARN of the policy.", required=True, replace=True
            ),
            "effect": Attribute(
                type=STRING,
                doc="What the policy does now: allow, deny, mixed or unclear.",
                computed=True,
                mode=Mode.OBSERVED,
            ),
        },
    )


def _permissions(entity: str) -> Permissions:
    return Permissions(
        read=("iam:GetAccountAuthorizationDetails", f"iam:ListAttached{entity}Policies"),
        create=(f"iam:Attach{entity}Policy",),
        delete=(f"iam:Detach{entity}Policy",),
        attributes={"effect": ("iam:GetPolicy", "iam:GetPolicyVersion")},
    )


def _identity(side: str) -> Identity:
    return Identity(
        natural_key=(side, "policy_arn"),
        recognition=Recognition.UNIQUE_KEY,
        import_format=f"{side.upper()}/POLICY_ARN",
        visible_within=SETTLES_WITHIN,
    )


class UserPolicyAttachment(PolicyAttachment):
    """A managed policy on a user."""

    name = "aws_iam_user_policy_attachment"
    entity = "User"
    side = "user"
    schema = _schema("user", "user")
    identity = _identity("user")
    permissions = _permissions("User")


class RolePolicyAttachment(PolicyAttachment):
    """A managed policy on a role."""

    name = "aws_iam_role_policy_attachment"
    entity = "Role"
    side = "role"
    schema = _schema("role", "role")
    identity = _identity("role")
    permissions = _permissions("Role")


def _listed(details: Details, policy: Mapping[str, Any]) -> str:
    arn = str(policy["PolicyArn"])
    return known_effect(arn) or details.effects.get(arn, UNCLEAR)


def _read(reader: AwsReader, arn: str) -> Plain:
    """The effect of a policy by itself; unseen where the caller may not read it."""
    effect = known_effect(arn)
    if effect:
        return effect
    try:
        version = reader.call("iam:GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = reader.call("iam:GetPolicyVersion", PolicyArn=arn, VersionId=version)
    except NotFound:
        return UNCLEAR
    except Forbidden as refused:
        return Unseen(reason=Reason.FORBIDDEN, needs=refused.needs, detail=refused.message)
    return effect_of(found["PolicyVersion"].get("Document"))


def _of_sibling(arn: Any, siblings: tuple[Attributes, ...]) -> str:
    """The effect of the same policy where it is attached already."""
    return next(
        (
            str(item["effect"])
            for item in siblings
            if item.get("policy_arn") == arn and known(item, "effect")
        ),
        "",
    )


def _is(arn: str, entity: str, name: Any) -> bool:
    """Whether an administrator's ARN is that of the user or role of a name."""
    kind, _, rest = arn.rpartition(":")[2].partition("/")
    return kind == entity.lower() and rest.rpartition("/")[2] == name
