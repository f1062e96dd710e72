"""What needs what: every declaration of a configuration in an order in which it can be evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from perimeter.config.model import (
    ActionBlock,
    Collection,
    Condition,
    Config,
    Declared,
    Module,
    ModuleCall,
    ProviderRef,
    Resource,
)
from perimeter.config.moved import check_moves
from perimeter.config.node import Node
from perimeter.config.order import cycles, topological
from perimeter.config.passing import check_call
from perimeter.config.providers import locate
from perimeter.config.references import ANYWHERE, Found, Place, find
from perimeter.config.removed import check_removed
from perimeter.config.shape import header, place
from perimeter.diagnostics import Diagnostics, Range
from perimeter.hcl.nodes import Block, Body, Expr, Literal
from perimeter.lang.references import references
from perimeter.lang.scope import Step, Traversal

__all__ = ["Graph", "Node", "build_graph"]


@dataclass(frozen=True, slots=True)
class Graph:
    """A configuration's dependencies.

    Attributes:
        order: every node after those it needs, otherwise as declared; nodes on a cycle are missing.
        edges: what each node needs.
        triggers: the actions that changes of a resource invoke, before or after.
    """

    order: tuple[Node, ...]
    edges: Mapping[Node, frozenset[Node]]
    triggers: Mapping[Node, frozenset[Node]] = field(default_factory=dict)


def build_graph(config: Config) -> tuple[Graph, Diagnostics]:
    """Find what each declaration refers to. References to what does not exist, and cycles, are reported."""
    builder = _Builder(config)
    for module in config.modules.values():
        builder.declare(module)
    for module in config.modules.values():
        builder.module(module)
    check_moves(config, builder.diagnostics)
    check_removed(config, builder.diagnostics)
    edges = {node: frozenset(needed) for node, needed in builder.edges.items()}
    nodes = list(edges)
    order, left = topological(nodes, edges)
    for cycle in cycles(left, edges) if left else ():
        builder.report_cycle(cycle)
    triggers = {node: frozenset(found) for node, found in builder.triggers.items()}
    return Graph(tuple(order), edges, triggers), builder.diagnostics


@dataclass(slots=True)
class _Builder:
    config: Config
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    edges: dict[Node, dict[Node, Range | None]] = field(default_factory=dict)
    triggers: dict[Node, set[Node]] = field(default_factory=dict)

    def declare(self, module: Module) -> None:
        """Add a node for everything that a module declares; all of it follows the module's call."""
        path = module.path
        call = Node(path[:-1], "module", path[-1]) if path else None
        for node in _nodes(module):
            self.edges[node] = {call: None} if call is not None else {}

    def module(self, module: Module) -> None:
        """Let everything that a module declares follow what it needs."""
        path = module.path
        for block in module.variables.values():
            self.variable(module, Node(path, "variable", block.name))
        for item in module.locals.values():
            self.refer(Node(path, "local", item.name), module, item, item.expr)
        for output in module.outputs.values():
            node = Node(path, "output", output.name)
            self.refer(node, module, output, output.value)
            self.depend(node, module, output, output.depends_on)
            self.conditions(node, module, output, output.preconditions, ANYWHERE)
        for config in module.provider_configs.values():
            body = _without(config.body, config.meta)
            node, here = Node(path, "provider", config.key), Place(each=config.for_each is not None)
            self.refer(node, module, config, config.for_each)
            self.refer(node, module, config, body, here)
        for integration in module.integrations.values():
            node = Node(path, "integration", integration.name)
            for name in ("owner", "purpose", "third_party", "datasets", "expires_at"):
                self.refer(node, module, integration, getattr(integration, name))
        for resource in module.resources.values():
            self.resource(module, resource)
        for action in module.actions.values():
            self.action(module, action)
        for collection in module.collections.values():
            self.collection(module, collection)
        for key, accounts in module.break_glass.items():
            node = Node(path, "break_glass", key)
            self.refer(node, module, accounts, accounts.users)
            self.refer(node, module, accounts, accounts.minimum)
            name, _, alias = key.partition(".")
            self.provider(node, module, ProviderRef(name=name, alias=alias or None))
        for consumer in module.consumers.values():
            node = Node(path, "consumer", consumer.name)
            self.depend(node, module, consumer, consumer.uses)
            self.refer(node, module, consumer, consumer.owner)
            self.refer(node, module, consumer, consumer.url)
        for call in module.calls.values():
            self.call(module, call)
        self.checks(module)
        self.imports(module)
        if not path:
            self.ephemeral_outputs(module)

    def checks(self, module: Module) -> None:
        """Add check blocks."""
        path = module.path
        for check in module.checks.values():
            node, here = Node(path, "check", check.name), Place(check=check.name)
            self.conditions(node, module, check, check.asserts, here)
            if check.data is not None:
                self.edges[node][Node(path, "data", check.data.address)] = None

    def ephemeral_outputs(self, module: Module) -> None:
        """Refuse ephemeral outputs of the root module."""
        for output in module.outputs.values():
            if output.ephemeral:
                self.error(
                    output,
                    "Ephemeral output not allowed",
                    "Ephemeral outputs are not allowed in the root module: its outputs are kept in "
                    "state. Let a child module have it, or take the argument away.",
                )

    def variable(self, module: Module, node: Node) -> None:
        """Add an input variable: its argument in the call, and its validations."""
        variable = module.variables[node.name]
        if module.path:
            caller = self.config.modules[module.path[:-1]]
            call = caller.calls[module.path[-1]]
            given = call.inputs.get(node.name)
            if given is not None:
                self.refer(node, caller, call, given.expr, _inside(call))
        self.conditions(node, module, variable, variable.validations, ANYWHERE)

    def resource(self, module: Module, block: Resource) -> None:
        """Add a resource or data block."""
        node = Node(
            module.path, "resource" if block.mode == "managed" else block.mode, block.address
        )
        here, lifecycle = _inside(block), block.lifecycle
        self.refer(node, module, block, block.count)
        self.refer(node, module, block, block.for_each)
        self.refer(node, module, block, lifecycle.enabled)
        self.refer(node, module, block, _without(block.body, block.meta), here)
        self.depend(node, module, block, block.depends_on)
        for expr in (block.integration, lifecycle.expires_at, *lifecycle.replace_triggered_by):
            self.refer(node, module, block, expr, here)
        if lifecycle.manual is not None:
            self.refer(node, module, block, lifecycle.manual.assignee, here)
            self.refer(node, module, block, lifecycle.manual.due_in, here)
        for expr in block.rotation.expressions if block.rotation is not None else ():
            self.refer(node, module, block, expr, here)
        if isinstance(lifecycle.prevent_destroy, Expr):
            self.refer(node, module, block, lifecycle.prevent_destroy, here)
        self.conditions(node, module, block, lifecycle.preconditions, here)
        after = Place(each=here.each, count=here.count, this=True)
        self.conditions(node, module, block, lifecycle.postconditions, after)
        self.refer(node, module, block, block.provider.instance, here)
        for ref in (block.provider, *block.instance_providers.values()):
            self.provider(node, module, ref)
        if lifecycle.triggers:
            self.trigger(node, module, block)

    def action(self, module: Module, block: ActionBlock) -> None:
        """Add an action block."""
        node, here = Node(module.path, "action", f"{block.type}.{block.name}"), _inside(block)
        self.refer(node, module, block, block.count)
        self.refer(node, module, block, block.for_each)
        self.refer(node, module, block, block.body, here)
        self.refer(node, module, block, block.provider.instance, here)
        self.provider(node, module, block.provider)

    def trigger(self, node: Node, module: Module, block: Resource) -> None:
        """Check what the triggers of a resource name; what is invoked before a change comes before it.

        Nothing else waits: conditions and what is invoked afterwards are decided once all else is.
        """
        here = _inside(block)
        problems = Diagnostics()
        for trigger in block.lifecycle.triggers:
            before = any(event.startswith("before_") for event in trigger.events)
            for ref in trigger.actions:
                where = ref.range or trigger.range
                steps = (Step(ref.type, where, False), Step(ref.name, where, False))
                named = Traversal("action", steps, where)
                found = find(self.config, module, named, Place(actions=True), problems)
                self.triggers.setdefault(node, set()).update(found.nodes)
                for key in references(ref.key) if ref.key is not None else ():
                    find(self.config, module, key, here, problems)
                if before:
                    self.edges[node].update(dict.fromkeys(found.nodes, where))
            this = Place(each=here.each, count=here.count, this=not before)
            condition = trigger.condition
            for traversal in references(condition) if condition is not None else ():
                if before and traversal.root == "self":
                    problems.error(
                        "Self reference not allowed",
                        "The condition expression cannot reference `self` if the action is run "
                        "before the resource is applied.",
                        traversal.range,
                    )
                    continue
                target = find(self.config, module, traversal, this, problems)
                if before and node in target.nodes:
                    problems.error(
                        "Resource reference not allowed",
                        "The condition expression cannot reference the resource if the action is "
                        "run before the resource is applied.",
                        traversal.range,
                    )
        self.diagnostics.extend(item.at(block=_header(block)) for item in problems)

    def call(self, module: Module, call: ModuleCall) -> None:
        """Add a module call; what is in the module follows it, what needs all of it follows its end."""
        check_call(self.config, module, call, self.diagnostics)
        node, end = (Node(module.path, kind, call.name) for kind in ("module", "module_end"))
        self.refer(node, module, call, call.count)
        self.refer(node, module, call, call.for_each)
        self.refer(node, module, call, call.enabled)
        for ref in call.providers.values():
            self.refer(node, module, call, ref.instance, _inside(call))
        self.depend(node, module, call, call.depends_on)
        self.edges[end][node] = None
        child = self.config.child(module, call.name)
        if child is None:
            for given in call.inputs.values():
                self.refer(node, module, call, given.expr, _inside(call))
            return
        for inner in _nodes(child):
            self.edges[end][inner] = None

    def imports(self, module: Module) -> None:
        """Let imported resources follow what the id refers to."""
        for block in module.imports.values():
            name = f'"{block.to}"'
            if module.path:
                self.error(
                    block,
                    "Invalid import configuration",
                    f"An import block was detected in {module.address}. Import blocks are only "
                    "allowed in the root module.",
                )
                continue
            node = Node(block.to.module.names, "resource", f"{block.to.type}.{block.to.name}")
            target = self.config.modules.get(node.path)
            if target is None or ("managed", block.to.type, block.to.name) not in target.resources:
                self.error(
                    block,
                    "Configuration for import target does not exist",
                    f"The configuration for the given import target {name} does not exist. All "
                    "target instances must have an associated configuration to be imported: declare "
                    "the resource.",
                )
                continue
            here = Place(each=block.for_each is not None)
            self.refer(node, module, block, block.for_each)
            for expr in (block.id, *block.keys.values()):
                self.refer(node, module, block, expr, here)

    def error(self, block: Declared, summary: str, detail: str) -> None:
        """Report what is wrong with a block as a whole."""
        self.diagnostics.error(summary, detail, block.range, block=_header(block))

    def provider(self, node: Node, module: Module, ref: ProviderRef) -> None:
        """Let a node follow the provider configuration that it uses."""
        found = locate(self.config, module.path, ref)
        if found is not None and found.config is not None:
            self.edges[node].setdefault(Node(found.path, "provider", found.key), ref.range)

    def conditions(
        self,
        node: Node,
        module: Module,
        block: Declared,
        found: Iterable[Condition],
        where: Place,
    ) -> None:
        """Let a node follow what its conditions refer to."""
        for condition in found:
            self.refer(node, module, block, condition.condition, where)
            self.refer(node, module, block, condition.error_message, where)

    def depend(
        self, node: Node, module: Module, block: Declared, found: Iterable[Traversal]
    ) -> None:
        """Let a node follow its ``depends_on``, whose entries name whole objects."""
        for traversal in found:
            target = self.reference(node, module, block, traversal, ANYWHERE)
            left = traversal.steps[target.steps :] if target.nodes else ()
            if left and not (len(left) == 1 and left[0].index):
                self.diagnostics.error(
                    "Invalid depends_on reference",
                    "References in depends_on must be to a whole object (resource, etc), not to an "
                    "attribute of an object.",
                    block=_header(block),
                )

    def collection(self, module: Module, collection: Collection) -> None:
        """Let a collection block follow what it refers to."""
        node = Node(module.path, "collection", f"{collection.type}.{collection.name}")
        self.refer(node, module, collection, collection.for_each)
        here = Place(each=collection.for_each is not None)
        for expr in (
            *(collection.within, collection.mode, collection.ignore),
            *(collection.max_removals, collection.max_removal_percent),
            collection.min_population,
        ):
            self.refer(node, module, collection, expr, here)
        self.refer(node, module, collection, collection.provider.instance, here)
        self.provider(node, module, collection.provider)

    def refer(
        self,
        node: Node,
        module: Module,
        block: Declared,
        expr: Expr | Body | None,
        where: Place = ANYWHERE,
    ) -> None:
        """Let a node follow everything that an expression or body refers to."""
        if expr is None or isinstance(expr, Literal):
            return
        for traversal in references(expr):
            self.reference(node, module, block, traversal, where)

    def reference(
        self, node: Node, module: Module, block: Declared, traversal: Traversal, where: Place
    ) -> Found:
        """Let a node follow one reference."""
        problems = Diagnostics()
        found = find(self.config, module, traversal, where, problems)
        if problems:
            self.diagnostics.extend(item.at(block=_header(block)) for item in problems)
        for target in found.nodes:
            if target == node:
                self.itself(node, block, traversal, where)
            elif self.edges[node].get(target) is None:
                self.edges[node][target] = traversal.range
        return found

    def itself(self, node: Node, block: Declared, traversal: Traversal, where: Place) -> None:
        """Report a reference of a declaration to itself; a variable's validation may make one."""
        if node.kind == "variable":
            return
        if node.kind == "local":
            summary = "Self-referencing local value"
            detail = (
                f"Local value {node.address} cannot use its own result as part of its expression."
            )
        else:
            summary = "Self-referential block"
            detail = f"Configuration for {node.address} may not refer to itself."
            if where.this:
                detail += " A postcondition refers to its own resource as self."
        self.diagnostics.error(summary, detail, traversal.range, block=_header(block))

    def report_cycle(self, cycle: list[Node]) -> None:
        """Report nodes that need each other, with the place of each reference."""
        pairs = list(zip(cycle, [*cycle[1:], cycle[0]], strict=True))
        names = ", ".join(node.address for node in cycle)
        lines, subject = [], None
        for node, needed in pairs:
            where = self.edges[node].get(needed)
            subject = subject or where
            at = f" at {place(where)}" if where is not None else ""
            lines.append(f"  - {node.address} needs {needed.address}{at}")
        self.diagnostics.error(
            f"Cycle: {names}",
            "These need each other, so that none can come first:\n"
            + "\n".join(lines)
            + "\n\nRemove one of these references.",
            subject,
        )


