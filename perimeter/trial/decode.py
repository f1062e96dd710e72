"""From the text of a test file to a ``File``; what is wrong is reported as Terraform words it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from perimeter.config.literals import flag_of, items_of, pairs_of, text_of, traversal_of
from perimeter.config.model import ProviderConfig, ProviderRef
from perimeter.config.resources import provider_ref_of
from perimeter.config.shape import (
    Shape,
    check_body,
    check_labels,
    header,
    is_name,
    place,
    unexpected,
)
from perimeter.diagnostics import Diagnostics
from perimeter.hcl.nodes import Attribute, Block, Body, Variable
from perimeter.hcl.source import SourceFile
from perimeter.hcl.walk import walk
from perimeter.trial.json_files import parse_test
from perimeter.trial.model import (
    Assertion,
    Expected,
    File,
    MockProvider,
    Override,
    PlanOptions,
    Run,
)
from perimeter.trial.overrides import OVERRIDES, decode_mock, decode_override, keyword

_FILE = ("run", "variables", "provider", "mock_provider", "test", *OVERRIDES)
_RUN = Shape(
    labels=("name",),
    optional=frozenset({"command", "expect_failures", "providers", "state_key", "parallel"}),
    blocks=frozenset({"assert", "variables", "module", "plan_options", *OVERRIDES}),
)
_ASSERT = Shape(required=("condition", "error_message"))
_MODULE = Shape(required=("source",), optional=frozenset({"version"}))
_OPTIONS = Shape(optional=frozenset({"mode", "refresh", "target", "replace"}))
_TEST = Shape(optional=frozenset({"parallel"}))
_VARIABLES = Shape(open=True)
_ROOTS_THAT_FAIL = frozenset({"var", "output", "check"})
_ROOTS_THAT_DO_NOT = frozenset({"local", "module", "path", "perimeter", "terraform", "run", "self"})

MocksReader = Callable[[MockProvider, Attribute, Diagnostics], MockProvider]
"""Adds what the directory in a ``mock_provider``'s ``source`` argument holds."""


def decode_file(
    source: SourceFile, directory: str, diagnostics: Diagnostics, read_mocks: MocksReader
) -> File:
    """Decode a test file.

    Args:
        source: its text.
        directory: the folder it lies in, as shown.
        diagnostics: where problems go.
        read_mocks: reads the directory that a ``mock_provider`` names as its source into it.
    """
    body, problems = parse_test(source.text, source.filename)
    diagnostics.extend(problems)
    reader = _FileReader(diagnostics=diagnostics, read_mocks=read_mocks)
    reader.body(body)
    return File(
        name=source.filename,
        source=source,
        directory=directory,
        runs=tuple(
            replace(run, parallel=True) if reader.parallel and run.name not in reader.alone else run
            for run in reader.runs.values()
        ),
        variables=reader.variables,
        mocks=reader.mocks,
        providers=reader.providers,
        overrides=reader.overrides,
    )


