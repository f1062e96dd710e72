"""Functions beyond the conformance cases: files, time, keys, text formats, limits."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings

from perimeter.diagnostics import Diagnostics
from perimeter.hcl import parse_expression
from perimeter.lang.evaluate import evaluate
from perimeter.lang.functions.glob import matcher
from perimeter.lang.functions.table import FUNCTIONS
from perimeter.lang.plain import to_plain
from perimeter.lang.scope import StaticScope
from perimeter.lang.text import nfc
from perimeter.lang.values import string
from tests.lang.evaluating import attempt, plain, problems, value_of
from tests.strategies import TEXTS


def _run(text: str, scope: object) -> object:
    expr, _ = parse_expression(text)
    assert expr is not None
    found = Diagnostics()
    value = evaluate(expr, scope, found)  # type: ignore[arg-type]
    assert not found, list(found)
    return to_plain(value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('format("%-6s|%6.2f|%+d|%03d|%x|%q|%t|%%", "ab", 2.346, 3, 7, 255, "x", true)',
         'ab    |  2.35|+3|007|ff|"x"|true|%'),
        ('format("%v %v %v", 1234567, 0.5, [1])', "1.234567e+06 0.5 [1]"),
        ('format("%[2]s-%[1]s", "a", "b")', "b-a"),
        ('format("%e|%.3g|%G", 12345.678, 12345.678, 0.00001)', "1.234568e+04|1.23e+04|1E-05"),
        ('format("%b %o %#o %#x", 5, 8, 8, 255)', "101 10 010 0xff"),
        ('formatlist("%s=%d", ["a", "b"], 1)', ["a=1", "b=1"]),
        ('title("o\'neil-smith foo_bar")', "O'Neil-Smith Foo_bar"),
        ('regexall("(a)(b)?", "ab a")', [["a", "b"], ["a", None]]),
        ('replace("a.b.c", "/\\\\.([a-z])/", "[$1]")', "a[b][c]"),
        ('replace("price", "/i/", "$$")', "pr$ce"),
        ('csvdecode("a,b\\n1,\\"x,\\ny\\"\\n")', [{"a": "1", "b": "x,\ny"}]),
        ('yamldecode("a: &x [1, 2]\\nb: *x")', {"a": [1, 2], "b": [1, 2]}),
        ('yamldecode("2020-01-02")', "2020-01-02T00:00:00Z"),
        ('yamldecode("0x1f: 1_000")', {"31": "1_000"}),
        ('jsondecode("{\\"a\\":\\"\\\\ud83d\\\\ude00\\"}")', {"a": "😀"}),
        ('formatdate("EEEE D MMMM YYYY HH:mm aa ZZZZZ", "2026-02-03T15:04:05+01:30")',
         "Tuesday 3 February 2026 03:04 pm +01:30"),
        ('timeadd("2024-02-28T23:59:59.5Z", "24h0.5s")', "2024-03-01T00:00:00Z"),
        ('timecmp("2020-01-01T00:00:00+02:00", "2019-12-31T22:00:00Z")', 0),
        ("plantimestamp()", "2026-11-24T12:00:00Z"),
        ('cidrhost("2001:db8::/32", -1)', "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ('cidrsubnet("010.0.0.0/8", 8, 255)', "10.255.0.0/16"),
        ('cidrnetmask("172.16.0.0/12")', "255.240.0.0"),
        ('setproduct(["a"], [1, 2])', [["a", 1], ["a", 2]]),
        ("setsubtract([1, 2, 3], [2])", [1, 3]),
        ("chunklist([1, 2, 3], 2)", [[1, 2], [3]]),
        ("merge({ a = 1 }, null, { b = 2 })", {"a": 1, "b": 2}),
        ("flatten([[1, [2]], toset([3])])", [1, 2, 3]),
        ('lookup({ a = 1 }, "z", "none")', "none"),
        ('matchkeys([1, 2], ["a", "b"], ["b"])', [2]),
        ("[for i in range(3) : i * i]", [0, 1, 4]),
        ('substr("héllo", 1, 3)', "éll"),
        ('join(",", ["a"], ["b", "c"])', "a,b,c"),
        ('urlencode("a b&c=ü")', "a+b%26c%3D%C3%BC"),
        ('textdecodebase64(textencodebase64("日本", "UTF-16LE"), "UTF-16LE")', "日本"),
        ('basename("/a/b/") == "b" && dirname("a/b/c") == "a/b"', True),
        ('uuidv5("dns", "example.com")', "cfbff0d1-9375-5685-968c-48ce8b15ae17"),
        ('sha256(base64decode("YQ=="))', "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("core::max(1, 2)", 2),
        ('base64gunzip(base64gzip("hé"))', "hé"),
        ('cidrcontains("192.168.2.0/20", "192.168.2.1")', True),
        ('cidrcontains("192.168.2.0/20", "192.126.2.1")', False),
        ('cidrcontains("fe80::/48", "fe80::/16")', False),
        ('cidrcontains("fe80::/48", "fe80::/54")', True),
        ('urldecode("a+b%26c%3D%C3%BC")', "a b&c=ü"),
    ],
)  # fmt: skip
def test_examples(text: str, wanted: object) -> None:
    """Values known from the standards and from the functions' documentation."""
    assert plain(text) == wanted


