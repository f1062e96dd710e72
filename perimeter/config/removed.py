"""``removed`` blocks: what is no longer declared is destroyed, or only forgotten."""

from __future__ import annotations

from perimeter.config.draft import Draft
from perimeter.config.endpoints import endpoint_of
from perimeter.config.literals import flag_of
from perimeter.config.model import Config, Removed
from perimeter.config.shape import Shape, check_body, check_labels, place
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Block

_REMOVED = Shape(required=("from",), blocks=frozenset({"lifecycle", "provisioner", "connection"}))
_LIFECYCLE = Shape(required=("destroy",))


def decode_removed(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    """Decode a ``removed`` block."""
    sound = check_labels(block, _REMOVED, diagnostics)
    if not check_body(block, _REMOVED, diagnostics) or not sound:
        return
    where = block.body.attributes["from"].expr
    source = endpoint_of(where, diagnostics)
    destroy = _destroy(block, diagnostics)
    if source is None:
        return
    last = source.module.steps[-1:] if source.resource is None else ()
    if source.resource is not None and source.resource.mode != "managed":
        diagnostics.error(
            "Data source address not allowed",
            "Data sources are never destroyed, so they are not valid targets of removed blocks. To "
            "remove the data source from state, remove the data source block from configuration.",
            where.range,
        )
    elif source.resource is not None and source.resource.key is not None:
        diagnostics.error(
            "Resource instance keys not allowed",
            'Resource address must be a resource (e.g. "test_instance.foo"), not a resource '
            'instance (e.g. "test_instance.foo[1]").',
            where.range,
        )
    elif any(key is not None for _, key in (*source.module.steps, *last)):
        diagnostics.error(
            "Module instance keys not allowed",
            'Module address must be a module (e.g. "module.foo"), not a module instance (e.g. '
            '"module.foo[1]").',
            where.range,
        )
    else:
        draft.removed.append(Removed(node=block, source=source, destroy=destroy))


def _destroy(block: Block, diagnostics: Diagnostics) -> bool:
    destroy = True
    seen: Block | None = None
    for nested in block.body.blocks:
        if nested.type in ("provisioner", "connection"):
            diagnostics.error(
                "Provisioners are not supported",
                "perimeter runs no commands from configuration. Remove the "
                f'"{nested.type}" block and run the command from the pipeline that applies.',
                nested.header_range,
            )
            continue
        if nested.type != "lifecycle":
            continue
        if seen is not None:
            diagnostics.error(
                "Duplicate lifecycle block",
                f"This removed block already has a lifecycle block at {place(seen.header_range)}.",
                nested.header_range,
            )
            continue
        seen = nested
        if check_labels(nested, _LIFECYCLE, diagnostics) and check_body(
            nested, _LIFECYCLE, diagnostics
        ):
            destroy = flag_of(nested.body.attributes["destroy"], True, diagnostics)
    return destroy


def check_removed(config: Config, diagnostics: Diagnostics) -> None:
    """Report what is said to be removed and still stands."""
    for module in config.modules.values():
        for block in module.removed:
            path = (*module.path, *block.source.module.names)
            prefix = "".join(f"module.{name}." for name in path)
            wanted = block.source.resource
            if wanted is None:
                called = config.modules.get(path[:-1])
                call = called.calls.get(path[-1]) if called is not None else None
                if call is not None:
                    diagnostics.error(
                        "Removed module still exists",
                        f"This statement declares that {prefix.rstrip('.')} was removed, but it is "
                        "still declared in configuration.",
                        call.range,
                    )
                continue
            there = config.modules.get(path)
            found = there.resources.get(("managed", wanted.type, wanted.name)) if there else None
            if found is not None:
                diagnostics.error(
                    "Removed resource still exists",
                    f"This statement declares that {prefix}{wanted.type}.{wanted.name} was removed, "
                    "but it is still declared in configuration.",
                    found.range,
                )
