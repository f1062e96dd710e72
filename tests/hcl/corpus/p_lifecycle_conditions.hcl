resource "okta_group" "g" {
name="g"
lifecycle {
precondition {
condition=length(var.n)>0
error_message=<<-EOT
  Name it.
EOT
}
postcondition {
condition=self.name!=""
error_message="x"
}
}
}
