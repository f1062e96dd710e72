action "okta_rotate" "r" {
config {
id=okta_app.a.id
}
}
