"""``aws_iam_account_password_policy``: what the account asks of console passwords."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.sdk import (
    BOOL,
    NUMBER,
    STRING,
    Access,
    Attribute,
    Attributes,
    Direction,
    Facet,
    Identity,
    Listing,
    ListRequest,
    Mode,
    NotFound,
    Observed,
    Permissions,
    ReadRequest,
    Recognition,
    ResourceType,
    Schema,
    SignInSetting,
    Tenant,
    Transition,
    Unknown,
    UpdateRequest,
    Written,
    join_directions,
)
from perimeter_aws.access import with_principal
from perimeter_aws.attributes import Problem, known
from perimeter_aws.client import AwsReader, AwsWriter, request_id
from perimeter_aws.quirks import FIRST_POLICY, NEXT_PASSWORD

_FLAGS = {
    "require_uppercase_characters": "RequireUppercaseCharacters",
    "require_lowercase_characters": "RequireLowercaseCharacters",
    "require_numbers": "RequireNumbers",
    "require_symbols": "RequireSymbols",
    "allow_users_to_change_password": "AllowUsersToChangePassword",
    "hard_expiry": "HardExpiry",
}
_NUMBERS = {
    "minimum_password_length": "MinimumPasswordLength",
    "max_password_age": "MaxPasswordAge",
    "password_reuse_prevention": "PasswordReusePrevention",
}
_RANGES = {
    "minimum_password_length": (6, 128),
    "max_password_age": (0, 1095),
    "password_reuse_prevention": (0, 24),
}
DEFAULTS: Mapping[str, Any] = {
    "minimum_password_length": 8,
    "require_uppercase_characters": False,
    "require_lowercase_characters": False,
    "require_numbers": False,
    "require_symbols": False,
    "allow_users_to_change_password": False,
    "max_password_age": 0,
    "password_reuse_prevention": 0,
    "hard_expiry": False,
}
"""What holds while the account has no policy: IAM User Guide, "Default password policy". That three of four kinds of
characters are then asked for, no setting expresses."""


def decode(data: Mapping[str, Any] | None, account: str) -> Observed:
    """The policy as IAM shows it; None where the account has none of its own."""
    found = dict(DEFAULTS)
    if data is not None:
        found |= {name: bool(data.get(shown)) for name, shown in _FLAGS.items()}
        found |= {name: int(data.get(shown) or 0) for name, shown in _NUMBERS.items()}
    return Observed(id=account, attributes={"id": account, **found, "custom": data is not None})


def _flag(doc: str) -> Attribute:
    return Attribute(type=BOOL, doc=doc, optional=True, computed=True)


def _number(doc: str) -> Attribute:
    return Attribute(type=NUMBER, doc=doc, optional=True, computed=True)


class PasswordPolicy(ResourceType):
    """The account's password policy; there is one, AWS's default where none was set."""

    name = "aws_iam_account_password_policy"
    schema = Schema(
        doc="The account's password policy. Without one of its own the account shows AWS's defaults. What is not declared "
        "keeps its value. Destroying it stops managing it; the policy stays.",
        attributes={
            "id": Attribute(type=STRING, doc="The account's number.", computed=True),
            "minimum_password_length": _number("The shortest password: 6 to 128."),
            "require_uppercase_characters": _flag("Whether a capital letter is asked for."),
            "require_lowercase_characters": _flag("Whether a small letter is asked for."),
            "require_numbers": _flag("Whether a digit is asked for."),
            "require_symbols": _flag("Whether another character is asked for."),
            "allow_users_to_change_password": _flag("Whether users may change their own password."),
            "max_password_age": _number(
                "Days after which a password expires: 1 to 1095; 0 for never."
            ),
            "password_reuse_prevention": _number(
                "How many former passwords may not return: 1 to 24; 0 for none."
            ),
            "hard_expiry": _flag("Whether only an administrator can renew an expired password."),
            "custom": Attribute(
                type=BOOL,
                doc="Whether the account has a policy of its own.",
                computed=True,
                mode=Mode.OBSERVED,
            ),
        },
    )
    identity = Identity(recognition=Recognition.UNIQUE_KEY, import_format="ACCOUNT")
    permissions = Permissions(
        read=("iam:GetAccountPasswordPolicy",), update=("iam:UpdateAccountPasswordPolicy",)
    )
    singleton = True
    creatable = False
    deletable = False
    quirks = (FIRST_POLICY, NEXT_PASSWORD)
    affects_sign_in = True

    def list(self, reader: AwsReader, request: ListRequest) -> Listing:
        """The one policy."""
        return Listing(objects=(_policy(reader, request.tenant),))

    def read(self, reader: AwsReader, request: ReadRequest) -> Observed | None:
        """The one policy."""
        return _policy(reader, request.tenant)

    def update(self, writer: AwsWriter, request: UpdateRequest) -> Written:
        """Set the whole policy: what a call leaves out, AWS sets back to its default."""
        after = request.after
        sent: dict[str, Any] = {shown: bool(after.get(name)) for name, shown in _FLAGS.items()}
        # 0 stands for what AWS says by leaving out.
        sent |= {shown: int(after[name]) for name, shown in _NUMBERS.items() if after.get(name)}
        answer = writer.write("iam:UpdateAccountPasswordPolicy", **sent)
        return Written(id=request.id, request_id=request_id(answer))

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """The account's number."""
        if text != tenant.id:
            raise ValueError(f"{text!r} is not the number of this account, {tenant.id}.")
        return {"id": text}

    def direction(self, transition: Transition) -> Direction:
        """What asks more of passwords narrows."""
        if transition.before is None or transition.after is None:
            return Direction.NEUTRAL
        return join_directions(
            *(
                _moved(name, transition.before.get(name), transition.after.get(name))
                for name in DEFAULTS
                if transition.changed(name)
            )
        )

    def may_lock_out(self, transition: Transition) -> bool:
        """Only what makes passwords expire for good."""
        return transition.changed("hard_expiry") or transition.changed("max_password_age")

    def access_after(self, access: Access, transition: Transition) -> tuple[Access, ...]:
        """With hard expiry, whoever's password is too old needs another administrator to get in."""
        before, after = transition.before or {}, transition.after or {}
        hard, age = after.get("hard_expiry"), after.get("max_password_age")
        if hard is False or age == 0:
            return (access,)
        was: Any = known(before, "max_password_age") if known(before, "hard_expiry") else 0
        if was and not isinstance(age, Unknown) and age >= was:
            return (access,)
        because = (
            "a password that is too old by then could be renewed by another administrator only"
        )
        callers = {person.id for person in access.people if person.caller}
        found = access
        for identifier, item in access.facts.get("principals", {}).items():
            # A key is a way in that does not expire.
            if item["entity"] == "Role" or item["password"] is False or identifier in callers:
                continue
            if item["keys"]:
                continue
            found = with_principal(found, identifier, doubtful=because)
        return (found,)

    def facets(self, attributes: Attributes) -> tuple[Facet, ...]:
        """A sign-in setting; it says nothing of second factors."""
        risk = []
        if known(attributes, "custom") is False:
            risk.append("AWS's default password policy")
        length = known(attributes, "minimum_password_length")
        if isinstance(length, int) and length < 14:
            risk.append("passwords shorter than 14 characters")
        account = str(known(attributes, "id") or "")
        return (SignInSetting(id=account, name="password policy", risk=tuple(risk)),)

    def describe(self, attributes: Attributes) -> str:
        """There is only one."""
        return ""

    def validate(self, config: Attributes) -> Iterable[Problem]:
        """What IAM would refuse."""
        for name, (low, high) in _RANGES.items():
            value = known(config, name)
            if value is not None and (value != int(value) or not low <= value <= high):
                yield (name,), f"{name} must be a whole number from {low} to {high}, not {value}."
        if known(config, "hard_expiry") is True and known(config, "max_password_age") == 0:
            yield (
                ("hard_expiry",),
                "hard_expiry means nothing while passwords never expire; set max_password_age.",
            )


def _policy(reader: AwsReader, tenant: Tenant) -> Observed:
    try:
        data = reader.call("iam:GetAccountPasswordPolicy")["PasswordPolicy"]
    except NotFound:
        data = None
    return decode(data, tenant.id)


def _moved(name: str, before: Any, after: Any) -> Direction:
    if isinstance(before, Unknown) or isinstance(after, Unknown) or before is None or after is None:
        return Direction.UNKNOWN
    if name == "allow_users_to_change_password":
        return Direction.WIDENS if after else Direction.NARROWS
    if name == "max_password_age":
        # Never is longer than any number of days.
        never = 10**9
        return Direction.NARROWS if (after or never) < (before or never) else Direction.WIDENS
    return Direction.NARROWS if after > before else Direction.WIDENS
