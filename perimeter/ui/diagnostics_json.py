"""Diagnostics in Terraform's JSON shape, and the result of ``validate -json``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from perimeter.diagnostics import Diagnostic, Pos, Range, Severity
from perimeter.hcl.source import SourceFile
from perimeter.sdk.redact import SECRETS
from perimeter.ui.snippets import snippet

VALIDATE_FORMAT = "1.0"


def diagnostic_json(diagnostic: Diagnostic, sources: Mapping[str, SourceFile]) -> dict[str, Any]:
    """One diagnostic as JSON data; secrets are redacted."""
    data: dict[str, Any] = {
        "severity": diagnostic.severity.value,
        "summary": diagnostic.summary,
        "detail": diagnostic.detail,
    }
    if diagnostic.address:
        data["address"] = diagnostic.address
    if diagnostic.subject is not None:
        data["range"] = _range(diagnostic.subject)
        found = snippet(diagnostic, sources)
        if found is not None:
            data["snippet"] = {
                "context": found.context or None,
                "code": found.code,
                "start_line": found.start_line,
                "highlight_start_offset": found.start,
                "highlight_end_offset": found.end,
                "values": [
                    {"traversal": text, "statement": value} for text, value in diagnostic.values
                ],
            }
    redacted: dict[str, Any] = SECRETS.redact_all(data)
    return redacted


def _range(found: Range) -> dict[str, Any]:
    return {"filename": found.filename, "start": _pos(found.start), "end": _pos(found.end)}


def _pos(found: Pos) -> dict[str, int]:
    return {"line": found.line, "column": found.column, "byte": found.byte}


def validation_json(
    diagnostics: Iterable[Diagnostic], sources: Mapping[str, SourceFile]
) -> dict[str, Any]:
    """What ``validate -json`` prints."""
    found = list(diagnostics)
    errors = sum(1 for item in found if item.severity is Severity.ERROR)
    return {
        "format_version": VALIDATE_FORMAT,
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": len(found) - errors,
        "diagnostics": [diagnostic_json(item, sources) for item in found],
    }
