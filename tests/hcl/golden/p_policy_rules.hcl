resource "okta_session_policy" "p" {
  name     = "p"
  priority = 1
  rule "mfa" {
    priority = 1
    access   = "ALLOW"
    conditions {
      network = "ANYWHERE"
      groups  = [for g in okta_group.all : g.id]
    }
  }
  rule "deny" {
    priority = 99
    access   = "DENY" # the rest
  }
}
