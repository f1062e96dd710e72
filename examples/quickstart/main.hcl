# What may exist in Acme's tenants. Everything here runs against the sandbox: see README.md.

perimeter {
  required_version = ">= 0.1"

  required_providers {
    github = { source = "perimeter/github" }
    okta   = { source = "perimeter/okta" }
    aws    = { source = "perimeter/aws" }
  }
}

variable "github_url" {
  type        = string
  default     = "http://127.0.0.1:8640/github"
  description = "GitHub's API; the sandbox's by default."
}

variable "okta_url" {
  type        = string
  default     = "http://127.0.0.1:8640/okta"
  description = "The Okta org; the sandbox's by default."
}

variable "aws_url" {
  type        = string
  default     = "http://127.0.0.1:8641"
  description = "AWS's endpoint; the sandbox's by default."
}

# Credentials come from the environment: GITHUB_TOKEN, OKTA_API_TOKEN and AWS's usual variables.

provider "github" {
  organization = "acme"
  base_url     = var.github_url
}

provider "okta" {
  org_url = var.okta_url
}

provider "aws" {
  endpoint_url = var.aws_url
}

# A third party, and everything it may touch.
integration "drift" {
  owner   = "revops@acme.example"
  purpose = "Website chat to CRM"
}
