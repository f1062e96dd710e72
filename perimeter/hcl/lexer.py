from __future__ import annotations

import re
from dataclasses import dataclass

import regex

from perimeter.hcl.problems import MAX_PROBLEMS, Problem
from perimeter.hcl.tokens import (
    CLOSE_HEREDOC,
    CLOSE_QUOTE,
    CLOSE_SEQUENCE,
    END,
    IDENT,
    INVALID,
    LITERAL,
    NEWLINE,
    NUMBER,
    OPEN_DIRECTIVE,
    OPEN_HEREDOC,
    OPEN_INTERPOLATION,
    OPEN_QUOTE,
    QUOTED,
    STRING,
    Tokens,
)

_MASTER = re.compile(
    r"""[ \t]*+(?:
     ([A-Za-z_][A-Za-z0-9_-]*+(?![^\x00-\x7f]))                            # 1 identifier
    |(\r?\n)                                                               # 2 line break
    |("(?:[^"\\$%\r\n]++|\\[^\r\n]|\$\$\{|%%\{|[$%](?!\{))*+")             # 3 plain string
    |(<<-?(?P<marker>(?:[A-Za-z_]|[^\x00-\x7f])(?:[A-Za-z0-9_-]|[^\x00-\x7f])*+)\r?\n)  # 4 heredoc
    |(==|!=|<=|>=|&&|\|\||=>|::|\.\.\.|[=+\-*%!<>?:.,]|/(?![/*]))          # 6 operator
    |([\[({])                                                              # 7 opening bracket
    |([\])}])                                                              # 8 closing bracket
    |([0-9]++(?:\.*+(?:[0-9]++|[eE][+-]?[0-9]++))*+)                       # 9 number
    |((?:\#|//)[^\n]*+|/\*.*?\*/)                                          # 10 comment
    |(")                                                                   # 11 template
    |(~\})                                                                 # 12 end and strip
    |\Z
    |(.)                                                                   # 13 anything else
    )""",
    re.VERBOSE | re.DOTALL,
)
_IDENT, _NEWLINE, _STRING, _HEREDOC = range(1, 5)
_OPERATOR, _OPEN, _CLOSE, _NUMBER, _COMMENT, _QUOTE, _STRIP = range(6, 13)

# Unicode annex 31 plus "-"; the standard library's \w knows neither ID_Start nor ID_Continue.
_IDENTIFIER = regex.compile(r"[\p{ID_Start}_][\p{ID_Continue}-]*+")
_FOR = re.compile(
    r"(?:[ \t\r\n]++|(?:\#|//)[^\n]*+|/\*(?s:.*?)\*/)*+for(?![A-Za-z0-9_-]|[^\x00-\x7f])"
)
_IN_QUOTES = re.compile(
    r"""((?:[^"\\$%\r\n]++|\\[^\r\n])++|\$\$\{|%%\{|[$%](?!\{))   # 1 text
    |(")                                                          # 2 closing quote
    |([$%]\{~?)                                                   # 3 template sequence
    |([\r\n]+)                                                    # 4 line break
    |(\\)                                                         # 5 backslash before one""",
    re.VERBOSE,
)
_IN_LINES = re.compile(
    r"""([^$%\r\n]*+\r?\n|[^$%\r\n]++|\$\$\{|%%\{|[$%](?!\{))     # 1 text, a line at most
    |([$%]\{~?)                                                   # 2 template sequence
    |(\r)                                                         # 3 lone carriage return""",
    re.VERBOSE,
)
# The rest of a string that was continued on another line on purpose: its quote ends a line.
_CONTINUED = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+"[ \t,)\]}]*+(?:(?:\#|//)[^\n]*+)?(?:\r?\n|\Z)')
_LOOK_BACK = 64  # how many unclosed brackets one closing bracket may close
_PAIRS = {")": "(", "]": "["}
_UNSUPPORTED = {
    "&": ' For a logical "and", write "&&".',
    "|": ' For a logical "or", write "||".',
    "~": ' For a logical "not", write "!".',
    "^": "",
}
_HINTS = {
    "'": "Single quotes have no meaning here. Enclose strings in double quotes.",
    "`": 'Backticks have no meaning here. For a text of several lines use a heredoc ("<<EOT").',
    ";": "A semicolon has no meaning here. Separate arguments by line breaks, and items by commas.",
}


