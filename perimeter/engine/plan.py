"""The pure plan: a function of configuration, variables, snapshot, state and now.

It returns a plan, or the needs it has; a driver satisfies them and calls again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

import msgspec

from perimeter.addresses import InstanceKey, ModulePath
from perimeter.config.graph import Graph, Node
from perimeter.config.model import Config
from perimeter.diagnostics import Diagnostics
from perimeter.engine.actions import plan_invoked, plan_triggered, warn_of_unanswered
from perimeter.engine.ages import credential_ages
from perimeter.engine.boundary import every_folder
from perimeter.engine.consent import Agreed, Consent, agreed_to, without_held
from perimeter.engine.diff import canonical_object
from perimeter.engine.evaluation import Evaluation
from perimeter.engine.exclusivity import check_exclusivity
from perimeter.engine.expiry import warn_of_expiry
from perimeter.engine.fingerprint import plan_fingerprint
from perimeter.engine.forgetting import check_forgotten, is_forgotten
from perimeter.engine.guards import check_guards, check_replacements
from perimeter.engine.imports import check_imports
from perimeter.engine.lockout import Kept, SafeOrder, check_lockout
from perimeter.engine.model import Action, Change, Options, OutputChange, Plan, Undeclared
from perimeter.engine.moves import check_relocation, relocate
from perimeter.engine.needs import FileNeed, FolderNeed, Need
from perimeter.engine.removal import Claim, foresee_undeclared, plan_orphans, plan_undeclared
from perimeter.engine.retyping import check_retyping, retyped
from perimeter.engine.rollback import restore
from perimeter.engine.rotating.plan import check_asked
from perimeter.engine.selection import select
from perimeter.engine.snapshot import Snapshot
from perimeter.engine.steps import track_steps, warn_of_steps
from perimeter.engine.upgrading import upgrade_pending, upgrade_state
from perimeter.engine.walk import walk
from perimeter.engine.work import ProviderInstance, Work
from perimeter.lang.plain import to_plain
from perimeter.lang.values import SENSITIVE, Reason, Unseen, Value
from perimeter.sdk.contract import Tenant
from perimeter.sdk.provider import Provider
from perimeter.sdk.schema import Mode
from perimeter.state.claims import Claims
from perimeter.state.digests import SecretDigests
from perimeter.state.model import Intent, State, StateObject


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """All that a plan depends on.

    Attributes:
        graph: the configuration's dependencies.
        inputs: the root module's variables.
        pending: creates, updates and deletes whose answer an earlier apply did not get, by printed address.
        unanswered: invocations of actions whose answer an earlier apply did not get.
        digests: compares secrets with what was last written; None without an encryption key.
        providers: by entry-point name; only their pure halves are called.
        now: RFC 3339; the only clock.
        cwd: what ``path.cwd`` is.
        claims: what the states beside this one claim and manage; None where the backend has no registry.
        earlier: the version of the state that ``options.rollback`` leads back to.
        outside_files: folders besides the modules' own that expressions may read, absolute.
        consent: what may be applied; None for everything.
    """

    config: Config
    graph: Graph
    inputs: Mapping[str, Value] = field(repr=False)
    snapshot: Snapshot
    state: State
    pending: Mapping[str, Intent] = field(default_factory=dict)
    digests: SecretDigests | None = field(default=None, repr=False)
    unanswered: tuple[Intent, ...] = ()
    providers: Mapping[str, Provider]
    now: str
    options: Options = field(default_factory=Options)
    cwd: str = "."
    claims: Claims | None = field(default_factory=Claims)
    earlier: State | None = field(default=None, repr=False)
    outside_files: tuple[str, ...] = ()
    consent: Consent | None = None


def _unreadable(answer: Unseen) -> OSError:
    if answer.reason is Reason.FORBIDDEN:
        return PermissionError(1, answer.detail)
    return OSError(answer.detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan, or the needs it has; the other parts let an apply decide what was unknown.

    ``ephemeral``: the provider instance of each ephemeral resource instance, by block. ``declared``: by provider instance
    and type, the address of each object that configuration or state means, by vendor id. ``claims``: collection blocks.
    ``kept``: who must always get in, by provider instance.
    """

    plan: Plan | None
    needs: tuple[Need, ...] = ()
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    evaluation: Evaluation | None = field(default=None, repr=False)
    instances: Mapping[str, ProviderInstance] = field(default_factory=dict, repr=False)
    ephemeral: Mapping[tuple[ModulePath, str, str], Mapping[InstanceKey, str]] = field(
        default_factory=dict
    )
    declared: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    kept: Mapping[str, Kept] = field(default_factory=dict)
    agreed: Agreed = field(default_factory=Agreed)


