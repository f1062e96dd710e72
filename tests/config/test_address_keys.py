"""Instance keys in addresses: any text, and nothing but an error for what is none."""

import pytest

from perimeter.addresses import AddressError, parse_address


@pytest.mark.parametrize("key", ["a", "\t", "é", 'a"b', "${x}", "%{x}", "a.b[0]", "\u2028", "\\"])
def test_printed_keys_are_read_again(key):
    from perimeter.addresses import ROOT, Address

    address = Address(ROOT, "a_b", "c", key)
    assert parse_address(str(address)) == address


def test_a_raw_control_character_is_read():
    assert parse_address('a_b.c["\t"]').key == "\t"


@pytest.mark.parametrize("text", ['a_b.c["\\x"]', 'a_b.c["\\u12"]', 'a_b.c["'])
def test_what_is_no_string_is_an_error(text):
    with pytest.raises(AddressError, match="is not an address"):
        parse_address(text)
