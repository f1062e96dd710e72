"""Every resource type of GitHub climbs the desired-state ladder."""

import copy
from datetime import UTC, datetime

import pytest

from perimeter.engine.model import Options
from perimeter.sandbox.faults import Fault
from perimeter.testing import ladder
from perimeter.testing.ladder import Ladder
from perimeter.testing.workspace import Workspace
from perimeter_github.provider import GitHub

from .world import APP, OWNER, public_key

PROVIDER = """
provider "github" {{
  organization   = "acme"
  base_url       = "{url}"
  capacity_share = 1
}}
"""
KINDS = GitHub().resources


class Tenant:
    """The organisation behind the API, changed by hand."""

    def __init__(self, world):
        self.world = world

    @property
    def organization(self):
        return self.world.organization

    def change(self, changed):
        """Change the tenant's content and let the vendor read it anew."""
        content = copy.deepcopy(self.world.vendor.dump())
        changed(content["organizations"][0])
        self.world.sandbox.reseed({"github": content})
        self.world.vendor = self.world.sandbox.vendors["github"]

    def setter(self, where, name, value):
        """A tamper that sets one field of what ``where`` finds."""
        return lambda held: self.change(lambda org: where(org, held).__setitem__(name, value))


@pytest.fixture
def tenant(world):
    return Tenant(world)


@pytest.fixture
def workspace(world, tmp_path):
    def made(token=OWNER, name="work"):
        text = PROVIDER.format(url=world.sandbox.url("github"))
        found = Workspace(directory=tmp_path / name, environment={"GITHUB_TOKEN": token})
        found.write(text, "provider.hcl")
        return found

    return made


def settings(tenant):
    def at(organization, held):
        return organization["settings"]

    flags = [
        name
        for name in KINDS["github_organization_settings"].schema.attributes
        if name.startswith(("members_can_", "deploy_keys_", "web_commit_"))
    ]
    observed = {
        name
        for name in flags
        if KINDS["github_organization_settings"].schema.attributes[name].mode.name == "OBSERVED"
    }
    lines = "\n".join(f"  {name} = true" for name in flags)
    step = f"""
resource "github_organization_settings" "acme" {{
  default_repository_permission  = "none"
  two_factor_requirement_enabled = true
{lines}
}}
"""
    by_hand = {
        name: (tenant.setter(at, name, False), tenant.setter(at, name, True))
        for name in sorted(observed | {"two_factor_requirement_enabled"})
    }
    tamper = {name: tenant.setter(at, name, False) for name in flags if name not in observed}
    tamper["default_repository_permission"] = tenant.setter(
        at, "default_repository_permission", "write"
    )
    return Ladder(
        kind=KINDS["github_organization_settings"],
        address="github_organization_settings.acme",
        steps=(step,),
        tamper=tamper,
        by_hand=by_hand,
    )


def _hook(organization, held):
    return next(hook for hook in organization["hooks"] if str(hook["id"]) == held.id)


def webhook(tenant):
    first = """
resource "github_organization_webhook" "siem" {
  url    = "https://siem.example/in"
  events = ["push"]
}
"""
    second = """
resource "github_organization_webhook" "siem" {
  url            = "https://siem.example/audit"
  events         = ["push", "repository"]
  content_type   = "json"
  insecure_ssl   = false
  active         = true
  secret         = "planted-hook-secret"
  secret_version = "1"
}
"""
    return Ladder(
        kind=KINDS["github_organization_webhook"],
        address="github_organization_webhook.siem",
        steps=(first, second),
        tamper={
            "url": tenant.setter(_hook, "url", "https://evil.example/in"),
            "events": tenant.setter(_hook, "events", ["*"]),
            "content_type": tenant.setter(_hook, "content_type", "form"),
            "insecure_ssl": tenant.setter(_hook, "insecure_ssl", "1"),
            "active": tenant.setter(_hook, "active", False),
        },
        import_id=lambda held: held.id,
        remove=lambda held: tenant.change(lambda org: org["hooks"].remove(_hook(org, held))),
    )


