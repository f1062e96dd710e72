"""Twelve applies at once on one workspace: the backend's own record shows that they took turns, and none undid another."""

import contextlib
import json
import os
import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest

from tests.faults.story import APPLY, Watch
from tests.faults.tenants import Wish
from tests.servers import moto

EXHAUSTIVE = os.environ.get("PERIMETER_FAULTS") == "all"
KINDS = ("local", "s3", "gcs", "azurerm", "pg", "http")
RUNS = 12


@dataclass(frozen=True)
class Turn:
    """Who had the lock; times are the recorder's, of one clock."""

    id: str
    begin: float
    end: float


class Versions:
    """S3: the bucket keeps each version of the lock, in order."""

    def __init__(self, place):
        self.endpoint, self.bucket = place.settings["endpoint"], place.settings["bucket"]
        self.key = place.settings["key"] + ".lock"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return

    def turns(self):
        listed = moto.request(
            f"{self.endpoint}/{self.bucket}?versions&prefix={self.key}&max-keys=1000", "GET"
        )
        space = "{http://s3.amazonaws.com/doc/2006-03-01/}"
        found = ET.fromstring(listed).findall(f"{space}Version")
        bodies = [
            json.loads(
                moto.request(
                    f"{self.endpoint}/{self.bucket}/{self.key}?versionId={one.findtext(space + 'VersionId')}",
                    "GET",
                )
            )
            for one in reversed(found)
        ]
        return _alternating(bodies)


class Chain:
    """GCS and Azure: each replacement of the lock names the version it replaced, and the server gave it a new name."""

    def __init__(self, place):
        self.front = place.front
        self.writes = []

    def __enter__(self):
        self.front.watch = self._note
        return self

    def __exit__(self, *_):
        self.front.watch = None

    def _note(self, method, path, headers, body, status, told, arrived, answered):
        if method == "PUT" and unquote(path).partition("?")[0].endswith(".lock") and status < 300:
            sent = {name.lower(): value for name, value in headers.items()}
            got = {name.lower(): value for name, value in told.items()}
            before = sent.get("if-match") or sent.get("x-goog-if-generation-match") or ""
            after = got.get("x-goog-generation") or got.get("etag")
            self.writes.append((before, after, json.loads(body), arrived, answered))

    def turns(self):
        by_version = {_bare(before): rest for before, *rest in self.writes}
        first = next(before for before, *_ in self.writes if _bare(before) in ("", "0"))
        ordered, version = [], _bare(first)
        while version in by_version:
            after, body, arrived, answered = by_version.pop(version)
            ordered.append((body, arrived, answered))
            version = _bare(after)
        assert not by_version, "two writes replaced the same version of the lock"
        turns = _alternating([body for body, _, _ in ordered])
        times = [
            (taken[2], freed[1]) for taken, freed in zip(ordered[::2], ordered[1::2], strict=True)
        ]
        return [Turn(turn.id, *moments) for turn, moments in zip(turns, times, strict=True)]


class Trigger:
    """PostgreSQL: a trigger on the table of locks writes down each change."""

    def __init__(self, place):
        self.conninfo, self.schema = place.settings["conn_str"], place.settings["schema_name"]
        backend = place.open()
        backend.append_evidence(b"")  # makes the tables
        backend.close()

    def _sql(self, text):
        import psycopg

        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            cursor = connection.execute(text.replace("SCHEMA", f'"{self.schema}"'))
            return cursor.fetchall() if cursor.description else []

    def __enter__(self):
        self._sql(
            """
            CREATE TABLE SCHEMA.seen (n bigserial, id text, what text, at double precision);
            CREATE FUNCTION SCHEMA.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              INSERT INTO SCHEMA.seen (id, what, at)
              VALUES (coalesce(NEW.id, OLD.id), TG_OP, extract(epoch FROM clock_timestamp()));
              RETURN NULL;
            END $$;
            CREATE TRIGGER see AFTER INSERT OR UPDATE OR DELETE ON SCHEMA.locks
              FOR EACH ROW EXECUTE FUNCTION SCHEMA.see();
            """
        )
        return self

    def __exit__(self, *_):
        return

    def turns(self):
        rows = self._sql("SELECT id, what, at FROM SCHEMA.seen ORDER BY n")
        turns = []
        for taken, freed in zip(rows[::2], rows[1::2], strict=True):
            assert (taken[0], taken[1], freed[1]) == (freed[0], "INSERT", "DELETE"), rows
            turns.append(Turn(taken[0], taken[2], freed[2]))
        return turns


