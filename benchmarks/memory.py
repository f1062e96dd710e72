"""Peak memory and time of planning 100,000 resources, and of applying many: whole processes, perimeter alone.

Usage: python benchmarks/memory.py [--count N] [--only TEXT] [--json FILE]

Fails where a plan of 100,000 resources takes more than 1.5 GB, or where twice the resources take more than 2.4 times the time to
apply. Terraform cannot be asked to do the same: a for_each of 2,000 takes it minutes (see compare.py).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

COMMAND = [sys.executable, "-c", "from perimeter.cli.main import run; raise SystemExit(run())"]
LIMIT = 1_500_000_000
"""Bytes that a plan of 100,000 resources may take."""

GROWTH = 2.4
"""How much longer twice the work may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run: seconds, and the most memory it held at any time, in bytes."""

    name: str
    seconds: float
    peak: int


def blocks(count: int) -> str:
    """Many blocks, each referring to the one before, in chains of ten."""
    parts = []
    for number in range(count):
        value = f"perimeter_data.r{number - 1}.input" if number % 10 else f'"v{number}"'
        parts.append(f'resource "perimeter_data" "r{number}" {{\n  input = {value}\n}}\n')
    return "\n".join(parts)


def for_each(count: int) -> str:
    """One block with many instances, by key."""
    return f"""resource "perimeter_data" "many" {{
  for_each = toset([for pair in setproduct(range({count} / 1000), range(1000)) : "${{pair[0]}}-${{pair[1]}}"])
  input    = "value ${{each.key}}"
}}
"""


def counted(count: int) -> str:
    """One block with many instances, by number."""
    return f'resource "perimeter_data" "many" {{\n  count = {count}\n  input = "value ${{count.index}}"\n}}\n'


def run(name: str, text: str, *arguments: str) -> Measured:
    """One process in a directory of its own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "main.hcl").write_text(text, encoding="utf-8")
        started = time.perf_counter()
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{name} failed")
        # Linux tells kilobytes, macOS bytes.
        unit = 1 if sys.platform == "darwin" else 1024
        seconds = time.perf_counter() - started
        return Measured(name=name, seconds=seconds, peak=used.ru_maxrss * unit)


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    plan = ("plan", "-no-color", "-input=false", "-concise")
    apply = ("apply", "-no-color", "-input=false", "-concise", "-auto-approve")
    shapes: dict[str, Callable[[int], str]] = {
        "blocks": blocks,
        "for_each": for_each,
        "count": counted,
    }
    found: list[Measured] = []
    wrong: list[str] = []
    for shape, text in shapes.items():
        if given.only in f"plan {shape}":
            one = run(f"plan {given.count:,} by {shape}", text(given.count), *plan)
            found.append(one)
            if one.peak > LIMIT:
                wrong.append(f"{one.name} took {one.peak / 1e9:.2f} GB")
    if given.only in "apply":
        half, whole = (
            run(f"apply {size:,} blocks", blocks(size), *apply) for size in (5_000, 10_000)
        )
        found += [half, whole]
        if whole.seconds > GROWTH * half.seconds:
            wrong.append(
                f"applying twice as much took {whole.seconds / half.seconds:.1f} times as long"
            )
    for one in found:
        print(f"{one.name:<28} {one.seconds:8.1f} s {one.peak / 1e6:8.0f} MB")
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(one) for one in found], indent=2))
    for text_of in wrong:
        print(text_of, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
