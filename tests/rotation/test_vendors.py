"""Okta's and GitHub's own credentials, rotated by the engine into GitHub Actions secrets; one clock for all."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from perimeter.engine.model import Options
from perimeter.sandbox.faults import Fault
from perimeter.sandbox.server import Sandbox
from perimeter.testing.ladder import nothing_secret
from perimeter.testing.workspace import Workspace
from perimeter_github.provider import GitHub
from perimeter_github.sandbox.vendor import GitHub as GitHubVendor
from perimeter_okta.provider import Okta
from perimeter_okta.sandbox.vendor import Okta as OktaVendor
from tests.providers.github.world import OWNER
from tests.providers.github.world import seed as github_seed
from tests.providers.okta.seed import CLIENT_SECRET, CRM, TOKEN
from tests.providers.okta.seed import seed as okta_seed
from tests.rotation.conftest import Rotated

PROVIDERS = """
provider "github" {{
  organization   = "acme"
  base_url       = "{github}"
  capacity_share = 1
}}
provider "okta" {{
  org_url        = "{okta}"
  capacity_share = 1
}}
resource "github_actions_secret" "sink" {{
  repository = "api"
  name       = "ROTATED"
}}
"""
RULE = 'max_age = "90d"\n  overlap = "7d"\n  quarantine = "1d"'


class Company(Rotated):
    """The two vendors in a sandbox, and a workspace over both."""

    def __init__(self, directory):
        super().__init__(directory)
        clock = lambda: self.moment.timestamp()  # noqa: E731 - one clock for all
        self.sandbox = Sandbox(
            {"github": GitHubVendor(github_seed(), clock), "okta": OktaVendor(okta_seed(), clock)},
            clock=clock,
        )

    def opened(self):
        self.work = Workspace(
            directory=self.directory,
            providers={"github": GitHub(), "okta": Okta()},
            environment={"GITHUB_TOKEN": OWNER, "OKTA_API_TOKEN": TOKEN},
            now=lambda: self.moment,
        )
        urls = {name: self.sandbox.url(name) for name in ("github", "okta")}
        self.work.write(PROVIDERS.format(**urls), "providers.hcl")
        return self

    @property
    def github(self):
        return self.sandbox.vendors["github"]

    @property
    def okta(self):
        return self.sandbox.vendors["okta"]

    def delivered(self):
        """What a workflow reads."""
        return json.loads(self.github.secret("acme", "ROTATED", "api"))

    def clean(self, *secrets):
        """Nothing secret is in any file or event."""
        files = [path for path in self.directory.rglob("*") if path.is_file()]
        texts = [str(event) for event in self.work.events]
        nothing_secret([*secrets, OWNER, TOKEN], files, texts)


@pytest.fixture
def company(tmp_path):
    it = Company(tmp_path / "work")
    with it.sandbox:
        yield it.opened()
    assert it.sandbox.problems == []


def until(company, address, done, days=20):
    """Apply once a day until something holds; the number of days."""
    for day in range(days):
        if done():
            return day
        company.later(days=1)
        company.applied()
    raise AssertionError(f"{address}: {company.rotation(address=address)}")


def test_a_deploy_key_moves_on_once_its_consumer_was_seen_to_use_the_new_one(company):
    address = "github_deploy_key.ci"
    company.work.write(f"""
resource "github_deploy_key" "ci" {{
  repository = "api"
  title      = "ci"
  rotation {{
    {RULE}
    deliver_to = [github_actions_secret.sink]
  }}
}}
""")

    def works():
        return company.github.reaches("acme", "api", company.delivered()["private_key"])

    company.applied()
    first = company.delivered()["private_key"]
    assert works()
    assert company.plan().is_empty or not company.plan().active
    company.later(days=91)
    company.applied()
    second = company.delivered()["private_key"]
    assert second != first
    assert set(company.roles(address).values()) == {"current", "previous"}
    for _ in range(30):
        assert works()
        company.later(days=1)
        company.applied()
        if len(company.roles(address)) == 1:
            break
    assert list(company.roles(address).values()) == ["current"]
    assert not company.github.reaches("acme", "api", first)
    assert works()
    company.clean(first, second)


def test_a_deploy_key_that_is_still_used_stays(company):
    """The consumer did not switch: the old key lives on, and the plan says why."""
    address = "github_deploy_key.ci"
    company.work.write(f"""
