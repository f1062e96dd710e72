# The workflow "deploy" of acme/api, in its environment production, reads the account.

provider "aws" {}

module "deploy" {
  source = "../.."

  role_name   = "deploy"
  subjects    = ["repo:acme/api:environment:production"]
  policy_arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
}

output "role_to_assume" {
  value = module.deploy.role_arn
}
