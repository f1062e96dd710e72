resource "okta_group" "employees" {
  name        = "Employees"
  description = "Everybody on the payroll"
}

import {
  to = okta_group.employees
  id = "00gemployees"
}

# Nobody signs in without a second factor; two people can always get in.
resource "okta_global_session_policy" "everyone" {
  name   = "Everyone"
  groups = [okta_group.employees.id]

  rule "mfa" {
    mfa_required         = true
    mfa_prompt           = "ALWAYS"
    session_idle_minutes = 120
  }
}

import {
  to = okta_global_session_policy.everyone
  id = "00peveryone"
}

break_glass "okta" {
  users = ["a.tan@acme.example", "m.ruiz@acme.example"]
}

resource "okta_app" "drift" {
  integration                = integration.drift
  label                      = "Drift"
  sign_on_mode               = "OPENID_CONNECT"
  application_type           = "service"
  grant_types                = ["client_credentials"]
  response_types             = ["token"]
  token_endpoint_auth_method = "private_key_jwt"
  jwks_uri                   = "https://drift.example/jwks.json"
}

resource "okta_app_scope_grant" "drift" {
  integration = integration.drift
  app         = okta_app.drift.id
  scopes      = ["okta.users.read"]
}
