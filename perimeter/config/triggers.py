"""``action_trigger`` blocks: which actions are invoked before or after which changes of a resource."""

from __future__ import annotations

from perimeter.config.literals import items_of, plain_text
from perimeter.config.model import ActionRef, ActionTrigger
from perimeter.config.shape import Shape, check_body, check_labels
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.hcl.nodes import Attribute, Block, Call, Expr, GetAttr, Index, Paren, Variable
from perimeter.hcl.walk import children

EVENTS = ("before_create", "after_create", "before_update", "after_update")
"""What may invoke an action."""

_DESTROY = ("before_destroy", "after_destroy")
_TRIGGER = Shape(required=("events", "actions"), optional=frozenset({"condition"}))


def decode_triggers(
    blocks: list[Block], mode: str, diagnostics: Diagnostics
) -> tuple[ActionTrigger, ...]:
    """Decode the ``action_trigger`` blocks among a lifecycle's; only managed resources have any."""
    found: list[ActionTrigger] = []
    for block in blocks:
        if block.type != "action_trigger":
            continue
        if mode != "managed":
            diagnostics.error(
                f"Invalid {mode} resource lifecycle block",
                'The lifecycle block "action_trigger" is defined only for managed resources '
                f'("resource" blocks), and is not valid for {mode} resources.',
                block.header_range,
            )
            continue
        if not check_labels(block, Shape(), diagnostics) or not check_body(
            block, _TRIGGER, diagnostics
        ):
            continue
        arguments = block.body.attributes
        condition = arguments.get("condition")
        found.append(
            ActionTrigger(
                node=block,
                events=_events(arguments["events"], block, diagnostics),
                actions=_actions(arguments["actions"], block, diagnostics),
                condition=condition.expr if condition else None,
            )
        )
    return tuple(found)


def _events(attribute: Attribute, block: Block, diagnostics: Diagnostics) -> tuple[str, ...]:
    before = len(diagnostics)
    found: list[str] = []
    for item in items_of(attribute, diagnostics):
        name = item.name if isinstance(item, Variable) else plain_text(item) or ""
        if name in _DESTROY:
            diagnostics.error(
                "Invalid destroy event used",
                f"{name} is not supported: nothing is invoked when a resource is destroyed. Use "
                f"{', '.join(EVENTS)}.",
                item.range,
            )
        elif name not in EVENTS:
            diagnostics.error(
                f'Invalid "event" value {name}',
                'The "event" argument supports the following values: '
                f"{', '.join(EVENTS)}.{did_you_mean(name, EVENTS)}",
                item.range,
            )
        elif name in found:
            diagnostics.error(
                f'Duplicate "{name}" event',
                "The event is already defined in this action_trigger block.",
                item.range,
            )
        else:
            found.append(name)
    if not found and len(diagnostics) == before:
        diagnostics.error(
            "No events specified",
            f"An action_trigger needs at least one event: {', '.join(EVENTS)}.",
            block.header_range,
        )
    return tuple(found)


def _actions(attribute: Attribute, block: Block, diagnostics: Diagnostics) -> tuple[ActionRef, ...]:
    before = len(diagnostics)
    found: list[ActionRef] = []
    for item in items_of(attribute, diagnostics):
        ref = action_ref(item, diagnostics)
        if ref is not None:
            found.append(ref)
    if not found and len(diagnostics) == before:
        diagnostics.error(
            "No actions specified",
            "An action_trigger needs at least one action, such as action.TYPE.NAME.",
            block.header_range,
        )
    return tuple(found)


def action_ref(expr: Expr, diagnostics: Diagnostics) -> ActionRef | None:
    """What ``action.TYPE.NAME`` names, its instance key left as an expression; None once that is reported."""
    whole = expr
    while isinstance(expr, Paren):
        expr = expr.inner
    key: Expr | None = None
    if isinstance(expr, Index):
        key, expr = expr.key, expr.object
    if (
        isinstance(expr, GetAttr)
        and isinstance(expr.object, GetAttr)
        and isinstance(expr.object.object, Variable)
        and expr.object.object.name == "action"
    ):
        return ActionRef(type=expr.object.name, name=expr.name, key=key, range=whole.range)
    root = _root(whole)
    if root == "module":
        diagnostics.error(
            "Invalid reference to action outside this module",
            "Actions can only be referenced in the module they are declared in.",
            whole.range,
        )
    elif root and root != "action":
        diagnostics.error(
            "Invalid action argument inside action_triggers",
            "action_triggers.actions must only refer to actions in the current module, such as "
            "action.TYPE.NAME.",
            whole.range,
        )
    else:
        diagnostics.error(
            "No actions specified",
            "Each entry must be one action's address, such as action.TYPE.NAME or "
            'action.TYPE.NAME["KEY"].',
            whole.range,
        )
    return None


def _root(expr: Expr) -> str:
    """The first name that an expression refers to; empty for none."""
    if isinstance(expr, Variable):
        return expr.name
    if isinstance(expr, Call):
        return ""
    for child in children(expr):
        found = _root(child)
        if found:
            return found
    return ""
