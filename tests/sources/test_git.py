"""Modules from git repositories, as ``perimeter init`` installs them."""

import json
import shutil

import pytest

from tests.sources.conftest import call, module


@pytest.fixture
def files(cli, monkeypatch, tmp_path):
    """The command line, allowed to fetch from the file system, with a home of its own."""
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return cli


def shown(cli):
    """What the module's output would be."""
    cli.ok("apply", "-auto-approve")
    return json.loads(cli.ok("output", "-json"))["a"]["value"]


def test_a_module_is_fetched_locked_and_used(files, repository):
    """By tag, from a folder inside, without its history; the lock names commit and hash."""
    commit = repository.commit({"mods/a/main.hcl": module("one")}, tag="v1")
    repository.commit({"mods/a/main.hcl": module("two")})
    files.write(call(f"git::{repository.url}//mods/a?ref=v1&depth=1"))
    said = files.ok("init")
    assert "Initializing modules..." in said
    assert "- a in .perimeter/modules/" in said
    lock = (files.directory / ".perimeter.lock.hcl").read_text()
    assert f'module "git::{repository.url}?ref=v1"' in lock
    assert f'commit = "{commit}"' in lock
    assert 'hash   = "h1:' in lock
    assert shown(files) == "one x"
    assert not list((files.directory / ".perimeter/modules").rglob(".git"))
    listed = json.loads(files.ok("modules", "-json"))
    source = f"git::{repository.url}//mods/a?ref=v1&depth=1"
    assert listed["modules"] == [{"key": "a", "source": source, "version": ""}]
    assert f'"a"[{source}]' in files.ok("modules")


def test_other_commands_ask_for_init(files, repository):
    """Not installed, and changed since."""
    repository.commit({"main.hcl": module("one")})
    files.write(call(f"git::{repository.url}"))
    for name in ("plan", "validate", "graph", "providers", "modules"):
        result = files(name)
        assert result.code == 1
        assert "Module not installed" in result.err
        assert "perimeter init" in result.err
    files.ok("init")
    files.ok("validate")
    files.write(call(f"git::{repository.url}?ref=main"))
    assert "Module source has changed" in files("plan").err


def test_a_moving_branch_stays_where_it_was_locked_until_upgrade(files, repository):
    """On a fresh checkout, too: the locked commit is fetched although the branch has moved on."""
    repository.commit({"main.hcl": module("one")})
    files.write(call(f"git::{repository.url}?ref=main"))
    files.ok("init")
    repository.commit({"main.hcl": module("two")})
    shutil.rmtree(files.directory / ".perimeter")
    files.ok("init", "-lockfile=readonly")
    assert shown(files) == "one x"
    files.ok("init", "-upgrade")
    assert shown(files) == "two x"


def test_get_does_what_init_does_to_modules(files, repository):
    """And keeps the providers of the lock file."""
    repository.commit({"main.hcl": module("one")})
    files.write(call(f"git::{repository.url}"))
    files.ok("init")
    repository.commit({"main.hcl": module("two")})
    files.ok("get")
    assert shown(files) == "one x"
    files.ok("get", "-update")
    assert shown(files) == "two x"
    assert 'provider "perimeter"' in (files.directory / ".perimeter.lock.hcl").read_text()
    files.ok("init", "-lockfile=readonly")


def test_installed_modules_need_no_network(files, repository):
    """As long as they are what the lock file says; changed files are put back or refused."""
    repository.commit({"main.hcl": module("one")})
    files.write(call(f"git::{repository.url}"))
    files.ok("init")
    moved = repository.bare.rename(repository.bare.with_name("gone"))
    assert "Downloading" not in files.ok("init")
    installed = next((files.directory / ".perimeter/modules").rglob("main.hcl"))
    installed.write_text(module("evil"))
    refused = files("plan")
    assert "Installed module differs from the lock file" in refused.err
    assert "Failed to download module" in files("init").err
    moved.rename(repository.bare)
    files.ok("init")
    assert shown(files) == "one x"


