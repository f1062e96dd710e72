perimeter {
  required_version = ">= 0.1"
  required_providers {
    okta = { source = "perimeter/okta", version = "~> 1.0" }
    github = {
      source  = "perimeter/github"
      version = "~> 1.0"
    }
  }
  backend "local" {
    path = "state.json"
  }
}
