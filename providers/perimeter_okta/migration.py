"""What becomes of configuration for Terraform's ``okta/okta``.

Source of the foreign names: the provider's documentation, registry.terraform.io/providers/okta/okta.
"""

from __future__ import annotations

from collections.abc import Mapping

from perimeter.sdk.migration import (
    Dropped,
    Into,
    Joined,
    Migration,
    Renamed,
    Rule,
    Secret,
    Split,
    Spread,
    TypeMapping,
    dropped,
    mappings,
    same,
)

_PROFILE = "perimeter manages whether people can sign in, not their profiles"
_LOOKS = "it gives nobody access"
_APP_PROFILE = "perimeter leaves an assignment's profile as it is"
_PACE = "perimeter keeps to Okta's rate limits on its own; see capacity_share"
_ID = {"id": "id"}

_USER = TypeMapping(
    foreign="okta_user",
    type="okta_user",
    arguments={
        "login": "login",
        "status": Renamed(
            name="status",
            refused={
                name: f"perimeter does not bring people into the status {name}"
                for name in ("STAGED", "PROVISIONED", "RECOVERY", "PASSWORD_EXPIRED", "LOCKED_OUT")
            },
        ),
        **dropped(_PROFILE, "email", "first_name", "last_name", "second_email", "mobile_phone"),
        **dropped(_PROFILE, "department", "title", "manager", "manager_id", "organization"),
        **dropped(_PROFILE, "custom_profile_attributes", "user_type", "display_name"),
        **dict.fromkeys(("password", "old_password", "recovery_answer"), Secret()),
    },
    attributes=_ID,
)

_GROUP = TypeMapping(
    foreign="okta_group",
    type="okta_group",
    arguments={
        **same("name", "description"),
        "custom_profile_attributes": Dropped(
            reason="perimeter leaves the group's profile as it is"
        ),
        "skip_users": Dropped(reason="members are objects of their own"),
    },
    attributes=_ID,
)

_MEMBERSHIPS = TypeMapping(
    foreign="okta_group_memberships",
    type="okta_group_membership",
    arguments={
        "group_id": "group",
        "users": "user",
        "track_all_users": Dropped(
            reason="every plan shows the members that nobody declared; an exclusive collection removes them"
        ),
    },
    import_id="{group_id}/{users}",
    spread=Spread(argument="users"),
)

_POLICY = TypeMapping(
    foreign="okta_policy_signon",
    type="okta_global_session_policy",
    arguments={
        **same("name", "description", "status", "priority"),
        "groups_included": "groups",
    },
    attributes=_ID,
)

_RULE = TypeMapping(
    foreign="okta_policy_rule_signon",
    type="okta_global_session_policy",
    arguments={
        **same("status", "mfa_required", "mfa_prompt", "mfa_remember_device"),
        "access": Renamed(
            name="access",
            refused={
                "CHALLENGE": "perimeter knows no factor sequences; the rule keeps what the tenant has"
            },
        ),
        "authtype": "auth_type",
        "mfa_lifetime": "mfa_lifetime_minutes",
        "session_idle": "session_idle_minutes",
        "session_lifetime": "session_lifetime_minutes",
        "session_persistent": "session_persistent_cookie",
        "network_connection": Renamed(
            name="network_connection",
            refused=dict.fromkeys(
                ("ON_NETWORK", "OFF_NETWORK"),
                "perimeter knows ANYWHERE and ZONE; the rule keeps what the tenant has",
            ),
        ),
        "network_includes": "network_include",
        "network_excludes": "network_exclude",
        "users_excluded": "excluded_users",
        **dropped(
            "perimeter leaves this condition as it is",
            "risc_level",
            "risk_level",
            "behaviors",
            "identity_provider",
            "identity_provider_ids",
            "primary_factor",
        ),
    },
    blocks={
        "factor_sequence": Dropped(reason="perimeter leaves factor sequences as they are"),
        "keep_me_signed_in": Dropped(reason="perimeter leaves this prompt as it is"),
    },
    import_id="",
    into=Into(
        foreign="okta_policy_signon", by="policy_id", block="rule", label="name", order="priority"
    ),
)

