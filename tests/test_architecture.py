"""The structure that the documentation promises: layers, sizes, and what is shipped."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Each layer may import itself, the layers before it, and nothing else of perimeter.
LAYERS = (
    "hcl",
    "lang",
    "sdk",
    "config",
    "state",
    "engine",
    "policy",
    "trial",
    "migrate",
    "ui",
    "cli",
)
FOUNDATION = {"diagnostics", "addresses"}
ABOVE_SDK = {"sandbox": {"hcl", "lang", "sdk"}}
LIMIT = 600
LIMITS = {"perimeter/hcl/expressions.py": 700, "perimeter/hcl/parser.py": 700}


def _modules(folder: str) -> Iterator[Path]:
    return (path for path in sorted((ROOT / folder).rglob("*.py")) if ".venv" not in path.parts)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _layers_of(path: Path) -> set[str]:
    found = set()
    for name in _imports(path):
        parts = name.split(".")
        if parts[0] == "perimeter" and len(parts) > 1:
            found.add(parts[1])
    return found & ({*LAYERS, *FOUNDATION, "sandbox", "testing"})


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_lower_ones(layer: str) -> None:
    """The order of the layers is the order of the pipeline."""
    allowed = {*FOUNDATION, *LAYERS[: LAYERS.index(layer) + 1]}
    if layer == "cli":
        allowed.add("sandbox")  # `perimeter sandbox` starts it
        allowed.add("testing")  # and the AWS stand-in that tests use, too
    for path in _modules(f"perimeter/{layer}"):
        assert _layers_of(path) <= allowed, path


def test_the_foundation_imports_nothing_above_it() -> None:
    """Diagnostics and addresses are the ground."""
    for name in FOUNDATION:
        assert _layers_of(ROOT / "perimeter" / f"{name}.py") <= FOUNDATION


def test_the_sandbox_knows_nothing_of_engine_and_state() -> None:
    """A sandbox is a witness: it must not share code with what it judges."""
    for path in _modules("perimeter/sandbox"):
        assert _layers_of(path) <= {*FOUNDATION, *ABOVE_SDK["sandbox"], "sandbox"}, path


def test_providers_import_only_the_sdk() -> None:
    """A provider is written as a third party would write it; its sandbox imports nothing from it."""
    for package in sorted(path for path in (ROOT / "providers").iterdir() if path.is_dir()):
        for path in _modules(f"providers/{package.name}"):
            inside = path.relative_to(ROOT / "providers" / package.name)
            own_sandbox = inside.parts[0] == "sandbox"
            allowed = {"sandbox"} if own_sandbox else {"sdk", "diagnostics"}
            assert _layers_of(path) <= allowed, path
            for name in _imports(path):
                if own_sandbox and name.startswith(package.name):
                    assert name.startswith(f"{package.name}.sandbox"), (path, name)
                if not own_sandbox:
                    assert not name.startswith(f"{package.name}.sandbox"), (path, name)


def test_no_engine_code_names_a_resource_type() -> None:
    """What a vendor has is the providers' business."""
    for layer in ("config", "state", "engine", "policy", "migrate", "ui"):
        for path in _modules(f"perimeter/{layer}"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            docs = {
                id(node.body[0].value)
                for node in ast.walk(tree)
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
                and node.body
                and isinstance(node.body[0], ast.Expr)
            }
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    words = node.value.split()
                    named = any(
                        word.startswith(("github_", "okta_", "aws_")) and word.isidentifier()
                        for word in words
                        if word not in ("aws_kms", "aws_endpoint_url_s3")  # keys and buckets
                    )
                    documented = id(node) in docs or len(words) > 1
                    assert not named or documented, (path, node.lineno, node.value)


def test_files_stay_readable() -> None:
    """A file that grows past the limit holds two things."""
    sizes = {}
    for folder in ("perimeter", "providers", "tests", "benchmarks", "script"):
        for path in _modules(folder):
            sizes[str(path.relative_to(ROOT))] = path.read_text(encoding="utf-8").count("\n")
    long = {name: size for name, size in sizes.items() if size > LIMITS.get(name, LIMIT)}
    assert not long
    product = sorted(size for name, size in sizes.items() if name.startswith(("per", "prov")))
    product = [size for size in product if size > 5]
    assert product[len(product) // 2] <= 180


def test_every_provider_is_shipped() -> None:
    """The wheel holds each folder of providers/, and each is registered."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    folders = {f"providers/{path.name}" for path in (ROOT / "providers").iterdir() if path.is_dir()}
    assert packages == {"perimeter", *folders}
    entries = project["project"]["entry-points"]["perimeter.providers"].values()
    assert {entry.split(".")[0] for entry in entries} == {
        folder.removeprefix("providers/") for folder in folders
    }


def test_each_folder_is_described() -> None:
    """docs/architecture.md has a section for every folder of perimeter/."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for path in sorted((ROOT / "perimeter").iterdir()):
        if path.is_dir() and any(path.glob("*.py")):
            assert f"### `perimeter/{path.name}/`" in page, path.name