def plan(request: PlanRequest) -> Planned:
    """Plan once. Diagnostics of a pass that still has needs are dropped: with the answers they may vanish."""
    needs: dict[Need, None] = {}
    within = (*every_folder(request.config, request.cwd), *request.outside_files)

    def read_file(path: str) -> bytes:
        need = FileNeed(path, within)
        if not request.snapshot.answered(need):
            needs[need] = None
            raise OSError(f"{path} is not read yet")
        answer = request.snapshot.answer(need)
        if isinstance(answer, Unseen):
            raise _unreadable(answer)
        if not isinstance(answer, bytes):
            raise FileNotFoundError(path)
        return answer

    def list_files(path: str) -> Sequence[str]:
        need = FolderNeed(path, within)
        if not request.snapshot.answered(need):
            needs[need] = None
            return ()
        answer = request.snapshot.answer(need)
        if isinstance(answer, Unseen):
            raise _unreadable(answer)
        return answer if isinstance(answer, tuple) else ()

    outdated = Diagnostics()
    request = replace(
        request,
        state=upgrade_state(request.state, request.providers, outdated),
        pending=upgrade_pending(request.pending, request.providers, outdated),
    )
    moved = relocate(request.config, request.state, request.pending)
    held, converted = retyped(request.config, request.providers, moved.state)
    moved = replace(moved, state=held)
    evaluation = Evaluation(
        request.config,
        request.inputs,
        now=request.now,
        read_file=read_file,
        list_files=list_files,
        providers=request.providers,
        cwd=request.cwd,
        outside_files=request.outside_files,
    )
    work = Work(
        config=request.config,
        evaluation=evaluation,
        snapshot=request.snapshot,
        state=moved.state,
        pending=moved.pending,
        origins=moved.origins,
        providers=request.providers,
        digests=request.digests,
        now=request.now,
        options=request.options,
        selection=select(request.options, request.graph, moved.state),
        needs=needs,
        word_all=request.consent is not None and request.consent.needs_words,
    )
    work.diagnostics.extend(outdated)
    check_retyping(request.config, request.providers, work.diagnostics)
    walked = walk(work, request.graph)
    gone: Sequence[str] = ()
    undeclared: Sequence[Undeclared] = ()
    if request.options.invoke and not request.options.rotates:
        plan_invoked(work)
    elif request.earlier is not None and request.options.rollback is not None:
        walked.claims = ()
        walked.addresses |= restore(work, request.earlier, request.options.rollback)
        reasons = dict.fromkeys(work.state.resources, "delete_because_rollback")
        gone = plan_orphans(work, walked.declared, reasons, is_forgotten)
    else:
        foresee_undeclared(work, walked.claims)
        gone = plan_orphans(work, walked.declared, walked.reasons, is_forgotten)
        undeclared = plan_undeclared(work, walked.claims)
        plan_triggered(work)
    agreed = agreed_to(work, request.consent)
    order = (
        SafeOrder(compensations={}) if needs else check_lockout(_running(work, agreed), walked.kept)
    )
    if needs:
        return Planned(plan=None, needs=tuple(needs), diagnostics=work.diagnostics)
    check_guards(work, walked.claims, agreed.keys)
    check_asked(work)
    warn_of_expiry(work, request.graph)
    check_replacements(work, walked.declared)
    check_imports(work, walked.declared)
    check_forgotten(work, walked.claims)
    check_relocation(work, moved, walked.declared)
    warn_of_unanswered(work, request.unanswered)
    made = track_steps(
        work,
        replace(
            _assemble(work, request, tuple(gone), tuple(undeclared), converted), moves=moved.moves
        ),
    )
    made = replace(made, sequence=order.order, compensations=order.compensations)
    made = without_held(made, agreed, request.graph)
    warn_of_steps(made, work.diagnostics)
    check_exclusivity(made, walked.claims, request.claims, work.diagnostics)
    return Planned(
        plan=made,
        diagnostics=work.diagnostics,
        evaluation=evaluation,
        instances=work.instances,
        ephemeral=work.ephemeral,
        declared=work.declared_ids,
        claims=walked.claims,
        kept=walked.kept,
        agreed=agreed,
    )


def _running(work: Work, agreed: Agreed) -> Work:
    """The workbench with the changes only that will be made: what is judged is what will happen."""
    if not agreed.held:
        return work
    held = agreed.keys
    return replace(work, changes=[change for change in work.changes if change.key not in held])


