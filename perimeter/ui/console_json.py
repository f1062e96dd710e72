"""The console's answers for programs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any, Protocol

from perimeter.diagnostics import Diagnostic, Diagnostics
from perimeter.lang.marks import unmark_deep
from perimeter.lang.plain import json_text
from perimeter.lang.render import render, type_text
from perimeter.lang.values import EPHEMERAL, TYPE_NAME, Value


class Answered(Protocol):
    """An expression's value, or None and why there is none."""

    @property
    def value(self) -> Value | None:
        """The value."""
        ...

    @property
    def diagnostics(self) -> Diagnostics:
        """What is wrong."""
        ...


def answer_json(answer: Answered) -> dict[str, Any]:
    """``json`` (absent where a part is unknown, ephemeral or infinite), ``type`` and ``rendered``; or ``error``.

    Sensitive values are hidden in ``rendered`` only, as in Terraform: ``jsonencode(nonsensitive(x))`` shows them anyway.
    """
    value = answer.value
    if value is None:
        return {"error": _problems(answer.diagnostics.errors)}
    if TYPE_NAME in value.marks:
        return {"type": None, "rendered": render(value)}
    found: dict[str, Any] = {}
    if value.is_wholly_known and EPHEMERAL not in value.deep_marks():
        with contextlib.suppress(ValueError):  # infinity has no JSON text
            found["json"] = json_text(unmark_deep(value)[0])
    return found | {"type": " ".join(type_text(value.type).split()), "rendered": render(value)}


def refusal_json() -> dict[str, Any]:
    """The answer to a line that is no request."""
    detail = 'Each line must be a JSON object with a string "expr", such as {"expr": "1 + 1"}.'
    return {"error": [{"summary": "Invalid request", "detail": detail}]}


def _problems(errors: Iterable[Diagnostic]) -> list[dict[str, str]]:
    return [{"summary": item.summary, "detail": item.detail} for item in errors]
