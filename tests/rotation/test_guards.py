"""What holds a rotation back, and what people may ask of it."""

import threading
from datetime import timedelta

import pytest

from perimeter.engine.model import Options
from perimeter.sdk import ProviderError
from perimeter.state.errors import StateError
from tests.tiny.tenant import Fault

KEY = "tiny_pass.key"


def errors(outcome):
    return "\n".join(outcome.errors)


def test_asked_for_it_is_rotated_now_and_nothing_else_is_planned(tiny):
    tiny.write(tail='resource "tiny_group" "other" { name = "other" }')
    tiny.applied()
    tiny.tenant.of("tiny_group").clear()
    tiny.later(days=1)
    plan = tiny.plan(Options(invoke=(KEY,)))
    assert [change.name for change in plan.active] == [KEY]
    old = tiny.secret("vault")
    tiny.applied(Options(invoke=(KEY,)))
    assert tiny.secret("vault")["id"] != old["id"]
    assert tiny.tenant.works("tiny_pass", old)


def test_what_is_not_rotated_cannot_be_invoked(tiny):
    tiny.write(tail='resource "tiny_group" "other" { name = "other" }')
    outcome = tiny.work.plan(Options(invoke=("tiny_group.other",)))
    assert "tiny_group.other is no credential that is rotated" in errors(outcome)


def test_without_overlap_the_old_one_ends_in_the_same_run(tiny):
    tiny.write()
    tiny.applied()
    old = tiny.secret("vault")
    tiny.later(days=1)
    tiny.applied(Options(invoke=(KEY,), no_overlap=True))
    assert not tiny.tenant.works("tiny_pass", old)
    assert tiny.works("vault")
    tiny.applied()
    assert len(tiny.passes) == 1


def test_replace_is_guarded(tiny):
    tiny.write()
    tiny.applied()
    outcome = tiny.work.plan(Options(replace=(KEY,)))
    assert f"-invoke={KEY}" in errors(outcome)
    assert f"-allow-replace={KEY}" in errors(outcome)
    old = tiny.secret("vault")
    tiny.applied(Options(replace=(KEY,), allow_replace=(KEY,)))
    assert not tiny.tenant.works("tiny_pass", old)
    assert tiny.works("vault")


def test_a_change_that_forces_a_new_one_is_a_rotation(tiny):
    """The old one lives on for its overlap: its consumers go on."""
    tiny.write()
    tiny.applied()
    old = tiny.secret("vault")
    text = (tiny.directory / "main.hcl").read_text().replace('"billing"', '"export"')
    tiny.work.write(text)
    assert tiny.rotation().reason == "rotation_requested"
    tiny.applied()
    assert tiny.passes[tiny.secret("vault")["id"]]["user"] == "export"
    assert tiny.tenant.works("tiny_pass", old)
    assert tiny.roles()[old["id"]] == "previous"
    assert tiny.rotation().steps == ("verify",)


def test_a_rotation_is_rolled_back_on_request(tiny):
    tiny.write()
    tiny.applied()
    old = tiny.secret("vault")
    tiny.later(days=91)
    tiny.applied()
    new = tiny.secret("vault")
    tiny.applied(Options(roll_back=(KEY,)))
    assert tiny.secret("vault") == old
    assert new["id"] not in tiny.passes
    assert tiny.roles() == {old["id"]: "current"}
    assert "Nothing to roll back to" in errors(tiny.work.plan(Options(roll_back=(KEY,))))


def test_a_retired_one_is_not_rolled_back_to(tiny):
    tiny.write(
        rule='max_age = "90d"\n overlap = "0s"\n quarantine = "1d"',
        verify='verify { by = "attestation" }',
    )
    tiny.applied()
    tiny.later(days=91)
    tiny.applied(Options(invoke=(KEY,), no_overlap=True))
    outcome = tiny.work.plan(Options(roll_back=(KEY,)))
    assert "retired already" in errors(outcome)


def test_a_limit_reached_by_unknown_keys_is_told_exactly(tiny):
    tiny.write()
    tiny.applied()
    tiny.later(days=91)
    stranger = tiny.tenant.put("tiny_pass", user="billing", active=True, password="x")
    found = tiny.rotation()
    assert found.steps == ()
    assert "allows 2; 1 of them nothing declares" in found.findings[0].detail
    del tiny.passes[stranger]
    assert tiny.rotation().steps == ("issue",)


