"""Configuration in JSON syntax: what its properties mean, as far as the language knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from perimeter.diagnostics import Diagnostic, Diagnostics
from perimeter.hcl.json_syntax import JsonAttribute, JsonShape, blocks_of, parse_json_file
from perimeter.hcl.json_tree import JsonArray, JsonObject, JsonValue
from perimeter.hcl.nodes import Body

_CONDITION = JsonShape()
_CONDITIONS = {"precondition": _CONDITION, "postcondition": _CONDITION}
GENERATED: dict[str, JsonShape] = {}
"""``dynamic`` blocks, which stand wherever a provider's blocks may."""

GENERATED["dynamic"] = JsonShape(
    labels=("type",),
    blocks={"content": JsonShape(blocks=GENERATED)},
    native=frozenset({"iterator"}),
)
_LIFECYCLE = JsonShape(
    blocks={**_CONDITIONS, "action_trigger": JsonShape(native=frozenset({"events", "actions"}))},
    native=frozenset({"ignore_changes", "replace_triggered_by"}),
)
_RESOURCE = JsonShape(
    labels=("type", "name"),
    blocks={
        "connection": JsonShape(),
        **GENERATED,
        "lifecycle": _LIFECYCLE,
        "rotation": JsonShape(blocks={"verify": JsonShape()}, native=frozenset({"deliver_to"})),
        "provisioner": JsonShape(labels=("type",)),
    },
    native=frozenset({"depends_on", "provider"}),
)
_NAMED = JsonShape(labels=("name",))
_REFERENCES = JsonShape(native=frozenset({"from", "to", "provider"}))

_FALLBACK = JsonShape(native=frozenset({"method"}))
_ENCRYPTED = JsonShape(blocks={"fallback": _FALLBACK}, native=frozenset({"method"}))
_ENCRYPTION = JsonShape(
    blocks={
        "key_provider": JsonShape(labels=("type", "name")),
        "method": JsonShape(labels=("type", "name"), native=frozenset({"keys"})),
        "fallback": _FALLBACK,
        **dict.fromkeys(("state", "plan", "snapshot", "remote_state"), _ENCRYPTED),
    }
)

TOP: Mapping[str, JsonShape] = {
    "perimeter": JsonShape(
        blocks={
            "backend": JsonShape(labels=("type",)),
            "cloud": JsonShape(),
            "encryption": _ENCRYPTION,
            "approvals": JsonShape(blocks={"approver": JsonShape(labels=("name",))}),
            "provider_meta": JsonShape(labels=("provider",)),
            "required_providers": JsonShape(native=frozenset({"configuration_aliases"})),
            "state_store": JsonShape(labels=("type",)),
        }
    ),
    "provider": JsonShape(labels=("name",), blocks=GENERATED),
    "variable": JsonShape(
        labels=("name",),
        blocks={"validation": _CONDITION},
        native=frozenset({"type"}),
        literal=frozenset({"default", "description"}),
    ),
    "locals": JsonShape(),
    "output": JsonShape(
        labels=("name",),
        blocks=_CONDITIONS,
        native=frozenset({"depends_on"}),
        literal=frozenset({"description"}),
    ),
    "module": JsonShape(labels=("name",), native=frozenset({"depends_on", "providers"})),
    "resource": _RESOURCE,
    "data": _RESOURCE,
    "ephemeral": _RESOURCE,
    "list": _RESOURCE,
    "action": JsonShape(
        labels=("type", "name"),
        blocks={"config": JsonShape(blocks=GENERATED)},
        native=frozenset({"provider"}),
    ),
    "collection": JsonShape(labels=("type", "name"), native=frozenset({"provider"})),
    "integration": _NAMED,
    "break_glass": _NAMED,
    "consumer": JsonShape(
        labels=("name",), blocks={"http": JsonShape()}, native=frozenset({"uses"})
    ),
    "check": JsonShape(labels=("name",), blocks={"assert": _CONDITION, "data": _RESOURCE}),
    "import": _REFERENCES,
    "moved": _REFERENCES,
    "removed": JsonShape(blocks={"lifecycle": JsonShape()}, native=frozenset({"from"})),
    "dataset": _NAMED,
    "flow": _NAMED,
    "policy": _NAMED,
    "third_party": _NAMED,
    "waiver": _NAMED,
}
"""The block types at the top of a file, also those that are not acted on yet."""

_TOP = JsonShape(blocks=TOP)


class Nested(Protocol):
    """A provider's nested block type."""

    @property
    def label(self) -> str | None:
        """The attribute that the block's label gives."""
        ...


def parse_json_configuration(text: str, filename: str) -> tuple[Body, list[Diagnostic]]:
    """Parse a ``.hcl.json`` file.

    The properties of a body that belongs to a provider are arguments, until ``settled`` tells them
    from blocks.
    """
    body, problems = parse_json_file(text, filename, _TOP)
    return body, problems


def settled(
    body: Body, blocks: Mapping[str, Nested], diagnostics: Diagnostics, *, escape: bool = False
) -> Body:
    """The body with the JSON properties that are blocks by the schema as blocks.

    Args:
        body: as parsed; in native syntax it comes back as it is.
        blocks: the schema's nested block types.
        diagnostics: where problems go.
        escape: whether a property ``_`` is a block that holds arguments.
    """
    attributes = dict(body.attributes)
    found = list(body.blocks)
    for name, attribute in body.attributes.items():
        kind = blocks.get(name)
        if not isinstance(attribute, JsonAttribute) or not (kind or (escape and name == "_")):
            continue
        del attributes[name]
        for item in _parts(attribute.json):
            labelled = (
                kind is not None and kind.label is not None and _is_labelled(item, kind.label)
            )
            shape = JsonShape(
                labels=(str(kind.label),) if kind is not None and labelled else (),
                blocks=GENERATED,
            )
            part = JsonAttribute(
                attribute.src,
                attribute.start,
                attribute.end,
                name,
                attribute.name_end,
                attribute.expr,
                item,
            )
            made, problems = blocks_of(part, shape)
            found += made
            diagnostics.extend(problems)
    if len(found) == len(body.blocks) and len(attributes) == len(body.attributes):
        return body
    return Body(body.src, body.start, body.end, attributes, found)


def _parts(value: JsonValue) -> tuple[JsonValue, ...]:
    return value.items if isinstance(value, JsonArray) else (value,)


def _is_labelled(value: JsonValue, label: str) -> bool:
    """Whether an object's properties are labels: it lacks the argument that would stand for one."""
    return (
        isinstance(value, JsonObject)
        and all(key.text != label for key, _ in value.members)
        and all(isinstance(item, JsonObject | JsonArray) for _, item in value.members)
    )
