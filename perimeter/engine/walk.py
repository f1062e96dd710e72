"""One pass through the configuration in dependency order: evaluate, and plan each instance as its block is reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from perimeter.addresses import Address, ModulePath, key_text
from perimeter.config.decode import decode_body
from perimeter.config.graph import Graph, Node
from perimeter.config.model import Condition, Import, ProviderConfig, ProviderRef, Resource
from perimeter.config.model import Variable as DeclaredVariable
from perimeter.config.variables import check_rule, refers_to_variables_only
from perimeter.diagnostics import Diagnostics, Severity
from perimeter.engine.actions import plan_action
from perimeter.engine.conditions import judge, judge_check
from perimeter.engine.data import plan_data
from perimeter.engine.declaration import as_value, check_ignored, declare
from perimeter.engine.ephemeral import plan_ephemeral
from perimeter.engine.imports import expand_imports, imports_by_block
from perimeter.engine.instances import Declaration, plan_instance
from perimeter.engine.limits import limits_of
from perimeter.engine.lockout import Kept
from perimeter.engine.model import Change, CheckResult
from perimeter.engine.removal import Claim
from perimeter.engine.repetition import UNDECIDED, Repetition, repetition
from perimeter.engine.rotating.plan import rotated
from perimeter.engine.scope import Each
from perimeter.engine.work import Block, ProviderInstance, Work, printed_provider
from perimeter.hcl.nodes import Expr
from perimeter.lang.plain import to_plain
from perimeter.lang.values import UNKNOWN, Value, unknown
from perimeter.sdk.contract import Attributes
from perimeter.sdk.provider import Provider
from perimeter.sdk.redact import SECRETS


@dataclass(slots=True)
class Walked:
    """What the pass found besides changes.

    Attributes:
        claims: collection blocks, evaluated.
        kept: who must always get in, by provider instance.
        imports: import blocks by the resource block that they are about.
        reasons: why an instance in state is no longer declared, by printed address.
    """

    claims: tuple[Claim, ...] = ()
    kept: dict[str, Kept] = field(default_factory=dict)
    imports: Mapping[Block, Sequence[Import]] = field(default_factory=dict)
    addresses: set[str] = field(default_factory=set)
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def declared(self) -> frozenset[str]:
        """Printed addresses of all declared instances."""
        return frozenset(self.addresses)


def walk(work: Work, graph: Graph) -> Walked:
    """Evaluate everything and plan every declared instance into ``work``."""
    walked = Walked(imports=imports_by_block(work.config.root.imports.values()))
    blocks = _block_dependencies(graph)
    expansions: dict[tuple[ModulePath, str, str], Repetition] = {}
    for node in graph.order:
        for module in list(work.evaluation.modules.get(node.path, ())):
            _visit(work, walked, node, module, blocks, expansions)
    if work.options.declares:
        _explain_orphans(work, walked, expansions)
    return walked


def _visit(
    work: Work,
    walked: Walked,
    node: Node,
    module: ModulePath,
    blocks: Mapping[Node, tuple[str, ...]],
    expansions: dict[tuple[ModulePath, str, str], Repetition],
) -> None:
    evaluation, diagnostics = work.evaluation, work.diagnostics
    rolled_back = work.options.rollback is not None
    declared = work.config.modules[node.path]
    match node.kind:
        case "variable":
            evaluation.set_variable(module, node.name, diagnostics)
            _validations(work, module, declared.variables[node.name])
        case "local":
            evaluation.set_local(module, node.name, diagnostics)
        case "output":
            _check(
                work,
                () if rolled_back else declared.outputs[node.name].preconditions,
                module,
                None,
                f"output.{node.name}",
                "Module output value precondition failed",
            )
            evaluation.set_output(module, node.name, diagnostics)
        case "integration":
            evaluation.set_integration(module, node.name, diagnostics)
        case "module":
            evaluation.set_call(module, node.name, diagnostics)
        case "provider":
            _configure(work, module, node)
        case "resource":
            kind, _, name = node.name.partition(".")
            block = declared.resources["managed", kind, name]
            _resource(work, walked, block, module, node, blocks, expansions)
        case "data":
            kind, _, name = node.name.removeprefix("data.").partition(".")
            block = declared.resources["data", kind, name]
            with _as_warnings(work, block.check):
                plan_data(
                    work, block, module, blocks.get(node, ()), wanted=work.selection.includes(node)
                )
        case "ephemeral":
            kind, _, name = node.name.removeprefix("ephemeral.").partition(".")
            plan_ephemeral(work, declared.resources["ephemeral", kind, name], module)
        case "action":
            kind, _, name = node.name.partition(".")
            plan_action(work, declared.actions[kind, name], module, blocks.get(node, ()))
        case "check" if not rolled_back:
            scope = evaluation.scope(module)
            work.checks.extend(judge_check(declared.checks[node.name], scope, diagnostics))
        case "collection":
            _collection(work, walked, module, node)
        case "break_glass":
            _break_glass(work, walked, module, node)
        case _:
            pass


@contextmanager
def _as_warnings(work: Work, check: str) -> Iterator[None]:
    """Let a check's data source fail without stopping anything."""
    if not check:
        yield
        return
    kept, work.diagnostics = work.diagnostics, Diagnostics()
    try:
        yield
    finally:
        found, work.diagnostics = work.diagnostics, kept
        kept.extend(
            replace(item, severity=Severity.WARNING).at(block=f'check "{check}"') for item in found
        )


