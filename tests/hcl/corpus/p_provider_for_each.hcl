provider "github" {
alias="by_org"
for_each=toset(var.orgs)
owner=each.value
}
resource "github_team" "t" {
for_each=toset(var.orgs)
provider=github.by_org[each.key]
}
