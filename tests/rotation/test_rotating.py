"""A rotation across applies, with an injected clock."""


def test_a_first_apply_issues_and_delivers(tiny):
    tiny.write()
    assert tiny.rotation().steps == ("issue",)
    tiny.applied()
    assert tiny.works("vault")
    assert list(tiny.roles().values()) == ["current"]
    found = tiny.rotation()
    assert (found.stage, found.steps, found.next_at) == ("settled", (), "2026-04-05T12:00:00Z")
    assert tiny.plan().is_empty


def test_the_whole_course_of_a_rotation(tiny):
    tiny.write()
    tiny.applied()
    first = tiny.secret("vault")
    tiny.use("vault")
    tiny.later(days=90)
    assert tiny.rotation().reason == "rotation_due"
    tiny.applied()
    second = tiny.secret("vault")
    assert first["id"] != second["id"]
    assert tiny.tenant.works("tiny_pass", first)
    assert tiny.roles() == {first["id"]: "previous", second["id"]: "current"}

    tiny.later(hours=1)
    tiny.tenant.use("tiny_pass", first)
    found = tiny.rotation()
    assert found.stage == "delivered"
    assert found.steps == ("verify",)
    tiny.use("vault")
    tiny.applied()
    assert tiny.instance().rotation.verified_at
    assert tiny.rotation().stage == "overlapping"
    assert tiny.plan().is_empty

    tiny.later(days=7)
    found = tiny.rotation()
    assert found.steps == ("retire",)
    tiny.applied()
    assert not tiny.tenant.works("tiny_pass", first)
    assert first["id"] in tiny.passes
    assert tiny.plan().is_empty

    tiny.later(days=1)
    assert tiny.rotation().steps == ("remove",)
    tiny.applied()
    assert first["id"] not in tiny.passes
    assert tiny.roles() == {second["id"]: "current"}
    assert tiny.works("vault")
    assert tiny.plan().is_empty