def _assemble(
    work: Work,
    request: PlanRequest,
    gone: tuple[str, ...],
    undeclared: tuple[Undeclared, ...],
    converted: Set[str],
) -> Plan:
    changes = sorted(work.changes, key=_order)
    outputs = _outputs(work, request)
    if request.options.refresh_only:
        changes = [
            replace(
                change,
                action=Action.NO_OP,
                manual=None,
                importing="",
                after=change.before,
                rotation=None,
                fingerprint="",
            )
            for change in changes
            if change.before is not None and change.address is not None
        ]
    tenants = {
        instance.key: answer
        for instance in work.instances.values()
        if isinstance(answer := _tenant(work, instance.key), Tenant)
    }
    return Plan(
        timestamp=request.now,
        options=request.options,
        changes=tuple(changes),
        invocations=() if request.options.refresh_only else tuple(work.invocations),
        drift=tuple(sorted(work.drift, key=_order)),
        undeclared=undeclared,
        not_visible=tuple(work.not_visible[key] for key in sorted(work.not_visible)),
        outputs=outputs,
        checks=tuple(work.checks),
        ages=credential_ages(work),
        tenants=tenants,
        refreshed=_refreshed(changes, converted),
        gone=gone,
        state_serial=request.state.serial,
        lineage=request.state.lineage,
        fingerprint=plan_fingerprint(
            change.fingerprint
            for change in (*changes, *(item.change for item in work.invocations))
            if change.fingerprint
        ),
        variables=request.inputs,
    )


def _tenant(work: Work, key: str) -> Tenant | Unseen | None:
    for need, answer in work.snapshot.answers.items():
        if getattr(need, "provider", None) == key and isinstance(answer, Tenant):
            return answer
    return None


def _order(change: Change) -> tuple[object, ...]:
    if change.address is None:
        return (1, change.provider, change.type, change.id)
    return (0, change.address.sort_key, change.deposed)


def _outputs(work: Work, request: PlanRequest) -> tuple[OutputChange, ...]:
    found: list[OutputChange] = []
    from perimeter.addresses import ROOT

    restricted = request.options.restricted
    if request.options.rollback is not None:
        return ()
    declared = {} if request.options.destroy else request.config.root.outputs
    for name in sorted({*declared, *request.state.outputs}):
        if restricted and not (
            name in declared and work.selection.decides(Node((), "output", name))
        ):
            continue
        prior = request.state.outputs.get(name)
        before = prior.value if prior is not None else None
        if name not in declared:
            action = Action.DELETE if prior is not None else Action.NO_OP
            from perimeter.lang.values import null

            found.append(
                OutputChange(
                    name=name,
                    action=action,
                    before=before,
                    after=null(),
                    sensitive=bool(prior and prior.sensitive),
                )
            )
            continue
        after = work.evaluation.output(ROOT, name)
        if after is None or declared[name].ephemeral:
            continue
        sensitive = SENSITIVE in after.deep_marks() or bool(prior and prior.sensitive)
        if prior is None:
            action = Action.NO_OP if after.is_null else Action.CREATE
        elif after.is_wholly_known and to_plain(after) == before:
            action = Action.NO_OP
        else:
            action = Action.UPDATE
        found.append(
            OutputChange(name=name, action=action, before=before, after=after, sensitive=sensitive)
        )
    return tuple(found)


def _refreshed(changes: list[Change], converted: Set[str]) -> dict[str, StateObject]:
    """What state will remember anew of objects that the plan leaves as they are, or whose change may fail."""
    found: dict[str, StateObject] = {}
    for change in changes:
        prior, schema = change.prior, change.schema
        if (
            prior is None
            or change.before is None
            or schema is None
            or change.address is None
            or change.deposed
        ):
            continue
        kept = {
            name: prior.attributes.get(name)
            for name, attribute in schema.attributes.items()
            if attribute.mode is Mode.LOCAL and prior.attributes.get(name) is not None
        }
        attributes = {**canonical_seen(change), **kept}
        protected = (
            change.protected
            if change.action is not Action.DELETE and not change.kept
            else prior.protected
        )
        anew = msgspec.structs.replace(
            prior,
            attributes=attributes,
            protected=protected,
            create_before_destroy=change.create_before_destroy,
            retained=change.retained if change.address.mode == "managed" else False,
            dependencies=change.dependencies
            if change.action is not Action.DELETE
            else prior.dependencies,
            unconfirmed=False,
        )
        same = anew == prior and str(change.address) not in converted
        if not same and change.action is not Action.DELETE:
            found[str(change.address)] = anew
    return found


def canonical_seen(change: Change) -> dict[str, object]:
    """What the tenant showed of an object, without secrets; what it did not show stays as remembered."""
    assert change.before is not None
    assert change.schema is not None
    prior = change.prior.attributes if change.prior is not None else {}
    out: dict[str, object] = {}
    for name in canonical_object(change.schema, {}):
        value = change.before.get(name)
        value = prior.get(name) if isinstance(value, Unseen) else value
        if value is not None:
            out[name] = value
    return out
