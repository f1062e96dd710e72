# The objects of Terraform's state. Delete this file once they are imported.

import {
  to = github_organization_webhook.siem
  id = "601"
}

import {
  to = github_deploy_key.export
  id = "billing/SHA256:aDo6yDP5k400ctWQUinZ4RcePaDxcR0msIe/h2O+n8E"
}

import {
  to = module.keys.github_deploy_key.this["deploy"]
  id = "api/SHA256:BcwWDT8hQuehPz4asId6Ude8Uiwb0IGqjU0/tIOraac"
}

import {
  to = module.keys.github_deploy_key.this["legacy-ci"]
  id = "api/SHA256:gOPgXFWkBoXrFVwpjf0SBo3P1kFs+IvH5q/vnQhNpFw"
}