def test_a_rewritten_tag_is_refused_until_upgrade(files, repository):
    """The locked commit cannot be had any more: nothing else is taken in its place."""
    first = repository.commit({"main.hcl": module("one")}, tag="v1")
    files.write(call(f"git::{repository.url}?ref=v1"))
    files.ok("init")
    repository.git("checkout", "-q", "--orphan", "other")
    repository.commit({"main.hcl": module("two")})
    repository.git("tag", "-f", "-a", "-m", "v1", "v1")
    repository.git("push", "-q", "-f", "--tags", str(repository.bare))
    repository.git("gc", "-q", "--prune=now", at=repository.bare)
    shutil.rmtree(files.directory / ".perimeter")
    refused = files("init")
    assert refused.code == 1
    assert first in refused.err
    assert "init -upgrade" in refused.err
    files.ok("init", "-upgrade")
    assert shown(files) == "two x"


def test_readonly_refuses_what_is_not_locked(files, repository):
    """And fetches nothing."""
    repository.commit({"main.hcl": module("one")})
    files.write(call(f"git::{repository.url}"))
    refused = files("init", "-lockfile=readonly")
    assert refused.code == 1
    assert "Lock file would change" in refused.err
    assert not (files.directory / ".perimeter.lock.hcl").exists()


@pytest.mark.parametrize("ref", ["main", "feature/x", "v1", "SHA", "SHORT", ""])
def test_refs_of_all_kinds_are_found(files, repository, ref):
    """Branch, branch with a slash, annotated tag, commit, abbreviated commit, none."""
    commit = repository.commit({"main.hcl": module("one")}, tag="v1")
    repository.commit({}, branch="feature/x")
    ref = {"SHA": commit, "SHORT": commit[:10]}.get(ref, ref)
    files.write(call(f"git::{repository.url}?ref={ref}" if ref else f"git::{repository.url}"))
    files.ok("init")
    files.ok("validate")


def test_what_git_refuses_is_told(files, repository, monkeypatch):
    """A missing ref or repository, a protocol that is not allowed, no git."""
    repository.commit({"main.hcl": module("one")})
    files.write(call(f"git::{repository.url}?ref=nosuch"))
    assert 'no branch, tag or commit "nosuch"' in files("init").err.replace("\n", " ").replace(
        "│ ", ""
    )
    files.write(call("git::file:///nonexistent/m.git"))
    assert "Failed to download module" in files("init").err
    monkeypatch.delenv("GIT_ALLOW_PROTOCOL")
    files.write(call(f"git::{repository.url}"))
    assert "GIT_ALLOW_PROTOCOL" in files("init").err
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file")
    monkeypatch.setenv("PATH", "/nonexistent")
    assert "git not found" in files("init").err


def test_nothing_in_a_repository_runs_or_leads_out(files, repository, tmp_path, monkeypatch):
    """No hook from a template, no link out of the folder, whatever repository git is told to use."""
    hooks = tmp_path / "template/hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "post-merge"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (hooks / name).chmod(0o755)
    (tmp_path / ".gitconfig").write_text(
        f"[init]\n templateDir = {tmp_path}/template\n[core]\n hooksPath = {hooks}\n"
        f'[filter "evil"]\n smudge = "touch {tmp_path}/ran; cat"\n clean = cat\n'
    )
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    repository.commit({"main.hcl": module("one"), ".gitattributes": "* filter=evil\n"})
    files.write(call(f"git::{repository.url}"))
    files.ok("init")
    assert not (tmp_path / "ran").exists()
    (repository.work / "leak").symlink_to("/etc/passwd")
    repository.commit({})
    refused = files("init", "-upgrade")
    assert "Unsafe module package" in refused.err
    assert not list((files.directory / ".perimeter/modules").rglob("leak"))
    assert shown(files) == "one x"


def test_submodules_come_only_when_asked(files, repository, tmp_path):
    """``submodules=true``."""
    from tests.sources.conftest import Repository

    (tmp_path / "other").mkdir()
    other = Repository(tmp_path / "other")
    other.commit({"main.hcl": module("inner")})
    repository.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", other.url, "sub")
    repository.commit({"main.hcl": module("outer")})
    files.write(call(f"git::{repository.url}//sub"))
    assert files("validate").code == 1
    files("init")
    files.write(call(f"git::{repository.url}//sub?submodules=true"))
    files.ok("init")
    assert shown(files) == "inner x"


