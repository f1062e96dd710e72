variable "token" {
  type        = string
  sensitive   = true
  description = "API token"
}
variable "names" {
  type    = list(string)
  default = ["a", "b"]
}
