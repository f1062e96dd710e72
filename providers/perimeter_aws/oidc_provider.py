"""``aws_iam_openid_connect_provider``: an identity provider whose tokens roles may trust, such as GitHub Actions'."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from perimeter.sdk import (
    STRING,
    Access,
    Attribute,
    Attributes,
    CreateRequest,
    DeleteRequest,
    Direction,
    Identity,
    Listing,
    ListRequest,
    NotFound,
    Observed,
    Permissions,
    Plain,
    ReadRequest,
    Recognition,
    ResourceType,
    Schema,
    Set,
    Tenant,
    Transition,
    Unknown,
    UpdateRequest,
    Written,
    join_directions,
)
from perimeter_aws.access import with_principal
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
from perimeter_aws.client import TOGETHER, AwsReader, AwsWriter, request_id
from perimeter_aws.quirks import TRUST_ENDS

_ARN = re.compile(r"arn:[a-z-]+:iam::\d{12}:oidc-provider/(.+)")
_THUMBPRINT = re.compile(r"[0-9a-fA-F]{40}")


def canonical_url(value: Plain) -> Plain:
    """An issuer's URL in one form: AWS shows it without the scheme, people write a slash at its end or not."""
    text = str(value).rstrip("/")
    text = text if "://" in text else f"https://{text}"
    parts = urlsplit(text)
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path}"


def decode(arn: str, data: Mapping[str, Any]) -> Observed:
    """One provider of ``GetOpenIDConnectProvider``."""
    return Observed(
        id=arn,
        attributes={
            "id": arn,
            "arn": arn,
            "url": canonical_url(data.get("Url") or ""),
            "client_id_list": sorted(map(str, data.get("ClientIDList") or ())),
            "thumbprint_list": sorted(str(t).lower() for t in data.get("ThumbprintList") or ()),
            "tags": tags_of(data),
            "created_at": time_of(data.get("CreateDate")),
        },
    )


