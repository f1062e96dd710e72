"""``perimeter output``."""

from __future__ import annotations

from typing import Any

import click

from perimeter.cli.command import Invocation, command, flags, switch
from perimeter.cli.failure import refuse
from perimeter.cli.flags import STORED
from perimeter.cli.showing import SHOW_SENSITIVE
from perimeter.cli.workspace import place_of_directory, remembered_state
from perimeter.diagnostics import did_you_mean, warning
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.types import STRING, Primitive
from perimeter.state.model import Output
from perimeter.ui.masks import to_json
from perimeter.ui.outputs_text import output_lines
from perimeter.ui.state_text import output_value, output_values


@command("output")
@flags(
    switch("json", "Print JSON, sensitive values included."),
    switch("raw", "Print a string, number or bool without quotes or a line break."),
    SHOW_SENSITIVE,
    STORED,
)
@click.argument("name", required=False)
def run(invocation: Invocation, name: str | None, **given: Any) -> int:
    """Show the outputs of the last apply, or the one called NAME."""
    terminal = invocation.terminal
    outputs = remembered_state(place_of_directory(given["state"], invocation=invocation)).outputs
    if given["raw"] and (given["json"] or name is None):
        raise refuse(
            "Unsupported -raw", "The -raw option needs the name of one output, and not -json."
        )
    if name is not None:
        return _one(invocation, given, name, outputs)
    if given["json"]:
        data = {
            key: {"sensitive": item.sensitive, "type": item.type, "value": item.value}
            for key, item in sorted(outputs.items())
        }
        terminal.print(to_json(data, indent=2) + "\n")
        return 0
    if not outputs:
        detail = (
            "The state holds no outputs: the configuration declares none, or it was not applied yet. Declare them with "
            'output blocks and run "perimeter apply".'
        )
        invocation.reporter.diagnostics([warning("No outputs found", detail)], {})
        return 0
    reveal = given["show_sensitive"]
    hidden = {key for key, item in outputs.items() if item.sensitive and not reveal}
    terminal.print("\n".join(output_lines(output_values(outputs), hidden)) + "\n")
    return 0


def _one(
    invocation: Invocation, given: dict[str, Any], name: str, outputs: dict[str, Output]
) -> int:
    item = outputs.get(name)
    if item is None:
        raise refuse(
            f'Output "{name}" not found',
            f"The output requested could not be found in the state.{did_you_mean(name, outputs)} If you recently added it to "
            "your configuration, run `perimeter apply` first: state gets new outputs only then.",
        )
    value = output_value(item)
    if given["json"]:
        invocation.terminal.print(to_json(item.value) + "\n")
        return 0
    if not given["raw"]:
        from perimeter.lang.render import render

        # Asked for by name, a sensitive output is shown, as in Terraform.
        invocation.terminal.print(render(value) + "\n")
        return 0
    if not isinstance(value.type, Primitive) or value.is_null:
        raise refuse(
            "Unsupported value for raw output",
            f'The -raw option only supports strings, numbers, and boolean values, but output "{name}" is '
            f"{'null' if value.is_null else 'a ' + value.type.friendly}. Use -json instead.",
        )
    try:
        text = convert(value, STRING).raw
    except ConversionError as problem:
        raise refuse("Unsupported value for raw output", f"{problem}.") from None
    invocation.terminal.print(str(text))
    return 0