def _validations(work: Work, module: ModulePath, variable: DeclaredVariable) -> None:
    """Check the rules that binding the root's variables could not check."""
    if variable.validations:
        known = work.evaluation.variable(module, variable.name).is_known
        prefix = f"{module}." if module.steps else ""
        work.checks.append(
            CheckResult(
                address=f"{prefix}var.{variable.name}",
                kind="var",
                status="pass" if known else "unknown",
            )
        )
    if not work.evaluation.variable(module, variable.name).is_known:
        return
    for rule in variable.validations:
        if not module.is_root or not refers_to_variables_only(rule):
            address = str(module) or None
            scope = work.evaluation.scope(module)
            check_rule(variable, rule, scope, work.diagnostics, address=address)


def _configure(work: Work, module: ModulePath, node: Node) -> None:
    block = work.config.modules[node.path].provider_configs[node.name]
    required = work.config.modules[node.path].required_providers.get(block.name)
    name = required.entry_point if required is not None else block.name
    provider = work.providers.get(name)
    if provider is None:
        return
    key = printed_provider(node.path, block.key)
    if block.for_each is None:
        _configured(work, block, module, None, key, name, provider)
        return
    found = repetition(None, block.for_each, work.evaluation.scope(module), work.diagnostics)
    for one in found.keys:
        text = key + key_text(one)
        _configured(work, block, module, found.each(one), text, name, provider)


def _configured(
    work: Work,
    block: ProviderConfig,
    module: ModulePath,
    each: Each | None,
    key: str,
    name: str,
    provider: Provider,
) -> None:
    decoded = decode_body(
        block.body,
        provider.schema,
        work.evaluation.scope(module, each),
        work.diagnostics,
        skip=block.meta,
        where=f'provider "{block.name}"',
    )
    known = all(value.is_wholly_known for value in decoded.attributes.values())
    config = (
        {name: to_plain(value) for name, value in decoded.attributes.items()} if known else None
    )
    work.instances[key] = ProviderInstance(key=key, name=name, provider=provider, config=config)


