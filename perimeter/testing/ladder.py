"""The desired-state ladder: what every resource type must do, whatever the vendor.

A test of a provider declares a ``Ladder`` per resource type and calls the functions below; each raises
``AssertionError`` with what went wrong. The tenant is changed by the test itself, never through the provider.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from perimeter.addresses import parse_address
from perimeter.engine.model import Change, Plan
from perimeter.sdk.provider import ResourceType
from perimeter.sdk.schema import Mode
from perimeter.state.model import StateObject
from perimeter.testing.workspace import Outcome, Workspace

Tamper = Callable[[StateObject], None]
"""Changes an object in its tenant, behind perimeter's back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """One resource type's ladder.

    Attributes:
        kind: the type.
        address: of the instance that is watched, printed.
        steps: whole configurations, each a desired state; the next one is reached from the one before.
        tamper: by attribute (or block) name: changes it in the tenant, given the object; the last step's
            configuration must name the attribute, and the value put there must differ from it.
        by_hand: attributes that only a person can repair: what changes them out of band, and what mends them again.
        untampered: attributes that cannot be changed out of band, each with the reason.
        import_block: the configuration of an import, given the object's id; empty where objects are not imported.
        remove: takes the object away behind perimeter's back; None where that is impossible.
    """

    kind: ResourceType
    address: str
    steps: tuple[str, ...]
    tamper: Mapping[str, Tamper] = field(default_factory=dict)
    by_hand: Mapping[str, tuple[Tamper, Tamper]] = field(default_factory=dict)
    untampered: Mapping[str, str] = field(default_factory=dict)
    import_id: Callable[[StateObject], str] | None = None
    remove: Tamper | None = None


def climb(workspace: Workspace, ladder: Ladder) -> None:
    """Apply each step; each reads back equal, and a second plan is empty."""
    for number, text in enumerate(ladder.steps, start=1):
        workspace.write(text)
        _applied(workspace, f"step {number}")
        _empty(workspace, f"after step {number}")


def drift(workspace: Workspace, ladder: Ladder) -> None:
    """Change every managed attribute out of band: the plan shows it, apply repairs it, the next plan is empty."""
    _covered(ladder)
    for name, change in ladder.tamper.items():
        change(current(workspace, ladder))
        shown = _change(workspace.plan(), ladder, f"after {name} was changed out of band")
        assert name in shown.changed or name in {str(path[0]) for path in shown.replace_paths}, (
            f"{name} was changed out of band; the plan shows {sorted(shown.changed)} instead"
        )
        _applied(workspace, f"repairing {name}")
        _empty(workspace, f"after {name} was repaired")
    for name, (change, mend) in ladder.by_hand.items():
        change(current(workspace, ladder))
        shown = _change(workspace.plan(), ladder, f"with {name} to be done by hand")
        assert shown.manual is not None, f"{name}: no manual step"
        assert name in shown.manual.paths, f"the manual step names {shown.manual.paths}"
        assert shown.manual.instructions, f"{name}: a manual step that does not say what to do"
        _applied(workspace, f"with {name} open")
        mend(current(workspace, ladder))
        left = _change(workspace.plan(), ladder, f"after {name} was mended")
        open_still = left.manual is not None and name in left.manual.paths
        assert not open_still, f"{name} was done by hand, and the plan still asks for it"
        _empty(workspace, f"after {name} was mended")


def comes_back(workspace: Workspace, ladder: Ladder) -> None:
    """An object removed out of band is planned to be made again, and is."""
    assert ladder.remove is not None
    before = current(workspace, ladder)
    ladder.remove(before)
    shown = _change(workspace.plan(), ladder, "after the object was removed out of band")
    if shown.manual is not None:
        return
    assert "create" in shown.action.verbs, f"planned {shown.action.verbs} instead of a create"
    _applied(workspace, "making it again")
    _empty(workspace, "after it was made again")


def listed(workspace: Workspace, ladder: Ladder) -> None:
    """A list of the collection contains the object."""
    held = current(workspace, ladder)
    outcome = workspace.plan()
    shown = _find(outcome, ladder.address)
    assert shown is not None, outcome.errors
    assert shown.id == held.id
    from perimeter.engine.snapshot import objects_of

    ids = {item.id for item in objects_of(outcome.snapshot, held.provider, ladder.kind.name)}
    assert held.id in ids, f"{held.id} is not among the listed: {sorted(ids)[:5]}"


def imported(workspace: Workspace, ladder: Ladder, directory: Path) -> None:
    """The object round-trips through an import into an empty state: no change is planned."""
    assert ladder.import_id is not None
    identifier = ladder.import_id(current(workspace, ladder))
    other = Workspace(
        directory=directory, providers=workspace.providers, environment=workspace.environment
    )
    block = f"import {{\n  to = {ladder.address}\n  id = {json.dumps(identifier)}\n}}\n"
    other.write(ladder.steps[-1])
    other.write(block, "import.hcl")
    outcome = other.plan()
    shown = _change(outcome, ladder, "importing")
    assert shown.importing, f"it is not imported but {shown.action.verbs}"
    schema = ladder.kind.schema.attributes
    # What only state knows cannot come from the tenant: the first apply writes it anew.
    changed = {n for n in shown.changed if n not in schema or schema[n].mode is not Mode.LOCAL}
    assert not changed, f"importing plans changes: {sorted(changed)}"


def removed(workspace: Workspace, ladder: Ladder, without: str) -> None:
    """Without its block the object is removed (a singleton is left as it is, and forgotten)."""
    workspace.write(without)
    _applied(workspace, "removing it")
    _empty(workspace, "after it was removed")
    assert ladder.address not in workspace.state.resources


def never_wider_without(
    workspace: Workspace,
    scopes: Iterable[str],
    taken: Callable[[str], AbstractContextManager[None]],
) -> None:
    """With any one read scope removed, the set of planned writes never grows, and nobody takes unseen for absent."""
    whole = _writes(workspace.plan())
    for scope in scopes:
        with taken(scope):
            outcome = workspace.plan()
        if outcome.plan is None or outcome.diagnostics.has_errors:
            continue  # a refusal writes nothing
        more = _writes(outcome) - whole
        assert not more, f"without {scope} the plan also wants {sorted(more)}"


def nothing_secret(secrets: Iterable[str], places: Iterable[Path], texts: Iterable[str]) -> None:
    """No secret in any file below the places or in any of the texts, in whatever form."""
    contents = {str(index): text.encode() for index, text in enumerate(texts)}
    for place in places:
        files = [place] if place.is_file() else [p for p in place.rglob("*") if p.is_file()]
        contents |= {str(path): path.read_bytes() for path in files}
    for secret in secrets:
        for form in forms(secret):
            for where, content in contents.items():
                assert form not in content, f"{where} holds a planted secret as {form!r}"


def forms(secret: str) -> list[bytes]:
    """A secret raw, JSON- and URL-escaped, and in base64 at each alignment (as in a Basic header)."""
    raw = secret.encode()
    found = {raw, json.dumps(secret)[1:-1].encode(), quote(secret, safe="").encode()}
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw)
        # The characters at both ends also hold bits of the neighbours.
        core = whole[(0, 2, 3)[shift] : len(whole) - 4]
        if len(core) >= 8:
            found.add(core)
            found.add(core.translate(bytes.maketrans(b"+/", b"-_")))
    return sorted(found)


def current(workspace: Workspace, ladder: Ladder) -> StateObject:
    """The watched instance's object, as state remembers it."""
    known = workspace.state.resources.get(ladder.address)
    held = known.current() if known is not None else None
    assert held is not None, f"state does not hold {ladder.address}"
    return held


