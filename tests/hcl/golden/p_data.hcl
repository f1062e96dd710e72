data "okta_group" "g" {
  name = "Everyone"
}
data "okta_user" "me" { login = "me@example.com" }
