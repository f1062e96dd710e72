"""Configurations that Terraform and perimeter are given alike."""

BEFORE = r"""
variable "secret" {
  default = "hunter2hunter2"
  sensitive = true
}
resource "terraform_data" "a" {
  input = { a = null, b = "x\ty\"z\u00e9", n = 1.5, t = true, list = ["a", "b", "c", "d"],
    obj = [{ k = 1, l = 2 }, { k = 2, l = 3 }],
    m = {}, e = [] , "we ird" = 2,
    multi = "one\ntwo\nthree\n" }
}
resource "terraform_data" "b" {
  input = jsonencode({ a = 1, b = [1, 2], c = { d = "x" } })
  triggers_replace = [terraform_data.a.id, "x"]
}
resource "terraform_data" "c" {
  for_each = toset(["x", "y"])
  input    = var.secret
}
resource "terraform_data" "d" {
  count = 2
  input    = "one\ntwo\nthree\n"
}
resource "terraform_data" "s" {
  input    = toset(["a","b"])
}
resource "terraform_data" "m" {
  input    = tomap({x="a", yy="b", z=null})
}
output "o" { value = { a = 1, b = terraform_data.a.id } }
output "p" { value = "x" }
output "long_name" {
  value = var.secret
  sensitive = true
}
"""

AFTER = r"""
variable "secret" {
  default = "hunter2hunter3"
  sensitive = true
}
variable "v" { default = 1 }
resource "terraform_data" "a" {
  input = { a = 1, b = "x\ty\"z\u00e8", n = 2.5, t = true, list = ["a", "x", "c", "d", "e"],
    obj = [{ k = 1, l = 3 }, { k = 2, l = 3 }],
    m = {x=1}, e = null , "we ird" = 2,
    multi = "one\n2\nthree\n" }
}
resource "terraform_data" "b" {
  input = jsonencode({ a = 1, b = [1, 3], c = { d = "x" } })
  triggers_replace = [terraform_data.a.id, "y"]
}
resource "terraform_data" "c" {
  for_each = toset(["x"])
  input    = var.secret
}
resource "terraform_data" "d" {
  count = 1
  input    = "one\ntwo\n3\n"
}
resource "terraform_data" "s" {
  input    = toset(["a","c"])
}
output "o" { value = { a = 1, b = terraform_data.a.output.b } }
output "q" { value = "x" }
output "long_name" {
  value = var.secret
  sensitive = true
}
"""