resource "github_deploy_key" "ci" {{
  repository = "api"
  title      = "ci"
  rotation {{
    {RULE}
    deliver_to = [github_actions_secret.sink]
  }}
}}
""")
    company.applied()
    first = company.delivered()["private_key"]
    company.later(days=91)
    company.applied()
    for _ in range(25):
        assert company.github.reaches("acme", "api", first)
        company.later(days=1)
        company.applied()
    assert len(company.roles(address)) == 2
    assert company.rotation(address=address).waiting_for
    assert company.github.reaches("acme", "api", first)


def test_an_app_secret_made_with_the_app_is_taken_over_and_replaced(company):
    """Imported, it is as old as it is; the new one is tried before the old one is switched off, then removed."""
    address = "okta_app_client_secret.crm"
    [first_id] = [
        f"{CRM}/{one['id']}"
        for app in company.okta.dump()["apps"]
        if app["id"] == CRM
        for one in app["secrets"]
    ]
    company.work.write(f"""
import {{
  to = {address}
  id = "{first_id}"
}}
resource "okta_app_client_secret" "crm" {{
  app = "{CRM}"
  rotation {{
    {RULE}
    deliver_to = [github_actions_secret.sink]
    verify {{
      by     = "attestation"
    }}
  }}
}}
""")
    company.applied()
    company.later(days=1)
    company.applied()
    made = company.delivered()
    assert company.okta.accepts(made["client_id"], made["client_secret"])
    assert company.okta.accepts(CRM, CLIENT_SECRET)
    assert company.roles(address)[first_id] == "previous"
    assert company.plan(Options(no_overlap=True)) is not None
    company.clean(made["client_secret"])


@pytest.mark.parametrize(
    ("verify", "moves"), [('times = 1\n window = "0s"', True), ("times = 3", False)]
)
def test_a_trial_right_after_issuing_is_all_there_is_with_a_sink_that_shows_nothing(
    company, verify, moves
):
    """One trial proves it where one was asked for; where more were, the old one stays and the plan says what is missing."""
    address = "okta_app_client_secret.crm"
    [first] = [
        one["id"]
        for app in company.okta.dump()["apps"]
        if app["id"] == CRM
        for one in app["secrets"]
    ]
    company.work.write(f"""
import {{
  to = {address}
  id = "{CRM}/{first}"
}}
resource "okta_app_client_secret" "crm" {{
  app = "{CRM}"
  rotation {{
    {RULE}
    deliver_to = [github_actions_secret.sink]
    verify {{
      {verify}
    }}
  }}
}}
""")
    company.applied()
    for _ in range(12):
        company.later(days=1)
        company.applied()
    made = company.delivered()
    assert company.okta.accepts(made["client_id"], made["client_secret"])
    assert company.okta.accepts(CRM, CLIENT_SECRET) is not moves, company.rotation(address=address)
    assert len(company.roles(address)) == (1 if moves else 2)
    if not moves:
        assert "successful trials" in " ".join(company.rotation(address=address).waiting_for)


HOOK = f"""
import {{
  to = github_organization_webhook_secret.siem
  id = "601"
}}
resource "github_organization_webhook_secret" "siem" {{
  webhook = "601"
  rotation {{
    {RULE}
    deliver_to = [{{ to = github_actions_secret.sink, member = "secret" }}]
  }}
}}
"""


def signs_with(company, secret):
    body = b'{"action": "created"}'
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return company.github.signature("acme", 601, body) == f"sha256={expected}"


def test_a_webhook_secret_has_no_overlap_and_keeps_its_object(company):
    address = "github_organization_webhook_secret.siem"
    company.work.write(HOOK)
    company.applied()
    if company.github.secret("acme", "ROTATED", "api").startswith("perimeter has"):
        company.later(days=1)
        company.applied()
    first = company.github.secret("acme", "ROTATED", "api")
    assert signs_with(company, first)
    assert company.roles(address) == {"601": "current"}
    for _ in range(3):
        company.later(days=29)
        company.applied()
        assert company.github.secret("acme", "ROTATED", "api") == first
    company.later(days=5)
    company.applied()
    second = company.github.secret("acme", "ROTATED", "api")
    assert second != first
    assert signs_with(company, second)
    assert company.roles(address) == {"601": "current"}
    company.clean(first, second)


def test_a_webhook_secret_that_was_not_delivered_is_made_again(company):
    """The webhook is at no time without a secret, and the next apply delivers."""
    address = "github_organization_webhook_secret.siem"
    company.work.write(HOOK)
    company.applied()
    company.later(days=91)
    company.sandbox.faults.add(Fault(kind="status", status=403, method="PUT", path="*", times=1))
    outcome = company.apply()
    company.sandbox.faults.clear()
    failed = [r for r in outcome.applied.results if r.status == "failed"]
    assert failed, outcome.applied
    assert company.github.signature("acme", 601, b"x")
    assert company.roles(address) == {"601": "current"}
    company.later(days=8)
    company.applied()
    assert signs_with(company, company.github.secret("acme", "ROTATED", "api"))
    assert company.roles(address) == {"601": "current"}


@pytest.mark.parametrize(
    ("kind", "body", "path"),
    [
        ("github_deploy_key", 'repository = "api"\n title = "ci"', "/repos/acme/api/keys"),
        ("github_organization_webhook_secret", 'webhook = "602"', "/orgs/acme/hooks/602/config"),
        ("okta_app_client_secret", f'app = "{CRM}"', "*/credentials/secrets"),
    ],
)
def test_an_answer_that_got_lost_leaves_no_orphan(company, kind, body, path):
    """What the cut-off issue made is removed, since nobody has its secret, and another one is delivered."""
    company.work.write(f"""
