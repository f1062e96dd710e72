output "id" {
value=okta_group.sales.id
sensitive=true
depends_on=[okta_group.eng]
precondition {
condition=var.on
error_message="off"
}
}
