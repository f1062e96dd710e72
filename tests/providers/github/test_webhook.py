import pytest

from perimeter.sandbox.faults import Fault
from perimeter.sdk import Direction, Forbidden, InvokeRequest, NotFound, Retryable, Unknown

from .world import APP, FINE, MEMBER, SMALL_APP, seed, world_of

SECRET = "whsec-0f3a9c2b7d"


@pytest.fixture
def hooks(acting):
    return acting("organization_webhook")


def test_list(hooks):
    objects = hooks.objects()
    assert objects["601"] == {
        "id": "601",
        "url": "https://siem.example/github",
        "content_type": "form",
        "insecure_ssl": False,
        "events": ["*"],
        "active": True,
        "secret_set": True,
        "created_at": "2021-02-03T04:05:06Z",
        "updated_at": "2021-02-03T04:05:06Z",
    }
    assert objects["602"]["insecure_ssl"] is True
    assert objects["602"]["secret_set"] is False


def test_create_sends_defaults_and_the_secret(hooks, world):
    made = hooks.create(url="https://new.example/h", secret=SECRET, secret_version="1")
    stored = world.organization["hooks"][-1]
    assert (stored["secret"], stored["events"], stored["active"]) == (SECRET, ["push"], True)
    shown = hooks.read(made.id).attributes
    assert shown["secret_set"] is True
    assert SECRET not in repr(shown) + repr(made)
    assert "secret" not in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", "https://other.example/x"),
        ("content_type", "json"),
        ("insecure_ssl", True),
        ("events", ["issues", "member"]),
        ("active", False),
    ],
)
def test_each_change_is_made_alone_and_keeps_the_secret(hooks, world, name, value):
    before = hooks.read("601").attributes
    hooks.update("601", **{name: value})
    after = hooks.read("601").attributes
    assert after[name] == value
    same = {key for key in before if before[key] == after[key]}
    assert set(before) - same <= {name, "updated_at"}
    assert world.organization["hooks"][0]["secret"] == "s3"


def test_changes_of_configuration_and_events_keep_the_secret(hooks, world):
    hooks.update("601", url="https://other.example/x", events=["push"], active=False)
    stored = world.organization["hooks"][0]
    assert (stored["url"], stored["events"], stored["active"], stored["secret"]) == (
        "https://other.example/x",
        ["push"],
        False,
        "s3",
    )


def test_a_new_secret_travels_in_one_call(hooks, world):
    hooks.update("601", secret=SECRET, secret_version="2")
    assert world.organization["hooks"][0]["secret"] == SECRET
    hooks.update("601", secret="third-secret", secret_version="3", events=["push"])
    assert world.organization["hooks"][0]["secret"] == "third-secret"
    hooks.update("601", secret="third-secret", active=False)
    [*_, last] = world.calls.committed(method="PATCH")
    assert last.path == "/orgs/acme/hooks/601"
    assert world.organization["hooks"][0]["secret"] == "third-secret"
    assert len(world.calls.committed(method="PATCH")) == 3


def test_delete(hooks):
    hooks.delete("602")
    assert set(hooks.objects()) == {"601"}
    assert hooks.read("602") is None
    with pytest.raises(NotFound):
        hooks.delete("602")


def test_lost_answer_leaves_one_candidate(hooks, world):
    """Nothing names a webhook: what the list shows afterwards, compared by ``match``, tells."""
    before = set(hooks.objects())
    world.sandbox.faults.add(Fault(kind="lost", method="POST", path="/orgs/*"))
    wanted = {"url": "https://new.example/h", "events": ["push", "issues"]}
    with pytest.raises(Retryable) as caught:
        hooks.create(**wanted)
    assert caught.value.committed is None
    assert len(world.calls.committed(method="POST")) == 1
    [appeared] = [item for number, item in hooks.objects().items() if number not in before]
    defaults = {"content_type": "form", "insecure_ssl": False, "active": True}
    expected = {**defaults, "url": wanted["url"], "events": sorted(wanted["events"])}
    assert {name: appeared[name] for name in hooks.kind.identity.match} == expected


