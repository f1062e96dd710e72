"""For any plan, any part of it approved and any later drift: the calls made are a part of those approved.

What was approved is told by the planned values that people were shown, and what was done by the tenant's own log; neither
looks at a fingerprint.
"""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perimeter.engine.approvals import to_approve
from perimeter.engine.consent import Consent
from perimeter.engine.diff import canonical, is_wholly_known
from perimeter.sdk import Forbidden, Retryable
from tests.engine.agreeing import consent_to, ended, held
from tests.engine.conftest import Tiny
from tests.tiny.tenant import Fault

NAMES = ("a", "b", "c")
NOTES = (None, "n1", "n2", "open")
MEMBERS = ((), ("x",), ("x", "y"))


@dataclass
class Wanted:
    """A configuration: arguments by block."""

    groups: dict = field(default_factory=dict)
    keys: dict = field(default_factory=dict)
    rules: dict = field(default_factory=dict)
    hooks: tuple = ()
    theme: str | None = None

    def text(self):
        parts = ['collection "tiny_hook" "all" {\n  mode = "exclusive"\n}\n']
        parts.append(block("tiny_job", "always", ['  task = "t"']))
        for name, (note, members) in self.groups.items():
            lines = [f'  name = "{name}"']
            lines += [f'  note = "{note}"'] if note else []
            lines += [f"  members = [{', '.join(map(quoted, members))}]"] if members else []
            parts.append(block("tiny_group", name, lines))
        for name, (group, label) in self.keys.items():
            if group in self.groups:
                lines = [f"  group = tiny_group.{group}.id", f'  label = "{label}"']
                parts.append(block("tiny_key", name, lines))
        for name, effect in self.rules.items():
            parts.append(block("tiny_rule", name, [f'  name = "{name}"', f'  effect = "{effect}"']))
        for number in self.hooks:
            parts.append(block("tiny_hook", f"h{number}", [f'  url = "https://h{number}.example"']))
        if self.theme:
            parts.append(block("tiny_settings", "s", [f'  theme = "{self.theme}"']))
        return "\n".join(parts)


def quoted(text):
    return f'"{text}"'


def block(kind, name, lines):
    body = "\n".join(lines)
    return f'resource "{kind}" "{name}" {{\n{body}\n}}\n'


def some(values):
    return st.dictionaries(st.sampled_from(NAMES), values, max_size=3)


WANTED = st.builds(
    Wanted,
    groups=some(st.tuples(st.sampled_from(NOTES), st.sampled_from(MEMBERS))),
    keys=some(st.tuples(st.sampled_from(NAMES), st.sampled_from(("l1", "l2")))),
    rules=some(st.sampled_from(("allow", "deny"))),
    hooks=st.sets(st.sampled_from((1, 2, 3))).map(sorted).map(tuple),
    theme=st.sampled_from((None, "dark", "plain", "light")),
)

DRIFT = st.lists(
    st.tuples(
        st.sampled_from(("note", "members", "label", "effect", "url", "theme", "delete", "new")),
        st.integers(0, 5),
        st.integers(0, 3),
    ),
    max_size=4,
)

FAULTS = st.lists(
    st.tuples(
        st.sampled_from(("create", "update", "delete")),
        st.sampled_from(("tiny_group", "tiny_key", "tiny_rule", "tiny_hook")),
        st.booleans(),
    ),
    max_size=2,
)


def drift(tenant, what, which, value):
    """Somebody changes something in the tenant; returns the id of what was touched."""
    if what == "new":
        return tenant.put("tiny_hook", url=f"https://new{value}.example")
    holders = {
        "note": "tiny_group", "members": "tiny_group", "label": "tiny_key", "effect": "tiny_rule",
        "url": "tiny_hook", "theme": "tiny_settings",
    }  # fmt: skip
    if what == "delete":
        found = [(k, i) for k, o in tenant.objects.items() if k != "tiny_settings" for i in o]
        if not found:
            return None
        kind, identifier = sorted(found)[which % len(found)]
        del tenant.objects[kind][identifier]
        return identifier
    found = sorted(tenant.of(holders[what]))
    if not found:
        return None
    values = {
        "note": NOTES[value], "members": list(MEMBERS[value % 3]), "label": f"l{value}",
        "effect": ("allow", "deny")[value % 2], "url": f"https://h{value}.example",
        "theme": ("dark", "plain", "light", "odd")[value],
    }  # fmt: skip
    identifier = found[which % len(found)]
    tenant.of(holders[what])[identifier][what] = values[what]
    return identifier


