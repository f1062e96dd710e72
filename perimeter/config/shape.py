"""The shape of a block: which labels, arguments and nested blocks it takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from perimeter.diagnostics import Diagnostics, Range, did_you_mean
from perimeter.hcl.json_syntax import JsonAttribute
from perimeter.hcl.nodes import Attribute, Block, Body

NAME_RULE = (
    "A name must start with a letter or underscore and may contain only letters, digits, "
    "underscores, and dashes."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a block may hold.

    Attributes:
        labels: what each label is, in order.
        required: arguments that must stand.
        optional: arguments that may stand.
        blocks: nested block types.
        later: nested block types of the language that this version does not read yet.
        open: other arguments and blocks belong to somebody else and are not checked here.
    """

    labels: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    optional: frozenset[str] = field(default_factory=frozenset)
    blocks: frozenset[str] = field(default_factory=frozenset)
    later: frozenset[str] = field(default_factory=frozenset)
    open: bool = False


def header(block: Block) -> str:
    """How a diagnostic names the block: ``resource "okta_app" "crm"``."""
    return " ".join([block.type, *(f'"{label}"' for label in block.labels)])


def place(where: Range) -> str:
    """A range inside a sentence, as Terraform writes it: ``main.hcl:2,1-13``."""
    end = where.end
    last = str(end.column) if end.line == where.start.line else f"{end.line},{end.column}"
    return f"{where.filename}:{where.start.line},{where.start.column}-{last}"


def is_name(text: str) -> bool:
    """Whether the text can name something: an identifier, dashes allowed after its start."""
    return not text.startswith("-") and text.replace("-", "_").isidentifier()


def check_labels(block: Block, shape: Shape, diagnostics: Diagnostics) -> bool:
    """Report missing, surplus and malformed labels; answer whether the block can be decoded."""
    expected = shape.labels
    count = len(expected)
    plural = "s" if count != 1 else ""
    if len(block.labels) > count:
        verb = "are" if count != 1 else "is"
        detail = (
            f"Only {count} label{plural} ({', '.join(expected)}) {verb} expected for "
            f"{block.type} blocks."
            if expected
            else f"No labels are expected for {block.type} blocks."
        )
        where = block.label_range(count) if block.label_spans else block.header_range
        diagnostics.error(f"Extraneous label for {block.type}", detail, where)
        return False
    if len(block.labels) < count:
        diagnostics.error(
            f"Missing {expected[len(block.labels)]} for {block.type}",
            f"All {block.type} blocks must have {count} label{plural} ({', '.join(expected)}).",
            block.header_range,
        )
        return False
    sound = True
    for index, label in enumerate(block.labels):
        if not is_name(label):
            what = block.type if expected[index] == "name" else f"{block.type} {expected[index]}"
            where = block.label_range(index) if block.label_spans else block.header_range
            diagnostics.error(f"Invalid {what} name", NAME_RULE, where)
            sound = False
    return sound


def check_body(block: Block, shape: Shape, diagnostics: Diagnostics) -> bool:
    """Report missing and unexpected arguments and blocks; answer whether all required ones stand."""
    complete = True
    for name in shape.required:
        if name not in block.body.attributes:
            complete = False
            if name not in block.body.broken:
                diagnostics.error(
                    "Missing required argument",
                    f'The argument "{name}" is required, but no definition was found.',
                    block.header_range,
                )
    if not shape.open:
        arguments = {*shape.required, *shape.optional}
        unexpected(block.body, arguments, shape.blocks, diagnostics, later=shape.later)
    return complete


def extraneous(attribute: Attribute, known: Iterable[str], diagnostics: Diagnostics) -> None:
    """Report a property of the JSON syntax that means nothing here."""
    diagnostics.error(
        "Extraneous JSON object property",
        f'No argument or block type is named "{attribute.name}".'
        f"{did_you_mean(attribute.name, sorted(known))}",
        attribute.name_range,
    )


def unexpected(
    body: Body,
    arguments: Iterable[str],
    blocks: Iterable[str],
    diagnostics: Diagnostics,
    *,
    later: frozenset[str] = frozenset(),
) -> None:
    """Report every argument and nested block that is not among the expected ones."""
    known_arguments, known_blocks = frozenset(arguments), frozenset(blocks)
    for name, attribute in body.attributes.items():
        if name in known_arguments:
            continue
        if isinstance(attribute, JsonAttribute):
            extraneous(attribute, known_arguments | known_blocks, diagnostics)
            continue
        if name in known_blocks:
            hint = f' Did you mean to define a block of type "{name}"?'
        else:
            hint = did_you_mean(name, sorted(known_arguments))
        diagnostics.error(
            "Unsupported argument",
            f'An argument named "{name}" is not expected here.{hint}',
            attribute.name_range,
        )
    for nested in body.blocks:
        if nested.type in known_blocks:
            continue
        if nested.type in later:
            diagnostics.error(
                "Block type not supported yet",
                f'"{nested.type}" blocks are part of the language, but this version of perimeter '
                "does not act on them yet. Remove the block: ignoring it silently would make the "
                "configuration look stricter than it is.",
                nested.header_range,
            )
            continue
        if nested.type in known_arguments:
            hint = (
                f' Did you mean to define argument "{nested.type}"? If so, use the equals sign to '
                "assign it a value."
            )
        else:
            hint = did_you_mean(nested.type, sorted(known_blocks))
        diagnostics.error(
            "Unsupported block type",
            f'Blocks of type "{nested.type}" are not expected here.{hint}',
            nested.type_range,
        )
