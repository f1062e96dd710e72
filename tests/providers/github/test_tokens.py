import pytest

from perimeter.sdk import Direction, Forbidden, NotFound, Unsupported

from .world import OWNER, SMALL_APP

TYPES = {
    "personal_access_token_grant": ("701", "organization_personal_access_tokens"),
    "personal_access_token_request": ("801", "organization_personal_access_token_requests"),
}


@pytest.fixture
def grants(acting):
    return acting("personal_access_token_grant")


@pytest.fixture
def requests(acting):
    return acting("personal_access_token_request")


def test_grants(grants):
    objects = grants.objects()
    assert set(objects) == {"701", "702"}
    assert objects["701"]["owner"] == "j.doe"
    assert objects["701"]["permissions"] == {"repository": {"contents": "write"}}
    assert objects["702"]["token_expired"] is True
    assert objects["702"]["repositories"] is None
    assert grants.hydrate("701") == {"701": {"repositories": ["api"]}}
    assert grants.read("701").attributes["repositories"] == ["api"]
    assert grants.read("999") is None


def test_revoking(grants, world):
    assert grants.delete("701")
    assert set(grants.objects()) == {"702"}
    with pytest.raises(NotFound):
        grants.delete("701")
    assert len(world.calls.committed(method="POST")) == 1


def test_requests_are_denied(requests, grants):
    [item] = requests.objects().values()
    assert (item["owner"], item["reason"], item["token_name"]) == ("j.doe", "release", "new")
    requests.delete("801")
    assert requests.objects() == {}
    assert set(grants.objects()) == {"701", "702"}


@pytest.mark.parametrize("name", TYPES)
def test_no_personal_token_may_read_them(acting, name):
    """GitHub takes apps only; a classic token learns what would be needed."""
    _, permission = TYPES[name]
    with pytest.raises(Forbidden) as caught:
        acting(name, OWNER).list()
    assert caught.value.needs == f"a GitHub App with {permission}=read"
    with pytest.raises(Forbidden) as caught:
        acting(name, SMALL_APP).list()
    assert caught.value.needs == f"{permission}=read"


@pytest.mark.parametrize("name", TYPES)
def test_only_owners_make_tokens(acting, name):
    tokens = acting(name)
    number, _ = TYPES[name]
    with pytest.raises(Unsupported):
        tokens.create(owner="x", token_name="y")
    before = tokens.read(number).attributes
    made = tokens.kind.manual(tokens.transition(None, before))
    assert before["owner"] in made.instructions
    changed = {**before, "repository_selection": "none"}
    step = tokens.kind.manual(tokens.transition(before, changed))
    assert step.paths == ("repository_selection",)
    assert tokens.kind.manual(tokens.transition(before, None)) is None


def test_direction(grants, requests):
    before = grants.read("701").attributes

    def judged(**changes):
        return grants.kind.direction(grants.transition(before, {**before, **changes}))

    assert grants.kind.direction(grants.transition(before, None)) is Direction.NARROWS
    assert judged(permissions={}) is Direction.NARROWS
    more = {**before["permissions"], "organization": {"members": "read"}}
    assert judged(permissions=more) is Direction.WIDENS
    assert judged(repository_selection="all") is Direction.WIDENS
    assert judged(repositories=["api", "billing"]) is Direction.WIDENS
    asked = requests.read("801").attributes
    assert requests.kind.direction(requests.transition(asked, None)) is Direction.NEUTRAL


def test_words(grants, requests):
    attributes = grants.read("701").attributes
    assert grants.kind.describe(attributes) == '"deploy" of j.doe'
    assert grants.kind.origin(attributes) == "approved 2021-02-03, last used 2026-10-01"
    [facet] = grants.kind.facets(attributes)
    assert facet.risk == ("can write code in selected repositories", "never expires")
    [asked] = requests.kind.facets(requests.read("801").attributes)
    assert asked.active is False
    [quirk] = grants.kind.quirks
    assert quirk.applies(grants.transition(attributes, None))


def test_import_key(grants):
    assert grants.kind.import_key("701", grants.tenant) == {"id": "701"}
    with pytest.raises(ValueError, match="no number"):
        grants.kind.import_key("deploy", grants.tenant)
