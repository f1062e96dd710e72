"""The provider ``aws``: IAM of one account, and where secrets are kept in one of its regions."""

from __future__ import annotations

from collections.abc import Mapping

from perimeter.sdk import (
    NUMBER,
    STRING,
    Access,
    AccessRequest,
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
    Standing,
    Tenant,
    WritePermit,
)
from perimeter.sdk.migration import Migration
from perimeter_aws.access import standings
from perimeter_aws.access_key import AccessKey
from perimeter_aws.administrators import read_access
from perimeter_aws.client import AwsReader, AwsWriter
from perimeter_aws.connect import connect
from perimeter_aws.migration import TERRAFORM
from perimeter_aws.oidc_provider import OidcProvider
from perimeter_aws.parameter import Parameter
from perimeter_aws.password_policy import PasswordPolicy
from perimeter_aws.policy_attachment import RolePolicyAttachment, UserPolicyAttachment
from perimeter_aws.role import IamRole
from perimeter_aws.secret import Secret
from perimeter_aws.user import User

_TYPES: tuple[ResourceType, ...] = (
    User(),
    AccessKey(),
    UserPolicyAttachment(),
    RolePolicyAttachment(),
    PasswordPolicy(),
    IamRole(),
    OidcProvider(),
    Secret(),
    Parameter(),
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
    """AWS Identity and Access Management, Secrets Manager and Parameter Store."""

    name = "aws"
    schema = Schema(
        doc="IAM of one AWS account, Secrets Manager and Parameter Store in one of its regions. Credentials come from where "
        "every AWS tool finds them: the environment, a profile, SSO, a web identity or the instance.",
        attributes={
            "region": _optional(
                "The region of secrets and parameters; IAM is global. By default us-east-1."
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
        """IAM's objects, and the places where secrets are kept."""
        return _RESOURCES

    @property
    def migrations(self) -> tuple[Migration, ...]:
        """Terraform's provider."""
        return (TERRAFORM,)

    def reader(self, request: ConnectRequest) -> AwsReader:
        """Make a client that can only read."""
        return AwsReader(*connect(request), request)

    def writer(self, request: ConnectRequest, permit: WritePermit) -> AwsWriter:
        """Make a client that can also write."""
        if not isinstance(permit, WritePermit):
            raise Fatal("A writer needs a permit, which only an apply issues.")
        return AwsWriter(*connect(request), request, permit)

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

    def access(self, reader: AwsReader, request: AccessRequest) -> Access:
        """Who is allowed everything, and the caller, with what decides whether they get in."""
        return read_access(reader, request)

    def standings(self, access: Access) -> Mapping[str, Standing]:
        """Who gets in and administers, by those facts."""
        return standings(access)
