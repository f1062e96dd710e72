variable "repository" {
  type = string
}

variable "keys" {
  type = map(object({ id = number, read_only = bool }))
}

/* One per key. */
resource "github_deploy_key" "this" {
  for_each   = var.keys
  repository = var.repository
  title      = each.key
  key        = file("${path.module}/keys/${each.value.id}.pub")
  read_only  = each.value.read_only
}

output "titles" {
  value = { for name, key in github_deploy_key.this : name => key.title }
}

output "numbers" {
  value = [for key in values(github_deploy_key.this) : key.id]
}

# Not translated: it refers to github_repository_deploy_key.this.etag: it is the provider's own.
# output "first" {
#   value = github_repository_deploy_key.this["deploy"].etag
# }
