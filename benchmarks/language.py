"""Time the language against Terraform on the same text, in the same run, and check that time grows with size.

Usage: python benchmarks/language.py [--runs N] [--json FILE]

Each case runs at half its size and at its size with both tools in turn, whole processes, after one run each that does not
count. The figures are medians; "growth" is perimeter's time at full size over that at half size, the start of the process
included, and may be at most 2.2.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from compare import PERIMETER, TERRAFORM, blocks, environment, prepare

GROWTH = 2.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One piece of work.

    Attributes:
        size: what ``text`` and ``typed`` get; it must be even.
        text: makes the configuration, with ``KIND`` for the resource type.
        typed: makes what is piped in.
    """

    name: str
    size: int
    text: Callable[[int], str]
    arguments: tuple[str, ...]
    typed: Callable[[int], str] = lambda _size: ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Medians in seconds at full size, perimeter's time over Terraform's, and over its own at half size."""

    name: str
    perimeter: float
    terraform: float
    ratio: float
    growth: float


def variables(count: int) -> str:
    """Many variable blocks, each with a type and a default."""
    return "".join(
        f'variable "v{n}" {{\n  type    = object({{ name = string, tags = optional(list(string), []) }})\n'
        f'  default = {{ name = "n{n}" }}\n}}\n\n'
        for n in range(count)
    )


def assignments(count: int) -> str:
    """Many locals, each made from the one before, in chains of ten."""
    lines = [
        f'  l{n} = {{ name = "n${{{n} + 1}}", before = {f"local.l{n - 1}.name" if n % 10 else "null"} }}'
        for n in range(count)
    ]
    return "locals {\n" + "\n".join(lines) + "\n}\n"


def nested(count: int) -> str:
    """An expression over so many elements of for expressions; a range has at most 1,024."""
    rows = count // 100
    outer = f"flatten([for k in range({-(-rows // 1000)}) : range(k * 1000, min({rows}, k * 1000 + 1000))])"
    inner = '[for j in range(100) : "${i}-${j}" if j >= 0]'
    return f"length(flatten([for i in {outer} : {inner}]))\n"


def untidy(count: int) -> str:
    """Many blocks that are not in canonical style, with comments, nested values and templates."""
    return "".join(
        f"""resource "any_thing" "r{n}" {{
  input = {{
    name   = "service-{n}"
    tags   = ["a", "b", "${{var.x}}-{n}"]
     nested={{
      a = 1
      bbbb   = [for k, v in var.m : "${{k}}=${{v}}" if v != null]
    }}
  }}
  # a comment
  triggers = [
    local.x[{n}].id,   # why
      var.y
  ]

  lifecycle {{
    ignore_changes = [input]
    create_before_destroy=true
  }}
}}

"""
        for n in range(count)
    )


CASES = (
    Case(
        name="parse 10,000 variables",
        size=10_000,
        text=variables,
        arguments=("console",),
        typed=lambda size: f"var.v{size - 1}.name\n",
    ),
    Case(name="validate 10,000 blocks", size=10_000, text=blocks, arguments=("validate",)),
    Case(
        name="evaluate 10,000 locals",
        size=10_000,
        text=assignments,
        arguments=("console",),
        typed=lambda size: f"local.l{size - 1}.name\n",
    ),
    Case(
        name="evaluate 100,000 for elements",
        size=100_000,
        text=lambda _size: "locals {}\n",
        arguments=("console",),
        typed=nested,
    ),
    Case(
        name="format 10,000 blocks",
        size=10_000,
        text=lambda _size: "locals {}\n",
        arguments=("fmt", "-"),
        typed=untidy,
    ),
)


def measure(case: Case, runs: int) -> Measured:
    """Time one case with both tools in turn, at half and at full size."""
    with tempfile.TemporaryDirectory() as folder:
        timers = {}
        for size in (case.size // 2, case.size):
            for tool, kind, name in (
                (PERIMETER, "perimeter_data", "main.hcl"),
                (TERRAFORM, "terraform_data", "main.tf"),
            ):
                place = Path(folder, f"{kind}-{size}")
                prepare(place, case.text(size).replace("KIND", kind), name, tool)
                timers[kind, size] = (tool, place, case.typed(size))
        for timer in timers.values():
            timed(case, *timer)
        rounds = [{key: timed(case, *timer) for key, timer in timers.items()} for _ in range(runs)]
        half, full = case.size // 2, case.size
        ours, theirs = ("perimeter_data", full), ("terraform_data", full)
        return Measured(
            name=case.name,
            perimeter=statistics.median(row[ours] for row in rounds),
            terraform=statistics.median(row[theirs] for row in rounds),
            ratio=statistics.median(row[ours] / row[theirs] for row in rounds),
            growth=statistics.median(row[ours] / row["perimeter_data", half] for row in rounds),
        )


def timed(case: Case, tool: list[str], folder: Path, typed: str) -> float:
    """Seconds of one whole process, which must succeed."""
    started = time.perf_counter()
    done = subprocess.run(
        [*tool, *case.arguments],
        cwd=folder,
        input=typed,
        text=True,
        capture_output=True,
        env=environment(),
        check=False,
    )
    passed = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{tool[-1]} {case.arguments[0]} failed: {done.stdout}{done.stderr}")
    return passed


def main() -> int:
    """Measure and print; fail when something is slower than Terraform or grows faster than its size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if shutil.which("terraform") is None:
        print("terraform is not on the PATH: there is nothing to compare with.", file=sys.stderr)
        return 1
    found = []
    print(f"{'work':30} {'perimeter':>10} {'terraform':>10} {'ratio':>7} {'growth':>7}")
    for case in CASES:
        row = measure(case, options.runs)
        print(
            f"{row.name:30} {row.perimeter:9.2f}s {row.terraform:9.2f}s {row.ratio:7.2f} {row.growth:7.2f}",
            flush=True,
        )
        found.append(row)
    if options.json:
        options.json.write_text(
            json.dumps([asdict(row) for row in found], indent=1), encoding="utf-8"
        )
    return 1 if any(row.ratio > 1 or row.growth > GROWTH for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())