def _key(organization, held):
    repository = _repository(organization, held)
    return next(key for key in repository["keys"] if key["key"] == held.attributes["key"])


def _repository(organization, held):
    name = str(held.attributes["repository"]).lower()
    return next(item for item in organization["repositories"] if item["name"].lower() == name)


def deploy_key(tenant):
    text = """
resource "github_deploy_key" "ci" {{
  repository = "api"
  title      = "{title}"
  key        = "{key}"
  read_only  = true
}}
"""

    def moved(held):
        def change(organization):
            key = _key(organization, held)
            _repository(organization, held)["keys"].remove(key)

        tenant.change(change)

    return Ladder(
        kind=KINDS["github_deploy_key"],
        address="github_deploy_key.ci",
        steps=(
            text.format(title="ci", key=public_key(77)),
            text.format(title="build", key=public_key(78)),
        ),
        tamper={
            "title": tenant.setter(_key, "title", "other"),
            "read_only": tenant.setter(_key, "read_only", False),
        },
        untampered={
            "repository": "a key cannot move; one that is gone is made again",
            "key": "it is what identifies the object; another key is another object",
        },
        import_id=lambda held: held.id,
        remove=moved,
    )


def _sink(kind, where, holder):
    """A secret of GitHub Actions in a repository or environment; its value is no attribute."""

    def made(tenant):
        text = f'resource "{kind}" "sink" {{{{\n{where}  name = "{{name}}"\n}}}}\n'

        def gone(held):
            name = held.attributes["name"]
            tenant.change(lambda org: holder(org)["secrets"].pop(name))

        return Ladder(
            kind=KINDS[kind],
            address=f"{kind}.sink",
            steps=(text.format(name="first_key"), text.format(name="SECOND_KEY")),
            untampered={
                name: "it is part of the id; a secret elsewhere is another one"
                for name in ("repository", "environment", "name")
                if name in KINDS[kind].schema.attributes
            },
            import_id=lambda held: held.id,
            remove=gone,
        )

    return made


def _website(organization):
    return next(one for one in organization["repositories"] if one["name"] == "Website")


def organization_secret(tenant):
    text = """
resource "github_actions_organization_secret" "sink" {{
  name                  = "FIRST_KEY"
  visibility            = "{visibility}"
  selected_repositories = {chosen}
}}
"""

    def at(organization, held):
        return organization["secrets"][held.attributes["name"]]

    return Ladder(
        kind=KINDS["github_actions_organization_secret"],
        address="github_actions_organization_secret.sink",
        steps=(
            text.format(visibility="all", chosen="[]"),
            text.format(visibility="selected", chosen='["api", "billing"]'),
        ),
        tamper={
            "visibility": tenant.setter(at, "visibility", "all"),
            "selected_repositories": tenant.setter(at, "repositories", [11, 12]),
        },
        untampered={"name": "it is the id; a secret of another name is another one"},
        import_id=lambda held: held.id,
        remove=lambda held: tenant.change(lambda org: org["secrets"].pop(held.attributes["name"])),
    )


LADDERS = {
    "settings": settings,
    "webhook": webhook,
    "deploy_key": deploy_key,
    "actions_secret": _sink("github_actions_secret", '  repository = "Website"\n', _website),
    "environment_secret": _sink(
        "github_actions_environment_secret",
        '  repository = "Website"\n  environment = "prod"\n',
        lambda organization: _website(organization)["environments"]["prod"],
    ),
    "organization_secret": organization_secret,
}


