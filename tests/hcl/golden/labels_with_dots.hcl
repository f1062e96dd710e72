break_glass "okta.eu" {
  users = []
}
a "x/y" "z:w" {}
