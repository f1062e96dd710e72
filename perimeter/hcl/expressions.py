from __future__ import annotations

import re
from typing import NoReturn

from perimeter.diagnostics import did_you_mean
from perimeter.hcl import templates
from perimeter.hcl.cursor import MAX_HEIGHT, MAX_NESTING, Cursor
from perimeter.hcl.nodes import (
    Binary,
    Call,
    Conditional,
    Expr,
    ForExpr,
    GetAttr,
    Index,
    Interpolation,
    Literal,
    NumberText,
    ObjectExpr,
    Paren,
    Splat,
    SplatItem,
    Template,
    TupleExpr,
    Unary,
    Variable,
)
from perimeter.hcl.templates import Directive, Part, Text
from perimeter.hcl.tokens import (
    CLOSE_HEREDOC,
    CLOSE_QUOTE,
    CLOSE_SEQUENCE,
    END,
    IDENT,
    LITERAL,
    NEWLINE,
    NUMBER,
    OPEN_DIRECTIVE,
    OPEN_HEREDOC,
    OPEN_INTERPOLATION,
    OPEN_QUOTE,
    QUOTED,
    STRING,
)
from perimeter.hcl.walk import height

_PRECEDENCE = {
    "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, ">": 4, "<=": 4, ">=": 4,
    "+": 5, "-": 5, "*": 6, "/": 6, "%": 6,
}  # fmt: skip
_KEYWORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")
_MAX_INT_DIGITS = 4000  # above 4,300 Python refuses the conversion by default
_SIMPLE = frozenset({STRING, NUMBER, IDENT})
_INLINE = re.compile(r"/\*.*?\*/", re.DOTALL)


