"""What a ``rotation`` block says, evaluated: the rule, the sinks, and whom to tell; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from perimeter.addresses import Address, InstanceKey, ModulePath
from perimeter.config.model import Delivery, RotationRule
from perimeter.config.rotation import DURATIONS, EVIDENCE
from perimeter.diagnostics import Diagnostics, did_you_mean
from perimeter.engine.clock import InvalidDurationError, duration
from perimeter.engine.diff import is_wholly_known
from perimeter.engine.rotating.machine import Evidence, Rule, words
from perimeter.engine.rotating.planned import PlannedSink
from perimeter.engine.scope import Each
from perimeter.engine.work import Work
from perimeter.hcl.nodes import Expr, GetAttr, Index, Variable
from perimeter.lang.plain import to_plain
from perimeter.sdk.rotation import CredentialType, SinkType

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"([a-z]{3})(?:-([a-z]{3}))?")
_HOURS = re.compile(r"(\d{1,2})-(\d{1,2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A rotation block, evaluated.

    Attributes:
        sinks: where the secret goes, with what each sink can do.
        told: the rule in words, by argument.
    """

    rule: Rule
    sinks: tuple[tuple[PlannedSink, SinkType], ...] = ()
    told: Mapping[str, str] = field(default_factory=dict)


def settings_of(
    work: Work,
    block: RotationRule,
    credential: CredentialType,
    address: Address,
    each: Each | None,
) -> Settings | None:
    """Evaluate a rotation block; None once what is wrong with it is reported."""
    problems = Diagnostics()
    reader = _Reader(work, address.module, each, problems)
    given = {name: reader.plain(expr) for name, expr in block.arguments.items()}
    verify = {name: reader.plain(expr) for name, expr in block.verify.items()}
    if _unknown(block, {**given, **verify}, problems):
        work.diagnostics.extend(item.at(address=str(address)) for item in problems)
        return None
    spans = {
        name: span
        for name in DURATIONS
        if (span := reader.span(name, given.get(name), block.arguments.get(name))) is not None
    }
    for name in ("window", "unused_for"):
        span = reader.span(f"verify.{name}", verify.get(name), block.verify.get(name))
        if span is not None:
            spans[name] = span
    sinks = _sinks(work, block, address, each, problems)
    if credential.issuable and not block.deliver_to:
        problems.error(
            "Rotation without a sink",
            "The secret of a new credential has to go somewhere: perimeter neither shows nor keeps it. Name its sinks, as in "
            "deliver_to = [TYPE.NAME].",
            block.range,
        )
    evidence = _evidence(verify.get("by"), block, credential, problems)
    times = verify.get("times")
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        problems.error(
            "Invalid verify.times",
            "The number of successful trials must be a known whole number of at least 1.",
            block.verify["times"].range,
        )
    hours, weekdays = _schedule(given.get("schedule"), block, problems)
    _notify(given.get("notify"), block, problems)
    if "max_age" not in spans or problems.has_errors:
        work.diagnostics.extend(item.at(address=str(address)) for item in problems)
        return None
    rule = _rule(spans, evidence, times or Rule(max_age=spans["max_age"]).times, hours, weekdays)
    if rule.overlap + rule.quarantine >= rule.max_age:
        work.diagnostics.error(
            "Invalid rotation",
            f"overlap ({words(rule.overlap)}) and quarantine ({words(rule.quarantine)}) together must be shorter than max_age "
            f"({words(rule.max_age)}): otherwise a credential is due again before its rotation is over.",
            block.range,
            address=str(address),
        )
        return None
    return Settings(rule=rule, sinks=sinks, told=_told(rule, given))


def _unknown(block: RotationRule, given: Mapping[str, Any], problems: Diagnostics) -> bool:
    """Report what is not known while planning: when a credential is due must be."""
    for name, value in given.items():
        if not is_wholly_known(value):
            expr = block.arguments.get(name) or block.verify[name]
            problems.error(
                "Rotation must be known",
                f"{name} is known only after the apply. Whether a credential is due is decided while planning: use a value that "
                "is known then.",
                expr.range,
            )
    return problems.has_errors


