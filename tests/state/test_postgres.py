"""PostgreSQL: what a lost session, a lost server and others' locks do, on a real server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from perimeter.state.errors import StateError
from perimeter.state.lockinfo import LockError, new_lock_info
from perimeter.state.model import Output, Record, State
from perimeter.state.postgres import PostgresBackend
from tests.servers.postgres import PostgresServer, postgres_server
from tests.servers.processes import Unavailable


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with ExitStack() as stack:
        try:
            running = stack.enter_context(postgres_server())
        except Unavailable as problem:
            pytest.skip(str(problem))
        yield running


class World:
    """Backends on one schema, as different machines would have them."""

    def __init__(self, server: PostgresServer, schema: str) -> None:
        self.server = server
        self.schema = schema
        self.made: list[PostgresBackend] = []

    def __call__(self, workspace: str = "default", **options: Any) -> PostgresBackend:
        options.setdefault("patience", 20.0)
        made = PostgresBackend(self.server.conninfo, self.schema, workspace, **options)
        self.made.append(made)
        return made

    def sql(self, text: str, *values: Any) -> list[Any]:
        import psycopg

        with psycopg.connect(self.server.conninfo, autocommit=True) as connection:
            cursor = connection.execute(text.replace("SCHEMA", f'"{self.schema}"'), values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def cut(self) -> None:
        """End every session of perimeter's at the server."""
        self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ '^perimeter '"
        )


@pytest.fixture
def world(server: PostgresServer, request: pytest.FixtureRequest) -> Iterator[World]:
    found = World(server, f"s{abs(hash(request.node.name)) % 10**12}")
    yield found
    for backend in found.made:
        backend.close()


def state(serial: int = 1, value: str = "x") -> State:
    return State(serial=serial, lineage="l", outputs={"o": Output(value=value)})


def record(sequence: int, run: str = "r") -> Record:
    return Record(sequence=sequence, previous="", lineage="l", base_serial=0, run=run)


def refused(caught: pytest.ExceptionInfo[StateError]) -> str:
    return caught.value.diagnostic.summary


def test_reading_makes_no_tables(world: World) -> None:
    backend = world()
    assert backend.load().state == State()
    assert backend.registry().load() == (b"", "")
    assert backend.versions() == ()
    assert list(backend.evidence_lines()) == []
    assert world.sql("SELECT 1 FROM pg_namespace WHERE nspname = %s", world.schema) == []


def test_two_workspaces_of_a_schema_do_not_meet(world: World) -> None:
    one, other = world("one"), world("other")
    with one.lock(new_lock_info("apply", "")), other.lock(new_lock_info("apply", "")):
        one.write_state(state(1, "one"), "")
        other.write_state(state(7, "other"), "")
        one.append(record(1))
    assert world("one").load().records == (record(1),)
    assert world("other").load().records == ()
    assert world("other").load().state == state(7, "other")
    assert one.workspaces() == ("one", "other")
    one.delete()
    assert other.workspaces() == ("other",)
    assert one.load().state == State()


def test_the_lock_is_seen_by_others_and_ends_with_its_session(world: World) -> None:
    """A killed run leaves a row; whoever comes next takes over and says from whom."""
    dead = world()
    info = new_lock_info("OperationTypeApply", "p")
    dead.lock(info)
    with pytest.raises(LockError) as caught:
        world().lock(new_lock_info("OperationTypePlan", "p"))
    assert caught.value.holder == info
    assert f"force-unlock {info.id}" in caught.value.diagnostic.detail
    world.cut()
    dead.close()
    with world().lock(new_lock_info("OperationTypePlan", "p")) as lock:
        assert lock.taken_over == info
    assert world.sql("SELECT * FROM SCHEMA.locks") == []


def test_waiting_for_the_lock_ends_when_it_is_released(world: World) -> None:
    first = world().lock(new_lock_info("apply", ""))
    told: list[Any] = []
    timer = threading.Timer(0.4, first.release)
    timer.start()
    with world().lock(
        new_lock_info("apply", ""), timeout=10, waiting=lambda who, _: told.append(who)
    ):
        assert told[0] == first.info
    timer.join()