@pytest.mark.parametrize(
    ("text", "summary", "detail"),
    [
        ("type([])", "Call to unknown function", "type"),
        ('uper("a")', "Call to unknown function", 'Did you mean "upper"?'),
        ('core::uper("a")', "Unknown provider function", 'Did you mean "upper"?'),
        (
            "upper([])",
            "Invalid function argument",
            'Invalid value for "str" parameter: string required.',
        ),
        ("upper(null)", "Invalid function argument", "argument must not be null"),
        ("max(null...)", "Invalid expanding argument value", "must not be null"),
        ("max(1...)", "Invalid expanding argument value", "tuple, list, or set"),
        ("try([]...)", "Error in function call", "one by one"),
        ('yamldecode("a: &a [*a]")', "Error in function call", "a part of"),
        ('format("%5")', "Error in function call", "unexpected end"),
        (
            'templatestring("$${x}", {})',
            "Invalid function argument",
            "templates that come from elsewhere",
        ),
        ('timeadd("2020-01-01T00:00:00Z", "1y")', "Error in function call", 'unknown unit "y"'),
        ('bcrypt("x", 99)', "Error in function call", "outside allowed range"),
        ('indent(1e9, "a\\n")', "Error in function call", "100000"),
        ('csvdecode("a,a\\n")', "Error in function call", "duplicate column"),
        ("range(0, 1e9)", "Error in function call", "more than 1024"),
        ('textencodebase64("a", "rot13")', "Invalid function argument", "not a supported"),
        ('textencodebase64("a", "zlib")', "Invalid function argument", "not a supported"),
        ('jsondecode("[NaN]")', "Error in function call", "NaN"),
        ('regex("(", "a")', "Invalid function argument", "invalid regexp pattern"),
        ('regex("(?=a)", "a")', "Invalid function argument", "invalid regexp pattern"),
    ],
)
def test_errors_say_what_is_wrong(text: str, summary: str, detail: str) -> None:
    """Terraform's summaries, and a detail that helps."""
    _, found = attempt(text)
    assert [item.summary for item in found.errors] == [summary]
    assert detail in found.errors[0].detail
    assert len(found.errors[0].summary) <= 60


