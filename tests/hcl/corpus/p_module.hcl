module "m" {
source="./m"
for_each=toset(["a","b"])
providers={
okta=okta.eu
}
name=each.key
depends_on=[module.other]
}
