import pytest

from perimeter.sandbox.control import SandboxClient
from perimeter.sandbox.faults import Fault
from perimeter.sandbox.rates import Bucket
from perimeter.sandbox.seeds import SeedError, read_seed, vendors_of

from .conftest import Notes


def test_bucket_refuses_until_its_window_ends():
    bucket = Bucket("core", 3, 60)
    taken = [bucket.take(100.0 + second) for second in range(4)]
    assert [one.allowed for one in taken] == [True, True, True, False]
    assert [one.remaining for one in taken] == [2, 1, 0, 0]
    assert {one.reset for one in taken} == {160.0}
    assert bucket.peek(159.9).allowed is False
    assert bucket.take(160.0).remaining == 2


def test_bucket_takes_points():
    bucket = Bucket("graphql", 10, 60)
    assert bucket.take(0.0, cost=7).remaining == 3
    assert bucket.take(0.0, cost=7).remaining == 0
    assert bucket.take(0.0).allowed is False


def test_seed_is_shown_and_replaced(sandbox):
    client = SandboxClient(sandbox.root)
    assert client.seed() == {"notes": {"notes": ["one"]}}
    client.reseed({"notes": {"notes": ["two", "three"]}})
    assert client.seed() == {"notes": {"notes": ["two", "three"]}}


@pytest.mark.parametrize(
    ("seed", "says"),
    [
        ({"nobody": {}}, 'nobody" cannot be emulated'),
        ({"notes": {}}, "lacks 'notes'"),
        ({"notes": []}, "must be a JSON object"),
    ],
)
def test_bad_seed_changes_nothing(sandbox, seed, says):
    client = SandboxClient(sandbox.root)
    with pytest.raises(SeedError, match=says):
        client.reseed({"notes": {"notes": ["new"]}, **seed})
    assert client.seed() == {"notes": {"notes": ["one"]}}


def test_faults_and_calls_by_the_control_endpoint(sandbox, ask):
    client = SandboxClient(sandbox.root)
    client.add_fault(Fault(kind="status", status=502, path="/n"))
    assert ask("GET", "/notes/n").status == 502
    client.add_fault(Fault(kind="status", times=-1))
    client.clear_faults()
    assert ask("GET", "/notes/n").status == 200
    assert [(call["path"], call["status"]) for call in client.calls()] == [("/n", 0), ("/n", 200)]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"kind": "earthquake"}, "no fault"),
        ({"kind": "lost", "colour": "red"}, "colour"),
        ({"kind": "lost", "times": "many"}, "times"),
        ({"kind": "status", "status": 200}, "from 400"),
        ({}, "needs a"),
        ([], "JSON object"),
    ],
)
def test_bad_fault_says_why(ask, fault, says):
    reply = ask("POST", "/_sandbox/faults", fault)
    assert reply.status == 422
    assert says in reply.data["message"]


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}])
def test_web_pages_do_not_control_the_sandbox(sandbox, ask, headers):
    assert ask("PUT", "/_sandbox/seed", {"notes": {"notes": []}}, headers).status == 403
    assert sandbox.dump() == {"notes": {"notes": ["one"]}}


def test_client_says_when_nobody_is_there(sandbox):
    root = sandbox.root
    sandbox.stop()
    with pytest.raises(SeedError, match="perimeter sandbox up"):
        SandboxClient(root).seed()


def test_seed_files_that_cannot_be_read(tmp_path):
    with pytest.raises(SeedError, match="No such file"):
        read_seed(tmp_path / "none.json")
    for text, says in (("{", "not JSON"), ("[]", "must hold a JSON object")):
        (tmp_path / "seed.json").write_text(text)
        with pytest.raises(SeedError, match=says):
            read_seed(tmp_path / "seed.json")


def test_vendors_come_from_the_given_makers():
    vendors = vendors_of({"notes": {"notes": ["a"]}}, lambda: 5.0, {"notes": Notes})
    assert vendors["notes"].dump() == {"notes": ["a"]}
