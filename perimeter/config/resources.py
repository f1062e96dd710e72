"""``resource`` and ``data`` blocks and their ``lifecycle``."""

from __future__ import annotations

from typing import Literal as Choice

from perimeter.config.draft import Draft, declare
from perimeter.config.literals import (
    flag_of,
    items_of,
    traversal_of,
    traversals_of,
)
from perimeter.config.manual import decode_manual
from perimeter.config.model import Condition, Lifecycle, ProviderRef, Resource
from perimeter.config.rotation import decode_rotation
from perimeter.config.shape import Shape, check_body, check_labels, place
from perimeter.config.triggers import decode_triggers
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Attribute, Block, Call, Expr, GetAttr, Index, Variable
from perimeter.hcl.walk import walk

META = frozenset(
    {
        "count",
        "for_each",
        "provider",
        "depends_on",
        "integration",
        "lifecycle",
        "rotation",
        "connection",
        "provisioner",
    }
)
"""The names in a resource body that are the language's, not the provider's."""

_RESOURCE = Shape(labels=("type", "name"), open=True)
_CONDITION = Shape(required=("condition", "error_message"))
_CONDITIONS = frozenset({"precondition", "postcondition"})
_MANAGED_ONLY = (
    "create_before_destroy",
    "prevent_destroy",
    "destroy",
    "ignore_changes",
    "replace_triggered_by",
    "expires_at",
)
_LIFECYCLE = {
    mode: Shape(
        optional=frozenset({*_MANAGED_ONLY, "enabled"}),
        blocks=frozenset({*_CONDITIONS, "action_trigger", "manual"}),
    )
    for mode in ("managed", "data", "ephemeral")
}
_EXCLUSIVE = (
    'The "count" and "for_each" meta-arguments are mutually-exclusive, only one should be used to '
    "be explicit about the number of {} to be created."
)


def repetition(
    block: Block, what: str, diagnostics: Diagnostics
) -> tuple[Expr | None, Expr | None]:
    """The ``count`` and ``for_each`` expressions of a block, at most one of them."""
    count = block.body.attributes.get("count")
    for_each = block.body.attributes.get("for_each")
    if count is not None and for_each is not None:
        diagnostics.error(
            'Invalid combination of "count" and "for_each"',
            _EXCLUSIVE.replace("{}", what),
            for_each.name_range,
        )
        return None, for_each.expr
    return (count.expr if count else None), (for_each.expr if for_each else None)


def provider_ref(attribute: Attribute | None, diagnostics: Diagnostics) -> ProviderRef | None:
    """The provider configuration that ``provider = github.eu`` names."""
    return None if attribute is None else provider_ref_of(attribute.expr, diagnostics)


def provider_ref_of(expr: Expr, diagnostics: Diagnostics) -> ProviderRef | None:
    """The provider configuration that an expression such as ``github.eu`` names."""
    instance: Expr | None = None
    where = expr.range
    if isinstance(expr, Index) and isinstance(expr.object, GetAttr):
        instance, expr = expr.key, expr.object
    traversal = traversal_of(expr, diagnostics)
    if traversal is None:
        return None
    steps = traversal.steps
    if len(steps) > 1 or (steps and not isinstance(steps[0].key, str)):
        diagnostics.error(
            "Invalid provider configuration reference",
            "The provider argument requires a provider type name, optionally followed by a period "
            "and then a configuration alias, and an instance key where that has for_each.",
            where,
        )
        return None
    alias = str(steps[0].key) if steps else None
    return ProviderRef(name=traversal.root, alias=alias, range=where, instance=instance)


