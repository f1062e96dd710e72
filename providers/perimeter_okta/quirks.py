"""Side effects and oddities of Okta that a plan announces."""

from __future__ import annotations

from perimeter.sdk import Quirk, Transition, Unknown


def _status(transition: Transition, *, to: str) -> bool:
    before, after = transition.before, transition.after
    return (
        before is not None
        and after is not None
        and transition.changed("status")
        and after.get("status") == to
    )


def is_own_app(transition: Transition) -> bool:
    """Whether perimeter itself acts as the app that a transition is about."""
    before = transition.before or {}
    caller = transition.tenant.caller if transition.tenant is not None else ""
    return bool(caller) and caller in (before.get("client_id"), before.get("app"), before.get("id"))


def _loses_scopes(transition: Transition) -> bool:
    before, after = transition.before or {}, transition.after or {}
    held, kept = before.get("scopes") or (), after.get("scopes") or ()
    return isinstance(kept, Unknown) or bool(set(held) - set(kept))


ACTIVATION_MAIL = Quirk(
    summary="Okta mails the user an activation link; until they follow it the status reads PROVISIONED.",
    since="2026-06-25",
    source="https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserLifecycle/",
    applies=lambda transition: (
        _status(transition, to="ACTIVE")
        and (transition.before or {}).get("status") in {"STAGED", "DEPROVISIONED"}
    ),
)
DEACTIVATION = Quirk(
    summary="Deprovisioning takes away every app assignment and the password; activating again brings neither back.",
    since="2026-06-25",
    source="https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserLifecycle/",
    applies=lambda transition: _status(transition, to="DEPROVISIONED"),
)
GROUP_DELETION = Quirk(
    summary="Members lose the apps assigned through the group, and policies bound to it no longer apply to them.",
    since="2026-06-25",
    source="https://developer.okta.com/docs/api/openapi/okta-management/management/tag/Group/",
    applies=lambda transition: transition.after is None,
)
MEMBERSHIP_POLICIES = Quirk(
    summary="Apps, roles and sign-on policies bound to the group begin or cease to apply to the user.",
    since="2026-06-25",
    source="https://developer.okta.com/docs/api/openapi/okta-management/management/tag/Group/",
    applies=lambda _: True,
)
SYSTEM_POLICY = Quirk(
    summary="Okta's default policy cannot be deleted, deactivated, renamed or moved; only its default rule changes.",
    since="2026-06-25",
    source="https://developer.okta.com/docs/api/openapi/okta-management/management/tag/Policy/",
    applies=lambda transition: bool((transition.before or {}).get("system")),
)
PRIORITY_SHIFT = Quirk(
    summary="Okta moves the other policies to make room, so their priorities change too.",
    since="2026-06-25",
    source="https://developer.okta.com/docs/api/openapi/okta-management/management/tag/Policy/",
    applies=lambda transition: (
        transition.before is not None
        and transition.after is not None
        and transition.changed("priority")
    ),
)
APP_DELETION = Quirk(
    summary="The app is deactivated first; its client id, secrets and assignments are gone for good.",
    since="2026-06-25",
    source="https://developer.okta.com/docs/api/openapi/okta-management/management/tag/Application/",
    applies=lambda transition: transition.after is None,
)
OWN_APP = Quirk(
    summary="perimeter itself acts as this app: the change can take its own access.",
    since="2026-06-25",
    source="https://developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp/main/",
    applies=is_own_app,
)
TOKEN_REVOCATION = Quirk(
    summary="Whatever uses the token fails at once; a revoked token cannot be brought back.",
    since="2026-06-25",
    source="https://developer.okta.com/docs/api/openapi/okta-management/management/tag/ApiToken/",
    applies=lambda transition: transition.after is None,
)
SCOPES_LAST = Quirk(
    summary="Access tokens that the app got with its own credential keep their scopes until they end, up to an hour; Okta"
    " revokes refresh tokens and what was issued with them only.",
    since="2026-11-24",
    source="https://developer.okta.com/docs/api/openapi/okta-management/management/tag/ApplicationTokens/",
    applies=_loses_scopes,
)
