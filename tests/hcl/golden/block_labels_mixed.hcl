resource "okta_group" "sales" {
  name = "Sales"
}
resource "okta_group" "eng" {}