class OidcProvider(ResourceType):
    """An OpenID Connect identity provider."""

    name = "aws_iam_openid_connect_provider"
    schema = Schema(
        doc="An OpenID Connect identity provider. Its tokens get in where a role trusts it, so that nobody needs a long-lived "
        "key: see the module github-actions-aws-oidc.",
        attributes={
            "id": Attribute(type=STRING, doc="The ARN.", computed=True),
            "url": Attribute(
                type=STRING,
                doc="The issuer, such as `https://token.actions.githubusercontent.com`.",
                required=True,
                replace=True,
                canonical=canonical_url,
            ),
            "client_id_list": Attribute(
                type=Set(STRING),
                doc="The audiences that tokens may name, such as `sts.amazonaws.com`.",
                required=True,
            ),
            "thumbprint_list": Attribute(
                type=Set(STRING),
                doc="SHA-1 fingerprints of the issuer's certificate authority. AWS finds them by itself, and asks for "
                "them only where it does not know the authority.",
                optional=True,
                computed=True,
                canonical=lambda value: sorted(
                    (t if isinstance(t, Unknown) else str(t).lower() for t in value), key=str
                ),
            ),
            "tags": TAGS,
            "arn": ARN,
            "created_at": moment("When it was made."),
        },
    )
    identity = Identity(
        natural_key=("url",),
        recognition=Recognition.UNIQUE_KEY,
        import_format="URL or ARN",
        visible_within=SETTLES_WITHIN,
    )
    permissions = Permissions(
        read=("iam:ListOpenIDConnectProviders", "iam:GetOpenIDConnectProvider"),
        create=("iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider"),
        update=(
            "iam:AddClientIDToOpenIDConnectProvider",
            "iam:RemoveClientIDFromOpenIDConnectProvider",
            "iam:UpdateOpenIDConnectProviderThumbprint",
            "iam:TagOpenIDConnectProvider",
            "iam:UntagOpenIDConnectProvider",
        ),
        delete=("iam:DeleteOpenIDConnectProvider",),
    )
    quirks = (TRUST_ENDS,)
    inventory = True
    affects_sign_in = True

    def list(self, reader: AwsReader, request: ListRequest) -> Listing:
        """Read all providers, a call each, several at once: AWS lists ARNs only, of at most 100 by default."""
        found = reader.call("iam:ListOpenIDConnectProviders").get("OpenIDConnectProviderList") or ()
        arns = [str(item["Arn"]) for item in found]
        with ThreadPoolExecutor(TOGETHER, thread_name_prefix="aws") as pool:
            each = list(pool.map(lambda arn: _read(reader, arn), arns))
        return Listing(objects=tuple(item for item in each if item is not None))

    def read(self, reader: AwsReader, request: ReadRequest) -> Observed | None:
        """Read one provider."""
        return _read(reader, request.id)

    def create(self, writer: AwsWriter, request: CreateRequest) -> Written:
        """Create a provider with everything in one call."""
        wanted = request.attributes
        more: dict[str, Any] = {}
        if wanted.get("thumbprint_list"):
            more["ThumbprintList"] = sorted(wanted["thumbprint_list"])
        if wanted.get("tags"):
            more["Tags"] = tag_list(wanted["tags"])
        answer = writer.write(
            "iam:CreateOpenIDConnectProvider",
            Url=canonical_url(wanted["url"]),
            ClientIDList=sorted(wanted["client_id_list"]),
            **more,
        )
        return Written(id=answer["OpenIDConnectProviderArn"], request_id=request_id(answer))

    def update(self, writer: AwsWriter, request: UpdateRequest) -> Written:
        """Change audiences, fingerprints and tags; new audiences come before old ones go."""
        about = {"OpenIDConnectProviderArn": request.id}
        answer: Mapping[str, Any] = {}
        if "client_id_list" in request.changed:
            before, wanted = (
                set(side.get("client_id_list") or ()) for side in (request.before, request.after)
            )
            for audience in sorted(wanted - before):
                answer = writer.write(
                    "iam:AddClientIDToOpenIDConnectProvider", **about, ClientID=audience
                )
            for audience in sorted(before - wanted):
                answer = writer.write(
                    "iam:RemoveClientIDFromOpenIDConnectProvider", **about, ClientID=audience
                )
        if "thumbprint_list" in request.changed:
            answer = writer.write(
                "iam:UpdateOpenIDConnectProviderThumbprint",
                **about,
                ThumbprintList=sorted(request.after.get("thumbprint_list") or ()),
            )
        if "tags" in request.changed:
            old, new = request.before.get("tags") or {}, request.after.get("tags") or {}
            if gone := sorted(set(old) - set(new)):
                answer = writer.write("iam:UntagOpenIDConnectProvider", **about, TagKeys=gone)
            if come := {key: value for key, value in new.items() if old.get(key) != value}:
                answer = writer.write("iam:TagOpenIDConnectProvider", **about, Tags=tag_list(come))
        return Written(id=request.id, request_id=request_id(answer))

    def delete(self, writer: AwsWriter, request: DeleteRequest) -> str:
        """Remove a provider; roles that trust it stay as they are, and let nobody in by it."""
        about = {"OpenIDConnectProviderArn": request.id}
        return request_id(writer.write("iam:DeleteOpenIDConnectProvider", **about))

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """An issuer's URL, or an ARN."""
        if _ARN.fullmatch(text):
            return {"id": text}
        if "." not in text or " " in text:
            raise ValueError(f"{text!r} is no issuer's URL.")
        return {"url": canonical_url(text)}

    def direction(self, transition: Transition) -> Direction:
        """Another issuer or audience widens; what fingerprints do to trust nobody can tell."""
        before, after = transition.before, transition.after
        if before is None:
            return Direction.WIDENS
        if after is None:
            return Direction.NARROWS
        return join_directions(
            _audiences(before.get("client_id_list"), after.get("client_id_list")),
            Direction.UNKNOWN if transition.changed("thumbprint_list") else Direction.NEUTRAL,
            Direction.UNKNOWN if transition.changed("tags") else Direction.NEUTRAL,
        )

    def may_lock_out(self, transition: Transition) -> bool:
        """One that goes, accepts fewer audiences, or has other fingerprints."""
        return transition.before is not None and (
            transition.after is None
            or transition.changed("client_id_list")
            or transition.changed("thumbprint_list")
        )

    def access_after(self, access: Access, transition: Transition) -> tuple[Access, ...]:
        """Roles that trust the issuer may be assumed no longer."""
        before, after = transition.before or {}, transition.after
        if after is not None and not transition.changed("thumbprint_list"):
            moved = _audiences(before.get("client_id_list"), after.get("client_id_list"))
            if moved in (Direction.NEUTRAL, Direction.WIDENS):
                return (access,)
        arn, found = str(known(before, "arn") or known(before, "id") or ""), access
        for identifier, item in access.facts.get("principals", {}).items():
            if arn in item.get("federated", ()):
                because = f"{item['name']} trusts the identity provider {before.get('url')}"
                found = with_principal(found, identifier, doubtful=because)
        return (found,)

    def origin(self, attributes: Attributes) -> str:
        """Since when."""
        return f"made {day(attributes.get('created_at'))}"

    def validate(self, config: Attributes) -> Iterable[Problem]:
        """What IAM would refuse."""
        url, prints = known(config, "url"), known(config, "thumbprint_list")
        audiences = known(config, "client_id_list")
        if isinstance(url, str) and (urlsplit(url).scheme != "https" or urlsplit(url).query):
            yield ("url",), f"{url!r} is no issuer: it begins with https:// and has no query."
        if isinstance(audiences, list | tuple | set | frozenset) and not audiences:
            yield ("client_id_list",), "Name at least one audience, such as sts.amazonaws.com."
        for value in prints if isinstance(prints, list | tuple | set | frozenset) else ():
            if isinstance(value, str) and not _THUMBPRINT.fullmatch(value):
                yield (
                    ("thumbprint_list",),
                    f"{value!r} is no SHA-1 fingerprint: 40 hexadecimal digits without colons.",
                )


def _read(reader: AwsReader, arn: str) -> Observed | None:
    try:
        found = reader.call("iam:GetOpenIDConnectProvider", OpenIDConnectProviderArn=arn)
    except NotFound:
        return None
    return decode(arn, found)


def _audiences(before: Any, after: Any) -> Direction:
    if isinstance(before, Unknown) or isinstance(after, Unknown):
        return Direction.UNKNOWN
    old, new = set(before or ()), set(after or ())
    if any(isinstance(item, Unknown) for item in (*old, *new)):
        return Direction.UNKNOWN
    if new - old:
        return Direction.WIDENS if old <= new else Direction.UNKNOWN
    return Direction.NARROWS if old - new else Direction.NEUTRAL
