"""The stream of ``-json``: one JSON object a line, in the shapes of Terraform's machine-readable UI."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from perimeter import __version__
from perimeter.addresses import Address, AddressError, parse_address
from perimeter.diagnostics import Diagnostic, Severity
from perimeter.engine.model import Action, Applied, Change, Event, Invocation, OutputChange, Plan
from perimeter.hcl.source import SourceFile
from perimeter.lang.plain import to_plain
from perimeter.lang.typenames import type_json
from perimeter.lang.values import EPHEMERAL, Value
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
    "invoke": "Invoking",
    "issue": "Issuing",
    "verify": "Verifying",
    "retire": "Retiring",
    "remove": "Removing",
    "roll_back": "Rolling back",
    "take_over": "Taking over",
}
_NOUNS = {
    "create": "Creation",
    "update": "Modifications",
    "delete": "Destruction",
    "read": "Read",
    "adopt": "Import",
    "forget": "Forgetting",
    "invoke": "Invocation",
    "issue": "Issue",
    "verify": "Verification",
    "retire": "Retirement",
    "remove": "Removal",
    "roll_back": "Rollback",
    "take_over": "Takeover",
}


_REASONS = {
    "replace_because_tainted": "tainted",
    "replace_because_cannot_update": "cannot_update",
    "replace_by_request": "requested",
    "replace_by_triggers": "replace_triggered_by",
}
"""The stream's words for some reasons; the plan's JSON has the others."""


class JsonStream:
    """Writes messages; safe to use from several threads.

    Args:
        write: takes one line with its line break.
        reveal: whether sensitive outputs are shown.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        reveal: bool = False,
    ) -> None:
        self._write = write
        self._reveal = reveal
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
        """What was read, drift, planned changes, the summary, outputs; and what only perimeter tells."""
        self._refreshed(plan)
        self.planned(plan)
        found = counts(plan.changes)
        self.summary(
            "plan",
            found["add"],
            found["change"],
            found["destroy"],
            found["import"],
            len(plan.invocations),
        )
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
                item.name: {"sensitive": item.sensitive, "action": _output_action(item)}
                for item in plan.outputs
            }
            self.send("outputs", f"Outputs: {len(outputs)}", outputs=outputs)

    def _refreshed(self, plan: Plan) -> None:
        """Which remembered objects the plan has looked at; collections are read as a whole, so none takes time of its own."""
        if not plan.options.refresh or plan.options.minimal_refresh:
            return
        for change in plan.changes:
            if change.prior is None or change.before is None or change.address is None:
                continue
            if change.action is Action.FORGET:
                continue
            name = str(change.address)
            hook = {"resource": _resource(name), "id_key": "id", "id_value": change.id}
            told = f"[id={change.id}]"
            self.send("refresh_start", f"{name}: Refreshing state... {told}", hook=hook)
            self.send("refresh_complete", f"{name}: Refresh complete {told}", hook=hook)

    def planned(self, plan: Plan, *, saved: bool = False) -> None:
        """Drift and planned changes: all that an apply of a saved plan tells of it, bare moves left out."""
        for change in plan.drift:
            self._change("resource_drift", change, "Drift detected")
        for change in plan.changes:
            moves = change.moved and not saved
            if change.does_something or change.manual is not None or moves:
                verb = _action(change)
                text = "Plan to be done by hand" if change.manual is not None else f"Plan to {verb}"
                self._change("planned_change", change, text)
        for planned in plan.invocations:
            text = f"{planned.change.name}: planned action invocation"
            self.send("planned_action_invocation", text, invocation=_invocation(planned))

    def summary(
        self,
        operation: str,
        add: int,
        change: int,
        remove: int,
        imported: int,
        invoked: int = 0,
    ) -> None:
        """``change_summary``."""
        first = f"{imported} imported, " if imported else ""
        if operation == "plan":
            first = f"{imported} to import, " if imported else ""
            text = f"Plan: {first}{add} to add, {change} to change, {remove} to destroy."
        else:
            counted = f"{first}{add} added, {change} changed, {remove} destroyed."
            text = f"{operation.capitalize()} complete! Resources: {counted}"
        if invoked:
            word = "to invoke" if operation == "plan" else "invoked"
            text += f" Actions: {invoked} {word}."
        changes = {
            "add": add,
            "change": change,
            "import": imported,
            "action_invocation": invoked,
            "remove": remove,
            "operation": operation,
        }
        self.send("change_summary", text, changes=changes)

    def applied(self, applied: Applied, operation: str = "apply") -> None:
        """How an apply ended: the summary and the outputs."""
        done = [item.operation for item in applied.results if item.status == "done"]
        number = {name: done.count(name) for name in ("create", "update", "delete", "adopt")}
        self.summary(
            operation,
            number["create"],
            number["update"],
            number["delete"],
            number["adopt"],
            done.count("invoke"),
        )
        shown = {
            name: _output(value, reveal=self._reveal)
            for name, value in sorted(applied.outputs.items())
        }
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
                if event.text == "forget":
                    # No tenant is touched: that it was planned is all there is to say.
                    return
                if event.text == "invoke":
                    self.send(
                        "action_start",
                        f"{event.subject}: Action started",
                        hook=_action_hook(event.subject),
                    )
                    return
                text = f"{event.subject}: {_GERUNDS.get(event.text, event.text)}..."
                hook = _hook(event.subject, event.text)
                identifier = str(event.data.get("id") or "")
                if identifier:
                    text += f" [id={identifier}]"
                    hook |= {"id_key": "id", "id_value": identifier}
                self.send("apply_start", text, hook=hook)
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
        if operation == "invoke":
            well = kind == "apply_complete"
            hook = _action_hook(event.subject)
            if not well:
                hook["error"] = SECRETS.redact(event.text)
            name = "action_complete" if well else "action_errored"
            self.send(name, f"{event.subject}: Action {word}", hook=hook)
            return
        hook = _hook(event.subject, operation)
        if operation == "forget" and kind == "apply_complete":
            return
        seconds = round(event.seconds)
        text = f"{event.subject}: {_NOUNS.get(operation, operation)} {word} after {seconds}s"
        if kind == "apply_complete":
            identifier = "" if operation == "delete" else str(event.data.get("id") or "")
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
            data["reason"] = _REASONS.get(change.reason, change.reason)
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
    if change.action is Action.NO_OP and change.rotates:
        return "rotate"
    if change.action is Action.FORGET:
        return "remove"
    return "replace" if change.action.is_replace else change.action.verbs[0]


