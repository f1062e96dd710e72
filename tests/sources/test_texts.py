"""Hash, lock file and manifest: what is written is what is read, and nothing else is believed."""

import base64
import subprocess
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from perimeter.cli.lockfile import read_lock, with_modules
from perimeter.config.sources.address import SourceError, parse_address
from perimeter.config.sources.digest import tree_hash
from perimeter.config.sources.lock import LockedModule, locked_text, parse_locked
from perimeter.config.sources.manifest import Record, manifest_text, parse_manifest

# What the language reads is in normal form C; so is a source address.
TEXT = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)
    .map(lambda text: unicodedata.normalize("NFC", text).strip())
    .filter(bool)
)
LOCKED = st.builds(
    LockedModule, package=TEXT, version=st.just("") | TEXT, commit=st.just("") | TEXT, hash=TEXT
)
SEEDS = st.sampled_from(
    [
        "git::https://example.com/m.git?ref=v1&depth=1",
        "git@host.example:a/b.git//c",
        "registry.example.com/a/b/c//d",
        "https://example.com/m.zip?archive=zip&checksum=sha256:00",
        "s3::https://s3-eu-west-1.amazonaws.com/b/k.tgz",
        "github.com/a/b/c",
        "../x",
    ]
)


@given(SEEDS, st.integers(0, 60), st.text(max_size=6), st.integers(0, 5))
def test_any_text_is_an_address_or_a_reason(seed, at, inserted, removed):
    """Changed anywhere, by anything."""
    text = seed[:at] + inserted + seed[at + removed :]
    found = ""
    try:
        parse_address(text)
    except SourceError as refused:
        found = refused.detail
    assert not found or found.endswith(".")


@given(st.lists(LOCKED, max_size=4, unique_by=lambda item: (item.package, item.version)))
def test_locked_modules_are_read_as_they_were_written(modules):
    """Whatever is in them, quotes and template marks, too; and the file says the same twice."""
    text = locked_text(modules)
    assert parse_locked(text) == tuple(sorted(modules))
    assert locked_text(parse_locked(text)) == text


def test_modules_are_exchanged_without_touching_providers(tmp_path):
    """As ``perimeter get`` does."""
    provider = (
        'provider "okta" {\n  version     = "1.0"\n  package     = "p"\n  hash        = "h"\n}\n'
    )
    one, two = (LockedModule(package=name, hash="h1:x") for name in ("one", "two"))
    path = tmp_path / "lock"
    path.write_text(with_modules(with_modules(f"# head\n{provider}", [one]), [two]))
    assert parse_locked(path.read_text()) == (two,)
    assert read_lock(path) == {"okta": {"version": "1.0", "package": "p", "hash": "h"}}
    assert with_modules(path.read_text(), [two]) == path.read_text()


def test_what_is_no_lock_file_locks_nothing():
    """Damaged blocks are left out: what they named is then not locked, and refused."""
    for text in ('module "a" {', 'module "a" { hash = x.y }', 'module { hash = "h" }', "\0module"):
        assert parse_locked(text) == ()


def test_the_manifest_is_read_as_it_was_written():
    """Sorted by key, and only what stays in its folder."""
    record = Record(
        key="a.b",
        source="x",
        version="1.0.0",
        package="p",
        folder=".perimeter/modules/p",
        base="in",
        directory=".perimeter/modules/p/in/side",
    )
    assert parse_manifest(manifest_text([record]).encode()) == (record,)
    for data in (b"", b"[]", b'{"Modules": [1]}', b'{"Modules": [{}]}', b"\xff"):
        assert parse_manifest(data) == ()


def test_the_hash_is_the_one_that_sha256sum_gives(tmp_path):
    """Over sorted names and contents; what a folder is called, and modes, do not count."""
    for name, content in {"b/x.hcl": "x", "a.hcl": "", "b.hcl": "y" * 70_000}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    found = subprocess.run(
        "find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum",
        shell=True,
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    digest = base64.b64encode(bytes.fromhex(found.stdout.split()[0])).decode()
    assert tree_hash(tmp_path) == f"h1:{digest}"
    before = tree_hash(tmp_path)
    (tmp_path / "a.hcl").chmod(0o600)
    assert tree_hash(tmp_path) == before
    (tmp_path / "l").symlink_to("a.hcl")
    linked = tree_hash(tmp_path)
    (tmp_path / "l").unlink()
    (tmp_path / "l").symlink_to("b.hcl")
    assert len({before, linked, tree_hash(tmp_path)}) == 3
