"""The ``perimeter {}`` block: required versions, providers and the backend."""

from __future__ import annotations

import re

import perimeter
from perimeter.config.approvals import decode_approvals
from perimeter.config.draft import Draft
from perimeter.config.literals import key_text, pairs_of, plain_text, text_of
from perimeter.config.model import Backend, Encryption, RequiredProvider
from perimeter.config.resources import provider_ref_of
from perimeter.config.shape import NAME_RULE, Shape, check_body, check_labels, is_name, place
from perimeter.config.versions import Constraint, Version, VersionError
from perimeter.diagnostics import Diagnostics, Range
from perimeter.hcl.nodes import Attribute, Block, Expr, TupleExpr

_SETTINGS = Shape(
    optional=frozenset({"required_version"}),
    blocks=frozenset({"required_providers", "backend", "encryption", "approvals"}),
    later=frozenset({"cloud", "provider_meta", "state_store"}),
)
TARGETS = ("state", "plan", "snapshot", "remote_state")
"""What an ``encryption`` block can say something about."""
ENCRYPTION = Shape(
    optional=frozenset({"passphrase", "environment", "aws_kms", "enforced"}),
    blocks=frozenset({"key_provider", "method", "fallback", *TARGETS}),
)
_PROVIDERS = Shape(open=True)
_BACKEND = Shape(labels=("type",), open=True)
_SOURCE = re.compile(
    r"(?:(?P<host>[\w-]+(?:\.[\w-]+)+(?::\d+)?)/(?=[^/]+/))?(?:(?P<namespace>[\w-]+)/)?(?P<name>[\w-]+)"
)


def entry_point(source: str) -> str | None:
    """The entry-point name of a provider source address; None when it is malformed.

    ``perimeter/github``, ``registry.example/acme/github`` and ``github`` are all found under
    ``github`` in the entry-point group ``perimeter.providers``.
    """
    match = _SOURCE.fullmatch(source)
    return match["name"].lower() if match else None


