"""``aws_secretsmanager_secret``: a secret of Secrets Manager, without what is in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.sdk import (
    BOOL,
    NUMBER,
    STRING,
    Attribute,
    Attributes,
    Conflict,
    CreateRequest,
    DeleteRequest,
    Direction,
    Identity,
    Invalid,
    Listing,
    ListRequest,
    ManualStep,
    Mode,
    NotFound,
    Observed,
    Permissions,
    ReadRequest,
    Recognition,
    ResourceType,
    Schema,
    Tenant,
    Transition,
    UpdateRequest,
    Written,
    join_directions,
)
from perimeter_aws.attributes import (
    ARN,
    SETTLES_WITHIN,
    TAGS,
    Problem,
    day,
    known,
    moment,
    tag_list,
    tags_of,
    time_of,
)
from perimeter_aws.client import AwsReader, AwsWriter, request_id
from perimeter_aws.console import secret_page
from perimeter_aws.principals import tag_direction
from perimeter_aws.quirks import NAME_RESTS, REENCRYPTED
from perimeter_aws.regions import check_region
from perimeter_aws.secret_sink import SecretSink

DEFAULT_KEY = "alias/aws/secretsmanager"
DAYS = 30
_NAME = re.compile(r"[\w/+=.@-]{1,512}", re.ASCII)


def decode(data: Mapping[str, Any]) -> Observed:
    """One secret of ``ListSecrets`` or ``DescribeSecret``; neither has its value."""
    return Observed(
        id=str(data["ARN"]),
        attributes={
            "id": str(data["ARN"]),
            "arn": str(data["ARN"]),
            "name": str(data["Name"]),
            "description": str(data.get("Description") or ""),
            "kms_key_id": str(data.get("KmsKeyId") or DEFAULT_KEY),
            "tags": tags_of(data),
            "rotated_by_aws": bool(data.get("RotationEnabled")),
            "owning_service": data.get("OwningService") or None,
            "created_at": time_of(data.get("CreatedDate")),
        },
    )


class Secret(ResourceType):
    """A secret, as a place for credentials."""

    name = "aws_secretsmanager_secret"
    schema = Schema(
        doc="A secret of AWS Secrets Manager, in the provider's region. perimeter never reads what is in it while planning, "
        "and keeps it nowhere; a `rotation` block fills it (`deliver_to`).",
        attributes={
            "id": Attribute(
                type=STRING,
                doc="The ARN; a new secret of the same name has another one.",
                computed=True,
            ),
            "name": Attribute(
                type=STRING, doc="Its name, unique in the region.", required=True, replace=True
            ),
            "description": Attribute(
                type=STRING, doc="What it is for.", optional=True, computed=True, default=""
            ),
            "kms_key_id": Attribute(
                type=STRING,
                doc="The KMS key that encrypts it, as id, ARN or alias.",
                optional=True,
                computed=True,
                default=DEFAULT_KEY,
            ),
            "tags": TAGS,
            "recovery_window_in_days": Attribute(
                type=NUMBER,
                doc="For how many days a removed secret can be restored: 7 to 30, or 0 for not at all; 30 where it is left out.",
                optional=True,
                mode=Mode.LOCAL,
            ),
            "arn": ARN,
            "rotated_by_aws": Attribute(
                type=BOOL,
                doc="Whether Secrets Manager rotates it itself; perimeter then delivers nothing to it.",
                computed=True,
                mode=Mode.OBSERVED,
            ),
            "owning_service": Attribute(
                type=STRING,
                doc="The AWS service that manages it, such as `rds`; null for none.",
                computed=True,
                mode=Mode.OBSERVED,
            ),
            "created_at": moment("When it was made."),
        },
    )
    identity = Identity(
        natural_key=("name",),
        recognition=Recognition.UNIQUE_KEY,
        import_format="NAME or ARN",
        visible_within=SETTLES_WITHIN,
    )
    permissions = Permissions(
        read=("secretsmanager:ListSecrets", "secretsmanager:DescribeSecret"),
        create=("secretsmanager:CreateSecret", "secretsmanager:TagResource"),
        update=(
            "secretsmanager:UpdateSecret",
            "secretsmanager:TagResource",
            "secretsmanager:UntagResource",
        ),
        delete=("secretsmanager:DeleteSecret",),
    )
    hides = "Secrets that are scheduled for deletion."
    quirks = (NAME_RESTS, REENCRYPTED)
    sink = SecretSink()

    def list(self, reader: AwsReader, request: ListRequest) -> Listing:
        """Read all secrets of the region: 100 a call."""
        found = reader.all("secretsmanager:ListSecrets", "SecretList")
        return Listing(objects=tuple(decode(item) for item in found if not item.get("DeletedDate")))

    def read(self, reader: AwsReader, request: ReadRequest) -> Observed | None:
        """Read one secret; one that is scheduled for deletion is gone."""
        check_region(reader, request.id)
        try:
            found = reader.call("secretsmanager:DescribeSecret", SecretId=request.id)
        except NotFound:
            return None
        return None if found.get("DeletedDate") else decode(found)

    def create(self, writer: AwsWriter, request: CreateRequest) -> Written:
        """Create an empty secret."""
        wanted = request.attributes
        sent: dict[str, Any] = {
            "Description": wanted.get("description"),
            "Tags": tag_list(wanted.get("tags") or {}),
        }
        if wanted.get("kms_key_id") != DEFAULT_KEY:
            sent["KmsKeyId"] = wanted.get("kms_key_id")
        given = {name: value for name, value in sent.items() if value}
        try:
            answer = writer.write("secretsmanager:CreateSecret", Name=wanted["name"], **given)
        except (Invalid, Conflict) as problem:
            if "deletion" not in problem.message:
                raise
            raise Conflict(
                f"A secret named {wanted['name']} is scheduled for deletion and keeps the name until then. Restore it (aws "
                f"secretsmanager restore-secret --secret-id {wanted['name']}) and import it, or choose another name.",
                status=problem.status,
                request_id=problem.request_id,
            ) from None
        return Written(id=answer["ARN"], request_id=request_id(answer))

    def update(self, writer: AwsWriter, request: UpdateRequest) -> Written:
        """Change description, key and tags; what is in it stays."""
        after, answer = request.after, {}
        if request.changed & {"description", "kms_key_id"}:
            answer = writer.write(
                "secretsmanager:UpdateSecret",
                SecretId=request.id,
                Description=after.get("description") or "",
                **(
                    {"KmsKeyId": after.get("kms_key_id") or DEFAULT_KEY}
                    if "kms_key_id" in request.changed
                    else {}
                ),
            )
        if "tags" in request.changed:
            before, wanted = request.before.get("tags") or {}, after.get("tags") or {}
            if gone := sorted(set(before) - set(wanted)):
                answer = writer.write(
                    "secretsmanager:UntagResource", SecretId=request.id, TagKeys=gone
                )
            if come := {k: v for k, v in wanted.items() if before.get(k) != v}:
                answer = writer.write(
                    "secretsmanager:TagResource", SecretId=request.id, Tags=tag_list(come)
                )
        return Written(id=request.id, request_id=request_id(answer))

    def delete(self, writer: AwsWriter, request: DeleteRequest) -> str:
        """Remove it, at once only where that is declared."""
        days = request.attributes.get("recovery_window_in_days")
        how: dict[str, Any] = {"RecoveryWindowInDays": int(DAYS if days is None else days)}
        if days == 0:
            how = {"ForceDeleteWithoutRecovery": True}
        return request_id(writer.write("secretsmanager:DeleteSecret", SecretId=request.id, **how))

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """A name, or an ARN."""
        if text.startswith("arn:"):
            return {"id": text}
        if not _NAME.fullmatch(text):
            raise ValueError(f"{text!r} is no secret's name.")
        return {"name": text}

    def direction(self, transition: Transition) -> Direction:
        """An empty secret gives nothing; who may read it later hangs on key and tags, too."""
        if transition.before is None:
            return Direction.NEUTRAL
        if transition.after is None:
            return Direction.NARROWS
        key = Direction.UNKNOWN if transition.changed("kms_key_id") else Direction.NEUTRAL
        return join_directions(key, tag_direction(transition))

    def manual(self, transition: Transition) -> ManualStep | None:
        """A service's own secret is changed by that service only."""
        before = transition.before or {}
        service = known(before, "owning_service")
        if not service:
            return None
        return ManualStep(
            reason=f"The secret is managed by {service}; Secrets Manager lets nobody else change or remove it.",
            instructions=f"Change or remove it in {service}, or let the collection ignore it.",
            url=secret_page(str(known(before, "name") or ""), str(known(before, "arn") or "")),
        )

    def origin(self, attributes: Attributes) -> str:
        """Since when."""
        return f"made {day(attributes.get('created_at'))}"

    def validate(self, config: Attributes) -> Iterable[Problem]:
        """What Secrets Manager would refuse."""
        name, days = known(config, "name"), known(config, "recovery_window_in_days")
        if isinstance(name, str) and not _NAME.fullmatch(name):
            yield (
                ("name",),
                f"{name!r} is no secret's name: 1 to 512 letters, digits and the characters / _ + = . @ -.",
            )
        if isinstance(days, int | float) and days != 0 and not 7 <= days <= 30:
            yield (
                ("recovery_window_in_days",),
                f"recovery_window_in_days must be 0 or from 7 to 30, not {days}.",
            )
