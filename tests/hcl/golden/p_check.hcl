check "c" {
  data "okta_group" "g" {
    name = "x"
  }
  assert {
    condition     = data.okta_group.g.id != null
    error_message = "gone: ${data.okta_group.g.name}"
  }
}
