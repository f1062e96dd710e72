"""Modules from archives and registries, spoken to over HTTP on loopback."""

import hashlib
import io
import json
import shutil
import zipfile

import pytest

from perimeter.config.sources import download
from perimeter.config.sources.address import SourceError, parse_address
from perimeter.config.sources.limits import Limits
from tests.sources.conftest import call, module, packed


def shown(cli):
    cli.ok("apply", "-auto-approve")
    return json.loads(cli.ok("output", "-json"))["a"]["value"]


def words(text):
    """A diagnostic's text without its frame and line breaks."""
    return " ".join(text.replace("│", " ").split())


class Registry:
    """A registry of one module, acme/net/aws, on a loopback site."""

    def __init__(self, site):
        self.site = site
        site.answers["/.well-known/terraform.json"] = (200, {}, b'{"modules.v1": "/api/modules"}')
        self.source = f"{site.host}/acme/net/aws"
        self._versions = []

    def publish(self, version, files, *, location="/files/VERSION.tar.gz//*", json_answer=False):
        self._versions.append(version)
        base = "/api/modules/acme/net/aws"
        listed = {"modules": [{"versions": [{"version": v} for v in self._versions]}]}
        answers = self.site.answers
        answers[f"{base}/versions"] = (200, {}, json.dumps(listed).encode())
        found = location.replace("VERSION", version)
        answers[f"{base}/{version}/download"] = (
            (200, {}, json.dumps({"location": found}).encode())
            if json_answer
            else (204, {"X-Terraform-Get": found}, b"")
        )
        answers[f"/files/{version}.tar.gz"] = (200, {}, packed(files, top="acme-net-123/"))


@pytest.fixture
def registry(site):
    return Registry(site)


def test_a_registry_gives_the_newest_version_that_fits(cli, registry):
    """Prereleases only where they are named; the lock file holds version and hash."""
    for version in ("1.0.0", "1.2.0", "1.10.0", "2.0.0", "1.11.0-beta"):
        registry.publish(version, {"main.hcl": module(version)}, json_answer=version == "1.10.0")
    cli.write(call(registry.source, "~> 1.0"))
    cli.ok("init")
    assert shown(cli) == "1.10.0 x"
    lock = (cli.directory / ".perimeter.lock.hcl").read_text()
    assert f'module "{registry.source}"' in lock
    assert 'version = "1.10.0"' in lock
    assert json.loads(cli.ok("modules", "-json"))["modules"][0]["version"] == "1.10.0"
    cli.write(call(registry.source, "1.11.0-beta"))
    assert "Module version requirements have changed" in cli("plan").err
    cli.ok("init")
    assert shown(cli) == "1.11.0-beta x"
    cli.write(call(registry.source))
    cli.ok("init", "-upgrade")
    assert shown(cli) == "2.0.0 x"
    cli.write(call(registry.source, ">= 3.0"))
    refused = words(cli("init").err)
    assert "Unresolvable module version constraint" in refused
    assert "The newest available version is 2.0.0" in refused


def test_a_locked_version_stays_until_upgrade(cli, registry, site):
    """A newer one is not looked for, and none is needed to install the locked one afresh."""
    registry.publish("1.0.0", {"main.hcl": module("1.0.0")})
    cli.write(call(registry.source, "~> 1.0"))
    cli.ok("init")
    registry.publish("1.1.0", {"main.hcl": module("1.1.0")})
    site.seen.clear()
    cli.ok("init")
    assert site.paths == []
    shutil.rmtree(cli.directory / ".perimeter")
    cli.ok("init", "-lockfile=readonly")
    assert not [path for path in site.paths if path.endswith("/versions")]
    assert shown(cli) == "1.0.0 x"
    cli.ok("init", "-upgrade")
    assert shown(cli) == "1.1.0 x"


def test_a_version_whose_content_changed_is_refused(cli, registry):
    """What is locked by hash is what runs, or nothing does."""
    registry.publish("1.0.0", {"main.hcl": module("1.0.0")})
    cli.write(call(registry.source, "1.0.0"))
    cli.ok("init")
    before = (cli.directory / ".perimeter.lock.hcl").read_text()
    registry.publish("1.0.0", {"main.hcl": module("evil")})
    shutil.rmtree(cli.directory / ".perimeter")
    refused = cli("init")
    assert refused.code == 1
    assert "Module differs from the lock file" in refused.err
    assert "perimeter init -upgrade" in words(refused.err)
    assert (cli.directory / ".perimeter.lock.hcl").read_text() == before
    assert not list((cli.directory / ".perimeter/modules").rglob("*.hcl"))
    cli.ok("init", "-upgrade")
    assert shown(cli) == "evil x"