def decode_resource(
    block: Block, draft: Draft, diagnostics: Diagnostics, *, check: str = ""
) -> Resource | None:
    """Decode and declare a ``resource``, ``data`` or ``ephemeral`` block; ``check`` names the block it stands in."""
    if not check_labels(block, _RESOURCE, diagnostics):
        return None
    mode = "managed" if block.type == "resource" else block.type
    arguments = block.body.attributes
    count, for_each = repetition(block, "resources", diagnostics)
    integration = arguments.get("integration")
    resource = Resource(
        node=block,
        mode=mode,
        type=block.labels[0],
        name=block.labels[1],
        body=block.body,
        meta=META,
        provider_ref=provider_ref(arguments.get("provider"), diagnostics),
        count=count,
        for_each=for_each,
        depends_on=traversals_of(arguments.get("depends_on"), diagnostics),
        integration=integration.expr if integration else None,
        lifecycle=_lifecycle(block, mode, diagnostics),
        rotation=decode_rotation(block.body.blocks, mode, diagnostics),
        check=check,
    )
    for nested in block.body.blocks:
        if nested.type in ("provisioner", "connection"):
            diagnostics.error(
                "Provisioners are not supported",
                "perimeter runs no commands from configuration. Remove the "
                f'"{nested.type}" block and run the command from the pipeline that applies.',
                nested.header_range,
            )
    article = {"managed": "A", "data": "A data"}.get(mode, "An ephemeral")
    declare(
        draft.resources,
        resource.key,
        resource,
        diagnostics,
        summary=f"Duplicate {'resource' if mode == 'managed' else mode} "
        f'"{resource.type}" configuration',
        detail=f'{article} {resource.type} resource named "{resource.name}" was already declared '
        "at {}. Resource names must be unique per type in each module"
        f"{', including within check blocks' if mode == 'data' else ''}.",
    )
    return resource


def conditions(blocks: list[Block], kind: str, diagnostics: Diagnostics) -> tuple[Condition, ...]:
    """Decode the ``validation``, ``precondition`` or ``postcondition`` blocks among ``blocks``."""
    found = []
    for block in blocks:
        if block.type != kind:
            continue
        if not check_labels(block, _CONDITION, diagnostics):
            continue
        if not check_body(block, _CONDITION, diagnostics):
            continue
        arguments = block.body.attributes
        condition = arguments["condition"].expr
        if not any(isinstance(node, Variable) for node in walk(condition)):
            diagnostics.error(
                f"Invalid {kind} expression",
                "The condition expression must refer to at least one object from elsewhere in the "
                "configuration, or else its result would not be checking anything.",
                condition.range,
            )
            continue
        found.append(
            Condition(
                node=block, condition=condition, error_message=arguments["error_message"].expr
            )
        )
    return tuple(found)


def _lifecycle(resource: Block, mode: str, diagnostics: Diagnostics) -> Lifecycle:
    blocks = [block for block in resource.body.blocks if block.type == "lifecycle"]
    if not blocks:
        return Lifecycle()
    for extra in blocks[1:]:
        diagnostics.error(
            "Duplicate lifecycle block",
            f"This resource already has a lifecycle block at {place(blocks[0].header_range)}.",
            extra.header_range,
        )
    block = blocks[0]
    shape = _LIFECYCLE[mode]
    check_labels(block, shape, diagnostics)
    check_body(block, shape, diagnostics)
    arguments = block.body.attributes
    if mode != "managed":
        for name in _MANAGED_ONLY:
            if name in arguments:
                diagnostics.error(
                    f"Invalid {mode} resource lifecycle argument",
                    f'The lifecycle argument "{name}" is defined only for managed resources '
                    f'("resource" blocks), and is not valid for {mode} resources.',
                    arguments[name].name_range,
                )
        arguments = {name: item for name, item in arguments.items() if name == "enabled"}
    enabled = enabled_of(block, resource, diagnostics)
    expires_at = arguments.get("expires_at")
    destroy = flag_of(arguments.get("destroy"), True, diagnostics)
    if expires_at is not None and not destroy:
        diagnostics.error(
            'Invalid combination of "expires_at" and "destroy"',
            "What expires is removed from the tenant; with destroy = false it could only be "
            "forgotten, and would go on to exist. Leave one of the two out.",
            expires_at.name_range,
        )
    return Lifecycle(
        create_before_destroy=flag_of(arguments.get("create_before_destroy"), False, diagnostics),
        prevent_destroy=_prevent_destroy(arguments.get("prevent_destroy"), diagnostics),
        destroy=destroy,
        enabled=enabled,
        ignore_changes=_ignore_changes(arguments.get("ignore_changes"), diagnostics),
        ignored_at=arguments["ignore_changes"].expr.range
        if "ignore_changes" in arguments
        else None,
        replace_triggered_by=_triggers(arguments.get("replace_triggered_by"), diagnostics),
        preconditions=conditions(block.body.blocks, "precondition", diagnostics),
        postconditions=conditions(block.body.blocks, "postcondition", diagnostics),
        expires_at=expires_at.expr if expires_at else None,
        manual=decode_manual(block.body.blocks, mode, diagnostics),
        triggers=decode_triggers(block.body.blocks, mode, diagnostics),
    )