class Expressions(Cursor):
    """The grammar of expressions and templates, by recursive descent."""

    __slots__ = ()

    def checked_expr(self) -> Expr:
        """Parse an expression of which nothing is around."""
        first = self.i
        if self.kinds[first] in _SIMPLE and self.kinds[first + 1] == NEWLINE:
            return self.term()
        expr = self.expr()
        if self.i - first >= MAX_HEIGHT:
            self.check_height(expr)
        return expr

    def check_height(self, expr: Expr) -> None:
        """Refuse a tree that is too high."""
        if height(expr) > MAX_HEIGHT:
            raise self.too_deep(expr.start, expr.end)

    def expr(self) -> Expr:
        """Parse an expression."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise self.too_deep(self.starts[self.i], self.ends[self.i])
        left = self.term()
        kind = self.kinds[self.i]
        if kind in _PRECEDENCE:
            left = self.binary(left)
            kind = self.kinds[self.i]
        if kind == "?":
            left = self.conditional(left)
        self.depth -= 1
        return left

    def binary(self, left: Expr) -> Expr:
        """Parse operators and operands after the first one, by precedence, without recursion."""
        operands, operators = [left], [""]
        while True:
            operator = self.kinds[self.i]
            precedence = _PRECEDENCE.get(operator, 0)
            while len(operators) > 1 and _PRECEDENCE[operators[-1]] >= precedence:
                right = operands.pop()
                left = operands.pop()
                operands.append(
                    Binary(self.src, left.start, right.end, operators.pop(), left, right)
                )
            if not precedence:
                return operands[0]
            operators.append(operator)
            self.i += 1
            operands.append(self.term())

    def conditional(self, condition: Expr) -> Expr:
        """Parse ``? then : otherwise``."""
        self.i += 1
        then = self.expr()
        if self.kinds[self.i] != ":":
            self.fail(
                "Missing false expression in conditional",
                'A conditional has two results: "condition ? when_true : when_false".',
                condition.start,
            )
        self.i += 1
        otherwise = self.expr()
        return Conditional(self.src, condition.start, otherwise.end, condition, then, otherwise)

    def term(self) -> Expr:
        """Parse an operand with its unary operators, attributes and indexes."""
        i = self.i
        kind = self.kinds[i]
        start, end = self.starts[i], self.ends[i]
        self.i = i + 1
        node: Expr
        if kind == IDENT:
            name = self.text[start:end]
            following = self.kinds[i + 1]
            if following == "(" or following == "::":
                node = self.call(name, start, end)
            elif name in _KEYWORDS:
                node = Literal(self.src, start, end, _KEYWORDS[name])
            else:
                node = Variable(self.src, start, end, name)
        elif kind == STRING:
            node = Literal(self.src, start, end, self.string(start, end))
        elif kind == NUMBER:
            node = self.number(start, end)
        else:
            node = self.rare_term(kind, i)
        following = self.kinds[self.i]
        if (following == "." or following == "[") and not isinstance(node, Unary):
            return self.postfix(node)
        return node

    def rare_term(self, kind: str, i: int) -> Expr:
        """Parse an operand that starts with neither a name nor a plain literal."""
        start = self.starts[i]
        if kind == "[":
            return self.tuple_expr(start)
        if kind == "{":
            return self.object_expr(start)
        if kind == OPEN_QUOTE:
            parts = self.parts(CLOSE_QUOTE, flush=False, opener=start)
            end = self.ends[self.i - 1]
            if len(parts) == 1 and isinstance(parts[0], Literal):
                return Literal(self.src, start, end, parts[0].value)
            return Template(self.src, start, end, parts)
        if kind == OPEN_HEREDOC:
            flush = self.text.startswith("<<-", start)
            parts = self.parts(CLOSE_HEREDOC, flush=flush, opener=start)
            return Template(self.src, start, self.ends[self.i - 1], parts, heredoc=True)
        if kind == "(":
            inner = self.expr()
            if self.kinds[self.i] != ")":
                detail = "A closing parenthesis is missing before this."
                self.fail("Unbalanced parentheses", detail, start)
            self.i += 1
            return Paren(self.src, start, self.ends[self.i - 1], inner)
        if kind in ("-", "!"):
            return self.unary(i)
        self.i = i
        if kind == END:
            self.fail("Missing expression", "The text ends where a value is needed.")
        return self.fail("Invalid expression", "A value or a reference must start here.")

    def unary(self, first: int) -> Expr:
        """Parse the operand of a row of unary operators."""
        while self.kinds[self.i] in ("-", "!"):
            self.i += 1
        last = self.i - 1
        node = self.term()
        for i in range(last, first - 1, -1):
            node = Unary(self.src, self.starts[i], node.end, self.kinds[i], node)
        return node

    def number(self, start: int, end: int) -> Literal:
        """Return a number token's literal."""
        text = self.text[start:end]
        if len(text) < _MAX_INT_DIGITS and text.isdecimal():
            return Literal(self.src, start, end, int(text))
        if _NUMBER.fullmatch(text) is None:
            self.report(
                start,
                end,
                "Invalid number literal",
                f'"{text}" is not a number, as in 12 or 1.5e3.',
            )
        return Literal(self.src, start, end, NumberText(text))

    def string(self, start: int, end: int) -> str:
        """Return the value of a plain quoted string."""
        raw = self.text[start + 1 : end - 1]
        if "\\" in raw or "{" in raw or not raw.isascii():
            decoded = templates.decode(raw, start + 1, quoted=True, report=self.problems.append)
            return templates.normalise(decoded)
        return raw

    def call(self, name: str, start: int, name_end: int) -> Expr:
        """Parse a call from the token after the function's first name on."""
        while self.kinds[self.i] == "::":
            self.i += 1
            if self.kinds[self.i] != IDENT:
                self.fail("Missing function name", 'After "::" comes a function\'s name.', start)
            name_end = self.ends[self.i]
            name += "::" + self.text[self.starts[self.i] : name_end]
            self.i += 1
        if self.kinds[self.i] != "(":
            detail = "After a function's name come its arguments in parentheses."
            self.fail("Missing open parenthesis", detail, start)
        opener = self.i
        self.i += 1
        args: list[Expr] = []
        expand = False
        while self.kinds[self.i] != ")":
            args.append(self.expr())
            kind = self.kinds[self.i]
            if kind == ",":
                self.i += 1
            elif kind == "...":
                self.i += 1
                expand = True
                if self.kinds[self.i] != ")":
                    detail = 'Only the last argument can be expanded: ")" comes right after "...".'
                    self.fail("Missing closing parenthesis", detail, start, self.i - 1)
            elif kind == END:
                detail = "There is no closing parenthesis before the end of the file."
                self.fail("Unterminated function call", detail, start, opener)
            elif kind != ")":
                detail = "A comma separates one argument from the next."
                self.fail("Missing argument separator", detail, start)
        self.i += 1
        return Call(self.src, start, self.ends[self.i - 1], name, name_end, args, expand)

    def tuple_expr(self, start: int) -> Expr:
        """Parse ``[…]`` from after its bracket."""
        if self.at_word("for"):
            return self.for_expr(start, "]")
        opener = self.i - 1
        items: list[Expr] = []
        while self.kinds[self.i] != "]":
            items.append(self.expr())
            kind = self.kinds[self.i]
            if kind == ",":
                self.i += 1
            elif kind == END:
                detail = "There is no closing bracket before the end of the file."
                self.fail("Unterminated tuple constructor expression", detail, at=opener)
            elif kind != "]":
                self.fail("Missing item separator", "A comma separates the items.", start)
        self.i += 1
        return TupleExpr(self.src, start, self.ends[self.i - 1], items)

    def object_expr(self, start: int) -> Expr:
        """Parse ``{…}`` from after its brace."""
        if self.at_word("for"):
            return self.for_expr(start, "}")
        opener = self.i - 1
        items: list[tuple[Expr, Expr]] = []
        bare: list[int] = []
        kinds = self.kinds
        while True:
            kind = kinds[self.i]
            if kind == NEWLINE:
                self.i += 1
                continue
            if kind == "}":
                break
            key = self.key(len(items), bare)
            kind = kinds[self.i]
            if kind != "=" and kind != ":":
                self.bad_item(kind, start, opener)
            self.i += 1
            items.append((key, self.expr()))
            kind = kinds[self.i]
            if kind == "," or kind == NEWLINE:
                self.i += 1
            elif kind == END:
                self.unterminated_object(opener)
            elif kind != "}":
                detail = "A comma or a line break separates the attributes."
                self.fail("Missing attribute separator", detail, start)
        self.i += 1
        return ObjectExpr(self.src, start, self.ends[self.i - 1], items, frozenset(bare))

    def key(self, index: int, bare: list[int]) -> Expr:
        """Parse an object's key; a lone name is text."""
        i = self.i
        if self.kinds[i] == IDENT and self.kinds[i + 1] in ("=", ":"):
            self.i = i + 1
            bare.append(index)
            start, end = self.starts[i], self.ends[i]
            return Literal(self.src, start, end, templates.normalise(self.text[start:end]))
        return self.expr()

    def bad_item(self, kind: str, start: int, opener: int) -> NoReturn:
        """Refuse what stands between an object's key and value."""
        if kind == END:
            self.unterminated_object(opener)
        if kind in (NEWLINE, ","):
            detail = "Each attribute has a value: a key, an equals sign and an expression."
            self.fail("Missing attribute value", detail, start)
        detail = "An equals sign stands between a key and its value."
        if kind == IDENT:
            detail += " A key with spaces or dots in it is written in quotes."
        self.fail("Missing key/value separator", detail, start)

    def unterminated_object(self, opener: int) -> NoReturn:
        """Refuse an object without an end."""
        detail = "There is no closing brace before the end of the file."
        self.fail("Unterminated object constructor expression", detail, at=opener)

    def for_expr(self, start: int, close: str) -> Expr:
        """Parse a for expression from its keyword on."""
        summary = "Invalid 'for' expression"
        self.i += 1
        key_var, value_var, collection = self.loop_head(summary, start)
        if self.kinds[self.i] != ":":
            self.fail(summary, "A colon comes after the collection.", start)
        self.i += 1
        key: Expr | None = None
        value = self.expr()
        if self.kinds[self.i] == "=>":
            self.i += 1
            key, value = value, self.expr()
        ellipsis = self.i
        group = self.kinds[self.i] == "..."
        if group:
            self.i += 1
        condition: Expr | None = None
        if self.at_word("if"):
            self.i += 1
            condition = self.expr()
        if self.kinds[self.i] != close:
            self.fail(summary, f'The expression is complete; "{close}" must follow.', start)
        self.i += 1
        if close == "}" and key is None:
            detail = 'In braces each item needs a key: "key => value".'
            self.report(value.start, value.end, summary, detail)
        if close == "]" and key is not None:
            detail = "In brackets items have no key. Use braces to make an object."
            self.report(key.start, key.end, summary, detail)
        if close == "]" and group:
            detail = 'Only objects group their values with "...".'
            self.report(self.starts[ellipsis], self.ends[ellipsis], summary, detail)
        return ForExpr(
            self.src, start, self.ends[self.i - 1], key_var, value_var, collection, key, value,
            group, condition, close == "}",
        )  # fmt: skip

    def loop_head(self, summary: str, start: int) -> tuple[str | None, str, Expr]:
        """Parse ``v in collection`` or ``k, v in collection``."""
        key: str | None = None
        value = self.loop_name(summary, "a variable's name", start)
        if self.kinds[self.i] == ",":
            self.i += 1
            key, value = value, self.loop_name(summary, "the value variable's name", start)
        if not self.at_word("in"):
            self.fail(summary, 'After the variables comes "in" and the collection.', start)
        self.i += 1
        return key, value, self.expr()

    def loop_name(self, summary: str, what: str, start: int) -> str:
        """Parse a loop variable's name."""
        i = self.i
        if self.kinds[i] != IDENT:
            self.fail(summary, f"Here must stand {what}.", start)
        self.i = i + 1
        return self.text[self.starts[i] : self.ends[i]]

    # -- traversals

    def postfix(self, node: Expr) -> Expr:
        """Parse attributes, indexes and splats after an operand."""
        while True:
            kind = self.kinds[self.i]
            if kind == ".":
                i = self.i + 1
                following = self.kinds[i]
                if following == IDENT:
                    end = self.ends[i]
                    name = self.text[self.starts[i] : end]
                    node = GetAttr(self.src, node.start, end, node, name)
                    self.i = i + 1
                elif following == NUMBER:
                    node = self.legacy_index(node, i)
                elif following == "*":
                    node = self.attribute_splat(node, i)
                else:
                    self.i = i
                    self.fail("Invalid attribute name", "A name comes after a dot.", node.start)
            elif kind == "[":
                self.i += 1
                if self.kinds[self.i] == "*" and not self.breaks(self.i - 1, self.i - 1):
                    return self.full_splat(node)
                key = self.expr()
                if self.kinds[self.i] != "]":
                    detail = "A closing bracket ends the index."
                    self.fail("Missing close bracket on index", detail, node.start)
                self.i += 1
                node = Index(self.src, node.start, self.ends[self.i - 1], node, key)
            else:
                return node

    def breaks(self, i: int, bracket: int) -> bool:
        """Whether a line ends after a token in a place where that means something, but for the index that opens at ``bracket``.

        Around the star of a splat line breaks count as they do around the whole expression.
        """
        gap = self.text[self.ends[i] : self.starts[i + 1]]
        if "\n" not in gap or "\n" not in _INLINE.sub("", gap):
            return False
        depth = 0
        for at in range(bracket - 1, -1, -1):
            kind = self.kinds[at]
            if kind in (")", "]", "}", CLOSE_SEQUENCE):
                depth += 1
            elif kind in ("(", "[", "{", OPEN_INTERPOLATION, OPEN_DIRECTIVE):
                depth -= 1
                if depth < 0:
                    return (
                        kind == "{" and self.text[self.starts[at + 1] : self.ends[at + 1]] != "for"
                    )
        return True

    def legacy_index(self, node: Expr, i: int) -> Expr:
        """Parse ``.0``; a second one right after it is lexed as one number, and refused."""
        start, end = self.starts[i], self.ends[i]
        text = self.text[start:end]
        self.i = i + 1
        if "." in text:
            proper = "".join(f"[{digits}]" for digits in text.split("."))
            self.report(
                start,
                end,
                "Invalid legacy index syntax",
                f'Two indexes cannot follow each other in this form. Write "{proper}" instead.',
            )
            if len(text) > MAX_HEIGHT:
                raise self.too_deep(start, end)
        for digits in re.finditer(r"[^.]+", text):
            at, to = start + digits.start(), start + digits.end()
            node = Index(self.src, node.start, to, node, self.number(at, to), legacy=True)
        return node

    def attribute_splat(self, source: Expr, star: int) -> Expr:
        """Parse ``.*`` and the names and legacy indexes that belong to it."""
        item = SplatItem(self.src, self.starts[star - 1], self.ends[star])
        each: Expr = item
        self.i = star + 1
        while self.kinds[self.i] == ".":
            i = self.i + 1
            following = self.kinds[i]
            if following == IDENT:
                end = self.ends[i]
                each = GetAttr(self.src, each.start, end, each, self.text[self.starts[i] : end])
                self.i = i + 1
            elif following == NUMBER:
                each = self.legacy_index(each, i)
            elif following == "*":
                detail = 'Within ".*" there cannot be another one. Use "[*]" for both.'
                self.fail("Nested splat expression not allowed", detail, source.start, i)
            else:
                self.fail("Invalid attribute name", "A name comes after a dot.", source.start, i)
        return Splat(self.src, source.start, each.end, source, each, item, full=False)

    def full_splat(self, source: Expr) -> Expr:
        """Parse ``[*]`` from its star on, with all the steps after it."""
        bracket = self.i - 1
        self.i += 1
        if self.kinds[self.i] != "]" or self.breaks(self.i - 1, bracket):
            detail = 'A closing bracket comes right after the star, as in "[*]".'
            self.fail("Missing close bracket on splat index", detail, source.start)
        self.deeper()
        item = SplatItem(self.src, self.starts[bracket], self.ends[self.i])
        self.i += 1
        each = self.postfix(item)
        self.depth -= 1
        return Splat(self.src, source.start, each.end, source, each, item, full=True)

    # -- templates

    def parts(self, close: str, *, flush: bool, opener: int) -> list[Expr]:
        """Parse a template's inside and its closing token."""
        flat: list[Part] = []
        strip = False
        while (kind := self.kinds[self.i]) != close:
            i = self.i
            start, end = self.starts[i], self.ends[i]
            self.i = i + 1
            if kind in (QUOTED, LITERAL):
                value = templates.decode(
                    self.text[start:end],
                    start,
                    quoted=kind == QUOTED,
                    report=self.problems.append,
                )
                flat.append(Text(start, end, templates.strip_left(value) if strip else value))
                strip = False
                continue
            if kind not in (OPEN_INTERPOLATION, OPEN_DIRECTIVE):
                detail = "There is no end to this string."
                self.fail("Unterminated template string", detail, opener, i)
            if self.text[end - 1] == "~" and flat and isinstance(flat[-1], Text):
                flat[-1].value = templates.strip_right(flat[-1].value)
            flat.append(self.interpolation(i) if kind == OPEN_INTERPOLATION else self.directive(i))
            strip = self.text[self.starts[self.i - 1]] == "~"
        self.i += 1
        return templates.assemble(self.src, flat, flush=flush, report=self.problems.append)

    def interpolation(self, opener: int) -> Interpolation:
        """Parse ``${…}`` from after its opener."""
        start = self.starts[opener]
        inner = self.expr()
        kind = self.kinds[self.i]
        if kind == END:
            self.fail(
                "Unclosed template interpolation sequence",
                "There is no closing brace for this sequence before the end of the file.",
                at=opener,
            )
        if kind != CLOSE_SEQUENCE:
            self.fail(
                "Extra characters after interpolation expression",
                "The expression is complete; a closing brace must follow. To write these characters"
                ' as they are, for another language, double the first one, as in "$${".',
                start,
            )
        self.i += 1
        return Interpolation(self.src, start, self.ends[self.i - 1], inner)

    def directive(self, opener: int) -> Directive:
        """Parse ``%{…}`` from after its opener."""
        start = self.starts[opener]
        i = self.i
        if self.kinds[i] != IDENT:
            detail = 'A directive starts with "if", "else", "endif", "for" or "endfor".'
            self.fail("Invalid template directive", detail, start)
        keyword = self.text[self.starts[i] : self.ends[i]]
        result = Directive(start, start, keyword)
        self.i = i + 1
        if keyword == "if":
            result.operand = self.expr()
        elif keyword == "for":
            head = self.loop_head("Invalid 'for' directive", start)
            result.key_var, result.value_var, result.operand = head
        elif keyword not in templates.KEYWORDS:
            hint = did_you_mean(keyword, templates.KEYWORDS)
            detail = f'"{keyword}" is no directive.{hint}'
            self.fail("Invalid template control keyword", detail, start, i)
        if self.kinds[self.i] != CLOSE_SEQUENCE:
            detail = "The directive is complete; a closing brace must follow."
            self.fail(f"Extra characters in {keyword} marker", detail, start)
        self.i += 1
        result.end = self.ends[self.i - 1]
        return result
