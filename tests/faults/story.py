"""A workspace's life: rounds of changed wishes, applies that are disturbed or killed, and what must hold afterwards."""

import base64
import hashlib
import json
import os
import random
import re
import shutil
import threading
import time
from itertools import pairwise

from perimeter.state.codec import PLAIN, Codec
from perimeter.state.encryption import Keys
from perimeter.state.errors import StateError
from perimeter.state.evidence import Broken, verify
from perimeter.state.journal import replay
from perimeter.state.keys import EnvironmentKey
from tests.faults.nursery import SETTLES_WITHIN
from tests.faults.tenants import Wish, changed

KEY = base64.b64encode(hashlib.sha256(b"only for tests").digest()).decode()
ENCRYPTED = {"PERIMETER_ENCRYPTION": 'environment = "STATE_KEY"', "STATE_KEY": KEY}
CODEC = Codec(keys=Keys(primary=EnvironmentKey(name="environment", variable="STATE_KEY", text=KEY)))
APPLY = ("apply", "-auto-approve", "-input=false")
LONGEST = 120.0
UNSURE = (
    "The next run looks for the object",
    "It is not known whether the change was made",
    "500 Server Error",
)
"""What is said of calls that a vendor did not answer, or not well: the next apply finishes."""


class Watch:
    """Loads the state over and over, from the moment a run begins: at none may it be unreadable."""

    def __init__(self, story, every):
        self.loads = 0
        self.problems = []
        self._story, self._every = story, every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        backend = self._story.open()
        while True:
            try:
                held = backend.load()
                replay(held.state, held.records)
                self.loads += 1
            except StateError as problem:
                self.problems.append(str(problem.diagnostic.detail))
            if self._stop.wait(self._every):
                break
        close(backend)


def close(backend):
    """Give a connection back, where there is one."""
    getattr(backend, "close", lambda: None)()