def _rule(
    spans: Mapping[str, timedelta],
    evidence: Evidence,
    times: int,
    hours: tuple[int, int] | None,
    weekdays: frozenset[int],
) -> Rule:
    """The rule; what is not declared is no longer than fits into a short ``max_age``."""
    usual, oldest = Rule(max_age=spans["max_age"]), spans["max_age"]
    overlap = spans.get("overlap", min(usual.overlap, oldest / 4))
    return Rule(
        max_age=oldest,
        overlap=overlap,
        quarantine=spans.get("quarantine", min(usual.quarantine, oldest / 8)),
        evidence=evidence,
        times=times,
        window=spans.get("window", min(usual.window, oldest / 8)),
        unused_for=spans.get("unused_for", min(usual.unused_for, oldest / 8)),
        stuck_after=spans.get("stuck_after", usual.stuck_after),
        hours=hours,
        weekdays=weekdays,
    )


def _told(rule: Rule, given: Mapping[str, Any]) -> dict[str, str]:
    told = {
        "max_age": words(rule.max_age),
        "overlap": words(rule.overlap),
        "quarantine": words(rule.quarantine),
        "verify": rule.evidence.value,
    }
    if given.get("schedule"):
        told["schedule"] = str(given["schedule"])
    return told


@dataclass(frozen=True, slots=True)
class _Reader:
    work: Work
    module: ModulePath
    each: Each | None
    problems: Diagnostics

    def plain(self, expr: Expr) -> Any:
        return to_plain(self.work.evaluation.value(expr, self.module, self.problems, self.each))

    def span(self, name: str, value: Any, expr: Expr | None) -> timedelta | None:
        if expr is None or value is None:
            if expr is not None and name == "max_age":
                self.problems.error(
                    "Invalid max_age", "A duration such as 90d is needed.", expr.range
                )
            return None
        if not isinstance(value, str):
            self.problems.error(
                f"Invalid {name}",
                'A duration is a text that is known while planning, such as "90d", "36h" or "30s".',
                expr.range,
            )
            return None
        try:
            found = duration(value)
        except InvalidDurationError as problem:
            self.problems.error(f"Invalid {name}", str(problem), expr.range)
            return None
        if name == "max_age" and not found:
            self.problems.error(
                "Invalid max_age", "A credential needs some time to live.", expr.range
            )
            return None
        return found


def _evidence(
    given: Any, block: RotationRule, credential: CredentialType, problems: Diagnostics
) -> Evidence:
    can = {
        "last_used": bool(credential.last_used_at),
        "probe": credential.probeable and (credential.issuable or bool(block.deliver_to)),
        "attestation": True,
    }
    if given is None:
        return Evidence(next(name for name in EVIDENCE if can[name]))
    where = block.verify["by"].range
    if given not in EVIDENCE:
        problems.error(
            "Invalid verify.by",
            f"A new credential is verified by {', '.join(EVIDENCE)}."
            f"{did_you_mean(str(given), EVIDENCE)}",
            where,
        )
        return Evidence.ATTESTATION
    if not can[given]:
        why = (
            "The vendor does not tell when such a credential was last used."
            if given == "last_used"
            else "Such a credential cannot be tried."
        )
        others = " or ".join(name for name in EVIDENCE if can[name])
        problems.error("Invalid verify.by", f"{why} Use {others}.", where)
    return Evidence(given)