_OAUTH = TypeMapping(
    foreign="okta_app_oauth",
    type="okta_app",
    arguments={
        **same(
            "label",
            "status",
            "implicit_assignment",
            "redirect_uris",
            "post_logout_redirect_uris",
            "grant_types",
            "response_types",
            "token_endpoint_auth_method",
            "jwks_uri",
            "pkce_required",
            "consent_method",
            "wildcard_redirect",
        ),
        "type": "application_type",
        "client_id": Dropped(reason="it was decided when the app was made"),
        "omit_secret": Dropped(reason="perimeter never reads a client's secret"),
        "client_basic_secret": Secret(),
        "client_basic_secret_wo": Secret(),
        **dropped(
            _LOOKS,
            "accessibility_error_redirect_url",
            "accessibility_login_redirect_url",
            "admin_note",
            "app_links_json",
            "auto_submit_toolbar",
            "client_uri",
            "enduser_note",
            "hide_ios",
            "hide_web",
            "logo",
            "logo_uri",
            "policy_uri",
            "tos_uri",
        ),
        **dropped(
            "perimeter leaves it as it is in the tenant",
            "accessibility_self_service",
            "app_settings_json",
            "authentication_policy",
            "auto_key_rotation",
            "client_basic_secret_wo_version",
            "issuer_mode",
            "login_mode",
            "login_scopes",
            "login_uri",
            "profile",
            "refresh_token_leeway",
            "refresh_token_rotation",
            "user_name_template",
            "user_name_template_push_status",
            "user_name_template_suffix",
            "user_name_template_type",
        ),
    },
    blocks={
        "groups_claim": Dropped(reason="perimeter leaves claims as they are"),
        "jwks": Dropped(
            reason="perimeter leaves the client's keys as they are; jwks_uri it manages"
        ),
    },
    attributes={**_ID, "client_id": "client_id", "name": "name", "sign_on_mode": "sign_on_mode"},
    withheld={"client_secret": "perimeter never reads a client's secret"},
    constants={"sign_on_mode": "OPENID_CONNECT"},
)

_ASSIGNMENT_ARGUMENTS: Mapping[str, Rule] = {
    "priority": "priority",
    "profile": Dropped(reason=_APP_PROFILE),
}

_ASSIGNMENT = TypeMapping(
    foreign="okta_app_group_assignment",
    type="okta_app_group_assignment",
    arguments={
        "app_id": "app",
        "group_id": "group",
        **_ASSIGNMENT_ARGUMENTS,
        "retain_assignment": Dropped(reason="lifecycle { destroy = false } does the same"),
    },
    attributes=_ID,
    import_id="{app_id}/{group_id}",
)

_ASSIGNMENTS = TypeMapping(
    foreign="okta_app_group_assignments",
    type="okta_app_group_assignment",
    arguments={"app_id": "app"},
    import_id="{app_id}/{id}",
    split=Split(block="group", arguments={"id": "group", **_ASSIGNMENT_ARGUMENTS}, name="id"),
)

_SCOPES = TypeMapping(
    foreign="okta_app_oauth_api_scope",
    type="okta_app_scope_grant",
    arguments={
        "app_id": "app",
        "scopes": "scopes",
        "issuer": Dropped(reason="it is the org of the provider"),
    },
    attributes=_ID,
    import_id="{app_id}",
)

_GROUP_DATA = TypeMapping(
    foreign="okta_group",
    type="okta_group",
    arguments={
        "name": "name",
        "id": Dropped(reason="perimeter looks groups up by name"),
        **dropped(
            "perimeter looks groups up by name", "type", "include_users", "delay_read_seconds"
        ),
    },
    attributes={**_ID, "description": "description", "type": "type"},
)

_USER_DATA = TypeMapping(
    foreign="okta_user",
    type="okta_user",
    arguments={
        "login": "login",
        **dropped("perimeter looks people up by login", "user_id", "compound_search_operator"),
    },
    blocks={"search": Dropped(reason="perimeter looks people up by login")},
    attributes={**_ID, "status": "status"},
)

_APP_DATA = TypeMapping(
    foreign="okta_app",
    type="okta_app",
    arguments={
        "label": "label",
        **dropped("perimeter looks apps up by label", "id", "label_prefix", "active_only"),
    },
    attributes={**_ID, "name": "name", "status": "status"},
)

TERRAFORM = Migration(
    sources=("okta/okta", "oktadeveloper/okta"),
    arguments={
        "client_id": "client_id",
        "private_key": Secret(name="private_key"),
        "private_key_id": "key_id",
        "scopes": "scopes",
        "api_token": Secret(name="token"),
        "access_token": Secret(),
        "max_api_capacity": Renamed(name="capacity_share", template="{} / 100"),
        "http_proxy": Dropped(reason="perimeter takes proxies from the environment"),
        **dropped(
            _PACE,
            "backoff",
            "min_wait_seconds",
            "max_wait_seconds",
            "max_retries",
            "parallelism",
            "request_timeout",
            "log_level",
        ),
    },
    joined=(
        Joined(
            name="org_url",
            template="https://{org_name}.{base_url}",
            defaults={"base_url": "okta.com"},
        ),
    ),
    resources=mappings(
        _USER, _GROUP, _MEMBERSHIPS, _POLICY, _RULE, _OAUTH, _ASSIGNMENT, _ASSIGNMENTS, _SCOPES
    ),
    data_sources=mappings(_GROUP_DATA, _USER_DATA, _APP_DATA),
    without={
        "okta_app_saml": "perimeter makes no SAML apps; import it as an okta_app to have it watched",
        "okta_user_group_memberships": "write it from the groups' side, as okta_group_memberships, and migrate again",
    },
)
"""For configuration of Terraform's provider."""
