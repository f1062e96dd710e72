"""Attributes and values that several types have in common."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from perimeter.sdk import STRING, Attribute, Attributes, Map, Mode, Plain, Unknown
from perimeter.sdk.canonical import timestamp

NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
PATH = re.compile(r"/|/[\x21-\x7e]{1,510}/")
POLICY_ARN = re.compile(r"arn:[a-z-]+:iam::(aws|\d{12}):policy/[\x21-\x7e]+")
SETTLES_WITHIN = 10.0
"""Seconds. IAM is eventually consistent and states no bound: IAM User Guide, "Changes that I make are not always
immediately visible"."""

ID = Attribute(
    type=STRING,
    doc="AWS's unique id; a new object of the same name has another one.",
    computed=True,
)
ARN = Attribute(type=STRING, doc="The Amazon resource name.", computed=True, mode=Mode.OBSERVED)
TAGS = Attribute(
    type=Map(STRING),
    doc="Tags. Those that AWS sets itself (`aws:…`) are left out. Policies can make access depend on them.",
    optional=True,
    computed=True,
)
BOUNDARY = Attribute(
    type=STRING,
    doc='The ARN of the policy that bounds what the principal may do; `""` for none.',
    optional=True,
    computed=True,
)


def moment(doc: str) -> Attribute:
    """A time that AWS tells, RFC 3339."""
    return Attribute(type=STRING, doc=doc, computed=True, mode=Mode.OBSERVED, canonical=timestamp)


def time_of(value: Any) -> str | None:
    """A time as botocore gives it, in RFC 3339; None where there is none."""
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def tags_of(item: Mapping[str, Any]) -> dict[str, str]:
    """The tags of an entity, without AWS's own."""
    return {
        str(tag["Key"]): str(tag.get("Value", ""))
        for tag in item.get("Tags") or ()
        if not str(tag["Key"]).startswith("aws:")
    }


def tag_list(tags: Mapping[str, Any]) -> list[dict[str, str]]:
    """Tags as IAM takes them."""
    return [{"Key": key, "Value": str(value)} for key, value in sorted(tags.items())]


def boundary_of(item: Mapping[str, Any]) -> str:
    """The ARN of an entity's permissions boundary; empty for none."""
    found = item.get("PermissionsBoundary")
    return str(found.get("PermissionsBoundaryArn") or "") if isinstance(found, Mapping) else ""


def known(attributes: Attributes | None, name: str) -> Plain:
    """A value if it is known; None if it is null, unknown or unseen."""
    value = (attributes or {}).get(name)
    return None if isinstance(value, Unknown) else value


def account_of(attributes: Attributes) -> str:
    """The number of the account that an object with an ARN belongs to."""
    parts = str(known(attributes, "arn") or "").split(":")
    return parts[4] if len(parts) > 4 else ""


def day(value: Any) -> str:
    """The day of a time, for people."""
    return value[:10] if isinstance(value, str) else "never"


Problem = tuple[tuple[str | int, ...], str]


def check_name(config: Attributes, name: str) -> Iterator[Problem]:
    """Whether a name is one that IAM takes."""
    value = known(config, name)
    if isinstance(value, str) and not NAME.fullmatch(value):
        yield (
            (name,),
            f"{value!r} is no IAM name: 1 to 64 letters, digits and the characters + = , . @ _ -.",
        )


def check_path(config: Attributes) -> Iterator[Problem]:
    """Whether a path is one that IAM takes."""
    value = known(config, "path")
    if isinstance(value, str) and not PATH.fullmatch(value):
        yield (
            ("path",),
            f"{value!r} is no IAM path: it begins and ends with a slash, as in /service/.",
        )


def check_policy_arn(config: Attributes, name: str, *, empty: bool = False) -> Iterator[Problem]:
    """Whether a value is the ARN of a managed policy."""
    value = known(config, name)
    if isinstance(value, str) and not POLICY_ARN.fullmatch(value) and not (empty and not value):
        yield (
            (name,),
            f"{value!r} is no policy's ARN, as in arn:aws:iam::aws:policy/ReadOnlyAccess.",
        )