def _covered(ladder: Ladder) -> None:
    """Every managed attribute is tampered with, or it is said why not."""
    schema = ladder.kind.schema
    managed = {
        name
        for name, attribute in schema.attributes.items()
        if attribute.mode in (Mode.MANAGED, Mode.OBSERVED) and attribute.configurable
    }
    managed |= set(schema.blocks)
    left = managed - set(ladder.tamper) - set(ladder.by_hand) - set(ladder.untampered)
    assert not left, f"the ladder of {ladder.kind.name} leaves out {sorted(left)}"


def _writes(outcome: Outcome) -> set[str]:
    if outcome.plan is None:
        return set()
    return {
        f"{verb} {change.name}: {name}"
        for change in outcome.plan.active
        for verb in change.action.verbs
        for name in (change.changed or {"*"})
    }


def _find(outcome: Outcome, address: str) -> Change | None:
    if outcome.plan is None:
        return None
    wanted = parse_address(address)
    return next((item for item in outcome.plan.changes if item.address == wanted), None)


def _change(outcome: Outcome, ladder: Ladder, when: str) -> Change:
    assert not outcome.errors, f"{when}: {outcome.errors}"
    found = _find(outcome, ladder.address)
    assert found is not None, f"{when}: the plan does not speak of {ladder.address}"
    return found


def _applied(workspace: Workspace, when: str) -> None:
    outcome = workspace.apply()
    assert not outcome.errors, f"{when}: {outcome.errors}"
    assert outcome.applied is not None
    bad = [item for item in outcome.applied.results if item.status in ("failed", "skipped")]
    assert not bad, f"{when}: {bad}"
    odd = [item for item in outcome.applied.results if "differently" in item.text]
    assert not odd, f"{when}: {odd}"


def _empty(workspace: Workspace, when: str) -> None:
    outcome = workspace.plan()
    assert not outcome.errors, f"{when}: {outcome.errors}"
    plan: Plan | None = outcome.plan
    assert plan is not None
    left = [(item.name, item.action.name, sorted(item.changed)) for item in plan.active]
    assert not left, f"{when} the plan is not empty: {left}"
