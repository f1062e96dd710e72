"""What may be applied of a plan: less than it holds, never more; pure.

A change runs when its effect was agreed to: by an approval, by a saved plan that is taken up again, or because it does not
widen access. What depends on a change that is held back is held back with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace

from perimeter.addresses import Address
from perimeter.config.graph import Graph, Node
from perimeter.engine.approvals import ApprovedChange, Undecided
from perimeter.engine.diff import is_wholly_known
from perimeter.engine.fingerprint import fingerprint, parts, touched, words
from perimeter.engine.model import Action, Change, Invocation, Plan
from perimeter.engine.refinement import fits
from perimeter.engine.stages import Stage, stages
from perimeter.engine.waits import Waits
from perimeter.engine.work import Work
from perimeter.sdk.contract import Direction
from perimeter.sdk.provider import ResourceType

_WIDENING = (Direction.WIDENS, Direction.UNKNOWN)
_SOFT = "make-all:"
"""A removal of what is undeclared waits for what is made of its type, but does not hang on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What was agreed to.

    Attributes:
        changes: the changes that may be made; None for every one.
        by: by fingerprint, who agreed.
        narrowing_only: nothing that widens access, or may, is made.
        word: what a change is called that was not agreed to: ``not approved``.
    """

    changes: tuple[ApprovedChange, ...] | None = None
    by: Mapping[str, str] = field(default_factory=dict)
    narrowing_only: bool = False
    word: str = "not approved"

    @property
    def needs_words(self) -> bool:
        """Whether something was agreed to that was not known then, and may be known now."""
        return any(item.undecided for item in self.changes or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A change that is not made.

    Attributes:
        because: why, as the end of a sentence.
        void: whether it was agreed to, but its effect would be another by now.
    """

    change: Change
    because: str
    void: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """A plan under a consent.

    Attributes:
        changes: of the plan, under the fingerprints that were agreed to.
        invocations: likewise.
        held: what is held back, in the plan's order.
        stages: why a stage is held back itself, by its id.
        idle: ids of all stages that will not run, those that hang on a held one included.
    """

    changes: tuple[Change, ...] = ()
    invocations: tuple[Invocation, ...] = ()
    held: tuple[Held, ...] = ()
    stages: Mapping[str, str] = field(default_factory=dict)
    idle: frozenset[str] = frozenset()

    @property
    def keys(self) -> frozenset[str]:
        """Keys of the changes that are held back."""
        return frozenset(
            item.change.key for item in self.held if item.change.action is not Action.INVOKE
        )


def agreed_to(work: Work, consent: Consent | None) -> Agreed:
    """Work out what is agreed to of what was planned; the workbench's changes get the fingerprints that were agreed to."""
    if consent is None:
        return Agreed()
    types = {
        name: kind
        for instance in work.instances.values()
        for name, kind in instance.provider.resources.items()
    }
    plan = Plan(
        timestamp=work.now,
        options=work.options,
        changes=tuple(work.changes),
        invocations=tuple(work.invocations),
    )
    agreed = agree(plan, types, consent)
    work.changes[:] = agreed.changes
    work.invocations[:] = agreed.invocations
    return agreed


def without_held(plan: Plan, agreed: Agreed, graph: Graph) -> Plan:
    """A plan that remembers nothing of what is held back: no drift as if it were settled, no output as if it were made."""
    if not agreed.held:
        return plan
    blocks = {
        (item.change.address.module.names, item.change.address.mode, item.change.address.block)
        for item in agreed.held
        if item.change.address is not None
    }
    names = {
        Node(path, "data" if mode == "data" else "resource", _node_name(mode, block))
        for path, mode, block in blocks
    }
    waiting = {
        item.name for item in plan.outputs if _hangs_on(Node((), "output", item.name), names, graph)
    }
    addresses = {str(item.change.address) for item in agreed.held}
    return replace(
        plan,
        outputs=tuple(item for item in plan.outputs if item.name not in waiting),
        refreshed={key: item for key, item in plan.refreshed.items() if key not in addresses},
    )


def _node_name(mode: str, block: Address) -> str:
    return f"data.{block.type}.{block.name}" if mode == "data" else f"{block.type}.{block.name}"


def _hangs_on(node: Node, wanted: Set[Node], graph: Graph) -> bool:
    seen: set[Node] = set()
    left = [node]
    while left:
        node = left.pop()
        if node in wanted:
            return True
        if node not in seen:
            seen.add(node)
            left.extend(graph.edges.get(node, ()))
    return False


def agree(plan: Plan, types: Mapping[str, ResourceType], consent: Consent) -> Agreed:
    """Work out what of a plan is agreed to."""
    judge = _Judge(consent)
    plan = replace(
        plan,
        changes=tuple(judge.renamed(change) for change in plan.changes),
        invocations=tuple(
            replace(item, change=judge.renamed(item.change)) for item in plan.invocations
        ),
    )
    found = stages(plan, types)
    reasons = {
        stage.id: judge.reasons[stage.change.fingerprint, stage.change.key].because
        for stage in found
        if not is_free(stage) and (stage.change.fingerprint, stage.change.key) in judge.reasons
    }
    idle = _idle(found, reasons)
    held: dict[tuple[str, str], Held] = {}
    for stage in found:
        key = (stage.change.fingerprint, stage.change.key)
        if stage.id in reasons:
            held[key] = judge.reasons[key]
        elif stage.id in idle and stage.operation not in ("read", "manual"):
            held.setdefault(key, Held(change=stage.change, because=idle[stage.id]))
    order = {change.key: number for number, change in enumerate(plan.changes)}
    ordered = sorted(held.values(), key=lambda item: order.get(item.change.key, len(order)))
    return Agreed(
        changes=plan.changes,
        invocations=plan.invocations,
        held=tuple(ordered),
        stages=reasons,
        idle=frozenset(idle),
    )


