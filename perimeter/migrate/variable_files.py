"""Files of variables: ``terraform.tfvars`` becomes ``perimeter.vars.hcl``."""

from __future__ import annotations

from perimeter.diagnostics import Diagnostics
from perimeter.migrate.blocks import owner_name
from perimeter.migrate.bodies import Inside, carry_body
from perimeter.migrate.read import parse_text
from perimeter.migrate.report import Entry, Outcome, Report
from perimeter.migrate.scope import Scope
from perimeter.migrate.secrets import SENSITIVE

_SUFFIX = ".tfvars"
_DEFAULT = "terraform"


def translate_variable_files(
    scope: Scope, report: Report, diagnostics: Diagnostics
) -> dict[str, str]:
    """The root module's files of variables by their new names, without the secrets in them."""
    hidden = {
        block.labels[0]
        for _, block in scope.blocks()
        if block.type == "variable" and owner_name(block) == SENSITIVE
    }
    files: dict[str, str] = {}
    for path in sorted(scope.directory.glob(f"*{_SUFFIX}")):
        body = parse_text(path, diagnostics)
        if body is None:
            continue
        inside = Inside()
        carry_body(body, scope, inside, hidden=frozenset(hidden))
        name = path.name.removesuffix(_SUFFIX)
        files[f"{'perimeter' if name == _DEFAULT else name}.vars.hcl"] = inside.lines.text
        for argument, reason, at in inside.left_out:
            report.add(
                Entry(
                    outcome=Outcome.PARTLY,
                    subject=argument,
                    text=reason,
                    file=path.name,
                    line=body.file.count("\n", 0, at) + 1,
                )
            )
    return files
