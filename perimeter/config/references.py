"""What a reference means inside a module, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from perimeter.config.model import Config, Module
from perimeter.config.node import Node
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.lang.scope import Step, Traversal

_ROOTS = (
    "var",
    "local",
    "module",
    "data",
    "ephemeral",
    "each",
    "count",
    "self",
    "path",
    "perimeter",
    "integration",
)
_PATHS = ("module", "root", "cwd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a block an expression stands, as far as references depend on it.

    Attributes:
        each: whether ``each`` exists: the block has ``for_each``.
        count: whether ``count`` exists.
        this: whether ``self`` exists: a postcondition.
        check: name of the check block, whose own data source exists there only.
        actions: whether actions may be named: the ``actions`` of an action_trigger.
    """

    each: bool = False
    count: bool = False
    this: bool = False
    check: str = ""
    actions: bool = False


ANYWHERE = Place()


@dataclass(frozen=True, slots=True)
class Found:
    """What a reference needs, and how many of its steps name that."""

    nodes: tuple[Node, ...] = ()
    steps: int = 0


_NOTHING = Found()


def find(
    config: Config, module: Module, traversal: Traversal, place: Place, diagnostics: Diagnostics
) -> Found:
    """Return the nodes that a reference needs; what does not exist is reported as Terraform words it."""
    resolver = _RESOLVERS.get(traversal.root)
    reference = _Reference(config, module, traversal, place, diagnostics)
    return resolver(reference) if resolver is not None else _managed(reference, traversal.root, 0)


def check_bare(traversal: Traversal, diagnostics: Diagnostics) -> None:
    """Report a root that has attributes only and stands alone, as the console words it besides ``find``."""
    summary = _BARE.get(traversal.root)
    if summary is not None and not traversal.steps:
        diagnostics.error(
            summary,
            f'"{traversal.root}" alone names nothing. Name one of its attributes, such as '
            f"{traversal.root}.{_EXAMPLES[traversal.root]}.",
            traversal.range,
        )


_BARE = {
    "var": "Reference to undeclared input variable",
    "local": "Reference to undeclared local value",
    **{
        root: f'Invalid "{root}" attribute'
        for root in ("each", "count", "path", "perimeter", "terraform")
    },
}
_EXAMPLES = {
    "var": "name",
    "local": "name",
    "each": "key",
    "count": "index",
    "path": "root",
    "perimeter": "workspace",
    "terraform": "workspace",
}


@dataclass(frozen=True, slots=True)
class _Reference:
    config: Config
    module: Module
    traversal: Traversal
    place: Place
    diagnostics: Diagnostics

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.traversal.steps

    @property
    def where(self) -> str:
        return self.module.address or "the root module"

    def error(self, summary: str, detail: str) -> Found:
        self.diagnostics.error(summary, detail, self.traversal.range)
        return _NOTHING

    def name(self, at: int = 0) -> str | None:
        """The attribute name at a step, or None where there is an index or nothing."""
        if len(self.steps) <= at or self.steps[at].index:
            return None
        return str(self.steps[at].key)

    def first(self) -> str | None:
        """The attribute that must follow the root; None once it is reported missing."""
        name = self.name()
        if name is None:
            detail = (
                "does not support this operation."
                if self.steps
                else "cannot be accessed directly. Instead, access one of its attributes."
            )
            self.error("Invalid reference", f'The "{self.traversal.root}" object {detail}')
        return name


def _variable(ref: _Reference) -> Found:
    name = ref.first()
    if name is None:
        return _NOTHING
    if name in ref.module.variables:
        return Found((Node(ref.module.path, "variable", name),), 1)
    hint = did_you_mean(name, ref.module.variables)
    return ref.error(
        "Reference to undeclared input variable",
        f'An input variable with the name "{name}" has not been declared.'
        + (hint or f' This variable can be declared with a variable "{name}" {{}} block.'),
    )


def _local(ref: _Reference) -> Found:
    name = ref.first()
    if name is None:
        return _NOTHING
    if name in ref.module.locals:
        return Found((Node(ref.module.path, "local", name),), 1)
    return ref.error(
        "Reference to undeclared local value",
        f'A local value with the name "{name}" has not been declared.'
        f"{did_you_mean(name, ref.module.locals)}",
    )


def _integration(ref: _Reference) -> Found:
    name = ref.first()
    if name is None:
        return _NOTHING
    if name in ref.module.integrations:
        return Found((Node(ref.module.path, "integration", name),), 1)
    return ref.error(
        "Reference to undeclared integration",
        f'An integration named "{name}" has not been declared in {ref.where}.'
        f"{did_you_mean(name, ref.module.integrations)}",
    )