def test_a_folder_inside_a_registry_module_is_found(cli, registry):
    """The registry's own folder first, then the call's."""
    registry.publish(
        "1.0.0",
        {"top/mods/x/main.hcl": module("inner")},
        location="/files/VERSION.tar.gz//acme-net-123/top",
    )
    cli.write(call(f"{registry.source}//mods/x", "1.0.0"))
    cli.ok("init")
    assert shown(cli) == "inner x"
    cli.write(call(f"{registry.source}//mods/y", "1.0.0"))
    assert 'holds no folder "acme-net-123/top/mods/y"' in words(cli("init").err)


def test_the_token_goes_to_its_registry_only(cli, registry, site, monkeypatch):
    """From the environment, and never to where the archive lies if that is elsewhere."""
    monkeypatch.setenv("PERIMETER_TOKEN_localhost", "s3cr3t-token")
    elsewhere = site.url.replace("localhost", "127.0.0.1")
    registry.publish(
        "1.0.0",
        {"main.hcl": module("1.0.0")},
        location=f"{elsewhere}/files/VERSION.tar.gz//*",
    )
    cli.write(call(registry.source, "1.0.0"))
    result = cli("init")
    assert result.code == 0
    by_path = {path.partition("?")[0]: headers for path, headers in site.seen}
    given = {
        name: value for name, value in by_path.items() if "authorization" in map(str.lower, value)
    }
    assert "/api/modules/acme/net/aws/versions" in given
    assert "/files/1.0.0.tar.gz" not in given
    written = b"".join(p.read_bytes() for p in cli.directory.rglob("*") if p.is_file())
    assert b"s3cr3t-token" not in written
    assert "s3cr3t-token" not in result.out + result.err


@pytest.mark.parametrize(
    ("path", "answer", "says"),
    [
        ("/.well-known/terraform.json", (404, {}, b""), "status 404"),
        ("/.well-known/terraform.json", (200, {}, b"<html>"), "no JSON object"),
        ("/.well-known/terraform.json", (200, {}, b"{}"), "offers no module registry"),
        (
            "/.well-known/terraform.json",
            (200, {}, b'{"modules.v1": "http://example.com/"}'),
            "not reached over https",
        ),
        ("/api/modules/acme/net/aws/versions", (404, {}, b""), "Module not found"),
        ("/api/modules/acme/net/aws/versions", (500, {}, b""), "status 500"),
        ("/api/modules/acme/net/aws/versions", (200, {}, b'{"modules": []}'), "lists no versions"),
        ("/api/modules/acme/net/aws/1.0.0/download", (204, {}, b""), "does not say where"),
        (
            "/api/modules/acme/net/aws/1.0.0/download",
            (204, {"X-Terraform-Get": "git::ext::sh -c id"}, b""),
            "gives an address",
        ),
        (
            "/api/modules/acme/net/aws/1.0.0/download",
            (204, {"X-Terraform-Get": "http://example.com/m.zip"}, b""),
            "Use https",
        ),
        ("/files/1.0.0.tar.gz", (404, {}, b""), "status 404"),
        ("/files/1.0.0.tar.gz", (200, {}, b"nothing packed"), "Damaged module package"),
        (
            "/files/1.0.0.tar.gz",
            (302, {"location": "http://example.com/x"}, b""),
            "other than https",
        ),
        ("/files/1.0.0.tar.gz", (302, {"location": "/files/1.0.0.tar.gz"}, b""), "without end"),
        ("/files/1.0.0.tar.gz", (200, {}, packed({"../../evil.hcl": "x"})), "leads out"),
    ],
)
def test_a_registry_that_misbehaves_is_named(cli, registry, site, path, answer, says):
    """One error at the module's source; nothing is locked or left behind."""
    registry.publish("1.0.0", {"main.hcl": module("1.0.0")})
    site.answers[path] = answer
    cli.write(call(registry.source, "1.0.0"))
    refused = cli("init")
    assert refused.code == 1
    assert says in words(refused.err)
    assert "on main.hcl line 2" in refused.err
    assert not (cli.directory / ".perimeter.lock.hcl").exists()
    assert not [p for p in cli.directory.rglob("*.hcl") if p.name != "main.hcl"]


def test_an_address_without_a_host_needs_a_registry(cli, registry, site, monkeypatch):
    """perimeter has none of its own."""
    registry.publish("1.0.0", {"main.hcl": module("1.0.0")})
    cli.write(call("acme/net/aws", "1.0.0"))
    assert "PERIMETER_REGISTRY" in cli("init").err
    monkeypatch.setenv("PERIMETER_REGISTRY", site.host)
    cli.ok("init")
    assert shown(cli) == "1.0.0 x"


