mock_provider "aws" {
  mock_resource "aws_iam_openid_connect_provider" {
    defaults = {
      arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    }
  }
  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/deploy"
    }
  }
}

variables {
  role_name = "deploy"
  subjects  = ["repo:acme/api:environment:production"]
}

run "one_repository_is_trusted_and_nobody_else" {
  assert {
    condition = jsondecode(aws_iam_role.workflow.assume_role_policy).Statement[0].Condition.StringEquals == {
      "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
      "token.actions.githubusercontent.com:sub" = ["repo:acme/api:environment:production"]
    }
    error_message = "Audience and subject must both be asked for."
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 1
    error_message = "The provider is missing."
  }

  assert {
    condition     = output.provider_arn == aws_iam_openid_connect_provider.github[0].arn
    error_message = "Another provider is named."
  }
}

run "a_provider_that_is_there_is_used" {
  command = plan

  variables {
    provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    policy_arns  = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "An account has one provider for an issuer."
  }

  assert {
    condition     = jsondecode(aws_iam_role.workflow.assume_role_policy).Statement[0].Principal.Federated == var.provider_arn
    error_message = "The role trusts another provider."
  }

  assert {
    condition     = [for a in aws_iam_role_policy_attachment.workflow : a.policy_arn] == ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    error_message = "The role lacks its policy."
  }
}

run "a_wildcard_is_refused" {
  command = plan

  variables {
    subjects = ["repo:acme/*:pull_request"]
  }

  expect_failures = [var.subjects]
}

run "an_open_end_is_refused" {
  command = plan

  variables {
    subjects = ["repo:acme/api:*"]
  }

  expect_failures = [var.subjects]
}

run "somebody_must_be_named" {
  command = plan

  variables {
    subjects = []
  }

  expect_failures = [var.subjects]
}

run "another_issuer_is_refused" {
  command = plan

  variables {
    provider_arn = "arn:aws:iam::123456789012:oidc-provider/example.com"
  }

  expect_failures = [var.provider_arn]
}

run "bad_names_policies_and_durations_are_refused" {
  command = plan

  variables {
    role_name            = "de ploy"
    policy_arns          = ["ReadOnlyAccess"]
    max_session_duration = 60
  }

  expect_failures = [var.role_name, var.policy_arns, var.max_session_duration]
}