def _module(ref: _Reference) -> Found:
    name = ref.first()
    if name is None:
        return _NOTHING
    call = ref.module.calls.get(name)
    if call is None:
        return ref.error(
            "Reference to undeclared module",
            f'No module call named "{name}" is declared in {ref.where}.'
            f"{did_you_mean(name, ref.module.calls)}",
        )
    repeated = call.count is not None or call.for_each is not None
    second = ref.steps[1] if len(ref.steps) > 1 else None
    at = 2 if second is not None and second.index else 1
    if second is not None and at == 2 and not repeated and isinstance(second.key, int):
        return ref.error(
            "Invalid index",
            f'Because module.{name} does not have "count" or "for_each" set, references to it must '
            "not include an index key. Remove the bracketed index to refer to the single instance.",
        )
    output, child = ref.name(at), ref.config.child(ref.module, name)
    if output is None or child is None:
        return Found((Node(ref.module.path, "module_end", name),), at)
    if repeated and at == 1:
        which = "count.index" if call.count is not None else "each.key"
        return ref.error(
            "Unsupported attribute",
            f'Because module.{name} has "{which.partition(".")[0].replace("each", "for_each")}" set, its attributes must '
            f"be accessed on specific instances, such as module.{name}[{which}].{output}.",
        )
    if output not in child.outputs:
        return ref.error(
            "Unsupported attribute",
            f'This object does not have an attribute named "{output}": module "{name}" has no such output.'
            f"{did_you_mean(output, child.outputs)}",
        )
    if child.outputs[output].deprecated:
        ref.diagnostics.warning(
            "Value derived from a deprecated source",
            f"This value is derived from module.{name}.{output}, which is deprecated with the "
            f"following message:\n\n{child.outputs[output].deprecated}",
            ref.traversal.range,
        )
    return Found((Node(child.path, "output", output),), at + 1)


def _ephemeral(ref: _Reference) -> Found:
    kind, name = ref.name(), ref.name(1)
    if kind is None or name is None:
        return ref.error(
            "Invalid reference",
            'The "ephemeral" object must be followed by two attribute names: the ephemeral resource '
            "type and the resource name.",
        )
    return _block(ref, "ephemeral", kind, name, 2)


def _action(ref: _Reference) -> Found:
    if not ref.place.actions:
        return ref.error(
            "Invalid reference",
            "Actions can not be referenced in this context. They can only be referenced from within "
            "a resource's lifecycle actions list.",
        )
    kind, name = ref.name(), ref.name(1)
    block = ref.module.actions.get((str(kind), str(name)))
    if kind is None or name is None or block is None:
        known = [f"{one}.{other}" for one, other in ref.module.actions]
        return ref.error(
            "Reference to undeclared action",
            f"No action {kind}.{name} is declared in {ref.where}."
            f"{did_you_mean(f'{kind}.{name}', known)}",
        )
    return Found((Node(ref.module.path, "action", f"{kind}.{name}"),), 2)


def _data(ref: _Reference) -> Found:
    kind, name = ref.name(), ref.name(1)
    if kind is None or name is None:
        return ref.error(
            "Invalid reference",
            'The "data" object must be followed by two attribute names: the data source type and '
            "the resource name.",
        )
    return _block(ref, "data", kind, name, 2)


def _resource(ref: _Reference) -> Found:
    kind, name = ref.name(), ref.name(1)
    if kind is None or name is None:
        return ref.error(
            "Invalid reference",
            'The "resource" object must be followed by two attribute names: the resource type and '
            "the resource name.",
        )
    return _block(ref, "managed", kind, name, 2)


def _managed(ref: _Reference, kind: str, at: int) -> Found:
    name = ref.name(at)
    if name is None:
        roots = [*(() if "_" in kind else _ROOTS), *(key[1] for key in ref.module.resources)]
        return ref.error(
            "Invalid reference",
            "A reference to a resource type must be followed by at least one attribute access, "
            f"specifying the resource name.{did_you_mean(kind, roots)}",
        )
    return _block(ref, "managed", kind, name, at + 1)


def _block(ref: _Reference, mode: str, kind: str, name: str, at: int) -> Found:
    block = ref.module.resources.get((mode, kind, name))
    if block is None:
        return ref.error(
            "Reference to undeclared resource",
            f'A {mode} resource "{kind}" "{name}" has not been declared in {ref.where}.'
            f"{_alternative(ref.module, mode, kind, name)}",
        )
    if block.check and block.check != ref.place.check:
        return ref.error(
            "Reference to scoped resource",
            f'The referenced data resource "{kind}" "{name}" is not available from this context: '
            f'only the check block "{block.check}" may refer to it.',
        )
    if len(ref.steps) > at and not _instance_fits(
        ref, block.address, block.count, block.for_each, at
    ):
        return _NOTHING
    node_kind = "resource" if mode == "managed" else mode
    return Found((Node(ref.module.path, node_kind, block.address),), at)