class Intervals:
    """HTTP: the server's own log."""

    def __init__(self, place):
        self.server = place.server
        self.path = place.settings["address"].removeprefix(place.server.url)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return

    def turns(self):
        return [
            Turn(item.id, item.begin, item.end)
            for item in self.server.intervals
            if item.path == self.path
        ]


class Samples:
    """A file: the kernel keeps no record, so the lock file is looked at all the time."""

    def __init__(self, place):
        self.file = Path(place.settings["path"] + ".lock")
        self.seen = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _look(self):
        while not self._stop.wait(0.001):
            with contextlib.suppress(OSError, ValueError):
                self.seen.append((json.loads(self.file.read_bytes())["ID"], time.monotonic()))

    def turns(self):
        turns = []
        for holder, at in self.seen:
            if turns and turns[-1].id == holder:
                turns[-1] = Turn(holder, turns[-1].begin, at)
            else:
                turns.append(Turn(holder, at, at))
        return turns


RECORDERS = {
    "local": Samples,
    "s3": Versions,
    "gcs": Chain,
    "azurerm": Chain,
    "pg": Trigger,
    "http": Intervals,
}


def _alternating(bodies):
    """Turns from a lock's versions: held by somebody, then free, and so on."""
    turns = []
    for number, (taken, freed) in enumerate(zip(bodies[::2], bodies[1::2], strict=True)):
        assert taken["ID"], bodies
        assert not freed["ID"], bodies
        assert taken["ID"] in freed["Info"], bodies
        turns.append(Turn(taken["ID"], 2 * number, 2 * number + 1))
    return turns


def _bare(version):
    return (version or "").strip('"')


@pytest.mark.parametrize("kind", KINDS if EXHAUSTIVE else ("s3", "azurerm", "pg"))
def test_twelve_applies_at_once(tell, tally, kind):
    """Each adds one webhook; at the end all are there, and the serial is twelve."""
    story = tell(kind, kind, disturbed=kind == "azurerm", encrypted=kind in ("gcs", "pg"))
    url = "https://siem.example/{}"
    wish = Wish({f"c{n}": {"url": url.format(n), "events": ["push"]} for n in range(RUNS)})
    serial = story.begin()
    assert serial == 0
    machines = [story.ready(wish) for _ in range(RUNS)]
    with RECORDERS[kind](story.place) as recorder, Watch(story, 0.2) as watch:
        children = [
            story.start(
                machine,
                *APPLY,
                "-lock-timeout=300s",
                f'-target=github_organization_webhook.h["c{number}"]',
            )
            for number, machine in enumerate(machines)
        ]
        for child in children:
            child.wait(300)
    assert [child.status for child in children] == [0] * RUNS, [
        child.said[-1500:] for child in children if child.status
    ]
    assert not watch.problems, watch.problems
    turns = recorder.turns()
    assert len({turn.id for turn in turns}) == len(turns) == RUNS
    overlaps = sum(before.end > after.begin for before, after in pairwise(turns))
    tally("lock intervals that overlap", overlaps)
    assert not overlaps, turns
    held, _, versions = story.held()
    assert held.state.serial == RUNS
    if versions:
        assert [item.serial for item in versions] == list(range(RUNS, 0, -1))
    tally(f"concurrent applies on {kind}", RUNS)
    tally("lock intervals", len(turns))
    tally("updates lost", RUNS - len(held.state.resources))
    tally("states loaded while a run went on, or lay dead", watch.loads)
    story.settle(story.converge(wish), wish, serial, runs=RUNS + 1)
