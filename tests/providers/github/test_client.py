import gzip
import json
import time

import pytest

from perimeter.sandbox.faults import Fault
from perimeter.sdk import ConnectRequest, DataRequest, Fatal, ListRequest, NotFound, Unauthenticated
from perimeter_github.deploy_key import LIST_QUERY, more_query
from tests.specs import specs_dir

from .test_installation import _key_pair
from .world import APP, OWNER, public_key, seed, world_of


def _list(world, client, name):
    request = ListRequest(tenant=world.tenant(client))
    return world.kind(name).list(client, request)


def test_tenant_is_the_immutable_id(world):
    tenant = world.tenant(world.connect())
    assert (tenant.id, tenant.name, tenant.caller) == ("7001", "acme", "a.tan")


def test_unknown_organization_and_refused_token(world):
    with pytest.raises(Unauthenticated):
        world.tenant(world.connect("ghp_wrong"))
    config = {"token": OWNER, "organization": "nobody"}
    with pytest.raises(Fatal, match='no organisation "nobody"'):
        world.tenant(world.connect(config=config))


def test_no_credential_is_never_anonymous(world):
    with pytest.raises(Fatal, match="GITHUB_TOKEN"):
        world.connect(config={})
    assert world.calls.count() == 0


def test_token_from_the_environment(world):
    client = world.connect(config={}, environment={"GITHUB_TOKEN": OWNER + "\n"})
    assert world.tenant(client).id == "7001"


def test_reader_cannot_write(world):
    client = world.connect(write=False)
    world.calls.clear()
    with pytest.raises(Fatal):
        client.http.patch(client.path(), {})
    mutation = {"query": "mutation { addStar(input: {}) { clientMutationId } }"}
    with pytest.raises(Fatal):
        client.http.post_read("/graphql", mutation)
    assert world.calls.count() == 0


def test_second_observe_of_another_process_gets_304s(world):
    """A new client finds the cache in the file; confirmed lists cost no allowance."""
    names = ("organization_webhook", "app_installation", "organization_settings")
    first = world.connect()
    shown = [_list(world, first, name) for name in names]
    first.close()
    spent = _core(world)
    world.calls.clear()
    second = world.connect()
    assert [_list(world, second, name) for name in names] == shown
    statuses = [call.status for call in world.calls.entries if call.path != "/user"]
    assert set(statuses) == {304}
    assert _core(world) == spent
    assert second.http.counts.not_modified == len(world.calls.entries)


def _core(world):
    return world.vendor._limits.bucket("user a.tan", "core").peek(time.time()).used


def test_cache_holds_no_secret(world):
    client = world.connect(APP)
    world.organization["hooks"][0]["secret"] = "whsec-canary"
    listing = _list(world, client, "organization_webhook")
    client.close()
    files = list((world.directory / ".perimeter" / "cache").iterdir())
    content = b"".join(file.read_bytes() for file in files)
    assert b"siem.example" in content
    for secret in (b"whsec-canary", APP.encode(), b"********"):
        assert secret not in content
    assert "whsec-canary" not in repr(listing)


def test_changed_list_is_read_again(world):
    client = world.connect()
    assert len(_list(world, client, "organization_webhook").objects) == 2
    world.organization["hooks"].pop()
    assert len(_list(world, client, "organization_webhook").objects) == 1


def test_app_gets_and_renews_its_token(tmp_path):
    content = seed()
    key, content["apps"][0]["public_key"] = _key_pair()
    content["tokens"] = []
    with world_of(content, tmp_path) as world:
        config = {"app": {"id": "303", "installation_id": "48213379"}}
        environment = {"GITHUB_APP_PRIVATE_KEY": key.replace("\n", "\\n")}
        client = world.connect(config=config, environment=environment)
        tenant = world.tenant(client)
        assert (tenant.caller, tenant.caller_credential) == ("app perimeter", "48213379")
        assert tenant.scopes is None
        assert len(_list(world, client, "personal_access_token_grant").objects) == 2
        assert world.calls.count(path="*/access_tokens") == 1
        assert world.calls.committed() == ()
        world.vendor._content.data["tokens"].clear()
        assert len(_list(world, client, "organization_webhook").objects) == 2
        assert world.calls.count(path="*/access_tokens") == 2


def test_app_key_from_a_file(world, tmp_path):
    key, public = _key_pair()
    world.vendor._content.data["apps"][0]["public_key"] = public
    app = {"id": "303", "installation_id": "48213379", "pem_file": "app.pem"}
    with pytest.raises(Fatal, match="cannot be read"):
        world.connect(config={"app": app})
    (tmp_path / "app.pem").write_text(key)
    assert world.tenant(world.connect(config={"app": app})).id == "7001"


