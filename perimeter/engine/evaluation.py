"""The values of everything declared, filled node by node in dependency order.

While planning each value is computed once. While applying (``live``) a value that was not wholly known is computed again
from its expression when it is asked for, from the resources applied so far.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from perimeter.addresses import ROOT, InstanceKey, ModulePath
from perimeter.config.model import Config, ModuleCall, Resource
from perimeter.diagnostics import Diagnostics
from perimeter.engine.boundary import check_path, folders_of
from perimeter.engine.functions import language_function
from perimeter.engine.repetition import SINGLE, Repetition, repetition
from perimeter.engine.scope import Each, ModuleScope
from perimeter.hcl.nodes import Expr
from perimeter.lang.convert import ConversionError, convert
from perimeter.lang.evaluate import evaluate
from perimeter.lang.functions.function import Function
from perimeter.lang.values import (
    EPHEMERAL,
    SENSITIVE,
    Value,
    null,
    object_of,
    string,
    tuple_of,
    unknown,
)
from perimeter.sdk.contract import Attributes
from perimeter.sdk.provider import Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What an instance shall be again, whatever the configuration says.

    Attributes:
        block: stands for the resource block.
        wanted: decides the attributes from the objects made so far.
    """

    block: Resource
    wanted: Callable[[Evaluation], Attributes] = field(repr=False)


def nothing_listed(_path: str) -> Sequence[str]:
    """No directory holds files."""
    return ()


ResourceKey = tuple[ModulePath, str, str, str]
"""Module instance, mode, type, name."""


@dataclass(slots=True)
class Instances:
    """The instances of one block in one module instance, as far as evaluated."""

    repetition: Repetition
    values: dict[InstanceKey, Value] = field(default_factory=dict)
    _whole: Value | None = None

    def put(self, key: InstanceKey, value: Value) -> None:
        """Set one instance's value."""
        self.values[key] = value
        self._whole = None

    def whole(self) -> Value:
        """All instances as one value: a tuple (count) or an object (for_each); unknown while the keys are."""
        if self._whole is None:
            if self.repetition.kind == "unknown":
                self._whole = unknown()
            elif self.repetition.kind == "disabled":
                self._whole = null()
            elif self.repetition.kind == "count":
                self._whole = tuple_of(
                    [self.values.get(key, unknown()) for key in self.repetition.keys]
                )
            else:
                self._whole = object_of(
                    {str(key): self.values.get(key, unknown()) for key in self.repetition.keys}
                )
        return self._whole


