import pytest

from perimeter.sandbox.faults import Fault
from perimeter.sdk import Direction, Forbidden, Invalid, NotFound, Retryable, Unknown, Unseen

from .world import APP, MEMBER, OWNER, SMALL_APP, public_key, seed, world_of


@pytest.fixture
def keys(acting):
    return acting("deploy_key")


def _id(objects, title):
    return next(number for number, item in objects.items() if item["title"] == title)


def test_list_shows_all_keys_in_one_call(keys, world):
    world.calls.clear()
    objects = keys.objects()
    assert world.calls.count() == world.calls.count(path="/graphql") == 1
    assert {(item["full_name"], item["title"]) for item in objects.values()} == {
        ("acme/api", "legacy-ci"),
        ("acme/api", "deploy"),
        ("acme/billing", "export"),
    }
    number = _id(objects, "legacy-ci")
    assert number == f"api/{objects[number]['fingerprint']}"
    assert objects[number] == {
        "id": number,
        "repository": "api",
        "full_name": "acme/api",
        "title": "legacy-ci",
        "key": public_key(1),
        "fingerprint": objects[number]["fingerprint"],
        "read_only": False,
        "created_at": "2023-04-02T09:00:00Z",
        "verified": True,
        "enabled": True,
    }


def test_a_thousand_repositories_cost_ten_calls(tmp_path):
    """Keys of 1,000 repositories take 10 queries, and 2 more for a repository with 250 keys."""
    content = seed()
    repositories = [
        {"name": f"r{n}", "keys": [{"key": public_key(10_000 + n), "title": "k"}]}
        for n in range(999)
    ]
    many = [{"key": public_key(n + 100), "title": f"k{n}"} for n in range(250)]
    repositories.append({"name": "busy", "keys": many})
    content["organizations"][0]["repositories"] = repositories
    with world_of(content, tmp_path) as world:
        client = world.connect()
        tenant = world.tenant(client)
        from perimeter.sdk import ListRequest

        listing = world.kind("deploy_key").list(client, ListRequest(tenant=tenant))
        assert listing.complete
        assert len({item.id for item in listing.objects}) == 999 + 250
        assert world.calls.count(path="/graphql") == 12
        [budget] = [one for one in client.http.budget() if one.bucket == "graphql"]
        assert budget.limit - budget.remaining == 12


def test_hydrate_adds_what_only_rest_shows(keys, world):
    number = _id(keys.objects(), "legacy-ci")
    world.calls.clear()
    assert keys.hydrate(number) == {
        number: {"key_id": "501", "added_by": "j.doe", "last_used": None}
    }
    assert world.calls.count(path="/repos/*") == 1


def test_read_shows_the_same_as_list_and_hydrate(keys):
    for number, listed in keys.objects().items():
        assert dict(keys.read(number).attributes) == {**listed, **keys.hydrate(number)[number]}
    assert keys.read("api/SHA256:none") is None
    assert keys.read("gone/SHA256:none") is None


def test_create_and_delete(keys, world):
    made = keys.create(repository="WEBSITE", title="pages", key=public_key(9) + " me@laptop")
    assert made.request_id
    shown = keys.read(made.id).attributes
    assert (shown["key"], shown["read_only"], shown["title"]) == (public_key(9), True, "pages")
    assert made.id in keys.objects()
    assert keys.delete(made.id)
    assert keys.read(made.id) is None
    with pytest.raises(NotFound):
        keys.delete(made.id)
    assert len(world.calls.committed(method="DELETE")) == 1


def test_the_same_key_is_refused_twice(keys):
    """This is why a create whose answer was lost is recognised by the key."""
    with pytest.raises(Invalid, match="already in use"):
        keys.create(repository="billing", title="again", key=public_key(1))


def test_lost_answer_says_that_nobody_knows(keys, world):
    world.sandbox.faults.add(Fault(kind="lost", method="POST", path="/repos/*"))
    with pytest.raises(Retryable) as caught:
        keys.create(repository="api", title="x", key=public_key(8))
    assert caught.value.committed is None
    assert len(world.calls.committed(method="POST")) == 1
    assert "x" in {item["title"] for item in keys.objects().values()}