def _nodes(module: Module) -> Iterator[Node]:
    """A module's declarations in an order near to the one they are evaluated in."""
    path = module.path
    for name in module.variables:
        yield Node(path, "variable", name)
    for name in module.locals:
        yield Node(path, "local", name)
    for name in module.provider_configs:
        yield Node(path, "provider", name)
    for name in module.integrations:
        yield Node(path, "integration", name)
    for block in module.resources.values():
        yield Node(path, "resource" if block.mode == "managed" else block.mode, block.address)
    for kind, name in module.actions:
        yield Node(path, "action", f"{kind}.{name}")
    for name in module.calls:
        yield Node(path, "module", name)
        yield Node(path, "module_end", name)
    for kind, name in module.collections:
        yield Node(path, "collection", f"{kind}.{name}")
    for name in module.break_glass:
        yield Node(path, "break_glass", name)
    for name in module.consumers:
        yield Node(path, "consumer", name)
    for name in module.outputs:
        yield Node(path, "output", name)
    for name in module.checks:
        yield Node(path, "check", name)


def _inside(block: Resource | ModuleCall | ActionBlock) -> Place:
    return Place(each=block.for_each is not None, count=block.count is not None)


def _without(body: Body, names: frozenset[str]) -> Body:
    """A body without the arguments and blocks that are the language's own."""
    attributes = {name: item for name, item in body.attributes.items() if name not in names}
    blocks = [block for block in body.blocks if block.type not in names]
    return Body(body.src, body.start, body.end, attributes, blocks)


def _header(block: Declared) -> str | None:
    return header(block.node) if isinstance(block.node, Block) else None
