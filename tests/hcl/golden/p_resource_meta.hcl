resource "okta_group" "g" {
  count    = var.on ? 1 : 0
  provider = okta.eu
  name     = "g-${count.index}"
  lifecycle {
    prevent_destroy      = true
    ignore_changes       = [description, tags["x"]]
    expires_at           = "2030-01-01T00:00:00Z"
    replace_triggered_by = [terraform_data.x]
  }
}
