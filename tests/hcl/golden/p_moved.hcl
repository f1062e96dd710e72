moved {
  from = okta_group.a
  to   = okta_group.b["x"]
}