def test_calls_inside_a_package_stay_inside(files, repository):
    """A neighbour in the same repository is found; one above its root is not."""
    repository.commit(
        {
            "mods/a/main.hcl": 'module "b" {\n source = "../b"\n name = "y"\n}\n'
            'variable "name" {}\noutput "greeting" { value = module.b.greeting }\n',
            "mods/b/main.hcl": module("b"),
        }
    )
    files.write(call(f"git::{repository.url}//mods/a"))
    files.ok("init")
    assert shown(files) == "b y"
    repository.commit({"mods/b/more.hcl": 'module "c" {\n source = "../../../../other"\n}\n'})
    refused = files("init", "-upgrade")
    assert "Local module path escapes module package" in refused.err


def test_packages_that_nobody_calls_are_removed(files, repository):
    """From the folder and from the lock file; one package serves several calls."""
    repository.commit({"main.hcl": module("one")}, tag="v1")
    url = f"git::{repository.url}?ref=v1"
    files.write(call(url) + call(url, name="b") + call(f"git::{repository.url}", name="c"))
    files.ok("init")
    folders = [p for p in (files.directory / ".perimeter/modules").iterdir() if p.is_dir()]
    assert len(folders) == 2
    files.write(call(url))
    files.ok("init")
    folders = [p for p in (files.directory / ".perimeter/modules").iterdir() if p.is_dir()]
    assert len(folders) == 1
    assert (files.directory / ".perimeter.lock.hcl").read_text().count("module ") == 1


def test_a_manifest_that_leads_elsewhere_is_not_followed(files, repository, tmp_path):
    """The manifest is scratch: what it says must stay in the folder of modules."""
    repository.commit({"main.hcl": module("one")})
    files.write(call(f"git::{repository.url}"))
    files.ok("init")
    manifest = files.directory / ".perimeter/modules/modules.json"
    data = json.loads(manifest.read_text())
    for wrong in ("../../other", str(tmp_path), ".perimeter/modules/../../x"):
        data["Modules"][0]["Dir"] = data["Modules"][0]["Folder"] = wrong
        manifest.write_text(json.dumps(data))
        assert "Module not installed" in files("validate").err
    manifest.write_text("{")
    assert "Module not installed" in files("validate").err
    files.ok("init")
    files.ok("validate")


def test_a_directory_can_start_as_a_copy_of_a_module(files, repository):
    """From a repository or a local directory, and only where nothing is overwritten."""
    repository.commit({"app/main.hcl": 'output "o" { value = file("x.txt") }', "app/x.txt": "x"})
    files.ok("init", f"-from-module=git::{repository.url}//app")
    assert (files.directory / "x.txt").read_text() == "x"
    files.ok("validate")
    assert "Can't populate non-empty directory" in files("init", "-from-module=../other").err
    (files.directory / "main.hcl").unlink()
    (files.directory / "x.txt").unlink()
    assert "Failed to copy module" in files("init", "-from-module=../other").err
    assert "into itself" in files("init", "-from-module=..").err
    files.ok("init", f"-from-module=../{repository.work.relative_to(files.directory.parent)}/app")
    files.ok("validate")


def test_init_without_get_downloads_nothing(files, repository):
    """What is installed must do."""
    repository.commit({"main.hcl": module("one")})
    files.write(call(f"git::{repository.url}"))
    assert "Module not installed" in files("init", "-get=false").err
    files.ok("init")
    files.ok("init", "-get=false")
    files.ok("validate")


def test_a_server_that_gives_nothing_shallow_is_served_too(files, repository, site, monkeypatch):
    """A repository as plain files over http, which is allowed on loopback only."""
    monkeypatch.delenv("GIT_ALLOW_PROTOCOL")
    repository.commit({"main.hcl": module("one")}, tag="v1")
    commit = repository.commit({"main.hcl": module("two")})
    repository.git("gc", "-q", at=repository.bare)
    repository.git("update-server-info", at=repository.bare)
    for path in repository.bare.rglob("*"):
        if path.is_file():
            name = path.relative_to(repository.bare).as_posix()
            site.answers[f"/m.git/{name}"] = (200, {}, path.read_bytes())
    for ref, version in (("v1", "one"), ("main", "two"), (commit[:12], "two")):
        files.write(call(f"git::{site.url}/m.git?ref={ref}"))
        files.ok("init")
        assert shown(files) == f"{version} x"
    files.write(call("git::http://git.example.com/m.git"))
    assert "Insecure module source" in files("init").err
