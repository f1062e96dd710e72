# An access key that is never older than max_age, in a secret that always holds a working one. See README.md.

perimeter {
  required_version = ">= 0.1"

  required_providers {
    aws = { source = "perimeter/aws" }
  }
}

variable "max_age" {
  type        = string
  default     = "90d"
  description = "How old the key may grow, such as 90d, 24h or 30s."
}

variable "overlap" {
  type        = string
  default     = "7d"
  description = "How long the old key lives on after the new one was delivered."
}

# Credentials, region and AWS_ENDPOINT_URL come from the environment.
provider "aws" {}

resource "aws_iam_user" "billing_export" {
  name = "billing-export"
  tags = { team = "data" }
}

resource "aws_secretsmanager_secret" "billing_export" {
  name        = "billing-export/aws"
  description = "Access key of billing-export, rotated by perimeter"
}

resource "aws_iam_access_key" "billing_export" {
  user = aws_iam_user.billing_export.name

  rotation {
    max_age    = var.max_age
    overlap    = var.overlap
    deliver_to = [aws_secretsmanager_secret.billing_export]

    # AWS tells late when a key was last used. STS tells at once whether one works.
    verify {
      by    = "probe"
      times = 2
    }
  }
}

output "secret" {
  value       = aws_secretsmanager_secret.billing_export.name
  description = "Where the key is: a JSON object with access_key_id and secret_access_key."
}
