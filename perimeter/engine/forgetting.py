"""Which objects are forgotten rather than destroyed when nothing declares them any more; pure."""

from __future__ import annotations

from perimeter.addresses import Address
from perimeter.config.model import Config
from perimeter.engine.removal import Claim, covers
from perimeter.engine.work import Work
from perimeter.state.model import StateObject


def is_forgotten(config: Config, address: Address, item: StateObject) -> bool:
    """Whether configuration, or else what state remembers of it, says ``destroy = false``."""
    names = address.module.names
    for path, module in config.modules.items():
        if names[: len(path)] != path:
            continue
        for block in module.removed:
            inner = (*path, *block.source.module.names)
            wanted = block.source.resource
            if wanted is None and names[: len(inner)] == inner:
                return not block.destroy
            if wanted is not None and (names, address.type, address.name) == (
                inner,
                wanted.type,
                wanted.name,
            ):
                return not block.destroy
    home = config.modules.get(names)
    declared = home.resources.get(("managed", address.type, address.name)) if home else None
    return not declared.lifecycle.destroy if declared is not None else item.retained


def check_forgotten(work: Work, claims: tuple[Claim, ...]) -> None:
    """Refuse to forget what an exclusive collection would then remove, and say what else is forgotten."""
    names: list[str] = []
    for change in work.changes:
        if not change.action.forgets or not change.retained:
            continue
        names.append(change.name)
        claim = next((item for item in claims if covers(item, change)), None)
        if claim is not None:
            work.diagnostics.error(
                "Forgotten object in an exclusive collection",
                f"{change.name} would no longer be managed, but it lies in {claim.name}, which is exclusive: the next plan "
                "would remove it as undeclared. Add it to the collection's ignore list, declare it, or let it be destroyed.",
                address=change.name,
            )
    if names:
        listed = "".join(f"\n - {name}" for name in names)
        work.diagnostics.warning(
            "Some objects will no longer be managed by perimeter",
            "If you apply this plan, perimeter will discard its tracking information for the following objects, but it will "
            f"not delete them:{listed}\n\nAfter applying this plan, perimeter will no longer manage these objects. You will "
            "need to import them into perimeter to manage them again.",
        )
