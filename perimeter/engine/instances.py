"""Plan one declared resource instance: join, compare, judge."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from perimeter.addresses import Address
from perimeter.config.model import Resource
from perimeter.engine.beside import check_beside
from perimeter.engine.diff import (
    Difference,
    difference,
    differing,
    find_unseen,
    is_wholly_known,
    sort_text,
)
from perimeter.engine.ends import ItemEnd, lapsed
from perimeter.engine.expiry import NO_END, Expiry
from perimeter.engine.fingerprint import fingerprint
from perimeter.engine.joining import NOT_YET, Joined, join
from perimeter.engine.minimal import is_settled
from perimeter.engine.model import Action, Change
from perimeter.engine.secrecy import changed_secrets, shown_digests
from perimeter.engine.wording import unique_name
from perimeter.engine.work import ProviderInstance, Work
from perimeter.lang.values import UNKNOWN
from perimeter.sdk.contract import Attributes, Direction, ManualStep, Transition
from perimeter.sdk.provider import ResourceType
from perimeter.sdk.schema import Mode, Schema
from perimeter.state.model import Path, StateObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """A resource instance as configuration wants it, evaluated as far as possible.

    Attributes:
        desired: attributes that configuration names, without nested blocks that have ended; secrets included.
        declared: the same with them, and before the type folded them into attributes.
        sensitive: paths that nobody is shown.
        expressions: digest of the deciding expression by top-level name, where the value is not wholly known.
        triggered: addresses of ``replace_triggered_by`` that will change.
        import_id: the id, or the identifying attributes, of the object that an import block names.
        expiry: until when the declaration holds.
        ends: until when its nested blocks do.
    """

    address: Address
    block: Resource
    instance: ProviderInstance
    kind: ResourceType
    desired: Attributes
    sensitive: tuple[Path, ...] = ()
    expressions: Mapping[str, str] | None = None
    dependencies: tuple[str, ...] = ()
    integration: str = ""
    prevent_destroy: bool = False
    triggered: tuple[str, ...] = ()
    expiry: Expiry = NO_END
    ends: tuple[ItemEnd, ...] = ()
    declared: Attributes | None = None
    import_id: str | Mapping[str, Any] | None = None


def plan_instance(work: Work, wanted: Declaration) -> tuple[Change | None, Attributes]:
    """Plan an instance; returns its change (None while needs are open) and its attributes as far as they are decided."""
    kind, instance = wanted.kind, wanted.instance
    unknown = dict.fromkeys((*kind.schema.attributes, *kind.schema.blocks), UNKNOWN) | dict(
        wanted.desired
    )
    remembered = _remembered(work, wanted.address)
    base = _base(wanted, remembered, work.origins.get(str(wanted.address)))
    _validate(work, wanted)
    if instance.config is None:
        reason = f"the configuration of provider {instance.key} is not known before apply"
        return replace(base, action=Action.NO_OP, deferred=reason), unknown
    joined = join(
        work,
        wanted.address,
        instance,
        kind,
        wanted.desired,
        remembered,
        wanted.import_id,
        wanted.block.range,
        trusted=work.options.minimal_refresh and is_settled(work, wanted, remembered),
    )
    if joined.id:
        work.claim(instance, kind, joined.id, wanted.address)
    if joined.status in ("pending", "error"):
        return None, unknown
    if joined.tenant is not None:
        base = replace(base, tenant=joined.tenant)
    if joined.recovered:
        # What state holds here is another object, which this one was made to replace.
        remembered = None
        base = replace(base, prior=None)
    if joined.status == "unseen":
        return _blind(work, wanted, base, joined, remembered, unknown)
    if wanted.expiry.passed:
        return _expired(work, wanted, base, joined)
    if joined.attributes is None:
        return _create(work, wanted, base, joined)
    return _compare(work, wanted, base, joined, remembered)


def _remembered(work: Work, address: Address) -> StateObject | None:
    known = work.state.resources.get(str(address))
    return known.current() if known is not None else None


def _base(
    wanted: Declaration, remembered: StateObject | None, previous_address: Address | None
) -> Change:
    lifecycle = wanted.block.lifecycle
    return Change(
        address=wanted.address,
        type=wanted.kind.name,
        provider=wanted.instance.key,
        provider_name=wanted.instance.name,
        action=Action.NO_OP,
        prior=remembered,
        previous_address=previous_address,
        desired=wanted.desired,
        sensitive_before=_sensitive(wanted.kind.schema, remembered.sensitive if remembered else ()),
        sensitive_after=_sensitive(wanted.kind.schema, wanted.sensitive),
        integration=wanted.integration,
        dependencies=wanted.dependencies,
        expires_at=wanted.expiry.at,
        expiry_counted=wanted.expiry.counted,
        expiry_since=wanted.expiry.since,
        ends=wanted.ends,
        protected=wanted.prevent_destroy,
        create_before_destroy=lifecycle.create_before_destroy,
        retained=not lifecycle.destroy,
        block=f"{wanted.block.range.filename}:{wanted.block.range.start.line}",
        schema=wanted.kind.schema,
    )


def _sensitive(schema: Schema, paths: tuple[Path, ...]) -> tuple[Path, ...]:
    own = tuple((name,) for name, attribute in schema.attributes.items() if attribute.sensitive)
    return tuple(dict.fromkeys((*own, *paths)))


def _blind(
    work: Work,
    wanted: Declaration,
    base: Change,
    joined: Joined,
    remembered: StateObject | None,
    unknown: Attributes,
) -> tuple[Change, Attributes]:
    assert joined.unseen is not None
    work.hide(wanted.instance.key, wanted.kind.name, joined.unseen, str(wanted.address))
    work.undecided_keys.add((wanted.instance.key, wanted.kind.name))
    known = dict.fromkeys(unknown, joined.unseen)
    if remembered is not None:
        known |= remembered.attributes
    reason = f"{wanted.kind.name} is {joined.unseen}"
    if joined.unseen is NOT_YET:
        reason = NOT_YET.detail
    return replace(base, deferred=reason, id=remembered.id if remembered else ""), known


def _expired(
    work: Work, wanted: Declaration, base: Change, joined: Joined
) -> tuple[Change | None, Attributes]:
    gone = dict.fromkeys((*wanted.kind.schema.attributes, *wanted.kind.schema.blocks))
    if joined.attributes is None or joined.importing:
        return replace(base, reason="expired", clock=True), gone
    return removal(work, base, wanted.kind, joined, "expired", clock=True), gone


def removal(
    work: Work,
    base: Change,
    kind: ResourceType,
    joined: Joined,
    reason: str,
    *,
    clock: bool = False,
) -> Change:
    """The change that takes an object away: by API, by hand, or (a singleton) by no longer managing it."""
    assert joined.attributes is not None
    before = joined.attributes
    change = replace(
        base,
        id=joined.id,
        before=before,
        after=None,
        reason=reason,
        clock=clock,
        tenant=joined.tenant,
    )
    if kind.singleton:
        return finish(work, replace(change, action=Action.FORGET), kind, joined, {}, {})
    transition = Transition(
        before=before,
        after=None,
        siblings=_siblings(work, base, kind, joined),
        tenant=joined.tenant,
    )
    manual = kind.manual(transition)
    if manual is not None or not kind.deletable:
        manual = manual or ManualStep(
            reason=f"No API removes a {kind.name}.",
            instructions="Remove it in the vendor's console.",
            url="",
        )
        return finish(
            work, replace(change, action=Action.NO_OP, manual=manual), kind, joined, {}, {}
        )
    return finish(work, replace(change, action=Action.DELETE), kind, joined, {}, {})


def _create(
    work: Work, wanted: Declaration, base: Change, joined: Joined
) -> tuple[Change | None, Attributes]:
    kind = wanted.kind
    hidden = find_unseen(dict(wanted.desired.items()))
    found = difference(kind.schema, wanted.desired, None)
    planned = dict(kind.plan(Transition(before=None, after=found.after, tenant=joined.tenant)))
    if hidden is not None:
        work.hide(wanted.instance.key, kind.name, hidden, str(wanted.address))
        work.undecided_keys.add((wanted.instance.key, kind.name))
        return replace(base, deferred=f"an argument is {hidden}"), planned
    if any(not is_wholly_known(planned.get(name)) for name in kind.identity.natural_key):
        work.undecided_keys.add((wanted.instance.key, kind.name))
    transition = Transition(
        before=None,
        after=planned,
        siblings=_siblings(work, base, kind, joined),
        tenant=joined.tenant,
    )
    manual = kind.manual(transition)
    if manual is None and not kind.creatable:
        manual = ManualStep(
            reason=f"No API creates a {kind.name}.",
            instructions="Create it in the vendor's console.",
            url="",
        )
    change = replace(
        base,
        before=None,
        after=planned,
        changed=frozenset(wanted.desired),
        action=Action.CREATE if manual is None else Action.NO_OP,
        manual=manual,
    )
    return finish(work, change, kind, joined, wanted.expressions or {}, wanted.desired), planned


def _compare(
    work: Work, wanted: Declaration, base: Change, joined: Joined, remembered: StateObject | None
) -> tuple[Change | None, Attributes]:
    kind, schema = wanted.kind, wanted.kind.schema
    observed = joined.attributes
    assert observed is not None
    known = remembered.attributes if remembered is not None else {}
    desired = ignoring(wanted.block, wanted.desired, observed)
    secrets = changed_secrets(work.digests, schema, desired, remembered)
    found = difference(schema, desired, observed, known, reset=_reset(wanted), secrets=secrets)
    for name, unseen in found.unseen.items():
        work.hide(wanted.instance.key, f"{kind.name}.{name}", unseen, str(wanted.address))
    before = dict(observed)
    for name, attribute in schema.attributes.items():
        if attribute.mode is Mode.LOCAL:
            before[name] = known.get(name)
    drifted = (
        differing(schema, known, observed) - _local(schema)
        if remembered is not None and not kind.local
        else frozenset()
    )
    change = replace(
        base,
        id=joined.id,
        before=before,
        after=found.after,
        changed=found.changed,
        drifted=drifted,
        unseen=found.unseen,
        importing=joined.importing,
        recovered=joined.recovered,
        sensitive_before=base.sensitive_before or base.sensitive_after,
    )
    if wanted.ends:
        ended, clock = lapsed(
            kind,
            wanted.declared or wanted.desired,
            wanted.ends,
            found,
            lambda desired: difference(
                schema, ignoring(wanted.block, desired, observed), observed, known, secrets=secrets
            ),
        )
        change = replace(change, lapsed=ended, clock=clock)
    action, reason, paths = _decide(work, wanted, found, remembered)
    if action.is_replace:
        return _replace(work, wanted, change, joined, action, reason, paths)
    planned = found.after
    if found.changed:
        planned = dict(
            kind.plan(Transition(before=before, after=found.after, tenant=joined.tenant))
        )
    reason = "block_expired" if change.lapsed else reason
    change = replace(change, after=planned, action=action, reason=reason)
    transition = Transition(
        before=before,
        after=planned,
        siblings=_siblings(work, base, kind, joined),
        tenant=joined.tenant,
    )
    if found.changed or found.by_hand:
        manual = kind.manual(transition)
        if manual is None and found.by_hand:
            names = ", ".join(sorted(found.by_hand))
            manual = ManualStep(
                reason=f"No API writes {names}.",
                instructions=f"Set {names} in the vendor's console.",
                url="",
                paths=tuple(sorted(found.by_hand)),
            )
        if manual is not None:
            rest = found.changed - frozenset(manual.paths) if manual.paths else frozenset()
            change = replace(
                change, manual=manual, changed=rest, action=Action.UPDATE if rest else Action.NO_OP
            )
    elif change.action is Action.NO_OP:
        change = replace(change, after=before)
    finished = finish(work, change, kind, joined, wanted.expressions or {}, desired)
    if drifted:
        work.drift.append(
            replace(finished, before=known, after=before, changed=drifted, action=Action.UPDATE)
        )
    return finished, change.after or {}


def _reset(wanted: Declaration) -> frozenset[str]:
    """Arguments that are null because configuration omits them: where nobody else can set them."""
    ignored = wanted.block.lifecycle.ignore_changes
    if not (wanted.kind.local and wanted.kind.resets) or ignored == "all":
        return frozenset()
    kept = {str(path[0]) for path in ignored}
    return frozenset(wanted.kind.schema.attributes) - wanted.desired.keys() - kept


def _local(schema: Schema) -> frozenset[str]:
    return frozenset(
        name for name, attribute in schema.attributes.items() if attribute.mode is Mode.LOCAL
    )


def ignoring(block: Resource, wanted: Attributes, observed: Attributes) -> Attributes:
    """What configuration wants, without what ``ignore_changes`` leaves to the tenant."""
    ignored = block.lifecycle.ignore_changes
    if not ignored:
        return wanted
    if ignored == "all":
        return {}
    desired: dict[str, Any] = dict(wanted)
    for path in ignored:
        top = str(path[0])
        if len(path) == 1:
            desired.pop(top, None)
        elif top in desired:
            desired[top] = _put(
                desired[top], tuple(path[1:]), _get(observed.get(top), tuple(path[1:]))
            )
    return desired


def _get(value: Any, path: Path) -> Any:
    for step in path:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def _put(value: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(value, Mapping):
        changed = {**value, step: _put(value.get(step), rest, new)}
        if changed[step] is None and not rest:
            del changed[step]
        return changed
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return [
            _put(item, rest, new) if index == step else item for index, item in enumerate(value)
        ]
    return value


def _validate(work: Work, wanted: Declaration) -> None:
    for path, problem in wanted.kind.validate(wanted.desired):
        attribute = wanted.block.body.attributes.get(str(path[0])) if path else None
        work.diagnostics.error(
            "Invalid configuration",
            problem,
            attribute.expr.range if attribute else wanted.block.range,
            address=str(wanted.address),
        )


def _decide(
    work: Work, wanted: Declaration, found: Difference, remembered: StateObject | None
) -> tuple[Action, str, tuple[Path, ...]]:
    reason = ""
    paths: tuple[Path, ...] = ()
    if remembered is not None and remembered.tainted:
        reason = "replace_because_tainted"
    elif found.replace_paths:
        reason, paths = "replace_because_cannot_update", found.replace_paths
    elif str(wanted.address) in work.options.replace:
        reason = "replace_by_request"
    elif wanted.triggered:
        reason = "replace_by_triggers"
    if reason:
        early = wanted.block.lifecycle.create_before_destroy
        if not wanted.block.lifecycle.destroy:
            return Action.FORGET_THEN_CREATE, reason, paths
        return (Action.CREATE_THEN_DELETE if early else Action.DELETE_THEN_CREATE), reason, paths
    return (Action.UPDATE if found.changed else Action.NO_OP), "", ()


def _replace(
    work: Work,
    wanted: Declaration,
    change: Change,
    joined: Joined,
    action: Action,
    reason: str,
    paths: tuple[Path, ...],
) -> tuple[Change | None, Attributes]:
    kind = wanted.kind
    planned = dict(
        kind.plan(
            Transition(
                before=None,
                after=difference(kind.schema, wanted.desired, None).after,
                tenant=joined.tenant,
            )
        )
    )
    change = replace(change, action=action, reason=reason, replace_paths=paths, after=planned)
    remembered = change.prior
    forgets = action is Action.FORGET_THEN_CREATE
    if forgets:
        check_beside(work, wanted.kind, change)
    protected = wanted.prevent_destroy or (remembered is not None and remembered.protected)
    if protected and not forgets:
        what = ", ".join(str(path[0]) for path in paths) or reason.replace("_", " ")
        work.diagnostics.error(
            "Instance cannot be destroyed",
            f"Resource {wanted.address} has lifecycle.prevent_destroy set, but the plan calls for this resource to be replaced "
            f"({what}). To avoid this error and continue with the plan, apply prevent_destroy = false first, or keep the old "
            "value.",
            wanted.block.range,
            address=str(wanted.address),
        )
    transition = Transition(
        before=None if forgets else change.before,
        after=planned,
        siblings=_siblings(work, change, kind, joined),
        tenant=joined.tenant,
    )
    manual = kind.manual(transition)
    if manual is not None or not (kind.creatable and (forgets or kind.deletable)):
        manual = manual or ManualStep(
            reason=f"No API replaces a {kind.name}.",
            instructions="Replace it in the vendor's console.",
            url="",
        )
        change = replace(change, action=Action.NO_OP, manual=manual)
    return finish(work, change, kind, joined, wanted.expressions or {}, wanted.desired), planned


def _siblings(
    work: Work, base: Change, kind: ResourceType, joined: Joined
) -> tuple[Attributes, ...]:
    instance = work.instances.get(base.provider)
    return (
        work.siblings(instance, kind, joined.parent)
        if instance is not None and not kind.local
        else ()
    )


def finish(
    work: Work,
    change: Change,
    kind: ResourceType,
    joined: Joined,
    expressions: Mapping[str, str],
    desired: Attributes,
) -> Change:
    """Judge a change: its direction, quirks and fingerprint."""
    if change.action is Action.NO_OP and change.manual is None and not change.importing:
        return change
    transition = Transition(
        before=None if change.action is Action.FORGET_THEN_CREATE else change.before,
        after=change.after,
        siblings=_siblings(work, change, kind, joined),
        tenant=joined.tenant,
    )
    moves = change.action not in (Action.NO_OP, Action.FORGET) or change.manual is not None
    direction = kind.direction(transition) if moves else Direction.NEUTRAL
    quirks = tuple(quirk.summary for quirk in kind.quirks if moves and quirk.applies(transition))
    if not change.does_something and change.manual is None:
        return replace(change, direction=direction, quirks=quirks)
    new = change.action is Action.CREATE or (change.manual is not None and not change.id)
    # One copy of so wide a value for each step would be what planning spends most of its time on.
    change = replace(
        change,
        direction=direction,
        quirks=quirks,
        subject=unique_name(kind, change.after or {}) if new else "",
        worded=dict(expressions),
    )
    secrets = shown_digests(work.digests, kind.schema, desired, change)
    if secrets:
        change = replace(change, secrets=secrets)
    return replace(change, fingerprint=fingerprint(change))


def data_key(config: Attributes) -> str:
    """The canonical text by which equal data source requests are one."""
    return hashlib.sha256(sort_text(config).encode()).hexdigest()
