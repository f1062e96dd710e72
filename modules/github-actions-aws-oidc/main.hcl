# GitHub Actions signs in to AWS by OpenID Connect: no access key to keep, to rotate or to lose.
# https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws

perimeter {
  required_providers {
    aws = { source = "perimeter/aws" }
  }
}

locals {
  issuer       = "token.actions.githubusercontent.com"
  audience     = "sts.amazonaws.com"
  provider_arn = var.provider_arn == null ? aws_iam_openid_connect_provider.github[0].arn : var.provider_arn
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.provider_arn == null ? 1 : 0

  url            = "https://${local.issuer}"
  client_id_list = [local.audience]
}

resource "aws_iam_role" "workflow" {
  name                 = var.role_name
  description          = "Assumed by GitHub Actions"
  max_session_duration = var.max_session_duration

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = local.provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "${local.issuer}:aud" = local.audience
          "${local.issuer}:sub" = sort(tolist(var.subjects))
        }
      }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "workflow" {
  for_each = var.policy_arns

  role       = aws_iam_role.workflow.name
  policy_arn = each.value
}
