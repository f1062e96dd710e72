"""What an expression inside a module instance may refer to."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perimeter.addresses import InstanceKey, ModulePath
from perimeter.diagnostics import Diagnostics
from perimeter.lang.functions.function import Function
from perimeter.lang.scope import Traversal
from perimeter.lang.types import BOOL
from perimeter.lang.values import EPHEMERAL, Value, number, object_of, string, unknown

if TYPE_CHECKING:
    from perimeter.engine.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class Each:
    """The current element of ``for_each``, or index of ``count``."""

    key: InstanceKey
    value: Value | None = None


@dataclass(frozen=True, slots=True)
class ModuleScope:
    """Resolves names inside one module instance.

    Attributes:
        each: set inside a repeated block.
        this: what ``self`` is, inside postconditions.
    """

    evaluation: Evaluation
    module: ModulePath
    each: Each | None = None
    this: Value | None = None

    @property
    def base_dir(self) -> str:
        """Directory against which file functions resolve relative paths."""
        return self.evaluation.base_dir

    @property
    def planning(self) -> bool:
        """Whether ``timestamp`` and its like are unknown."""
        return not self.evaluation.live

    @property
    def now(self) -> str:
        """What ``plantimestamp`` gives."""
        return self.evaluation.now

    def read_file(self, path: str) -> bytes:
        """The content of a file, as recorded in the snapshot."""
        self.evaluation.check_path(self.module, path)
        return self.evaluation.read_file(path)

    def list_files(self, path: str) -> Sequence[str]:
        """The files in a directory and below, as recorded in the snapshot."""
        self.evaluation.check_path(self.module, path, listed=True)
        return self.evaluation.list_files(path)

    def function(self, name: str) -> Function | None:
        """A provider's function."""
        return self.evaluation.function(self.module, name)

    def resolve(self, traversal: Traversal, diagnostics: Diagnostics) -> tuple[Value, int]:
        """Return the value of a prefix of the traversal and that prefix's number of steps."""
        steps = traversal.steps
        first = steps[0].key if steps else None
        match traversal.root:
            case "var" if isinstance(first, str):
                return self.evaluation.variable(self.module, first), 1
            case "local" if isinstance(first, str):
                return self.evaluation.local(self.module, first), 1
            case "each" if self.each is not None and first in ("key", "value"):
                return self._each(str(first)), 1
            case "count" if self.each is not None and first == "index":
                return number(self.each.key), 1
            case "self" if self.this is not None:
                return self.this, 0
            case "path" if first in ("module", "root", "cwd"):
                return self._path(str(first)), 1
            case "perimeter" | "terraform" if first == "workspace":
                return string(self.evaluation.workspace), 1
            case "perimeter" | "terraform" if first == "applying":
                return Value(BOOL, self.evaluation.live).with_marks([EPHEMERAL]), 1
            case "integration" if isinstance(first, str):
                return self.evaluation.integration(self.module, first), 1
            case "module" if isinstance(first, str):
                return self._module(traversal, first)
            case "data" if len(steps) > 1:
                return self._resource(traversal, "data", str(first), str(steps[1].key), 2)
            case "ephemeral" if len(steps) > 1:
                self.evaluation.open_ephemeral(self.module, str(first), str(steps[1].key))
                return self._resource(traversal, "ephemeral", str(first), str(steps[1].key), 2)
            case "resource" if len(steps) > 1:
                return self._resource(traversal, "managed", str(first), str(steps[1].key), 2)
            case root if isinstance(first, str):
                return self._resource(traversal, "managed", root, first, 1)
        diagnostics.error(
            "Invalid reference",
            "A reference to a resource type must be followed by at least one "
            "attribute access, specifying the resource name.",
            traversal.range,
        )
        return unknown(), len(steps)

    def _each(self, name: str) -> Value:
        assert self.each is not None
        if name == "key" or self.each.value is None:
            return string(str(self.each.key))
        return self.each.value

    def _path(self, name: str) -> Value:
        if name == "cwd":
            return string(self.evaluation.cwd)
        directory = self.evaluation.config.modules[
            self.module.names if name == "module" else ()
        ].source_dir
        return string(posixpath.normpath(directory) if directory else ".")

    def _module(self, traversal: Traversal, name: str) -> tuple[Value, int]:
        calls = self.evaluation.call(self.module, name)
        steps = traversal.steps
        at = 1
        key: InstanceKey = None
        if calls is None:
            return unknown(), len(steps)
        if calls.kind == "disabled":
            return self.evaluation.module_object(self.module, name), 1
        if calls.repeated:
            if len(steps) < 2 or steps[1].key not in calls.keys:
                return self.evaluation.module_object(self.module, name), 1
            key, at = steps[1].key, 2
        child = self.module.child(name, key)
        if len(steps) > at and isinstance(steps[at].key, str):
            value = self.evaluation.output(child, str(steps[at].key))
            if value is not None:
                return value, at + 1
        return object_of(self.evaluation.module_outputs(child)), at

    def _resource(
        self, traversal: Traversal, mode: str, kind: str, name: str, at: int
    ) -> tuple[Value, int]:
        instances = self.evaluation.resource(self.module, mode, kind, name)
        if instances is None:
            return unknown(), len(traversal.steps)
        if instances.repetition.kind == "disabled":
            return instances.whole(), at
        if not instances.repetition.repeated:
            return instances.values.get(None, unknown()), at
        if len(traversal.steps) > at:
            key = traversal.steps[at].key
            if key in instances.values:
                return instances.values[key], at + 1
        return instances.whole(), at
