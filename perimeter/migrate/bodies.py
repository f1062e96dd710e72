"""The insides of blocks: arguments and nested blocks by the rules of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from perimeter.hcl.writer import value_text
from perimeter.migrate.expressions import carried, value_of
from perimeter.migrate.lines import Lines, block_text, sentence
from perimeter.migrate.scope import MISSING, Declared, Scope
from perimeter.migrate.secrets import HIDDEN, REASON, holds_secret, masked, scrubbed
from perimeter.migrate.tree import NOT_LITERAL, Argument, Block, Body
from perimeter.sdk.migration import BlockRule, Dropped, Flattened, Nested, Renamed, Rule, Secret

META = ("count", "for_each", "provider", "depends_on")


@dataclass(slots=True, kw_only=True)
class Rules:
    """How the inside of one kind of block translates.

    Attributes:
        owner: the resource it belongs to, whose state may know a value.
        path: where in that state the values of this body are.
    """

    arguments: Mapping[str, Rule]
    blocks: Mapping[str, BlockRule] = field(default_factory=dict)
    owner: Declared | None = None
    path: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Inside:
    """The inside of one of our blocks.

    Attributes:
        given: our arguments that it gives.
        left_out: (foreign name, reason, line's offset in the file).
        broken: why the whole block cannot stand.
    """

    lines: Lines = field(default_factory=Lines)
    given: set[str] = field(default_factory=set)
    left_out: list[tuple[str, str, int]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def leave_out(self, item: Argument | Block, reason: str, secrets: frozenset[str]) -> None:
        """Turn an argument or a block into a comment."""
        name = item.name if isinstance(item, Argument) else item.type
        body = item.body if isinstance(item, Block) else _around(item)
        text = masked(body, item.start, item.end, secrets)
        self.lines.comment(scrubbed(f"{name} is left out: {sentence(reason)}.\n{text}", secrets))
        self.left_out.append((name, reason, item.start))


def translate_body(
    body: Body,
    rules: Rules,
    scope: Scope,
    inside: Inside,
    *,
    skip: frozenset[str] = frozenset(),
    continued: bool = False,
) -> None:
    """Translate a body by rules into ``inside``.

    Args:
        body: the foreign one.
        rules: what becomes of what stands in it.
        scope: its module.
        inside: where the translation goes.
        skip: names of what is dealt with elsewhere.
        continued: whether it goes on behind another body's items.
    """
    secrets = scope.state.secrets
    at = body.start
    for item in body.items:
        gap = scrubbed(body.file[at : item.start], secrets)
        if continued and at == body.start and inside.lines.at_line_start:
            gap = gap.lstrip()
        at = item.end
        skipped = (item.name if isinstance(item, Argument) else item.type) in skip
        if gap.strip() or not skipped:
            inside.lines.gap(gap)
        if skipped:
            continue
        if isinstance(item, Argument):
            _argument(item, rules, scope, inside)
        else:
            _block(item, rules, scope, inside)
    inside.lines.gap(scrubbed(body.file[at : body.end], secrets))


def _argument(item: Argument, rules: Rules, scope: Scope, inside: Inside) -> None:
    if item.name in META and rules.owner is not None and not rules.path:
        _meta(item, scope, inside)
        return
    rule = rules.arguments.get(item.name)
    literal = item.expr.literal
    if isinstance(rule, Renamed) and isinstance(literal, str) and literal in rule.refused:
        rule = Dropped(reason=rule.refused[literal])
    match rule:
        case None:
            inside.leave_out(item, "it has no counterpart", scope.state.secrets)
            return
        case Dropped():
            inside.leave_out(item, rule.reason, scope.state.secrets)
            return
        case Secret():
            name, secret = rule.name, True
        case Renamed():
            name, secret = rule.name, False
        case str():
            name, secret = rule, False
    hidden = holds_secret(item.name, item.expr, scope.state.secrets)
    if hidden or (secret and any(item.expr.literal_texts)):
        inside.leave_out(item, REASON, scope.state.secrets)
        return
    if not name:
        inside.leave_out(item, "perimeter takes no such secret", scope.state.secrets)
        return
    text, problems = carried(item.expr, scope)
    if problems:
        _from_state(item, name, problems, rules, scope, inside, secret=secret)
        return
    if isinstance(rule, Renamed):
        if literal is not NOT_LITERAL and str(literal) in rule.values:
            text = value_text(rule.values[str(literal)])
        elif rule.template:
            term = text if literal is not NOT_LITERAL else f"({text})"
            text = rule.template.replace("{}", term)
    inside.given.add(name)
    inside.lines.code(f"{name} = {text}")


def _from_state(
    item: Argument,
    name: str,
    problems: list[str],
    rules: Rules,
    scope: Scope,
    inside: Inside,
    *,
    secret: bool,
) -> None:
    """Write the value that the state holds where the expression cannot be carried over."""
    reason = "; ".join(problems)
    value: Any = MISSING
    if rules.owner is not None and not secret:
        value = scope.value(rules.owner, (*rules.path, item.name))
    simple = isinstance(rules.arguments.get(item.name), str)
    if value is MISSING or value is None or not simple or _holds(value, scope.state.secrets):
        inside.leave_out(item, reason, scope.state.secrets)
        return
    was = masked(_around(item), item.start, item.end, scope.state.secrets)
    inside.lines.comment(f"The value is that of the state, as {sentence(reason)}.\n{was}")
    inside.lines.line(f"{name} = {value_of(value)}")
    inside.given.add(name)
    inside.left_out.append((item.name, f"the value is that of the state, as {reason}", item.start))


def _holds(value: Any, secrets: frozenset[str]) -> bool:
    text = value_text(value)
    return any(secret in text for secret in secrets)


def _meta(item: Argument, scope: Scope, inside: Inside) -> None:
    if item.name == "provider":
        literal = item.expr.literal
        inside.lines.code(f"provider = {literal if isinstance(literal, str) else item.expr.text}")
        return
    if item.name == "depends_on":
        depends_on(item, scope, inside)
        return
    text, problems = carried(item.expr, scope)
    inside.broken += problems
    inside.lines.code(f"{item.name} = {text}")


def depends_on(item: Argument, scope: Scope, inside: Inside) -> None:
    """Keep what still exists of a list of dependencies."""
    kept = []
    for reference in item.expr.references:
        names = reference.names
        declared = scope.declared.get(names[:3] if names[0] == "data" else names[:2])
        known = declared.known if declared is not None else None
        if scope.is_gone(names) or (
            known is not None and (known.mapping.into or known.mapping.split)
        ):
            continue
        if declared is None or known is None:
            kept.append(".".join(names))
        else:
            data = "data." if declared.mode == "data" else ""
            kept.append(f"{data}{known.mapping.type}.{declared.name}")
    if kept:
        inside.lines.code(f"depends_on = [{', '.join(kept)}]")


def _block(item: Block, rules: Rules, scope: Scope, inside: Inside) -> None:
    rule = rules.blocks.get(item.type)
    own = rules.owner is not None and not rules.path
    match rule:
        case Flattened():
            inner = Rules(
                arguments=rule.arguments, owner=rules.owner, path=(*rules.path, item.type)
            )
            translate_body(item.body, inner, scope, inside, continued=True)
        case Nested():
            inner = Rules(
                arguments=rule.arguments, owner=rules.owner, path=(*rules.path, item.type)
            )
            nested = Inside()
            translate_body(item.body, inner, scope, nested)
            inside.left_out += nested.left_out
            inside.given.add(rule.name)
            inside.lines.code(block_text(rule.name, (), nested.lines.text))
        case Dropped():
            inside.leave_out(item, rule.reason, scope.state.secrets)
        case _ if own and item.type == "lifecycle":
            _lifecycle(item, rules, scope, inside)
        case _ if own and item.type in ("provisioner", "connection"):
            reason = "perimeter runs no commands; run it in the pipeline that applies"
            inside.leave_out(item, reason, scope.state.secrets)
        case _ if item.type == "timeouts":
            inside.leave_out(item, "perimeter waits as the vendor asks it to", scope.state.secrets)
        case _ if item.type == "dynamic":
            reason = f"a dynamic block makes the {' '.join(item.labels)} blocks; write them out"
            inside.leave_out(item, reason, scope.state.secrets)
        case _:
            inside.leave_out(item, "it has no counterpart", scope.state.secrets)


def _lifecycle(item: Block, rules: Rules, scope: Scope, inside: Inside) -> None:
    nested = Inside()
    at = item.body.start
    for inner in item.body.items:
        nested.lines.gap(item.body.file[at : inner.start])
        at = inner.end
        if isinstance(inner, Argument) and inner.name == "ignore_changes":
            _ignore_changes(inner, rules, nested)
        elif isinstance(inner, Argument):
            carry(inner, scope, nested)
        else:
            carry_block(inner, scope, nested)
    nested.lines.gap(item.body.file[at : item.body.end])
    inside.left_out += nested.left_out
    if nested.lines.text.strip():
        inside.lines.code(block_text("lifecycle", (), nested.lines.text))


def _ignore_changes(item: Argument, rules: Rules, inside: Inside) -> None:
    names = [word.text for word in item.expr.words if word.kind in ("NAME", "STRING_CHARS")]
    if names == ["all"]:
        inside.lines.code("ignore_changes = all")
        return
    kept: list[str] = []
    for name in names:
        rule = rules.arguments.get(name)
        flat = rules.blocks.get(name)
        ours: list[str] = []
        if isinstance(rule, str):
            ours = [rule]
        elif isinstance(rule, Renamed | Secret) and rule.name:
            ours = [rule.name]
        elif isinstance(flat, Nested):
            ours = [flat.name]
        elif isinstance(flat, Flattened):
            ours = [
                inner if isinstance(inner, str) else inner.name
                for inner in flat.arguments.values()
                if not isinstance(inner, Dropped)
            ]
        kept += [name for name in ours if name and name not in kept]
    if kept:
        inside.lines.code(f"ignore_changes = [{', '.join(kept)}]")


def carry(
    item: Argument, scope: Scope, inside: Inside, owner: str = "", *, secret: bool = False
) -> None:
    """An argument of the language itself; ``owner`` names what its default or value belongs to."""
    speaking = owner if owner and item.name in ("default", "value") else item.name
    if item.name == "depends_on":
        depends_on(item, scope, inside)
        return
    if secret or holds_secret(speaking, item.expr, scope.state.secrets):
        body = _around(item)
        text = masked(body, item.start, item.end, scope.state.secrets, owner)
        if secret:
            text = f"{item.name} = {HIDDEN}"
        inside.lines.comment(f"{item.name} is left out: {REASON}.\n{text}")
        inside.left_out.append((item.name, REASON, item.start))
        return
    text, problems = carried(item.expr, scope)
    if problems:
        inside.leave_out(item, "; ".join(problems), scope.state.secrets)
        inside.broken += problems
        return
    inside.given.add(item.name)
    inside.lines.code(f"{item.name} = {text}")


def carry_block(item: Block, scope: Scope, inside: Inside) -> None:
    """A block of the language itself, within another."""
    nested = Inside()
    carry_body(item.body, scope, nested)
    inside.left_out += nested.left_out
    inside.broken += nested.broken
    inside.lines.code(block_text(item.type, item.labels, nested.lines.text))


def carry_body(
    body: Body,
    scope: Scope,
    inside: Inside,
    owner: str = "",
    hidden: frozenset[str] = frozenset(),
) -> None:
    """The inside of a block of the language itself; the arguments in ``hidden`` are secrets."""
    at = body.start
    for item in body.items:
        inside.lines.gap(scrubbed(body.file[at : item.start], scope.state.secrets))
        at = item.end
        if isinstance(item, Argument):
            carry(item, scope, inside, owner, secret=item.name in hidden)
        else:
            carry_block(item, scope, inside)
    inside.lines.gap(scrubbed(body.file[at : body.end], scope.state.secrets))


def _around(item: Argument) -> Body:
    return Body(file=item.expr.file, start=item.start, end=item.end, items=(item,))
