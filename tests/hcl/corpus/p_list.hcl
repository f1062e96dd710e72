list "okta_group" "all" {
provider=okta
limit=10
config {
filter="x"
}
}
