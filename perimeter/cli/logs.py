"""``PERIMETER_LOG``: what happens inside, on stderr or in a file, secrets redacted."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perimeter.cli.terminal import Terminal

_LEVELS = {
    "TRACE": logging.DEBUG,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
}


def configure_logging(terminal: Terminal) -> None:
    """Follow ``PERIMETER_LOG`` (a level) and ``PERIMETER_LOG_PATH`` (a file instead of stderr); silent without."""
    wanted = terminal.environment.get("PERIMETER_LOG", "").upper()
    root = logging.getLogger()
    if not wanted or wanted == "OFF":
        # Libraries' warnings would otherwise reach people unredacted.
        if not root.handlers:
            root.addHandler(logging.NullHandler())
        return
    from perimeter.sdk.redact import RedactingFilter, RedactingFormatter

    path = terminal.environment.get("PERIMETER_LOG_PATH")
    handler: logging.Handler
    handler = (
        logging.FileHandler(path, encoding="utf-8") if path else logging.StreamHandler(terminal.err)
    )
    inner = logging.Formatter("%(asctime)s [%(levelname)s] %(name)s: %(message)s")
    handler.setFormatter(RedactingFormatter(inner))
    handler.addFilter(RedactingFilter())
    root.addHandler(handler)
    root.setLevel(_LEVELS.get(wanted, logging.DEBUG))
