providers = {
github=github
github.eu=github.eu
}
