"""``age_file``: a file that only its recipients can read. Its content comes from rotations."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from perimeter.sdk import (
    BOOL,
    STRING,
    Attribute,
    Attributes,
    Conflict,
    CreateRequest,
    DeleteRequest,
    Direction,
    Identity,
    Listing,
    ListRequest,
    Mode,
    NotFound,
    Observed,
    Permissions,
    ReadRequest,
    Reason,
    Recognition,
    ResourceType,
    Schema,
    Set,
    Tenant,
    Transition,
    Unseen,
    UpdateRequest,
    Written,
)
from perimeter_age.files import SUFFIX, Files, FilesToWrite
from perimeter_age.keys import decrypt, encrypt, fault, is_age, recipient
from perimeter_age.sink import AgeSink, beside, held, previous, sealed


def _recipients(value: Any) -> list[str]:
    return sorted({recipient(str(item)) for item in value})


class AgeFile(ResourceType):
    """A file encrypted by age; removing it removes what it holds."""

    name = "age_file"
    schema = Schema(
        doc="A file encrypted by age: a sink that `deliver_to` names. It is made empty; each delivery replaces it at once. "
        "What perimeter must know of it is kept beside it in `FILE.json`, the file before in `FILE.previous`.",
        attributes={
            "id": Attribute(type=STRING, doc="The same as `path`.", computed=True),
            "path": Attribute(
                type=STRING,
                doc="Where it lies, relative to the working directory; ends in `.age`.",
                required=True,
                replace=True,
            ),
            "recipients": Attribute(
                type=Set(STRING),
                doc="Who can decrypt it: `age1…` and SSH public keys. Whoever is taken out still knows what was delivered "
                "before: rotate.",
                required=True,
                canonical=_recipients,
            ),
            "armor": Attribute(
                type=BOOL,
                doc="Whether it is text rather than binary.",
                optional=True,
                default=False,
            ),
            "readers": Attribute(
                type=Set(STRING),
                doc="Who can decrypt what it holds now; differs from `recipients` until the next delivery.",
                computed=True,
                mode=Mode.OBSERVED,
            ),
        },
    )
    identity = Identity(
        natural_key=("path",), recognition=Recognition.UNIQUE_KEY, import_format="PATH"
    )
    permissions = Permissions(
        read=("read on the directory",),
        create=("write on the file's directory",),
        update=("write on the file's directory",),
        delete=("write on the file's directory",),
    )
    hides = "Files outside the working directory and in hidden folders are left out."
    sink = AgeSink()

    def list(self, reader: Files, request: ListRequest) -> Listing:
        """Walk the working directory."""
        found = (_observed(reader, name) for name in reader.names())
        return Listing(objects=tuple(item for item in found if item is not None))

    def read(self, reader: Files, request: ReadRequest) -> Observed | None:
        """Read one file's envelope; nothing is decrypted."""
        return _observed(reader, request.id)

    def create(self, writer: FilesToWrite, request: CreateRequest) -> Written:
        """Make an empty one."""
        path = str(request.attributes["path"])
        place = writer.place(path)
        if writer.content(place) is not None:
            raise Conflict(
                f'{path} exists already, and creating it would overwrite it. Import it: id = "{path}".'
            )
        ledger = sealed(
            recipients=request.attributes["recipients"], armor=request.attributes.get("armor")
        )
        content = encrypt("", ledger.recipients, armor=ledger.armor)
        noted = ledger.noting(content, ledger.recipients, "")
        writer.replace(beside(place), noted.encoded())
        writer.replace(place, content)
        return Written(id=path)

    def update(self, writer: FilesToWrite, request: UpdateRequest) -> Written:
        """Note whom to encrypt to from now on; encrypt anew where that is possible."""
        place = writer.place(request.id)
        content, ledger = held(writer, place)
        if content is None:
            raise NotFound(f"{request.id} does not exist any more.")
        wanted = sealed(
            recipients=request.after["recipients"],
            armor=request.after.get("armor"),
            notes=ledger.notes,
        )
        note = ledger.of(content)
        if note is not None and not note.version:
            text: str | None = ""
        elif writer.identities:
            text = decrypt(content, writer.identities)
        else:
            text = None
            request.also.append(
                "still encrypted as before, until the next delivery; with AGE_IDENTITY it is encrypted anew at once"
            )
        if text is None:
            writer.replace(beside(place), wanted.encoded())
            return Written(id=request.id)
        anew = encrypt(text, wanted.recipients, armor=wanted.armor)
        version = note.version if note is not None else "imported"
        noted = wanted.noting(anew, wanted.recipients, version)
        writer.replace(beside(place), noted.encoded())
        writer.replace(place, anew)
        return Written(id=request.id)

    def delete(self, writer: FilesToWrite, request: DeleteRequest) -> str:
        """Remove it, and what is kept beside it."""
        place = writer.place(request.id)
        for one in (place, previous(place), beside(place)):
            writer.remove(one)
        return ""

    def import_key(self, text: str, tenant: Tenant) -> Attributes:
        """The path, as the configuration has it."""
        if _problem(text):
            raise ValueError(f"{text!r}: {_problem(text)}")
        return {"id": text}

    def validate(self, config: Attributes) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """Paths in one form, and recipients that are some."""
        path = config.get("path")
        if isinstance(path, str) and _problem(path):
            yield ("path",), _problem(path)
        given = config.get("recipients")
        if isinstance(given, list | tuple):
            if not given:
                yield ("recipients",), "Name at least one recipient."
            for one in given:
                if isinstance(one, str) and fault(one.strip()):
                    yield ("recipients",), fault(one.strip())

    def direction(self, transition: Transition) -> Direction:
        """Another recipient reads what is delivered from then on; fewer read less."""
        before = (transition.before or {}).get("recipients") or ()
        after = (transition.after or {}).get("recipients") or ()
        if not (isinstance(before, list | tuple) and isinstance(after, list | tuple)):
            return Direction.UNKNOWN
        old, new = set(_recipients(before)), set(_recipients(after))
        if new - old:
            return Direction.WIDENS
        return Direction.NARROWS if old - new else Direction.NEUTRAL


def _observed(reader: Files, path: str) -> Observed | None:
    place = reader.place(path)
    content, ledger = held(reader, place)
    if content is None or not is_age(content):
        return None
    note = ledger.of(content)
    stranger = Unseen(
        reason=Reason.FAILED,
        detail="somebody else wrote the file, and an age file names its readers to nobody",
    )
    return Observed(
        id=path,
        attributes={
            "id": path,
            "path": path,
            "recipients": list(ledger.recipients),
            "armor": ledger.armor,
            "readers": stranger if note is None else list(note.readers),
        },
    )


def _problem(path: str) -> str:
    if path != str(PurePosixPath(path)) or "\\" in path:
        return "Write the path in its shortest form, with / between folders."
    if not path.endswith(SUFFIX) or PurePosixPath(path).name == SUFFIX:
        return f"The name must end in {SUFFIX}, such as secrets/billing.age."
    return ""