def enabled_of(lifecycle: Block, owner: Block, diagnostics: Diagnostics) -> Expr | None:
    """The ``enabled`` expression of a lifecycle block; with ``count`` or ``for_each`` it has no meaning."""
    given = lifecycle.body.attributes.get("enabled")
    if given is None:
        return None
    for name in ("count", "for_each"):
        if name in owner.body.attributes:
            diagnostics.error(
                f'Invalid combination of "{name}" and "enabled"',
                f'The "{name}" and "enabled" meta-arguments are mutually-exclusive: without '
                "instances there is nothing to enable. Let the one decide what the other would.",
                given.name_range,
            )
            return None
    return given.expr


def _prevent_destroy(attribute: Attribute | None, diagnostics: Diagnostics) -> Expr | bool:
    if attribute is None:
        return False
    if any(isinstance(node, Variable | Call) for node in walk(attribute.expr)):
        return attribute.expr
    return flag_of(attribute, False, diagnostics)


def _ignore_changes(
    attribute: Attribute | None, diagnostics: Diagnostics
) -> tuple[tuple[str | int, ...], ...] | Choice["all"]:
    if attribute is None:
        return ()
    if isinstance(attribute.expr, Variable) and attribute.expr.name == "all":
        return "all"
    paths = []
    for item in items_of(attribute, diagnostics):
        traversal = traversal_of(item, diagnostics)
        if traversal is not None:
            paths.append((traversal.root, *(step.key for step in traversal.steps)))
    return tuple(paths)


_NOT_RESOURCES = frozenset(
    {
        "var",
        "local",
        "module",
        "data",
        "path",
        "perimeter",
        "self",
        "integration",
        "each",
        "count",
        "ephemeral",
    }
)


def _triggers(attribute: Attribute | None, diagnostics: Diagnostics) -> tuple[Expr, ...]:
    if attribute is None:
        return ()
    sound = []
    for item in items_of(attribute, diagnostics):
        root: Expr | None = item
        while root is not None and not isinstance(root, Variable):
            root = getattr(root, "object", None) if not isinstance(root, Call) else None
        if root is None and not any(isinstance(node, Variable) for node in walk(item)):
            diagnostics.error(
                "Invalid replace_triggered_by expression",
                "Missing resource reference in replace_triggered_by expression.",
                item.range,
            )
        elif root is None or root.name in _NOT_RESOURCES or not isinstance(item, Expr):
            diagnostics.error(
                "Invalid reference in replace_triggered_by expression",
                "Only resources, count.index, and each.key may be used in replace_triggered_by.",
                item.range,
            )
        elif not _names_resource(item):
            diagnostics.error(
                "Invalid replace_triggered_by expression",
                "Missing resource reference in replace_triggered_by expression.",
                item.range,
            )
        else:
            sound.append(item)
    return tuple(sound)


def _names_resource(expr: Expr) -> bool:
    return any(
        isinstance(node, GetAttr) and isinstance(node.object, Variable) for node in walk(expr)
    )
