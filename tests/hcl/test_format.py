"""The formatter against Terraform's, and what it may never do."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from perimeter.hcl import parse_file
from perimeter.hcl.format import format_text
from perimeter.hcl.lexer import lex
from perimeter.hcl.pieces import pieces_of
from perimeter.hcl.tokens import CLOSE_HEREDOC, CLOSE_QUOTE, COMMENT, LITERAL, NEWLINE, QUOTED
from tests.hcl.trees import shape

_HERE = Path(__file__).parent
_CORPUS = sorted((_HERE / "corpus").glob("*.hcl"))
_SCRIPT = _HERE.parent.parent / "script" / "fmt-corpus"
_FIXED = frozenset({QUOTED, LITERAL, CLOSE_QUOTE, CLOSE_HEREDOC})


def _read(path: Path) -> str:
    return path.read_bytes().decode()


def _formatted(text: str) -> str:
    result, problems = format_text(text, "main.hcl")
    assert not problems, (text, problems)
    return result


def _comments(text: str) -> list[str]:
    return sorted(piece.text.strip() for piece in pieces_of(lex(text)[0]) if piece.kind == COMMENT)


def _unharmed(before: str, after: str) -> None:
    """The same tree and the same comments, and canonical already."""
    old, _ = parse_file(before, "main.hcl")
    new, problems = parse_file(after, "main.hcl")
    assert not problems, after
    assert shape(new) == shape(old)
    assert _comments(after) == _comments(before.removeprefix("\ufeff"))
    assert _formatted(after) == after


def test_the_corpus_is_large() -> None:
    """At least 200 files, each with an answer."""
    assert len(_CORPUS) >= 200
    assert {path.name for path in _CORPUS} == {p.name for p in (_HERE / "golden").glob("*.hcl")}


@pytest.mark.parametrize("path", _CORPUS, ids=lambda path: path.stem)
def test_as_terraform_formats_it(path: Path) -> None:
    """Byte for byte what ``terraform fmt`` made of the file."""
    text = _read(path)
    result = _formatted(text)
    assert result == _read(_HERE / "golden" / path.name)
    _unharmed(text, result)


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_the_answers_are_terraforms() -> None:
    """The kept answers are what the installed Terraform says."""
    done = subprocess.run([sys.executable, _SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def _respaced(text: str, chance: random.Random) -> str:
    """The text with other white space and more comments, its meaning unchanged."""
    made: list[str] = []
    end = 0
    for piece in pieces_of(lex(text)[0]):
        gap = text[end : piece.start]
        end = piece.start + len(piece.text)
        if piece.kind not in _FIXED:
            spaces = chance.choice([" ", "  ", "\t", "      ", " /* c */ "])
            gap = spaces if gap or chance.random() < 0.2 else ""
        if piece.kind == NEWLINE and chance.random() < 0.1:
            gap = chance.choice([" # d", "// e", "\n", "\n# f\n", "   "])
        made += [gap, piece.text]
    return "".join(made)


@given(st.lists(st.sampled_from(_CORPUS), min_size=1, max_size=2, unique=True), st.randoms())
@settings(max_examples=400, deadline=None)
def test_idempotent_and_harmless(paths: list[Path], chance: random.Random) -> None:
    """Whatever the white space: formatting again changes nothing, nor does formatting the meaning."""
    text = "\n".join(
        f"w{number} {{\n{_respaced(_read(path).removeprefix(chr(0xFEFF)), chance)}\n}}"
        for number, path in enumerate(paths)
    )
    assume(not parse_file(text, "main.hcl")[1])
    _unharmed(text, _formatted(text))


@given(st.text(alphabet='ab1 =\n"${}[](),#/*<-.:?!%~\t', max_size=40))
@settings(max_examples=400, deadline=None)
def test_any_text(text: str) -> None:
    """It is formatted if it parses, and else left as it is."""
    result, problems = format_text(text, "main.hcl")
    if problems:
        assert result == text
    else:
        _unharmed(text, result)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ('resource /* why */ x "y" {}\n', 'resource /* why */ "x" "y" {}\n'),
        ('a "cost $" "100%" {}\n', 'a "cost $" "100%" {}\n'),
        ('a = "${"${x}"}"\n', "a = x\n"),
        ('a = "${x # why\n+ 1}"\n', "a = (x # why\n+ 1)\n"),
        ('a = "${(x)\n+ (1)}"\n', "a = ((x)\n+ (1))\n"),
        ('a { b = "${x # why\n}" }\n', "a { b = (x # why\n) }\n"),
    ],
    ids=["comment", "label", "twice", "comment-ends-line", "two-parentheses", "one-line-block"],
)
def test_where_terraform_does_harm(given: str, expected: str) -> None:
    """It loses comments and labels, needs two runs, or writes what does not parse; we do not."""
    assert _formatted(given) == expected
    _unharmed(given, expected)


def test_long_files_take_linear_time() -> None:
    """Ten thousand aligned lines are no trouble."""
    text = "".join(f"name_{number}={number} # {number}\n" for number in range(10_000))
    assert _formatted(text).startswith("name_0    = 0    # 0\n")