def test_billions_of_laughs_end() -> None:
    """A text of nested aliases is refused before it fills memory."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    _, found = attempt("yamldecode(x)", x=string("\n".join(lines)))
    assert "aliasing" in found.errors[0].detail


@given(TEXTS)
@settings(max_examples=80, deadline=None)
def test_texts_survive_their_encodings(text: str) -> None:
    """Base64, gzip, URLs, JSON and YAML."""
    text = nfc(text)
    given_text = string(text)
    assert plain("base64decode(base64encode(x))", x=given_text) == text
    assert plain("jsondecode(jsonencode(x))", x=given_text) == text
    assert plain("yamldecode(yamlencode([x])) == [x]", x=given_text) is True
    assert plain("yamldecode(yamlencode({ (x) = x })) == { (x) = x }", x=given_text) is True
    packed = base64.b64decode(str(plain("base64gzip(x)", x=given_text)))
    assert gzip.decompress(packed).decode() == text
    assert plain('join(",", split(",", x))', x=given_text) == text
    if text.isascii():  # elsewhere neighbours may join into one cluster
        assert plain("strrev(strrev(x)) == x", x=given_text) is True


def test_files_are_read_below_the_base_directory(tmp_path: Path) -> None:
    """Text, bytes, digests, sets of files and templates."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.txt").write_text("hello ${name}\n%{ for x in xs }${x};%{ endfor }")
    (tmp_path / "sub" / "b.bin").write_bytes(b"\xff\x00")
    scope = StaticScope(base_dir=str(tmp_path))
    assert _run('filebase64("sub/b.bin")', scope) == "/wA="
    assert _run('fileexists("a.txt") && !fileexists("b.txt")', scope) is True
    assert _run('fileset(".", "**")', scope) == ["a.txt", "sub/b.bin"]
    assert _run('fileset(".", "*.{txt,md}")', scope) == ["a.txt"]
    assert _run('templatefile("a.txt", { name = "x", xs = [1, 2] })', scope) == "hello x\n1;2;"
    assert _run('abspath("sub")', scope) == str(tmp_path / "sub")
    assert _run('filemd5("sub/b.bin") == md5("x")', scope) is False
    expr, _ = parse_expression('file("sub/b.bin")')
    assert expr is not None
    found = Diagnostics()
    evaluate(expr, scope, found)
    assert "not valid UTF-8" in found.errors[0].detail


def test_a_scope_decides_how_files_are_read() -> None:
    """So that a plan can record them instead of reading the disk."""

    class Recorded(StaticScope):
        def read_file(self, path: str) -> bytes:
            if path == "missing":
                raise FileNotFoundError(path)
            return f"content of {path}".encode()

    scope = Recorded(base_dir="/nowhere")
    assert _run('file("x.txt")', scope) == "content of x.txt"
    assert _run('try(file("missing"), "none")', scope) == "none"
    assert _run('[fileexists("x"), fileexists("missing")]', scope) == [True, False]
    assert _run('templatefile("x", {})', scope) == "content of x"


def test_what_differs_from_call_to_call_is_unknown_while_planning() -> None:
    """And is decided when applying."""
    assert not value_of("timestamp()").is_known
    applying = StaticScope(planning=False)
    assert len(str(_run("uuid()", applying))) == 36
    assert _run('timecmp(timestamp(), "2020-01-01T00:00:00Z")', applying) == 1
    assert _run("uuid() == uuid()", applying) is False


def test_rsa_decrypts() -> None:
    """A PEM key and base64 cipher text."""
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    cipher = key.public_key().encrypt(b"plain text", padding.PKCS1v15())
    for layout in (PrivateFormat.TraditionalOpenSSL, PrivateFormat.OpenSSH, PrivateFormat.PKCS8):
        pem = key.private_bytes(Encoding.PEM, layout, NoEncryption()).decode()
        variables = {"c": string(base64.b64encode(cipher).decode()), "k": string(pem)}
        assert plain("rsadecrypt(c, k)", **variables) == "plain text"
    assert problems('rsadecrypt(c, "no key")', c=string("YQ==")) == ["Invalid function argument"]


@pytest.mark.parametrize(
    ("pattern", "path", "wanted"),
    [
        ("*.txt", "a.txt", True),
        ("*.txt", "b/a.txt", False),
        ("**/*.txt", "a.txt", True),
        ("**/*.txt", "x/y/a.txt", True),
        ("**", "x/y", True),
        ("?.txt", "ab.txt", False),
        ("[a-c].txt", "b.txt", True),
        ("[^a-c].txt", "b.txt", False),
        ("{a,b/*}.txt", "b/c.txt", True),
        ("\\*.txt", "*.txt", True),
    ],
)
def test_patterns(pattern: str, path: str, wanted: bool) -> None:
    """As the shell has them, with ``**``."""
    assert matcher(pattern)(path) is wanted


@pytest.mark.parametrize("pattern", ["[", "[a", "{a", "a\\", "[z-a]"])
def test_malformed_patterns(pattern: str) -> None:
    """They are errors, no patterns that match nothing."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the pattern is the message
        matcher(pattern)
    assert str(caught.value) == pattern


def test_the_table_has_all_of_terraforms_functions() -> None:
    """124 with ``try`` and ``can``, three of them OpenTofu's."""
    assert len(FUNCTIONS) == 122
