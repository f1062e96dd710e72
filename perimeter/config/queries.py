"""Query files, ``*.query.hcl``: ``list`` blocks that say which objects of the tenants to look for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from perimeter.config.draft import declare
from perimeter.config.files import DISK, Reader, is_ignored, read_text
from perimeter.config.json_files import GENERATED
from perimeter.config.model import Config, Declared, ProviderRef
from perimeter.config.references import Place, find
from perimeter.config.resources import provider_ref, repetition
from perimeter.config.shape import Shape, check_body, check_labels, header, place
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.hcl import parse_file
from perimeter.hcl.json_syntax import JsonShape, parse_json_file
from perimeter.hcl.nodes import Block, Body, Expr
from perimeter.hcl.source import SourceFile
from perimeter.lang.references import references

SUFFIX = ".query.hcl"
LIMIT = 100
"""How many objects a list shows at most where it does not say, as in Terraform."""

_JSON = JsonShape(
    blocks={
        "list": JsonShape(
            labels=("type", "name"),
            blocks={"config": JsonShape(blocks=GENERATED)},
            native=frozenset({"provider"}),
        )
    }
)

_LIST = Shape(
    labels=("type", "name"),
    optional=frozenset({"provider", "count", "for_each", "limit", "include_resource"}),
    blocks=frozenset({"config"}),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ListBlock(Declared):
    """A ``list`` block; expressions stay unevaluated.

    Attributes:
        settings: the body of its ``config`` block: ``within`` and attributes that objects must equal.
        limit: how many objects to show at most; ``LIMIT`` without it.
        include_resource: whether the objects' attributes are read, too.
    """

    type: str
    name: str
    provider_ref: ProviderRef | None = None
    count: Expr | None = None
    for_each: Expr | None = None
    limit: Expr | None = None
    include_resource: Expr | None = None
    settings: Body | None = None

    @property
    def address(self) -> str:
        """How people name it: ``list.github_deploy_key.all``."""
        return f"list.{self.type}.{self.name}"

    @property
    def provider(self) -> ProviderRef:
        """The provider configuration it uses: as written, else the default one of its type's prefix."""
        return self.provider_ref or ProviderRef(name=self.type.partition("_")[0])


@dataclass(slots=True, kw_only=True)
class Queries:
    """The query files of a directory.

    Attributes:
        lists: by (type, name), in the order of files and blocks.
        files: how many query files there are.
        sources: all files read, by shown name.
    """

    lists: dict[tuple[str, str], ListBlock] = field(default_factory=dict)
    files: int = 0
    sources: dict[str, SourceFile] = field(default_factory=dict)
    diagnostics: Diagnostics = field(default_factory=Diagnostics)


def load_queries(directory: Path, config: Config, *, reader: Reader = DISK) -> Queries:
    """Read the query files beside a configuration, whose root module's names they may use."""
    found = Queries()
    try:
        names = reader.names(directory)
    except OSError:
        return found
    for name in sorted(names):
        if not name.endswith((SUFFIX, f"{SUFFIX}.json")) or is_ignored(name):
            continue
        found.files += 1
        source = read_text(directory / name, reader, found.diagnostics)
        if source is None:
            continue
        found.sources[source.filename] = source
        if name.endswith(".json"):
            body, problems = parse_json_file(source.text, source.filename, _JSON)
        else:
            body, problems = parse_file(source.text, source.filename)
        found.diagnostics.extend(problems)
        _decode(body, found)
    for block in found.lists.values():
        _check_references(block, config, found.diagnostics)
    return found


def _decode(body: Body, found: Queries) -> None:
    for name, attribute in body.attributes.items():
        found.diagnostics.error(
            "Unsupported argument",
            f'An argument named "{name}" is not expected here.',
            attribute.name_range,
        )
    for block in body.blocks:
        if block.type != "list":
            found.diagnostics.error(
                "Unsupported block type",
                f'Blocks of type "{block.type}" are not expected here: a query file holds list '
                "blocks, and uses what the configuration beside it declares."
                f"{did_you_mean(block.type, ['list'])}",
                block.type_range,
            )
            continue
        problems = Diagnostics()
        _decode_list(block, found, problems)
        found.diagnostics.extend(item.at(block=header(block)) for item in problems)


def _decode_list(block: Block, found: Queries, diagnostics: Diagnostics) -> None:
    if not check_labels(block, _LIST, diagnostics):
        return
    check_body(block, _LIST, diagnostics)
    arguments = block.body.attributes
    settings = [nested for nested in block.body.blocks if nested.type == "config"]
    for extra in settings[1:]:
        diagnostics.error(
            "Duplicate config block",
            f"This list already has a config block at {place(settings[0].header_range)}.",
            extra.header_range,
        )
    for nested in settings:
        check_labels(nested, Shape(open=True), diagnostics)
    count, for_each = repetition(block, "lists", diagnostics)
    limit, include = arguments.get("limit"), arguments.get("include_resource")
    made = ListBlock(
        node=block,
        type=block.labels[0],
        name=block.labels[1],
        provider_ref=provider_ref(arguments.get("provider"), diagnostics),
        count=count,
        for_each=for_each,
        limit=limit.expr if limit else None,
        include_resource=include.expr if include else None,
        settings=settings[0].body if settings else None,
    )
    declare(
        found.lists,
        (made.type, made.name),
        made,
        diagnostics,
        summary=f'Duplicate list "{made.type}" configuration',
        detail=f'A {made.type} list named "{made.name}" was already declared at {{}}. List names '
        "must be unique per type.",
    )


def _check_references(block: ListBlock, config: Config, diagnostics: Diagnostics) -> None:
    problems = Diagnostics()
    inside = Place(each=block.for_each is not None, count=block.count is not None)
    outside = Place()
    for part, where in (
        (block.count, outside),
        (block.for_each, outside),
        (block.limit, inside),
        (block.include_resource, inside),
        (block.settings, inside),
    ):
        if part is None:
            continue
        for traversal in references(part):
            find(config, config.root, traversal, where, problems)
    diagnostics.extend(item.at(block=f'list "{block.type}" "{block.name}"') for item in problems)
