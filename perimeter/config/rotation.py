"""``rotation`` blocks of credentials, and ``consumer`` blocks: who uses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perimeter.config.draft import Draft, declare
from perimeter.config.literals import items_of, pairs_of, plain_text, text_of, traversal_of
from perimeter.config.model import Consumer, Delivery, RotationRule
from perimeter.config.shape import Shape, check_body, check_labels, place
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.hcl.nodes import Attribute, Block, Expr, GetAttr, Index, ObjectExpr, Paren, Variable
from perimeter.lang.scope import Traversal

DURATIONS = ("max_age", "overlap", "quarantine", "stuck_after")
"""The arguments of a rotation block that are durations."""

EVIDENCE = ("last_used", "probe", "attestation")
"""How it may be proved that a new credential works."""

CONSUMER_EVIDENCE = ("attestation", "last_used", "http")
"""How it may be proved that a consumer has moved."""

_ROTATION = Shape(
    required=("max_age",),
    optional=frozenset({*DURATIONS, "deliver_to", "schedule", "notify"}),
    blocks=frozenset({"verify"}),
)
_VERIFY = Shape(optional=frozenset({"by", "times", "window", "unused_for"}))
_CONSUMER = Shape(
    labels=("name",),
    required=("uses",),
    optional=frozenset({"owner", "evidence"}),
    blocks=frozenset({"http"}),
)
_HTTP = Shape(required=("url", "path"))
_NOT_RESOURCES = frozenset(
    {
        *("var", "local", "module", "data", "path", "perimeter", "terraform", "self"),
        *("integration", "each", "count", "ephemeral", "action"),
    }
)


def decode_rotation(
    blocks: Sequence[Block], mode: str, diagnostics: Diagnostics
) -> RotationRule | None:
    """Decode the ``rotation`` block among a resource's, if there is one."""
    found = [block for block in blocks if block.type == "rotation"]
    if not found:
        return None
    block = found[0]
    if mode != "managed":
        diagnostics.error(
            "Invalid rotation block",
            f"Only resources are rotated; a {mode} block only looks something up.",
            block.header_range,
        )
        return None
    for extra in found[1:]:
        diagnostics.error(
            "Duplicate rotation block",
            f"This resource already has a rotation block at {place(block.header_range)}.",
            extra.header_range,
        )
    if not check_labels(block, Shape(), diagnostics):
        return None
    if not check_body(block, _ROTATION, diagnostics):
        return None
    arguments = block.body.attributes
    sinks = arguments.get("deliver_to")
    return RotationRule(
        node=block,
        arguments={name: item.expr for name, item in arguments.items() if name != "deliver_to"},
        verify=_verify(block, diagnostics),
        deliver_to=_deliveries(sinks, diagnostics) if sinks is not None else (),
    )


def _verify(rotation: Block, diagnostics: Diagnostics) -> Mapping[str, Expr]:
    found = [block for block in rotation.body.blocks if block.type == "verify"]
    for extra in found[1:]:
        diagnostics.error(
            "Duplicate verify block",
            f"This rotation already has a verify block at {place(found[0].header_range)}.",
            extra.header_range,
        )
    if not found or not check_labels(found[0], Shape(), diagnostics):
        return {}
    check_body(found[0], _VERIFY, diagnostics)
    return {name: item.expr for name, item in found[0].body.attributes.items()}


def _deliveries(attribute: Attribute, diagnostics: Diagnostics) -> tuple[Delivery, ...]:
    found: list[Delivery] = []
    for item in items_of(attribute, diagnostics):
        delivery = _delivery(item, diagnostics)
        if delivery is not None:
            found.append(delivery)
    return tuple(found)


