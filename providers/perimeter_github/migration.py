"""What becomes of configuration for Terraform's ``integrations/github``.

Source of the foreign names: the provider's documentation, registry.terraform.io/providers/integrations/github, and the
schemas in its repository.
"""

from __future__ import annotations

from perimeter.sdk.migration import (
    Dropped,
    Flattened,
    Migration,
    Nested,
    Secret,
    TypeMapping,
    dropped,
    mappings,
    same,
)
from perimeter_github.public_keys import fingerprint

_PROFILE = "it is part of the organisation's profile, which gives nobody access"
_PACE = "perimeter keeps to GitHub's rate limits on its own; see capacity_share"
_NEW = "perimeter does not manage what new repositories start with"

_SETTINGS = TypeMapping(
    foreign="github_organization_settings",
    type="github_organization_settings",
    arguments={
        **same(
            "default_repository_permission",
            "members_can_create_repositories",
            "members_can_create_public_repositories",
            "members_can_create_private_repositories",
            "members_can_create_internal_repositories",
            "members_can_create_pages",
            "members_can_create_public_pages",
            "members_can_create_private_pages",
            "members_can_fork_private_repositories",
            "web_commit_signoff_required",
        ),
        **dropped(
            _PROFILE,
            "billing_email",
            "company",
            "email",
            "twitter_username",
            "location",
            "name",
            "description",
            "blog",
            "has_organization_projects",
            "has_repository_projects",
        ),
        **dropped(
            _NEW,
            "advanced_security_enabled_for_new_repositories",
            "dependabot_alerts_enabled_for_new_repositories",
            "dependabot_security_updates_enabled_for_new_repositories",
            "dependency_graph_enabled_for_new_repositories",
            "secret_scanning_enabled_for_new_repositories",
            "secret_scanning_push_protection_enabled_for_new_repositories",
        ),
    },
)

_DEPLOY_KEY = TypeMapping(
    foreign="github_repository_deploy_key",
    type="github_deploy_key",
    arguments=same("repository", "title", "key", "read_only"),
    withheld={
        "id": "GitHub's number of a key is key_id here, without the repository",
        "etag": "it is the provider's own",
    },
    import_id="{repository}/{key}",
    import_values={"key": fingerprint},
)

_WEBHOOK = TypeMapping(
    foreign="github_organization_webhook",
    type="github_organization_webhook",
    arguments={
        **same("events", "active"),
        "name": Dropped(reason='GitHub knows one name only, "web"'),
    },
    blocks={
        "configuration": Flattened(
            arguments={
                **same("url", "content_type", "insecure_ssl"),
                "secret": Secret(name="secret"),
            }
        )
    },
    withheld={
        "url": "it is the API's address of the webhook",
        "etag": "it is the provider's own",
    },
)

_REPOSITORY = TypeMapping(
    foreign="github_repository",
    type="github_repository",
    arguments={
        "name": "name",
        "full_name": Dropped(reason="the provider is for one organisation; give name"),
    },
    attributes={
        "id": "name",
        "repo_id": "id",
        "full_name": "full_name",
        "visibility": "visibility",
        "default_branch": "default_branch",
        "archived": "archived",
    },
)

_ORGANIZATION = TypeMapping(
    foreign="github_organization",
    type="github_organization",
    arguments={
        "name": Dropped(reason="the organisation is that of the provider"),
        "ignore_archived_repos": Dropped(reason="no repositories are listed"),
        "summary_only": Dropped(reason="it is always short"),
    },
    attributes={"login": "login", "orgname": "login", "name": "name", "plan": "plan"},
    withheld={"id": "it is the organisation's node id there and its number here"},
)

_MEMBERS = "perimeter does not manage people and teams at GitHub; manage them where they sign in"
_CONTENT = "perimeter manages what reaches into repositories, not repositories"
_CI = "perimeter keeps no secrets and manages no workflows"

TERRAFORM = Migration(
    sources=("integrations/github", "hashicorp/github"),
    arguments={
        "owner": "organization",
        "organization": "organization",
        "token": Secret(name="token"),
        "base_url": Dropped(
            reason="perimeter wants the API's root, https://HOST/api/v3 for GitHub Enterprise Server; leave it out for"
            " github.com"
        ),
        "insecure": Dropped(reason="perimeter always verifies certificates"),
        **dropped(
            _PACE,
            "read_delay_ms",
            "write_delay_ms",
            "retry_delay_ms",
            "max_retries",
            "retryable_errors",
            "parallel_requests",
        ),
    },
    blocks={
        "app_auth": Nested(
            name="app",
            arguments={
                "id": "id",
                "installation_id": "installation_id",
                "pem_file": Secret(name="private_key"),
            },
        )
    },
    resources=mappings(_SETTINGS, _DEPLOY_KEY, _WEBHOOK),
    data_sources=mappings(_REPOSITORY, _ORGANIZATION),
    without={
        "github_app_installation_repositories": "GitHub lets people only choose an installation's repositories; declare a"
        " github_app_installation with app_slug and repositories to have it watched",
        "github_app_installation_repository": "GitHub lets people only choose an installation's repositories; declare a"
        " github_app_installation with app_slug and repositories to have it watched",
        **dict.fromkeys(
            ("github_membership", "github_team", "github_team_membership", "github_team_members"),
            _MEMBERS,
        ),
        **dict.fromkeys(
            (
                "github_repository",
                "github_repository_file",
                "github_branch",
                "github_branch_default",
            ),
            _CONTENT,
        ),
        **dict.fromkeys(
            (
                "github_actions_secret",
                "github_actions_organization_secret",
                "github_dependabot_secret",
                "github_dependabot_organization_secret",
            ),
            _CI,
        ),
    },
)
"""For configuration of Terraform's provider."""
