"""Users, groups and memberships, against the sandbox."""

from __future__ import annotations

import pytest

from perimeter.sdk import Conflict, Direction, Invalid
from perimeter_okta.provider import Okta
from tests.providers.okta.seed import ADMIN, EMPLOYEES, EVERYONE, GONE, PLAIN, SALES, seed

USER, GROUP, MEMBER = (
    Okta().resources[name] for name in ("okta_user", "okta_group", "okta_group_membership")
)


def test_users_are_listed_with_deprovisioned_ones(org):
    users = org.list("okta_user")
    assert set(users) == {ADMIN, "00umruiz", PLAIN, GONE}
    assert users[GONE]["status"] == "DEPROVISIONED"
    assert users[ADMIN] == org.read("okta_user", ADMIN)
    assert users[ADMIN]["last_login"] == "2026-06-01T08:00:00Z"
    assert not any("profile" in name or "credential" in name for name in users[ADMIN])


@pytest.mark.parametrize("status", ["SUSPENDED", "DEPROVISIONED"])
def test_a_user_goes_there_and_back(org, status):
    assert org.update("okta_user", PLAIN, status=status)["status"] == status
    back = org.update("okta_user", PLAIN, status="ACTIVE")["status"]
    assert USER.schema.attributes["status"].canonical(back) == "ACTIVE"


def test_a_suspended_user_is_deprovisioned(org):
    org.update("okta_user", PLAIN, status="SUSPENDED")
    assert org.update("okta_user", PLAIN, status="DEPROVISIONED")["status"] == "DEPROVISIONED"


def test_a_locked_user_counts_as_active_and_is_unlocked_only_to_be_suspended(org_with):
    content = seed()
    content["users"][2]["status"] = "LOCKED_OUT"
    org = org_with(users=content["users"])
    status = org.read("okta_user", PLAIN)["status"]
    assert status == "LOCKED_OUT"
    assert USER.schema.attributes["status"].canonical(status) == "ACTIVE"
    assert org.update("okta_user", PLAIN, status="SUSPENDED")["status"] == "SUSPENDED"


def test_a_user_who_never_signed_in_cannot_be_suspended(org):
    org.update("okta_user", GONE, status="ACTIVE")
    with pytest.raises(Invalid, match="PROVISIONED"):
        org.update("okta_user", GONE, status="SUSPENDED")


def test_users_are_neither_made_nor_deleted(org):
    made = USER.manual(org.transition(None, {"login": "n@acme.example"}))
    gone = USER.manual(org.transition(org.read("okta_user", PLAIN), None))
    assert made.url == gone.url == "https://acme-admin.okta.com/admin/users"
    assert "DEPROVISIONED" in gone.instructions
    assert not USER.creatable
    assert not USER.deletable


@pytest.mark.parametrize(
    ("before", "after", "direction"),
    [
        ("ACTIVE", "SUSPENDED", Direction.NARROWS),
        ("SUSPENDED", "ACTIVE", Direction.WIDENS),
        ("SUSPENDED", "DEPROVISIONED", Direction.NARROWS),
        ("PASSWORD_EXPIRED", "ACTIVE", Direction.NEUTRAL),
        ("STAGED", "ACTIVE", Direction.WIDENS),
        ("SOMETHING_NEW", "ACTIVE", Direction.UNKNOWN),
    ],
)
def test_direction_of_a_users_status(org, before, after, direction):
    transition = org.transition({"status": before}, {"status": after})
    assert USER.direction(transition) is direction


def test_activation_announces_the_mail(org):
    transition = org.transition({"status": "DEPROVISIONED"}, {"status": "ACTIVE"})
    told = [quirk.summary for quirk in USER.quirks if quirk.applies(transition)]
    assert len(told) == 1
    assert "mails" in told[0]


def test_import_by_login_or_id(org):
    assert USER.import_key("j.doe@acme.example", org.tenant) == {"login": "j.doe@acme.example"}
    assert USER.import_key(PLAIN, org.tenant) == {"id": PLAIN}


