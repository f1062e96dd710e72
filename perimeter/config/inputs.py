"""``variable`` blocks."""

from __future__ import annotations

from perimeter.config.draft import Draft, declare
from perimeter.config.literals import constant, deprecation, flag_of, text_of
from perimeter.config.model import Variable
from perimeter.config.resources import conditions
from perimeter.config.shape import Shape, check_body, check_labels
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Block, Expr, GetAttr, Index
from perimeter.hcl.nodes import Variable as Name
from perimeter.hcl.walk import walk
from perimeter.lang.types import DYNAMIC, Type

RESERVED = frozenset(
    {"source", "version", "providers", "count", "for_each", "lifecycle", "depends_on", "locals"}
)
"""Names that mean something else inside a ``module`` block."""

_VARIABLE = Shape(
    labels=("name",),
    optional=frozenset(
        {
            "type",
            "default",
            "description",
            "sensitive",
            "ephemeral",
            "nullable",
            "const",
            "deprecated",
        }
    ),
    blocks=frozenset({"validation"}),
)


def decode_variable(block: Block, draft: Draft, diagnostics: Diagnostics) -> None:
    """Decode a ``variable`` block."""
    if not check_labels(block, _VARIABLE, diagnostics):
        return
    check_body(block, _VARIABLE, diagnostics)
    arguments, name = block.body.attributes, block.labels[0]
    if name in RESERVED:
        diagnostics.error(
            "Invalid variable name",
            f'The variable name "{name}" is reserved due to its special meaning inside module '
            "blocks.",
            block.label_range(0) if block.label_spans else block.header_range,
        )
    kind: Type = DYNAMIC
    if "type" in arguments:
        from perimeter.lang.constraints import parse_type_constraint

        kind, problems = parse_type_constraint(arguments["type"].expr)
        diagnostics.extend(problems)
    nullable = flag_of(arguments.get("nullable"), True, diagnostics)
    default = arguments["default"].expr if "default" in arguments else None
    if default is not None and not _default_fits(default, kind, nullable, diagnostics):
        default = None
    variable = Variable(
        node=block,
        name=name,
        type=kind,
        default=default,
        description=text_of(arguments.get("description"), diagnostics) or "",
        sensitive=flag_of(arguments.get("sensitive"), False, diagnostics),
        ephemeral=flag_of(arguments.get("ephemeral"), False, diagnostics),
        nullable=nullable,
        const=flag_of(arguments.get("const"), False, diagnostics),
        deprecated=deprecation(arguments.get("deprecated"), diagnostics),
        validations=conditions(block.body.blocks, "validation", diagnostics),
    )
    _mentions_itself(variable, diagnostics)
    if variable.const and (variable.sensitive or variable.ephemeral):
        other = "ephemeral" if variable.ephemeral else "sensitive"
        diagnostics.error(
            'Invalid combination of "const" and ' + f'"{other}"',
            "A const variable can decide where modules come from, which is shown and kept; so it "
            f"cannot be {other}.",
            arguments["const"].name_range,
        )
    declare(
        draft.variables,
        name,
        variable,
        diagnostics,
        summary="Duplicate variable declaration",
        detail=f'A variable named "{name}" was already declared at {{}}. Variable names must be '
        "unique within a module.",
    )


def _default_fits(expr: Expr, kind: Type, nullable: bool, diagnostics: Diagnostics) -> bool:
    value = constant(expr, diagnostics)
    if value is None:
        return False
    from perimeter.lang.convert import ConversionError, convert

    if value.is_null and not nullable:
        problem = "a null default is not valid when nullable is false."
    else:
        try:
            convert(value, kind)
        except ConversionError as failure:
            problem = f"{failure}."
        else:
            return True
    diagnostics.error(
        "Invalid default value for variable",
        f"This default value is not compatible with the variable's type constraint: {problem}",
        expr.range,
    )
    return False


def _mentions_itself(variable: Variable, diagnostics: Diagnostics) -> None:
    for rule in variable.validations:
        mentioned = any(
            (isinstance(node, GetAttr) and node.name == variable.name) or isinstance(node, Index)
            for node in walk(rule.condition)
            if isinstance(node, GetAttr | Index)
            and isinstance(node.object, Name)
            and node.object.name == "var"
        )
        if not mentioned:
            diagnostics.error(
                "Invalid variable validation condition",
                f'The condition for variable "{variable.name}" must refer to var.{variable.name} '
                "in order to test incoming values.",
                rule.condition.range,
            )
