"""What a module call passes against what the called module declares."""

from __future__ import annotations

from perimeter.config.model import Config, Module, ModuleCall
from perimeter.config.shape import header
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.hcl.nodes import Block


def check_call(config: Config, caller: Module, call: ModuleCall, diagnostics: Diagnostics) -> None:
    """Report arguments that the called module does not declare or misses, and repetition it cannot have."""
    child = config.child(caller, call.name)
    if child is None:
        return
    block = header(call.node) if isinstance(call.node, Block) else None
    for name, given in call.inputs.items():
        if name not in child.variables:
            diagnostics.error(
                "Unsupported argument",
                f'An argument named "{name}" is not expected here.'
                f"{did_you_mean(name, child.variables)}",
                given.name_range,
                block=block,
            )
        elif child.variables[name].deprecated:
            diagnostics.warning(
                "Variable marked as deprecated by the module author",
                f'Variable "{name}" is marked as deprecated with the following message:\n'
                f"{child.variables[name].deprecated}",
                given.expr.range,
                block=block,
            )
    for name, variable in child.variables.items():
        node = variable.node
        has_default = isinstance(node, Block) and "default" in node.body.attributes
        if name not in call.inputs and not has_default:
            diagnostics.error(
                "Missing required argument",
                f'The argument "{name}" is required, but no definition was found.',
                call.range,
                block=block,
            )
    _check_repetition(config, call, child, diagnostics, block)


def _check_repetition(
    config: Config, call: ModuleCall, child: Module, diagnostics: Diagnostics, block: str | None
) -> None:
    if call.count is None and call.for_each is None and not call.depends_on:
        return
    depth = len(child.path)
    for module in config.modules.values():
        if module.path[:depth] == child.path and module.provider_configs:
            diagnostics.error(
                "Module is incompatible with count, for_each, and depends_on",
                f"The module at {module.address} has its own provider configurations, and so calls "
                "to it may not use the count, for_each, or depends_on arguments. Configure the "
                "provider in the calling module and pass it with the providers argument.",
                call.range,
                block=block,
            )
            return
