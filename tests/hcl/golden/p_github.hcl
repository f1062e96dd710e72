resource "github_repository_webhook" "hook" {
  repository        = "acme/app"
  url               = "https://ci.example.com"
  events            = ["push", "pull_request"]
  secret_wo         = var.secret
  secret_wo_version = 2
  active            = true
}
