resource "github_organization_settings" "acme" {
  default_repository_permission          = "read"
  members_can_create_public_repositories = false
  two_factor_requirement_enabled         = true
}

resource "github_app_installation" "drift" {
  integration          = integration.drift
  app_slug             = "drift-chat"
  permissions          = { metadata = "read", issues = "write" }
  repository_selection = "selected"
}

import {
  to = github_app_installation.drift
  id = "48213377"
}

resource "github_organization_webhook" "siem" {
  url            = "https://siem.acme.example/github"
  content_type   = "json"
  events         = ["organization", "repository", "deploy_key"]
  secret         = var.siem_webhook_secret
  secret_version = "1"
}

variable "siem_webhook_secret" {
  type        = string
  default     = null
  sensitive   = true
  description = "The key that deliveries to the SIEM are signed with."
}

resource "github_deploy_key" "website" {
  repository = "website"
  title      = "deploy"
  key        = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB7"
}

# Nobody else may write to a repository with a key.
collection "github_deploy_key" "acme" {
  mode = "exclusive"
}

# Other apps are only named, until each has been looked at.
collection "github_app_installation" "acme" {
  mode   = "report"
  ignore = [{ app_slug = "perimeter" }]
}
