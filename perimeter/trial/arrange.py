"""A configuration as a run sees it: with the test's providers, mocks and overrides in their places.

The engine knows nothing of tests. A mocked provider is a provider; an overridden resource uses a provider of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from perimeter.addresses import Address, ModulePath
from perimeter.config.model import (
    Config,
    Import,
    Module,
    Output,
    ProviderConfig,
    ProviderRef,
    Resource,
)
from perimeter.config.providers import entry_point_of, locate
from perimeter.diagnostics import Diagnostics
from perimeter.hcl import parse_expression
from perimeter.hcl.nodes import Attribute, Block, Body, Expr, Node
from perimeter.hcl.writer import value_text
from perimeter.lang.evaluate import evaluate
from perimeter.lang.plain import to_plain
from perimeter.lang.references import references
from perimeter.sdk.provider import Provider
from perimeter.sdk.schema import Plain, Schema
from perimeter.trial.made_up import fitted
from perimeter.trial.mocks import Filling, MockedProvider, Recipe, mocked
from perimeter.trial.model import Defaults, During, File, MockProvider, Override, Run
from perimeter.trial.scope import RunScope


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StandIn(ProviderConfig):
    """A provider configuration whose ``name`` is not the one that blocks refer to it by."""

    shown: str

    @property
    def key(self) -> str:
        """What blocks refer to it by."""
        return self.shown


@dataclass(slots=True, kw_only=True)
class Arrangement:
    """The configuration and providers of one run.

    Attributes:
        config: what is run.
        providers: by entry-point name, those that stand in included.
        configs: provider configurations that the test brought, by key: what a teardown needs again.
    """

    config: Config
    providers: dict[str, Provider]
    configs: dict[str, ProviderConfig] = field(default_factory=dict)
    diagnostics: Diagnostics = field(default_factory=Diagnostics)

    def use(self, key: str, config: ProviderConfig) -> None:
        """Put a provider configuration into the root module."""
        self.configs[key] = config
        configs = {**self.config.root.provider_configs, key: config}
        self.module((), replace(self.config.root, provider_configs=configs))

    def module(self, path: tuple[str, ...], module: Module) -> None:
        """Replace a module."""
        modules = {**self.config.modules, path: module}
        self.config = replace(self.config, root=modules[()], modules=modules)


def arrange(
    config: Config, providers: Mapping[str, Provider], file: File, run: Run, scope: RunScope
) -> Arrangement:
    """Put a test file's and a run's providers, mocks and overrides into a configuration."""
    made = Arrangement(config=config, providers=dict(providers))
    arranger = _Arranger(made, file, run, scope)
    used = arranger.place_providers()
    overrides: dict[str, tuple[Override, During]] = {}
    for mock in used.values():
        for override in mock.overrides.values():
            overrides[override.key] = (override, mock.during)
    for override in (*file.overrides.values(), *run.overrides.values()):
        overrides[override.key] = (override, During.APPLY)
    for override, during in overrides.values():
        arranger.override(override, override.during or during, used)
    _without_imports(made)
    return made


def _without_imports(made: Arrangement) -> None:
    """Leave out the imports of what is mocked: there is no tenant to take anything over from, so it is made up."""
    root = made.config.root
    kept = {key: item for key, item in root.imports.items() if not _is_mocked(made, item)}
    if len(kept) != len(root.imports):
        made.module((), replace(root, imports=kept))


def _is_mocked(made: Arrangement, item: Import) -> bool:
    path = item.to.module.names
    module = made.config.modules.get(path)
    block = module.resources.get(("managed", item.to.type, item.to.name)) if module else None
    located = locate(made.config, path, block.provider) if block is not None else None
    name = located.entry_point if located is not None else ""
    if located is not None and located.config is not None:
        name = located.config.name
    return isinstance(made.providers.get(name), MockedProvider)


@dataclass(frozen=True, slots=True)
class _Arranger:
    made: Arrangement
    file: File
    run: Run
    scope: RunScope

    @property
    def diagnostics(self) -> Diagnostics:
        return self.made.diagnostics

    # Providers ----------------------------------------------------------------------------------------------------

    def place_providers(self) -> dict[str, MockProvider]:
        """Put the providers of the test file into the root module; return the mocks by the key they have there."""
        given = self.run.providers
        if given is None:
            pairs = {key: key for key in (*self.file.mocks, *self.file.providers)}
        else:
            pairs = {key: ref.key for key, ref in given.items()}
        used: dict[str, MockProvider] = {}
        for key, wanted in pairs.items():
            mock, config = self.file.mocks.get(wanted), self.file.providers.get(wanted)
            if mock is not None:
                self._mock(key, mock)
                used[key] = mock
            elif config is not None:
                body = self._settled(config.body)
                self.made.use(key, _as(config, key, key.partition(".")[0], body))
            elif given is not None and wanted != key:
                self._renamed(key, given[key])
        return used

    def _renamed(self, key: str, ref: ProviderRef) -> None:
        config = self.made.config.root.provider_configs.get(ref.key)
        if config is None:
            self.diagnostics.error(
                "Missing provider for run",
                f'The run "{self.run.name}" passes the provider {ref.key}, which neither the test '
                "file nor the configuration has. Add a provider or mock_provider block.",
                ref.range,
            )
            return
        self.made.use(key, _as(config, key, config.name, config.body))

    def _mock(self, key: str, mock: MockProvider) -> None:
        name = entry_point_of(self.made.config.root, key.partition(".")[0])
        inner = self.made.providers.get(name)
        if inner is None:
            self.diagnostics.error(
                "Unknown provider",
                f'No provider "{name}" is installed, so its types are not known and it cannot be '
                "mocked.",
                mock.block.header_range,
            )
            return
        recipe = Recipe(
            seed=f"{self.file.name}/{mock.key}",
            resources={
                kind: self._defaults(item, inner.resources[kind].schema, mock)
                for kind, item in mock.resources.items()
                if self._known(item, inner.resources, "resource type", inner)
            },
            data={
                kind: self._defaults(item, inner.data_sources[kind].schema, mock)
                for kind, item in mock.data.items()
                if self._known(item, inner.data_sources, "data source", inner)
            },
            default=Filling(early=mock.during is During.PLAN),
        )
        self._stand_in(key, f"mock_{key.replace('.', '_')}", mock.block, inner, recipe)

    def _known(
        self, item: Defaults, types: Mapping[str, object], what: str, inner: Provider
    ) -> bool:
        if item.type in types:
            return True
        from perimeter.diagnostics import did_you_mean

        self.diagnostics.error(
            f"Unknown {what}",
            f'The provider {inner.name} has no {what} "{item.type}".'
            f"{did_you_mean(item.type, types)}",
            item.block.header_range,
        )
        return False

    def _defaults(self, item: Defaults, schema: Schema, mock: MockProvider) -> Filling:
        during = item.during or mock.during
        return self._filling(item.values, schema, during)

    def _stand_in(self, key: str, name: str, block: Block, inner: Provider, recipe: Recipe) -> None:
        """A provider configuration that reaches nobody."""
        self.made.providers[name] = mocked(inner, recipe)
        empty = Body(block.src, block.start, block.end, {}, [])
        self.made.use(key, StandIn(node=block, name=name, alias=None, body=empty, shown=key))

    def _settled(self, body: Body) -> Body:
        """A provider's body in which nothing refers to the test any more."""
        attributes = {
            name: self._constant(item) if references(item.expr) else item
            for name, item in body.attributes.items()
        }
        blocks = [
            Block(
                b.src,
                b.start,
                b.end,
                b.type,
                b.labels,
                self._settled(b.body),
                b.header_end,
                b.label_spans,
            )
            for b in body.blocks
        ]
        return Body(body.src, body.start, body.end, attributes, blocks)

    def _constant(self, item: Attribute) -> Attribute:
        value = evaluate(item.expr, self.scope, self.diagnostics)
        if not value.is_wholly_known:
            self.diagnostics.error(
                "Provider argument not known",
                f'The argument "{item.name}" refers to something that is not known yet. Refer to '
                "the outputs of runs that applied.",
                item.expr.range,
            )
            return item
        expr = constant(to_plain(value), item)
        return Attribute(item.src, item.start, item.end, item.name, item.name_end, expr)

    # Overrides ----------------------------------------------------------------------------------------------------

    def override(
        self, override: Override, during: During, used: Mapping[str, MockProvider]
    ) -> None:
        """Put one override into its place."""
        if isinstance(override.target, ModulePath):
            self._override_module(override, override.target)
            return
        target = override.target
        path = target.module.names
        module = self.made.config.modules.get(path)
        block = module.resources.get((target.mode, target.type, target.name)) if module else None
        if module is None or block is None:
            self._no_target(override)
            return
        if not _fits(self.made.config, target, block):
            self._no_target(override)
            return
        located = locate(self.made.config, path, block.provider)
        inner = self.made.providers.get(located.entry_point) if located is not None else None
        kinds = (
            {}
            if inner is None
            else inner.resources
            if target.mode == "managed"
            else inner.data_sources
        )
        kind = kinds.get(target.type)
        if inner is None or kind is None:
            return  # the walk reports it
        filling = self._filling(override.values, kind.schema, during)
        fill = {target.type: filling}
        managed = target.mode == "managed"
        recipe = Recipe(
            seed=f"{self.file.name}/{override.key}",
            resources=fill if managed else {},
            data={} if managed else fill,
        )
        name = "override_" + hashlib.sha256(override.key.encode()).hexdigest()[:12]
        self._stand_in(name, name, override.block, inner, recipe)
        self._redirect(target, block, name)

    def _redirect(self, target: Address, block: Resource, name: str) -> None:
        path = target.module.names
        module = self.made.config.modules[path]
        ref = ProviderRef(name=name)
        if _is_single(target):
            single = {**block.instance_providers, str(target): ref}
            redirected = replace(block, instance_providers=single)
        else:
            redirected = replace(block, provider_ref=ref)
        self.made.module(
            path, replace(module, resources={**module.resources, block.key: redirected})
        )

    def _override_module(self, override: Override, target: ModulePath) -> None:
        path = target.names
        module = self.made.config.modules.get(path)
        if module is None or not path:
            self._no_target(override)
            return
        if any(key is not None for _, key in target.steps):
            self._one_instance(override)
            return
        values = self._values(override.values)
        outputs = {
            name: Output(
                node=item.node,
                name=name,
                value=constant(values.get(name), item.node),
                sensitive=item.sensitive,
                ephemeral=item.ephemeral,
            )
            for name, item in module.outputs.items()
        }
        bare = Module(
            path=path,
            source_dir=module.source_dir,
            variables=module.variables,
            required_providers=module.required_providers,
            outputs=outputs,
            sources=module.sources,
        )
        left = {
            where: item
            for where, item in self.made.config.modules.items()
            if where[: len(path)] != path or where == path
        }
        self.made.config = replace(self.made.config, modules={**left, path: bare})

    def _no_target(self, override: Override) -> None:
        self.diagnostics.warning(
            "Invalid override target",
            f"The override target {override.key} does not exist within the configuration under "
            "test. This could indicate a typo in the target address or an unnecessary override.",
            override.target_range,
            block=f"override_{override.kind}",
        )

    def _one_instance(self, override: Override) -> None:
        self.diagnostics.error(
            "Override of a single instance",
            f"{override.key} names one instance of a module. Override the module as a whole, or the "
            "resources in that instance.",
            override.target_range,
            block=f"override_{override.kind}",
        )

    # Values -------------------------------------------------------------------------------------------------------

    def _values(self, expr: Expr | None) -> Mapping[str, Plain]:
        if expr is None:
            return {}
        value = evaluate(expr, self.scope, self.diagnostics)
        plain = to_plain(value)
        if isinstance(plain, dict) and value.is_wholly_known:
            return plain
        if not self.diagnostics.has_errors:
            self.diagnostics.error(
                "Invalid mocked values",
                "An object of known values is needed, with the names of attributes as its keys.",
                expr.range,
            )
        return {}

    def _filling(self, expr: Expr | None, schema: Schema, during: During) -> Filling:
        values, problems = fitted(schema, self._values(expr))
        for problem in problems:
            self.diagnostics.error(
                "Invalid mocked value",
                problem,
                expr.range if expr is not None else None,
            )
        return Filling(values=values, early=during is During.PLAN)