@dataclass(slots=True, kw_only=True)
class _FileReader:
    diagnostics: Diagnostics
    read_mocks: MocksReader
    runs: dict[str, Run] = field(default_factory=dict)
    variables: dict[str, Attribute] = field(default_factory=dict)
    mocks: dict[str, MockProvider] = field(default_factory=dict)
    providers: dict[str, ProviderConfig] = field(default_factory=dict)
    overrides: dict[str, Override] = field(default_factory=dict)
    parallel: bool = False
    alone: set[str] = field(default_factory=set)
    seen: dict[str, Block] = field(default_factory=dict)

    def body(self, body: Body) -> None:
        """Decode every block."""
        unexpected(body, (), _FILE, self.diagnostics)
        for block in body.blocks:
            if block.type not in _FILE:
                continue
            found = Diagnostics()
            self.block(block, found)
            self.diagnostics.extend(item.at(block=header(block)) for item in found)

    def block(self, block: Block, diagnostics: Diagnostics) -> None:
        """Decode one block."""
        match block.type:
            case "run":
                self.run(block, diagnostics)
            case "variables":
                if self.once(block, diagnostics):
                    self.variables = _variables(block, diagnostics)
            case "test":
                if self.once(block, diagnostics) and check_body(block, _TEST, diagnostics):
                    parallel = block.body.attributes.get("parallel")
                    self.parallel = flag_of(parallel, False, diagnostics)
            case "provider":
                self.provider(block, diagnostics)
            case "mock_provider":
                self.mock(block, diagnostics)
            case _:
                decode_override(block, self.overrides, diagnostics)

    def once(self, block: Block, diagnostics: Diagnostics) -> bool:
        """Whether it is the file's first block of its type."""
        first = self.seen.setdefault(block.type, block)
        if first is not block:
            diagnostics.error(
                f'Multiple "{block.type}" blocks',
                f"This test file already has a {block.type} block defined at "
                f"{place(first.header_range)}.",
                block.header_range,
            )
        return first is block

    def run(self, block: Block, diagnostics: Diagnostics) -> None:
        """Decode a ``run`` block."""
        run = decode_run(block, diagnostics)
        if run is None:
            return
        first = self.runs.get(run.name)
        if first is not None:
            diagnostics.error(
                'Duplicate "run" block names',
                f"This test file already has a run named {run.name} block defined at "
                f"{place(first.block.header_range)}.",
                block.header_range,
            )
            return
        if "parallel" in block.body.attributes and not run.parallel:
            self.alone.add(run.name)
        self.runs[run.name] = run

    def provider(self, block: Block, diagnostics: Diagnostics) -> None:
        """Decode a ``provider`` block."""
        if not check_labels(block, Shape(labels=("name",)), diagnostics):
            return
        alias = text_of(block.body.attributes.get("alias"), diagnostics)
        config = ProviderConfig(node=block, name=block.labels[0], alias=alias, body=block.body)
        if self.free(config.key, block, diagnostics):
            self.providers[config.key] = config

    def mock(self, block: Block, diagnostics: Diagnostics) -> None:
        """Decode a ``mock_provider`` block."""
        mock = decode_mock(block, diagnostics)
        if mock is None or not self.free(mock.key, block, diagnostics):
            return
        source = block.body.attributes.get("source")
        if source is not None:
            mock = self.read_mocks(mock, source, diagnostics)
        self.mocks[mock.key] = mock

    def free(self, key: str, block: Block, diagnostics: Diagnostics) -> bool:
        """Whether no other block defines the provider; the second one is reported."""
        first = self.mocks.get(key) or self.providers.get(key)
        if first is None:
            return True
        at = first.block if isinstance(first, MockProvider) else first.node
        assert isinstance(at, Block)
        diagnostics.error(
            "Duplicate provider block",
            f"A provider for {key} is already defined at {place(at.header_range)}.",
            block.header_range,
        )
        return False


def decode_run(block: Block, diagnostics: Diagnostics) -> Run | None:
    """Decode a ``run`` block; None when its name cannot be had."""
    if not check_labels(block, _RUN, diagnostics):
        return None
    check_body(block, _RUN, diagnostics)
    arguments = block.body.attributes
    command = keyword(
        arguments.get("command"),
        ("apply", "plan"),
        'Invalid "command" keyword',
        'The "command" argument requires one of the following keywords without quotes: apply or plan.',
        diagnostics,
    )
    run = Run(
        block=block,
        name=block.labels[0],
        apply=command != "plan",
        expected=tuple(_expected(arguments.get("expect_failures"), diagnostics)),
        providers=_passed(arguments.get("providers"), diagnostics),
        state_key=text_of(arguments.get("state_key"), diagnostics) or "",
        parallel=flag_of(arguments.get("parallel"), False, diagnostics),
        assertions=tuple(_assertions(block.body.blocks, diagnostics)),
    )
    overrides: dict[str, Override] = {}
    single: dict[str, Block] = {}
    for nested in block.body.blocks:
        if nested.type in OVERRIDES:
            decode_override(nested, overrides, diagnostics)
        elif nested.type in ("variables", "module", "plan_options"):
            first = single.setdefault(nested.type, nested)
            if first is not nested:
                diagnostics.error(
                    f'Multiple "{nested.type}" blocks',
                    f"This run block already has a {nested.type} block defined at "
                    f"{place(first.header_range)}.",
                    nested.header_range,
                )
                continue
            run = _part(run, nested, diagnostics)
    return replace(run, overrides=overrides)


def _part(run: Run, block: Block, diagnostics: Diagnostics) -> Run:
    if block.type == "variables":
        return replace(run, variables=_variables(block, diagnostics))
    if block.type == "plan_options":
        return replace(run, options=_options(block, diagnostics))
    if not check_body(block, _MODULE, diagnostics):
        return run
    source = block.body.attributes["source"]
    return replace(run, module=text_of(source, diagnostics) or "", module_range=source.expr.range)