def _resource(
    work: Work,
    walked: Walked,
    block: Resource,
    module: ModulePath,
    node: Node,
    blocks: Mapping[Node, tuple[str, ...]],
    expansions: dict[tuple[ModulePath, str, str], Repetition],
) -> None:
    evaluation = work.evaluation
    before = len(work.needs)
    problems = Diagnostics()
    found = repetition(
        block.count,
        block.for_each,
        evaluation.scope(module),
        problems,
        block.lifecycle.enabled,
    )
    expansions[module, block.type, block.name] = found
    work.diagnostics.extend(
        problem.at(address=str(Address(module, block.type, block.name))) for problem in problems
    )
    instances = evaluation.expand((module, "managed", block.type, block.name), found)
    one = work.provider_of(module, block.provider) if block.provider.instance is None else None
    keyed = block.provider.instance is not None
    if not keyed and (one is None or block.type not in one.provider.resources):
        _unknown_type(work, block, one)
        for key in found.keys:
            instances.put(key, unknown())
        return
    if found is UNDECIDED or len(work.needs) != before:
        names = [one.key] if one is not None else list(work.instances)
        work.undecided_keys.update((name, block.type) for name in names)
    if module in work.evaluation.modules[node.path][:1]:
        expand_imports(work, walked.imports.get((node.path, block.type, block.name), ()))
    dependencies = blocks.get(node, ())
    for key in found.keys:
        each = found.each(key)
        address = Address(module, block.type, block.name, key)
        text = str(address)
        own = block.instance_providers.get(text)
        instance = work.provider_of(module, own) if own is not None else one
        instance = instance or work.provider_of(module, block.provider, each)
        kind = instance.provider.resources.get(block.type) if instance is not None else None
        if instance is None or kind is None:
            _unknown_type(work, block, instance)
            instances.put(key, unknown())
            continue
        remembered = work.state.resources.get(text)
        current = remembered.current() if remembered is not None else None
        skipped = not work.selection.plans(node, address)
        if not work.options.declares or skipped:
            if skipped and work.options.declares:
                walked.addresses.add(text)
            if current is not None:
                work.claim(instance, kind, current.id, address)
                instances.put(key, as_value(kind.schema, current.attributes, current.sensitive))
            else:
                instances.put(key, unknown(kind.schema.type))
            continue
        walked.addresses.add(text)
        if block.lifecycle.ignore_changes and key == found.keys[0]:
            ignored = Diagnostics()
            check_ignored(block, kind, ignored)
            work.diagnostics.extend(item.at(address=text) for item in ignored)
        wanted = declare(work, block, instance, kind, address, each, dependencies)
        change, attributes = _planned(work, wanted, each)
        if change is not None:
            work.changes.append(change)
        value = as_value(kind.schema, attributes, wanted.sensitive)
        instances.put(key, value)
        _check(
            work,
            block.lifecycle.postconditions,
            module,
            each,
            text,
            "Resource postcondition failed",
            value,
        )


def _planned(
    work: Work, wanted: Declaration, each: Each | None
) -> tuple[Change | None, Attributes]:
    """Plan an instance; what a provider's pure half raises is reported, and the others are planned all the same."""
    try:
        change, attributes = plan_instance(work, wanted)
        if change is None or (wanted.block.rotation is None and wanted.kind.credential is None):
            return change, attributes
        return rotated(work, wanted, each, change, attributes)
    except Exception as problem:  # noqa: BLE001 - a provider's bug must not become a traceback
        text = SECRETS.redact(f"{type(problem).__name__}: {problem}")
        work.diagnostics.error(
            "The provider failed",
            f"Planning {wanted.address} failed ({text}). This is a bug of the {wanted.instance.name} provider; nothing "
            "was changed. Please report it.",
            wanted.block.range,
            address=str(wanted.address),
        )
        return None, dict.fromkeys(wanted.kind.schema.type.attributes, UNKNOWN)


def _unknown_type(work: Work, block: Resource, instance: ProviderInstance | None) -> None:
    if instance is None:
        work.diagnostics.error(
            "Provider configuration not present",
            f'{block.address} needs the provider configuration "{block.provider.key}", which this configuration does not have'
            f"{_keyed(work, block.provider)}. Add a provider block, or check the provider argument.",
            block.provider.range or block.range,
        )
        return
    from perimeter.diagnostics import did_you_mean

    work.diagnostics.error(
        "Invalid resource type",
        f'The provider {instance.name} does not support resource type "{block.type}".'
        f"{did_you_mean(block.type, instance.provider.resources)}",
        block.range,
    )


def _keyed(work: Work, ref: ProviderRef) -> str:
    """What there is instead, where a configuration has for_each and no such key was given."""
    known = [key for key in work.instances if key.startswith(f"{ref.key}[")]
    if not known:
        return ""
    return f" under this key; it has for_each, and there are: {', '.join(known[:10])}"


def _check(
    work: Work,
    conditions: tuple[Condition, ...],
    module: ModulePath,
    each: Each | None,
    subject: str,
    summary: str,
    this: Value | None = None,
) -> None:
    if conditions:
        scope = work.evaluation.scope(module, each, this)
        work.checks.extend(judge(conditions, scope, subject, summary, work.diagnostics))


