"""The top-level blocks of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from perimeter.config.actions import decode_action
from perimeter.config.checks import decode_check
from perimeter.config.draft import Draft, declare
from perimeter.config.imports import decode_import
from perimeter.config.inputs import decode_variable
from perimeter.config.literals import (
    deprecation,
    flag_of,
    key_text,
    pairs_of,
    plain_text,
    refers_to_something,
    text_of,
    traversals_of,
)
from perimeter.config.model import (
    BreakGlass,
    Collection,
    Integration,
    Local,
    ModuleCall,
    Output,
    ProviderConfig,
    ProviderRef,
)
from perimeter.config.moved import decode_moved
from perimeter.config.removed import decode_removed
from perimeter.config.resources import (
    conditions,
    decode_resource,
    enabled_of,
    provider_ref,
    provider_ref_of,
    repetition,
)
from perimeter.config.rotation import decode_consumer
from perimeter.config.settings import decode_settings
from perimeter.config.shape import (
    NAME_RULE,
    Shape,
    check_body,
    check_labels,
    header,
    is_name,
    unexpected,
)
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.hcl.nodes import Attribute, Block, Body, Expr

Decoder = Callable[[Block, Draft, Diagnostics], object]

LATER = frozenset(
    {
        "dataset",
        "flow",
        "list",
        "policy",
        "third_party",
        "waiver",
    }
)
"""Top-level blocks of the language that this version does not read yet."""

MODES = ("exclusive", "additive", "report")
"""What a collection may say about undeclared objects."""

_LOCALS = Shape(open=True)
_OUTPUT = Shape(
    labels=("name",),
    required=("value",),
    optional=frozenset({"description", "sensitive", "ephemeral", "deprecated", "depends_on"}),
    blocks=frozenset({"precondition"}),
)
_MODULE = Shape(labels=("name",), required=("source",), open=True)
_CALL_LIFECYCLE = Shape(optional=frozenset({"enabled"}))
_CALL_META = frozenset({"source", "version", "count", "for_each", "providers", "depends_on"})
_PROVIDER = Shape(labels=("name",), open=True)
_LIMITS = ("max_removals", "max_removal_percent", "min_population")
_COLLECTION = Shape(
    labels=("type", "name"),
    optional=frozenset({"provider", "for_each", "within", "mode", "ignore", *_LIMITS}),
)
_INTEGRATION = Shape(
    labels=("name",),
    optional=frozenset({"owner", "purpose", "third_party", "datasets", "expires_at"}),
)
_BREAK_GLASS = Shape(required=("users",), optional=frozenset({"minimum_administrators"}))


def decode_file(body: Body, draft: Draft, diagnostics: Diagnostics) -> None:
    """Decode every block of a file; diagnostics name the block they are in."""
    unexpected(body, (), DECODERS, diagnostics, later=LATER)
    for block in body.blocks:
        decoder = DECODERS.get(block.type)
        if decoder is None:
            continue
        found = Diagnostics()
        decoder(block, draft, found)
        if found:
            diagnostics.extend(item.at(block=header(block)) for item in found)


def _decode_locals(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    if not check_labels(block, _LOCALS, diagnostics):
        return
    for nested in block.body.blocks:
        diagnostics.error(
            f'Unexpected "{nested.type}" block',
            "Blocks are not allowed here. To define a local value, use the equals sign: "
            f"{nested.type} = …",
            nested.type_range,
        )
    for name, attribute in block.body.attributes.items():
        if not is_name(name):
            diagnostics.error("Invalid local value name", NAME_RULE, attribute.name_range)
            continue
        declare(
            draft.locals,
            name,
            Local(node=attribute, name=name, expr=attribute.expr),
            diagnostics,
            summary="Duplicate local value definition",
            detail=f'A local value named "{name}" was already defined at {{}}. Local value names '
            "must be unique within a module.",
        )


def _decode_output(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    if not check_labels(block, _OUTPUT, diagnostics) or not check_body(block, _OUTPUT, diagnostics):
        return
    arguments, name = block.body.attributes, block.labels[0]
    output = Output(
        node=block,
        name=name,
        value=arguments["value"].expr,
        description=text_of(arguments.get("description"), diagnostics) or "",
        sensitive=flag_of(arguments.get("sensitive"), False, diagnostics),
        ephemeral=flag_of(arguments.get("ephemeral"), False, diagnostics),
        deprecated=deprecation(arguments.get("deprecated"), diagnostics),
        depends_on=traversals_of(arguments.get("depends_on"), diagnostics),
        preconditions=conditions(block.body.blocks, "precondition", diagnostics),
    )
    declare(
        draft.outputs,
        name,
        output,
        diagnostics,
        summary="Duplicate output definition",
        detail=f'An output named "{name}" was already defined at {{}}. Output names must be unique '
        "within a module.",
    )


def _decode_module(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    if not check_labels(block, _MODULE, diagnostics) or not check_body(block, _MODULE, diagnostics):
        return
    enabled: Expr | None = None
    for nested in block.body.blocks:
        if nested.type == "lifecycle":
            if check_labels(nested, _CALL_LIFECYCLE, diagnostics):
                check_body(nested, _CALL_LIFECYCLE, diagnostics)
                enabled = enabled_of(nested, block, diagnostics)
        elif nested.type in ("locals", "provider", "providers"):
            diagnostics.error(
                "Reserved block type name in module block",
                f'The block type name "{nested.type}" is reserved for use by perimeter in a future '
                "version.",
                nested.type_range,
            )
        else:
            diagnostics.error(
                "Unsupported block type",
                f'Blocks of type "{nested.type}" are not expected here.',
                nested.type_range,
            )
    arguments, name = block.body.attributes, block.labels[0]
    count, for_each = repetition(block, "resources", diagnostics)
    early: dict[str, Expr] = {
        name: arguments[name].expr
        for name in ("source", "version")
        if name in arguments and refers_to_something(arguments[name].expr)
    }
    source = "" if "source" in early else text_of(arguments["source"], diagnostics)
    if source is None:
        return
    call = ModuleCall(
        node=block,
        name=name,
        source=source,
        version=None if "version" in early else text_of(arguments.get("version"), diagnostics),
        count=count,
        for_each=for_each,
        providers=_passed_providers(arguments.get("providers"), diagnostics),
        depends_on=traversals_of(arguments.get("depends_on"), diagnostics),
        enabled=enabled,
        inputs={key: item for key, item in arguments.items() if key not in _CALL_META},
        early=early,
    )
    declare(
        draft.calls,
        name,
        call,
        diagnostics,
        summary="Duplicate module call",
        detail=f'A module call named "{name}" was already defined at {{}}. Module calls must have '
        "unique names within a module.",
    )


def _passed_providers(
    attribute: Attribute | None, diagnostics: Diagnostics
) -> dict[str, ProviderRef]:
    passed: dict[str, ProviderRef] = {}
    if attribute is None:
        return passed
    for key, at, value in pairs_of(attribute.expr, diagnostics):
        if key in passed:
            diagnostics.error(
                "Duplicate provider address",
                f'A provider configuration was already passed to "{key}". Each child provider '
                "configuration can be assigned only once.",
                at.range,
            )
            continue
        ref = provider_ref_of(value, diagnostics)
        if ref is not None and key_text(at) is not None:
            passed[key] = ref
    return passed


def _decode_provider(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    if not check_labels(block, _PROVIDER, diagnostics):
        return
    name, attribute = block.labels[0], block.body.attributes.get("alias")
    alias = text_of(attribute, diagnostics)
    if attribute is not None and alias is None:
        return
    if attribute is not None and alias is not None and not is_name(alias):
        diagnostics.error(
            "Invalid provider configuration alias",
            f"An alias must be a valid name. {NAME_RULE}",
            attribute.expr.range,
        )
        return
    version = block.body.attributes.get("version")
    if version is not None:
        diagnostics.error(
            "Version constraint in a provider block",
            "Write the provider's version constraint in the required_providers block of the "
            "perimeter block.",
            version.name_range,
        )
    if alias is None:
        detail = (
            f'A default (non-aliased) provider configuration for "{name}" was already given at {{}}.'
            ' If multiple configurations are required, set the "alias" argument for alternative '
            "configurations."
        )
    else:
        detail = (
            f'A provider configuration for "{name}" with alias "{alias}" was already given at {{}}.'
            " Each configuration for the same provider must have a distinct alias."
        )
    for_each = block.body.attributes.get("for_each")
    if for_each is not None and alias is None:
        diagnostics.error(
            "Alias required when using for_each",
            "A provider configuration with for_each has an alias: the default configuration must be "
            "a single one.",
            for_each.name_range,
        )
    config = ProviderConfig(
        node=block,
        name=name,
        alias=alias,
        for_each=for_each.expr if for_each else None,
        body=block.body,
    )
    declare(
        draft.provider_configs,
        config.key,
        config,
        diagnostics,
        summary="Duplicate provider configuration",
        detail=detail,
    )


def _decode_collection(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    if not check_labels(block, _COLLECTION, diagnostics):
        return
    check_body(block, _COLLECTION, diagnostics)
    arguments, key = block.body.attributes, (block.labels[0], block.labels[1])
    mode = arguments.get("mode")
    written = plain_text(mode.expr) if mode else None
    if mode is not None and written is not None and written not in MODES:
        diagnostics.error(
            "Invalid collection mode",
            f'"{written}" is not a mode. A collection is "exclusive" (undeclared objects are '
            'removed), "additive" (they are left alone) or "report" (they are named).'
            f"{did_you_mean(written, MODES)}",
            mode.expr.range,
        )
    for_each, within, ignore = (arguments.get(x) for x in ("for_each", "within", "ignore"))
    collection = Collection(
        node=block,
        type=key[0],
        name=key[1],
        provider_ref=provider_ref(arguments.get("provider"), diagnostics),
        for_each=for_each.expr if for_each else None,
        within=within.expr if within else None,
        mode=mode.expr if mode else None,
        ignore=ignore.expr if ignore else None,
        **{name: arguments[name].expr for name in _LIMITS if name in arguments},
    )
    declare(
        draft.collections,
        key,
        collection,
        diagnostics,
        summary=f'Duplicate collection "{key[0]}" configuration',
        detail=f'A {key[0]} collection named "{key[1]}" was already declared at {{}}. Collection '
        "names must be unique per type in each module.",
    )


def _decode_integration(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    if not check_labels(block, _INTEGRATION, diagnostics):
        return
    check_body(block, _INTEGRATION, diagnostics)
    name = block.labels[0]
    given = {
        key: item.expr
        for key, item in block.body.attributes.items()
        if key in _INTEGRATION.optional
    }
    declare(
        draft.integrations,
        name,
        Integration(node=block, name=name, **given),
        diagnostics,
        summary="Duplicate integration declaration",
        detail=f'An integration named "{name}" was already declared at {{}}. Integration names must '
        "be unique within a module.",
    )


def _decode_break_glass(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    if len(block.labels) != 1 or not all(map(is_name, block.labels[0].split(".")[:2])):
        diagnostics.error(
            "Invalid break_glass block",
            "A break_glass block has one label, the provider whose accounts it names: break_glass "
            '"okta" {}, or "okta.eu" for the provider configuration with alias "eu".',
            block.header_range,
        )
        return
    if not check_body(block, _BREAK_GLASS, diagnostics):
        return
    provider = block.labels[0]
    least = block.body.attributes.get("minimum_administrators")
    declare(
        draft.break_glass,
        provider,
        BreakGlass(
            node=block,
            provider=provider,
            users=block.body.attributes["users"].expr,
            minimum=least.expr if least is not None else None,
        ),
        diagnostics,
        summary="Duplicate break_glass block",
        detail=f'Break-glass accounts of "{provider}" were already declared at {{}}. Name all users '
        "in one block.",
    )


DECODERS: dict[str, Decoder] = {
    "perimeter": decode_settings,
    "provider": _decode_provider,
    "variable": decode_variable,
    "locals": _decode_locals,
    "output": _decode_output,
    "module": _decode_module,
    "resource": decode_resource,
    "data": decode_resource,
    "ephemeral": decode_resource,
    "action": decode_action,
    "collection": _decode_collection,
    "integration": _decode_integration,
    "break_glass": _decode_break_glass,
    "consumer": decode_consumer,
    "check": decode_check,
    "import": decode_import,
    "moved": decode_moved,
    "removed": decode_removed,
}
"""What decodes each type of top-level block."""


def decode_module(bodies: Iterable[Body], diagnostics: Diagnostics) -> Draft:
    """Decode the files of one module together."""
    draft = Draft()
    for body in bodies:
        decode_file(body, draft, diagnostics)
    return draft