def decode_settings(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    """Decode a ``perimeter`` block; several of them add up."""
    if not check_labels(block, _SETTINGS, diagnostics):
        return
    check_body(block, _SETTINGS, diagnostics)
    required = block.body.attributes.get("required_version")
    if required is not None:
        _required_version(required, draft, diagnostics)
    for item in block.body.blocks:
        if item.type == "required_providers":
            _required_providers(item, draft, diagnostics)
        elif item.type == "backend":
            _backend(item, draft, diagnostics)
        elif item.type == "encryption":
            _encryption(item, draft, diagnostics)
        elif item.type == "approvals":
            decode_approvals(item, draft, diagnostics)


def _constraint(text: str, where: Range, diagnostics: Diagnostics) -> Constraint | None:
    try:
        return Constraint.parse(text)
    except VersionError:
        diagnostics.error(
            "Invalid version constraint",
            "This string does not use correct version constraint syntax.",
            where,
        )
        return None


def _required_version(attribute: Attribute, draft: Draft, diagnostics: Diagnostics) -> None:
    text = text_of(attribute, diagnostics)
    if text is None:
        return
    where = attribute.expr.range
    constraint = _constraint(text, where, diagnostics)
    if constraint is None:
        return
    draft.required_version.append(text)
    if constraint.has_prerelease:
        diagnostics.error(
            "Invalid required_version constraint",
            f"Prerelease version constraints are not supported: {text}. Remove the prerelease "
            "information from the constraint. Prerelease versions of perimeter will match "
            "constraints using their version core only.",
            where,
        )
        return
    current = _current()
    if not constraint.allows(current.core):
        diagnostics.error(
            "Unsupported perimeter version",
            f"This configuration does not support perimeter version {perimeter.__version__}. To "  # noqa: S608  # no query
            "proceed, either choose another supported perimeter version or update this version "
            "constraint. Version constraints are normally set for good reason, so updating the "
            "constraint may lead to other errors or unexpected behavior.",
            where,
        )


def _current() -> Version:
    match = re.match(r"\d+(?:\.\d+)*", perimeter.__version__)
    return Version.parse(match[0] if match else "0")


def _required_providers(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    if not check_labels(block, _PROVIDERS, diagnostics):
        return
    if draft.required_at is not None:
        diagnostics.error(
            "Duplicate required providers configuration",
            "A module may have only one required providers configuration. The required providers "
            f"were previously configured at {place(draft.required_at)}.",
            block.header_range,
        )
        return
    draft.required_at = block.header_range
    for nested in block.body.blocks:
        diagnostics.error(
            "Unsupported block type",
            f'Blocks of type "{nested.type}" are not expected here. Did you mean to define '
            f'argument "{nested.type}"? If so, use the equals sign to assign it a value.',
            nested.type_range,
        )
    for name, attribute in block.body.attributes.items():
        if not is_name(name):
            diagnostics.error("Invalid provider local name", NAME_RULE, attribute.name_range)
            continue
        entry = _required_provider(name, attribute, diagnostics)
        if entry is not None:
            draft.required_providers[name] = entry


def _required_provider(
    name: str, attribute: Attribute, diagnostics: Diagnostics
) -> RequiredProvider | None:
    version = plain_text(attribute.expr)
    if version is not None:
        _constraint(version, attribute.expr.range, diagnostics)
        return RequiredProvider(
            node=attribute, name=name, source="", entry_point=name, version=version
        )
    found: dict[str, str] = {}
    aliases: tuple[str, ...] = ()
    detail = "required_providers entries must be strings or objects."
    for key, at, value in pairs_of(attribute.expr, diagnostics, detail):
        if key == "configuration_aliases":
            aliases = _aliases(value, name, diagnostics)
        elif key in ("source", "version"):
            text = plain_text(value)
            if text is None:
                diagnostics.error(
                    f"Invalid {key}", f'"{key}" must be a string without references.', value.range
                )
                continue
            found[key] = text
            if key == "version":
                _constraint(text, value.range, diagnostics)
            elif entry_point(text) is None:
                diagnostics.error(
                    "Invalid provider source string",
                    'The "source" attribute must be in the format "[hostname/][namespace/]name"',
                    value.range,
                )
                return None
        else:
            diagnostics.error(
                "Invalid required_providers object",
                'required_providers objects can only contain "version", "source" and '
                '"configuration_aliases" attributes. To configure a provider, use a "provider" '
                "block.",
                at.range,
            )
    source = found.get("source", "")
    return RequiredProvider(
        node=attribute,
        name=name,
        source=source,
        entry_point=entry_point(source) or name,
        version=found.get("version", ""),
        aliases=aliases,
    )


def _aliases(expr: Expr, name: str, diagnostics: Diagnostics) -> tuple[str, ...]:
    if not isinstance(expr, TupleExpr):
        diagnostics.error("Invalid expression", "A static list expression is required.", expr.range)
        return ()
    keys = []
    for item in expr.items:
        ref = provider_ref_of(item, diagnostics)
        if ref is None:
            continue
        if ref.name != name or ref.alias is None:
            diagnostics.error(
                "Invalid configuration_aliases value",
                f'Configuration aliases of "{name}" are written {name}.ALIAS, not '
                f"{key_text(item)}.",
                item.range,
            )
            continue
        keys.append(ref.key)
    return tuple(keys)


def _backend(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    if not check_labels(block, _BACKEND, diagnostics):
        return
    if draft.backend is not None:
        diagnostics.error(
            "Duplicate backend configuration",
            "A module may have only one backend configuration. The backend was previously "
            f"configured at {place(draft.backend.range)}.",
            block.header_range,
        )
        return
    draft.backend = Backend(node=block, type=block.labels[0], body=block.body)


def _encryption(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    if not check_labels(block, ENCRYPTION, diagnostics):
        return
    check_body(block, ENCRYPTION, diagnostics)
    if draft.encryption is not None:
        diagnostics.error(
            "Duplicate encryption configuration",
            "A module may have only one encryption configuration. It was previously configured at "
            f"{place(draft.encryption.range)}.",
            block.header_range,
        )
        return
    draft.encryption = Encryption(node=block, body=block.body)
