"""The emulated GitHub by itself: its manners on the wire."""

import json
from urllib.request import Request as Call
from urllib.request import urlopen

import pytest

from perimeter.sandbox.wire import Request
from perimeter_github.sandbox.vendor import GitHub as Vendor

from .world import APP, FINE, MEMBER, OWNER, SMALL_APP, public_key, seed

NOW = 1_790_000_000.25


@pytest.fixture
def clock():
    return [NOW]


@pytest.fixture
def vendor(clock):
    return Vendor(seed(), lambda: clock[0])


def ask(vendor, method, path, body=None, *, token=OWNER, query=None, **headers):
    given = {"user-agent": "tests", **{k.replace("_", "-"): v for k, v in headers.items()}}
    if token:
        given["authorization"] = f"Bearer {token}"
    request = Request(
        method=method,
        path=path,
        query=query or {},
        headers=given,
        body=b"" if body is None else json.dumps(body).encode(),
        base_url="http://127.0.0.1:1/github",
    )
    return vendor.handle(request)


def graph(vendor, query, token=OWNER, **variables):
    body = {"query": query, "variables": variables}
    return ask(vendor, "POST", "/graphql", body, token=token)


def test_strangers_are_refused(vendor):
    for token, message in ((None, "Requires authentication"), ("x", "Bad credentials")):
        answer = ask(vendor, "GET", "/orgs/acme", token=token)
        assert (answer.status, answer.body["message"]) == (401, message)
        assert answer.body["status"] == "401"
        assert answer.body["documentation_url"].startswith("https://docs.github.com")
        assert answer.headers["X-GitHub-Request-Id"]


def test_callers_name_themselves_and_a_known_version(vendor):
    request = Request(method="GET", path="/orgs/acme", headers={"authorization": f"token {OWNER}"})
    assert vendor.handle(request).status == 403
    assert ask(vendor, "GET", "/orgs/acme", x_github_api_version="1999-01-01").status == 400


def test_malformed_json(vendor):
    headers = {"user-agent": "t", "authorization": f"Bearer {OWNER}"}
    request = Request(method="POST", path="/orgs/acme/hooks", headers=headers, body=b"{")
    answer = vendor.handle(request)
    assert (answer.status, answer.body["message"]) == (400, "Problems parsing JSON")


@pytest.mark.parametrize(
    ("token", "path", "status"),
    [
        (OWNER, "/orgs/acme/hooks", 200),
        (MEMBER, "/orgs/acme/hooks", 404),
        (FINE, "/orgs/acme/hooks", 200),
        (SMALL_APP, "/orgs/acme/hooks", 403),
        (MEMBER, "/orgs/acme/installations", 403),
        (OWNER, "/orgs/acme/personal-access-tokens", 403),
        (FINE, "/orgs/acme/personal-access-tokens", 403),
        (APP, "/orgs/acme/personal-access-tokens", 200),
        (APP, "/user", 403),
        (APP, "/app", 403),
        (OWNER, "/orgs/nobody", 404),
        (OWNER, "/nothing", 404),
    ],
)
def test_rights(vendor, token, path, status):
    answer = ask(vendor, "GET", path, token=token)
    assert answer.status == status
    if status == 403 and path.startswith("/orgs"):
        assert answer.headers["X-Accepted-GitHub-Permissions"]


def test_classic_tokens_show_their_scopes(vendor):
    answer = ask(vendor, "GET", "/orgs/acme/hooks")
    assert answer.headers["X-OAuth-Scopes"] == "admin:org, admin:org_hook, repo"
    assert answer.headers["X-Accepted-OAuth-Scopes"] == "admin:org_hook"
    assert "X-OAuth-Scopes" not in ask(vendor, "GET", "/orgs/acme/hooks", token=APP).headers


def test_writing_needs_more_than_reading(vendor):
    hook = {"name": "web", "config": {"url": "https://x.example"}}
    assert ask(vendor, "POST", "/orgs/acme/hooks", hook, token=FINE).status == 403
    assert ask(vendor, "POST", "/orgs/acme/hooks", hook).status == 201


