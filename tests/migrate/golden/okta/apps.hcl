resource "okta_app" "crm" {
  sign_on_mode     = "OPENID_CONNECT"
  label            = "CRM"
  application_type = "web"
  grant_types      = ["authorization_code"]
  redirect_uris    = ["https://crm.example/callback"]
  response_types   = ["code"]
  # hide_web is left out: it gives nobody access.
  # hide_web       = true

  # client_basic_secret is left out: a secret stood here; hand it over by a variable with sensitive = true or by the environment.
  # client_basic_secret = "(secret)"

  # groups_claim is left out: perimeter leaves claims as they are.
  # groups_claim {
  #   type  = "EXPRESSION"
  #   name  = "groups"
  #   value = "x"
  # }

  # timeouts is left out: perimeter waits as the vendor asks it to.
  # timeouts {
  #   create = "5m"
  # }

  # provisioner is left out: perimeter runs no commands; run it in the pipeline that applies.
  # provisioner "local-exec" {
  #   command = "echo made"
  # }
}

resource "okta_app_group_assignment" "crm_employees" {
  app      = okta_app.crm.id
  group    = okta_group.employees.id
  priority = 0
}

resource "okta_app_group_assignment" "crm_sales" {
  app   = okta_app.crm.id
  group = okta_group.sales.id
  # profile is left out: perimeter leaves an assignment's profile as it is.
  # profile = jsonencode({ role = "agent" })
}

resource "okta_app_group_assignment" "everyone" {
  count = 0
  app   = okta_app.crm.id
  group = data.okta_group.everyone.id
}

resource "okta_app_scope_grant" "crm" {
  app = okta_app.crm.id
  # issuer is left out: it is the org of the provider.
  # issuer = "https://acme.okta.com"
  scopes = ["okta.users.read"]
}

output "crm" {
  value = {
    client = okta_app.crm.client_id
    doe    = data.okta_user.doe.id
  }
}

# Not translated: it refers to okta_app_oauth.crm.client_secret: perimeter never reads a client's secret.
# output "crm_secret" {
#   value     = okta_app_oauth.crm.client_secret
#   sensitive = true
# }
