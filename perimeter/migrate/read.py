"""Reading foreign configuration, leniently, with python-hcl2; perimeter's own parser never sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perimeter.diagnostics import Diagnostics, Pos, Range
from perimeter.migrate.tree import Argument, Block, Body, Expr, Word

SUFFIX = ".tf"
_TRIVIA = "NL_OR_COMMENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignFile:
    """One file; ``name`` without its folder."""

    name: str
    text: str
    body: Body


def read_directory(directory: Path, diagnostics: Diagnostics) -> list[ForeignFile]:
    """Read the files of a module; those that cannot be read are reported and left out."""
    try:
        paths = sorted(path for path in directory.iterdir() if path.is_file())
    except OSError as failure:
        diagnostics.error(
            "Failed to read directory", f'"{directory}" could not be read: {failure.strerror}.'
        )
        return []
    found = []
    for path in paths:
        if path.name.endswith(".tf.json"):
            diagnostics.warning(
                "File in JSON syntax left out",
                f'"{path}" is not translated: only files in HCL syntax ({SUFFIX}) are.',
            )
        elif path.suffix == SUFFIX and _overrides(path.stem):
            diagnostics.warning(
                "Override file left out",
                f'"{path}" overrides what other files declare. Write its values into them and migrate again, or translate'
                f' it by hand as "{path.stem}.hcl".',
            )
        elif path.suffix == SUFFIX:
            file = read_file(path, diagnostics)
            if file is not None:
                found.append(file)
    return found


def _overrides(stem: str) -> bool:
    return stem == "override" or stem.endswith("_override")


def read_file(path: Path, diagnostics: Diagnostics) -> ForeignFile | None:
    """Read one file; None once it is reported why there is nothing."""
    body = parse_text(path, diagnostics)
    return None if body is None else ForeignFile(name=path.name, text=body.file, body=body)


def parse_text(path: Path, diagnostics: Diagnostics) -> Body | None:
    """Read and parse a file of any name; None once it is reported why there is nothing."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as failure:
        diagnostics.error("Failed to read file", f'"{path}" could not be read: {failure.strerror}.')
        return None
    except UnicodeDecodeError:
        diagnostics.error("Failed to read file", f'"{path}" is not UTF-8 text.')
        return None
    return parse(text.replace("\r\n", "\n"), str(path), diagnostics)


def parse(text: str, name: str, diagnostics: Diagnostics) -> Body | None:
    """Parse foreign configuration; None once it is reported what is wrong with it."""
    import hcl2
    from lark.exceptions import LarkError

    text = f"{text}\n"
    try:
        tree = hcl2.parses_to_tree(text)
    except LarkError as problem:
        diagnostics.error(
            "Invalid Terraform configuration",
            "python-hcl2, which reads Terraform's files here, finds a syntax error at this place. Check it with"
            " terraform validate.",
            _place(text, name, problem),
        )
        return None
    except RecursionError:
        diagnostics.error(
            "Invalid Terraform configuration", f'"{name}" nests expressions too deeply to be read.'
        )
        return None
    return _body(text, tree.children[0], 0, len(text))


def _place(text: str, name: str, problem: Any) -> Range | None:
    line, column = getattr(problem, "line", -1), getattr(problem, "column", -1)
    at = getattr(problem, "pos_in_stream", None)
    if not isinstance(line, int) or line < 1:
        # The end of the file, where something is missing.
        line, column, at = text.count("\n"), 1, len(text)
    byte = len(text[: at or 0].encode())
    start = Pos(line, max(int(column), 1), byte)
    return Range(name, start, Pos(line, start.column + 1, byte + 1))


def _body(text: str, tree: Any, start: int, end: int) -> Body:
    items: list[Argument | Block] = []
    for child in tree.children:
        if _rule(child) == "attribute":
            name, _, expression = child.children
            items.append(
                Argument(
                    name=_name(name),
                    expr=_expression(text, expression),
                    start=child.meta.start_pos,
                )
            )
        elif _rule(child) == "block":
            items.append(_block(text, child))
    return Body(file=text, start=start, end=end, items=tuple(items))


def _block(text: str, tree: Any) -> Block:
    words = []
    body = opening = closing = None
    for child in tree.children:
        if getattr(child, "type", "") == "LBRACE":
            opening = child
        elif getattr(child, "type", "") == "RBRACE":
            closing = child
        elif _rule(child) == "body":
            body = child
        elif _rule(child) and _rule(child) != "new_line_or_comment":
            words.append(_name(child))
    assert opening is not None
    assert closing is not None
    assert body is not None
    return Block(
        type=words[0],
        labels=tuple(words[1:]),
        body=_body(text, body, opening.end_pos, closing.start_pos),
        start=tree.meta.start_pos,
        end=closing.end_pos,
        line=tree.meta.line,
    )


def _expression(text: str, tree: Any) -> Expr:
    words = tuple(
        Word(token.type, str(token), token.start_pos, token.end_pos)
        for token in _tokens(tree)
        if token.type != _TRIVIA
    )
    # A heredoc's token holds the line break behind its end marker.
    last = words[-1].start + len(text[words[-1].start : words[-1].end].rstrip("\n"))
    return Expr(file=text, start=words[0].start, end=last, words=words)


def _tokens(tree: Any) -> Iterator[Any]:
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        if hasattr(item, "children"):
            waiting += reversed(item.children)
        else:
            yield item


def _rule(item: Any) -> str:
    return str(item.data) if hasattr(item, "children") else ""


def _name(tree: Any) -> str:
    return "".join(str(token) for token in _tokens(tree) if token.type != "DBLQUOTE")
