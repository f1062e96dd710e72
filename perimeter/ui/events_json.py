"""The stream of ``-json``: one JSON object a line, in the shapes of Terraform's machine-readable UI."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from perimeter import __version__
from perimeter.addresses import Address, AddressError, parse_address
from perimeter.diagnostics import Diagnostic, Severity
from perimeter.engine.model import Action, Applied, Change, Event, Plan
from perimeter.hcl.source import SourceFile
from perimeter.lang.plain import to_plain
from perimeter.lang.typenames import type_json
from perimeter.lang.values import Value
from perimeter.sdk.contract import Direction
from perimeter.sdk.redact import SECRETS
from perimeter.ui.diagnostics_json import diagnostic_json
from perimeter.ui.masks import known, to_json
from perimeter.ui.outputs_text import is_hidden
from perimeter.ui.plan_json import undeclared_json
from perimeter.ui.plan_text import counts

UI_VERSION = "1.2"

_GERUNDS = {
    "create": "Creating",
    "update": "Modifying",
    "delete": "Destroying",
    "read": "Reading",
    "adopt": "Importing",
    "forget": "Forgetting",
}
_NOUNS = {
    "create": "Creation",
    "update": "Modifications",
    "delete": "Destruction",
    "read": "Read",
    "adopt": "Import",
    "forget": "Forgetting",
}


class JsonStream:
    """Writes messages; safe to use from several threads.

    Args:
        write: takes one line with its line break.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._write = write
        self._now = now
        self._lock = threading.Lock()
        self._operations: dict[str, str] = {}

    def send(self, kind: str, message: str, *, level: str = "info", **more: Any) -> None:
        """Write one message."""
        data = {
            "@level": level,
            "@message": SECRETS.redact(message),
            "@module": "perimeter.ui",
            "@timestamp": self._now().isoformat().replace("+00:00", "Z"),
            **more,
            "type": kind,
        }
        with self._lock:
            self._write(f"{to_json(data)}\n")

    def version(self) -> None:
        """The first message."""
        self.send("version", f"perimeter {__version__}", perimeter=__version__, ui=UI_VERSION)

    def log(self, message: str) -> None:
        """A remark without a type of its own."""
        self.send("log", message)

    def diagnostics(self, found: Iterable[Diagnostic], sources: Mapping[str, SourceFile]) -> None:
        """One message per diagnostic."""
        for item in found:
            error = item.severity is Severity.ERROR
            word = "Error" if error else "Warning"
            self.send(
                "diagnostic",
                f"{word}: {item.summary}",
                level="error" if error else "warn",
                diagnostic=diagnostic_json(item, sources),
            )

    def plan(self, plan: Plan) -> None:
        """Drift, planned changes, the summary, outputs; then what only perimeter tells."""
        for change in plan.drift:
            self._change("resource_drift", change, "Drift detected")
        for change in plan.changes:
            if change.does_something or change.manual is not None or change.moved:
                verb = _action(change)
                text = "Plan to be done by hand" if change.manual is not None else f"Plan to {verb}"
                self._change("planned_change", change, text)
        found = counts(plan.changes)
        self.summary("plan", found["add"], found["change"], found["destroy"], found["import"])
        for item in plan.undeclared:
            if not item.ignored:
                name = f"{item.type} {item.label or item.id}"
                self.send("undeclared", f"{name} is not declared", undeclared=undeclared_json(item))
        for hidden in plan.not_visible:
            self.send(
                "not_visible",
                f"{hidden.subject} is {hidden.unseen}",
                not_visible={
                    "provider": hidden.provider,
                    "subject": hidden.subject,
                    "reason": hidden.unseen.reason.value,
                    "needs": hidden.unseen.needs,
                    "blocks": list(hidden.blocks),
                },
            )
        if plan.outputs:
            outputs = {
                item.name: {"sensitive": item.sensitive, "action": item.action.verbs[0]}
                for item in plan.outputs
            }
            self.send("outputs", f"Outputs: {len(outputs)}", outputs=outputs)

    def summary(self, operation: str, add: int, change: int, remove: int, imported: int) -> None:
        """``change_summary``."""
        first = f"{imported} imported, " if imported else ""
        if operation == "plan":
            first = f"{imported} to import, " if imported else ""
            text = f"Plan: {first}{add} to add, {change} to change, {remove} to destroy."
        else:
            counted = f"{first}{add} added, {change} changed, {remove} destroyed."
            text = f"{operation.capitalize()} complete! Resources: {counted}"
        changes = {
            "add": add,
            "change": change,
            "import": imported,
            "remove": remove,
            "operation": operation,
        }
        self.send("change_summary", text, changes=changes)

    def applied(self, applied: Applied, operation: str = "apply") -> None:
        """How an apply ended: the summary and the outputs."""
        done = [item.operation for item in applied.results if item.status == "done"]
        number = {name: done.count(name) for name in ("create", "update", "delete", "adopt")}
        self.summary(
            operation, number["create"], number["update"], number["delete"], number["adopt"]
        )
        if applied.outputs:
            shown = {name: _output(value) for name, value in sorted(applied.outputs.items())}
            self.send("outputs", f"Outputs: {len(shown)}", outputs=shown)

    def __call__(self, event: Event) -> None:
        """Translate an engine event."""
        match event.kind:
            case "read_done":
                self.send(
                    "read_complete",
                    f"{event.provider}: read {event.subject}",
                    read={
                        "provider": event.provider,
                        "subject": event.subject,
                        "objects": event.data.get("objects", 0),
                        "elapsed_seconds": round(event.seconds),
                    },
                )
            case "stage_start":
                self._operations[event.subject] = event.text
                text = f"{event.subject}: {_GERUNDS.get(event.text, event.text)}..."
                self.send("apply_start", text, hook=_hook(event.subject, event.text))
            case "stage_done":
                self._ended(event, "apply_complete", "complete")
            case "stage_failed":
                self._ended(event, "apply_errored", "errored")
            case "stage_skipped" | "stage_manual":
                kind = event.kind.replace("stage", "apply")
                hook = {**_hook(event.subject, ""), "reason": event.text}
                self.send(kind, f"{event.subject}: {event.text}", hook=hook)
            case _:
                pass

    def _ended(self, event: Event, kind: str, word: str) -> None:
        operation = self._operations.pop(event.subject, str(event.data.get("operation", "")))
        hook = _hook(event.subject, operation)
        seconds = round(event.seconds)
        text = f"{event.subject}: {_NOUNS.get(operation, operation)} {word} after {seconds}s"
        if kind == "apply_complete":
            identifier = str(event.data.get("id") or "")
            if identifier:
                text += f" [id={identifier}]"
                hook |= {"id_key": "id", "id_value": identifier}
        else:
            hook["error"] = SECRETS.redact(event.text)
        self.send(kind, text, hook={**hook, "elapsed_seconds": seconds})

    def _change(self, kind: str, change: Change, text: str) -> None:
        data: dict[str, Any] = {
            "resource": _resource(change.name, change.type),
            "action": _action(change),
        }
        if change.reason:
            data["reason"] = change.reason
        if change.importing:
            data["importing"] = {"id": change.importing}
        if change.previous_address is not None:
            data["previous_resource"] = _resource(str(change.previous_address))
        if change.direction is not Direction.NEUTRAL:
            data["direction"] = change.direction.value
        self.send(kind, f"{change.name}: {text}", change=data)


