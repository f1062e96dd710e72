resource "okta_global_session_policy" "strict" {
  name     = "Employees"
  status   = "ACTIVE"
  priority = 1
  groups   = [okta_group.employees.id]

  rule "mfa" {
    mfa_required = true
    mfa_prompt   = "ALWAYS" # at each sign-in
    # risc_level is left out: perimeter leaves this condition as it is.
    # risc_level   = "ANY"
    # behaviors is left out: perimeter leaves this condition as it is.
    # behaviors    = []
  }

  rule "rest" {}
}

# Written in the wrong order on purpose: priority decides.
# okta_policy_rule_signon.rest is a block of okta_global_session_policy.strict.

# okta_policy_rule_signon.mfa is a block of okta_global_session_policy.strict.

resource "okta_global_session_policy" "office" {
  name   = "Sales"
  groups = [okta_group.sales.id]
}

# Not translated: count or for_each repeats it; write its blocks out.
# resource "okta_policy_rule_signon" "office" {
#   for_each  = toset(["sales"])
#   policy_id = okta_policy_signon.office.id
#   name      = each.key
# }
