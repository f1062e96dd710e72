mock_provider "okta" {
alias="fake"
mock_resource "okta_group" {
defaults={id="00g"}
}
override_resource {
target=okta_group.g
values={name="x"}
}
}