def test_pages(vendor):
    first = ask(vendor, "GET", "/orgs/acme/hooks", query={"per_page": "1"})
    assert len(first.body) == 1
    root = "http://127.0.0.1:1/github/orgs/acme/hooks?per_page=1&page="
    assert first.headers["Link"] == f'<{root}2>; rel="next", <{root}2>; rel="last"'
    second = ask(vendor, "GET", "/orgs/acme/hooks", query={"per_page": "1", "page": "2"})
    assert 'rel="next"' not in second.headers["Link"]
    assert "Link" not in ask(vendor, "GET", "/orgs/acme/hooks").headers


def test_unmodified_costs_nothing(vendor):
    first = ask(vendor, "GET", "/orgs/acme/hooks")
    again = ask(vendor, "GET", "/orgs/acme/hooks", if_none_match=first.headers["ETag"])
    assert again.status == 304
    assert again.body is None
    left = "X-RateLimit-Remaining"
    assert again.headers[left] == first.headers[left] == "4999"
    ask(vendor, "DELETE", "/orgs/acme/hooks/602")
    changed = ask(vendor, "GET", "/orgs/acme/hooks", if_none_match=first.headers["ETag"])
    assert changed.status == 200


def test_primary_limit(clock):
    content = seed()
    content["limits"] = {"core": {"limit": 2, "window": 60}}
    vendor = Vendor(content, lambda: clock[0])
    answers = [ask(vendor, "GET", "/orgs/acme") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 403]
    refused = answers[2]
    assert "rate limit exceeded" in refused.body["message"]
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert refused.headers["X-RateLimit-Resource"] == "core"
    assert ask(vendor, "GET", "/orgs/acme", token=APP).status == 200
    clock[0] = int(refused.headers["X-RateLimit-Reset"])
    assert ask(vendor, "GET", "/orgs/acme").status == 200


def test_secondary_limit(clock):
    content = seed()
    content["limits"] = {"content": {"limit": 1, "window": 60}}
    vendor = Vendor(content, lambda: clock[0])
    hook = {"name": "web", "config": {"url": "https://x.example"}}
    assert ask(vendor, "POST", "/orgs/acme/hooks", hook).status == 201
    refused = ask(vendor, "POST", "/orgs/acme/hooks", hook)
    assert refused.status == 403
    assert "secondary rate limit" in refused.body["message"]
    clock[0] += int(refused.headers["Retry-After"])
    assert ask(vendor, "POST", "/orgs/acme/hooks", hook).status == 201


def test_expired_installation_tokens_are_refused(clock):
    content = seed()
    content["tokens"][3]["expires_at"] = "2026-09-21T14:13:20Z"
    vendor = Vendor(content, lambda: clock[0])
    clock[0] = 1_789_999_000
    assert ask(vendor, "GET", "/orgs/acme", token=APP).status == 200
    clock[0] = 1_790_000_001
    assert ask(vendor, "GET", "/orgs/acme", token=APP).status == 401


def test_changing_config_of_a_hook_without_the_secret_drops_it(vendor):
    """As GitHub's earlier description says; the provider has to work around it."""
    body = {"config": {"url": "https://siem.example/github"}}
    answer = ask(vendor, "PATCH", "/orgs/acme/hooks/601", body)
    assert "secret" not in answer.body["config"]


@pytest.mark.parametrize(
    ("key", "says"),
    [("nonsense", "OpenSSH public key format"), (public_key(1), "already in use")],
)
def test_refused_keys(vendor, key, says):
    answer = ask(vendor, "POST", "/repos/acme/api/keys", {"title": "t", "key": key})
    assert answer.status == 422
    assert says in answer.body["errors"][0]["message"]


def test_deploy_keys_can_be_disabled(vendor):
    ask(vendor, "PATCH", "/orgs/acme", {"deploy_keys_enabled_for_repositories": False})
    answer = ask(vendor, "POST", "/repos/acme/api/keys", {"key": public_key(5)})
    assert answer.status == 422
    [key, *_] = ask(vendor, "GET", "/repos/acme/api/keys").body
    assert key["enabled"] is False


def test_approved_request_becomes_a_grant(vendor):
    path = "/orgs/acme/personal-access-token-requests/801"
    assert ask(vendor, "POST", path, {"action": "approve"}, token=APP).status == 204
    grants = ask(vendor, "GET", "/orgs/acme/personal-access-tokens", token=APP).body
    assert grants[0]["token_name"] == "new"
    assert ask(vendor, "POST", path, {"action": "deny"}, token=APP).status == 404