def test_renamed_and_recreated_repositories_do_not_hide_absence(keys, world):
    """Deleted key in a repository that is still there: surely absent."""
    number = _id(keys.objects(), "export")
    world.organization["repositories"][2]["keys"].clear()
    assert keys.read(number) is None


@pytest.mark.parametrize(
    ("token", "needs"), [(SMALL_APP, "administration=read"), (MEMBER, "the token of an owner")]
)
def test_without_the_right_nothing_is_known(acting, token, needs):
    keys = acting("deploy_key", token)
    with pytest.raises(Forbidden) as caught:
        keys.list()
    assert caught.value.needs == needs
    with pytest.raises(Forbidden) as caught:
        keys.read("api/SHA256:x")
    assert caught.value.needs == needs


def test_keys_that_are_not_shown_make_the_list_incomplete(acting, world):
    """An admin of one repository sees its keys; those of the others are unseen, not absent."""
    world.organization["repositories"][2]["admins"] = ["j.doe"]
    keys = acting("deploy_key", MEMBER)
    listing = keys.list()
    assert [item.attributes["title"] for item in listing.objects] == ["export"]
    assert not listing.complete
    assert listing.unseen.needs == "the token of an owner"
    assert "2 repositories" in listing.unseen.detail


def test_app_that_sees_some_repositories_does_not_take_others_for_gone(acting, world):
    number = next(iter(acting("deploy_key").objects()))
    installation = world.organization["installations"][2]
    installation.update(repository_selection="selected", repositories=["billing"])
    keys = acting("deploy_key", APP)
    assert {item["repository"] for item in keys.objects().values()} == {"billing"}
    with pytest.raises(Forbidden):
        keys.read(number)


def test_direction(keys):
    objects = keys.objects()
    before = objects[_id(objects, "deploy")]

    def judged(**changes):
        return keys.kind.direction(keys.transition(before, {**before, **changes}))

    assert keys.kind.direction(keys.transition(None, before)) is Direction.WIDENS
    assert keys.kind.direction(keys.transition(before, None)) is Direction.NARROWS
    assert judged(read_only=False) is Direction.WIDENS
    assert judged(title="other") is Direction.NEUTRAL
    assert judged(key=public_key(77)) is Direction.WIDENS
    assert judged(key=public_key(2) + " comment") is Direction.NEUTRAL
    assert judged(repository="API") is Direction.NEUTRAL
    assert judged(read_only=Unknown()) is Direction.UNKNOWN


def test_names_origin_and_facets(keys):
    number = _id(keys.objects(), "legacy-ci")
    attributes = keys.read(number).attributes
    assert keys.kind.describe(attributes) == '"legacy-ci" on acme/api'
    assert keys.kind.origin(attributes) == "added by j.doe 2023-04-02, last used never"
    [facet] = keys.kind.facets(attributes)
    assert facet.risk == ("can write code in acme/api",)
    assert keys.kind.origin({**attributes, "last_used": Unseen()}) == "added by j.doe 2023-04-02"


def test_plan_knows_the_fingerprint(keys):
    after = {"key": public_key(1), "fingerprint": Unknown(), "id": Unknown()}
    planned = keys.kind.plan(keys.transition(None, after))
    assert planned["fingerprint"].startswith("SHA256:")
    assert isinstance(planned["id"], Unknown)


def test_validation(keys):
    private = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc"
    problems = dict(keys.kind.validate({"key": private, "repository": "acme/api"}))
    assert "private key" in problems[("key",)]
    assert "abc" not in problems[("key",)]
    assert ("repository",) in problems
    assert dict(keys.kind.validate({"key": "ssh-rsa nonsense", "repository": "api"})) != {}
    assert list(keys.kind.validate({"key": public_key(4), "repository": Unknown()})) == []


def test_import_key(keys):
    number = next(iter(keys.objects()))
    assert keys.kind.import_key(f"acme/{number}", keys.tenant) == {"id": number}
    with pytest.raises(ValueError, match="fingerprint"):
        keys.kind.import_key("api", keys.tenant)


def test_owner_token_is_the_default(world):
    assert world.tenant(world.connect(OWNER)).caller == "a.tan"