def test_a_limit_reached_meanwhile_stops_with_an_exact_account(tiny):
    tiny.write()
    tiny.applied()
    old = tiny.secret("vault")
    tiny.later(days=91)
    outcome = tiny.apply(
        between=lambda: tiny.tenant.put("tiny_pass", user="billing", active=True, password="x")
    )
    text = outcome.applied.results[-1].text
    assert "The owner has 2 of them" in text
    assert "1 of them perimeter does not know here" in text
    assert tiny.secret("vault") == old
    assert tiny.tenant.count("issue") == 1


def test_what_does_not_work_any_more_is_an_incident(tiny):
    tiny.write()
    tiny.applied()
    tiny.later(days=91)
    identifier = tiny.secret("vault")["id"]

    def broken():
        tiny.passes[identifier]["password"] = "changed by somebody"

    outcome = tiny.apply(between=broken)
    assert "is an incident, not a rotation" in outcome.applied.results[-1].text
    assert tiny.tenant.count("issue") == 1
    tiny.passes[identifier]["active"] = False
    assert tiny.rotation().findings[0].summary == "The credential in use does not work"


def test_used_again_just_before_the_end_it_is_kept(tiny):
    tiny.write()
    tiny.applied()
    old = tiny.secret("vault")
    tiny.later(days=91)
    tiny.applied()
    tiny.later(days=8)
    tiny.use("vault")
    tiny.applied()
    assert tiny.rotation().steps == ("retire",)
    outcome = tiny.apply(between=lambda: tiny.tenant.use("tiny_pass", old))
    assert "was used again" in outcome.applied.results[-1].text
    assert tiny.tenant.works("tiny_pass", old)


def test_what_perimeter_connects_with_is_not_ended(tiny):
    tiny.write()
    tiny.applied()
    old = tiny.secret("vault")
    tiny.tenant.caller_credential = old["id"]
    tiny.later(days=91)
    tiny.applied()
    tiny.later(days=8)
    tiny.use("vault")
    tiny.applied()
    found = tiny.rotation()
    assert found.steps == ()
    assert f"perimeter itself to move: it still connects with {old['id']}" in found.waiting_for
    tiny.tenant.caller_credential = tiny.secret("vault")["id"]
    assert tiny.rotation().steps == ("retire",)


def test_one_that_is_refused_for_good_is_rolled_back(tiny):
    tiny.write(verify='verify {\n by = "probe" \n times = 2 \n window = "10m" \n}')
    tiny.applied()
    old = tiny.secret("vault")
    tiny.later(days=91)
    tiny.applied()
    new = tiny.secret("vault")["id"]
    tiny.passes[new]["password"] = "the vendor lost it"
    tiny.later(minutes=20)
    tiny.applied()
    assert tiny.instance().rotation.refused_at
    assert tiny.rotation().steps == ("roll_back",)
    tiny.applied()
    assert tiny.secret("vault") == old
    assert set(tiny.passes) == {old["id"]}


def test_enough_trials_over_enough_time_are_proof(tiny):
    tiny.write(verify='verify {\n by = "probe" \n times = 3 \n window = "10m" \n}')
    tiny.applied()
    tiny.later(days=91)
    tiny.applied()
    for _ in range(2):
        assert not tiny.instance().rotation.verified_at
        tiny.later(minutes=6)
        tiny.applied()
    assert tiny.instance().rotation.verified_at


def test_a_key_made_by_hand_is_old_on_its_first_day(tiny):
    made = tiny.moment - timedelta(days=400)
    identifier = tiny.tenant.put(
        "tiny_pass",
        user="billing",
        active=True,
        password="by hand",
        created_at=made.isoformat().replace("+00:00", "Z"),
        last_used_at=None,
    )
    tiny.write(tail=f'import {{\n to = {KEY}\n id = "{identifier}"\n}}')
    found = tiny.rotation()
    assert found.steps == ("issue",)
    assert found.current.age == 400 * 86400
    tiny.applied()
    assert tiny.roles()[identifier] == "previous"
    assert tiny.works("vault")