def zip_of(name, content):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, content)
    return out.getvalue()


def test_an_archive_is_fetched_by_name_by_type_and_by_argument(cli, site):
    """.zip; a content type; ``?archive=``; and an address that the server gives instead."""
    data = zip_of("in/main.hcl", module("zip"))
    site.answers["/m.zip"] = (200, {}, data)
    site.answers["/typed"] = (200, {"content-type": "application/zip; x=y"}, data)
    site.answers["/plain"] = (200, {}, data)
    site.answers["/vanity"] = (200, {"X-Terraform-Get": "/m.zip//in"}, b"<html>")
    site.answers["/moved"] = (302, {"location": "/m.zip"}, b"")
    for path in ("/m.zip//in", "/typed//in", "/plain//in?archive=zip", "/vanity", "/moved//in"):
        cli.write(call(f"{site.url}{path}"))
        cli.ok("init")
        assert shown(cli) == "zip x"
    cli.write(call(f"{site.url}/plain//in"))
    assert "?archive=zip" in words(cli("init").err)
    cli.write(call(f"{site.url}/m.zip", "1.0.0"))
    assert "applies only to registry modules" in words(cli("init").err)


def test_a_checksum_in_the_address_must_hold(cli, site):
    """Before anything is unpacked."""
    data = zip_of("main.hcl", module("zip"))
    site.answers["/m.zip"] = (200, {}, data)
    cli.write(call(f"{site.url}/m.zip?checksum=sha256:{hashlib.sha256(data).hexdigest()}"))
    cli.ok("init")
    cli.write(call(f"{site.url}/m.zip?checksum=sha256:{'0' * 64}"))
    assert "Module checksum does not match" in cli("init", "-upgrade").err


def test_a_download_is_bounded(site, tmp_path):
    """However long the answer says it is."""
    site.answers["/big"] = (200, {}, b"x" * 100_000)
    with pytest.raises(SourceError, match="more than a module may"):
        download.save(f"{site.url}/big", tmp_path / "file", limits=Limits(download=50_000))
    assert (tmp_path / "file").stat().st_size <= 50_000


def test_a_server_that_is_not_there_is_an_error(cli):
    """With its address, and without a traceback."""
    cli.write(call("http://127.0.0.1:1/m.zip"))
    refused = cli("init")
    assert refused.code == 1
    assert "127.0.0.1:1/m.zip could not be fetched" in words(refused.err)


def test_an_object_store_is_read_with_the_credentials_of_boto3(tmp_path, monkeypatch):
    """Against moto's S3: what is there, and what is not."""
    moto = pytest.importorskip("moto")
    import boto3

    from perimeter.config.sources.object_store import save_s3

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with moto.mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="mods")
        client.put_object(Bucket="mods", Key="m.zip", Body=b"data")
        address = parse_address("s3::https://s3.amazonaws.com/mods/m.zip")
        save_s3(address, tmp_path / "m.zip", {})
        assert (tmp_path / "m.zip").read_bytes() == b"data"
        with pytest.raises(SourceError, match="could not be fetched"):
            save_s3(
                parse_address("s3::https://s3.amazonaws.com/mods/n.zip"), tmp_path / "n.zip", {}
            )


def test_modules_call_others_from_elsewhere(cli, registry, site):
    """A registry's module calls an archive; both are locked, and each has its key."""
    site.answers["/inner.zip"] = (200, {}, zip_of("main.hcl", module("inner")))
    registry.publish(
        "1.0.0",
        {
            "main.hcl": f'module "b" {{\n source = "{site.url}/inner.zip"\n name = var.name\n}}\n'
            'variable "name" {}\noutput "greeting" { value = module.b.greeting }\n'
        },
    )
    cli.write(call(registry.source, "1.0.0"))
    cli.ok("init")
    assert shown(cli) == "inner x"
    keys = [item["key"] for item in json.loads(cli.ok("modules", "-json"))["modules"]]
    assert keys == ["a", "a.b"]
    assert (cli.directory / ".perimeter.lock.hcl").read_text().count("\nmodule ") == 2


def test_a_server_far_away_names_nothing_on_this_machine():
    """Neither by a registry's answer nor by an archive's header."""
    from perimeter.config.sources.install import _led

    for text in (
        "http://localhost:1/m.zip",
        "git::http://127.0.0.1/m.git",
        "git::file:///srv/m.git",
    ):
        with pytest.raises(SourceError, match="on this machine"):
            _led("https://example.com/x", text)
        assert _led("http://localhost:2/x", text) == parse_address(text)
