import pytest

from perimeter.sdk import App, Direction, Forbidden, Grant, Unseen, Unsupported

from .world import APP, MEMBER, OWNER, SMALL_APP


@pytest.fixture
def apps(acting):
    return acting("app_installation")


def test_list(apps, world):
    world.calls.clear()
    objects = apps.objects()
    assert world.calls.count() == 1
    drift = objects["48213377"]
    assert drift["app_slug"] == "drift-chat"
    assert drift["permissions"] == {"metadata": "read", "issues": "write", "contents": "write"}
    assert drift["html_url"].endswith("/organizations/acme/settings/installations/48213377")
    assert (drift["suspended"], objects["48213378"]["suspended"]) == (False, True)
    assert drift["repositories"] is None
    assert "repositories" not in objects["48213378"]


def test_owner_sees_selected_repositories(apps):
    assert apps.hydrate("48213378") == {"48213378": {"repositories": ["Website"]}}
    assert apps.read("48213378").attributes["repositories"] == ["Website"]
    assert apps.read("1") is None


def test_app_sees_only_its_own_repositories(acting, world):
    for installation in world.organization["installations"][1:]:
        installation.update(repository_selection="selected", repositories=["api", "billing"])
    [own] = world.vendor._content.data["apps"]
    key, own["public_key"] = _key_pair()
    config = {"app": {"id": "303", "installation_id": "48213379", "private_key": key}}
    apps = acting("app_installation", APP)
    apps.client = world.connect(config=config, write=True)
    found = apps.hydrate("48213378", "48213379")
    assert found["48213379"] == {"repositories": ["api", "billing"]}
    assert isinstance(found["48213378"]["repositories"], Unseen)


def _key_pair():
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    public = key.public_key().public_bytes(
        forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


@pytest.mark.parametrize(
    ("token", "needs"), [(SMALL_APP, "organization_administration=read"), (MEMBER, "admin:org")]
)
def test_unseen_without_the_right(acting, token, needs):
    with pytest.raises(Forbidden) as caught:
        acting("app_installation", token).list()
    assert caught.value.needs == needs


def test_nothing_is_written_by_api(apps):
    with pytest.raises(Unsupported):
        apps.create(app_slug="x")
    with pytest.raises(Unsupported):
        apps.delete("48213377")


def test_manual_step_of_a_change(apps):
    before = apps.read("48213377").attributes
    after = {
        **before,
        "permissions": {"metadata": "read", "issues": "write", "members": "read"},
        "repository_selection": "selected",
        "repositories": ["website"],
    }
    step = apps.kind.manual(apps.transition(before, after))
    assert step.url == "https://github.com/organizations/acme/settings/installations/48213377"
    assert '"Only select repositories" and "website"' in step.instructions
    assert "contents from write to none" in step.instructions
    assert "members from none to read" in step.instructions
    assert set(step.paths) == {"permissions", "repository_selection", "repositories"}


def test_manual_steps_of_creation_suspension_and_removal(apps):
    before = apps.read("48213377").attributes
    made = apps.kind.manual(apps.transition(None, {"app_slug": "new-app"}))
    assert made.url == "https://github.com/apps/new-app/installations/new"
    gone = apps.kind.manual(apps.transition(before, None))
    assert "Uninstall" in gone.instructions
    assert gone.url == before["html_url"]
    paused = apps.kind.manual(apps.transition(before, {**before, "suspended": True}))
    assert "Suspend" in paused.instructions


def test_direction(apps):
    before = apps.read("48213377").attributes

    def judged(**changes):
        return apps.kind.direction(apps.transition(before, {**before, **changes}))

    assert judged(permissions={"metadata": "read"}) is Direction.NARROWS
    assert judged(permissions={**before["permissions"], "members": "read"}) is Direction.WIDENS
    assert judged(permissions={"metadata": "read", "members": "read"}) is Direction.WIDENS
    assert judged(permissions={"metadata": "superb"}) is Direction.UNKNOWN
    assert judged(repository_selection="selected", repositories=["a"]) is Direction.NARROWS
    assert judged(suspended=True) is Direction.NARROWS
    assert judged(events=["issues", "push"]) is Direction.WIDENS
    assert judged() is Direction.NEUTRAL
    some = {**before, "repository_selection": "selected", "repositories": ["a"]}
    more = {**some, "repositories": ["a", "b"]}
    assert apps.kind.direction(apps.transition(some, more)) is Direction.WIDENS
    assert apps.kind.direction(apps.transition(some, before)) is Direction.WIDENS


def test_facets_tell_what_an_app_can_do(apps):
    objects = apps.objects()
    app, grant = apps.kind.facets(objects["48213377"])
    assert isinstance(app, App)
    assert isinstance(grant, Grant)
    assert app.risk == ("can write code in every repository",)
    assert "contents:write" in grant.scopes
    suspended, _ = apps.kind.facets(objects["48213378"])
    assert (suspended.suspended, suspended.risk) == (True, ())
    assert apps.kind.describe(objects["48213377"]) == '"drift-chat"'


def test_import_key(apps):
    assert apps.kind.import_key("48213377", apps.tenant) == {"id": "48213377"}
    assert apps.kind.import_key("drift-chat", apps.tenant) == {"app_slug": "drift-chat"}


def test_classic_owner(world):
    tenant = world.tenant(world.connect(OWNER))
    assert tenant.edition == "enterprise"
    assert "admin:org" in tenant.scopes


def test_a_permission_for_a_while_stands_in_place_of_the_lasting_one(apps):
    fold, lasting = apps.kind.fold, {"metadata": "read", "contents": "read"}
    blocks = [{"name": "contents", "access": "write"}, {"name": "issues", "access": "read"}]
    whole = fold({"app_slug": "x", "permissions": lasting, "permission": blocks})
    assert whole["permissions"] == {"metadata": "read", "contents": "write", "issues": "read"}
    assert fold({"permissions": lasting, "permission": []}) == {"permissions": lasting}
    left = fold({"permission": blocks})
    assert [path for path, _ in apps.kind.validate(left)] == [("permission",)]
    assert not list(apps.kind.validate(whole))


def test_the_hour_that_tokens_last_is_announced_where_reach_is_lost(apps):
    before = apps.read("48213377").attributes
    (quirk,) = apps.kind.quirks

    def announced(**changes):
        return quirk.applies(apps.transition(before, {**before, **changes}))

    assert "one hour" in quirk.summary
    assert announced(permissions={"metadata": "read"})
    assert announced(suspended=True)
    assert announced(repository_selection="selected", repositories=["a"])
    assert not announced(permissions={**before["permissions"], "members": "read"})
    assert not quirk.applies(apps.transition(before, None))