def test_where_no_api_makes_one_a_person_does_and_perimeter_ends_the_old_one(tiny):
    tiny.write(kind="tiny_handmade", sinks=(), rule='max_age = "90d"\n overlap = "7d"')
    address = "tiny_handmade.key"
    text = (tiny.directory / "main.hcl").read_text().replace("deliver_to = []", "")
    tiny.work.write(text)

    def by_hand():
        return tiny.tenant.put(
            "tiny_handmade",
            user="billing",
            active=True,
            password="p",
            created_at=tiny.tenant.now(),
            last_used_at=None,
        )

    plan = tiny.plan()
    assert plan.by_hand[0].manual.reason == "No API makes one."
    tiny.applied()
    tiny.later(hours=1)
    first = by_hand()
    assert tiny.rotation(address=address).steps == ("take_over",)
    tiny.applied()
    assert tiny.roles(address) == {first: "current"}
    tiny.later(days=91)
    tiny.applied()
    tiny.later(hours=1)
    second = by_hand()
    tiny.applied()
    assert tiny.roles(address) == {first: "previous", second: "current"}
    tiny.tenant.use("tiny_handmade", {"id": second, "password": "p"})
    tiny.later(days=8)
    tiny.applied()
    tiny.applied()
    assert not tiny.tenant.of("tiny_handmade")[first]["active"]
    tiny.later(days=15)
    tiny.applied()
    assert set(tiny.tenant.of("tiny_handmade")) == {second}


def test_a_vendor_that_ends_the_old_one_at_once(tiny):
    tiny.write(kind="tiny_hot")
    tiny.applied()
    old = tiny.secret("vault")
    tiny.later(days=91)
    tiny.applied()
    assert tiny.works("vault", "tiny_hot")
    assert not tiny.tenant.works("tiny_hot", old)
    assert list(tiny.roles("tiny_hot.key").values()) == ["current"]
    assert tiny.plan().is_empty


def test_two_applies_at_once_issue_one(tiny):
    tiny.write()
    tiny.applied()
    tiny.later(days=91)
    ends = []

    def run():
        try:
            ends.append(tiny.workspace().apply().errors)
        except StateError as problem:
            ends.append(str(problem))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ends) == 2
    assert tiny.tenant.count("issue") == 2
    assert len(tiny.passes) == 2
    assert tiny.works("vault")
    assert not tiny.orphans()


def test_the_same_failure_is_not_repeated_for_ever(tiny):
    tiny.write()
    tiny.applied()
    tiny.later(days=91)
    tiny.tenant.faults.append(
        Fault("issue", "tiny_pass", ProviderError("Quota.", committed=False), times=99)
    )
    for _ in range(40):
        tiny.work.apply()
        tiny.later(hours=1)
    assert tiny.tenant.count("issue") <= 1 + 7
    found = tiny.rotation()
    assert found.findings[0].summary == "Rotation keeps failing"
    assert "Quota." in found.findings[0].detail


def test_an_exclusive_collection_knows_both(tiny):
    tail = 'collection "tiny_pass" "all" { \n mode = "exclusive" \n }'
    tiny.write(tail=tail)
    tiny.applied()
    tiny.later(days=91)
    tiny.applied()
    assert len(tiny.passes) == 2
    plan = tiny.plan()
    assert [change.name for change in plan.changes if change.address is None] == []


def test_taking_the_declaration_away_removes_both(tiny):
    tiny.write()
    tiny.applied()
    tiny.later(days=91)
    tiny.applied()
    tiny.work.write('resource "tiny_vault" "vault" { name = "vault" }')
    tiny.applied()
    assert not tiny.passes


def test_the_clock_is_an_input_of_the_plan(tiny):
    tiny.write()
    tiny.applied()
    options = Options(now="2026-04-05T12:00:00Z")
    assert tiny.rotation(options).steps == ("issue",)
    outcome = tiny.work.apply(options)
    assert "about another time" in errors(outcome)
    assert tiny.tenant.count("issue") == 1