def test_wrong_app_key_is_refused_without_showing_it(world):
    key, _ = _key_pair()
    world.vendor._content.data["apps"][0]["public_key"] = _key_pair()[1]
    app = {"id": "303", "installation_id": "48213379", "private_key": key}
    with pytest.raises(Unauthenticated) as caught:
        world.tenant(world.connect(config={"app": app}))
    assert key.splitlines()[1] not in str(caught.value)


def test_missing_app_key(world):
    with pytest.raises(Fatal, match="GITHUB_APP_PRIVATE_KEY"):
        world.connect(config={"app": {"id": "303", "installation_id": "1"}})


def test_burst_beyond_the_allowance_waits_and_fails_nothing(tmp_path):
    """15 calls against 10 every two seconds: all succeed, and the wait is told."""
    content = seed()
    content["limits"] = {"core": {"limit": 10, "window": 2}}
    with world_of(content, tmp_path) as world:
        client = world.connect(share=1.0)
        for _ in range(15):
            client.http.get("/orgs/acme/hooks", {"per_page": 100}, fresh=True)
        assert [call.status for call in world.calls.entries].count(200) == 15
        assert world.waits


def test_secondary_limit_is_waited_for(tmp_path):
    content = seed()
    content["limits"] = {"content": {"limit": 2, "window": 2}}
    with world_of(content, tmp_path) as world:
        client = world.connect(write=True)
        for n in range(3):
            body = {"title": "k", "key": public_key(900 + n), "read_only": True}
            client.http.post("/repos/acme/api/keys", body)
        assert len(world.calls.committed()) == 3
        assert any(call.status == 403 for call in world.calls.entries)
        assert world.waits


def test_used_up_graphql_points_are_waited_for(tmp_path):
    content = seed()
    content["limits"] = {"graphql": {"limit": 2, "window": 1}}
    with world_of(content, tmp_path) as world:
        client = world.connect()
        for _ in range(3):
            assert len(_list(world, client, "deploy_key").objects) == 3


def test_failure_in_the_middle_of_paging_is_no_part(tmp_path):
    content = seed()
    content["organizations"][0]["hooks"] = [{"url": f"https://h{n}.example"} for n in range(150)]
    with world_of(content, tmp_path) as world:
        client = world.connect()
        world.sandbox.faults.add(Fault(kind="status", status=502, path="*/hooks", after=1))
        assert len(_list(world, client, "organization_webhook").objects) == 150


def test_data_sources(world):
    client = world.connect()
    tenant = world.tenant(client)
    sources = world.provider.data_sources

    def read(source, **config):
        return sources[source].read(client, DataRequest(tenant=tenant, config=config))

    assert read("github_repository", name="website") == {
        "name": "website",
        "id": "12",
        "full_name": "acme/Website",
        "visibility": "public",
        "default_branch": "main",
        "archived": False,
    }
    with pytest.raises(NotFound):
        read("github_repository", name="none")
    assert read("github_organization")["id"] == "7001"
    for source in sources.values():
        assert set(source.schema.attributes) == set(
            read(source.name, **({"name": "api"} if "repository" in source.name else {}))
        )


def test_enterprise_server_has_its_graph_elsewhere(tmp_path):
    from perimeter_github.client import connect

    config = {
        "organization": "acme",
        "token": "t0ken-of-ghes",
        "base_url": "https://g.example/api/v3/",
    }
    client = connect(ConnectRequest(config=config, base_dir=str(tmp_path)), read_only=True)
    assert client.graph == "https://g.example/api/graphql"
    client.close()


@pytest.mark.parametrize("document", [LIST_QUERY, more_query(3)])
def test_queries_follow_githubs_own_schema(document):
    graphql = pytest.importorskip("graphql")
    folder = specs_dir()
    if folder is None:
        pytest.skip("the vendors' descriptions are not on this machine")
    text = gzip.decompress((folder / "github" / "schema.graphql.gz").read_bytes()).decode()
    schema = graphql.build_schema(text, assume_valid=True)
    assert graphql.validate(schema, graphql.parse(document)) == []


def test_seed_survives_a_round_trip(world):
    """What is dumped restores the same tenant."""
    from perimeter_github.sandbox.vendor import GitHub as Vendor

    client = world.connect(write=True)
    client.http.delete("/orgs/acme/hooks/601")
    dumped = json.loads(json.dumps(world.vendor.dump()))
    again = Vendor(dumped, time.time)
    assert again.dump() == dumped
    assert [hook["id"] for hook in dumped["organizations"][0]["hooks"]] == [602]