def _delivery(expr: Expr, diagnostics: Diagnostics) -> Delivery | None:
    while isinstance(expr, Paren):
        expr = expr.inner
    if not isinstance(expr, ObjectExpr):
        return Delivery(to=expr) if _names_resource(expr, diagnostics) else None
    to: Expr | None = None
    member = ""
    for name, key, value in pairs_of(expr, diagnostics):
        if name == "to":
            to = value
        elif name == "member":
            member = _text(value) or ""
            if not member:
                diagnostics.error(
                    "Invalid deliver_to entry",
                    'The member must be written in place, such as member = "secret_access_key".',
                    value.range,
                )
                return None
        else:
            diagnostics.error(
                "Invalid deliver_to entry",
                f'An entry has "to" and "member", not "{name}".'
                f"{did_you_mean(name, ('to', 'member'))}",
                key.range,
            )
            return None
    if to is None:
        diagnostics.error(
            "Invalid deliver_to entry",
            "The entry does not say where to: add to = TYPE.NAME, the resource of the sink.",
            expr.range,
        )
        return None
    return Delivery(to=to, member=member) if _names_resource(to, diagnostics) else None


def _text(expr: Expr) -> str | None:
    """A text in place; a JSON file's text among references is read as a name."""
    return expr.name if isinstance(expr, Variable) else plain_text(expr)


def _names_resource(expr: Expr, diagnostics: Diagnostics) -> bool:
    root, steps = expr, 0
    while isinstance(root, GetAttr | Index):
        steps += 1
        root = root.object
    if isinstance(root, Variable) and root.name not in _NOT_RESOURCES and steps:
        return True
    diagnostics.error(
        "Invalid deliver_to entry",
        "A secret is delivered to a resource of this module, named as TYPE.NAME or "
        "TYPE.NAME[KEY]: the plan has to know what it writes to.",
        expr.range,
    )
    return False


def decode_consumer(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    """Decode and declare a ``consumer`` block."""
    if not check_labels(block, _CONSUMER, diagnostics):
        return
    if not check_body(block, _CONSUMER, diagnostics):
        return
    arguments, name = block.body.attributes, block.labels[0]
    owner, given = arguments.get("owner"), arguments.get("evidence")
    http = _http(block, diagnostics)
    evidence = text_of(given, diagnostics) or ("http" if http else CONSUMER_EVIDENCE[0])
    if given is not None and evidence not in CONSUMER_EVIDENCE:
        diagnostics.error(
            "Invalid evidence",
            f'"{evidence}" is no evidence that a consumer has moved. Use '
            f"{', '.join(CONSUMER_EVIDENCE)}.{did_you_mean(evidence, CONSUMER_EVIDENCE)}",
            given.expr.range,
        )
        return
    if (evidence == "http") != bool(http):
        diagnostics.error(
            "Invalid consumer",
            "Evidence by http needs an http block with url and path, and other evidence has none.",
            block.header_range,
        )
        return
    path = text_of(http["path"], diagnostics) if http else ""
    consumer = Consumer(
        node=block,
        name=name,
        uses=_uses(arguments["uses"], diagnostics),
        owner=owner.expr if owner else None,
        evidence=evidence,
        url=http["url"].expr if http else None,
        path=path or "",
    )
    declare(
        draft.consumers,
        name,
        consumer,
        diagnostics,
        summary="Duplicate consumer declaration",
        detail=f'A consumer named "{name}" was already declared at {{}}. Consumer names must be '
        "unique within a module.",
    )


def _http(block: Block, diagnostics: Diagnostics) -> Mapping[str, Attribute]:
    found = [nested for nested in block.body.blocks if nested.type == "http"]
    for extra in found[1:]:
        diagnostics.error(
            "Duplicate http block",
            f"This consumer already has an http block at {place(found[0].header_range)}.",
            extra.header_range,
        )
    if not found or not check_labels(found[0], Shape(), diagnostics):
        return {}
    return found[0].body.attributes if check_body(found[0], _HTTP, diagnostics) else {}


def _uses(attribute: Attribute, diagnostics: Diagnostics) -> tuple[Traversal, ...]:
    expr: Expr = attribute.expr
    found = (
        [traversal_of(expr, diagnostics)]
        if traversal_of(expr, Diagnostics()) is not None
        else [traversal_of(item, diagnostics) for item in items_of(attribute, diagnostics)]
    )
    sound: list[Traversal] = []
    for traversal in found:
        if traversal is None:
            continue
        if traversal.root in _NOT_RESOURCES or not traversal.steps:
            diagnostics.error(
                "Invalid consumer",
                "A consumer uses credentials, named as TYPE.NAME or TYPE.NAME[KEY].",
                traversal.range,
            )
            continue
        sound.append(traversal)
    return tuple(sound)
