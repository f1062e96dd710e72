"""Keeping secrets out of everything that people, files and logs get to see."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

REDACTED = "(redacted)"
SHORTEST = 4
"""Shorter values are no secrets: replacing them would only make texts unreadable."""

_MEMORY = 1 << 30
"""Bytes that the automaton may take at most; it takes what the secrets need."""
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=%")
_HEX_ESCAPE = re.compile("%[0-9A-F]{2}")


class Secrets:
    """The secrets of this process, and how to remove them from a text, however they are written.

    A secret is found raw, JSON-, URL-, HTML- and Python-escaped, and inside base64 at any
    alignment: so also in a Basic header, where it follows the user's name. Safe to use from several
    threads.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self._plain: set[str] = set()
        self._cores: set[str] = set()
        self._pattern: Any = None
        for value in values:
            self.add(value)

    def add(self, value: str | bytes | None) -> None:
        """Remember a secret; nothing, and what is shorter than four characters, is ignored."""
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if not value or len(value) < SHORTEST or value in self._known:
            return
        lines = [line.strip() for line in value.splitlines()]
        # Keys of several lines are also printed line by line, indented.
        parts = [line for line in lines if len(line) >= 16 and not line.startswith("-----")]
        with self._lock:
            for part in {value, value.strip(), *(parts if len(lines) > 1 else ())}:
                if len(part) >= SHORTEST:
                    self._known.add(part)
                    self._plain.update(_escapes(part))
                    self._cores.update(_base64_cores(part))
            self._pattern = None

    def add_all(self, data: Any) -> None:
        """Remember every string inside nested plain data."""
        for text in _strings(data):
            self.add(text)

    def redact(self, text: str) -> str:
        """Replace every secret in the text, in any of its forms, by ``(redacted)``."""
        pattern = self._compiled()
        if pattern is None or not pattern.search(text.encode("utf-8", "surrogatepass")):
            return text
        with self._lock:
            plain, cores = tuple(self._plain), tuple(self._cores)
        spans = [span for form in plain for span in _occurrences(text, form)]
        spans += [_widen(text, *span) for core in cores for span in _occurrences(text, core)]
        return _cut(text, spans)

    def redact_all(self, data: Any) -> Any:
        """Redact every string inside nested plain data, keys included."""
        if isinstance(data, str):
            return self.redact(data)
        if isinstance(data, Mapping):
            return {self.redact_all(key): self.redact_all(value) for key, value in data.items()}
        if isinstance(data, list | tuple):
            return [self.redact_all(item) for item in data]
        return data

    def _compiled(self) -> Any:
        """An automaton over all forms: its cost does not grow with the number of secrets."""
        pattern = self._pattern
        if pattern is None and self._known:
            import re2

            options = re2.Options()
            options.encoding = (
                re2.Options.Encoding.LATIN1
            )  # bytes, so that any text can be looked at
            options.max_mem = _MEMORY
            with self._lock:
                forms = sorted(self._plain | self._cores)
                literals = (re2.escape(form.encode("utf-8", "surrogatepass")) for form in forms)
                pattern = self._pattern = re2.compile(b"|".join(literals), options)
        return pattern

    def __repr__(self) -> str:
        return f"Secrets({len(self._known)} known)"


SECRETS = Secrets()
"""The process's secrets.

One for all, because log records and tracebacks know no run that they belong to; guarded by a lock.
"""


class RedactingFilter(logging.Filter):
    """Redacts log records where they pass, with their arguments, exceptions and stacks.

    Add it to handlers.
    """

    def __init__(self, secrets: Secrets = SECRETS) -> None:
        super().__init__()
        self.secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record in place; it always passes."""
        record.msg = self.secrets.redact(record.getMessage())
        record.args = None
        if record.exc_info:
            record.exc_text = record.exc_text or logging.Formatter().formatException(
                record.exc_info
            )
            record.exc_info = None
        if record.exc_text:
            record.exc_text = self.secrets.redact(record.exc_text)
        if record.stack_info:
            record.stack_info = self.secrets.redact(record.stack_info)
        return True


class RedactingFormatter(logging.Formatter):
    """Redacts what another formatter made of a record, whatever fields it shows."""

    def __init__(self, inner: logging.Formatter | None = None, secrets: Secrets = SECRETS) -> None:
        super().__init__()
        self.inner = inner or logging.Formatter()
        self.secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Format the record with the inner formatter and redact the text."""
        return self.secrets.redact(self.inner.format(record))


def drop(data: Any, names: Iterable[str]) -> Any:
    """Return plain data without the fields of those names, at any depth.

    Names compare without case.
    """
    unwanted = frozenset(name.lower() for name in names)

    def strip(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {k: strip(v) for k, v in value.items() if str(k).lower() not in unwanted}
        if isinstance(value, list | tuple):
            return [strip(item) for item in value]
        return value

    return strip(data)


def _strings(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for value in data.values():
            yield from _strings(value)
    elif isinstance(data, list | tuple | set | frozenset):
        for item in data:
            yield from _strings(item)


def _escapes(secret: str) -> set[str]:
    encoded = secret.encode("utf-8", "surrogatepass")
    json_ascii = json.dumps(secret)[1:-1]
    json_utf8 = json.dumps(secret, ensure_ascii=False)[1:-1]
    forms = {
        secret,
        json_ascii,
        json_utf8,
        json_ascii.replace("/", "\\/"),
        json_utf8.replace("/", "\\/"),
        json.dumps(json_ascii)[1:-1],
        quote(encoded),
        quote(encoded, safe=""),
        quote_plus(encoded),
        repr(secret)[1:-1],
        repr(encoded)[2:-1],
        html.escape(secret),
        html.escape(secret, quote=False),
    }
    forms |= {_HEX_ESCAPE.sub(lambda m: m.group().lower(), form) for form in forms if "%" in form}
    return {form for form in forms if len(form) >= SHORTEST}


def _base64_cores(secret: str) -> set[str]:
    """The base64 characters that the secret alone decides, for each alignment it can have."""
    encoded = secret.encode("utf-8", "surrogatepass")
    cores = set()
    for offset in range(3):
        text = base64.b64encode(bytes(offset) + encoded).decode("ascii")
        first = (offset * 8 + 5) // 6
        last = (offset + len(encoded)) * 8 // 6
        core = text[first:last]
        if len(core) >= SHORTEST:
            cores |= {core, core.replace("+", "-").replace("/", "_")}
            cores |= {quote(core, safe=""), quote(core, safe="").lower() if "%" in core else core}
    return cores


def _occurrences(text: str, form: str) -> Iterator[tuple[int, int]]:
    start = text.find(form)
    while start >= 0:
        yield start, start + len(form)
        start = text.find(form, start + 1)


def _widen(text: str, start: int, end: int) -> tuple[int, int]:
    """The whole base64 word, so that its edges do not give away parts of the secret."""
    while start > 0 and text[start - 1] in _BASE64 and text[start - 1] != "=":
        start -= 1
    while end < len(text) and text[end] in _BASE64:
        end += 1
    return start, end


def _cut(text: str, spans: list[tuple[int, int]]) -> str:
    pieces = []
    position = 0
    reach = -1
    for start, end in sorted(spans):
        if start > reach:
            pieces += [text[position:start], REDACTED]
            reach = end
        else:
            reach = max(reach, end)
        position = reach
    return "".join([*pieces, text[position:]])
