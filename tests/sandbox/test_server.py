import threading
import time
from http.client import HTTPConnection, HTTPException, IncompleteRead

import pytest

from perimeter.sandbox.faults import Fault
from perimeter.sandbox.server import Sandbox

from .conftest import Notes


def test_vendor_is_served_below_its_name(sandbox, ask):
    """The vendor sees the decoded path below its root, the query, and the root for its links."""
    reply = ask("GET", "/notes/a%20b?q=x%26y")
    assert reply.status == 200
    assert reply.data == {"notes": ["one"], "query": {"q": "x&y"}, "base": sandbox.url("notes")}
    assert reply.headers["content-type"].startswith("application/json")
    assert reply.headers["date"] == "Thu, 01 Jan 1970 00:16:40 GMT"
    assert reply.headers["x-left"] == "7"
    assert [call.path for call in sandbox.calls.entries] == ["/a b"]


def test_unknown_vendor_is_named(ask):
    reply = ask("GET", "/nobody/x")
    assert reply.status == 404
    assert "notes" in reply.data["message"]


def test_connection_is_kept_and_calls_are_quick(sandbox, ask):
    """100 calls on one connection take far less than the 40 ms each of a delayed acknowledgement."""
    connection = HTTPConnection("127.0.0.1", sandbox.port)
    started = time.perf_counter()
    for _ in range(100):
        assert ask("POST", "/notes/n", "x", keep=connection).status == 201
    connection.close()
    assert time.perf_counter() - started < 2
    assert sandbox.calls.count(method="POST", path="/n") == 100


def test_head_and_204_carry_no_body(sandbox, ask):
    connection = HTTPConnection("127.0.0.1", sandbox.port)
    assert ask("HEAD", "/notes/n", keep=connection).text == b""
    assert ask("DELETE", "/notes/n", keep=connection).status == 204
    assert ask("GET", "/notes/n", keep=connection).data["notes"] == []
    connection.close()


def test_unmodified_answers_304(ask):
    first = ask("GET", "/notes/n")
    same = ask("GET", "/notes/n", headers={"If-None-Match": first.headers["etag"]})
    assert (same.status, same.text) == (304, b"")
    assert same.headers["x-left"] == "7"
    ask("POST", "/notes/n", "two")
    changed = ask("GET", "/notes/n", headers={"If-None-Match": first.headers["etag"]})
    assert changed.status == 200
    assert changed.headers["etag"] != first.headers["etag"]


def test_log_tells_writes_from_reads(sandbox, ask):
    """Committed are writes that succeeded; a POST that reads is none."""
    ask("GET", "/notes/n")
    ask("POST", "/notes/search", "x")
    ask("POST", "/notes/n", "x")
    assert [call.committed for call in sandbox.calls.entries] == [False, False, True]
    assert [call.seq for call in sandbox.calls.entries] == [1, 2, 3]
    assert len(sandbox.calls.committed(path="/n")) == 1


def test_status_fault_is_answered_in_the_vendors_words_without_handling(sandbox, ask):
    sandbox.faults.add(Fault(kind="status", status=503, method="POST", after=1, times=2))
    statuses = [ask("POST", "/notes/n", "x").status for _ in range(4)]
    assert statuses == [201, 503, 503, 201]
    assert sandbox.vendors["notes"].notes == ["one", "x", "x"]
    assert [call.status for call in sandbox.calls.entries] == [201, 0, 0, 201]
    sandbox.faults.add(Fault(kind="status", status=500, times=-1))
    assert ask("GET", "/notes/n").data == {"code": 500, "path": "/n"}


def test_lost_answer_is_committed_and_logged(sandbox, ask):
    sandbox.faults.add(Fault(kind="lost", method="POST"))
    with pytest.raises((HTTPException, OSError)):
        ask("POST", "/notes/n", "x")
    assert sandbox.vendors["notes"].notes == ["one", "x"]
    [call] = sandbox.calls.entries
    assert (call.committed, call.fault, call.status) == (True, "lost", 201)


def test_torn_answer_ends_in_the_middle(sandbox, ask):
    sandbox.faults.add(Fault(kind="torn"))
    with pytest.raises(IncompleteRead):
        ask("GET", "/notes/n")


def test_timeout_hangs_without_handling(sandbox, ask):
    sandbox.faults.add(Fault(kind="timeout", seconds=0.05))
    with pytest.raises((HTTPException, OSError)):
        ask("POST", "/notes/n", "x")
    assert sandbox.vendors["notes"].notes == ["one"]
    assert sandbox.calls.entries[0].committed is False


def test_latency_adds_to_another_fault(sandbox, ask):
    sandbox.faults.add(Fault(kind="latency", seconds=0.05, times=-1))
    sandbox.faults.add(Fault(kind="status", status=502))
    started = time.monotonic()
    assert ask("GET", "/notes/n").status == 502
    assert time.monotonic() - started >= 0.05
    assert ask("GET", "/notes/n").status == 200


def test_stop_ends_hanging_calls_at_once():
    sandbox = Sandbox({"notes": Notes({"notes": []}, time.time)}).start()
    sandbox.faults.add(Fault(kind="timeout", seconds=60))

    def hang():
        connection = HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/notes/n")
        with pytest.raises((HTTPException, OSError)):
            connection.getresponse()
        connection.close()

    port = sandbox.port
    thread = threading.Thread(target=hang)
    thread.start()
    while sandbox.faults.pending:
        time.sleep(0.005)
    started = time.monotonic()
    sandbox.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert time.monotonic() - started < 3


def test_exchange_is_seen_before_the_client_goes_on(sandbox, ask):
    seen = []
    sandbox.on_exchange = lambda name, request, response: seen.append((name, response.status))
    ask("POST", "/notes/n", "x")
    assert seen == [("notes", 201)]


def test_bug_in_a_vendor_is_a_500_and_is_kept(sandbox, ask):
    assert ask("GET", "/notes/boom").status == 500
    assert "RuntimeError: boom" in sandbox.problems.pop()


def test_body_without_length_is_refused(sandbox, ask):
    assert ask("POST", "/notes/n", headers={"Transfer-Encoding": "chunked"}).status == 411


def test_calls_of_many_threads_are_all_handled(sandbox, ask):
    threads = [
        threading.Thread(target=lambda: [ask("POST", "/notes/n", "x") for _ in range(20)])
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sandbox.vendors["notes"].notes) == 101
    assert [call.seq for call in sandbox.calls.entries] == list(range(1, 101))