resource "{kind}" "it" {{
  {body}
  rotation {{
    {RULE}
    deliver_to = [github_actions_secret.sink]
  }}
}}
""")
    before = _count(company, kind)
    method = "PATCH" if kind.endswith("webhook_secret") else "POST"
    company.sandbox.faults.add(Fault(kind="lost", method=method, path=path))
    outcome = company.apply()
    assert [r.status for r in outcome.applied.results if r.status not in ("done", "noop")]
    for _ in range(3):
        company.later(days=8)
        company.apply()
    assert _count(company, kind) == before + 1
    secret = company.delivered()
    if kind == "github_deploy_key":
        assert company.github.reaches("acme", "api", secret["private_key"])
    elif kind == "okta_app_client_secret":
        assert company.okta.accepts(secret["client_id"], secret["client_secret"])
    else:
        expected = hmac.new(secret["secret"].encode(), b"x", hashlib.sha256).hexdigest()
        assert company.github.signature("acme", 602, b"x") == f"sha256={expected}"


def _count(company, kind):
    organization = company.github.dump()["organizations"][0]
    if kind == "github_deploy_key":
        return sum(len(one["keys"]) for one in organization["repositories"])
    if kind == "okta_app_client_secret":
        return sum(len(one.get("secrets", ())) for one in company.okta.dump()["apps"])
    return sum(bool(one["secret"]) for one in organization["hooks"])


def test_an_api_token_is_made_by_hand_and_the_old_one_is_watched(company):
    """The step opens when it is due; a younger token of the same name is taken for the new one."""
    address = "okta_api_token.export"
    company.work.write(f"""
import {{
  to = {address}
  id = "00Told"
}}
resource "okta_api_token" "export" {{
  name = "old-export"
  rotation {{
    max_age = "180d"
    overlap = "7d"
  }}
}}
""")
    company.applied()
    company.later(days=1)
    shown = next(c for c in company.plan().changes if str(c.address) == address)
    assert shown.rotation.stage == "due"
    assert '"old-export"' in shown.manual.instructions
    assert shown.rotation.rule["verify"] == "attestation"
    company.applied()
    company.later(days=1)
    content = company.okta.dump()
    content["api_tokens"].append(
        {
            "id": "00Tnew",
            "name": "old-export",
            "userId": content["api_tokens"][1]["userId"],
            "token": "00new-export-token",
            "created": company.moment.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        }
    )
    company.sandbox.reseed({"okta": content})
    company.later(days=1)
    company.applied()
    assert company.roles(address) == {"00Told": "previous", "00Tnew": "current"}
    company.later(days=20)
    company.applied()
    assert company.rotation(address=address).waiting_for == (
        "somebody to attest that the new one works",
    )
    assert {"00Told", "00Tnew"} <= {one["id"] for one in company.okta.dump()["api_tokens"]}


def test_a_private_key_of_an_app_is_due_by_what_its_declaration_says(company):
    """A new date in the declaration is the record of the rotation: then it rests again."""
    address = "github_app_private_key.deploy"

    def declare(day):
        company.work.write(f"""
resource "github_app_private_key" "deploy" {{
  app          = "acme-deploy"
  organization = "acme"
  fingerprint = "SHA256:{day}"
  added_at    = "{day}"
  rotation {{
    max_age = "90d"
  }}
}}
""")

    declare("2026-01-01")
    company.applied()
    assert company.rotation(address=address).stage == "settled", (
        company.rotation(address=address),
        company.instance(address),
    )
    company.later(days=120)
    shown = next(c for c in company.plan().changes if str(c.address) == address)
    assert shown.rotation.stage == "due"
    assert shown.manual.url.endswith("/organizations/acme/settings/apps/acme-deploy")
    company.applied()
    declare(company.moment.date().isoformat())
    company.applied()
    rests = next(c for c in company.plan().changes if str(c.address) == address)
    assert rests.rotation.stage == "settled"
    assert rests.manual is None
