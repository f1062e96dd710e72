"""A module reads files of its own folder and the root module's, and no others unless they are allowed."""

import json

import pytest

from tests.sources.conftest import call, packed


@pytest.fixture
def outside(tmp_path):
    """A file that is nobody's business."""
    (tmp_path / "secrets").mkdir()
    found = tmp_path / "secrets/key.txt"
    found.write_text("s3cr3t")
    return found


READERS = [
    'file("PATH")',
    'filebase64("PATH")',
    'filesha256("PATH")',
    'templatefile("PATH", {})',
    'fileexists("PATH")',
    'fileset(dirname("PATH"), "*")',
]


def words(text):
    return " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize("expression", READERS)
def test_a_file_elsewhere_is_refused_with_the_way_to_allow_it(
    cli, outside, expression, monkeypatch
):
    """By every function that looks at the disk, in plan, validate and console."""
    text = expression.replace("PATH", str(outside))
    cli.write(f'output "o" {{ value = {text} }}')
    for command in ("plan", "validate"):
        result = cli(command)
        assert result.code == 1
        assert str(outside.parent) in words(result.err).replace(" ", "")
        assert f"PERIMETER_ALLOW_OUTSIDE_FILES={outside.parent}".replace(" ", "") in words(
            result.err
        ).replace(" ", "")
        assert "s3cr3t" not in result.out + result.err
    cli.write("# nothing\n")
    assert "PERIMETER_ALLOW_OUTSIDE_FILES" in cli("console", typed=f"{text}\n").err
    cli.write(f'output "o" {{ value = {text} }}')
    for allowed in ("1", str(outside.parent), f"/nonexistent:{outside.parent}"):
        monkeypatch.setenv("PERIMETER_ALLOW_OUTSIDE_FILES", allowed)
        cli.ok("plan")
        cli.ok("validate")
    monkeypatch.setenv("PERIMETER_ALLOW_OUTSIDE_FILES", "/nonexistent")
    assert cli("plan").code == 1


@pytest.mark.parametrize(
    "path",
    [
        "../secrets/key.txt",
        "sub/../../secrets/key.txt",
        "~/secrets/key.txt",
        "link.txt",
        "dir/key.txt",
    ],
)
def test_no_spelling_leads_out(cli, outside, path, monkeypatch):
    """Dots, the home directory, and symbolic links to files and folders."""
    monkeypatch.setenv("HOME", str(outside.parent.parent))
    (cli.directory / "link.txt").symlink_to(outside)
    (cli.directory / "dir").symlink_to(outside.parent)
    cli.write(f'output "o" {{ value = file("{path}") }}')
    result = cli("plan")
    assert result.code == 1
    assert "PERIMETER_ALLOW_OUTSIDE_FILES" in result.err
    assert "s3cr3t" not in result.out + result.err
    cli.write("# nothing\n")
    told = cli("console", typed=f'file("{path}")\n')
    assert "PERIMETER_ALLOW_OUTSIDE_FILES" in told.err
    assert "s3cr3t" not in told.out + told.err


def test_what_belongs_to_the_configuration_is_read(cli, tmp_path):
    """A local module's own folder, wherever it is, and the root's from there; links that stay inside."""
    cli.write('module "m" { source = "../lib/m" }\noutput "o" { value = module.m.all }')
    cli.write("root", "data/root.txt")
    (cli.directory / "inner.txt").symlink_to("data/root.txt")
    lib = tmp_path / "lib/m"
    lib.mkdir(parents=True)
    (lib / "own.txt").write_text("own")
    (tmp_path / "lib/other.txt").write_text("other")
    (lib / "main.hcl").write_text(
        'output "all" { value = join(" ", [file("${path.module}/own.txt"), '
        'file("${path.root}/data/root.txt"), file(abspath("inner.txt"))]) }\n'
    )
    cli.ok("apply", "-auto-approve")
    assert json.loads(cli.ok("output", "-json"))["o"]["value"] == "own root root"
    (lib / "main.hcl").write_text('output "all" { value = file("${path.module}/../other.txt") }\n')
    assert "PERIMETER_ALLOW_OUTSIDE_FILES" in cli("plan").err


def test_one_module_does_not_read_anothers_folder(cli):
    """Unless it lies below the root."""
    cli.write('module "a" { source = "../a" }\nmodule "b" { source = "../b" }\n')
    for name in ("a", "b"):
        place = cli.directory.parent / name
        place.mkdir()
        (place / "x.txt").write_text("x")
        (place / "main.hcl").write_text(
            'output "o" { value = file("${path.module}/../a/x.txt") }\n'
        )
    refused = cli("plan")
    assert refused.code == 1
    assert refused.err.count("Invalid function argument") == 1
    assert "b/main.hcl" in refused.err


def test_an_installed_module_reads_its_whole_package(cli, site):
    """What was fetched and locked together belongs together."""
    site.answers["/m.tar.gz"] = (
        200,
        {},
        packed(
            {
                "mods/a/main.hcl": 'variable "name" {}\n'
                'output "greeting" { value = file("${path.module}/../../shared/x.txt") }\n',
                "shared/x.txt": "shared",
            }
        ),
    )
    cli.write(call(f"{site.url}/m.tar.gz//mods/a"))
    cli.ok("init")
    cli.ok("apply", "-auto-approve")
    assert json.loads(cli.ok("output", "-json"))["a"]["value"] == "shared"
