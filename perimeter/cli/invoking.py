"""``-invoke=ADDRESS``: what it takes, and what it cannot be combined with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perimeter.addresses import AddressError, parse_address
from perimeter.cli.failure import refuse

_ALONE = (
    "destroy",
    "refresh_only",
    "target",
    "target_file",
    "exclude",
    "exclude_file",
    "replace",
    "minimal_refresh",
)


def check_invoke(given: Mapping[str, Any]) -> None:
    """Refuse what ``-invoke`` cannot do.

    Raises:
        Refused: several addresses, one that is no action's, or an option beside it that plans something else.
    """
    addresses = given["invoke"]
    if given["no_overlap"] and not addresses:
        raise refuse(
            "Invalid -no-overlap",
            "-no-overlap says how what is rotated now is rotated; it needs -invoke=ADDRESS, or perimeter rotate.",
        )
    if not addresses:
        return
    if len(addresses) > 1:
        raise refuse("Invalid arguments", "Only one action can be invoked at a time.")
    text = addresses[0]
    try:
        address = parse_address(text)
    except AddressError as problem:
        raise refuse(f'Invalid target "{text}"', str(problem)) from None
    half = address.mode == "managed" and address.type == "action"
    if half or address.mode not in ("action", "managed"):
        raise refuse(
            f'Invalid target "{text}"',
            f"{text} is not an action, and no credential either. -invoke takes the address of an action block, such as "
            "action.TYPE.NAME, or of a resource with a rotation block.",
        )
    for name in _ALONE:
        if given.get(name):
            flag = name.replace("_", "-")
            raise refuse(
                "Incompatible plan mode options",
                f"-invoke plans one action or rotation and nothing else, so -{flag} cannot be given beside it.",
            )