@pytest.mark.parametrize("name", LADDERS)
def test_the_ladder(name, tenant, workspace, tmp_path):
    """Climb, drift, list, import, remove."""
    rungs = LADDERS[name](tenant)
    work = workspace()
    ladder.climb(work, rungs)
    ladder.drift(work, rungs)
    ladder.listed(work, rungs)
    if rungs.import_id is not None:
        other = tmp_path / "imported"
        other.mkdir()
        provider = (work.directory / "provider.hcl").read_text()
        (other / "provider.hcl").write_text(provider)
        ladder.imported(work, rungs, other)
    if rungs.remove is not None:
        ladder.comes_back(work, rungs)
    ladder.removed(work, rungs, "")
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "main.hcl"]
    texts = [str(event) for event in work.events]
    assert len(written) > 3
    ladder.nothing_secret(["planted-hook-secret", OWNER], written, texts)


INSTALLATION = """
import {
  to = github_app_installation.drift
  id = "48213377"
}

resource "github_app_installation" "drift" {
  app_slug             = "drift-chat"
  permissions          = { metadata = "read", issues = "write", contents = "write" }
  events               = ["issues"]
  repository_selection = "all"
  suspended            = false
}
"""


def _installation(organization, held):
    return next(item for item in organization["installations"] if str(item["id"]) == held.id)


def test_what_an_installation_may_do_is_put_right_by_hand(tenant, workspace):
    """An organisation's token cannot write installations: each difference is a manual step that is checked again."""
    put = tenant.setter
    rungs = Ladder(
        kind=KINDS["github_app_installation"],
        address="github_app_installation.drift",
        steps=(INSTALLATION,),
        by_hand={
            "permissions": (
                put(_installation, "permissions", {"administration": "write"}),
                put(
                    _installation,
                    "permissions",
                    {"metadata": "read", "issues": "write", "contents": "write"},
                ),
            ),
            "events": (
                put(_installation, "events", ["push"]),
                put(_installation, "events", ["issues"]),
            ),
            "repository_selection": (
                put(_installation, "repository_selection", "selected"),
                put(_installation, "repository_selection", "all"),
            ),
            "suspended": (
                put(_installation, "suspended_at", "2026-11-01T00:00:00Z"),
                put(_installation, "suspended_at", None),
            ),
        },
        untampered={
            "app_slug": "an installation is of one app for good",
            "repositories": "GitHub shows them to the app itself only",
            "permission": "GitHub shows it among permissions",
        },
        import_id=lambda held: held.id,
    )
    work = workspace()
    ladder.climb(work, rungs)
    ladder.drift(work, rungs)
    ladder.listed(work, rungs)


def test_a_permission_that_ends_becomes_a_step_by_hand(tenant, workspace):
    """GitHub lets nobody lower it by API: the clock opens a step, and the tenant closes it."""
    work = workspace()
    work.now = lambda: datetime(2026, 11, 1, tzinfo=UTC)
    lasting = INSTALLATION.replace(', contents = "write"', "").rstrip().removesuffix("}")
    block = '  permission "contents" {\n    access     = "write"\n    expires_at = "2026-12-01"\n  }\n}\n'
    work.write(lasting + block)
    outcome = work.apply()
    assert outcome.errors == []
    assert work.plan().plan.is_empty
    work.now = lambda: datetime(2026, 12, 1, tzinfo=UTC)
    (change,) = [one for one in work.plan().plan.changes if one.manual is not None]
    assert (change.clock, change.reason) == (True, "block_expired")
    assert "contents from write to none" in change.manual.instructions
    assert any("one hour" in quirk for quirk in change.quirks)
    tenant.setter(_installation, "permissions", {"metadata": "read", "issues": "write"})(
        work.state.resources["github_app_installation.drift"].current()
    )
    assert all(one.manual is None for one in work.plan().plan.changes)


GRANT = """
import {
  to = github_personal_access_token_grant.deploy
  id = "701"
}

resource "github_personal_access_token_grant" "deploy" {
  owner      = "j.doe"
  token_name = "deploy"
}
"""


