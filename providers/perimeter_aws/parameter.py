"""``aws_ssm_parameter``: an encrypted parameter of Systems Manager's Parameter Store, without what is in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.sdk import (
    STRING,
    Attribute,
    Attributes,
    CreateRequest,
    DeleteRequest,
    Direction,
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
from perimeter_aws.attributes import (
    ARN,
    SETTLES_WITHIN,
    TAGS,
    Problem,
    known,
    tag_list,
    tags_of,
)
from perimeter_aws.client import AwsReader, AwsWriter, request_id
from perimeter_aws.parameter_sink import (
    DEFAULT_KEY,
    EMPTY,
    LIMITS,
    ParameterSink,
    described,
    put,
    value_of,
)
from perimeter_aws.payloads import check_size, register
from perimeter_aws.principals import tag_direction
from perimeter_aws.quirks import PUT_AGAIN
from perimeter_aws.regions import check_region

STANDARD, ADVANCED = "Standard", "Advanced"
_NAME = re.compile(r"[\w.-]+|(/[\w.-]+){1,15}", re.ASCII)
_ARN = re.compile(r"arn:[a-z-]+:ssm:[a-z0-9-]+:\d{12}:parameter/.+")
_ENCRYPTED = {"Key": "Type", "Option": "Equals", "Values": ["SecureString"]}
_PUT = frozenset({"description", "key_id", "tier", "value", "value_version"})


def arn_of(reader: AwsReader, tenant: Tenant, name: str) -> str:
    """A parameter's ARN, which not every answer has."""
    region = reader.region
    partition = next(
        (
            part
            for start, part in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))
            if region.startswith(start)
        ),
        "aws",
    )
    return f"arn:{partition}:ssm:{region}:{tenant.id}:parameter/{name.removeprefix('/')}"


def decode(data: Mapping[str, Any], arn: str) -> Observed:
    """One parameter of ``DescribeParameters``, which has no value."""
    return Observed(
        id=arn,
        attributes={
            "id": arn,
            "arn": arn,
            "name": str(data["Name"]),
            "description": str(data.get("Description") or ""),
            "key_id": str(data.get("KeyId") or DEFAULT_KEY),
            "tier": str(data.get("Tier") or STANDARD),
        },
    )


