resource "aws_iam_account_password_policy" "acme" {
  minimum_password_length      = 14
  require_symbols              = true
  require_numbers              = true
  require_lowercase_characters = true
  require_uppercase_characters = true
}

resource "aws_iam_user" "billing_export" {
  name = "billing-export"
  path = "/service/"
}

resource "aws_iam_user_policy_attachment" "billing_export" {
  user       = aws_iam_user.billing_export.name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

# Deployments come from GitHub Actions of one repository, without a key.
resource "aws_iam_role" "deploy" {
  name = "deploy"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = "repo:acme/website:ref:refs/heads/main"
        }
      }
    }]
  })
}

# No long-lived keys at all.
collection "aws_iam_access_key" "acme" {
  mode = "exclusive"
}

output "deploy_role" {
  value       = aws_iam_role.deploy.arn
  description = "What the deployment workflow assumes."
}
