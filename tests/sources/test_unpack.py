"""Archives are unpacked into their folder or not at all."""

import io
import os
import stat
import tarfile
import zipfile

import pytest

from perimeter.config.sources.address import SourceError
from perimeter.config.sources.limits import Limits, check_links
from perimeter.config.sources.unpack import unpack

SMALL = Limits(download=10_000, content=100_000, entries=50)


def tar(path, *members, mode="w"):
    """An archive of (name, content or TarInfo changes) members."""
    with tarfile.open(path, mode) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            data = b""
            if isinstance(content, bytes):
                data, info.size, info.mode = content, len(content), 0o755
            else:
                for key, value in content.items():
                    setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return path


def zipped(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            if isinstance(content, tuple):
                info.create_system, info.external_attr = 3, content[0] << 16
                content = content[1]
            archive.writestr(info, content)
    return path


def link(target):
    return {"type": tarfile.SYMTYPE, "linkname": target}


def zip_link(target):
    return (stat.S_IFLNK | 0o777, target)


@pytest.mark.parametrize(
    ("kind", "mode"), [("tar", "w"), ("tar.gz", "w:gz"), ("tar.xz", "w:xz"), ("tar.bz2", "w:bz2")]
)
def test_every_tar_is_unpacked(tmp_path, kind, mode):
    """Files, folders, inner links and hard links; nothing is executable afterwards."""
    path = tar(
        tmp_path / "m",
        ("./", {"type": tarfile.DIRTYPE}),
        ("./a/main.hcl", b"x" * 50_000),
        ("b/link.hcl", link("../a/main.hcl")),
        ("c.hcl", {"type": tarfile.LNKTYPE, "linkname": "a/main.hcl"}),
        mode=mode,
    )
    unpack(path, kind, tmp_path / "out", Limits(content=200_000))
    out = tmp_path / "out"
    assert (out / "a/main.hcl").read_bytes() == (out / "b/link.hcl").read_bytes()
    assert (out / "c.hcl").read_bytes() == b"x" * 50_000
    assert not (out / "a/main.hcl").stat().st_mode & 0o111


def test_a_zip_is_unpacked(tmp_path):
    """Files, folders and inner links."""
    path = zipped(
        tmp_path / "m.zip", ("a/", ""), ("a/main.hcl", "x"), ("link.hcl", zip_link("a/main.hcl"))
    )
    unpack(path, "zip", tmp_path / "out")
    assert (tmp_path / "out/link.hcl").read_text() == "x"


def test_several_xz_streams_in_a_row_are_one(tmp_path):
    """As xz itself reads them."""
    import lzma

    whole = tar(tmp_path / "m.tar", ("a.hcl", b"y" * 3000)).read_bytes()
    (tmp_path / "m.xz").write_bytes(lzma.compress(whole[:1000]) + lzma.compress(whole[1000:]))
    unpack(tmp_path / "m.xz", "tar.xz", tmp_path / "out")
    assert (tmp_path / "out/a.hcl").read_bytes() == b"y" * 3000


@pytest.mark.parametrize(
    "members",
    [
        [("../evil", b"x")],
        [("a/../../evil", b"x")],
        [("/etc/evil", b"x")],
        [("C:\\evil", b"x")],
        [("a\\..\\..\\evil", b"x")],
        [("l", link("/etc/passwd"))],
        [("l", link("../outside"))],
        [("a/l", link("../../outside"))],
        [("l", link(".")), ("l/evil", b"x")],
        [("l", link("sub")), ("sub/x", b"x"), ("l/evil", b"x")],
        [("x/y/z", b"x"), ("d", link("x")), ("x/a/b", link("../../d")), ("e", link("x/a/b/../.."))],
        [("h", {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"})],
        [("h", {"type": tarfile.LNKTYPE, "linkname": "../x"})],
        [("h", {"type": tarfile.LNKTYPE, "linkname": "missing"})],
        [("d", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3})],
        [("p", {"type": tarfile.FIFOTYPE})],
        [("a", b"x"), ("a", b"y")],
        [("a", b"x"), ("a/b", b"y")],
        [("dangling", link("nowhere/../../.."))],
    ],
)
def test_a_tar_that_would_leave_its_folder_is_refused(tmp_path, members):
    """And nothing exists outside the folder afterwards."""
    (tmp_path / "in").mkdir()
    path = tar(tmp_path / "in/m.tar", *members)
    (tmp_path / "in/x").write_text("untouched")
    before = {found.name for found in (tmp_path / "in").iterdir()}
    with pytest.raises(SourceError) as refused:
        unpack(path, "tar", tmp_path / "in/out")
    assert refused.value.summary == "Unsafe module package"
    assert {found.name for found in (tmp_path / "in").iterdir()} == {*before, "out"}
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    "members",
    [
        [("../evil", "x")],
        [("/evil", "x")],
        [("a/../../evil", "x")],
        [("l", zip_link("/etc/passwd"))],
        [("l", zip_link("../.."))],
        [("l", zip_link("a")), ("l/evil", "x")],
        [("f", (stat.S_IFIFO | 0o600, ""))],
        [("A", "x"), ("A", "y")],
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_that_would_leave_its_folder_is_refused(tmp_path, members):
    """The same rules."""
    path = zipped(tmp_path / "m.zip", *members)
    with pytest.raises(SourceError) as refused:
        unpack(path, "zip", tmp_path / "out")
    assert refused.value.summary == "Unsafe module package"
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("zip", lambda path: zipped(path, ("a", "0" * 5_000_000))),
        ("tar.gz", lambda path: tar(path, ("a", b"0" * 5_000_000), mode="w:gz")),
        ("tar.xz", lambda path: tar(path, ("a", b"0" * 5_000_000), mode="w:xz")),
        ("tar.gz", lambda path: tar(path, ("a" * 5_000_000, b""), mode="w:gz")),
        ("tar", lambda path: tar(path, *[(f"a{n}", b"") for n in range(60)])),
        ("zip", lambda path: zipped(path, *[(f"a{n}", "") for n in range(60)])),
    ],
)
def test_a_bomb_is_refused_before_it_goes_off(tmp_path, kind, made):
    """No more than the limit is written, however the size is hidden."""
    path = made(tmp_path / "m")
    with pytest.raises(SourceError) as refused:
        unpack(path, kind, tmp_path / "out", SMALL)
    assert "more than a module may" in refused.value.detail
    written = sum(p.stat().st_size for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert written <= SMALL.content


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz", "tar.bz2"])
@pytest.mark.parametrize("cut", [1, 100, 700])
def test_a_damaged_archive_is_a_sentence(tmp_path, kind, cut):
    """Cut short, or not an archive at all."""
    modes = {"tar": "w", "tar.gz": "w:gz", "tar.xz": "w:xz", "tar.bz2": "w:bz2"}
    noise = os.urandom(5000)
    path = tmp_path / "m"
    if kind == "zip":
        zipped(path, ("a", noise))
    else:
        tar(path, ("a", noise), mode=modes[kind])
    for number, data in enumerate([path.read_bytes()[:cut], noise]):
        path.write_bytes(data)
        with pytest.raises(SourceError) as refused:
            unpack(path, kind, tmp_path / f"out{number}")
        assert refused.value.summary == "Damaged module package"


def test_a_tree_with_a_link_out_of_it_is_refused(tmp_path):
    """Also where only following links shows it."""
    root = tmp_path / "tree"
    (root / "deep/er").mkdir(parents=True)
    (root / "shallow").mkdir()
    (root / "deep/er/up").symlink_to("../../shallow")
    check_links(root)
    (root / "out").symlink_to("deep/er/up/../..")
    with pytest.raises(SourceError, match="out"):
        check_links(root)
