"""The provider ``aws``: IAM of one account."""

from __future__ import annotations

from collections.abc import Mapping

from perimeter.sdk import (
    NUMBER,
    STRING,
    Administrator,
    Attribute,
    ConnectRequest,
    Fatal,
    Forbidden,
    List,
    NestedBlock,
    Nesting,
    Provider,
    ResourceType,
    Schema,
    Tenant,
    WritePermit,
)
from perimeter.sdk.migration import Migration
from perimeter_aws.access_key import AccessKey
from perimeter_aws.administrators import read_administrators
from perimeter_aws.client import AwsReader, AwsWriter
from perimeter_aws.connect import connect
from perimeter_aws.migration import TERRAFORM
from perimeter_aws.password_policy import PasswordPolicy
from perimeter_aws.policy_attachment import RolePolicyAttachment, UserPolicyAttachment
from perimeter_aws.role import IamRole
from perimeter_aws.user import User

_TYPES: tuple[ResourceType, ...] = (
    User(),
    AccessKey(),
    UserPolicyAttachment(),
    RolePolicyAttachment(),
    PasswordPolicy(),
    IamRole(),
)
_RESOURCES: Mapping[str, ResourceType] = {kind.name: kind for kind in _TYPES}


def _optional(doc: str) -> Attribute:
    return Attribute(type=STRING, doc=doc, optional=True)


_ASSUME_ROLE = NestedBlock(
    nesting=Nesting.SINGLE,
    doc="Act as a role, by the credentials found.",
    attributes={
        "role_arn": Attribute(type=STRING, doc="The role's ARN.", required=True),
        "session_name": _optional("The session's name, as CloudTrail shows it; `perimeter`."),
        "external_id": Attribute(
            type=STRING,
            doc="The external id that the role's trust policy asks for.",
            optional=True,
            sensitive=True,
        ),
        "duration_seconds": Attribute(
            type=NUMBER, doc="Seconds that a session lasts; it is renewed by itself.", optional=True
        ),
    },
)


class Aws(Provider):
    """AWS Identity and Access Management."""

    name = "aws"
    schema = Schema(
        doc="IAM of one AWS account. Credentials come from where every AWS tool finds them: the environment, a profile, "
        "SSO, a web identity or the instance.",
        attributes={
            "region": _optional(
                "The region that calls are signed for; IAM is global. By default us-east-1."
            ),
            "profile": _optional(
                "A profile of the AWS configuration file; goes before the environment's keys."
            ),
            "endpoint_url": _optional(
                "Another endpoint than AWS's own: https, or http on loopback. By default AWS_ENDPOINT_URL."
            ),
            "allowed_account_ids": Attribute(
                type=List(STRING), doc="The only accounts that may be touched.", optional=True
            ),
            "capacity_share": Attribute(
                type=NUMBER,
                doc="The share of AWS's rate limits to use, above 0 and at most 1.",
                optional=True,
            ),
        },
        blocks={"assume_role": _ASSUME_ROLE},
    )

    @property
    def resources(self) -> Mapping[str, ResourceType]:
        """IAM's users, keys, roles, attachments and the password policy."""
        return _RESOURCES

    @property
    def migrations(self) -> tuple[Migration, ...]:
        """Terraform's provider."""
        return (TERRAFORM,)

    def reader(self, request: ConnectRequest) -> AwsReader:
        """Make a client that can only read."""
        clients, credentials = connect(request)
        return AwsReader(clients, credentials, request)

    def writer(self, request: ConnectRequest, permit: WritePermit) -> AwsWriter:
        """Make a client that can also write."""
        if not isinstance(permit, WritePermit):
            raise Fatal("A writer needs a permit, which only an apply issues.")
        clients, credentials = connect(request)
        return AwsWriter(clients, credentials, request, permit)

    def tenant(self, reader: AwsReader) -> Tenant:
        """The account, by its number, and who perimeter is in it; its alias where perimeter may see it."""
        found = reader.call("sts:GetCallerIdentity")
        account, caller = str(found["Account"]), str(found["Arn"])
        allowed = reader.allowed_accounts
        if allowed and account not in allowed:
            raise Fatal(
                f"The credentials belong to account {account}, and allowed_account_ids names only "
                f"{', '.join(allowed)}. Nothing was read. Use other credentials (AWS_PROFILE, assume_role)."
            )
        try:
            aliases = reader.all("iam:ListAccountAliases", "AccountAliases")
        except Forbidden:
            aliases = []
        name = str(aliases[0]) if aliases else account
        return Tenant(id=account, name=name, caller=caller, caller_credential=reader.access_key)

    def administrators(self, reader: AwsReader, tenant: Tenant) -> tuple[Administrator, ...]:
        """Who is allowed everything, and the caller."""
        return read_administrators(reader, tenant)