class Log:
    """What the tenant was told, with what it held just before."""

    def __init__(self, tenant):
        self.calls = []
        for verb in ("create", "update", "delete"):
            self._watch(tenant, verb)

    def _watch(self, tenant, verb):
        real = getattr(tenant, verb)

        def watched(kind, *args, **more):
            identifier = args[0] if verb != "create" else ""
            before = dict(tenant.of(kind).get(identifier, {}))
            sent = args[-1] if verb == "update" else args[0] if verb == "create" else {}
            groups = {o["name"]: i for i, o in tenant.of("tiny_group").items()}
            self.calls.append((verb, kind, identifier, dict(sent), before, groups))
            return real(kind, *args, **more)

        setattr(tenant, verb, watched)


def is_approved(call, change, wanted):
    """Whether a call is (a step of) a change as people were shown it."""
    verb, kind, identifier, sent, before, groups = call
    if change.type != kind or verb not in change.action.verbs:
        return False
    after = change.after or {}
    if verb != "create" and (change.id != identifier or not as_shown(change, before, verb)):
        return False
    if verb == "delete":
        return True
    if verb == "update" and not sent.keys() <= change.changed:
        return False
    for name, value in sent.items():
        planned = after.get(name)
        if is_wholly_known(planned):
            if not equal(change, name, value, planned):
                return False
        elif (
            kind != "tiny_key"
            or name != "group"
            or value != groups.get(wanted.keys[change.address.name][0])
        ):
            return False
    if verb == "create":
        given = {n for n, v in after.items() if v is not None and n in change.desired}
        return given <= sent.keys()
    return True


def as_shown(change, before, verb):
    """Whether the object is what the plan showed: in what is changed, or as a whole where it goes."""
    if change.action.verbs == ("update",):
        names = change.changed
    else:
        names = {n for n, a in change.schema.attributes.items() if a.configurable}
    shown = change.before or {}
    return all(equal(change, name, before.get(name), shown.get(name)) for name in names)


def equal(change, name, one, other):
    attribute = change.schema.attributes.get(name)
    if attribute is None:
        return (one or []) == (other or [])
    return canonical(attribute, one) == canonical(attribute, other)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    first=WANTED,
    then=WANTED,
    at_last=st.one_of(st.none(), WANTED),
    later=DRIFT,
    faults=FAULTS,
    data=st.data(),
)
def test_calls_are_a_part_of_what_was_approved(first, then, at_last, later, faults, data):
    """Whatever is approved of the plan, whatever happens in the tenant or in the files, and however often apply runs."""
    with tempfile.TemporaryDirectory() as folder:
        tiny = Tiny(Path(folder) / "work")
        tiny.write(first.text())
        tiny.applied()
        tiny.tenant.put("tiny_hook", url="https://evil.example")
        tiny.write(then.text())
        plan = tiny.plan().plan
        changes = to_approve(plan)
        names = data.draw(
            st.sets(st.sampled_from([c.name for c in changes])) if changes else st.just(set())
        )
        chosen = [c for c in changes if c.name in names]
        touched = {drift(tiny.tenant, *one) for one in later} - {None}
        for verb, kind, lost in faults:
            problem = Retryable("lost", committed=None) if lost else Forbidden("no")
            tiny.tenant.faults.append(Fault(verb, kind, problem, after=lost))
        if at_last is not None:
            tiny.write(at_last.text())
        log = Log(tiny.tenant)
        consent = consent_to(plan, *names) if names else Consent(changes=())
        for _ in range(3):
            outcome = tiny.apply(consent=consent)
            assert not [e for e in outcome.errors if "bug" in e]
        for call in log.calls:
            assert any(is_approved(call, change, then) for change in chosen), (call, chosen)
        if faults or at_last is not None:
            return
        assert not outcome.errors, outcome.errors
        for change in chosen:
            # What nobody touched, and hangs on nothing else, is done.
            alone = change.type in ("tiny_group", "tiny_rule") and not change.dependencies
            if alone and change.action.verbs == ("update",) and change.id not in touched:
                assert any(call[2] == change.id for call in log.calls), change.name
        if not touched and len(chosen) == len(changes):
            assert held(outcome) == {}
            assert set(ended(outcome).values()) <= {"done"}
            tiny.empty()
