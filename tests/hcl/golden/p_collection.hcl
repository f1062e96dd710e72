collection "okta_group_membership" "sales" {
  within = okta_group.sales.id
  mode   = "exclusive"
  ignore = ["bot@example.com"]
}
