"""Side effects and oddities of AWS that a plan announces."""

from __future__ import annotations

from perimeter.sdk import Quirk, Transition


def _changes(transition: Transition, name: str) -> bool:
    both = transition.before is not None and transition.after is not None
    return both and transition.changed(name)


def _becomes_default(transition: Transition) -> bool:
    before = transition.before or {}
    return transition.after is not None and before.get("custom") is False


NEW_ARN = Quirk(
    summary="The ARN changes with the path; policies that name the old ARN no longer apply.",
    since="2026-11-24",
    source="https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateUser.html",
    applies=lambda transition: _changes(transition, "path"),
)
LOST_SECRET = Quirk(
    summary="AWS shows a new key's secret once, and perimeter drops it: nobody will be able to use the key.",
    since="2026-11-24",
    source="https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html",
    applies=lambda transition: transition.before is None,
    unrotated=True,
)
KEY_ENDS = Quirk(
    summary="Whatever uses the key fails at once; a deleted key cannot be brought back, an inactive one can.",
    since="2026-11-24",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
    applies=lambda transition: transition.before is not None and transition.after is None,
)
SESSIONS_LAST = Quirk(
    summary="Sessions that were begun under the old trust policy go on until they end, up to max_session_duration;"
    ' the role\'s page ends them by "Revoke sessions".',
    since="2026-11-24",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html",
    applies=lambda transition: _changes(transition, "assume_role_policy"),
)
PRINCIPAL_IDS = Quirk(
    summary="Trust policies of other roles that name it keep its former id and do not trust a new one of the same name.",
    since="2026-11-24",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
    applies=lambda transition: transition.before is not None and transition.after is None,
)
FIRST_POLICY = Quirk(
    summary="AWS's default rules (three of four kinds of characters) end once the account has a policy of its own.",
    since="2026-11-24",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html",
    applies=_becomes_default,
)
NEXT_PASSWORD = Quirk(
    summary="Length and characters are asked of new passwords only; the age counts for those that exist, too.",
    since="2026-11-24",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html",
    applies=lambda transition: transition.before is not None and transition.after is not None,
)
NAME_RESTS = Quirk(
    summary="The name stays taken until the recovery window ends; restore the secret instead of making it anew.",
    since="2026-11-24",
    source="https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_delete-secret.html",
    applies=lambda transition: transition.before is not None and transition.after is None,
)
REENCRYPTED = Quirk(
    summary="AWS encrypts the labelled versions anew; whoever may not use the new key can read the secret no longer.",
    since="2026-11-24",
    source="https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_update-encryption-key.html",
    applies=lambda transition: _changes(transition, "kms_key_id"),
)
PUT_AGAIN = Quirk(
    summary="AWS changes a parameter only together with its value: perimeter reads it and puts it in again, unseen.",
    since="2026-11-24",
    source="https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html",
    applies=lambda transition: any(
        _changes(transition, name) for name in ("description", "key_id", "tier")
    ),
)
TRUST_ENDS = Quirk(
    summary="Whoever signs in through the identity provider can assume no role of this account any more.",
    since="2026-11-24",
    source="https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteOpenIDConnectProvider.html",
    applies=lambda transition: transition.before is not None and transition.after is None,
)
