"""Inputs for fuzzing: seeds changed a little, spliced, or made of the language's own words."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from random import Random

CORPUS = Path(__file__).parent / "corpus"

WORDS = (
    *"{}[]()<>=!&|+-*/%?:.,;~#$\"'\\\n\r\t ^@`_",
    "${", "%{", "$${", "%%{", "~}", "${~", "=>", "...", "<<EOT\n", "<<-EOT\n", "EOT\n", "//", "/*", "*/",
    "::", "[*]", ".*", "==", "!=", "<=", ">=", "&&", "||", "for", "in", "if", "else", "endif", "endfor",
    "true", "false", "null", "var.text", "var.secret", "var.numbers", "var.object", "var.later", "var.open",
    "var.hidden", "var.nothing", "each.key", "self", "local.x", "module.m.x", "1", "0", "-1", "1.5", "1e9",
    "1e-999", "9" * 60, "0x1", '"a"', '"${1}"', "\\u00e9", "\\U0001F600", "\\x", "é", "a\u0301", "\U0001f600",
    "\u200b", "\ufeff", "\u2028", "\0", "\x7f", "\udcff", "resource", "variable", "module", "locals", "output",
    "dynamic", "lifecycle", "content", "type", "default", "object({", "optional(", "list(", "source",
    "try(", "can(", "format(", "jsonencode(", "yamldecode(", "regex(", "merge(", "range(", "tolist(", "toset(",
    "setproduct(", "flatten(", "lookup(", "templatestring(", "cidrsubnets(", "pow(", "join(", "substr(",
    '"//":', '{"a":', "null,", "[{", "}]",
)  # fmt: skip


@cache
def seeds() -> dict[str, list[str]]:
    """The kept inputs by target: ``corpus/TARGET/NAME``; expressions and configurations also from the conformance cases."""
    found = {
        folder.name: [
            path.read_bytes().decode("utf-8", "surrogateescape")
            for path in sorted(folder.iterdir())
        ]
        for folder in sorted(CORPUS.iterdir())
    }
    for path in sorted((CORPUS.parents[1] / "conformance").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            if "expr" in case:
                found["expression"].append(case["expr"])
            else:
                found["configuration"].append(case["text"])
    return found


def made(random: Random, known: list[str]) -> str:
    """One input."""
    kind = random.random()
    if kind < 0.1:
        return "".join(random.choices(WORDS, k=random.randint(1, 30)))
    if kind < 0.13:
        codes = (
            random.randrange(random.choice((0x80, 0xD800))) for _ in range(random.randint(1, 40))
        )
        return "".join(map(chr, codes))
    text = random.choice(known)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        text = _mutated(random, text, known)
    return text[:4000]


def _mutated(random: Random, text: str, known: list[str]) -> str:
    at = random.randint(0, len(text))
    end = min(len(text), at + random.choice((1, 1, 2, 5, 20)))
    match random.randrange(8):
        case 0:
            return text[:at] + text[end:]
        case 1 | 2:
            return text[:at] + random.choice(WORDS) + text[at:]
        case 3:
            return text[:at] + random.choice(WORDS) + text[end:]
        case 4:
            return text[:at] + text[at:end] * random.choice((2, 3, 50)) + text[end:]
        case 5:
            other = random.choice(known)
            cut = random.randint(0, len(other))
            return text[:at] + other[cut:]
        case 6:
            return text[:at]
        case _:
            spot = random.randint(0, len(text))
            return text[:spot] + text[at:end] + text[spot:]
