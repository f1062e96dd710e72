"""Compare perimeter's console with Terraform's on the project's own expressions, or record Terraform's answers anew.

Usage: python tests/conformance/against_terraform.py [--record] [--add FILE]

``--add`` takes expressions from a text file, one a line. Terraform's console ends at the first error and prints only what the
last line gave, so that each question is a run of its own; a run takes some hundredths of a second.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

HERE = Path(__file__).resolve().parent
CASES = HERE / "further.jsonl"
_CONSOLE = "from perimeter.cli.main import run; raise SystemExit(run())"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="write Terraform's answers")
    parser.add_argument("--add", type=Path, help="expressions to add, one a line")
    options = parser.parse_args()
    if shutil.which("terraform") is None:
        print("skipped: terraform is not on the PATH")
        return 0
    lines = CASES.read_text(encoding="utf-8").splitlines() if CASES.exists() else []
    expressions = [json.loads(line)["expr"] for line in lines]
    if options.add:
        expressions += options.add.read_text(encoding="utf-8").splitlines()
    expressions = list(dict.fromkeys(expressions))
    with tempfile.TemporaryDirectory() as folder:
        theirs = asked_all(expressions, Path(folder))
    if options.record:
        CASES.write_text(
            "".join(json.dumps(case, ensure_ascii=False) + "\n" for case in theirs), "utf-8"
        )
    return report(theirs, answers(expressions))


def asked_all(expressions: list[str], folder: Path) -> list[dict[str, Any]]:
    """Terraform's answers; each worker has a directory of its own, because a console locks its state."""
    free: SimpleQueue[Path] = SimpleQueue()
    workers = os.cpu_count() or 1
    for number in range(workers):
        free.put(translated(folder / str(number)))

    def answered(text: str) -> dict[str, Any]:
        context = free.get()
        try:
            return asked(text, context)
        finally:
            free.put(context)

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(answered, expressions))


def translated(folder: Path) -> Path:
    """The context module as Terraform's: file names and named values replaced."""
    context = folder / "context"
    shutil.copytree(HERE / "context", context)
    for path in context.rglob("*.hcl"):
        path.with_suffix(".tf").write_text(foreign(path.read_text(encoding="utf-8")), "utf-8")
        path.unlink()
    subprocess.run(["terraform", "init"], cwd=context, check=True, capture_output=True, env=env())
    return context


def foreign(text: str) -> str:
    """Terraform's names for what perimeter names after itself."""
    return re.sub(r"\bperimeter(?=_data|\.)", "terraform", text)


def ours(text: str) -> str:
    """The reverse."""
    return re.sub(r"\bterraform(?=_data|\.|\")", "perimeter", text)


def env() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    return {**kept, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}


def asked(text: str, context: Path) -> dict[str, Any]:
    """Terraform's answer to an expression, in the form of perimeter's ``console -json``."""
    found: dict[str, Any] = {"expr": text}
    rendered = run(foreign(text), context)
    if isinstance(rendered, list):
        return found | {"error": rendered}
    kind = run(f"type({foreign(text)})", context)
    encoded = run(f"nonsensitive(jsonencode({foreign(text)}))", context)
    if isinstance(encoded, list):
        encoded = run(f"jsonencode({foreign(text)})", context)
    if isinstance(encoded, str) and encoded.startswith('"'):
        found["json"] = ours(unquoted(encoded))
    typed = isinstance(kind, str) and not text.startswith("type(")
    found["type"] = " ".join(str(kind).split()) if typed else None
    return found | {"rendered": ours(rendered)}


def unquoted(text: str) -> str:
    """The content of a string as Go quotes it."""
    return re.sub(r"\\(x..|u....|U........|.)", _unescaped, text[1:-1])


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] in "xuU":
        return chr(int(code[1:], 16))
    return {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}.get(
        code, code
    )


def run(text: str, context: Path) -> str | list[dict[str, str]]:
    """What one run prints, or its errors."""
    done = subprocess.run(
        ["terraform", "console", "-no-color"],
        cwd=context,
        input=f"{text}\n",
        capture_output=True,
        text=True,
        check=False,
        env=env(),
    )
    output = done.stdout + done.stderr
    if "panic:" in output or "TERRAFORM CRASH" in output:
        return [{"summary": "Terraform crashed"}]
    errors = re.findall(r"^(?:│ )?Error: (.*)$", output, re.MULTILINE)
    if done.returncode or errors:
        return [{"summary": ours(summary)} for summary in errors]
    return done.stdout.removesuffix("\n")


def answers(expressions: list[str]) -> list[dict[str, Any]]:
    """Perimeter's answers, all from one run."""
    done = subprocess.run(
        [sys.executable, "-c", _CONSOLE, f"-chdir={HERE / 'context'}", "console", "-json"],
        input="".join(json.dumps({"expr": text}) + "\n" for text in expressions),
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def differences(case: dict[str, Any], answer: dict[str, Any]) -> list[str]:
    """In what an answer differs from what is recorded."""
    if "error" in case or "error" in answer:
        wanted, found = (
            sorted(item["summary"] for item in side.get("error", ())) for side in (case, answer)
        )
        return [] if wanted == found else [f"error: {found or answer}, not {wanted or case}"]
    names = ["rendered"]
    if case["type"] is not None:
        names += ["json", "type"]
    return [
        f"{name}: {answer.get(name)!r}, not {case.get(name)!r}"
        for name in names
        if answer.get(name) != case.get(name)
    ]


def report(cases: list[dict[str, Any]], given: list[dict[str, Any]]) -> int:
    from tests.conformance.different import DIFFERENT

    wrong = 0
    for case, answer in zip(cases, given, strict=True):
        found = differences(case, answer)
        if bool(found) == (case["expr"] in DIFFERENT):
            continue
        wrong += 1
        print(case["expr"])
        print("".join(f"    {line}\n" for line in found or ["answers alike now"]), end="")
    print(f"{len(cases)} expressions, {len(DIFFERENT)} meant to differ, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[1]))
    sys.exit(main())
