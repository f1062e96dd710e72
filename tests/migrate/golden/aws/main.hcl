perimeter {
  required_providers {
    aws = {
      source = "perimeter/aws"
    }
  }
}

provider "aws" {
  region = "eu-central-1"

  # default_tags is left out: write them into each resource's tags, or plans remove them from what has tags.
  # default_tags {
  #   tags = { owner = "platform" }
  # }
}

variable "robots" {
  type    = set(string)
  default = ["ci", "backup"]
}

resource "aws_iam_user" "robot" {
  for_each = var.robots
  name     = "robot-${each.key}"
  path     = "/robots/"
  # force_destroy is left out: perimeter deletes a user's keys only where they are declared.
  # force_destroy = true
  tags = {
    purpose = each.key
  }
}

resource "aws_iam_access_key" "ci" {
  user   = aws_iam_user.robot["ci"].name
  status = "Active"
}

resource "aws_iam_user_policy_attachment" "read" {
  count      = 1
  user       = aws_iam_user.robot["backup"].name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

# Not translated: no provider of perimeter has a counterpart of the data source aws_caller_identity.
# data "aws_caller_identity" "here" {}

# Not translated: no provider of perimeter has a counterpart of the data source aws_iam_policy_document.
# data "aws_iam_policy_document" "trust" {
#   statement {
#     actions = ["sts:AssumeRole"]
#     principals {
#       type        = "AWS"
#       identifiers = ["arn:aws:iam::${data.aws_caller_identity.here.account_id}:root"]
#     }
#   }
# }

resource "aws_iam_role" "deploy" {
  name        = "deploy"
  description = "Deploys"
  # The value is that of the state, as it refers to data.aws_iam_policy_document.trust, which is not translated.
  # assume_role_policy   = data.aws_iam_policy_document.trust.json
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          AWS = ["arn:aws:iam::123456789012:root"]
        }
        Action = "sts:AssumeRole"
      },
    ]
  })
  max_session_duration = 7200
}

resource "aws_iam_role" "audit" {
  # name_prefix is left out: perimeter makes up no names.
  # name_prefix = "audit-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = "arn:aws:iam::${var.auditor}:root" }
    }]
  })
  # name is that of the state.
  name = "audit-2024"
}

variable "auditor" {
  default = "210987654321"
}

resource "aws_iam_role_policy_attachment" "deploy" {
  role = aws_iam_role.deploy.name
  # The value is that of the state, as it refers to aws_iam_policy.deploy, which is not translated.
  # policy_arn = aws_iam_policy.deploy.arn
  policy_arn = "arn:aws:iam::123456789012:policy/deploy"
}

# Not translated: perimeter manages who has which policy, not yet what stands in policies and groups.
# resource "aws_iam_policy" "deploy" {
#   name   = "deploy"
#   policy = <<-EOT
#     {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
#   EOT
# }

resource "aws_iam_account_password_policy" "strict" {
  minimum_password_length = 14
  require_symbols         = true
}

# Not translated: no provider of perimeter has a counterpart of the resource type aws_s3_bucket.
# resource "aws_s3_bucket" "logs" {
#   bucket = "acme-logs"
# }

# Not translated: it refers to aws_iam_access_key.ci.secret: perimeter never keeps a key's secret.
# output "secret" {
#   value     = aws_iam_access_key.ci.secret
#   sensitive = true
# }

output "roles" {
  value = <<EOT
deploy: ${aws_iam_role.deploy.arn}
bucket: none
EOT
}