def _instance_fits(ref: _Reference, address: str, count: object, for_each: object, at: int) -> bool:
    """Whether an instance key stands where one is needed, and only there."""
    indexed = ref.steps[at].index
    if indexed and count is None and for_each is None:
        ref.error(
            "Unexpected resource instance key",
            f'Because {address} does not have "count" or "for_each" set, references to it must not '
            "include an index key. Remove the bracketed index to refer to the single instance of "
            "this resource.",
        )
        return False
    if indexed or (count is None and for_each is None):
        return True
    word, key = ("count", "count.index") if count is not None else ("for_each", "each.key")
    ref.error(
        "Missing resource instance key",
        f'Because {address} has "{word}" set, its attributes must be accessed on specific '
        "instances.\n\nFor example, to correlate with indices of a referring resource, use:\n"
        f"    {address}[{key}]",
    )
    return False


def _alternative(module: Module, mode: str, kind: str, name: str) -> str:
    other = "data" if mode == "managed" else "managed"
    twin = module.resources.get((other, kind, name))
    if twin is not None:
        return f" Did you mean the {other} resource {twin.address}?"
    same_mode = [key for key in module.resources if key[0] == mode]
    hint = did_you_mean(name, [key[2] for key in same_mode if key[1] == kind])
    if hint:
        return hint
    hint = did_you_mean(kind, [key[1] for key in same_mode if key[2] == name])
    return hint or (did_you_mean(kind, _ROOTS) if mode == "managed" and "_" not in kind else "")


def _each(ref: _Reference) -> Found:
    name = ref.first()
    if name is None:
        return _NOTHING
    if name not in ("key", "value"):
        return ref.error(
            'Invalid "each" attribute',
            f'The "each" object does not have an attribute named "{name}". The supported attributes '
            "are each.key and each.value, the current key and value pair of the "
            '"for_each" attribute set.',
        )
    if not ref.place.each and name == "value":
        return ref.error(
            "each.value cannot be used in this context",
            'A reference to "each.value" has been used in a context in which it is unavailable, such '
            'as in a block without "for_each". Remove this reference to each.value in your '
            "configuration to work around this error.",
        )
    if not ref.place.each:
        return ref.error(
            'Reference to "each" in context without for_each',
            'The "each" object can be used only in "module", "resource", "data" or "collection" '
            'blocks, and only when the "for_each" argument is set.',
        )
    return Found((), 1)


def _count(ref: _Reference) -> Found:
    name = ref.first()
    if name is None:
        return _NOTHING
    if name != "index":
        return ref.error(
            'Invalid "count" attribute',
            f'The "count" object does not have an attribute named "{name}". The only supported '
            "attribute is count.index, which is the index of each instance of a resource block that "
            'has the "count" argument set.',
        )
    if not ref.place.count:
        return ref.error(
            'Reference to "count" in non-counted context',
            'The "count" object can only be used in "module", "resource", and "data" blocks, and '
            'only when the "count" argument is set.',
        )
    return Found((), 1)


def _self(ref: _Reference) -> Found:
    if not ref.place.this:
        return ref.error(
            'Invalid "self" reference',
            'The "self" object is not available in this context. This object can be used only in '
            "postcondition blocks.",
        )
    return _NOTHING


def _path(ref: _Reference) -> Found:
    return _attribute_of(ref, _PATHS)


def _perimeter(ref: _Reference) -> Found:
    return _attribute_of(ref, ("workspace", "applying"))


def _attribute_of(ref: _Reference, names: tuple[str, ...]) -> Found:
    name = ref.first()
    if name is None or name in names:
        return Found((), 1)
    root = ref.traversal.root
    return ref.error(
        f'Invalid "{root}" attribute',
        f'The "{root}" object does not have an attribute named "{name}". It has '
        f"{', '.join(f'{root}.{item}' for item in names)}.{did_you_mean(name, names)}",
    )


_RESOLVERS: dict[str, Callable[[_Reference], Found]] = {
    "var": _variable,
    "local": _local,
    "module": _module,
    "action": _action,
    "data": _data,
    "ephemeral": _ephemeral,
    "resource": _resource,
    "integration": _integration,
    "each": _each,
    "count": _count,
    "self": _self,
    "path": _path,
    "perimeter": _perimeter,
    "terraform": _perimeter,
}
