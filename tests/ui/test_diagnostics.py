"""Diagnostics for people and for programs."""

from perimeter.diagnostics import Diagnostics, error, warning
from perimeter.hcl.source import SourceFile
from perimeter.sdk.redact import SECRETS
from perimeter.ui.diagnostics_json import diagnostic_json, validation_json
from perimeter.ui.diagnostics_text import diagnostic_text, diagnostics_text
from perimeter.ui.style import Style

TEXT = 'variable "x" {}\n\nresource "okta_app" "crm" {\n  label = var.nope # é\n  other = [\n    1,\n  ]\n}\n'
SOURCE = SourceFile("main.hcl", TEXT)
SOURCES = {"main.hcl": SOURCE}


def where(part):
    start = TEXT.index(part)
    return SOURCE.range(start, start + len(part))


def test_an_error_with_its_place():
    """Address, file, line, block, source line, wrapped detail."""
    found = error(
        "Reference to undeclared input variable",
        'An input variable with the name "nope" has not been declared. This variable can be declared with a variable '
        '"nope" {} block.',
        where("var.nope"),
        address="okta_app.crm",
        values=(("var.x", "is 5"), ("each.key", '"a"')),
    )
    assert diagnostic_text(found, SOURCES, Style(width=78)) == (
        "Error: Reference to undeclared input variable\n"
        "\n"
        "  with okta_app.crm,\n"
        '  on main.hcl line 4, in resource "okta_app" "crm":\n'
        "   4:   label = var.nope # é\n"
        "    ├────────────────\n"
        "    │ var.x is 5\n"
        '    │ each.key is "a"\n'
        "\n"
        'An input variable with the name "nope" has not been declared. This variable\n'
        'can be declared with a variable "nope" {} block.'
    )


def test_with_colour_it_is_boxed_and_the_place_underlined():
    """As Terraform draws it."""
    text = diagnostic_text(error("Bad", "Detail.", where("var.nope")), SOURCES, Style(color=True))
    lines = text.split("\n")
    assert lines[0] == "\x1b[31m╷\x1b[0m"
    assert lines[-1] == "\x1b[31m╵\x1b[0m"
    assert all(line.startswith("\x1b[31m│\x1b[0m ") for line in lines[1:-1])
    assert "label = \x1b[4mvar.nope\x1b[0m # é" in text


def test_several_lines_are_shown_whole():
    """A range over lines shows each of them."""
    text = diagnostic_text(error("Bad", "", where("[\n    1,\n  ]")), SOURCES)
    assert "   5:   other = [\n   6:     1,\n   7:   ]" in text


def test_a_file_that_is_not_at_hand():
    """The place is still named."""
    text = diagnostic_text(error("Bad", "", where("var.nope")), {})
    assert "  on main.hcl line 4:\n  (source code not available)" in text


def test_indented_parts_of_a_detail_keep_their_lines():
    """What people are to copy is not wrapped."""
    detail = 'Words that go on and on.\n\n  break_glass "okta" {\n    users = ["bg-1@acme.example"]\n  }\n\nEnd.'
    text = diagnostic_text(error("Bad", detail), {}, Style(width=20))
    assert '  break_glass "okta" {\n    users = ["bg-1@acme.example"]\n  }\n\nEnd.' in text


def test_secrets_are_redacted_everywhere():
    """In details, source lines, values, and the JSON."""
    SECRETS.add("s3cr3t-of-the-ui-test")
    source = SourceFile("a.hcl", 'x "y" {\n  a = "s3cr3t-of-the-ui-test"\n}\n')
    found = error(
        "Bad s3cr3t-of-the-ui-test",
        "It is s3cr3t-of-the-ui-test.",
        source.range(10, 20),
        values=(("var.a", 'is "s3cr3t-of-the-ui-test"'),),
    )
    for text in (
        diagnostic_text(found, {"a.hcl": source}),
        diagnostic_text(found, {"a.hcl": source}, Style(color=True)),
        str(diagnostic_json(found, {"a.hcl": source})),
    ):
        assert "s3cr3t" not in text
        assert "(redacted)" in text


def test_json_has_terraforms_shape():
    """Severity, summary, detail, range, snippet with offsets."""
    found = diagnostic_json(
        warning("Odd", "Detail.", where("var.nope"), address="okta_app.crm"), SOURCES
    )
    assert found["severity"] == "warning"
    assert found["address"] == "okta_app.crm"
    start = TEXT.index("var.nope")
    assert found["range"]["filename"] == "main.hcl"
    assert found["range"]["start"] == {"line": 4, "column": 11, "byte": start}
    snippet = found["snippet"]
    assert snippet["context"] == 'resource "okta_app" "crm"'
    assert snippet["code"] == "  label = var.nope # é"
    assert (
        snippet["code"][snippet["highlight_start_offset"] : snippet["highlight_end_offset"]]
        == "var.nope"
    )
    assert snippet["start_line"] == 4


def test_validation_counts():
    """Errors make it invalid, warnings do not."""
    assert validation_json([warning("a")], {})["valid"] is True
    found = validation_json([warning("a"), error("b")], {})
    assert (found["valid"], found["error_count"], found["warning_count"]) == (False, 1, 1)


def test_compact_warnings():
    """By summary, the first place, and how many more; errors are never compacted."""
    found = Diagnostics(
        [
            warning("Odd", "x", where("var.nope")),
            warning("Odd", "y", where("1")),
            warning("Else", "z"),
        ]
    )
    text = diagnostics_text(found, SOURCES, compact_warnings=True)
    assert "- Odd\n  on main.hcl line 4 (and 1 more)\n- Else\n" in text
    assert "without -compact-warnings" in text
    found.error("Bad", "Detail.")
    assert "Detail." in diagnostics_text(found, SOURCES, compact_warnings=True)
