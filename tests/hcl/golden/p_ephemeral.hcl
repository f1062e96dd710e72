ephemeral "okta_token" "t" {
  count = 1
}
variable "e" {
  type      = string
  ephemeral = true
}
