locals {
  type = "string"
}
resource "x" "y" {
  type = list
}
output "type" {
  value = "list"
}