@pytest.mark.parametrize(
    ("token", "needs"), [(SMALL_APP, "organization_hooks=read"), (MEMBER, "admin:org_hook")]
)
def test_hidden_hooks_are_not_absent_hooks(acting, token, needs):
    """GitHub answers 404 where a classic token lacks the scope."""
    hooks = acting("organization_webhook", token)
    for call in (hooks.list, lambda: hooks.read("601")):
        with pytest.raises(Forbidden) as caught:
            call()
        assert caught.value.needs == needs


def test_reading_token_cannot_write(acting):
    with pytest.raises(Forbidden) as caught:
        acting("organization_webhook", FINE).create(url="https://x.example")
    assert caught.value.needs == "organization_hooks=write"


def test_apps_can_do_it_too(acting):
    hooks = acting("organization_webhook", APP)
    made = hooks.create(url="https://x.example/")
    hooks.delete(made.id)


def test_direction(hooks):
    before = hooks.read("601").attributes

    def judged(old=before, **changes):
        return hooks.kind.direction(hooks.transition(old, {**old, **changes}))

    assert hooks.kind.direction(hooks.transition(None, before)) is Direction.WIDENS
    assert hooks.kind.direction(hooks.transition(before, None)) is Direction.NARROWS
    assert judged(url="https://elsewhere.example") is Direction.WIDENS
    assert judged(insecure_ssl=True) is Direction.WIDENS
    assert judged(active=False) is Direction.NARROWS
    assert judged(events=["push"]) is Direction.NARROWS
    assert judged({**before, "events": ["push"]}, events=["*"]) is Direction.WIDENS
    assert judged({**before, "events": ["push"]}, events=["push", "member"]) is Direction.WIDENS
    assert judged(content_type="json") is Direction.NEUTRAL
    assert judged(events=Unknown()) is Direction.UNKNOWN


def test_names_show_no_token_of_the_address(hooks):
    attributes = hooks.read("602").attributes
    assert hooks.kind.describe(attributes) == '"https://chat.example/hook"'
    [facet] = hooks.kind.facets(attributes)
    assert "token=abc" not in repr(facet)
    assert len(facet.risk) == 2


def test_quirks(hooks):
    """The ping of a new webhook, and the secret that an update may cost."""
    ping, loss = hooks.kind.quirks
    before = hooks.read("601").attributes
    made = hooks.transition(None, before)
    moved = hooks.transition(before, {**before, "url": "https://x.example"})
    fewer = hooks.transition(before, {**before, "events": ["push"]})
    unsigned = {**before, "secret_set": False}
    harmless = hooks.transition(unsigned, {**unsigned, "events": ["push"]})
    assert [ping.applies(one) for one in (made, moved, fewer)] == [True, False, False]
    assert [loss.applies(one) for one in (made, moved, fewer, harmless)] == [
        False,
        False,
        True,
        False,
    ]


def test_validation(hooks):
    config = {"url": "ftp://x.example", "events": []}
    assert {path for path, _ in hooks.kind.validate(config)} == {("url",), ("events",)}
    [(path, _)] = hooks.kind.validate({"url": "https://me:pw@x.example"})
    assert path == ("url",)


def test_many_hooks_come_in_pages(tmp_path):
    content = seed()
    content["organizations"][0]["hooks"] = [{"url": f"https://h{n}.example"} for n in range(230)]
    with world_of(content, tmp_path) as world:
        from .conftest import Acting

        hooks = Acting(world, "organization_webhook", APP)
        world.calls.clear()
        assert len(hooks.objects()) == 230
        assert world.calls.count(path="*/hooks") == 3


def test_a_ping_is_sent_once_per_invocation(hooks, world):
    """``github_webhook_ping``; what is not there, or not ours to ping, is said so."""
    ping = world.provider.actions["github_webhook_ping"]
    request = InvokeRequest(tenant=hooks.tenant, config={"webhook": "601"})
    assert ping.invoke(hooks.client, request).request_id
    assert len(world.organization["hooks"][0]["pings"]) == 1
    with pytest.raises(NotFound):
        ping.invoke(hooks.client, InvokeRequest(tenant=hooks.tenant, config={"webhook": "999"}))
    assert [path for path, _ in ping.validate({"webhook": "x"})] == [("webhook",)]
    small = world.connect(SMALL_APP, write=True)
    with pytest.raises((Forbidden, NotFound)):
        ping.invoke(small, request)