def _action(change: Change) -> str:
    if change.manual is not None:
        return "manual"
    if change.action is Action.NO_OP and change.importing:
        return "import"
    if change.action is Action.NO_OP and change.moved:
        return "move"
    return "replace" if change.action.is_replace else change.action.verbs[0]


def _hook(name: str, operation: str) -> dict[str, Any]:
    return {"resource": _resource(name), "action": operation}


def _resource(name: str, kind: str = "") -> dict[str, Any]:
    try:
        address = parse_address(name.partition(" (deposed")[0])
    except AddressError:
        # An undeclared object has no address.
        kind = kind or name.partition(" ")[0]
        provider = kind.partition("_")[0]
        return {
            "addr": "",
            "module": "",
            "resource": name,
            "implied_provider": provider,
            "resource_type": kind,
            "resource_name": "",
            "resource_key": None,
        }
    inner = Address(type(address.module)(), address.type, address.name, address.key, address.mode)
    return {
        "addr": str(address),
        "module": str(address.module),
        "resource": str(inner),
        "implied_provider": address.type.partition("_")[0],
        "resource_type": address.type,
        "resource_name": address.name,
        "resource_key": address.key,
    }


def _output(value: Value) -> dict[str, Any]:
    data: dict[str, Any] = {"sensitive": is_hidden(value), "type": type_json(value.type)}
    if not data["sensitive"]:
        data["value"] = known(to_plain(value))
    return data
