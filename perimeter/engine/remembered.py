"""The values of a configuration as state remembers them, for the console: nothing is planned and no tenant is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from perimeter.addresses import InstanceKey, ModulePath, parse_address
from perimeter.config.graph import Graph
from perimeter.config.model import Config, Resource
from perimeter.config.node import Node
from perimeter.diagnostics import Diagnostics
from perimeter.engine.boundary import every_folder, is_really_below, refusal
from perimeter.engine.declaration import as_value
from perimeter.engine.evaluation import Evaluation
from perimeter.engine.repetition import Repetition
from perimeter.engine.upgrading import upgrade_state
from perimeter.lang.functions.files import files_below
from perimeter.lang.values import Value
from perimeter.sdk.provider import Provider
from perimeter.state.model import State, StateObject

_Block = tuple[ModulePath, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedRequest:
    """What the values depend on.

    Attributes:
        inputs: the root module's variables; those without a value are unknown.
        outside_files: folders besides the modules' own that expressions may read, absolute.
    """

    config: Config
    graph: Graph
    inputs: Mapping[str, Value] = field(repr=False)
    state: State
    providers: Mapping[str, Provider]
    now: str
    cwd: str
    outside_files: tuple[str, ...] = ()


def _inside(path: str, within: Iterable[str]) -> Path:
    if not is_really_below(path, within):
        raise PermissionError(1, refusal(str(Path(path).resolve().parent)))
    return Path(path)


def remembered(request: RememberedRequest) -> tuple[Evaluation, Diagnostics]:
    """Evaluate everything but resources, which are what state holds; one that it does not hold is unknown."""
    found = Diagnostics()
    within = (*every_folder(request.config, request.cwd), *request.outside_files)
    evaluation = Evaluation(
        request.config,
        request.inputs,
        now=request.now,
        read_file=lambda path: _inside(path, within).read_bytes(),
        list_files=lambda path: files_below(_inside(path, within)),
        providers=request.providers,
        cwd=request.cwd,
        outside_files=request.outside_files,
    )
    held = _held(upgrade_state(request.state, request.providers, found))
    for node in request.graph.order:
        for module in list(evaluation.modules.get(node.path, ())):
            _visit(evaluation, node, module, request.providers, held, found)
    return evaluation, found


def _held(state: State) -> dict[_Block, dict[InstanceKey, StateObject]]:
    found: dict[_Block, dict[InstanceKey, StateObject]] = {}
    for text, instance in state.resources.items():
        current = instance.current()
        if current is not None:
            address = parse_address(text)
            block = found.setdefault((address.module, address.type, address.name), {})
            block[address.key] = current
    return found


def _visit(
    evaluation: Evaluation,
    node: Node,
    module: ModulePath,
    providers: Mapping[str, Provider],
    held: Mapping[_Block, Mapping[InstanceKey, StateObject]],
    found: Diagnostics,
) -> None:
    match node.kind:
        case "variable":
            evaluation.set_variable(module, node.name, found)
        case "local":
            evaluation.set_local(module, node.name, found)
        case "output":
            evaluation.set_output(module, node.name, found)
        case "integration":
            evaluation.set_integration(module, node.name, found)
        case "module":
            evaluation.set_call(module, node.name, found)
        case "resource":
            _resource(evaluation, node, module, providers, held)
        case _:
            pass


def _resource(
    evaluation: Evaluation,
    node: Node,
    module: ModulePath,
    providers: Mapping[str, Provider],
    held: Mapping[_Block, Mapping[InstanceKey, StateObject]],
) -> None:
    kind, _, name = node.name.partition(".")
    objects = held.get((module, kind, name))
    schema = next(
        (item.resources[kind].schema for item in providers.values() if kind in item.resources),
        None,
    )
    if not objects or schema is None:
        return
    block = evaluation.config.modules[module.names].resources["managed", kind, name]
    found = _repetition(block, objects)
    instances = evaluation.expand((module, "managed", kind, name), found)
    for key in found.keys:
        item = objects[key]
        instances.put(key, as_value(schema, item.attributes, item.sensitive))


def _repetition(block: Resource, keys: Iterable[InstanceKey]) -> Repetition:
    """How often a block stands, by what state holds of it."""
    if block.count is not None:
        return Repetition("count", tuple(sorted(key for key in keys if isinstance(key, int))))
    if block.for_each is not None:
        return Repetition("each", tuple(sorted(key for key in keys if isinstance(key, str))))
    return Repetition("single", tuple(key for key in keys if key is None))
