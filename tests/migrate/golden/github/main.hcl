# The engineering organisation.
perimeter {
  # required_version is left out: it is the version of Terraform.
  # required_version = ">= 1.5"
  required_providers {
    github = {
      source = "perimeter/github"
    }
    # random is left out: perimeter has no such provider.
    # random = {
    #   source = "hashicorp/random"
    # }
  }
  # backend is left out: perimeter keeps its state on its own; configure a backend of perimeter.
  # backend "s3" {
  #   bucket = "acme-state"
  #   key    = "github.tfstate"
  # }
}

variable "organization" {
  type    = string
  default = "acme"
}

variable "webhook_secret" {
  type      = string
  sensitive = true
  # default is left out: a secret stood here; hand it over by a variable with sensitive = true or by the environment.
  # default   = "(secret)"
}

provider "github" {
  organization = var.organization
  # token is left out: a secret stood here; hand it over by a variable with sensitive = true or by the environment.
  # token = "(secret)"

  # write_delay_ms is left out: perimeter keeps to GitHub's rate limits on its own; see capacity_share.
  # write_delay_ms = 500
}

locals {
  ci_keys = {
    legacy-ci = { id = 1, read_only = false }
    deploy    = { id = 2, read_only = true }
  }
  # suffix is left out: it refers to random_pet.name, which is not translated.
  # suffix = random_pet.name.id
  # nobody knows
  events = ["*"]
}

# Not translated: no provider of perimeter has a counterpart of the resource type random_pet.
# resource "random_pet" "name" {
#   length = 2
# }

resource "github_organization_settings" "acme" {
  # billing_email is left out: it is part of the organisation's profile, which gives nobody access.
  # billing_email                 = "billing@acme.example"
  default_repository_permission = "read"
  web_commit_signoff_required   = false
}

# Not translated: perimeter manages what reaches into repositories, not repositories.
# resource "github_repository" "api" {
#   name       = "api"
#   visibility = "private"
# }

# Not translated: perimeter manages what reaches into repositories, not repositories.
# resource "github_repository" "billing" {
#   name = "billing"
# }

resource "github_organization_webhook" "siem" {
  # name is left out: GitHub knows one name only, "web".
  # name   = "web"
  active = true
  events = local.events

  url          = "https://siem.example/github"
  content_type = "form"
  insecure_ssl = false
  secret       = var.webhook_secret

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [url, content_type, insecure_ssl, secret]
  }
}

module "keys" {
  source     = "./modules/keys"
  repository = "api"
  keys       = local.ci_keys
}

resource "github_deploy_key" "export" { # exports the ledger
  title = "export"
  # The value is that of the state, as it refers to github_repository.billing, which is not translated.
  # repository = github_repository.billing.name
  repository = "billing"
  key        = file("${path.module}/export.pub")
  read_only  = "true"
  depends_on = [github_organization_settings.acme]
}

# Not translated: perimeter keeps no secrets and manages no workflows.
# resource "github_actions_organization_secret" "deploy" {
#   secret_name     = "DEPLOY"
#   visibility      = "all"
#   plaintext_value = "(secret)"
# }

# Not translated: Terraform's state has moved already, and perimeter's starts at the new address.
# moved {
#   from = github_repository_deploy_key.old
#   to   = github_repository_deploy_key.export
# }

output "hook" {
  value = github_organization_webhook.siem.id
}

output "key_numbers" {
  value = module.keys.numbers
}

# Not translated: it refers to local.suffix, which is left out.
# output "pet" {
#   value = "the pet is ${local.suffix}"
# }
