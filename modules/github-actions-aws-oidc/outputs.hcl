output "role_arn" {
  value       = aws_iam_role.workflow.arn
  description = "For role-to-assume of aws-actions/configure-aws-credentials."
}

output "provider_arn" {
  value       = local.provider_arn
  description = "GitHub's OpenID Connect provider in this account, for further roles."
}
