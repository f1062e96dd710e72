"""A small company on Okta, as a seed of the sandbox."""

from __future__ import annotations

from typing import Any

ADMIN, SECOND, PLAIN, GONE = "00uatan", "00umruiz", "00ujdoe", "00ugone"
EVERYONE, EMPLOYEES, SALES = "00geveryone", "00gemployees", "00gsales"
STRICT, OFFICE, DEFAULT = "00pstrict", "00poffice", "00pdefault"
CRM, REPORTS, SAML = "0oacrm", "0oareports", "0oasaml"
LOGS = "0oalogs"
SERVICE_SECRET = "canary-service-secret-1"
TOKEN = "00Canary-SSWS-token-of-a-tan"
CLIENT_SECRET = "canary-client-secret-0123456789abcdef"


def user(identifier: str, login: str, status: str = "ACTIVE", **more: Any) -> dict[str, Any]:
    """A user."""
    profile = {"login": login, "email": login, "firstName": "A", "lastName": "B"}
    return {"id": identifier, "status": status, "profile": profile, **more}


def rule(identifier: str, name: str, priority: int, **signon: Any) -> dict[str, Any]:
    """A rule of a session policy."""
    return {
        "id": identifier,
        "name": name,
        "priority": priority,
        "actions": {"signon": {"access": "ALLOW", "requireFactor": False, **signon}},
    }


def policy(identifier: str, name: str, groups: list[str], *rules: Any, **more: Any) -> Any:
    """A global session policy."""
    people = {"groups": {"include": groups}}
    base = {"id": identifier, "name": name, "conditions": {"people": people}}
    return {**base, "rules": list(rules), **more}


def seed() -> dict[str, Any]:
    """The company; a new copy each time."""
    return {
        "org": {"id": "00oacme", "subdomain": "acme", "url": "https://acme.okta.com"},
        "users": [
            user(ADMIN, "a.tan@acme.example", lastLogin="2026-06-01T08:00:00.000Z"),
            user(SECOND, "m.ruiz@acme.example", lastLogin="2026-06-02T08:00:00.000Z"),
            user(PLAIN, "j.doe@acme.example"),
            user(GONE, "g.one@acme.example", "DEPROVISIONED"),
        ],
        "groups": [
            {
                "id": EVERYONE,
                "type": "BUILT_IN",
                "profile": {"name": "Everyone", "description": "All users in your organization"},
            },
            {
                "id": EMPLOYEES,
                "profile": {"name": "Employees", "description": "All staff", "costCenter": "7"},
                "users": [ADMIN, SECOND, PLAIN],
            },
            {"id": SALES, "profile": {"name": "Sales", "description": None}, "users": [PLAIN]},
            {"id": "00gapp", "type": "APP_GROUP", "profile": {"name": "crm-users"}},
        ],
        "policies": [
            policy(
                STRICT,
                "Employees",
                [EMPLOYEES],
                rule("0prmfa", "mfa", 1, requireFactor=True, factorPromptMode="ALWAYS"),
                rule("0prrest", "rest", 2),
            ),
            policy(OFFICE, "Sales", [SALES], rule("0prsales", "sales", 1), priority=2),
            policy(
                DEFAULT,
                "Default Policy",
                [EVERYONE],
                {**rule("0prdefault", "Default Rule", 1), "system": True},
                system=True,
            ),
        ],
        "apps": [
            {
                "id": CRM,
                "label": "CRM",
                "signOnMode": "OPENID_CONNECT",
                "profile": {"team": "revops"},
                "credentials": {"oauthClient": {"client_secret": CLIENT_SECRET}},
                "settings": {
                    "oauthClient": {
                        "application_type": "web",
                        "redirect_uris": ["https://crm.example/callback"],
                        "grant_types": ["authorization_code"],
                    }
                },
                "groups": [{"id": EMPLOYEES}, {"id": SALES}],
                "grants": [{"id": "oag1", "scopeId": "okta.users.read"}],
            },
            {
                "id": REPORTS,
                "label": "Reports",
                "signOnMode": "OPENID_CONNECT",
                "settings": {"oauthClient": {"application_type": "service"}},
                "credentials": {
                    "oauthClient": {"token_endpoint_auth_method": "client_secret_basic"}
                },
            },
            {
                "id": SAML,
                "name": "acme_wiki_1",
                "label": "Wiki",
                "signOnMode": "SAML_2_0",
                "settings": {"signOn": {"ssoAcsUrl": "https://wiki.example/acs"}},
            },
        ],
        "api_services": [
            {
                "id": LOGS,
                "type": "log_shipper",
                "name": "Log Shipper",
                "grantedScopes": ["okta.logs.read"],
                "secrets": [{"client_secret": SERVICE_SECRET}],
            }
        ],
        "api_tokens": [
            {"id": "00Tatan", "name": "perimeter", "userId": ADMIN, "token": TOKEN},
            {
                "id": "00Told",
                "name": "old-export",
                "userId": SECOND,
                "token": "00old-export-token",
                "created": "2024-01-05T10:00:00.000Z",
            },
        ],
        "roles": {
            ADMIN: [{"id": "ra1", "label": "Super Administrator", "type": "SUPER_ADMIN"}],
            SECOND: [{"id": "ra2", "label": "Super Administrator", "type": "SUPER_ADMIN"}],
            PLAIN: [{"id": "ra3", "label": "Read-only Administrator", "type": "READ_ONLY_ADMIN"}],
        },
        "factors": {
            ADMIN: [{"id": "opf1", "factorType": "push"}],
            PLAIN: [{"id": "ufs1", "factorType": "question"}],
        },
    }