def test_consumers_must_have_moved(tiny):
    tail = f'consumer "export" {{\n uses = {KEY}\n owner = "data@acme.example"\n}}'
    tiny.write(tail=tail)
    tiny.applied()
    tiny.later(days=91)
    tiny.applied()
    tiny.later(days=8)
    tiny.use("vault")
    tiny.applied()
    found = tiny.rotation()
    assert found.steps == ()
    assert found.waiting_for == ('consumer "export" to move',)
    tiny.later(days=8)
    assert tiny.rotation().findings[0].summary == "Rotation is stuck"


def test_consumers_by_use_have_moved_when_the_tenant_shows_it(tiny):
    tail = f'consumer "export" {{\n uses = {KEY}\n evidence = "last_used"\n}}'
    tiny.write(tail=tail)
    tiny.applied()
    tiny.later(days=91)
    tiny.applied()
    tiny.later(days=8)
    tiny.use("vault")
    tiny.applied()
    assert tiny.rotation().steps == ("retire",)


@pytest.mark.parametrize(
    ("rule", "summary"),
    [
        ('max_age = "soon"', "Invalid max_age"),
        ('max_age = "0s"', "Invalid max_age"),
        ("max_age = 90", "Invalid max_age"),
        ('max_age = "9d"\n overlap = "9d"', "Invalid rotation"),
        ('max_age = "9d"\n schedule = "Mon-Fry"', "Invalid schedule"),
        ('max_age = "9d"\n schedule = "16-09"', "Invalid schedule"),
        ('max_age = "9d"\n notify = ["mail"]', "Invalid notify"),
        ('max_age = "9d"\n verify { by = "luck" }', "Invalid verify.by"),
        ('max_age = "9d"\n verify { times = 0 }', "Invalid verify.times"),
        ('max_age = "9d"\n ovrlap = "1d"', "Unsupported argument"),
        ('overlap = "1d"', "Missing required argument"),
    ],
)
def test_what_is_wrong_in_a_rotation_block(tiny, rule, summary):
    tiny.write(rule=rule)
    assert summary in errors(tiny.work.plan())


def test_what_is_no_credential_is_not_rotated(tiny):
    tiny.work.write('resource "tiny_group" "a" {\n name = "a"\n rotation {\n max_age = "9d"\n }\n}')
    assert "Not a credential: tiny_group is no credential" in errors(tiny.work.plan())


def test_what_is_no_sink_takes_no_secret(tiny):
    tiny.write(tail='resource "tiny_group" "a" { name = "a" }')
    text = (tiny.directory / "main.hcl").read_text().replace("tiny_vault.vault]", "tiny_group.a]")
    tiny.work.write(text)
    assert "Not a sink" in errors(tiny.work.plan())
    tiny.work.write(text.replace("deliver_to = [tiny_group.a]", ""))
    assert "Rotation without a sink" in errors(tiny.work.plan())
    tiny.work.write(text.replace("[tiny_group.a]", "[var.x]"))
    assert "Invalid deliver_to entry" in errors(tiny.work.plan())


def test_when_it_is_due_must_be_known(tiny):
    tiny.write(rule="max_age = tiny_group.a.note", tail='resource "tiny_group" "a" { name = "a" }')
    tiny.work.write(
        (tiny.directory / "main.hcl").read_text().replace("tiny_group.a.note", "tiny_group.a.id")
    )
    assert "Rotation must be known" in errors(tiny.work.plan())


def test_a_previous_one_that_nothing_retires_any_more_is_told(tiny):
    """The block was taken away in the middle: the old credential would live for ever, and nobody would know."""
    tiny.write()
    tiny.applied()
    old = tiny.secret("vault")["id"]
    tiny.later(days=1)
    tiny.applied(Options(invoke=(KEY,)))
    plain = 'resource "tiny_pass" "key" {\n  user = "billing"\n}\n'
    tiny.work.write(plain + 'resource "tiny_vault" "vault" {\n  name = "vault"\n}\n')
    for _ in range(2):
        found = tiny.work.plan()
        assert not found.errors
        told = [
            item for item in found.diagnostics if item.summary == "A previous credential lives on"
        ]
        assert [old in item.detail for item in told] == [True]
        tiny.work.apply()
    assert old in tiny.passes