def test_only_groups_made_in_okta_are_listed(org):
    groups = org.list("okta_group")
    assert set(groups) == {EMPLOYEES, SALES}
    assert groups[SALES]["description"] == ""
    assert groups[EMPLOYEES] == org.read("okta_group", EMPLOYEES)


def test_a_group_lives(org):
    identifier = org.create("okta_group", {"name": "Ops", "description": "On call"}).id
    assert org.list("okta_group")[identifier]["description"] == "On call"
    assert org.update("okta_group", identifier, name="Operations")["name"] == "Operations"
    assert org.update("okta_group", identifier, description="")["description"] == ""
    org.delete("okta_group", identifier)
    assert org.read("okta_group", identifier) is None
    org.delete("okta_group", identifier)


def test_an_update_keeps_custom_attributes_of_a_group(org):
    org.update("okta_group", EMPLOYEES, description="Everybody on the payroll")
    profile = next(g for g in org.content()["groups"] if g["id"] == EMPLOYEES)["profile"]
    assert profile["costCenter"] == "7"


def test_a_groups_name_is_unique(org):
    with pytest.raises(Conflict, match="already exists"):
        org.create("okta_group", {"name": "Sales", "description": ""})


def test_memberships_live(org):
    key = {"group": SALES, "user": ADMIN}
    assert set(org.list("okta_group_membership", SALES)) == {f"{SALES}/{PLAIN}"}
    assert org.read("okta_group_membership", f"{SALES}/{ADMIN}") is None
    assert org.create("okta_group_membership", key).id == f"{SALES}/{ADMIN}"
    assert org.create("okta_group_membership", key).id == f"{SALES}/{ADMIN}"
    seen = org.list("okta_group_membership", SALES)[f"{SALES}/{ADMIN}"]
    assert seen == org.read("okta_group_membership", f"{SALES}/{ADMIN}")
    assert seen["login"] == "a.tan@acme.example"
    org.delete("okta_group_membership", f"{SALES}/{ADMIN}")
    assert org.read("okta_group_membership", f"{SALES}/{ADMIN}") is None
    assert MEMBER.describe(seen) == f'"a.tan@acme.example" in {SALES}'


def test_a_membership_is_imported_by_both_ids(org):
    key = MEMBER.import_key(f"{SALES}/{PLAIN}", org.tenant)
    assert key == {"id": f"{SALES}/{PLAIN}", "group": SALES, "user": PLAIN}
    with pytest.raises(ValueError, match="two ids"):
        MEMBER.import_key(SALES, org.tenant)


def test_members_of_a_group_that_is_gone_are_none(org):
    assert org.list("okta_group_membership", "00gnone") == {}


def test_pages_are_followed(org_with):
    org = org_with(page_size=2)
    assert len(org.list("okta_user")) == 4
    assert org.calls("GET", "/api/v1/users") == 2
    assert len(org.list("okta_group_membership", EMPLOYEES)) == 3


def test_lists_may_lag_behind_while_single_reads_do_not(org_with):
    org = org_with(list_delay=60)
    identifier = org.create("okta_group", {"name": "Late", "description": ""}).id
    assert identifier not in org.list("okta_group")
    assert org.read("okta_group", identifier)["name"] == "Late"


def test_data_sources(org):
    from perimeter.sdk import DataRequest, NotFound

    def look(name, /, **config):
        request = DataRequest(tenant=org.tenant, config=config)
        return Okta().data_sources[name].read(org.reader, request)

    assert look("okta_group", name="Everyone")["id"] == EVERYONE
    assert look("okta_group", name="Everyone")["type"] == "BUILT_IN"
    assert look("okta_user", login="j.doe@acme.example")["id"] == PLAIN
    assert look("okta_app", label="Wiki")["sign_on_mode"] == "SAML_2_0"
    with pytest.raises(NotFound, match='no group "Every"'):
        look("okta_group", name="Every")
    for name, source in Okta().data_sources.items():
        key = next(n for n, a in source.schema.attributes.items() if a.required)
        value = {"okta_group": "Sales", "okta_user": "j.doe@acme.example", "okta_app": "CRM"}[name]
        assert set(look(name, **{key: value})) == set(source.schema.attributes)
