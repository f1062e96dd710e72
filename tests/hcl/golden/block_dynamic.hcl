resource "okta_policy" "p" {
  dynamic "rule" {
    for_each = var.rules
    iterator = it
    labels   = [it.key]
    content {
      name     = it.value.name
      priority = it.value.priority
    }
  }
}
