"""What the documentation shows is real."""

import re
from pathlib import Path

import pytest

from perimeter.hcl import parse_file
from perimeter.sdk.registry import available

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    page
    for pattern in (
        "*.md",
        "docs/*.md",
        "docs/*/*.md",
        "examples/*/*.md",
        "providers/*/*.md",
        "modules/*/*.md",
    )
    for page in sorted(ROOT.glob(pattern))
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


def blocks(language):
    found = []
    for page in PAGES:
        for number, match in enumerate(BLOCK.finditer(page.read_text(encoding="utf-8"))):
            if match[1] == language:
                found.append(pytest.param(match[2], id=f"{page.relative_to(ROOT)}-{number}"))
    return found


@pytest.mark.parametrize("text", blocks("hcl"))
def test_hcl_is_valid_and_names_what_exists(text):
    """Every example parses, and its resource types and arguments are those of the providers."""
    from perimeter.sdk.registry import load_provider

    body, problems = parse_file(text, "example.hcl")
    assert not problems, problems
    for block in body.blocks:
        if block.type not in ("resource", "data", "collection"):
            continue
        kind = block.labels[0]
        name = kind.partition("_")[0]
        if name not in available():
            continue
        provider, _ = load_provider(name)
        types = provider.data_sources if block.type == "data" else provider.resources
        assert kind in types, kind
        if block.type != "collection":
            known = {*types[kind].schema.attributes, *types[kind].schema.blocks}
            known |= {
                "integration",
                "provider",
                "count",
                "for_each",
                "depends_on",
                "lifecycle",
                "rotation",
            }
            used = {*block.body.attributes, *(b.type for b in block.body.blocks)} - {"dynamic"}
            assert used <= known, used - known


@pytest.mark.parametrize("text", blocks("python"))
def test_python_compiles(text):
    """At least that; what it calls is tested where it is defined."""
    compile(text, "example", "exec")
    for name in re.findall(r"^from perimeter\.sdk import \(?([\w\s,]+)\)?", text, re.MULTILINE):
        import perimeter.sdk

        for word in re.findall(r"\w+", name):
            assert hasattr(perimeter.sdk, word), word


@pytest.mark.parametrize("text", blocks("json"))
def test_json_is_json(text):
    """Seeds and outputs."""
    import json

    json.loads(text.replace("…", "x"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """Inside the repository."""
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_commands_that_the_documentation_names_exist():
    """``perimeter WORD`` in code is a command, and its flags are its own."""
    from perimeter.cli.table import COMMANDS, GROUPS

    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for words in re.findall(r"(?:`|\$ )perimeter ((?:[a-z]+ ?){1,2})", text, re.MULTILINE):
            first, *rest = words.split()
            names = {first, " ".join([first, *rest[:1]])}
            assert names & {*COMMANDS, *GROUPS}, (page.name, words)


def test_every_command_is_in_the_usage():
    """Nothing is hidden."""
    from perimeter.cli.table import COMMANDS, GROUPS, usage

    text = usage()
    for name in {command.split()[0] for command in (*COMMANDS, *GROUPS)}:
        assert re.search(rf"^  {name}\b", text, re.MULTILINE), name
