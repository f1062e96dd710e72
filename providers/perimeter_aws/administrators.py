"""Reads who administers the account and what decides whether they get in, for the lockout proof; judged in ``access.py``."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator, Mapping
from typing import Any

from perimeter.sdk import (
    Access,
    AccessRequest,
    Administrator,
    Forbidden,
    NotFound,
    ProviderError,
    Tenant,
    Unsupported,
)
from perimeter_aws.attributes import account_of, boundary_of
from perimeter_aws.client import AwsReader
from perimeter_aws.details import Details
from perimeter_aws.documents import DENYING
from perimeter_aws.trust import trusts

_PARTITIONS = ("aws", "aws-cn", "aws-us-gov")
_ALMIGHTY = tuple(f"arn:{part}:iam::aws:policy/AdministratorAccess" for part in _PARTITIONS)
_DENYING = tuple(
    f"arn:{part}:iam::aws:policy/{name}" for part in _PARTITIONS for name in sorted(DENYING)
)
REPORT_WITHIN = 20.0
"""Seconds; AWS writes a new credential report at most every four hours, in a few seconds."""


def read_access(reader: AwsReader, request: AccessRequest) -> Access:
    """Users and roles that are allowed everything, the caller, whatever it may do, and the accounts asked for (by ARN).

    A user without console password and without an active key is not able to sign in; that is taken from the credential
    report, where perimeter may read it.
    """
    tenant = request.tenant
    details = reader.details()
    report = _report(reader)
    wanted = {arn.casefold() for arn in request.accounts}
    people, principals = [], {}
    for identifier, entity, item in _principals(details):
        caller = _is_caller(item, entity, tenant)
        admin = details.administers(item)
        if not (caller or admin or item["Arn"].casefold() in wanted):
            continue
        row = report.get(item["Arn"]) if entity == "User" else None
        principals[identifier] = _facts(entity, item, row, details, admin=admin)
        people.append(_person(identifier, item, row, tenant, details, admin=admin, caller=caller))
    if not any(person.caller for person in people):
        people.append(
            Administrator(
                id=tenant.caller,
                login=tenant.caller,
                caller=True,
                credentials=frozenset({tenant.caller_credential}),
            )
        )
        # The account's root user, a federated one: no policy of the account's own says what it may do.
        principals[tenant.caller] = {
            "entity": "",
            "name": tenant.caller,
            "attached": [],
            "always": True,
            "admin": True,
            "boundary": "",
            "password": None,
            "keys": None,
            "federated": (),
        }
    facts = {
        "principals": principals,
        "almighty": [*sorted(details.almighty), *_ALMIGHTY],
        "denying": [*_DENYING],
        "effects": dict(details.effects),
        "key": tenant.caller_credential,
    }
    return Access(people=tuple(people), facts=facts)


def _principals(details: Details) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for identifier, item in details.users.items():
        yield identifier, "User", item
    for identifier, item in details.roles.items():
        yield identifier, "Role", item


def _is_caller(item: Mapping[str, Any], entity: str, tenant: Tenant) -> bool:
    if entity == "User":
        return bool(item["Arn"] == tenant.caller)
    # arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION
    kind, _, rest = tenant.caller.rpartition(":")[2].partition("/")
    return kind == "assumed-role" and item["RoleName"] == rest.partition("/")[0]


def _person(
    identifier: str,
    item: Mapping[str, Any],
    row: Mapping[str, str] | None,
    tenant: Tenant,
    details: Details,
    *,
    admin: bool,
    caller: bool,
) -> Administrator:
    return Administrator(
        id=identifier,
        login=item["Arn"],
        able=caller or (admin and (row is None or _signs_in(row))),
        factors=None if row is None else row.get("mfa_active") == "true",
        groups=frozenset(
            str(details.groups[name]["GroupId"])
            for name in item.get("GroupList") or ()
            if name in details.groups
        ),
        caller=caller,
        counted=admin,
        credentials=frozenset({tenant.caller_credential}) if caller else frozenset(),
    )


def _facts(
    entity: str,
    item: Mapping[str, Any],
    row: Mapping[str, str] | None,
    details: Details,
    *,
    admin: bool,
) -> Mapping[str, Any]:
    attached = sorted(
        str(policy["PolicyArn"]) for policy in item.get("AttachedManagedPolicies") or ()
    )
    bare = {**item, "AttachedManagedPolicies": ()}
    keys = ("access_key_1_active", "access_key_2_active")
    return {
        "entity": entity,
        "name": str(item[f"{entity}Name"]),
        "attached": attached,
        "always": details.administers(bare),
        "admin": admin,
        "boundary": boundary_of(item),
        "password": None if row is None else row.get("password_enabled") == "true",
        "keys": None if row is None else sum(row.get(name) == "true" for name in keys),
        "federated": trusts(item.get("AssumeRolePolicyDocument"), account_of({"arn": item["Arn"]})),
    }


def _signs_in(row: Mapping[str, str]) -> bool:
    return "true" in (
        row.get("password_enabled"),
        row.get("access_key_1_active"),
        row.get("access_key_2_active"),
    )


def _report(reader: AwsReader) -> Mapping[str, Mapping[str, str]]:
    """The credential report's rows by ARN; none where perimeter may not read it or AWS does not finish it."""
    deadline = time.monotonic() + REPORT_WITHIN
    try:
        while reader.call("iam:GenerateCredentialReport").get("State") != "COMPLETE":
            if time.monotonic() > deadline:
                return {}
            time.sleep(0.5)
        content: Any = reader.call("iam:GetCredentialReport").get("Content") or b""
    except (Forbidden, NotFound, Unsupported):
        return {}
    except ProviderError as problem:
        if problem.status == 410:  # the report expired between the two calls
            return {}
        raise
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)
    return {row["arn"]: row for row in csv.DictReader(io.StringIO(text)) if row.get("arn")}