def test_a_token_grant_is_revoked_when_its_declaration_goes(world, workspace):
    """It cannot be made by API; taking the block away revokes it."""
    work = workspace(APP)
    work.write(GRANT)
    assert not work.apply().errors
    assert work.plan().plan.is_empty
    work.write("")
    outcome = work.apply()
    assert [result.status for result in outcome.applied.results] == ["done"], outcome.applied
    assert [grant["id"] for grant in world.organization["token_grants"]] == [702]


def test_an_exclusive_collection_denies_requests_and_revokes_grants(world, workspace):
    """Nothing but what is declared may be there."""
    work = workspace(APP)
    work.write(
        'collection "github_personal_access_token_request" "none" {\n  mode = "exclusive"\n}\n'
        'collection "github_personal_access_token_grant" "none" {\n  mode = "exclusive"\n}\n'
    )
    outcome = work.apply()
    assert not outcome.errors
    assert outcome.applied.count("done") == 3, outcome.applied
    assert world.organization["token_requests"] == []
    assert world.organization["token_grants"] == []
    assert work.plan().plan.is_empty


WHOLE = """
resource "github_organization_settings" "acme" {
  default_repository_permission = "read"
}

resource "github_organization_webhook" "siem" {
  url = "https://siem.example/new"
}

resource "github_deploy_key" "ci" {
  repository = "api"
  title      = "ci"
  key        = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABN"
}

collection "github_organization_webhook" "all" {
  mode = "exclusive"
}

collection "github_deploy_key" "all" {
  mode = "exclusive"
}

collection "github_personal_access_token_grant" "all" {
  mode = "exclusive"
}
"""


def test_without_a_read_scope_no_write_is_added(tenant, world, workspace):
    """A scope that is missing takes writes away, and never adds one."""
    from contextlib import contextmanager

    @contextmanager
    def without(permission):
        name = permission.partition("=")[0]
        before = world.vendor.dump()
        content = copy.deepcopy(before)
        app = next(i for i in content["organizations"][0]["installations"] if i["app_id"] == 303)
        app["permissions"].pop(name, None)
        world.sandbox.reseed({"github": content})
        yield
        world.sandbox.reseed({"github": before})

    work = workspace(APP)
    work.write(WHOLE)
    scopes = sorted({scope for kind in KINDS.values() for scope in kind.permissions.read})
    assert len(scopes) >= 5
    plan = work.plan().plan
    assert len(plan.active) >= 6
    ladder.never_wider_without(work, scopes, without)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", status=500, method="GET", times=2),
        Fault(kind="status", status=502, method="POST"),
        Fault(kind="torn", method="GET"),
        Fault(kind="lost", method="POST"),
        Fault(kind="lost", method="PATCH"),
        Fault(kind="lost", method="DELETE"),
        Fault(kind="torn", method="POST"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.method} {fault.status}",
)
def test_a_fault_ends_in_the_declared_state(fault, world, workspace):
    """Whatever answer is lost, a run or two later everything is as declared, and nothing was made twice."""
    work = workspace(APP)
    work.write(WHOLE)
    world.sandbox.faults.add(fault)
    for _ in range(3):
        work.apply()
        outcome = work.plan()
        if outcome.plan is not None and not outcome.plan.active:
            break
    assert outcome.plan is not None, outcome.errors
    assert not outcome.plan.active, [change.name for change in outcome.plan.active]
    assert len(world.organization["hooks"]) == 1
    made = [
        c for c in world.calls.entries if c.method == "POST" and c.committed and "hooks" in c.path
    ]
    assert len(made) == 1


def test_destroy_leaves_a_singleton_as_it_is(world, workspace):
    """Settings are no longer managed; they are not reset."""
    work = workspace()
    work.write(
        'resource "github_organization_settings" "acme" {\n'
        '  default_repository_permission = "none"\n}\n'
    )
    assert not work.apply().errors
    outcome = work.apply(Options(destroy=True))
    assert not outcome.errors
    assert world.organization["settings"]["default_repository_permission"] == "none"
    assert work.state.resources == {}
