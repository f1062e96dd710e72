"""The account's users, groups, roles and policies, as one bulk read shows them: ``iam:GetAccountAuthorizationDetails``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from perimeter_aws.documents import allows_everything, effect_of

ADMINISTRATOR = "policy/AdministratorAccess"
PARTS = ("User", "Role", "Group", "LocalManagedPolicy")
"""Without AWS's own policies, which are over a thousand and the same everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What the account consists of, in IAM's own shapes.

    Attributes:
        users: ``UserDetail`` by user id.
        roles: ``RoleDetail`` by role id.
        groups: ``GroupDetail`` by name.
        effects: ``allow``, ``deny`` or ``mixed`` by the ARN of each policy of the account's own.
        almighty: the ARNs of the account's own policies that allow everything.
    """

    users: Mapping[str, Mapping[str, Any]]
    roles: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, Mapping[str, Any]]
    effects: Mapping[str, str]
    almighty: frozenset[str]

    def administers(self, item: Mapping[str, Any]) -> bool:
        """Whether a user, group or role is allowed everything, by itself or (a user) through a group."""
        attached = [
            str(policy.get("PolicyArn")) for policy in item.get("AttachedManagedPolicies") or ()
        ]
        if any(arn.endswith(f":aws:{ADMINISTRATOR}") or arn in self.almighty for arn in attached):
            return True
        inline = [
            policy.get("PolicyDocument")
            for name in ("UserPolicyList", "RolePolicyList", "GroupPolicyList")
            for policy in item.get(name) or ()
        ]
        if any(allows_everything(document) for document in inline):
            return True
        return any(
            self.administers(self.groups[name])
            for name in item.get("GroupList") or ()
            if name in self.groups
        )


def read_details(pages: Callable[..., list[dict[str, Any]]]) -> Details:
    """Read them: a call per 1,000 entities."""
    users: dict[str, Mapping[str, Any]] = {}
    roles: dict[str, Mapping[str, Any]] = {}
    groups: dict[str, Mapping[str, Any]] = {}
    effects: dict[str, str] = {}
    almighty: set[str] = set()
    for page in pages("iam:GetAccountAuthorizationDetails", Filter=list(PARTS)):
        users.update({item["UserId"]: item for item in page.get("UserDetailList") or ()})
        roles.update({item["RoleId"]: item for item in page.get("RoleDetailList") or ()})
        groups.update({item["GroupName"]: item for item in page.get("GroupDetailList") or ()})
        for policy in page.get("Policies") or ():
            document = next(
                (
                    version.get("Document")
                    for version in policy.get("PolicyVersionList") or ()
                    if version.get("IsDefaultVersion")
                ),
                None,
            )
            effects[policy["Arn"]] = effect_of(document)
            if allows_everything(document):
                almighty.add(policy["Arn"])
    return Details(
        users=users, roles=roles, groups=groups, effects=effects, almighty=frozenset(almighty)
    )
