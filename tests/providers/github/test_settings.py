import pytest

from perimeter.sdk import (
    Administrator,
    Direction,
    LockoutRequest,
    Mode,
    Reason,
    Unknown,
    Unseen,
)

from .world import APP, MEMBER, SMALL_APP

FLAGS = (
    "members_can_create_public_repositories",
    "members_can_create_private_repositories",
    "members_can_create_internal_repositories",
    "members_can_create_pages",
    "members_can_create_public_pages",
    "members_can_create_private_pages",
    "members_can_fork_private_repositories",
    "deploy_keys_enabled_for_repositories",
    "web_commit_signoff_required",
)


@pytest.fixture
def settings(acting):
    return acting("organization_settings")


def test_singleton_has_the_tenants_id(settings):
    [item] = settings.list().objects
    assert item.id == settings.tenant.id == "7001"
    assert item.attributes["login"] == "acme"
    assert item.attributes["default_repository_permission"] == "read"
    assert settings.read("7001").attributes == item.attributes


def test_every_managed_attribute_round_trips(settings):
    managed = {
        name
        for name, attribute in settings.kind.schema.attributes.items()
        if attribute.optional and attribute.mode is Mode.MANAGED
    }
    assert managed == {
        *FLAGS,
        "members_can_create_repositories",
        "default_repository_permission",
    }
    for name in FLAGS:
        old = settings.read("7001").attributes[name]
        for value in (not old, old):
            settings.update("7001", **{name: value})
            assert settings.read("7001").attributes[name] is value, name
    for value in ("none", "write", "admin", "read"):
        settings.update("7001", default_repository_permission=value)
        assert settings.read("7001").attributes["default_repository_permission"] == value


def test_switches_that_move_together_are_sent_together(settings, world):
    """Somebody forbids all repositories; one update brings the exact old picture back."""
    before = settings.read("7001").attributes
    stored = world.organization["settings"]
    stored.update(dict.fromkeys((n for n in stored if "can_create_" in n), False))
    settings.update(
        "7001", **{name: before[name] for name in FLAGS[:3]}, members_can_create_repositories=True
    )
    after = settings.read("7001").attributes
    for name in ("members_can_create_repositories", *FLAGS[:3]):
        assert after[name] == before[name]


@pytest.mark.parametrize("token", [MEMBER, SMALL_APP])
def test_settings_are_unseen_without_the_right(acting, token):
    [item] = acting("organization_settings", token).list().objects
    hidden = item.attributes["two_factor_requirement_enabled"]
    assert isinstance(hidden, Unseen)
    assert hidden.reason is Reason.FORBIDDEN
    assert hidden.needs in {"admin:org", "organization_administration=read"}


def test_app_reads_and_writes(acting):
    settings = acting("organization_settings", APP)
    settings.update("7001", web_commit_signoff_required=True)
    assert settings.read("7001").attributes["web_commit_signoff_required"] is True


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("default_repository_permission", "read", "write", Direction.WIDENS),
        ("default_repository_permission", "admin", "none", Direction.NARROWS),
        ("default_repository_permission", "read", "custom", Direction.UNKNOWN),
        ("members_can_create_public_repositories", False, True, Direction.WIDENS),
        ("members_can_fork_private_repositories", True, False, Direction.NARROWS),
        ("web_commit_signoff_required", False, True, Direction.NARROWS),
        ("two_factor_requirement_enabled", False, True, Direction.NARROWS),
        ("two_factor_requirement_enabled", True, False, Direction.WIDENS),
        ("members_can_create_pages", True, Unknown(), Direction.UNKNOWN),
    ],
)
def test_direction(settings, name, old, new, expected):
    before = {**settings.read("7001").attributes, name: old}
    after = {**before, name: new}
    assert settings.kind.direction(settings.transition(before, after)) is expected


def test_second_factor_is_a_manual_step(settings):
    before = settings.read("7001").attributes
    wanted = {**before, "two_factor_requirement_enabled": True}
    step = settings.kind.manual(settings.transition(before, wanted))
    assert step.url == "https://github.com/organizations/acme/settings/security"
    assert step.paths == ("two_factor_requirement_enabled",)
    assert "require two-factor authentication for everyone" in step.instructions
    [quirk] = [q for q in settings.kind.quirks if q.applies(settings.transition(before, wanted))]
    assert "second factor" in quirk.summary


def test_other_console_settings_are_on_another_page(settings):
    before = settings.read("7001").attributes
    wanted = {**before, "members_can_invite_outside_collaborators": False}
    step = settings.kind.manual(settings.transition(before, wanted))
    assert step.url.endswith("/organizations/acme/settings/member_privileges")
    assert "forbid members inviting outside collaborators" in step.instructions
    written = {**before, "members_can_create_pages": False}
    assert settings.kind.manual(settings.transition(before, written)) is None


def test_lockout_is_of_owners_without_a_factor(settings, world):
    people = world.provider.administrators(settings.client, settings.tenant)
    assert {(p.login, p.factors, p.caller) for p in people} == {
        ("a.tan", True, True),
        ("m.ruiz", False, False),
    }
    before = settings.read("7001").attributes
    unknown = Administrator(id="9", login="x", factors=None)
    wanted = settings.transition(before, {**before, "two_factor_requirement_enabled": True})
    effect = settings.kind.lockout(
        LockoutRequest(transition=wanted, administrators=(*people, unknown))
    )
    assert (effect.lost, effect.uncertain) == (frozenset({"2"}), frozenset({"9"}))
    other = settings.transition(before, {**before, "members_can_create_pages": False})
    effect = settings.kind.lockout(LockoutRequest(transition=other, administrators=people))
    assert not effect.lost


def test_app_does_not_see_owners_factors(world):
    """The filter by second factor is for owners; what is not seen is not assumed."""
    client = world.connect(APP)
    people = world.provider.administrators(client, world.tenant(client))
    assert {(p.login, p.factors) for p in people} == {("a.tan", None), ("m.ruiz", None)}


def test_validation_finds_contradictions(settings):
    validate = settings.kind.validate
    first = "members_can_create_repositories"
    [(path, _)] = validate({first: False, FLAGS[0]: True})
    assert path == (FLAGS[0],)
    [(path, _)] = validate({first: True, FLAGS[0]: False, FLAGS[1]: False})
    assert path == (first,)
    assert list(validate({first: Unknown(), FLAGS[0]: True})) == []


def test_import_key(settings):
    assert settings.kind.import_key("ACME", settings.tenant) == {"id": "7001"}
    with pytest.raises(ValueError, match="acme"):
        settings.kind.import_key("other", settings.tenant)


def test_facet(settings):
    [facet] = settings.kind.facets(settings.read("7001").attributes)
    assert facet.requires_factor is False
    assert facet.risk
