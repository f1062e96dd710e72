"""Module source addresses: what each form means, and which are refused."""

import pytest

from perimeter.config.sources.address import (
    Archive,
    Git,
    Local,
    Registry,
    SourceError,
    parse_address,
)
from perimeter.config.sources.object_store import S3Object, gcs_url, s3_object

GITHUB = "https://github.com/acme/mods.git"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("./modules/a", Local("./modules/a")),
        ("..", Local("..")),
        ("github.com/acme/mods", Git(url=GITHUB)),
        ("github.com/acme/mods.git?ref=v1", Git(url=GITHUB, ref="v1")),
        ("github.com/acme/mods/sub/dir", Git(url=GITHUB, subdir="sub/dir")),
        (
            "github.com/acme/mods//sub?ref=feature/x&depth=3",
            Git(url=GITHUB, ref="feature/x", depth=3, subdir="sub"),
        ),
        ("bitbucket.org/acme/mods", Git(url="https://bitbucket.org/acme/mods.git")),
        ("git@github.com:acme/mods.git", Git(url="ssh://git@github.com/acme/mods.git")),
        (
            "git@host.example:acme/mods.git//a?ref=v2",
            Git(url="ssh://git@host.example/acme/mods.git", ref="v2", subdir="a"),
        ),
        ("git::git@host.example:m.git", Git(url="ssh://git@host.example/m.git")),
        (
            "git::ssh://git@host.example:2222/m.git//x",
            Git(url="ssh://git@host.example:2222/m.git", subdir="x"),
        ),
        (
            "git::https://example.com/m.git?ref=v1&submodules=true",
            Git(url="https://example.com/m.git", ref="v1", submodules=True),
        ),
        ("https://example.com/m.git", Git(url="https://example.com/m.git")),
        ("git::file:///srv/m.git", Git(url="file:///srv/m.git")),
        ("https://example.com/m.zip", Archive(url="https://example.com/m.zip", kind="zip")),
        (
            "https://example.com/m.tgz//in/side?archive=tar.gz&v=2",
            Archive(url="https://example.com/m.tgz?v=2", kind="tar.gz", subdir="in/side"),
        ),
        (
            "https://example.com/m?archive=tar.xz",
            Archive(url="https://example.com/m", kind="tar.xz"),
        ),
        ("https://example.com/vanity", Archive(url="https://example.com/vanity")),
        (
            f"https://example.com/m.zip?checksum=sha256:{'a' * 64}",
            Archive(url="https://example.com/m.zip", kind="zip", checksum=("sha256", "a" * 64)),
        ),
        (
            "s3::https://s3-eu-west-1.amazonaws.com/bucket/m.zip",
            Archive(url="https://s3-eu-west-1.amazonaws.com/bucket/m.zip", kind="zip", store="s3"),
        ),
        (
            "gcs::https://www.googleapis.com/storage/v1/bucket/m.tar.bz2",
            Archive(
                url="https://www.googleapis.com/storage/v1/bucket/m.tar.bz2",
                kind="tar.bz2",
                store="gcs",
            ),
        ),
        ("acme/net/aws", Registry(host="", namespace="acme", name="net", system="aws")),
        (
            "Registry.example.com:8443/acme/net/aws//modules/x",
            Registry(
                host="registry.example.com:8443",
                namespace="acme",
                name="net",
                system="aws",
                subdir="modules/x",
            ),
        ),
    ],
)
def test_each_form_is_understood(text, meaning):
    """As Terraform understands it."""
    assert parse_address(text) == meaning


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "nothing"),
        ("modules/a", '"./modules/a"'),
        ("/srv/modules", '"./srv/modules"'),
        ("hg::https://example.com/m", "hg::"),
        ("git::ext::sh -c id", "begin with"),
        ("git::ext://x/y", "begin with"),
        ("ext::sh%20-c%20id", "ext::"),
        ("git::--upload-pack=id", "begin with"),
        ("git::ssh://-oProxyCommand=id/x", "not a URL"),
        ("git::https://example.com/m.git?ref=--upload-pack%3Did", "cannot be the name"),
        ("git::https://example.com/m.git?ref=a..b", "cannot be the name"),
        ("git::https://example.com/m.git?depth=0", "positive"),
        ("git::https://example.com/m.git?sshkey=abc", "ssh-agent"),
        ("git::https://user:pass@example.com/m.git", "holds a user name or password"),
        ("git::https://t0ken@example.com/m.git", "holds a user name or password"),
        ("git::ssh://git:pass@example.com/m.git", "holds a user name or password"),
        ("http://example.com/m.zip", "Use https"),
        ("git::http://example.com/m.git", "Use https"),
        ("https://example.com/m.zip//../../etc", "leads out"),
        ("github.com/acme", "an owner and a repository"),
        ("github.com/acme/", "owner and a repository"),
        ("https://example.com/m?archive=rar", "no archive format"),
        ("https://example.com/m.zip?checksum=sha256:abc", "checksum"),
        ("s3::https://s3.amazonaws.com/bucket/prefix", "name an archive"),
        ("github.com/acme/mods\n", "white space"),
    ],
)
def test_what_is_refused_says_why(text, says):
    """Nothing that could run a program, leak a credential, or be changed on the way."""
    with pytest.raises(SourceError) as refused:
        parse_address(text)
    assert says in refused.value.detail
    assert "pass" not in refused.value.detail.replace("password", "")
    assert "t0ken" not in refused.value.detail


def test_objects_of_s3_and_gcs_are_found_in_all_spellings():
    """Path style and virtual-hosted style, with and without a region."""
    wanted = S3Object(bucket="b", key="k/m.zip", region="eu-west-1")
    for url in (
        "https://s3-eu-west-1.amazonaws.com/b/k/m.zip",
        "https://s3.eu-west-1.amazonaws.com/b/k/m.zip",
        "https://b.s3-eu-west-1.amazonaws.com/k/m.zip",
        "https://b.s3.eu-west-1.amazonaws.com/k/m.zip",
    ):
        assert s3_object(url) == wanted
    assert s3_object("https://s3.amazonaws.com/b/m.zip") == S3Object(bucket="b", key="m.zip")
    assert (
        gcs_url("https://www.googleapis.com/storage/v1/b/dir/m.zip")
        == "https://storage.googleapis.com/b/dir/m.zip"
    )
    for wrong in ("https://example.com/b/k.zip", "https://s3.amazonaws.com/b"):
        with pytest.raises(SourceError):
            s3_object(wrong)