def test_a_lost_session_is_replaced_if_nobody_had_the_lock_meanwhile(world: World) -> None:
    backend = world()
    with backend.lock(new_lock_info("apply", "")):
        etag = backend.write_state(state(1), "")
        world.cut()
        etag = backend.write_state(state(2), etag)
        world.cut()
        backend.append(record(1))
        with pytest.raises(LockError):
            world().lock(new_lock_info("apply", ""))
    assert world().load().state == state(2)
    world().lock(new_lock_info("apply", "")).release()


@pytest.mark.parametrize("what", ["state", "journal", "clear", "evidence"])
def test_a_holder_whose_lock_others_took_writes_nothing(world: World, what: str) -> None:
    """Though its own session could write: the row names another."""
    slow = world()
    slow.lock(new_lock_info("apply", "slow"))
    etag = slow.write_state(state(1), "")
    slow.append(record(1))
    world.cut()
    fast = world()
    with fast.lock(new_lock_info("apply", "fast")):
        calls = {
            "state": lambda: slow.write_state(state(2), etag),
            "journal": lambda: slow.append(record(2)),
            "clear": lambda: slow.clear_records(1),
            "evidence": lambda: slow.append_evidence(b"{}\n"),
        }
        with pytest.raises(LockError) as caught:
            calls[what]()
        assert refused(caught) == "State lock lost"
        assert "fast" in caught.value.diagnostic.detail
    held = world().load()
    assert held.state == state(1)
    assert held.records == (record(1),)
    assert world().evidence_tail() == b""


def test_a_lock_removed_by_force_is_lost_to_its_holder(world: World) -> None:
    stuck = world()
    info = new_lock_info("apply", "")
    lock = stuck.lock(info)
    stuck.append(record(1))
    other = world()
    with pytest.raises(LockError, match="Failed to unlock"):
        other.force_unlock("nonsense")
    other.force_unlock(info.id)
    with pytest.raises(LockError, match="State lock lost"):
        stuck.append(record(2))
    with other.lock(new_lock_info("apply", "")):
        other.append(record(2, "other"))
    lock.release()
    with pytest.raises(LockError, match="not locked"):
        other.force_unlock(info.id)
    assert [item.run for item in world().load().records] == ["r", "other"]


def test_a_server_that_is_gone_for_a_while_is_waited_for(world: World) -> None:
    backend = world()
    with backend.lock(new_lock_info("apply", "")):
        etag = backend.write_state(state(1), "")
        world.server.stop()
        starter = threading.Timer(1.0, world.server.start)
        starter.start()
        backend.write_state(state(2), etag)
        starter.join()
        backend.append_evidence(b"after\n")
    assert world().load().state == state(2)
    assert world().evidence_tail() == b"after"


def test_a_server_that_stays_away_becomes_a_diagnostic(world: World) -> None:
    backend = world(patience=0.5)
    backend.lock(new_lock_info("apply", ""))
    backend.append(record(1))
    world.server.stop()
    try:
        start = time.monotonic()
        with pytest.raises(StateError) as caught:
            backend.append(record(2))
        assert time.monotonic() - start < 10
        assert refused(caught) == "Could not write the journal"
        assert "the next run looks up" in caught.value.diagnostic.detail
        with pytest.raises(StateError, match="Could not read state"):
            world().load()
    finally:
        world.server.start()
    assert world().load().records == (record(1),)


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("what", ["state", "journal", "evidence", "registry"])
def test_a_commit_whose_answer_is_lost_is_looked_up(
    world: World, monkeypatch: pytest.MonkeyPatch, what: str, committed: bool
) -> None:
    """Neither done twice nor taken for done: what lies there decides."""
    import psycopg

    backend = world()
    with backend.lock(new_lock_info("apply", "")):
        etag = backend.write_state(state(1), "")
        backend.append_evidence(b"first\n")
        registered = backend.registry().write(b"one", "")
        real = psycopg.transaction.Transaction.__exit__
        cuts = []

        def cut(self: Any, *exception: Any) -> Any:
            mine = self.connection.info.backend_pid
            if not cuts and exception[0] is None:
                cuts.append(mine)
                if not committed:
                    world.sql("SELECT pg_terminate_backend(%s)", mine)
                real(self, *exception)
                self.connection.close()
                raise psycopg.OperationalError("the connection is lost")
            return real(self, *exception)

        monkeypatch.setattr(psycopg.transaction.Transaction, "__exit__", cut)
        if what == "state":
            backend.write_state(state(2), etag)
        elif what == "journal":
            backend.append(record(1))
        elif what == "evidence":
            backend.append_evidence(b"second\nthird\n")
        else:
            backend.registry().write(b"two", registered)
        monkeypatch.undo()
        assert cuts
    fresh = world()
    if what == "state":
        assert fresh.load().state == state(2)
    elif what == "journal":
        assert fresh.load().records == (record(1),)
    elif what == "evidence":
        assert list(fresh.evidence_lines()) == [b"first\n", b"second\n", b"third\n"]
    else:
        assert fresh.registry().load()[0] == b"two"


