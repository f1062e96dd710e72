"""What is said of credentials that were found: old, never used, without end, and whose owner is gone."""

from __future__ import annotations

import pytest

from perimeter.engine.credentials import OLD, told
from perimeter.testing.workspace import Workspace
from perimeter_okta.provider import Okta
from tests.providers.okta.conftest import started
from tests.providers.okta.seed import GONE, SECOND, TOKEN, seed

PROVIDER = 'provider "okta" {{\n  org_url        = "{url}"\n  capacity_share = 1\n}}\n'


@pytest.fixture
def query(tmp_path):
    running = []

    def made(content):
        it = started(content)
        org = next(it)
        running.append(it)
        work = Workspace(directory=tmp_path / "work", environment={"OKTA_API_TOKEN": TOKEN})
        work.write(PROVIDER.format(url=org.sandbox.url("okta")), "provider.hcl")
        found, _ = work.query(whole=True)
        return {
            item.attributes.get("name"): item.credential
            for result in found.results
            for item in result.objects
            if item.type == "okta_api_token"
        }

    yield made
    for it in running:
        next(it, None)


def _token(name, user, **more):
    return {"id": f"00T{name}", "name": name, "userId": user, "token": f"00-{name}-tok", **more}


def test_an_owner_that_is_gone_or_switched_off_is_told_first(query):
    content = seed()
    content["api_tokens"] += [_token("left", GONE), _token("lost", "00unobody")]
    found = query(content)
    assert found["left"].concerns[0] == f"its owner {GONE} is not active"
    assert found["lost"].concerns[0] == "its owner 00unobody is gone"
    assert "owner" not in told(found["perimeter"])
    assert found["old-export"].owner == SECOND


def test_an_owner_is_not_gone_because_nobody_saw_the_users(query):
    """Without the right to read users nothing is said about owners."""
    content = seed()
    content["api_tokens"] += [_token("left", GONE)]
    content["api_tokens"][0]["scopes"] = ["okta.apiTokens.read", "okta.apps.read"]
    found = query(content)
    assert "owner" not in told(found["left"])


def test_age_and_end(query):
    content = seed()
    content["api_tokens"] += [
        _token(
            "ends", SECOND, created="2024-01-05T10:00:00.000Z", expiresAt="2030-01-01T00:00:00.000Z"
        )
    ]
    found = query(content)
    old = found["old-export"]
    assert old.age > OLD
    assert f"{old.age:,} days old" in told(old)
    assert "never expires" in told(old)
    assert "never expires" not in told(found["ends"])
    assert found["ends"].expires_at.startswith("2030-01-01")
    assert not old.tells_use
    assert "never used" not in told(old)
    assert {kind.credential is not None for kind in Okta().resources.values()} == {True, False}
