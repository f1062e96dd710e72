"""Secrets are remembered by keyed digest where state is encrypted, and by nothing where it is not."""

import base64
import secrets
from pathlib import Path

import pytest

from perimeter.state.codec import Codec
from perimeter.state.digests import SecretDigests, new_digest_key
from perimeter.state.encryption import Keys
from perimeter.state.keys import EnvironmentKey

TEXT = """
variable "secret" {
  type      = string
  ephemeral = true
}
variable "label" { default = "k" }
resource "tiny_group" "g" { name = "g" }
resource "tiny_key" "k" {
  group  = tiny_group.g.id
  label  = var.label
  secret = var.secret
}
"""


def key(name="main"):
    text = base64.b64encode(secrets.token_bytes(32)).decode()
    return EnvironmentKey(name=name, variable="KEY", text=text)


def give(tiny, secret, label="k"):
    tiny.work.environment = {"PERIMETER_VAR_secret": secret, "PERIMETER_VAR_label": label}


@pytest.fixture
def keyed(tiny):
    tiny.work.codec = Codec(keys=Keys(primary=key()))
    tiny.write(TEXT)
    give(tiny, "first-secret")
    tiny.applied()
    return tiny


def sent(tiny):
    return [item["secret"] for item in tiny.tenant.of("tiny_key").values()]


def digests(tiny):
    return tiny.state["tiny_key.k"].objects[0].digests


def test_a_changed_secret_is_an_update_of_that_attribute(keyed):
    assert keyed.planned() == {}
    give(keyed, "second-secret")
    changes = keyed.planned()
    assert set(changes) == {"tiny_key.k"}
    assert changes["tiny_key.k"].changed == {"secret"}
    assert changes["tiny_key.k"].after["secret"] is None
    keyed.applied()
    assert sent(keyed) == ["second-secret"]
    assert keyed.planned() == {}
    give(keyed, "first-secret")
    assert set(keyed.planned()) == {"tiny_key.k"}


def test_the_digest_is_in_state_and_neither_value_nor_digest_key_is_anywhere_on_disk(keyed):
    assert set(digests(keyed)) == {"secret"}
    state = keyed.work.state
    assert state.digest_key
    for file in Path(keyed.work.directory).rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            for text in ("first-secret", state.digest_key, digests(keyed)["secret"]):
                assert text.encode() not in data, file


def test_without_a_key_only_an_explicit_version_shows_a_change(tiny):
    tiny.write(TEXT)
    give(tiny, "first-secret")
    tiny.applied()
    assert digests(tiny) == {}
    assert tiny.work.state.digest_key == ""
    give(tiny, "second-secret")
    assert tiny.planned() == {}
    tiny.write(TEXT.replace("secret = var.secret", 'secret = var.secret\n  secret_version = "2"'))
    tiny.applied()
    assert sent(tiny) == ["second-secret"]


def test_the_digest_outlives_an_exchange_of_the_encryption_key(keyed):
    old, new = keyed.work.codec.keys.primary, key("new")
    keyed.work.codec = Codec(keys=Keys(primary=new, fallbacks=(old,)))
    keyed.work.backend().recode()
    keyed.work.codec = Codec(keys=Keys(primary=new))
    assert keyed.planned() == {}
    give(keyed, "second-secret")
    assert set(keyed.planned()) == {"tiny_key.k"}


def test_where_there_was_no_key_the_next_write_of_the_secret_makes_the_digest(tiny):
    """An update of something else must not pass off as written what was not sent."""
    tiny.write(TEXT)
    give(tiny, "first-secret")
    tiny.applied()
    tiny.work.codec = Codec(keys=Keys(primary=key(), fallbacks=(None,)))
    tiny.work.backend().recode()
    give(tiny, "second-secret", label="other")
    assert tiny.planned()["tiny_key.k"].changed == {"label"}
    tiny.applied()
    assert digests(tiny) == {}
    tiny.write(TEXT.replace("secret = var.secret", 'secret = var.secret\n  secret_version = "2"'))
    tiny.applied()
    assert set(digests(tiny)) == {"secret"}
    assert tiny.planned() == {}
    give(tiny, "third-secret", label="other")
    assert tiny.planned()["tiny_key.k"].changed == {"secret"}


def test_a_plan_for_one_secret_has_another_fingerprint_than_for_another(keyed):
    prints = set()
    for secret in ("second-secret", "third-secret"):
        give(keyed, secret)
        prints.add(keyed.planned()["tiny_key.k"].fingerprint)
    assert len(prints) == 2


def test_a_secret_inside_a_block_counts_too(tiny):
    tiny.work.codec = Codec(keys=Keys(primary=key()))
    text = """
    variable "secret" {
      type      = string
      sensitive = true
    }
    resource "tiny_settings" "s" {
      network "office" {
        cidr = "10.0.0.0/8"
        key  = var.secret
      }
    }
    """
    tiny.write(text)
    give(tiny, "first-secret")
    del tiny.work.environment["PERIMETER_VAR_label"]
    tiny.applied()
    assert tiny.planned() == {}
    tiny.work.environment = {"PERIMETER_VAR_secret": "second-secret"}
    assert tiny.planned()["tiny_settings.s"].changed == {"network"}
    tiny.applied()
    stored = next(iter(tiny.tenant.of("tiny_settings").values()))
    assert stored["network"][0]["key"] == "second-secret"
    assert tiny.planned() == {}


def test_a_digest_is_bound_to_object_attribute_and_key():
    one = SecretDigests(new_digest_key())
    same = one.of("o", "a", "s")
    assert one.of("o", "a", "s") == same
    assert len({same, one.of("p", "a", "s"), one.of("o", "b", "s"), one.of("o", "a", "t")}) == 4
    assert one.of("o", "ab", "s") != one.of("oa", "b", "s")
    other = SecretDigests(new_digest_key())
    assert one.knows(same)
    assert not other.knows(same)
    assert one.key not in repr(one)


def test_the_read_back_in_the_evidence_is_keyed_and_a_removal_says_absent(keyed):
    import json

    keyed.write("")
    keyed.applied()
    log = [json.loads(line) for line in keyed.work.backend().evidence_lines()]
    made = {item["address"]: item for item in log if item["operation"] == "create"}
    prefix = digests_prefix(keyed)
    assert all(item["read_back"].startswith(prefix) for item in made.values())
    gone = [item for item in log if item["operation"] == "delete"]
    assert {item["read_back"] for item in gone} == {"absent"}
    for item in log:
        assert item["tenant"]
        assert item["object"]
        assert item["fingerprint"]
        assert item["request_id"]
        assert ("config" in item) == (item["operation"] != "delete")


def digests_prefix(tiny):
    digest = SecretDigests(tiny.work.state.digest_key).of("", "", "")
    return digest.partition(":")[0] + ":"
