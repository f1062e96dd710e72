"""Every kind of backend keeps encrypted what it is given, and writes it anew under another key."""

import base64
import secrets

import pytest

from perimeter.state.codec import PLAIN, Codec, record_hash
from perimeter.state.encryption import Keys
from perimeter.state.errors import StateError
from perimeter.state.keys import EnvironmentKey
from perimeter.state.lockinfo import new_lock_info
from perimeter.state.model import Output, Record, State
from tests.servers.backends import NAMES, Unavailable


@pytest.fixture(params=NAMES)
def place(request, servers):
    try:
        return servers.place(request.param)
    except Unavailable as problem:
        pytest.skip(str(problem))


def key():
    text = base64.b64encode(secrets.token_bytes(32)).decode()
    return EnvironmentKey(name="main", variable="KEY", text=text)


def filled(backend):
    """Two versions of a state, and two records."""
    first = State(serial=1, lineage="l", outputs={"o": Output(value="hunter2-hunter2")})
    second = State(serial=2, lineage="l", outputs={"o": Output(value="hunter3-hunter3")})
    with backend.lock(new_lock_info("OperationTypeApply", "test")):
        backend.write_state(second, backend.write_state(first, ""))
        previous = ""
        for sequence in (1, 2):
            record = Record(
                sequence=sequence, previous=previous, lineage="l", base_serial=2, run="r"
            )
            backend.append(record)
            previous = record_hash(record)
    return first, second


def rekeyed(place, codec):
    backend = place.open(codec=codec)
    with backend.lock(new_lock_info("state-rekey", "test")):
        return backend.recode(), backend.recode()


def test_from_plain_to_one_key_to_another_and_back(place):
    one, other = key(), key()
    first, second = filled(place.open())
    held = place.open().load()
    steps = [
        Keys(primary=one, fallbacks=(None,)),
        Keys(primary=other, fallbacks=(one,)),
        Keys(fallbacks=(other,)),
    ]
    for keys in steps:
        written, again = rekeyed(place, Codec(keys=keys))
        assert written >= 3
        assert again == 0
        reader = place.open(codec=Codec(keys=Keys(primary=keys.primary)))
        found = reader.load()
        assert (found.state, found.records) == (second, held.records)
        kept = reader.versions()
        assert all(reader.version(item.serial) in (first, second) for item in kept)
        if keys.primary is not None:
            with pytest.raises(StateError) as caught:
                place.open().load()
            assert caught.value.diagnostic.summary == "Encryption key needed for this state"


def test_another_workspaces_key_and_name_are_told_apart(place):
    codec = Codec(keys=Keys(primary=key()))
    filled(place.open(codec=codec))
    with pytest.raises(StateError) as caught:
        place.open(codec=Codec(workspace="production", keys=codec.keys)).load()
    assert caught.value.diagnostic.summary == "State of another workspace"
    assert PLAIN.workspace == "default"
