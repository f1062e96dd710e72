"""The same configuration through Terraform and through perimeter, in one run: the plan's text must be the same."""

import re
import shutil
import subprocess

import pytest

from tests.cli.configurations import AFTER, BEFORE

pytestmark = pytest.mark.skipif(
    shutil.which("terraform") is None, reason="terraform is not installed"
)

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def terraform(directory, *arguments):
    done = subprocess.run(
        ["terraform", *arguments, "-no-color"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def changes(text):
    """From the first change to the note at the end, identifiers and names made equal."""
    body = text[text.index("  # ") :].partition("─────")[0]
    body = "\n".join(line.rstrip() for line in body.split("\n"))
    body = _ID.sub("ID", body.replace("terraform_data", "perimeter_data"))
    # Terraform names what forces a replacement only for whole attributes, perimeter also for parts of them.
    body = body.replace(" # forces replacement", "")
    return re.sub(
        r'(output = )"?\(redacted\)"?|(output = )"hunter2hunter2"', "output = HIDDEN", body
    )


def test_plans_read_the_same(cli, tmp_path):
    """Creating, then changing, replacing and removing, then destroying."""
    theirs = tmp_path / "terraform"
    theirs.mkdir()
    (theirs / "main.tf").write_text(BEFORE)
    cli.write(BEFORE.replace("terraform_data", "perimeter_data"))
    terraform(theirs, "init")
    assert changes(cli.ok("plan")) == changes(terraform(theirs, "plan"))
    terraform(theirs, "apply", "-auto-approve")
    cli.ok("apply", "-auto-approve")
    assert changes(cli.ok("plan", "-destroy")) == changes(terraform(theirs, "plan", "-destroy"))
    (theirs / "main.tf").write_text(AFTER)
    cli.write(AFTER.replace("terraform_data", "perimeter_data"))
    assert changes(cli.ok("plan")) == changes(terraform(theirs, "plan"))


LISTS = [
    (["a", "b", "c"], ["a", "x", "c"]),
    (["a", "b", "c", "d"], ["a", "x", "c"]),
    (["a", "b"], ["c", "d"]),
    (["a", "b"], ["c", "d", "e"]),
    (list("abcdefg"), list("abcdqefg")),
    (["a"], []),
    (["a", {"x": 1}], ["b", {"x": 2}]),
    ("x", ["x"]),
    ({"a": "s"}, {"a": [1]}),
    ("one\ntwo", "x"),
    ("x", '{"a":1}'),
    ({"a": {"b": 1}}, {}),
    ("s", 1),
    ("s", "s\nt"),
    (None, "a"),
    ([{"a": 1}, {"a": 2}], [{"a": 2}]),
    ([1], [2, 1]),
    ([True], ["true"]),
    ('{"a":1,"b":[1,2]}', '{"a":1,"b":[1,3]}'),
    ("line\n\nlast\n", "line\nmore\n\nlast\n"),
]


def test_differences_of_values_read_the_same(cli, tmp_path):
    """Lists, objects, texts of several lines, JSON, and changes of type."""
    import json

    theirs = tmp_path / "terraform"
    theirs.mkdir()

    def write(side):
        values = ", ".join(json.dumps(pair[side]).replace("${", "$${") for pair in LISTS)
        text = (
            f'locals {{\n  values = [{values}]\n}}\nresource "terraform_data" "a" {{\n'
            "  count = length(local.values)\n  input = local.values[count.index]\n}\n"
        )
        (theirs / "main.tf").write_text(text)
        cli.write(text.replace("terraform_data", "perimeter_data"))

    write(0)
    terraform(theirs, "init")
    terraform(theirs, "apply", "-auto-approve")
    cli.ok("apply", "-auto-approve")
    write(1)
    assert changes(cli.ok("plan")) == changes(terraform(theirs, "plan"))


def test_state_reads_the_same(cli, tmp_path):
    """show."""
    theirs = tmp_path / "terraform"
    theirs.mkdir()
    text = BEFORE.replace("var.secret", '"open"').replace("sensitive = true", "")
    (theirs / "main.tf").write_text(text)
    cli.write(text.replace("terraform_data", "perimeter_data"))
    terraform(theirs, "init")
    terraform(theirs, "apply", "-auto-approve")
    cli.ok("apply", "-auto-approve")

    def body(shown):
        found = _ID.sub("ID", shown.replace("terraform_data", "perimeter_data"))
        return re.sub(r"\n{2,}", "\n\n", found.partition("Outputs:")[0]).strip()

    assert body(cli.ok("show")) == body(terraform(theirs, "show"))
