"""The form of an expression that decides what is not known yet: the same for every way to write it down; pure.

White space, comments, parentheses, the names of locals, variables and modules, and how many of them lie between say
nothing about an effect. What is known stands as its value's digest. An object stands by its vendor's unique key where its
type has one, and by its address otherwise, so that its id may be decided meanwhile.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable
from functools import cache
from typing import Any

from perimeter.addresses import Address, InstanceKey, ModulePath
from perimeter.diagnostics import Diagnostics
from perimeter.engine.diff import canonical, is_wholly_known, sort_text
from perimeter.engine.evaluation import Evaluation
from perimeter.engine.scope import Each
from perimeter.hcl.nodes import (
    Block,
    Body,
    Expr,
    ForExpr,
    GetAttr,
    Index,
    Node,
    Paren,
    TemplateFor,
    Variable,
)
from perimeter.lang.plain import to_plain
from perimeter.lang.references import static_chain, traversal_of
from perimeter.lang.scope import Traversal
from perimeter.lang.values import EPHEMERAL, Value
from perimeter.sdk.contract import Attributes, Recognition
from perimeter.sdk.provider import ResourceType

_PLACES = frozenset({"src", "start", "end", "name_end", "bare_keys", "heredoc", "legacy"})
"""Where a construct stands, and how it is written: no part of what it means."""
_NONE: frozenset[str] = frozenset()


def unique_name(kind: ResourceType, attributes: Attributes) -> str:
    """What tells an object of a type apart for its vendor before it has an id; empty where nothing does, or not yet."""
    identity = kind.identity
    if identity.recognition is not Recognition.UNIQUE_KEY or not identity.natural_key:
        return ""
    found: list[Any] = []
    for name in identity.natural_key:
        value = attributes.get(name)
        attribute = kind.schema.attributes.get(name)
        if value is None or attribute is None or not is_wholly_known(value):
            return ""
        found.append(canonical(attribute, value))
    return sort_text([kind.name, found])


class Wording:
    """Words the expressions of one configuration, by the values that are known so far."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._kind = cache(self._find_kind)

    def digest(
        self,
        parts: Iterable[Expr | Block],
        module: ModulePath,
        each: Each | None,
        repeated_by: Expr | None = None,
    ) -> str:
        """SHA-256 (hex) of the forms of expressions or blocks inside a module instance.

        ``repeated_by``: the ``for_each`` or ``count`` of the block that they stand in.
        """
        inside = _Inside(self._evaluation, self._kind, module, each, repeated_by)
        forms = [inside.form(part, _NONE) for part in parts]
        return hashlib.sha256(sort_text(forms).encode()).hexdigest()

    def _find_kind(self, type_name: str) -> ResourceType | None:
        for provider in self._evaluation.providers.values():
            kind = provider.resources.get(type_name)
            if kind is not None:
                return kind
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class _Inside:
    """Words expressions inside one module instance."""

    evaluation: Evaluation
    kind: Any
    module: ModulePath
    each: Each | None
    repeated_by: Expr | None

    def form(self, node: Any, bound: frozenset[str]) -> Any:
        if isinstance(node, Paren):
            return self.form(node.inner, bound)
        if isinstance(node, Variable | GetAttr | Index):
            chain = static_chain(node)
            if chain is not None and chain[0].name not in bound:
                return self._reference(traversal_of(*chain, node), node)
        if isinstance(node, ForExpr | TemplateFor):
            inner = bound | {node.value_var} | ({node.key_var} if node.key_var else set())
            return self._fields(node, inner, {"collection": bound})
        if isinstance(node, Block):
            if node.type == "dynamic" and node.labels:
                return self._fields(node, bound | {_iterator(node)}, {})
            return ["Block", node.type, node.labels, self.form(node.body, bound)]
        if isinstance(node, Body):
            attributes = {n: self.form(a.expr, bound) for n, a in node.attributes.items()}
            return ["Body", attributes, [self.form(item, bound) for item in node.blocks]]
        if isinstance(node, Node):
            return self._fields(node, bound, {})
        if isinstance(node, list | tuple):
            return [self.form(item, bound) for item in node]
        return node

    def _fields(
        self, node: Node, bound: frozenset[str], other: dict[str, frozenset[str]]
    ) -> list[Any]:
        names = [f.name for f in dataclasses.fields(node) if f.name not in _PLACES]
        if isinstance(node, Block):
            names = ["type", "labels", "body"]
        return [
            type(node).__name__,
            *(self.form(getattr(node, name), other.get(name, bound)) for name in names),
        ]

    def _reference(self, found: Traversal, expr: Expr) -> Any:
        object_ = self._object(found)
        if object_ is not None and object_[1]:
            return ["object", *object_[0]]
        problems = Diagnostics()
        value = self.evaluation.value(expr, self.module, problems, self.each)
        if value.is_wholly_known and not problems.has_errors:
            if EPHEMERAL in value.deep_marks():
                return ["ephemeral", found.root, *_keys(found, 0)]
            return ["value", hashlib.sha256(sort_text(to_plain(value)).encode()).hexdigest()]
        if object_ is not None:
            return ["object", *object_[0]]
        return self._undecided(found)

    def _undecided(self, found: Traversal) -> Any:
        keys = _keys(found, 0)
        name = str(keys[0]) if keys else ""
        declared = self.evaluation.config.modules[self.module.names]
        match found.root:
            case "local" if name in declared.locals:
                return _then(self.form(declared.locals[name].expr, _NONE), keys[1:])
            case "var" if not self.module.is_root:
                return self._argument(name, keys[1:])
            case "each" | "count":
                by = self.repeated_by
                repeated = self.form(by, _NONE) if by is not None else None
                key = self.each.key if self.each is not None else None
                return ["each", name, key, repeated, keys[1:]]
            case "module":
                return self._output(keys)
            case "data" if len(keys) > 1:
                block = declared.resources.get(("data", name, str(keys[1])))
                body = self.form(block.body, _NONE) if block is not None else None
                return ["data", name, body, keys[2:]]
            case _:
                return ["name", found.root, keys]

    def _argument(self, name: str, rest: list[str | int]) -> Any:
        caller = ModulePath(self.module.steps[:-1])
        call_name, key = self.module.steps[-1]
        call = self.evaluation.config.modules[caller.names].calls[call_name]
        given = call.inputs.get(name)
        if given is None:
            return ["default", name, rest]
        each = self.evaluation.each_of(caller, call, key)
        outside = dataclasses.replace(
            self, module=caller, each=each, repeated_by=call.for_each or call.count
        )
        return _then(outside.form(given.expr, _NONE), rest)

    def _output(self, keys: list[str | int]) -> Any:
        name, rest = str(keys[0]), keys[1:]
        calls = self.evaluation.call(self.module, name)
        key: InstanceKey = None
        if calls is not None and calls.repeated and rest and rest[0] in calls.keys:
            key, rest = rest[0], rest[1:]
        declared = self.evaluation.config.modules.get((*self.module.names, name))
        output = declared.outputs.get(str(rest[0])) if declared is not None and rest else None
        if output is None:
            return ["module", name, key, rest]
        inside = dataclasses.replace(
            self, module=self.module.child(name, key), each=None, repeated_by=None
        )
        return _then(inside.form(output.value, _NONE), rest[1:])

    def _object(self, found: Traversal) -> tuple[list[Any], bool] | None:
        """An object that is referred to, and whether what is meant of it is decided by its vendor."""
        keys = _keys(found, 0)
        root = found.root
        if root == "resource" and len(keys) > 1:
            root, keys = str(keys[0]), keys[1:]
        if not keys:
            return None
        instances = self.evaluation.resource(self.module, "managed", root, str(keys[0]))
        if instances is None:
            return None
        name, rest = str(keys[0]), keys[1:]
        key: InstanceKey = None
        if instances.repetition.repeated:
            if not rest or rest[0] not in instances.values:
                return ([root, str(Address(self.module, root, name)), rest], False)
            key, rest = rest[0], rest[1:]
        kind: ResourceType | None = self.kind(root)
        value = instances.values.get(key)
        subject = str(Address(self.module, root, name, key))
        if kind is not None and value is not None:
            subject = unique_name(kind, _plain(value)) or subject
        attribute = kind.schema.attributes.get(str(rest[0])) if kind is not None and rest else None
        decided = attribute is not None and not attribute.configurable
        return ([root, subject, rest], decided)


def _then(form: Any, rest: list[str | int]) -> Any:
    """Steps into what a form means: those into an object are one with those that lead to it."""
    if not rest:
        return form
    if isinstance(form, list) and form[:1] == ["object"]:
        return [*form[:-1], [*form[-1], *rest]]
    return ["then", form, rest]


def _plain(value: Value) -> Attributes:
    found = to_plain(value)
    return found if isinstance(found, dict) else {}


def _keys(found: Traversal, start: int) -> list[str | int]:
    return [step.key for step in found.steps[start:]]


def _iterator(block: Block) -> str:
    given = block.body.attributes.get("iterator")
    if given is not None and isinstance(given.expr, Variable):
        return given.expr.name
    return block.labels[0]
