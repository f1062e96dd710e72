"""Top-level blocks other than resources: settings, providers, modules, variables, locals, outputs, checks."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from perimeter.hcl.writer import quote, value_text
from perimeter.migrate.bodies import Inside, Rules, carry, carry_body, translate_body
from perimeter.migrate.expressions import carried
from perimeter.migrate.lines import block_text, commented
from perimeter.migrate.resources import Made
from perimeter.migrate.scope import Scope
from perimeter.migrate.secrets import REASON, SENSITIVE, holds_secret, masked
from perimeter.migrate.tree import Argument, Block
from perimeter.sdk.migration import Dropped, Joined, Secret

CARRIED = frozenset({"variable", "output", "check"})
UNTRANSLATED = {
    "moved": "Terraform's state has moved already, and perimeter's starts at the new address",
    "import": "what Terraform has imported is in its state; the import blocks written here come from there",
    "removed": "perimeter's state starts without what is removed",
    "ephemeral": "no provider of perimeter has a counterpart of it",
    "action": "perimeter has no actions",
    "list": "perimeter has no list blocks",
}
"""Why blocks of the language are not carried over."""

_ALIASES = re.compile(r"configuration_aliases\s*[=:]\s*(\[[^\]]*\])")


def translate_carried(block: Block, scope: Scope) -> Made:
    """A block whose inside is the language's own."""
    inside = Inside()
    carry_body(block.body, scope, inside, owner_name(block))
    made = Made(left_out=inside.left_out, broken=inside.broken)
    if block.type == "check" and any(item.type == "data" for item in block.body.blocks):
        made.broken.append("it has a data source of its own; write it anew")
    if block.type == "output" and "value" not in inside.given and not made.broken:
        made.broken.append(REASON)
    made.text = block_text(block.type, block.labels, inside.lines.text)
    made.ours = [_address(block)]
    return made


def owner_name(block: Block) -> str:
    """The name that speaks for a block's default or value."""
    sensitive = block.body.arguments.get("sensitive")
    if block.type not in ("variable", "output") or not block.labels:
        return ""
    if block.type == "variable" and sensitive is not None and sensitive.expr.literal is True:
        return SENSITIVE
    return block.labels[0]


def _address(block: Block) -> str:
    word = {"variable": "var"}.get(block.type, block.type)
    return ".".join([word, *block.labels])


def translate_locals(block: Block, scope: Scope) -> Made:
    """Locals; one that has no counterpart is left out, and what needs it with it."""
    inside = Inside()
    made = Made()
    at = block.body.start
    for item in block.body.items:
        inside.lines.gap(block.body.file[at : item.start])
        at = item.end
        if isinstance(item, Block):
            inside.leave_out(item, "it is not an argument", scope.state.secrets)
            continue
        before = len(inside.left_out)
        carry(item, scope, inside, item.name)
        if len(inside.left_out) > before:
            scope.gone[("local", item.name)] = inside.left_out[-1][1]
    inside.lines.gap(block.body.file[at : block.body.end])
    made.left_out = inside.left_out
    made.text = block_text("locals", (), inside.lines.text)
    made.ours = [f"local.{name}" for name in sorted(inside.given)]
    return made


def translate_settings(block: Block, scope: Scope) -> Made:
    """``terraform`` becomes ``perimeter``."""
    inside = Inside()
    secrets = scope.state.secrets
    at = block.body.start
    for item in block.body.items:
        inside.lines.gap(block.body.file[at : item.start])
        at = item.end
        if isinstance(item, Argument):
            reasons = {"required_version": "it is the version of Terraform"}
            inside.leave_out(item, reasons.get(item.name, "it has no counterpart"), secrets)
        elif item.type == "required_providers":
            nested = Inside()
            _required_providers(item, scope, nested)
            inside.left_out += nested.left_out
            inside.lines.code(block_text("required_providers", (), nested.lines.text))
        elif item.type in ("backend", "cloud"):
            reason = "perimeter keeps its state on its own; configure a backend of perimeter"
            inside.leave_out(item, reason, secrets)
        else:
            inside.leave_out(item, "it has no counterpart", secrets)
    inside.lines.gap(block.body.file[at : block.body.end])
    return Made(
        text=block_text("perimeter", (), inside.lines.text),
        ours=["perimeter"],
        left_out=inside.left_out,
    )