def test_evidence_rows_can_be_neither_changed_nor_removed(world: World) -> None:
    import psycopg

    backend = world()
    backend.append_evidence(b"one\ntwo\n")
    for text in (
        "DELETE FROM SCHEMA.evidence",
        "UPDATE SCHEMA.evidence SET line = ''",
        "TRUNCATE SCHEMA.evidence",
    ):
        with pytest.raises(psycopg.errors.RaiseException, match="only ever added to"):
            world.sql(text)
    backend.delete()
    assert list(world().evidence_lines()) == [b"one\n", b"two\n"]


def test_many_evidence_lines_come_page_by_page(world: World) -> None:
    lines = [b"%d\n" % number for number in range(2500)]
    world().append_evidence(b"".join(lines))
    assert list(world().evidence_lines()) == lines


def test_only_the_newest_versions_are_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perimeter.state.postgres.KEPT_VERSIONS", 3)
    backend = world()
    etag = ""
    for serial in range(1, 6):
        etag = backend.write_state(state(serial), etag)
    assert [item.serial for item in backend.versions()] == [5, 4, 3]
    assert all(item.written_at.endswith("+00:00") for item in backend.versions())
    assert backend.version(4) == state(4)
    with pytest.raises(StateError, match="No such version"):
        backend.version(2)


def test_newer_tables_are_refused(world: World) -> None:
    world().write_state(state(1), "")
    world.sql("INSERT INTO SCHEMA.format VALUES (99)")
    with pytest.raises(StateError, match="Tables are newer"):
        world().load()
    with pytest.raises(StateError, match="Tables are newer"):
        world().append(record(1))


def test_tables_that_may_not_be_made_are_missed(world: World) -> None:
    with pytest.raises(StateError) as caught:
        world(create_tables=False).write_state(state(1), "")
    assert refused(caught) == "Tables are missing"
    assert "skip_table_creation" in caught.value.diagnostic.detail


def test_a_role_without_rights_is_told_so(world: World) -> None:
    world.sql("DROP ROLE IF EXISTS poor")
    world.sql("CREATE ROLE poor LOGIN")
    backend = PostgresBackend(
        world.server.conninfo.replace("postgres@", "poor@"), "nosuch", patience=1.0
    )
    with pytest.raises(StateError) as caught:
        backend.write_state(state(1), "")
    assert "permission denied" in caught.value.diagnostic.detail
    assert "Grant the role" in caught.value.diagnostic.detail
    backend.close()


def test_passwords_are_in_no_message(world: World) -> None:
    secret = "pg-canary-password"
    with pytest.raises(StateError) as caught:
        PostgresBackend(f"postgresql://u:{secret}@127.0.0.1:1/db", patience=0.1).load()
    assert secret not in str(caught.value)
    with pytest.raises(StateError) as caught:
        PostgresBackend(f"postgresql://u:{secret}@[bad")
    assert refused(caught) == "Invalid conn_str"
    assert secret not in str(caught.value)


def test_first_writers_do_not_collide_over_the_tables(world: World) -> None:
    """A dozen machines that begin at once: one state, eleven refusals, no other error."""
    backends = [world() for _ in range(12)]
    results: list[str] = []

    def write(backend: PostgresBackend) -> None:
        try:
            backend.write_state(state(1), "")
            results.append("written")
        except StateError as problem:
            results.append(problem.diagnostic.summary)

    threads = [threading.Thread(target=write, args=(item,)) for item in backends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["State changed"] * 11 + ["written"]
