"""Time perimeter against Terraform on the same work, in the same run, and print the ratios.

Usage: python benchmarks/compare.py [--runs N] [--quick] [--only TEXT] [--json FILE]

The work is ``perimeter_data`` against ``terraform_data``: the same behaviour, no vendor. The two take turns (A B A B …) after one
run each that does not count, so that a machine that becomes slower slows both; the figure is the median of the pairwise ratios.
Waits for the disk (fsync, fdatasync) are counted with strace in a run of their own, where strace is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

PERIMETER = [str(Path(sys.executable).with_name("perimeter"))]
TERRAFORM = ["terraform"]
STATES = ("perimeter.state.json", "terraform.tfstate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One piece of work.

    Attributes:
        text: the configuration, with ``KIND`` for the resource type.
        arguments: of the command.
        fresh: whether each run begins without state.
    """

    name: str
    text: str
    arguments: tuple[str, ...]
    fresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Medians in seconds, the median of the pairwise ratios (below 1 is faster than Terraform), and waits for the disk."""

    name: str
    perimeter: float
    terraform: float
    ratio: float
    perimeter_fsyncs: int | None
    terraform_fsyncs: int | None


def blocks(count: int) -> str:
    """Many blocks, each referring to the one before, in chains of ten."""
    parts = []
    for number in range(count):
        value = f"KIND.r{number - 1}.input" if number % 10 else f'"v{number}"'
        parts.append(f'resource "KIND" "r{number}" {{\n  input = {value}\n}}\n')
    return "\n".join(parts)


def for_each(count: int) -> str:
    """One block with many instances."""
    return f"""resource "KIND" "many" {{
  for_each = toset(flatten([for i in range({count} / 500) : [for j in range(500) : tostring(i * 500 + j)]]))
  input    = "value ${{each.key}}"
}}
"""


def cases(quick: bool) -> list[Case]:
    """What is measured."""
    plan = ("plan", "-no-color", "-input=false")
    apply = ("apply", "-no-color", "-input=false", "-auto-approve")
    sizes = (1_000,) if quick else (1_000, 10_000)
    repeats = (500,) if quick else (500, 1_000, 2_000)
    found = [Case(name="version", text="", arguments=("version",))]
    found += [Case(name=f"plan {n} blocks", text=blocks(n), arguments=plan) for n in sizes]
    found += [Case(name=f"plan for_each {n}", text=for_each(n), arguments=plan) for n in repeats]
    found.append(Case(name="apply 1000", text=blocks(1_000), arguments=apply, fresh=True))
    return found


def measure(case: Case, runs: int) -> Measured:
    """Time one case with both tools in turn."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "perimeter"), Path(folder, "terraform")
        prepare(ours, case.text.replace("KIND", "perimeter_data"), "main.hcl", PERIMETER)
        prepare(theirs, case.text.replace("KIND", "terraform_data"), "main.tf", TERRAFORM)
        run_ours: Callable[[], float] = lambda: timed([*PERIMETER, *case.arguments], ours, case)  # noqa: E731
        run_theirs: Callable[[], float] = lambda: timed([*TERRAFORM, *case.arguments], theirs, case)  # noqa: E731
        run_ours()
        run_theirs()
        pairs = [(run_ours(), run_theirs()) for _ in range(runs)]
        return Measured(
            name=case.name,
            perimeter=statistics.median(a for a, _ in pairs),
            terraform=statistics.median(b for _, b in pairs),
            ratio=statistics.median(a / b for a, b in pairs),
            perimeter_fsyncs=fsyncs([*PERIMETER, *case.arguments], ours, case),
            terraform_fsyncs=fsyncs([*TERRAFORM, *case.arguments], theirs, case),
        )


def prepare(folder: Path, text: str, name: str, tool: list[str]) -> None:
    """Make a working directory."""
    folder.mkdir()
    if text:
        (folder / name).write_text(text, encoding="utf-8")
        subprocess.run([*tool, "init", "-no-color"], cwd=folder, check=True, capture_output=True)


def timed(command: list[str], folder: Path, case: Case) -> float:
    """Seconds of one whole process."""
    clear(folder, case)
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env=environment())
    return time.perf_counter() - started


def fsyncs(command: list[str], folder: Path, case: Case) -> int | None:
    """How often a run waits for the disk; None without strace."""
    strace = shutil.which("strace")
    if strace is None or not case.fresh:
        return None
    clear(folder, case)
    wrapped = [strace, "-f", "-c", "-e", "trace=fsync,fdatasync", "-o", "trace.txt", *command]
    done = subprocess.run(
        wrapped, cwd=folder, stdout=subprocess.DEVNULL, env=environment(), check=False
    )
    if done.returncode:
        return None
    text = (folder / "trace.txt").read_text(encoding="utf-8")
    rows = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+).*\bf(?:data)?sync$", text, re.MULTILINE)
    return sum(int(row) for row in rows)


def clear(folder: Path, case: Case) -> None:
    """Begin without state where the case says so."""
    if not case.fresh:
        return
    for state in STATES:
        for path in folder.glob(f"{state}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def environment() -> dict[str, str]:
    """The environment without what would change either tool's behaviour."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TF_", "PERIMETER_"))
    }
    return {**kept, "CHECKPOINT_DISABLE": "1"}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="the small sizes only")
    parser.add_argument("--only", default="", help="the cases whose name contains this")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if shutil.which("terraform") is None:
        print("terraform is not on the PATH: there is nothing to compare with.", file=sys.stderr)
        return 1
    found = []
    print(f"{'work':22} {'perimeter':>10} {'terraform':>10} {'ratio':>7}  fsyncs (ours / theirs)")
    for case in (case for case in cases(options.quick) if options.only in case.name):
        row = measure(case, options.runs)
        waits = (
            ""
            if row.perimeter_fsyncs is None
            else f"{row.perimeter_fsyncs} / {row.terraform_fsyncs}"
        )
        print(
            f"{row.name:22} {row.perimeter:9.2f}s {row.terraform:9.2f}s {row.ratio:7.2f}  {waits}",
            flush=True,
        )
        found.append(row)
    if options.json:
        options.json.write_text(
            json.dumps([asdict(row) for row in found], indent=1), encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
