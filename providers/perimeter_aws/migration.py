"""What becomes of the IAM part of configuration for Terraform's ``hashicorp/aws``.

Source of the foreign names: the provider's documentation, registry.terraform.io/providers/hashicorp/aws.
"""

from __future__ import annotations

from perimeter.sdk.migration import (
    Dropped,
    Migration,
    Nested,
    Secret,
    TypeMapping,
    dropped,
    mappings,
    same,
)

_PRINCIPAL = {"id": "name", "name": "name", "arn": "arn"}
_UNIQUE = {"tags_all": "give the tags themselves", "unique_id": "AWS's unique id is id here"}

_USER = TypeMapping(
    foreign="aws_iam_user",
    type="aws_iam_user",
    arguments={
        **same("name", "path", "permissions_boundary", "tags"),
        "force_destroy": Dropped(
            reason="perimeter deletes a user's keys only where they are declared"
        ),
    },
    attributes=_PRINCIPAL,
    withheld=_UNIQUE,
    import_id="{name}",
)

_ACCESS_KEY = TypeMapping(
    foreign="aws_iam_access_key",
    type="aws_iam_access_key",
    arguments={
        **same("user", "status"),
        "pgp_key": Dropped(reason="perimeter never sees a key's secret after it is made"),
    },
    attributes={"id": "id", "create_date": "created_at"},
    withheld=dict.fromkeys(
        (
            "secret",
            "encrypted_secret",
            "ses_smtp_password_v4",
            "encrypted_ses_smtp_password_v4",
            "key_fingerprint",
        ),
        "perimeter never keeps a key's secret",
    ),
)

_USER_ATTACHMENT = TypeMapping(
    foreign="aws_iam_user_policy_attachment",
    type="aws_iam_user_policy_attachment",
    arguments=same("user", "policy_arn"),
    import_id="{user}/{policy_arn}",
)

_ROLE = TypeMapping(
    foreign="aws_iam_role",
    type="aws_iam_role",
    arguments={
        **same(
            "name",
            "path",
            "description",
            "assume_role_policy",
            "max_session_duration",
            "permissions_boundary",
            "tags",
        ),
        "force_detach_policies": Dropped(reason="attachments are objects of their own"),
        "managed_policy_arns": Dropped(
            reason="attachments are objects of their own: write an aws_iam_role_policy_attachment for each"
        ),
        "name_prefix": Dropped(reason="perimeter makes up no names"),
    },
    blocks={"inline_policy": Dropped(reason="perimeter leaves inline policies as they are")},
    attributes={**_PRINCIPAL, "create_date": "created_at"},
    withheld=_UNIQUE,
    import_id="{name}",
)

_ROLE_ATTACHMENT = TypeMapping(
    foreign="aws_iam_role_policy_attachment",
    type="aws_iam_role_policy_attachment",
    arguments=same("role", "policy_arn"),
    import_id="{role}/{policy_arn}",
)

_PASSWORD_POLICY = TypeMapping(
    foreign="aws_iam_account_password_policy",
    type="aws_iam_account_password_policy",
    arguments={
        **same(
            "minimum_password_length",
            "require_numbers",
            "require_symbols",
            "allow_users_to_change_password",
            "max_password_age",
            "password_reuse_prevention",
            "hard_expiry",
        ),
        "require_lowercase_characters": "require_lowercase_characters",
        "require_uppercase_characters": "require_uppercase_characters",
    },
    withheld={"expire_passwords": "passwords expire where max_password_age is set"},
)

TERRAFORM = Migration(
    sources=("hashicorp/aws",),
    arguments={
        **same("region", "profile", "allowed_account_ids"),
        "access_key": Dropped(reason="perimeter takes keys from the environment or a profile"),
        "secret_key": Secret(),
        "token": Secret(),
        "forbidden_account_ids": Dropped(
            reason="give the accounts that are meant: allowed_account_ids"
        ),
        **dropped(
            "perimeter takes it from the environment or a profile",
            "shared_config_files",
            "shared_credentials_files",
        ),
        **dropped(
            "perimeter verifies credentials and account in any case",
            "skip_credentials_validation",
            "skip_metadata_api_check",
            "skip_requesting_account_id",
            "skip_region_validation",
        ),
        **dropped("perimeter retries and waits on its own", "max_retries", "retry_mode"),
    },
    blocks={
        "assume_role": Nested(
            name="assume_role",
            arguments={
                **same("role_arn", "session_name"),
                "external_id": Secret(name="external_id"),
                "duration": Dropped(reason="give duration_seconds, a number"),
            },
        ),
        "default_tags": Dropped(
            reason="write them into each resource's tags, or plans remove them from what has tags"
        ),
        "ignore_tags": Dropped(
            reason="lifecycle { ignore_changes = [tags] } does the same per resource"
        ),
        "endpoints": Dropped(
            reason="endpoint_url, or AWS_ENDPOINT_URL in the environment, does the same"
        ),
    },
    resources=mappings(
        _USER, _ACCESS_KEY, _USER_ATTACHMENT, _ROLE, _ROLE_ATTACHMENT, _PASSWORD_POLICY
    ),
    without={
        **dict.fromkeys(
            ("aws_iam_policy", "aws_iam_user_policy", "aws_iam_role_policy", "aws_iam_group"),
            "perimeter manages who has which policy, not yet what stands in policies and groups",
        ),
        "aws_iam_policy_attachment": "write an aws_iam_user_policy_attachment or aws_iam_role_policy_attachment for each"
        " principal",
    },
)
"""For the IAM part of configuration of Terraform's provider."""