class Parameter(ResourceType):
    """An encrypted parameter, as a place for credentials."""

    name = "aws_ssm_parameter"
    schema = Schema(
        doc="A SecureString of Systems Manager's Parameter Store, in the provider's region. perimeter never reads its value "
        "while planning, and keeps it nowhere; a `rotation` block fills it (`deliver_to`), or `value` does. Until "
        "then it holds a text that says so, since AWS has no empty parameters.",
        attributes={
            "id": Attribute(type=STRING, doc="The ARN.", computed=True),
            "name": Attribute(
                type=STRING,
                doc="Its name, unique in the region, such as `/billing-export/aws`.",
                required=True,
                replace=True,
            ),
            "description": Attribute(
                type=STRING, doc="What it is for.", optional=True, computed=True, default=""
            ),
            "key_id": Attribute(
                type=STRING,
                doc="The KMS key that encrypts it, as id, ARN or alias.",
                optional=True,
                computed=True,
                default=DEFAULT_KEY,
            ),
            "tier": Attribute(
                type=STRING,
                doc="Standard (to 4 KB) or Advanced (to 8 KB, at a price); there is no way back to Standard.",
                optional=True,
                computed=True,
                default=STANDARD,
                values=(STANDARD, ADVANCED),
            ),
            "tags": TAGS,
            "value": Attribute(
                type=STRING,
                doc="What to put in where no `rotation` fills it; raise `value_version` to send it again.",
                optional=True,
                mode=Mode.WRITE_ONLY,
            ),
            "value_version": Attribute(
                type=STRING,
                doc="Any text; when it changes, `value` is sent again.",
                optional=True,
                mode=Mode.LOCAL,
            ),
            "arn": ARN,
        },
    )
    identity = Identity(
        natural_key=("name",),
        recognition=Recognition.UNIQUE_KEY,
        import_format="NAME or ARN",
        visible_within=SETTLES_WITHIN,
    )
    permissions = Permissions(
        read=("ssm:DescribeParameters",),
        create=("ssm:PutParameter", "ssm:AddTagsToResource"),
        update=(
            "ssm:PutParameter",
            "ssm:GetParameter",
            "ssm:AddTagsToResource",
            "ssm:RemoveTagsFromResource",
        ),
        delete=("ssm:DeleteParameter",),
        attributes={"tags": ("ssm:ListTagsForResource",)},
    )
    listed = frozenset(schema.attributes) - {"tags"}
    hides = "Parameters that are not encrypted (String, StringList)."
    quirks = (PUT_AGAIN,)
    sink = ParameterSink()

    def list(self, reader: AwsReader, request: ListRequest) -> Listing:
        """Read all encrypted parameters of the region: 50 a call."""
        found = reader.all("ssm:DescribeParameters", "Parameters", ParameterFilters=[_ENCRYPTED])
        objects = (
            decode(item, arn_of(reader, request.tenant, str(item["Name"]))) for item in found
        )
        return Listing(objects=tuple(objects))

    def hydrate(self, reader: AwsReader, request: HydrateRequest) -> tuple[Observed, ...]:
        """Read tags: a call per parameter."""
        found = ((item.id, _tags(reader, str(item.attributes["name"]))) for item in request.objects)
        return tuple(
            Observed(id=arn, attributes={"tags": tags}) for arn, tags in found if tags is not None
        )

    def read(self, reader: AwsReader, request: ReadRequest) -> Observed | None:
        """Read one parameter."""
        check_region(reader, request.id)
        named = known(request.hint, "name")
        short = request.id.partition(":parameter/")[2]
        # An ARN does not tell whether the name begins with a slash.
        for name in (str(named),) if named else (f"/{short}", short):
            data = described(reader, name)
            tags = _tags(reader, name) if data is not None else None
            if data is not None and tags is not None and data.get("Type") == "SecureString":
                found = decode(data, arn_of(reader, request.tenant, name))
                return Observed(id=found.id, attributes={**found.attributes, "tags": tags})
        return None

    def create(self, writer: AwsWriter, request: CreateRequest) -> Written:
        """Create a parameter, with a text that says that it is empty where no value is given."""
        wanted = request.attributes
        name, tier = str(wanted["name"]), str(wanted.get("tier") or STANDARD)
        more: dict[str, Any] = {"Tags": tag_list(wanted["tags"])} if wanted.get("tags") else {}
        answer = put(
            writer,
            name,
            _given(wanted, tier) or EMPTY,
            Type="SecureString",
            Description=wanted.get("description") or "",
            KeyId=wanted.get("key_id") or DEFAULT_KEY,
            Tier=tier,
            **more,
        )
        return Written(id=arn_of(writer, request.tenant, name), request_id=request_id(answer))

    def update(self, writer: AwsWriter, request: UpdateRequest) -> Written:
        """Change it together with its value, which is read and put in again where no other is given."""
        after, name = request.after, str(request.before["name"])
        tier, was = str(after.get("tier") or STANDARD), request.before.get("tier")
        if was == ADVANCED and tier == STANDARD:
            raise Invalid(
                f"AWS takes no advanced parameter back to Standard. Make {name} anew (-replace), or leave tier as it is.",
                path=("tier",),
            )
        answer: Mapping[str, Any] = {}
        if request.changed & _PUT:
            sent = request.changed & {"value", "value_version"}
            value = _given(after, tier) if sent else None
            expected = None
            if value is None:
                value, version = value_of(writer, name)
                expected = version + 1
            answer = put(
                writer,
                name,
                value,
                expected=expected,
                Overwrite=True,
                Description=after.get("description") or "",
                KeyId=after.get("key_id") or DEFAULT_KEY,
                Tier=tier,
            )
        if "tags" in request.changed:
            about = {"ResourceType": "Parameter", "ResourceId": name}
            before, wanted = request.before.get("tags") or {}, after.get("tags") or {}
            if gone := sorted(set(before) - set(wanted)):
                answer = writer.write("ssm:RemoveTagsFromResource", **about, TagKeys=gone)
            if come := {k: v for k, v in wanted.items() if before.get(k) != v}:
                answer = writer.write("ssm:AddTagsToResource", **about, Tags=tag_list(come))
        return Written(id=request.id, request_id=request_id(answer))

    def delete(self, writer: AwsWriter, request: DeleteRequest) -> str:
        """Remove it, with all its versions."""
        check_region(writer, request.id)
        return request_id(writer.write("ssm:DeleteParameter", Name=request.attributes["name"]))

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """A name, or an ARN."""
        if _ARN.fullmatch(text):
            return {"id": text}
        if not _NAME.fullmatch(text):
            raise ValueError(f"{text!r} is no parameter's name.")
        return {"name": text}

    def direction(self, transition: Transition) -> Direction:
        """A place for a secret gives nothing; who may read it later hangs on key and tags, too."""
        if transition.before is None:
            return Direction.NEUTRAL
        if transition.after is None:
            return Direction.NARROWS
        key = Direction.UNKNOWN if transition.changed("key_id") else Direction.NEUTRAL
        return join_directions(key, tag_direction(transition))

    def validate(self, config: Attributes) -> Iterable[Problem]:
        """What Parameter Store would refuse."""
        name = known(config, "name")
        if isinstance(name, str) and not _NAME.fullmatch(name):
            yield (
                ("name",),
                f"{name!r} is no parameter's name: letters, digits and . - _, in a path as in /billing/aws.",
            )
        first = name.removeprefix("/").lower() if isinstance(name, str) else ""
        if first.startswith(("aws", "ssm")):
            yield ("name",), f"{name!r}: names that begin with aws or ssm are AWS's own."


def _given(wanted: Attributes, tier: str) -> str | None:
    """The declared value, known to the redaction; None where there is none."""
    value = known(wanted, "value")
    if not isinstance(value, str):
        return None
    check_size(value, LIMITS[tier], f"a parameter of tier {tier}")
    return register(value)


def _tags(reader: AwsReader, name: str) -> Mapping[str, str] | Unseen | None:
    """A parameter's tags; unseen where the caller may not know, None where there is no such parameter."""
    try:
        answer = reader.call("ssm:ListTagsForResource", ResourceType="Parameter", ResourceId=name)
    except NotFound:
        return None
    except Forbidden as refused:
        return Unseen(reason=Reason.FORBIDDEN, needs=refused.needs, detail=refused.message)
    return tags_of({"Tags": answer.get("TagList") or ()})