def test_graph_aliases_fragments_variables_and_directives(vendor):
    query = """
    query Q($login: String!, $more: Boolean = false, $size: Int = 1) {
      here: organization(login: $login) { ...Names, databaseId @include(if: $more) }
      viewer { __typename login @skip(if: true) }
    }
    fragment Names on Organization {
      login # a comment
      repositories(first: $size, orderBy: {field: NAME, direction: DESC}) {
        totalCount pageInfo { hasNextPage } edges { node { ... on Repository { name } } }
      }
    }
    """
    answer = graph(vendor, query, login="ACME")
    assert answer.body == {
        "data": {
            "here": {
                "login": "acme",
                "repositories": {
                    "totalCount": 3,
                    "pageInfo": {"hasNextPage": True},
                    "edges": [{"node": {"name": "billing"}}],
                },
            },
            "viewer": {"__typename": "User"},
        }
    }


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("{ organization(login: $x) { nope } }", "NOT_FOUND"),
        ('{ organization(login: "acme") { nope } }', "doesn't exist on type 'Organization'"),
        ('{ organization(login: "acme") }', "must have selections"),
        ('{ organization(login: "acme") { repositories { totalCount } } }', "`first` or `last`"),
        (
            '{ organization(login: "acme") { repositories(first: 101) { totalCount } } }',
            "limit of 100",
        ),
        ("query Q($a: ID!) { viewer { login } }", "$a"),
        ("mutation { x }", "mutation"),
        ("{ viewer { login }", "Unexpected end"),
        ("", "No operation"),
        ("{ viewer { ...Lost } }", "Lost"),
        ("{ viewer { ...A } } fragment A on User { ...A }", "contains itself"),
    ],
)
def test_graph_errors(vendor, query, says):
    answer = graph(vendor, query)
    assert answer.status == 200
    assert says in json.dumps(answer.body["errors"])


def test_graph_forbids_keys_and_nulls_the_repository(vendor):
    query = '{ organization(login: "acme") { repositories(first: 1) { nodes { name deployKeys(first: 1) { totalCount } } } } }'
    answer = graph(vendor, query, token=SMALL_APP)
    assert answer.body["data"] == {"organization": {"repositories": {"nodes": [None]}}}
    [error] = answer.body["errors"]
    assert error["type"] == "FORBIDDEN"
    assert error["path"] == ["organization", "repositories", "nodes", 0, "deployKeys"]


def test_graph_price(vendor, clock):
    query = """query Q($n: Int!) { rateLimit { cost nodeCount remaining limit }
      organization(login: "acme") { repositories(first: $n) { nodes {
        deployKeys(first: 100) { nodes { title } } } } } }"""
    assert graph(vendor, query, n=100).body["data"]["rateLimit"] == {
        "cost": 1,
        "nodeCount": 10_100,
        "remaining": 4999,
        "limit": 5000,
    }
    content = seed()
    content["limits"] = {"graphql": {"limit": 1, "window": 60}}
    small = Vendor(content, lambda: clock[0])
    assert "data" in graph(small, query, n=1).body
    refused = graph(small, query, n=1)
    assert (refused.status, refused.body["errors"][0]["type"]) == (200, "RATE_LIMITED")
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert refused.headers["X-RateLimit-Resource"] == "graphql"


def test_small_seed_is_completed_and_kept():
    content = {"organizations": [{"login": "tiny", "repositories": [{"name": "r"}]}]}
    vendor = Vendor(content, lambda: NOW)
    dumped = vendor.dump()
    assert dumped["organizations"][0]["settings"]["default_repository_permission"] == "read"
    assert Vendor(dumped, lambda: NOW).dump() == dumped
    assert content == {"organizations": [{"login": "tiny", "repositories": [{"name": "r"}]}]}


def test_found_as_an_installed_vendor(world):
    """The server hosts it below its name, and the control endpoint shows its seed."""
    call = Call(
        world.sandbox.url("github") + "/orgs/acme", headers={"Authorization": f"token {OWNER}"}
    )
    with urlopen(call) as answer:
        assert json.load(answer)["id"] == 7001
        assert answer.headers["Date"]
    world.sandbox.reseed({"github": {"organizations": []}})
    assert world.sandbox.dump()["github"]["organizations"] == []
