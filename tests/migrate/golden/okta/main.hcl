perimeter {
  required_providers {
    okta = {
      source = "perimeter/okta"
    }
  }
}

provider "okta" {
  org_url        = "https://acme.okta.com"
  token          = var.okta_token
  capacity_share = 50 / 100
  # backoff is left out: perimeter keeps to Okta's rate limits on its own; see capacity_share.
  # backoff          = true
}

variable "okta_token" {
  type      = string
  sensitive = true
}

data "okta_group" "everyone" {
  name = "Everyone"
}

data "okta_user" "doe" {
  # search is left out: perimeter looks people up by login.
  # search {
  #   name  = "profile.login"
  #   value = "j.doe@acme.example"
  # }
  # login is that of the state.
  login = "j.doe@acme.example"
}

resource "okta_group" "employees" {
  name        = "Employees"
  description = "All staff"
  # custom_profile_attributes is left out: perimeter leaves the group's profile as it is.
  # custom_profile_attributes = jsonencode({
  #   costCenter = "7"
  # })
}

resource "okta_group" "sales" {
  name = "Sales"
}

resource "okta_group_membership" "sales" {
  for_each = toset(["00ujdoe"])
  user     = each.value
  group    = okta_group.sales.id
}

resource "okta_user" "tan" {
  login = "a.tan@acme.example"
  # email is left out: perimeter manages whether people can sign in, not their profiles.
  # email      = "a.tan@acme.example"
  # first_name is left out: perimeter manages whether people can sign in, not their profiles.
  # first_name = "A"
  # last_name is left out: perimeter manages whether people can sign in, not their profiles.
  # last_name  = "Tan"
  status = "ACTIVE"
}

resource "okta_group_membership" "employees" {
  for_each = toset([
    okta_user.tan.id,
    data.okta_user.doe.id, # looked up
  ])
  user  = each.value
  group = okta_group.employees.id
}
