"""``mock_provider`` and ``override_…`` blocks: what stands in for tenants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from perimeter.addresses import Address, AddressError, ModulePath, parse_target
from perimeter.config.literals import plain_text, text_of
from perimeter.config.shape import Shape, check_body, check_labels, place, unexpected
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Attribute, Block, Body, Expr, ObjectExpr, Variable
from perimeter.lang.references import static_traversal
from perimeter.trial.model import Defaults, During, MockProvider, Override

OVERRIDES = ("override_resource", "override_data", "override_module")
"""The types of blocks that override."""

_WORDS = {"resource": "resources", "data": "data sources", "module": "modules"}
_OVERRIDE = {
    "resource": Shape(optional=frozenset({"target", "values", "override_during"})),
    "data": Shape(optional=frozenset({"target", "values", "override_during"})),
    "module": Shape(optional=frozenset({"target", "outputs", "override_during"})),
}
_DEFAULTS = Shape(labels=("type",), optional=frozenset({"defaults", "override_during"}))
_MOCK = Shape(
    labels=("name",),
    optional=frozenset({"alias", "source", "override_during"}),
    blocks=frozenset({"mock_resource", "mock_data", *OVERRIDES}),
)
_MOCK_FILE = ("mock_resource", "mock_data", *OVERRIDES)


def keyword(
    attribute: Attribute | None,
    words: tuple[str, ...],
    summary: str,
    detail: str,
    diagnostics: Diagnostics,
) -> str | None:
    """The bare word (dashes allowed) that an argument holds; None when absent or reported."""
    if attribute is None:
        return None
    text = attribute.expr.text.strip()
    if text in words and plain_text(attribute.expr) is None:
        return text
    diagnostics.error(summary, detail, attribute.expr.range)
    return None


def _during(block: Block, diagnostics: Diagnostics) -> During | None:
    word = keyword(
        block.body.attributes.get("override_during"),
        ("plan", "apply"),
        "Invalid override_during value",
        "The override_during attribute must be a value of plan or apply.",
        diagnostics,
    )
    return None if word is None else During(word)


def decode_override(block: Block, into: dict[str, Override], diagnostics: Diagnostics) -> None:
    """Decode an ``override_…`` block into those by target."""
    kind = block.type.removeprefix("override_")
    if not check_labels(block, Shape(), diagnostics):
        return
    check_body(block, _OVERRIDE[kind], diagnostics)
    target = block.body.attributes.get("target")
    if target is None:
        diagnostics.error(
            "Missing target attribute",
            f"{block.type} blocks must specify a target address.",
            block.header_range,
        )
        return
    found = _target(target.expr, kind, block, diagnostics)
    if found is None:
        return
    values = block.body.attributes.get("outputs" if kind == "module" else "values")
    if values is not None and not _is_object(values.expr, values.name, block, diagnostics):
        values = None
    override = Override(
        block=block,
        kind=kind,
        target=found,
        target_range=target.range,
        values=values.expr if values is not None else None,
        during=_during(block, diagnostics),
    )
    first = into.get(override.key)
    if first is not None:
        diagnostics.error(
            f"Duplicate {block.type} block",
            f"An {block.type} block targeting {override.key} has already been defined at "
            f"{place(first.block.header_range)}.",
            block.header_range,
        )
        return
    into[override.key] = override


def _target(
    expr: Expr, kind: str, block: Block, diagnostics: Diagnostics
) -> Address | ModulePath | None:
    traversal = static_traversal(expr)
    try:
        target = parse_target(str(traversal) if traversal is not None else expr.text)
    except AddressError as problem:
        diagnostics.error("Invalid override target", str(problem), expr.range)
        return None
    resource = target.resource
    fits = {
        "module": resource is None,
        "data": resource is not None and resource.mode == "data",
        "resource": resource is not None and resource.mode == "managed",
    }[kind]
    if not fits:
        diagnostics.error(
            "Invalid override target",
            f"You can only target {_WORDS[kind]} from {block.type} blocks, not {expr.text}.",
            block.body.attributes["target"].range,
        )
        return None
    return target.module if resource is None else resource


def _is_object(expr: Expr, name: str, block: Block, diagnostics: Diagnostics) -> bool:
    if isinstance(expr, ObjectExpr | Variable) or not plain_text(expr):
        return True
    diagnostics.error(
        f"Invalid {name} attribute",
        f"{block.type} blocks must specify {name} as an object.",
        expr.range,
    )
    return False


def decode_mock(block: Block, diagnostics: Diagnostics) -> MockProvider | None:
    """Decode a ``mock_provider`` block, without the directory that its ``source`` names."""
    if not check_labels(block, _MOCK, diagnostics):
        return None
    check_body(block, _MOCK, diagnostics)
    mock = MockProvider(
        block=block,
        name=block.labels[0],
        alias=text_of(block.body.attributes.get("alias"), diagnostics),
        during=_during(block, diagnostics) or During.APPLY,
    )
    return _filled(mock, block.body.blocks, diagnostics)


def merge_mocks(mock: MockProvider, body: Body, diagnostics: Diagnostics) -> MockProvider:
    """Add what a ``*.mock.hcl`` file says; what the ``mock_provider`` block says itself comes first."""
    unexpected(body, (), _MOCK_FILE, diagnostics)
    outer = replace(mock, resources={}, data={}, overrides={})
    shared = _filled(outer, body.blocks, diagnostics)
    return replace(
        mock,
        resources={**shared.resources, **mock.resources},
        data={**shared.data, **mock.data},
        overrides={**shared.overrides, **mock.overrides},
    )


def _filled(mock: MockProvider, blocks: Iterable[Block], diagnostics: Diagnostics) -> MockProvider:
    resources: dict[str, Defaults] = {}
    data: dict[str, Defaults] = {}
    overrides: dict[str, Override] = {}
    for block in blocks:
        if block.type == "mock_resource":
            _decode_defaults(block, resources, diagnostics)
        elif block.type == "mock_data":
            _decode_defaults(block, data, diagnostics)
        elif block.type in OVERRIDES:
            decode_override(block, overrides, diagnostics)
    return replace(mock, resources=resources, data=data, overrides=overrides)


def _decode_defaults(block: Block, into: dict[str, Defaults], diagnostics: Diagnostics) -> None:
    if not check_labels(block, _DEFAULTS, diagnostics):
        return
    check_body(block, _DEFAULTS, diagnostics)
    values = block.body.attributes.get("defaults")
    name = block.labels[0]
    first = into.get(name)
    if first is not None:
        diagnostics.error(
            f"Duplicate {block.type} block",
            f"A {block.type} block for {name} has already been defined at "
            f"{place(first.block.header_range)}.",
            block.header_range,
        )
        return
    into[name] = Defaults(
        block=block,
        type=name,
        values=values.expr if values is not None else None,
        during=_during(block, diagnostics),
    )