def _is_single(target: Address) -> bool:
    """Whether an override's target names instances by their keys."""
    return target.key is not None or any(key is not None for _, key in target.module.steps)


def _fits(config: Config, target: Address, block: Resource) -> bool:
    """Whether a target that names instances names all keys: of the block, and of the modules around it."""
    if not _is_single(target):
        return True
    repeated = [(target.key, block.count is not None or block.for_each is not None)]
    path: tuple[str, ...] = ()
    for name, key in target.module.steps:
        call = config.modules[path].calls[name]
        repeated.append((key, call.count is not None or call.for_each is not None))
        path = (*path, name)
    return all((key is not None) == has_keys for key, has_keys in repeated)


def constant(plain: Plain, at: Node) -> Expr:
    """An expression for plain data that stands in for another one."""
    expr, problems = parse_expression(value_text(plain), at.src.filename)
    assert expr is not None
    assert not problems
    return expr


def _as(config: ProviderConfig, key: str, name: str, body: Body) -> StandIn:
    """A provider configuration under another key."""
    return StandIn(node=config.node, name=name, alias=None, body=body, shown=key)


def teardown_config(config: Config, configs: Mapping[str, ProviderConfig]) -> Config:
    """A configuration with the provider configurations of all runs on a state."""
    root = replace(config.root, provider_configs={**config.root.provider_configs, **configs})
    return replace(config, root=root, modules={**config.modules, (): root})
