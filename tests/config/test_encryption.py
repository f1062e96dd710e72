"""What an encryption block says, in its short and its long form."""

import os

import pytest

from perimeter.config.assignments import collect
from perimeter.config.early import EarlyScope
from perimeter.config.encryption import TargetSettings, decide_encryption
from perimeter.config.load import load

LONG = """
  key_provider "passphrase" "main" {
    passphrase = var.pass
  }
  key_provider "aws_kms" "old" {
    kms_key_id = "alias/old"
    region     = "eu-west-1"
    encryption_context = { team = "it" }
  }
  method "aes_gcm" "main" { keys = key_provider.passphrase.main }
  method "aes_gcm" "old"  { keys = key_provider.aws_kms.old }
  method "unencrypted" "plain" {}
  state {
    method   = method.aes_gcm.main
    enforced = true
    fallback { method = method.aes_gcm.old }
  }
  plan { method = method.aes_gcm.old }
  snapshot {
    method = method.aes_gcm.main
    fallback {}
  }
"""


class Directory:
    def __init__(self, path):
        self.path = path

    def decide(self, block, text="", environment=None):
        main = f'variable "pass" {{ default = "a long passphrase" }}\nperimeter {{\n encryption {{\n{block}\n }}\n}}\n'
        (self.path / "main.hcl").write_text(main if block is not None else "")
        config, problems, _ = load(self.path)
        if problems.has_errors:
            return None, [item.summary for item in problems.errors]
        given = collect(self.path, environment=environment or {})[0]
        found, problems = decide_encryption(
            config.root.encryption, text, EarlyScope(config.root, lambda: given)
        )
        return found, [item.summary for item in problems.errors]

    def settings(self, block, text="", environment=None):
        found, problems = self.decide(block, text, environment)
        assert not problems
        return found

    def problems(self, block, text=""):
        found, problems = self.decide(block, text)
        assert found is None
        return problems


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("PERIMETER_"):
            monkeypatch.delenv(name)
    return Directory(tmp_path)


def kinds(target: TargetSettings):
    return (
        target.primary and target.primary.kind,
        [item and item.kind for item in target.fallbacks],
    )


def test_the_short_form_is_one_argument_and_covers_everything(here):
    found = here.settings("passphrase = var.pass")
    for target in (found.state, found.plan, found.snapshot):
        assert kinds(target) == ("passphrase", [])
        assert target.primary.arguments == {"passphrase": "a long passphrase"}
    assert kinds(found.remote_state) == ("passphrase", [None])
    assert kinds(here.settings('environment = "KEY"').state)[0] == "environment"
    assert kinds(here.settings('aws_kms = "alias/x"').plan)[0] == "aws_kms"


def test_fallback_and_enforced_of_the_short_form_count_for_all(here):
    found = here.settings(
        'passphrase = var.pass\nfallback { environment = "OLD" }\nenforced = true'
    )
    assert kinds(found.snapshot) == ("passphrase", ["environment"])
    assert found.plan.enforced
    assert kinds(here.settings("passphrase = var.pass\nfallback {}").state)[1] == [None]


def test_the_long_form_names_methods_for_each_kind_of_file(here):
    found = here.settings(LONG)
    assert kinds(found.state) == ("passphrase", ["aws_kms"])
    assert (found.state.enforced, found.plan.enforced) == (True, False)
    assert kinds(found.plan) == ("aws_kms", [])
    assert found.plan.primary.arguments["encryption_context"] == {"team": "it"}
    assert kinds(found.snapshot) == ("passphrase", [None])


def test_one_method_and_nothing_else_covers_everything(here):
    found = here.settings(
        'key_provider "environment" "k" { variable = "KEY" }\n'
        'method "aes_gcm" "m" { keys = key_provider.environment.k }'
    )
    assert kinds(found.plan) == ("environment", [])


def test_the_environment_sets_it_without_a_block_and_counts_more_than_one(here):
    text = 'passphrase = "from the environment"'
    assert here.settings(None, text).state.primary.arguments["passphrase"] == "from the environment"
    found = here.settings("passphrase = var.pass\nenforced = true", text)
    assert found.state.primary.arguments["passphrase"] == "from the environment"
    assert found.state.enforced
    assert kinds(here.settings("passphrase = var.pass", "fallback {}").state)[1] == [None]
    assert here.settings(None) is None


def test_variables_come_from_where_others_come_from(here):
    found = here.settings(
        "passphrase = var.pass", environment={"PERIMETER_VAR_pass": "another passphrase"}
    )
    assert found.state.primary.arguments["passphrase"] == "another passphrase"
    assert "another" not in repr(found)


def test_json_syntax_says_the_same(here, tmp_path):
    (tmp_path / "e.hcl.json").write_text(
        '{"perimeter": {"encryption": {"key_provider": {"environment": {"k": {"variable": "KEY"}}},'
        ' "method": {"aes_gcm": {"m": {"keys": "key_provider.environment.k"}}},'
        ' "state": {"method": "method.aes_gcm.m", "fallback": {}}}}}'
    )
    found = here.settings(None)
    assert kinds(found.state) == ("environment", [None])
    assert kinds(found.plan) == (None, [])


@pytest.mark.parametrize(
    ("block", "summary"),
    [
        ("", "Nothing is encrypted"),
        ("state {}", "Nothing is encrypted"),
        ('passphrase = var.pass\nenvironment = "X"', "Two ways to encrypt"),
        ("passphrase = null", "Encryption key is missing"),
        ("passphrase = var.pass\nenforced = true\nfallback {}", "Encryption is enforced"),
        ("passphrase = tiny_group.g.id", "Reference not available early"),
        ("passphrase = var.pass\nenforced = 3", "Invalid encryption setting"),
        ('key_provider "pbkdf2" "m" {}', "Unknown key provider"),
        ('key_provider "passphrase" "m" {}', "Missing required argument"),
        (
            'key_provider "passphrase" "m" {\n passphrase = var.pass\n colour = 1\n }',
            "Unsupported argument",
        ),
        ('method "rot13" "m" {}', "Unknown encryption method"),
        ('method "aes_gcm" "m" {}', "Missing required argument"),
        ("state { method = method.aes_gcm.none }", "Undeclared part of the encryption"),
        ('state { method = "x" }', "Invalid reference in encryption"),
        ("colour = 1", "Unsupported argument"),
        ("shape {}", "Unsupported block type"),
        (
            'method "unencrypted" "p" {}\nstate {\n method = method.unencrypted.p\n enforced = true\n}',
            "Encryption is enforced",
        ),
    ],
)
def test_what_cannot_be_is_named(here, block, summary):
    assert summary in here.problems(block)


def test_mistakes_in_the_environment_are_named(here):
    assert "Unsupported argument" in here.problems(None, "colour = 1")
    assert here.problems(None, "passphrase = ")


def test_two_blocks_are_one_too_many(here):
    assert "Duplicate encryption configuration" in here.problems(
        'passphrase = var.pass\n}\nencryption {\nenvironment = "X"'
    )
