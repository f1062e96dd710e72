"""What was seen, and when: the only thing a plan knows of the world.

A snapshot is a value: ``with_answers`` returns a larger one. It holds no secret: providers drop them while decoding, and
provider configurations are never recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from perimeter.engine.needs import (
    AdministratorsNeed,
    DataNeed,
    FileNeed,
    FolderNeed,
    HydrateNeed,
    ListNeed,
    Need,
    ReadNeed,
    StateNeed,
    TenantNeed,
)
from perimeter.engine.refinement import refined, refinements
from perimeter.lang.values import UNKNOWN, Reason, Unknown, Unseen
from perimeter.sdk.access import Access
from perimeter.sdk.contract import Attributes, Listing, Observed, StateOutput, Tenant
from perimeter.sdk.facets import Administrator
from perimeter.state.envelope import Upgrade

KIND = "snapshot"
UPGRADES: tuple[Upgrade, ...] = ()
"""Steps between snapshot formats, oldest first."""
VERSION = len(UPGRADES) + 1

Answer = Tenant | Listing | Attributes | Observed | Access | bytes | tuple[str, ...] | Unseen | None
"""By need: Tenant, Listing, hydrated attributes, Observed (None when surely absent), data attributes (None when there
is none), who gets in, file content, files in a directory; an ``Unseen`` stands for any of them."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Answers by need.

    Attributes:
        taken_at: when the first answer came (RFC 3339).
        answers: by need.
        dates: each provider instance's own clock when it was read (RFC 3339), by which ages are judged.
        closed: no tenant will be read: needs without an answer are ``not requested``. Files beside the configuration are
            read all the same.
        asks_states: other states' outputs are read all the same, too: it comes from a plan file, which keeps no sensitive
            output.
    """

    taken_at: str = ""
    answers: Mapping[Need, Answer] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)
    closed: bool = False
    asks_states: bool = False

    def with_answers(
        self, answers: Mapping[Need, Answer], dates: Mapping[str, str] | None = None
    ) -> Snapshot:
        """A snapshot that also holds these answers; an identical need is overwritten."""
        return replace(
            self, answers={**self.answers, **answers}, dates={**self.dates, **(dates or {})}
        )

    def of_tenants(self) -> Snapshot:
        """Without the files: another checkout has its own."""
        kept: dict[Need, Answer] = {
            need: answer
            for need, answer in self.answers.items()
            if not isinstance(need, LOCAL_NEEDS)
        }
        return replace(self, answers=kept)

    def answered(self, need: Need) -> bool:
        """Whether the need has an answer, or will never have a better one."""
        return need in self.answers or (self.closed and not self._is_open(need))

    def _is_open(self, need: Need) -> bool:
        """Whether a closed snapshot lets it be read all the same."""
        return isinstance(need, LOCAL_NEEDS) or (self.asks_states and isinstance(need, StateNeed))

    def asking_states(self) -> Snapshot:
        """Without other states' outputs, so that an apply reads them again: a plan file does not keep all of them."""
        kept: dict[Need, Answer] = {
            need: answer for need, answer in self.answers.items() if not isinstance(need, StateNeed)
        }
        return replace(self, answers=kept, asks_states=True)

    def answer(self, need: Need) -> Any:
        """The answer; ``Unseen(not requested)`` when there is none and none will come.

        Raises:
            KeyError: not answered yet.
        """
        if need in self.answers:
            return self.answers[need]
        if self.closed and not self._is_open(need):
            return NOT_REQUESTED
        raise KeyError(need)


LOCAL_NEEDS = (FileNeed, FolderNeed)
"""What comes from the configuration's own directory, not from a tenant."""

NOT_REQUESTED = Unseen(reason=Reason.NOT_REQUESTED, detail="The snapshot does not contain it.")

_NOT_KEPT = Unseen(
    reason=Reason.NOT_REQUESTED,
    detail="Snapshots and plan files keep no sensitive output of another state.",
)

_NEEDS: dict[str, type[Any]] = {
    "tenant": TenantNeed,
    "list": ListNeed,
    "hydrate": HydrateNeed,
    "read": ReadNeed,
    "data": DataNeed,
    "state": StateNeed,
    "administrators": AdministratorsNeed,
    "file": FileNeed,
    "folder": FolderNeed,
}
_NAMES = {kind: name for name, kind in _NEEDS.items()}
_KEYS = {
    "tenant": ("provider", "provider_name"),
    "list": ("provider", "type", "parent"),
    "hydrate": ("provider", "type", "id"),
    "read": ("provider", "type", "id"),
    "data": ("provider", "name", "key"),
    "state": ("provider", "name", "key"),
    "administrators": ("provider",),
    "file": ("path",),
    "folder": ("path",),
}