class Evaluation:
    """Values by module instance and name."""

    def __init__(
        self,
        config: Config,
        inputs: Mapping[str, Value],
        *,
        now: str,
        read_file: Callable[[str], bytes],
        list_files: Callable[[str], Sequence[str]] = nothing_listed,
        providers: Mapping[str, Provider] = MappingProxyType({}),
        cwd: str = ".",
        outside_files: tuple[str, ...] = (),
    ) -> None:
        self.config = config
        self.inputs = inputs
        self.now = now
        self.cwd = cwd
        self.base_dir = cwd
        self.workspace = config.workspace
        self.outside_files = outside_files
        self.read_file = read_file
        self.list_files = list_files
        self.providers = providers
        self.restored: dict[str, Restored] = {}
        self.live = False
        self.opener: Callable[[ModulePath, str, str], None] | None = None
        self.modules: dict[tuple[str, ...], list[ModulePath]] = {(): [ROOT]}
        self._variables: dict[tuple[ModulePath, str], Value] = {}
        self._locals: dict[tuple[ModulePath, str], Value] = {}
        self._outputs: dict[tuple[ModulePath, str], Value] = {}
        self._calls: dict[tuple[ModulePath, str], Repetition] = {}
        self._integrations: dict[tuple[ModulePath, str], Value] = {}
        self._resources: dict[ResourceKey, Instances] = {}

    def check_path(self, module: ModulePath, path: str, *, listed: bool = False) -> None:
        """Refuse a file that a module may not read; raises ``PermissionError``."""
        folders = folders_of(self.config, module.names, self.cwd)
        check_path(path, (*folders, *self.outside_files), self.cwd, listed=listed)

    def function(self, module: ModulePath, name: str) -> Function | None:
        """A provider's function by its full name, ``provider::NAME::FUNCTION``, as a module names the provider."""
        space, _, rest = name.partition("::")
        local, _, wanted = rest.partition("::")
        if space != "provider":
            return None
        required = self.config.modules[module.names].required_providers.get(local)
        provider = self.providers.get(required.entry_point if required is not None else local)
        declared = provider.functions.get(wanted) if provider is not None else None
        return language_function(declared) if declared is not None else None

    def scope(
        self, module: ModulePath, each: Each | None = None, this: Value | None = None
    ) -> ModuleScope:
        """A scope inside a module instance."""
        return ModuleScope(self, module, each, this)

    def value(
        self, expr: Expr, module: ModulePath, diagnostics: Diagnostics, each: Each | None = None
    ) -> Value:
        """Evaluate an expression inside a module instance."""
        return evaluate(expr, self.scope(module, each), diagnostics)

    # Variables ----------------------------------------------------------------------------------------------------

    def set_variable(self, module: ModulePath, name: str, diagnostics: Diagnostics) -> None:
        """Evaluate one input variable of a module instance."""
        self._variables[module, name] = self._variable(module, name, diagnostics)

    def variable(self, module: ModulePath, name: str) -> Value:
        """An input variable's value."""
        value = self._variables.get((module, name))
        if value is None:
            return unknown()
        if self.live and not value.is_wholly_known:
            value = self._variables[module, name] = self._variable(module, name, Diagnostics())
        return value

    def _variable(self, module: ModulePath, name: str, diagnostics: Diagnostics) -> Value:
        declared = self.config.modules[module.names].variables[name]
        if module.is_root:
            secrecy = [
                *([SENSITIVE] if declared.sensitive else []),
                *([EPHEMERAL] if declared.ephemeral else []),
            ]
            return self.inputs.get(name, unknown(declared.type).with_marks(secrecy))
        parent = ModulePath(module.steps[:-1])
        call_name, key = module.steps[-1]
        call = self.config.modules[parent.names].calls[call_name]
        given = call.inputs.get(name)
        value = (
            self.value(given.expr, parent, diagnostics, self.each_of(parent, call, key))
            if given is not None
            else null()
        )
        if value.is_null and (given is None or not declared.nullable):
            if declared.default is not None:
                value = self.value(declared.default, module, diagnostics)
            elif given is not None and not declared.nullable:
                diagnostics.error(
                    "Required variable not set",
                    f"The given value is not suitable for {module}.var.{name}: required variable may not be set to null.",
                    given.expr.range,
                )
        try:
            value = convert(value, declared.type)
        except ConversionError as problem:
            where = given.expr.range if given is not None else declared.range
            diagnostics.error(
                "Invalid value for input variable",
                f"The given value is not suitable for {module}.var.{name}, declared at {declared.range}: {problem}.",
                where,
            )
            value = unknown(declared.type)
        marks = {
            mark
            for mark, wanted in ((SENSITIVE, declared.sensitive), (EPHEMERAL, declared.ephemeral))
            if wanted
        }
        return value.with_marks(marks)

    # Locals, outputs, integrations --------------------------------------------------------------------------------

    def set_local(self, module: ModulePath, name: str, diagnostics: Diagnostics) -> None:
        """Evaluate a local value of a module instance."""
        expr = self.config.modules[module.names].locals[name].expr
        self._locals[module, name] = self.value(expr, module, diagnostics)

    def local(self, module: ModulePath, name: str) -> Value:
        """A local value."""
        value = self._locals.get((module, name))
        if value is None:
            return unknown()
        if self.live and not value.is_wholly_known:
            self.set_local(module, name, Diagnostics())
            value = self._locals[module, name]
        return value

    def set_output(self, module: ModulePath, name: str, diagnostics: Diagnostics) -> None:
        """Evaluate an output value of a module instance."""
        declared = self.config.modules[module.names].outputs[name]
        value = self.value(declared.value, module, diagnostics)
        if module.is_root and SENSITIVE in value.deep_marks() and not declared.sensitive:
            diagnostics.error(
                "Output refers to sensitive values",
                "To reduce the risk of accidentally exporting sensitive data that was intended to be only internal, "
                "any root module output containing sensitive data must be explicitly marked as sensitive. "
                "If you do intend to export this data, annotate the output value with: sensitive = true",
                declared.range,
            )
        if EPHEMERAL in value.deep_marks() and (module.is_root or not declared.ephemeral):
            diagnostics.error(
                "Ephemeral value not allowed",
                "This output value is not declared as returning an ephemeral value, so it cannot be set to a result "
                "derived from an ephemeral value.",
                declared.value.range,
            )
        self._outputs[module, name] = value.with_marks([SENSITIVE]) if declared.sensitive else value

    def output(self, module: ModulePath, name: str) -> Value | None:
        """An output value; None where the module has no such output."""
        value = self._outputs.get((module, name))
        if value is not None and self.live and not value.is_wholly_known:
            self.set_output(module, name, Diagnostics())
            value = self._outputs[module, name]
        return value

    def module_outputs(self, module: ModulePath) -> dict[str, Value]:
        """All outputs of one module instance."""
        declared = self.config.modules.get(module.names)
        names = declared.outputs if declared is not None else {}
        return {name: self.output(module, name) or unknown() for name in names}

    def module_object(self, parent: ModulePath, name: str) -> Value:
        """All instances of a repeated module as one value."""
        calls = self._calls[parent, name]
        if calls.kind == "unknown":
            return unknown()
        if calls.kind == "disabled":
            return null()
        parts = {key: object_of(self.module_outputs(parent.child(name, key))) for key in calls.keys}
        if calls.kind == "count":
            return tuple_of(list(parts.values()))
        return object_of({str(key): value for key, value in parts.items()})

    def set_integration(self, module: ModulePath, name: str, diagnostics: Diagnostics) -> None:
        """Evaluate an integration; its value is an object with its name and arguments."""
        declared = self.config.modules[module.names].integrations[name]
        parts: dict[str, Value] = {"name": string(name)}
        for part in ("owner", "purpose", "third_party", "datasets", "expires_at"):
            expr: Expr | None = getattr(declared, part)
            parts[part] = self.value(expr, module, diagnostics) if expr is not None else null()
        self._integrations[module, name] = object_of(parts)

    def integration(self, module: ModulePath, name: str) -> Value:
        """An integration's value."""
        return self._integrations.get((module, name), unknown())

    # Repetition ---------------------------------------------------------------------------------------------------

    def set_call(self, module: ModulePath, name: str, diagnostics: Diagnostics) -> None:
        """Expand a module call inside one instance of its caller."""
        call = self.config.modules[module.names].calls[name]
        scope = self.scope(module)
        found = repetition(call.count, call.for_each, scope, diagnostics, call.enabled)
        self._calls[module, name] = found
        self.modules.setdefault((*module.names, name), []).extend(
            module.child(name, key) for key in found.keys
        )

    def call(self, module: ModulePath, name: str) -> Repetition | None:
        """How a module call is repeated inside one instance of its caller."""
        return self._calls.get((module, name))

    def each_of(self, module: ModulePath, call: ModuleCall, key: InstanceKey) -> Each | None:
        """What ``each`` or ``count`` is inside the arguments of a module call."""
        found = self._calls.get((module, call.name), SINGLE)
        return found.each(key)

    def open_ephemeral(self, module: ModulePath, kind: str, name: str) -> None:
        """While applying: have an ephemeral resource opened that is needed now."""
        if self.live and self.opener is not None:
            self.opener(module, kind, name)

    # Resources ----------------------------------------------------------------------------------------------------

    def expand(self, key: ResourceKey, found: Repetition) -> Instances:
        """Register a block's instances."""
        made = self._resources[key] = Instances(found)
        return made

    def resource(self, module: ModulePath, mode: str, kind: str, name: str) -> Instances | None:
        """The instances of a block, or None before they are evaluated."""
        return self._resources.get((module, mode, kind, name))
