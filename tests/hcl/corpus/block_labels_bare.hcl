resource okta_group sales {
name = "Sales"
}