def _output_action(item: OutputChange) -> str:
    return "noop" if item.action is Action.NO_OP else item.action.verbs[0]


def _hook(name: str, operation: str) -> dict[str, Any]:
    return {"resource": _resource(name), "action": operation}


def _action_hook(name: str) -> dict[str, Any]:
    return {"action": _action_address(name)}


def _action_address(name: str) -> dict[str, Any]:
    found = _resource(name)
    return {
        "addr": found["addr"],
        "module": found["module"],
        "action": found["resource"],
        "implied_provider": found["implied_provider"],
        "action_type": found["resource_type"],
        "action_name": found["resource_name"],
        "action_key": found["resource_key"],
    }


def _invocation(item: Invocation) -> dict[str, Any]:
    data: dict[str, Any] = {"action": _action_address(item.change.name)}
    if item.trigger:
        data["lifecycle_trigger"] = {
            "triggering_resource": _resource(item.trigger),
            "trigger_event": item.event.title().replace("_", ""),
            "action_trigger_block_index": item.block,
            "actions_list_index": item.index,
        }
    else:
        data["invoke_trigger"] = {}
    return data


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


def _output(value: Value, *, reveal: bool) -> dict[str, Any]:
    data: dict[str, Any] = {"sensitive": is_hidden(value), "type": type_json(value.type)}
    if not data["sensitive"] or (reveal and EPHEMERAL not in value.deep_marks()):
        data["value"] = known(to_plain(value))
    return data
