"""Who can administer the account, for the lockout proof."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator, Mapping
from typing import Any

from perimeter.sdk import Administrator, Forbidden, NotFound, ProviderError, Tenant, Unsupported
from perimeter_aws.client import AwsReader
from perimeter_aws.details import Details

REPORT_WITHIN = 20.0
"""Seconds; AWS writes a new credential report at most every four hours, in a few seconds."""


def read_administrators(reader: AwsReader, tenant: Tenant) -> tuple[Administrator, ...]:
    """Users and roles that are allowed everything, and the caller, whatever it may do.

    A user without console password and without an active key is not able to sign in; that is taken from the credential
    report, where perimeter may read it.
    """
    details = reader.details()
    report = _report(reader)
    people = [*_users(details, report, tenant), *_roles(details, tenant)]
    if not any(person.caller for person in people):
        people.append(
            Administrator(
                id=tenant.caller,
                login=tenant.caller,
                caller=True,
                credentials=frozenset({tenant.caller_credential}),
            )
        )
    return tuple(people)


def _users(
    details: Details, report: Mapping[str, Mapping[str, str]], tenant: Tenant
) -> Iterator[Administrator]:
    for identifier, item in details.users.items():
        caller = item["Arn"] == tenant.caller
        if not caller and not details.administers(item):
            continue
        row = report.get(item["Arn"])
        yield Administrator(
            id=identifier,
            login=item["Arn"],
            able=caller or row is None or _signs_in(row),
            factors=None if row is None else row.get("mfa_active") == "true",
            groups=frozenset(
                str(details.groups[name]["GroupId"])
                for name in item.get("GroupList") or ()
                if name in details.groups
            ),
            caller=caller,
            credentials=frozenset({tenant.caller_credential}) if caller else frozenset(),
        )


def _roles(details: Details, tenant: Tenant) -> Iterator[Administrator]:
    # arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION
    kind, _, rest = tenant.caller.rpartition(":")[2].partition("/")
    assumed = rest.partition("/")[0] if kind == "assumed-role" else ""
    for identifier, item in details.roles.items():
        caller = item["RoleName"] == assumed
        if not caller and not details.administers(item):
            continue
        yield Administrator(
            id=identifier,
            login=item["Arn"],
            groups=frozenset(),
            caller=caller,
            credentials=frozenset({tenant.caller_credential}) if caller else frozenset(),
        )


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
