"""Fuzz for real: usage ``python tests/fuzz/run.py [--count N] [--seed N] [--target NAME]``.

Prints each input that raised something or took too long, and keeps it in the corpus if ``--keep`` is given.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
import time
import traceback
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fuzz.mutation import CORPUS, made, seeds
from tests.fuzz.targets import TARGETS

SLOW = 2.0
"""Seconds of the processor that no input of a few kilobytes may take."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1_000_000, help="inputs in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", choices=sorted(TARGETS), action="append")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--keep", action="store_true", help="keep what failed in the corpus")
    options = parser.parse_args()
    names = options.target or sorted(TARGETS)
    size = 2_000
    jobs = [
        (name, options.seed + number, size)
        for number in range(-(-options.count // (size * len(names))))
        for name in names
    ]
    started = time.perf_counter()
    failures: dict[str, tuple[str, str, str]] = {}
    done = 0
    with ProcessPoolExecutor(options.jobs) as pool:
        for number, found in enumerate(pool.map(_job, jobs), start=1):
            done += size
            for failure in found:
                failures.setdefault(failure[2], failure)
            if number % 50 == 0:
                passed = time.perf_counter() - started
                print(
                    f"{done} inputs, {passed:.0f} s, {len(failures)} kinds of failure", flush=True
                )
    for target, text, problem in failures.values():
        print(f"--- {target}: {text!r}\n{problem}")
        if options.keep:
            data = text.encode("utf-8", "surrogateescape")
            name = hashlib.sha256(data).hexdigest()[:12]
            (CORPUS / target / name).write_bytes(data)
    print(f"{done} inputs over {', '.join(names)}: {len(failures)} kinds of failure")
    return 1 if failures else 0


def _job(job: tuple[str, int, int]) -> list[tuple[str, str, str]]:
    """Run one target over made inputs; return target, input and what went wrong."""
    name, seed, size = job
    warnings.simplefilter("error")
    random = Random(f"{name}-{seed}")
    known = seeds()[name]
    found = []
    for _ in range(size):
        text = made(random, known)
        problem = failure(name, text)
        if problem:
            found.append((name, text, problem))
    return found


def failure(name: str, text: str) -> str:
    """What a target did wrong with an input: the end of the traceback, or that it was slow."""
    signal.signal(signal.SIGPROF, _too_slow)
    signal.setitimer(signal.ITIMER_PROF, SLOW)
    try:
        TARGETS[name](text)
    except Exception as error:  # noqa: BLE001 - whatever it is, is what is looked for
        frames = traceback.extract_tb(error.__traceback__)[-3:]
        where = " < ".join(f"{Path(item.filename).name}:{item.lineno}" for item in reversed(frames))
        return f"{type(error).__name__}: {str(error)[:200]} at {where}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return ""


class SlowError(Exception):
    """An input took too long."""


def _too_slow(_signal: int, _frame: object) -> None:
    raise SlowError(f"more than {SLOW} s")


if __name__ == "__main__":
    sys.exit(main())