def _required_providers(block: Block, scope: Scope, inside: Inside) -> None:
    at = block.body.start
    for item in block.body.items:
        inside.lines.gap(block.body.file[at : item.start])
        at = item.end
        if not isinstance(item, Argument):
            inside.leave_out(item, "it has no counterpart", scope.state.secrets)
            continue
        known = scope.catalogue.provider(item.name, scope.sources.get(item.name))
        if known is None:
            inside.leave_out(item, "perimeter has no such provider", scope.state.secrets)
            continue
        aliases = _ALIASES.search(item.expr.text)
        inner = f'source = "perimeter/{known.name}"'
        if aliases:
            inner += f"\nconfiguration_aliases = {aliases[1]}"
        inside.lines.code(f"{item.name} = {{\n{inner}\n}}")
    inside.lines.gap(block.body.file[at : block.body.end])


def translate_provider(block: Block, scope: Scope) -> Made:
    """A provider configuration."""
    local = block.labels[0] if block.labels else ""
    known = scope.catalogue.provider(local, scope.sources.get(local))
    if known is None:
        return Made(broken=["perimeter has no such provider"])
    migration = known.migration
    inside = Inside()
    arguments: dict[str, Any] = {
        "alias": "alias",
        "version": Dropped(reason="it is the version of Terraform's provider"),
        **migration.arguments,
    }
    joining = {
        name for joined in migration.joined for name in _fields(joined) if name not in arguments
    }
    for joined in migration.joined:
        _joined(block, joined, scope, inside)
    translate_body(
        block.body,
        Rules(arguments=arguments, blocks=migration.blocks),
        scope,
        inside,
        skip=frozenset(joining),
    )
    made = Made(left_out=inside.left_out, ours=[f"provider.{local}"])
    for name, attribute in known.schema.attributes.items():
        if attribute.required and name not in inside.given:
            made.notes.append(f"perimeter needs {name} in the provider block; add it")
    for name, rule in migration.arguments.items():
        if isinstance(rule, Secret) and any(name == left for left, _, _ in inside.left_out):
            made.notes.append(
                f"its {name} is not written; give it by the environment or a variable"
            )
    made.text = block_text("provider", block.labels, inside.lines.text)
    return made


def _fields(joined: Joined) -> list[str]:
    return re.findall(r"\{(\w+)\}", joined.template)


def _joined(block: Block, joined: Joined, scope: Scope, inside: Inside) -> None:
    """One of our arguments out of several."""
    given = block.body.arguments
    texts: dict[str, str] = {}
    for name in _fields(joined):
        argument = given.get(name)
        if argument is None:
            if name not in joined.defaults:
                return
            texts[name] = joined.defaults[name]
            continue
        literal = argument.expr.literal
        if isinstance(literal, str):
            texts[name] = quote(literal)[1:-1]
            continue
        text, problems = carried(argument.expr, scope)
        if problems or holds_secret(name, argument.expr, scope.state.secrets):
            inside.left_out.append((name, "; ".join(problems) or REASON, argument.start))
            return
        texts[name] = f"${{{text}}}"
    value = joined.template
    for name, text in texts.items():
        value = value.replace(f"{{{name}}}", text)
    inside.lines.line(f'{joined.name} = "{value}"')
    inside.given.add(joined.name)


def translate_module(block: Block, scope: Scope) -> Made:
    """A call of a local module."""
    name = block.labels[0] if block.labels else ""
    called = scope.calls.get(name)
    if called is None:
        return Made(broken=["its source is no local directory; migrate a copy of the module"])
    inside = Inside()
    at = block.body.start
    for item in block.body.items:
        inside.lines.gap(block.body.file[at : item.start])
        at = item.end
        if isinstance(item, Block):
            inside.leave_out(item, "it has no counterpart", scope.state.secrets)
        elif item.name == "source":
            inside.lines.code(f"source = {quote(relative(scope.out, called.out))}")
        elif item.name == "version":
            inside.leave_out(item, "a local module has none", scope.state.secrets)
        elif item.name == "providers":
            inside.lines.code(f"providers = {item.expr.text}")
        else:
            carry(item, scope, inside)
    inside.lines.gap(block.body.file[at : block.body.end])
    made = Made(left_out=inside.left_out, broken=inside.broken, ours=[f"module.{name}"])
    made.text = block_text("module", block.labels, inside.lines.text)
    return made


def relative(base: str, target: str) -> str:
    """A module's directory from another's, as sources are written."""
    path = posixpath.relpath(target or ".", base or ".")
    return path if path.startswith("..") else f"./{path}"


def not_translated(block: Block, reasons: list[str], scope: Scope) -> str:
    """A block as a comment with the reason."""
    body = block.body
    text = masked(body, block.start, block.end, scope.state.secrets, owner_name(block))
    why = "; ".join(dict.fromkeys(" ".join(reason.split()) for reason in reasons))
    return commented(f"Not translated: {why}.\n{text}")


def import_text(to: str, identifier: str) -> str:
    """An import block."""
    return f"import {{\n  to = {to}\n  id = {value_text(identifier)}\n}}\n"