def is_free(stage: Stage) -> bool:
    """Whether a stage needs nobody's consent: it looks, asks a person, or remembers what an agreed change made."""
    if stage.operation in ("read", "manual"):
        return True
    return (
        stage.operation == "adopt"
        and stage.change.recovered
        and stage.change.action is Action.NO_OP
    )


def soft(stage: Stage) -> Stage:
    """A held stage, on which removals of what is undeclared do not wait."""
    return replace(
        stage, groups=tuple(group for group in stage.groups if not group.startswith(_SOFT))
    )


def _idle(found: tuple[Stage, ...], reasons: Mapping[str, str]) -> dict[str, str]:
    """Why stages do not run, by id: walk them as an apply does, held ones ending badly."""
    waits = Waits(tuple(soft(stage) if stage.id in reasons else stage for stage in found))
    idle: dict[str, str] = {}
    while True:
        stage, because = waits.next()
        if stage is None:
            return idle
        if stage.id in reasons:
            idle[stage.id] = reasons[stage.id]
        elif because:
            idle[stage.id] = f"it depends on {because}"
        waits.end(stage, well=stage.id not in idle)


class _Judge:
    """Decides change by change."""

    def __init__(self, consent: Consent) -> None:
        self.consent = consent
        self.agreed = {item.fingerprint: item for item in consent.changes or ()}
        self.by_name: dict[str, list[ApprovedChange]] = {}
        for item in consent.changes or ():
            self.by_name.setdefault(item.name, []).append(item)
        self.later = [item for item in consent.changes or () if item.undecided]
        self.reasons: dict[tuple[str, str], Held] = {}

    def renamed(self, change: Change) -> Change:
        """A change under the fingerprint that was agreed to; why not is noted."""
        if (
            not (change.does_something or change.action is Action.INVOKE)
            or change.action is Action.READ
        ):
            return change
        held: Held | None = None
        if self.consent.changes is not None:
            item = self.agreed.get(change.fingerprint) if change.fingerprint else None
            item = item or self._as_then(change)
            if item is not None and not _wider(change, item):
                change = replace(change, fingerprint=item.fingerprint)
            else:
                held = self._refused(change, item)
        if held is None and self.consent.narrowing_only and change.direction in _WIDENING:
            held = Held(change=change, because=_wide(change))
        if held is not None:
            self.reasons[change.fingerprint, change.key] = held
        return change

    def _as_then(self, change: Change) -> ApprovedChange | None:
        """What was agreed to when less was known: of a secret, before there was a key for digests, that one is given."""
        top = change.schema.secret_names if change.schema is not None else frozenset()
        given = {
            n: d if n.startswith("$") else "given"
            for n, d in change.secrets.items()
            if n in top or n[0] == "$"
        }
        kinds = [change] if given == change.secrets else [change, replace(change, secrets=given)]
        for kind in kinds[1:]:
            found = self.agreed.get(fingerprint(kind))
            if found is not None:
                return found
        return next((one for one in self.later for kind in kinds if decided_as(kind, one)), None)

    def _refused(self, change: Change, item: ApprovedChange | None) -> Held:
        word = self.consent.word
        if item is not None:
            return Held(change=change, because=f"{word} any more: {_wide(change)}", void=True)
        known = self.by_name.get(change.name, [])
        if not known:
            return Held(change=change, because=word)
        return Held(
            change=change, because=f"{word} any more: {difference(change, known[-1])}", void=True
        )


def _wide(change: Change) -> str:
    return "it widens access" if change.direction is Direction.WIDENS else "it may widen access"


def _wider(change: Change, item: ApprovedChange) -> bool:
    """Whether the same effect widens access by now, because of what is around it, and did not when it was agreed to."""
    agreed = Direction(item.direction)
    return change.direction in _WIDENING and agreed not in _WIDENING


def decided_as(change: Change, item: ApprovedChange) -> bool:
    """Whether a change is what was agreed to, now that what was unknown then is known.

    The effect is the same when each value that was unknown is put back under the expression that decides it; and each
    value is one that was possible then.
    """
    if (
        item.type != change.type
        or not item.undecided
        or change.after is None
        or change.schema is None
    ):
        return False
    open_names = item.undecided.keys() & touched(change, change.schema)
    for name in open_names:
        value = change.after.get(name)
        agreed = item.undecided[name]
        if change.worded.get(name) != agreed.digest:
            return False
        if is_wholly_known(value) and not fits(value, agreed.refined):
            return False
    return _as_then(change, item.undecided) == item.fingerprint


def _as_then(change: Change, undecided: Mapping[str, Undecided]) -> str:
    known_as = {name: words(item.digest, item.refined) for name, item in undecided.items()}
    return fingerprint(change, known_as=known_as)


def difference(change: Change, item: ApprovedChange) -> str:
    """What is another about a change than when it was agreed to, as the end of a sentence."""
    if item.actions != change.action.verbs:
        return f"then it was to {' and '.join(item.actions)}, now to {' and '.join(change.action.verbs)}"
    if change.tenant is not None and item.tenant != change.tenant.id:
        return f"it would be made in tenant {change.tenant.id}"
    now = parts(change)
    names = sorted({*now, *item.parts})
    before = [name for name in names if now.get(name, [""])[0] != item.parts.get(name, [""])[0]]
    after = [
        name for name in names if now.get(name, ["", ""])[1] != item.parts.get(name, ["", ""])[1]
    ]
    only_before = [name for name in before if name not in after]
    if after:
        return f"{_listed(after)} would become something else"
    if only_before:
        return f"{_listed(only_before)} changed in the tenant meanwhile"
    return "it is about another object, or about a value that is not shown"


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"
