"""What becomes of single constructs."""

import pytest

from tests.migrate.states import resource, state

GROUP = 'resource "okta_group" "staff" {\n  name = "Staff"\n}\n'
POLICY = """
resource "okta_policy_signon" "p" {
  name = "P"
}
"""


@pytest.fixture
def translate(cli):
    """Migrates the text of main.tf and a state; returns main.hcl and the report."""

    def run(text, *resources, **files):
        cli.write(text, "tf/main.tf")
        for name, content in files.items():
            cli.write(content, f"tf/{name}/main.tf")
        cli.write(state(*resources), "tf/terraform.tfstate")
        report = cli.ok("migrate", "terraform", "-out=out", "tf")
        assert cli("fmt", "-check", "-recursive", "out").code == 0
        written = (cli.directory / "out" / "main.hcl").read_text(encoding="utf-8")
        return written, " ".join(report.split())

    return run


def test_unknown_types_become_comments(translate):
    """With the reason, and nothing else of the file suffers."""
    text, report = translate(f'resource "nosuch_thing" "x" {{\n  a = 1\n}}\n\n{GROUP}')
    assert text == (
        "# Not translated: no provider of perimeter has a counterpart of the resource type nosuch_thing.\n"
        '# resource "nosuch_thing" "x" {\n#   a = 1\n# }\n\n' + GROUP
    )
    assert "nosuch_thing.x (main.tf:1)" in report


def test_unknown_arguments_become_comments(translate):
    """Also in a block that stands on one line."""
    text, _ = translate('resource "okta_group" "g" { name = "G" }\nvariable "v" { sense = true }\n')
    assert 'resource "okta_group" "g" { name = "G" }\n' in text
    assert 'variable "v" { sense = true }' in text


def test_without_what_it_needs_a_resource_becomes_a_comment(translate):
    """Rather than something that cannot be planned."""
    text, _ = translate('resource "okta_group" "g" { colour = "red" }\n' + GROUP)
    assert "# Not translated: okta_group needs name" in text
    assert text.endswith(GROUP)


def test_references_follow_their_resources(translate):
    """In templates, heredocs, splats, indexes and for expressions; strings that only look like them stay."""
    text, _ = translate(
        """
resource "okta_app_oauth" "crm" {
  count = 2
  label = "CRM ${count.index}"
  type  = "web"
}

locals {
  splat   = okta_app_oauth.crm[*].type
  index   = okta_app_oauth.crm[0].type
  plain   = "okta_app_oauth.crm.type"
  each    = [for app in okta_app_oauth.crm : app.id]
  inside  = "a ${upper(okta_app_oauth.crm[0].label)} b"
  heredoc = <<-EOT
    okta_app_oauth.crm stays, ${okta_app_oauth.crm[0].type} does not
  EOT
  key     = { okta_app_oauth = 1 }
}
"""
    )
    for line in (
        "okta_app.crm[*].application_type",
        "okta_app.crm[0].application_type",
        '"okta_app_oauth.crm.type"',
        "[for app in okta_app.crm : app.id]",
        '"a ${upper(okta_app.crm[0].label)} b"',
        "okta_app_oauth.crm stays, ${okta_app.crm[0].application_type} does not",
        "{ okta_app_oauth = 1 }",
    ):
        assert line in text, (line, text)


def test_what_depends_on_something_gone_goes_with_it(translate):
    """Through locals, module outputs and resources, unless the state knows the value."""
    text, report = translate(
        """
resource "random_id" "x" {}
locals {
  one = random_id.x.hex
  two = "${local.one}!"
}
module "m" {
  source = "./m"
}
resource "okta_group" "known" {
  name        = "Known"
  description = local.two
}
resource "okta_group" "lost" {
  name = module.m.name
}
output "lost" {
  value = okta_group.lost.id
}
""",
        resource(
            "okta_group", "known", (None, {"id": "00g1", "name": "Known", "description": "x!"})
        ),
        m='resource "random_id" "y" {}\noutput "name" {\n  value = random_id.y.hex\n}\n',
    )
    assert "# two = " in text
    assert 'description = "x!"' in text
    assert '# resource "okta_group" "lost"' in text
    assert '# output "lost"' in text
    assert "The value is that of the state" in text
    assert "okta_group.lost (main.tf:" in report