def encode_plain(value: Any) -> Any:
    """Plain data as JSON data: an unseen part becomes ``{"$unseen": {…}}``, an unknown one ``{"$unknown": …}``."""
    if isinstance(value, Unseen):
        return {
            "$unseen": {"reason": value.reason.value, "needs": value.needs, "detail": value.detail}
        }
    if isinstance(value, Unknown):
        return {"$unknown": list(refinements(value)) if value != UNKNOWN else True}
    if isinstance(value, StateOutput):
        if value.sensitive:
            return encode_plain(_NOT_KEPT)
        return {"$output": [value.type, encode_plain(value.value)]}
    if isinstance(value, Mapping):
        return {
            ("$" + key if key.startswith("$") else key): encode_plain(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [encode_plain(item) for item in value]
    return value


def decode_plain(value: Any) -> Any:
    """The reverse of ``encode_plain``."""
    if isinstance(value, dict):
        if len(value) == 1 and "$unseen" in value:
            inner = value["$unseen"]
            return Unseen(
                reason=Reason(inner["reason"]), needs=inner["needs"], detail=inner["detail"]
            )
        if len(value) == 1 and "$unknown" in value:
            return UNKNOWN if value["$unknown"] is True else refined(value["$unknown"])
        if len(value) == 1 and "$output" in value:
            kind, plain = value["$output"]
            return StateOutput(value=decode_plain(plain), type=kind)
        return {(key.removeprefix("$")): decode_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decode_plain(item) for item in value]
    return value


def _observed(item: Observed) -> dict[str, Any]:
    return {"id": item.id, "attributes": encode_plain(item.attributes)}


def _encode_answer(kind: str, answer: Any) -> Any:
    if isinstance(answer, Unseen) or answer is None:
        return encode_plain(answer)
    if kind == "tenant":
        return {
            "id": answer.id,
            "name": answer.name,
            "caller": answer.caller,
            "caller_credential": answer.caller_credential,
            "edition": answer.edition,
            "scopes": None if answer.scopes is None else sorted(answer.scopes),
        }
    if kind == "list":
        return {
            "objects": [_observed(item) for item in answer.objects],
            "complete": answer.complete,
            "unseen": encode_plain(answer.unseen),
        }
    if kind == "read":
        return _observed(answer)
    if kind == "administrators":
        people = [msgspec.to_builtins(item) for item in answer.people]
        return {"people": people, "facts": encode_plain(answer.facts)}
    if kind == "file":
        import base64

        return base64.b64encode(answer).decode()
    return encode_plain(answer)


def _decode_answer(kind: str, data: Any) -> Any:
    plain = decode_plain(data) if kind not in ("list", "administrators") else data
    if plain is None or isinstance(plain, Unseen):
        return plain
    if isinstance(data, dict) and "$unseen" in data:
        return decode_plain(data)
    if kind == "tenant":
        scopes = plain["scopes"]
        return Tenant(**{**plain, "scopes": None if scopes is None else frozenset(scopes)})
    if kind == "list":
        return Listing(
            objects=tuple(
                Observed(id=o["id"], attributes=decode_plain(o["attributes"]))
                for o in data["objects"]
            ),
            complete=data["complete"],
            unseen=decode_plain(data["unseen"]),
        )
    if kind == "read":
        return Observed(id=plain["id"], attributes=plain["attributes"])
    if kind == "administrators":
        # A list is what snapshots held before they held facts.
        people, facts = (data, {}) if isinstance(data, list) else (data["people"], data["facts"])
        return Access(
            people=tuple(msgspec.convert(item, Administrator) for item in people),
            facts=decode_plain(facts),
        )
    if kind == "file":
        import base64

        return base64.b64decode(plain)
    if kind == "folder":
        return tuple(plain)
    return plain


def to_content(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as JSON data, in a fixed order."""
    entries = []
    for need, answer in snapshot.answers.items():
        kind = _NAMES[type(need)]
        entries.append(
            [kind, [getattr(need, name) for name in _KEYS[kind]], _encode_answer(kind, answer)]
        )
    entries.sort(key=lambda entry: (entry[0], [str(part) for part in entry[1]]))
    return {"taken_at": snapshot.taken_at, "dates": dict(snapshot.dates), "answers": entries}


def from_content(content: Mapping[str, Any], *, closed: bool = True) -> Snapshot:
    """The reverse of ``to_content``; a snapshot that was read is closed unless the driver may add to it."""
    answers: dict[Need, Answer] = {}
    for kind, key, answer in content["answers"]:
        fields = dict(zip(_KEYS[kind], key, strict=True))
        if kind in ("tenant", "data", "state"):
            fields["config"] = {}
        answers[_NEEDS[kind](**fields)] = _decode_answer(kind, answer)
    return Snapshot(
        taken_at=content["taken_at"], answers=answers, dates=content["dates"], closed=closed
    )


def objects_of(snapshot: Snapshot, provider: str, type_name: str) -> Iterable[Observed]:
    """Every listed object of a type, over all parents."""
    for need, answer in snapshot.answers.items():
        listed = isinstance(need, ListNeed) and (need.provider, need.type) == (provider, type_name)
        if listed and isinstance(answer, Listing):
            yield from answer.objects
