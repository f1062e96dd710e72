"""docs/approvals.md: its configuration is planned, approved, verified and applied as shown; its refusals exist."""

import base64
import re
import shlex
from pathlib import Path

from tests.cli.conftest import cli  # noqa: F401 - the command line, as its own tests use it

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "approvals.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_page_does_what_it_says(cli, monkeypatch):  # noqa: F811 - the fixture
    """Each expected line begins a line of the output, in order."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = Ed25519PrivateKey.from_private_bytes(b"k" * 32).public_key().public_bytes_raw()
    monkeypatch.setenv("PERIMETER_APPROVAL_KEY", base64.b64encode(b"k" * 32).decode())
    monkeypatch.setenv(
        "PERIMETER_APPROVAL_PUBLIC_KEYS", f"alice={base64.b64encode(public).decode()}"
    )
    texts = BLOCK.findall(PAGE)
    for kind, text in texts:
        if kind == "hcl" and text.startswith("# "):
            cli.write(text, text.partition("\n")[0].removeprefix("# "))
    ran = 0
    output: list[str] = []
    for line in next(text for kind, text in texts if kind == "console").splitlines():
        if line.startswith("$ perimeter "):
            output = cli.ok(*shlex.split(line)[2:]).splitlines()
            ran += 1
            continue
        at = next((n for n, found in enumerate(output) if found.strip().startswith(line)), None)
        assert at is not None, (line, output)
        output = output[at + 1 :]
    assert ran == 4


def test_its_approver_block_is_one(cli):  # noqa: F811 - the fixture
    """With a key that is one."""
    block = next(text for kind, text in BLOCK.findall(PAGE) if text.startswith("perimeter {"))
    cli.write(block)
    cli.ok("validate")
    from perimeter.engine.signing import public_key

    key = re.search(r'public_key = "(.*)"', block)[1]
    assert len(base64.b64decode(public_key(key))) == 32


def test_each_refusal_of_the_page_exists():
    """In the code, word for word."""
    code = (ROOT / "perimeter" / "engine" / "approvals.py").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([A-Z][^|]*) \| [^|]* \|$", PAGE, re.MULTILINE)
    names = [name for row in rows for name in row.split(", ")]
    assert len(names) == 8
    for name in names:
        assert f'"{name}"' in code, name