def test_two_foreign_types_that_become_one_keep_apart(translate):
    """The second gets another name, and references follow."""
    text, _ = translate(
        """
resource "okta_app_group_assignment" "a_1" {
  app_id   = "0oa1"
  group_id = "00g1"
}
resource "okta_group_memberships" "m" {
  group_id   = okta_group.staff.id
  users      = ["00u1"]
  depends_on = [okta_app_group_assignment.a_1]
}
resource "okta_app_group_assignments" "a" {
  app_id = "0oa1"
  group {
    id = "00g2"
  }
}
"""
        + GROUP
    )
    assert text.count('resource "okta_app_group_assignment" "a_1" {') == 1, text


@pytest.mark.parametrize(
    "rule",
    [
        'name = "r"\n  count = 2',
        'name = "r-${okta_policy_signon.p.name}"',
    ],
)
def test_rules_are_merged_all_or_none(translate, rule):
    """A policy with some of its rules would have the others removed."""
    text, report = translate(
        POLICY
        + f"""
resource "okta_policy_rule_signon" "fine" {{
  policy_id = okta_policy_signon.p.id
  name      = "fine"
}}
resource "okta_policy_rule_signon" "odd" {{
  policy_id = okta_policy_signon.p.id
  {rule}
}}
"""
    )
    assert "\n  rule " not in text
    assert '# resource "okta_policy_rule_signon" "fine"' in text
    assert "its blocks are left as they are in the tenant" in report


def test_a_rule_finds_its_policy_by_the_state(translate):
    """When the configuration names it by something else than its id."""
    text, _ = translate(
        POLICY
        + """
variable "policy" {}
resource "okta_policy_rule_signon" "r" {
  policy_id = var.policy
  name      = "r"
  access    = "CHALLENGE"
}
""",
        resource("okta_policy_signon", "p", (None, {"id": "00p1", "name": "P"})),
        resource("okta_policy_rule_signon", "r", (None, {"id": "0pr1", "policy_id": "00p1"})),
    )
    assert 'rule "r" {' in text
    assert "# access is left out: perimeter knows no factor sequences" in text


def test_repeated_sets_are_left_to_people(translate):
    """A set of objects that is repeated itself, and blocks made by dynamic."""
    text, _ = translate(
        """
resource "okta_group_memberships" "m" {
  for_each = toset(["00g1"])
  group_id = each.key
  users    = ["00u1"]
}
resource "okta_app_group_assignments" "a" {
  app_id = "0oa1"
  dynamic "group" {
    for_each = ["00g1"]
    content {
      id = group.value
    }
  }
}
"""
    )
    assert text.count("# Not translated: it ") == 2


def test_modules_outside_move_in(translate, cli):
    """A module above the directory gets a place inside; one from a registry is a comment."""
    cli.write('variable "name" {}\n' + GROUP.replace('"Staff"', "var.name"), "shared/main.tf")
    text, _ = translate(
        """
module "a" {
  source = "../shared"
  name   = "A"
}
module "far" {
  source  = "example/far/okta"
  version = "1.0"
}
module "needs" {
  source = "../shared"
  name   = module.far.name
}
""",
        resource("okta_group", "staff", (None, {"id": "00g1", "name": "A"}), module="module.a"),
    )
    assert 'source = "./modules/shared"' in text
    assert '# module "far" {' in text
    assert '# module "needs" {' in text
    assert (cli.directory / "out/modules/shared/main.hcl").is_file()
    imports = (cli.directory / "out/imports.hcl").read_text()
    assert "to = module.a.okta_group.staff\n" in imports


def test_secrets_are_written_nowhere(translate, cli):
    """Not from literals, from defaults, from comments, nor from what becomes a comment."""
    secrets = [f"canary-{number}-0123456789" for number in range(7)]
    one, two, three, four, five, six, seven = secrets
    text, report = translate(
        f"""
# the old one was {one}
provider "okta" {{
  org_name  = "acme"
  api_token = "{two}"
}}
variable "api_token" {{
  default = "{three}"
}}
locals {{
  header = {{ password = "{four}" }}
  note   = "uses {one}"
}}
resource "tls_private_key" "k" {{
  private_key_pem = <<EOT
{five}
EOT
}}
output "token" {{
  value = "{six}"
}}
resource "okta_group" "g" {{
  name        = "G"
  description = "{seven}" # {seven}
}}
""",
        resource(
            "x_secret",
            "x",
            (
                None,
                {"id": "1", "hidden": one, "list": [seven]},
                [
                    [{"type": "get_attr", "value": "hidden"}],
                    [
                        {"type": "get_attr", "value": "list"},
                        {"type": "index", "value": {"value": 0, "type": "number"}},
                    ],
                ],
            ),
        ),
    )
    everything = report + "".join(
        path.read_text() for path in (cli.directory / "out").rglob("*") if path.is_file()
    )
    assert [secret for secret in secrets if secret in everything] == []
    assert 'org_url = "https://acme.okta.com"' in text
    assert "a secret stood here" in text