@dataclass(slots=True, eq=False)
class _Template:
    """A template that is being scanned.

    Attributes:
        closer: the kind that ends it: CLOSE_QUOTE, CLOSE_HEREDOC or END.
        token: index of its opening token.
        marker: a heredoc's marker.
        sequence: offset of the template sequence that is open.
    """

    closer: str
    token: int
    marker: str = ""
    sequence: int = 0


MAX_RETRIES = 50
"""How often a quote is read again as another string's end: each time what follows is scanned anew."""


def lex(text: str, at: int = 0) -> tuple[Tokens, list[Problem]]:
    """Scan configuration from an offset on; every character is in a token or in a gap."""
    lexer = _Lexer(text)
    lexer.run(at)
    return lexer.tokens, lexer.problems


def lex_template(text: str) -> tuple[Tokens, list[Problem]]:
    """Scan a bare template, as a template file or a string of the JSON syntax is."""
    lexer = _Lexer(text)
    lexer.run(lexer.lines(0, _Template(END, 0)))
    return lexer.tokens, lexer.problems


def is_identifier(text: str) -> bool:
    """Whether the text can stand as a name."""
    return _IDENTIFIER.fullmatch(text) is not None


class _Lexer:
    """The state of one scan: the tokens so far and the stack of what is open.

    The stack holds "(", "[", "{" (line breaks count inside), "for" (a for expression's brace) and
    templates whose sequence is being scanned.
    """

    __slots__ = ("problems", "retries", "stack", "text", "tokens")

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = Tokens(text)
        self.stack: list[str | _Template] = []
        self.problems: list[Problem] = []
        self.retries = 0

    def run(self, at: int) -> None:
        """Scan from ``at`` to the end."""
        while at >= 0:
            at = self.main(at)
        self.add(END, len(self.text), len(self.text))

    def add(self, kind: str, start: int, end: int) -> None:
        """Append a token."""
        self.tokens.kinds.append(kind)
        self.tokens.starts.append(start)
        self.tokens.ends.append(end)

    def report(
        self, start: int, end: int, summary: str, detail: str, opener: int | None = None
    ) -> None:
        """Record a problem; more than are ever shown need not be kept."""
        if len(self.problems) <= MAX_PROBLEMS:
            self.problems.append(Problem(start, end, summary, detail, opener))

    def main(self, at: int) -> int:
        """Scan outside of templates; return where to go on, or -1 at the end."""
        stack = self.stack
        kinds = self.tokens.kinds
        add_kind = kinds.append
        add_start = self.tokens.starts.append
        add_end = self.tokens.ends.append
        sensitive = not stack or stack[-1] == "{"
        for match in _MASTER.finditer(self.text, at):
            group = match.lastindex
            if group == _IDENT:
                kind = IDENT
            elif group == _NEWLINE:
                if not sensitive:
                    continue
                kind = NEWLINE
            elif group == _OPERATOR:
                kind = match[_OPERATOR]
            elif group == _STRING:
                kind = STRING
            elif group == _OPEN:
                kind = match[_OPEN]
                sensitive = self.opened(kind, match.end())
            elif group == _CLOSE:
                kind = match[_CLOSE]
                template = self.closed(kind)
                if template:
                    return self.resume(match.end() - 1, match.end(), template)
                sensitive = not stack or stack[-1] == "{"
            elif group == _NUMBER:
                kind = NUMBER
            elif group is None or group == _COMMENT:
                continue
            else:
                return self.rare(group, match)
            start, end = match.span(group or 0)
            add_kind(kind)
            add_start(start)
            add_end(end)
        return -1

    def opened(self, bracket: str, end: int) -> bool:
        """Push a bracket; return whether line breaks count inside."""
        stack = self.stack
        if bracket != "{":
            stack.append(bracket)
            return False
        kinds = self.tokens.kinds
        block = (
            kinds and kinds[-1] in (IDENT, STRING, CLOSE_QUOTE) and (not stack or stack[-1] == "{")
        )
        loop = not block and _FOR.match(self.text, end) is not None
        stack.append("for" if loop else "{")
        return not loop

    def closed(self, bracket: str) -> _Template | None:
        """Pop what a bracket closes, through unclosed ones; return the template that goes on."""
        stack = self.stack
        if bracket == "}":
            while stack and (stack[-1] == "(" or stack[-1] == "["):
                stack.pop()
            top = stack.pop() if stack else None
            return top if isinstance(top, _Template) else None
        if stack and stack[-1] == _PAIRS[bracket]:
            stack.pop()
            return None
        for depth in range(len(stack) - 1, max(-1, len(stack) - _LOOK_BACK), -1):
            if stack[depth] == _PAIRS[bracket]:
                del stack[depth:]
                break
            if stack[depth] not in ("(", "["):
                break
        return None

    def rare(self, group: int, match: re.Match[str]) -> int:
        """Scan what starts a template, is not ASCII or is wrong; return where to go on."""
        start, end = match.span(group)
        if group == _QUOTE:
            template = _Template(CLOSE_QUOTE, len(self.tokens))
            self.add(OPEN_QUOTE, start, end)
            return self.quoted(end, template)
        if group == _HEREDOC:
            marker = match["marker"]
            if not is_identifier(marker):
                self.add("<", start, start + 1)
                return start + 1
            template = _Template(CLOSE_HEREDOC, len(self.tokens), marker)
            self.add(OPEN_HEREDOC, start, end)
            return self.lines(end, template, line_start=True)
        if group == _STRIP:
            outer = self.closed("}")
            if outer:
                return self.resume(start, end, outer)
            self.add(CLOSE_SEQUENCE, start, end)
            return end
        return self.other(start, end)

    def other(self, start: int, end: int) -> int:
        """Scan an identifier beyond ASCII, or report a character that has no meaning."""
        name = _IDENTIFIER.match(self.text, start)
        if name is not None:
            self.add(IDENT, start, name.end())
            return int(name.end())
        char = self.text[start]
        if char == "/":
            self.report(
                start,
                start + 2,
                "Unterminated comment",
                'There is no "*/" for this comment before the end of the file.',
            )
            return -1
        repeated = self.tokens.kinds[-1:] == [INVALID] and self.tokens.ends[-1] == start
        self.add(INVALID, start, end)
        if char in _UNSUPPORTED:
            detail = "There are no operators on bits." + _UNSUPPORTED[char]
            self.report(start, end, "Unsupported operator", detail)
        elif char in _HINTS:
            line = self.text.rfind("\n", 0, start)
            if not any(p.start > line and p.detail == _HINTS[char] for p in self.problems):
                self.report(start, end, "Invalid character", _HINTS[char])
        elif not repeated:
            shown = char if char.isprintable() else "The character"
            detail = f"{shown} (U+{ord(char):04X}) has no meaning outside of strings and comments."
            self.report(start, end, "Invalid character", detail)
        return end

    def resume(self, start: int, end: int, template: _Template) -> int:
        """End a template sequence and go on with its template."""
        self.add(CLOSE_SEQUENCE, start, end)
        scan = self.quoted if template.closer == CLOSE_QUOTE else self.lines
        return scan(end, template)

    def sequence(self, start: int, end: int, template: _Template) -> int:
        """Open a template sequence."""
        kind = OPEN_INTERPOLATION if self.text[start] == "$" else OPEN_DIRECTIVE
        self.add(kind, start, end)
        template.sequence = start
        self.stack.append(template)
        return end

    def quoted(self, at: int, template: _Template) -> int:
        """Scan a quoted template's text; return where to go on."""
        continued = False
        while True:
            match = _IN_QUOTES.match(self.text, at)
            if match is None:
                return self.unterminated(len(self.text), template, continued)
            start, at = match.span()
            if match.lastindex == 1:
                self.add(QUOTED, start, at)
            elif match.lastindex == 2:
                self.add(CLOSE_QUOTE, start, at)
                return at
            elif match.lastindex == 3:
                return self.sequence(start, at, template)
            elif match.lastindex == 4:
                if not continued:
                    self.report(
                        start,
                        at,
                        "Invalid multi-line string",
                        "A quoted string must end on the line it starts on. Close it with a quote,"
                        r' write a line break as "\n", or use a heredoc ("<<EOT").',
                        self.tokens.starts[template.token],
                    )
                if not continued and _CONTINUED.match(self.text, at) is None:
                    return self.unterminated(start, template, continued)
                if not continued:
                    self.no_closing_marker(start, at, template)
                continued = True
            else:
                self.report(
                    start, at, "Invalid character", "A backslash must be followed by an escape."
                )

    def unterminated(self, at: int, template: _Template, continued: bool) -> int:
        """End a quoted template that has no closing quote; return where to go on."""
        outer = next((item for item in reversed(self.stack) if isinstance(item, _Template)), None)
        opening = self.tokens.starts[template.token]
        if (
            self.retries < MAX_RETRIES
            and outer is not None
            and outer.closer == CLOSE_QUOTE
            and self.text.find("\n", outer.sequence, opening) < 0
        ):
            self.retries += 1
            # What looked like a nested string's opening quote is the outer string's closing one.
            self.report(
                outer.sequence,
                outer.sequence + 2,
                "Unclosed template interpolation sequence",
                "There is no closing brace for this sequence before the end of the string. To write"
                ' these characters as they are, double the first one, as in "$${".',
                self.tokens.starts[outer.token],
            )
            for array in (self.tokens.kinds, self.tokens.starts, self.tokens.ends):
                del array[template.token :]
            while self.stack.pop() is not outer:
                pass
            self.add(CLOSE_SEQUENCE, opening, opening)
            self.add(CLOSE_QUOTE, opening, opening + 1)
            return opening + 1
        if not continued:
            self.no_closing_marker(at, at, template)
        self.add(CLOSE_QUOTE, at, at)
        return at

    def no_closing_marker(self, start: int, end: int, template: _Template) -> None:
        """Report a quoted template or heredoc without an end."""
        if template.closer == CLOSE_QUOTE:
            detail = "There is no closing quote for this string."
        else:
            detail = (
                f'There is no line with only "{template.marker}" to close this heredoc. The closing'
                " marker stands on a line of its own and ends with a line break."
            )
        opener = self.tokens.starts[template.token]
        self.report(start, end, "Unterminated template string", detail, opener)

    def lines(self, at: int, template: _Template, line_start: bool = False) -> int:
        """Scan the text of a heredoc or bare template, a line at a time; return where to go on."""
        text = self.text
        while True:
            if line_start and template.marker:
                line_end = text.find("\n", at)
                if line_end >= 0 and text[at:line_end].strip() == template.marker:
                    line_end -= text[line_end - 1] == "\r"
                    self.add(CLOSE_HEREDOC, at, line_end)
                    return line_end
            match = _IN_LINES.match(text, at)
            if match is None:
                if template.closer == CLOSE_HEREDOC:
                    self.no_closing_marker(len(text), len(text), template)
                    self.add(CLOSE_HEREDOC, len(text), len(text))
                return -1
            start, at = match.span()
            if match.lastindex == 1:
                self.add(LITERAL, start, at)
                line_start = text[at - 1] == "\n"
            elif match.lastindex == 2:
                return self.sequence(start, at, template)
            else:
                self.report(
                    start,
                    at,
                    "Invalid character",
                    "A carriage return must be followed by a line feed. Save the file with LF or"
                    " CRLF line breaks.",
                )
