"""``-minimal-refresh``: which objects need not be read, because state already answers what the plan asks; pure.

An object is read all the same when its declaration differs from what state remembers or is not fully known yet, when it is to
be replaced, imported, expired or confirmed, and when its type decides who may sign in or administer: the lockout proof and
the direction of a change rest on what is really there. What an exclusive collection would remove, and objects that nothing
declares any more, are always read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perimeter.engine.diff import difference, find_unseen, is_wholly_known

if TYPE_CHECKING:
    from perimeter.engine.instances import Declaration
    from perimeter.engine.work import Work
    from perimeter.state.model import StateObject


def is_settled(work: Work, wanted: Declaration, remembered: StateObject | None) -> bool:
    """Whether a declaration asks for nothing that state does not already remember as done."""
    if remembered is None or remembered.tainted or remembered.unconfirmed:
        return False
    text = str(wanted.address)
    if wanted.expiry.passed or wanted.triggered or wanted.import_id is not None:
        return False
    if text in work.options.replace or text in work.pending or wanted.kind.affects_sign_in:
        return False
    desired = dict(wanted.desired)
    if not is_wholly_known(desired) or find_unseen(desired) is not None:
        return False
    from perimeter.engine.instances import ignoring

    kept = ignoring(wanted.block, desired, remembered.attributes)
    found = difference(wanted.kind.schema, kept, remembered.attributes, remembered.attributes)
    return not (found.changed or found.by_hand or found.replace_paths or found.unseen)