def test_files_of_variables_come_along(translate, cli):
    """Under the names that perimeter loads, without the values of sensitive variables."""
    cli.write(
        'who = "Staff"\nhidden = "canary-0123456789"\nmy_token = "canary-9876543210"\n',
        "tf/terraform.tfvars",
    )
    cli.write('who = "Others"\n', "tf/eu.auto.tfvars")
    _, report = translate(
        'variable "who" {}\nvariable "hidden" {\n  sensitive = true\n  default = "canary-abcdefghij"\n}\n'
    )
    out = cli.directory / "out"
    assert (out / "eu.auto.vars.hcl").read_text() == 'who = "Others"\n'
    text = (out / "perimeter.vars.hcl").read_text()
    assert text.startswith('who = "Staff"\n')
    assert "canary" not in text + report + (out / "main.hcl").read_text()
    assert "hidden (terraform.tfvars:2)" in report


def test_settings_of_the_language_are_kept(translate):
    """Lifecycle, conditions, checks and dependencies on modules, with our names in them."""
    text, report = translate(
        """
module "m" {
  source = "./m"
}
resource "okta_app_oauth" "a" {
  label      = "A"
  type       = "web"
  depends_on = [module.m, okta_group.staff]
  lifecycle {
    create_before_destroy = true
    ignore_changes        = [type, hide_web]
    precondition {
      condition     = okta_group.staff.name != ""
      error_message = "No name."
    }
    postcondition {
      condition     = self.label == "A"
      error_message = "No."
    }
  }
}
check "health" {
  assert {
    condition     = okta_app_oauth.a.type == "web"
    error_message = "Not web."
  }
}
check "own" {
  data "okta_group" "g" {
    name = "G"
  }
  assert {
    condition     = data.okta_group.g.name == "G"
    error_message = "No."
  }
}
"""
        + GROUP,
        m="locals {}\n",
    )
    assert "ignore_changes        = [application_type]" in text
    assert "depends_on       = [module.m, okta_group.staff]" in text
    assert 'condition     = okta_group.staff.name != ""' in text
    assert 'condition     = okta_app.a.application_type == "web"' in text
    assert '# check "own" {' in text
    assert "provisioner" not in report


def test_provider_aliases_are_kept(translate):
    """In provider blocks, resources, modules and required providers; a local name of one's own, too."""
    text, _ = translate(
        """
terraform {
  required_providers {
    gh = {
      source                = "integrations/github"
      configuration_aliases = [gh.eu]
    }
    other = { source = "example/github" }
  }
}
provider "gh" {
  alias = "eu"
  owner = "acme-eu"
  app_auth {
    id              = "1"
    installation_id = "2"
    pem_file        = file("key.pem")
  }
}
provider "other" {
  owner = "x"
}
resource "github_organization_settings" "eu" {
  provider                      = gh.eu
  billing_email                 = "b@acme.example"
  default_repository_permission = "none"
}
module "m" {
  source    = "./m"
  providers = { gh = gh.eu }
}
""",
        m="locals {}\n",
    )
    assert (
        'source                = "perimeter/github"\n      configuration_aliases = [gh.eu]' in text
    )
    assert 'organization = "acme-eu"' in text
    assert "provider = gh.eu" in text
    assert "providers = { gh = gh.eu }" in text
    assert '# provider "other" {' in text


def test_values_in_nested_blocks_come_from_the_state_too(translate):
    """But never a secret."""
    settings = {"url": "https://lb/hook", "secret": "canary-0123456789"}
    text, report = translate(
        """
resource "aws_lb" "hooks" {}
resource "random_password" "hook" {}
resource "github_organization_webhook" "h" {
  events = ["push"]
  configuration {
    url    = "https://${aws_lb.hooks.dns_name}/hook"
    secret = random_password.hook.result
  }
}
""",
        resource(
            "github_organization_webhook", "h", (None, {"id": "7", "configuration": [settings]})
        ),
    )
    assert 'url = "https://lb/hook"' in text
    assert "# secret is left out" in text
    assert "canary" not in text + report