class Story:
    """One workspace on one place, with its tenants.

    Attributes:
        wish: what the last round that was brought to its end declared.
        tally: counts what happened, by words.
        direct: the same place, past a proxy that does harm.
    """

    def __init__(
        self, *, place, tenants, nursery, folder, seed, tally, encrypted=False, direct=None
    ):
        self.place, self.tenants, self.nursery, self.folder = place, tenants, nursery, folder
        self.chance = random.Random(seed)
        self.tally = tally
        self.encrypted = encrypted
        self.direct = direct
        self.wish = Wish()
        self.round = 0
        self.longest = 0.0
        self._machines = 0
        self.tally(f"stories on {place.kind}{' (encrypted)' if encrypted else ''}")

    # Machines -------------------------------------------------------------------------------------------------------

    def machine(self):
        """A directory that nothing was ever done in, with a home of its own."""
        self._machines += 1
        home = self.folder / f"machine{self._machines}"
        directory = home / "work"
        directory.mkdir(parents=True)
        return directory

    def environment(self, directory):
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(directory.parent),
            "PERIMETER_IN_AUTOMATION": "1",
            **self.tenants.environment,
            **self.place.environment,
            **(ENCRYPTED if self.encrypted else {}),
        }

    def write(self, directory, wish):
        """What the repository holds."""
        arguments = "".join(
            f"    {name} = {json.dumps(item)}\n" for name, item in self.place.settings.items()
        )
        block = f'\nperimeter {{\n  backend "{self.place.kind}" {{\n{arguments}  }}\n}}\n'
        (directory / "main.hcl").write_text(self.tenants.config(wish) + block, encoding="utf-8")

    def start(self, directory, *arguments, fatal=0):
        return self.nursery.start(
            arguments,
            directory=directory,
            environment=self.environment(directory),
            fatal=fatal,
        )

    def run(self, directory, *arguments):
        return self.start(directory, *arguments).wait(LONGEST)

    def ready(self, wish):
        """A clean machine with the repository, initialized."""
        directory = self.machine()
        self.write(directory, wish)
        done = self.run(directory, "init", "-input=false")
        assert done.status == 0, done.said
        return directory

    # State ----------------------------------------------------------------------------------------------------------

    @property
    def codec(self):
        return CODEC if self.encrypted else PLAIN

    def open(self):
        """The state's place, past any proxy that may be losing answers."""
        return (self.direct or self.place).open(codec=self.codec)

    def held(self):
        backend = self.open()
        try:
            found = backend.load()
            evidence = verify(backend.evidence_lines(), found.state.seal)
            versions = backend.versions()
        finally:
            close(backend)
        assert not isinstance(evidence, Broken), evidence
        return found, evidence, versions

    # Rounds ---------------------------------------------------------------------------------------------------------

    def next_wish(self):
        self.round += 1
        return changed(self.wish, self.chance, self.round)

    def begin(self):
        """A round begins: the calls of the one before are forgotten."""
        self.tenants.new_round()
        return self.held()[0].state.serial

    def killed_apply(self, directory):
        """An apply that is killed at a random moment of its life; whether it still ran.

        Planning takes the longest, and least can go wrong then: most of the moments are counted from a random call.
        """
        reached = threading.Event()
        pause = self.chance.uniform(0, 0.3)
        if self.chance.random() < 0.3:
            pause = self.chance.uniform(0, self.longest or 1.0)
            reached.set()
        else:
            self.tenants.after_writes(self.chance.randint(1, 8), reached.set)
        with Watch(self, 0.1) as watch:
            begun = time.monotonic()
            child = self.start(directory, *APPLY)
            while child.status is None and not reached.wait(0.002):
                pass
            end = time.monotonic() + pause
            while child.status is None and time.monotonic() < end:
                time.sleep(0.002)
            running = child.kill()
            if not running:
                self.longest = max(self.longest, time.monotonic() - begun)
        self._watched(watch)
        return running

    def watched_apply(self, directory, *arguments):
        """An apply, and the state loaded all the time."""
        with Watch(self, 0.1) as watch:
            begun = time.monotonic()
            done = self.run(directory, *APPLY, *arguments)
            self.longest = max(self.longest, time.monotonic() - begun)
        self._watched(watch)
        return done

    def _watched(self, watch):
        self.tally("states loaded while a run went on, or lay dead", watch.loads)
        self.tally("corrupt states", len(watch.problems))
        assert not watch.problems, watch.problems

    def leftovers(self):
        """Where the dead run was when it died: for the counts. Its state and evidence are whole."""
        held, _, _ = self.held()
        found = replay(held.state, held.records)
        writes = len(self.tenants.writes)
        self.tally("loads of what a dead run left")
        if found.pending:
            self.tally("left calls without an answer in the journal")
        if held.records:
            self.tally("left a journal")
        phase = "before its first call" if not writes else "in the middle of its calls"
        if held.state.serial and not held.records and writes:
            phase = "after its last call, the state written"
        self.tally(f"died {phase}")

    def converge(self, wish, *, tries=1):
        """The next run, on another machine: as a user would, who reads what the messages say.

        ``tries``: applies allowed; each but the last may fail, for what vendors did.
        """
        directory = self.ready(wish)
        for left in reversed(range(tries)):
            done = self.watched_apply(directory)
            if done.status and "Error acquiring the state lock" in done.said:
                self.unlock(directory, done)
                done = self.watched_apply(directory)
            if done.status == 0 and "Nothing could be decided about" in done.said:
                # The dead run may have made it, and the tenant may not show it yet.
                self.tally("applies made once more for objects that might not be visible yet")
                time.sleep(SETTLES_WITHIN + 1.0)  # plans count whole seconds
                done = self.watched_apply(directory)
            if done.status == 0:
                break
            assert left, done.said[-3000:]
            assert any(word in done.said for word in UNSURE), done.said[-3000:]
        return directory

    def unlock(self, directory, refused):
        """Free the lock of a dead run by the command that the message has."""
        found = re.search(r'"perimeter force-unlock ([0-9a-f-]{36})"', refused.said)
        assert found, refused.said
        if self.place.kind == "pg":
            # The server lets a session's lock go once it has noticed that the client is gone.
            done = self.run(directory, "plan", "-input=false", "-lock-timeout=10s")
            assert done.status == 0, done.said
            return
        done = self.run(directory, "force-unlock", "-force", found[1])
        assert done.status == 0, done.said
        self.tally("locks of dead runs freed by force-unlock")

    def settle(self, directory, wish, serial, *, repaired=(), runs=3):
        """All that must hold once the next run has ended.

        ``serial``: before the round; ``runs``: how many applies may have changed the state since.
        """
        self.tenants.check(self.wish, wish, self.tally, repaired=repaired)
        plan = self.run(directory, "plan", "-detailed-exitcode", "-input=false")
        assert plan.status == 0, plan.said
        held, evidence, versions = self.held()
        self.tenants.check_state(held.state, wish)
        assert held.records == ()
        assert serial < held.state.serial <= serial + runs, (serial, held.state.serial)
        serials = [item.serial for item in versions]
        assert all(newer - older == 1 for newer, older in pairwise(serials)), serials
        assert evidence.unsealed == ()
        verified = self.run(directory, "evidence", "verify")
        assert verified.status == 0, verified.said
        self.wish = wish
        self.tally("rounds brought to their end")
        for item in self.folder.glob("machine*"):
            shutil.rmtree(item)
