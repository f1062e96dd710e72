integration "crm" {
  owner      = "sales@example.com"
  purpose    = "Leads"
  datasets   = ["contacts", "deals"]
  expires_at = "2030-01-01T00:00:00Z" # reviewed
}