def _collection(work: Work, walked: Walked, module: ModulePath, node: Node) -> None:
    kind_name, name = node.name.split(".", 1)
    block = work.config.modules[node.path].collections[kind_name, name]
    found = repetition(None, block.for_each, work.evaluation.scope(module), work.diagnostics)
    for key in found.keys:
        each = found.each(key)
        instance = work.provider_of(module, block.provider, each)
        kind = instance.provider.resources.get(block.type) if instance is not None else None
        if instance is None or kind is None:
            work.diagnostics.error(
                "Invalid collection type",
                f'No provider of this configuration has a resource type "{block.type}".',
                block.range,
            )
            return
        mode = (
            work.evaluation.value(block.mode, module, work.diagnostics, each).raw
            if block.mode
            else "report"
        )
        if mode not in ("exclusive", "additive", "report"):
            work.diagnostics.error(
                "Invalid collection mode",
                'The mode must be "exclusive", "additive" or "report", and known while planning.',
                block.mode.range if block.mode else block.range,
            )
            continue
        within = (
            to_plain(work.evaluation.value(block.within, module, work.diagnostics, each))
            if block.within
            else {}
        )
        ignore = (
            to_plain(work.evaluation.value(block.ignore, module, work.diagnostics, each))
            if block.ignore
            else []
        )
        if within is UNKNOWN or not isinstance(within, dict) or not isinstance(ignore, list):
            mode = "report"
        prefix = f"{module}." if module.steps else ""
        label = f'{prefix}collection "{block.type}" "{block.name}"'
        walked.claims += (
            Claim(
                name=label,
                instance=instance,
                kind=kind,
                mode=str(mode),
                within=within if isinstance(within, dict) else {},
                ignore=tuple(ignore) if isinstance(ignore, list) else (),
                limits=limits_of(block, partial(_plain, work, module, each), work.diagnostics),
            ),
        )


def _plain(work: Work, module: ModulePath, each: Each | None, expr: Expr) -> Any:
    return to_plain(work.evaluation.value(expr, module, work.diagnostics, each))


def _break_glass(work: Work, walked: Walked, module: ModulePath, node: Node) -> None:
    block = work.config.modules[node.path].break_glass[node.name]
    name, _, alias = block.provider.partition(".")
    found = work.provider_of(module, ProviderRef(name=name, alias=alias or None))
    family = f"{printed_provider(node.path, block.provider)}["
    keys = [found.key] if found is not None else [k for k in work.instances if k.startswith(family)]
    users = to_plain(work.evaluation.value(block.users, module, work.diagnostics))
    if not keys or not isinstance(users, list) or not all(isinstance(user, str) for user in users):
        work.diagnostics.error(
            "Invalid break_glass block",
            "users must be a known list of logins of a configured provider.",
            block.range,
        )
        return
    minimum: object = 1
    if block.minimum is not None:
        minimum = to_plain(work.evaluation.value(block.minimum, module, work.diagnostics))
    if isinstance(minimum, bool) or not isinstance(minimum, int) or minimum < 1:
        work.diagnostics.error(
            "Invalid break_glass block",
            "minimum_administrators must be a known whole number of at least 1.",
            block.range,
        )
        return
    for key in keys:
        known = walked.kept.get(key, Kept())
        least = max(known.minimum, minimum)
        walked.kept[key] = Kept(users=(*known.users, *users), minimum=least)


def _block_dependencies(graph: Graph) -> dict[Node, tuple[str, ...]]:
    """For each node the printed blocks of the nearest resources it depends on."""
    nearest: dict[Node, frozenset[str]] = {}
    for node in graph.order:
        found: set[str] = set()
        for needed in graph.edges.get(node, ()):
            if needed.kind in ("resource", "data"):
                prefix = "".join(f"module.{name}." for name in needed.path)
                found.add(prefix + needed.name)
            if needed.kind != "resource":
                # Past a data source, too: it may have been read while planning.
                found |= nearest.get(needed, frozenset())
        nearest[node] = frozenset(found)
    return {node: tuple(sorted(found)) for node, found in nearest.items() if found}


def _explain_orphans(
    work: Work, walked: Walked, expansions: Mapping[tuple[ModulePath, str, str], Repetition]
) -> None:
    from perimeter.addresses import parse_address

    for text in work.state.resources:
        if text in walked.addresses:
            continue
        address = parse_address(text)
        walked.reasons[text] = _why_gone(work, address, expansions)


def _why_gone(
    work: Work, address: Address, expansions: Mapping[tuple[ModulePath, str, str], Repetition]
) -> str:
    if address.module not in work.evaluation.modules.get(address.module.names, []):
        return "delete_because_no_module"
    found = expansions.get((address.module, address.type, address.name))
    if found is None:
        return "delete_because_no_resource_config"
    if found.kind == "disabled":
        return "delete_because_enabled_false"
    if (found.kind == "single") != (address.key is None):
        return "delete_because_wrong_repetition"
    return "delete_because_count_index" if found.kind == "count" else "delete_because_each_key"
