provider "okta" {
  org_url = "https://example.okta.com"
  auth    = { token = var.token }
}
provider "okta" {
  alias   = "eu"
  org_url = "https://eu.okta.com" # Europe
}