def _schedule(
    given: Any, block: RotationRule, problems: Diagnostics
) -> tuple[tuple[int, int] | None, frozenset[int]]:
    if given is None:
        return None, frozenset()
    hours: tuple[int, int] | None = None
    days: set[int] = set()
    sound = isinstance(given, str) and bool(given.strip())
    for part in given.lower().split() if sound else ():
        match = _HOURS.fullmatch(part)
        if match is not None and hours is None:
            hours = (int(match[1]), int(match[2]))
            sound = sound and hours[0] < hours[1] <= 24
            continue
        for item in part.split(","):
            span = _SPAN.fullmatch(item)
            if span is None or span[1] not in DAYS or (span[2] or span[1]) not in DAYS:
                sound = False
                break
            first, last = DAYS.index(span[1]), DAYS.index(span[2] or span[1])
            days |= {(first + step) % 7 for step in range((last - first) % 7 + 1)}
    if not sound:
        problems.error(
            "Invalid schedule",
            'A schedule names days, hours of the day in UTC, or both: "Mon-Fri 09-16", "Sat,Sun", "22-24".',
            block.arguments["schedule"].range,
        )
    return hours, frozenset(days)


def _notify(given: Any, block: RotationRule, problems: Diagnostics) -> None:
    if given is None:
        return
    texts = given if isinstance(given, list) else [None]
    if not all(
        isinstance(text, str) and text.startswith(("https://", "http://")) for text in texts
    ):
        problems.error(
            "Invalid notify",
            "notify is a list of URLs that are known while planning and take a JSON POST.",
            block.arguments["notify"].range,
        )


def _sinks(
    work: Work, block: RotationRule, address: Address, each: Each | None, problems: Diagnostics
) -> tuple[tuple[PlannedSink, SinkType], ...]:
    found: list[tuple[PlannedSink, SinkType]] = []
    for item in block.deliver_to:
        sink = _sink(work, item, address.module, each, problems)
        if sink is None:
            continue
        if any(sink[0].address == other.address for other, _ in found):
            problems.error(
                "Duplicate deliver_to entry",
                f"{sink[0].address} is named twice; a sink holds one payload.",
                item.to.range,
            )
            continue
        found.append(sink)
    return tuple(found)


def _sink(
    work: Work, item: Delivery, module: ModulePath, each: Each | None, problems: Diagnostics
) -> tuple[PlannedSink, SinkType] | None:
    address = resource_named(work, item.to, module, each, problems)
    if address is None:
        return None
    declared = work.config.modules[module.names]
    block = declared.resources.get(("managed", address.type, address.name))
    if block is None:
        return None
    instance = work.provider_of(module, block.provider, Each(key=address.key))
    kind = instance.provider.resources.get(address.type) if instance is not None else None
    if kind is None:
        return None
    if kind.sink is None:
        problems.error(
            "Not a sink",
            f"{address.type} takes no secrets. deliver_to names resources that do, such as a secret of a secrets manager.",
            item.to.range,
        )
        return None
    return PlannedSink(address=str(address), member=item.member), kind.sink


def resource_named(
    work: Work, expr: Expr, module: ModulePath, each: Each | None, problems: Diagnostics
) -> Address | None:
    """The instance that ``TYPE.NAME``, ``TYPE.NAME[KEY]`` or an attribute of it names; None once it is reported."""
    steps: list[str | int] = []
    root = expr
    while not isinstance(root, Variable):
        if isinstance(root, GetAttr):
            steps.append(root.name)
        elif isinstance(root, Index):
            key = to_plain(work.evaluation.value(root.key, module, problems, each))
            if not isinstance(key, str | int):
                problems.error(
                    "Invalid deliver_to entry",
                    "The instance key must be known while planning.",
                    root.key.range,
                )
                return None
            steps.append(key)
        else:
            return None
        root = root.object
    path = [root.name, *reversed(steps)]
    if path[0] == "resource":
        path = path[1:]
    wanted = Address(module, str(path[0]), str(path[1]))
    instances = work.evaluation.resource(module, "managed", wanted.type, wanted.name)
    if instances is None:
        return None
    repeated = instances.repetition.repeated
    key_: InstanceKey = path[2] if repeated and len(path) > 2 else None
    if repeated and key_ not in instances.repetition.keys:
        if instances.repetition.kind != "unknown":
            problems.error(
                "Invalid deliver_to entry",
                f"{wanted} has no such instance; name one, as in {wanted}[KEY].",
                expr.range,
            )
        return None
    return Address(module, wanted.type, wanted.name, key_)
