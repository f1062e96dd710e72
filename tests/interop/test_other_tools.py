"""Tools that read Terraform's plans read perimeter's, and judge them rightly: the good one passes, the bad one does not."""

import json

FEATURES = """
Feature: What a third party may do
  Scenario: Deploy keys cannot write
    Given I have github_deploy_key defined
    Then it must contain read_only
    And its value must be true

  Scenario: Webhooks are encrypted
    Given I have github_organization_webhook defined
    Then it must contain url
    And its value must match the "^https://.*" regex

  Scenario: Nobody is granted the management of users
    Given I have okta_app_scope_grant defined
    Then it must contain scopes
    And its value must not match the ".*manage.*" regex

  Scenario: Passwords are long
    Given I have aws_iam_account_password_policy defined
    Then it must contain minimum_password_length
    And its value must be greater and equal to 14
"""


def test_terraform_compliance(tool, plans, tmp_path):
    """Every scenario passes on the good plan and fails on the bad one."""
    features = tmp_path / "features"
    features.mkdir()
    (features / "third_parties.feature").write_text(FEATURES)
    code, text = tool("terraform-compliance", "-f", features, "-p", plans["good"])
    assert code == 0, text
    assert "4 scenarios (4 passed)" in text
    code, text = tool("terraform-compliance", "-f", features, "-p", plans["bad"])
    assert code == 1, text
    assert "4 scenarios (0 passed, 4 failed)" in text


CHECKS = {
    "deploy_keys.yaml": """
metadata:
  id: "CKV2_ACME_1"
  name: "Deploy keys cannot write"
  category: "IAM"
definition:
  cond_type: attribute
  resource_types: ["github_deploy_key"]
  attribute: read_only
  operator: equals
  value: true
""",
    "apps.yaml": """
metadata:
  id: "CKV2_ACME_2"
  name: "Apps that may read Okta hold no shared secret"
  category: "IAM"
definition:
  and:
    - cond_type: filter
      attribute: resource_type
      operator: within
      value: ["okta_app"]
    - cond_type: attribute
      resource_types: ["okta_app"]
      attribute: token_endpoint_auth_method
      operator: equals
      value: private_key_jwt
""",
    "scopes.py": """
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck


class NoManagement(BaseResourceCheck):
    def __init__(self):
        super().__init__(
            name="Nobody is granted the management of users",
            id="CKV_ACME_3",
            categories=[CheckCategories.IAM],
            supported_resources=["okta_app_scope_grant"],
        )

    def scan_resource_conf(self, conf):
        wrong = any("manage" in str(scope) for scope in conf.get("scopes", []))
        return CheckResult.FAILED if wrong else CheckResult.PASSED


check = NoManagement()
""",
}
BUILT_IN = {"CKV_AWS_10", "CKV_AWS_11", "CKV_AWS_60", "CKV_AWS_61"}
"""Password length and lower case; who may assume a role."""
OWN = {"CKV2_ACME_1", "CKV2_ACME_2", "CKV_ACME_3"}


def checkov(tool, plan, folder):
    """The exit code, and what passed and failed: pairs of check and address."""
    code, text = tool(
        "checkov",
        *("-f", plan, "--framework", "terraform_plan", "--skip-download", "--output", "json"),
        *("--external-checks-dir", folder, "--check", ",".join(sorted(BUILT_IN | OWN))),
    )
    results = json.loads(text[text.index("{") :])["results"]
    passed, failed = (
        {(item["check_id"], item["resource_address"]) for item in results[kind]}
        for kind in ("passed_checks", "failed_checks")
    )
    return code, passed, failed


def test_checkov(tool, plans, tmp_path):
    """Its own checks of AWS's types, whose names and attributes are the same here, and ours in YAML and Python."""
    folder = tmp_path / "checks"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    for name, text in CHECKS.items():
        (folder / name).write_text(text)
    code, passed, failed = checkov(tool, plans["good"], folder)
    assert (code, failed) == (0, set())
    assert passed == {
        ("CKV_AWS_10", "aws_iam_account_password_policy.acme"),
        ("CKV_AWS_11", "aws_iam_account_password_policy.acme"),
        ("CKV_AWS_60", "aws_iam_role.deploy"),
        ("CKV_AWS_61", "aws_iam_role.deploy"),
        ("CKV2_ACME_1", "github_deploy_key.website"),
        ("CKV2_ACME_2", "okta_app.chat"),
        ("CKV_ACME_3", "okta_app_scope_grant.chat"),
    }
    code, passed, failed = checkov(tool, plans["bad"], folder)
    assert code == 1
    assert failed == {
        ("CKV_AWS_10", "aws_iam_account_password_policy.acme"),
        ("CKV_AWS_60", "aws_iam_role.deploy"),
        ("CKV2_ACME_1", "github_deploy_key.website"),
        ("CKV_ACME_3", "okta_app_scope_grant.chat"),
    }


REGO = """
package main

import rego.v1

changed contains change if {
	some change in input.resource_changes
	some action in change.change.actions
	action in {"create", "update"}
}

deny contains message if {
	some change in changed
	change.type == "github_deploy_key"
	not change.change.after.read_only
	message := sprintf("%s may write", [change.address])
}

deny contains message if {
	some change in changed
	change.type == "okta_app_scope_grant"
	some scope in change.change.after.scopes
	endswith(scope, ".manage")
	message := sprintf("%s grants %s", [change.address, scope])
}

deny contains message if {
	some change in changed
	change.type == "github_organization_webhook"
	not startswith(change.change.after.url, "https://")
	message := sprintf("%s is not encrypted", [change.address])
}

warn contains message if {
	some change in changed
	change.direction == "widens"
	message := sprintf("%s widens access", [change.address])
}
"""
EVALUATE = """
import json, sys
from regopy import Interpreter

rego = Interpreter()
rego.add_module("policy", open(sys.argv[1]).read())
rego.set_input(json.load(open(sys.argv[2])))
found = {}
for rule in ("deny", "warn"):
    found[rule] = json.loads(str(rego.query(f"data.main.{rule}")))["expressions"][0]
print(json.dumps(found))
"""


def test_rego(tool, plans, tmp_path):
    """A policy as conftest takes it, evaluated by a real implementation of Rego; it may use what only perimeter tells."""
    (tmp_path / "policy.rego").write_text(REGO)
    (tmp_path / "evaluate.py").write_text(EVALUATE)

    def judged(name):
        code, text = tool("python", tmp_path / "evaluate.py", tmp_path / "policy.rego", plans[name])
        assert code == 0, text
        return {rule: sorted(said) for rule, said in json.loads(text).items()}

    good, bad = judged("good"), judged("bad")
    assert good["deny"] == []
    assert bad["deny"] == [
        "github_deploy_key.website may write",
        "github_organization_webhook.siem is not encrypted",
        "okta_app_scope_grant.chat grants okta.users.manage",
    ]
    assert "okta_app_scope_grant.chat widens access" in good["warn"]
