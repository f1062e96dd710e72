"""Who gets in and administers an account, judged from facts: policies, boundaries, keys, passwords, trust.

Facts (see ``administrators.py``, which reads them)::

    principals  by id: entity (User or Role), name, attached (ARNs of managed policies), always (allowed everything by an inline
                policy or a group), admin (was allowed everything when read), boundary, password (whether there is one; None
                where not visible), keys (number of active ones; None likewise), federated (who from
                outside may assume the role), gone, doubtful, lost (reasons, or nothing)
    almighty    ARNs of policies that allow everything
    denying     ARNs of policies that only deny
    key         id of the access key in use, or empty
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from perimeter.sdk import Access, Administrator, Standing, Verdict
from perimeter.sdk.access import standing_of

Principal = Mapping[str, Any]


def standings(access: Access) -> dict[str, Standing]:
    """How everybody stands: by the facts, and by what is noted of single people."""
    known = access.facts.get("principals", {})
    found = {}
    for person in access.people:
        each = [standing_of(person)]
        if person.id in known:
            each += _judged(person, known[person.id], access.facts)
        found[person.id] = min(each, key=lambda one: one.verdict.value)
    return found


def _judged(person: Administrator, item: Principal, facts: Mapping[str, Any]) -> list[Standing]:
    found = [_rights(item, facts)]
    for name, verdict in (("lost", Verdict.LOST), ("doubtful", Verdict.UNSURE)):
        if item.get(name):
            found.append(Standing(verdict=verdict, because=str(item[name])))
    if item["entity"] == "User" and not person.caller:
        found.append(_ways_in(item))
    return found


def _rights(item: Principal, facts: Mapping[str, Any]) -> Standing:
    attached = set(item["attached"])
    denied = attached & set(facts["denying"])
    if denied:
        because = f"{item['name']} has {min(denied).rpartition('/')[2]}"
        return Standing(verdict=Verdict.LOST, because=because)
    if item["always"] or attached & set(facts["almighty"]):
        return Standing()
    if item["admin"]:
        because = f"{item['name']} has no policy left that allows everything"
        return Standing(verdict=Verdict.LOST, because=because)
    return Standing()


def _ways_in(item: Principal) -> Standing:
    """A user signs in with a password, or with a key."""
    if item["password"] is None or item["keys"] is None:
        return Standing()
    if item["password"] or item["keys"] > 0:
        return Standing()
    because = f"{item['name']} has neither a password nor an active key"
    return Standing(verdict=Verdict.LOST, because=because)


# What changes make of it ----------------------------------------------------------------------------------------------


def find(access: Access, entity: str, name: Any) -> str:
    """The id of the principal of a name; empty where nobody who counts is called so."""
    for identifier, item in access.facts.get("principals", {}).items():
        if item["entity"] == entity and item["name"] == name:
            return str(identifier)
    return ""


def with_principal(access: Access, identifier: str, **changes: Any) -> Access:
    """The same with something else of one principal; ``access`` itself where nobody who counts has the id."""
    known = access.facts.get("principals", {})
    if identifier not in known:
        return access
    changed = {**known, identifier: {**known[identifier], **changes}}
    return replace(access, facts={**access.facts, "principals": changed})


def attached(access: Access, entity: str, name: Any, arn: Any) -> Access:
    """After a policy was attached."""
    who = find(access, entity, name)
    if not who:
        return access
    item = access.facts["principals"][who]
    if not isinstance(arn, str):
        return with_principal(access, who, doubtful=f"{name} gets a policy that is not known yet")
    found = with_principal(access, who, attached=sorted({*item["attached"], arn}))
    effect = access.facts.get("effects", {}).get(arn, "allow" if ":aws:policy/" in arn else "")
    if effect == "allow" or arn in access.facts["denying"] or arn in access.facts["almighty"]:
        return found
    because = f"{name} gets {arn.rpartition('/')[2]}, which may deny something"
    return with_principal(found, who, doubtful=because)


def detached(access: Access, entity: str, name: Any, arn: Any) -> Access:
    """After a policy was detached."""
    who = find(access, entity, name)
    if not who:
        return access
    item = access.facts["principals"][who]
    kept = [one for one in item["attached"] if one != arn]
    if len(kept) == len(item["attached"]):
        return access
    found = with_principal(access, who, attached=kept)
    is_caller = any(person.caller and person.id == who for person in access.people)
    whole = item["always"] or set(kept) & set(access.facts["almighty"])
    if is_caller and not whole and not item["admin"] and arn not in access.facts["denying"]:
        # Not an administrator: whatever it may do, this policy may have been what let it.
        because = f"perimeter itself loses {str(arn).rpartition('/')[2]}"
        return with_principal(found, who, doubtful=because)
    return found