def _variables(block: Block, diagnostics: Diagnostics) -> dict[str, Attribute]:
    if not check_labels(block, _VARIABLES, diagnostics):
        return {}
    for nested in block.body.blocks:
        diagnostics.error(
            "Unsupported block type",
            f'Blocks of type "{nested.type}" are not expected here.',
            nested.type_range,
        )
    return dict(block.body.attributes)


def _assertions(blocks: Iterable[Block], diagnostics: Diagnostics) -> Iterable[Assertion]:
    for block in blocks:
        if block.type != "assert" or not check_body(block, _ASSERT, diagnostics):
            continue
        arguments = block.body.attributes
        condition = arguments["condition"].expr
        if not any(isinstance(node, Variable) for node in walk(condition)):
            diagnostics.error(
                "Invalid assert expression",
                "The condition expression must refer to at least one object from elsewhere in the "
                "configuration, or else its result would not be checking anything.",
                condition.range,
            )
            continue
        yield Assertion(condition=condition, error_message=arguments["error_message"].expr)


def _expected(attribute: Attribute | None, diagnostics: Diagnostics) -> Iterable[Expected]:
    if attribute is None:
        return
    for item in items_of(attribute, diagnostics):
        traversal = traversal_of(item, diagnostics)
        if traversal is None:
            continue
        names = 3 if traversal.root in ("data", "resource") else 2
        steps = traversal.steps[: names - 1]
        if len(steps) < names - 1 or traversal.root in _ROOTS_THAT_DO_NOT:
            diagnostics.error(
                "Invalid `expect_failures` reference",
                f"You cannot expect failures from {traversal}. You can only expect failures from "
                "checkable objects such as input variables, output values, check blocks, managed "
                "resources and data sources.",
                item.range,
            )
            continue
        rest = traversal.steps[names - 1 :]
        key = rest[:1] if rest and rest[0].index else ()
        if len(rest) > len(key) or (key and traversal.root in _ROOTS_THAT_FAIL):
            diagnostics.error(
                "Invalid `expect_failures` reference",
                f"{traversal} goes into the object: name the object as a whole.",
                item.range,
            )
            continue
        whole = "".join(map(str, (*steps, *key)))
        root = "" if traversal.root == "resource" else traversal.root
        yield Expected(object=f"{root}{whole}".removeprefix("."), traversal=traversal)


def _passed(attribute: Attribute | None, diagnostics: Diagnostics) -> dict[str, ProviderRef] | None:
    if attribute is None:
        return None
    found: dict[str, ProviderRef] = {}
    for key, at, value in pairs_of(attribute.expr, diagnostics):
        ref = provider_ref_of(value, diagnostics)
        if ref is None:
            continue
        if key in found or not is_name(key.replace(".", "_")):
            diagnostics.error(
                "Duplicate provider address",
                f'A provider configuration was already passed to "{key}". Each provider '
                "configuration can be assigned only once.",
                at.range,
            )
            continue
        found[key] = ref
    return found


def _options(block: Block, diagnostics: Diagnostics) -> PlanOptions:
    if not check_body(block, _OPTIONS, diagnostics):
        return PlanOptions()
    arguments = block.body.attributes
    mode = keyword(
        arguments.get("mode"),
        ("normal", "refresh-only"),
        'Invalid "mode" keyword',
        'The "mode" argument requires one of the following keywords without quotes: normal or refresh-only',
        diagnostics,
    )
    refresh = flag_of(arguments.get("refresh"), True, diagnostics)
    replaced = _addresses(arguments.get("replace"), diagnostics)
    if mode == "refresh-only":
        for name, wrong, detail in (
            ("refresh", not refresh, 'The "refresh" option cannot be set to false'),
            ("replace", bool(replaced), 'The "replace" option cannot be used'),
        ):
            if wrong:
                diagnostics.error(
                    "Incompatible plan options",
                    f'{detail} when running a test in "refresh-only" mode.',
                    arguments[name].range,
                )
    return PlanOptions(
        refresh_only=mode == "refresh-only",
        refresh=refresh,
        targets=_addresses(arguments.get("target"), diagnostics),
        replace=replaced,
    )


def _addresses(attribute: Attribute | None, diagnostics: Diagnostics) -> tuple[str, ...]:
    if attribute is None:
        return ()
    from perimeter.addresses import AddressError, parse_target

    found = []
    for item in items_of(attribute, diagnostics):
        traversal = traversal_of(item, diagnostics)
        if traversal is None:
            continue
        try:
            parse_target(str(traversal))
        except AddressError as problem:
            diagnostics.error("Invalid address", str(problem), item.range)
            continue
        found.append(str(traversal))
    return tuple(found)
