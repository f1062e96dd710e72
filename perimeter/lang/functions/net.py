"""IP networks."""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from perimeter.lang import numbers
from perimeter.lang.functions.function import (
    Context,
    Function,
    FunctionError,
    Parameter,
    integer,
    text,
)
from perimeter.lang.types import BOOL, NUMBER, STRING, List
from perimeter.lang.values import Value, boolean, list_of

Network = IPv4Network | IPv6Network


def _network(content: str, argument: int | None = None) -> Network:
    """A network as written, host bits dropped; IPv4 octets may have leading zeros and are decimal."""
    address, slash, length = content.partition("/")
    if slash and length.isdecimal() and length.isascii():
        if ":" not in address:
            address = ".".join(
                str(int(part)) if part.isdecimal() else part for part in address.split(".")
            )
        try:
            return ip_network(f"{address}/{int(length)}", strict=False)
        except ValueError:
            pass
    raise FunctionError(f"invalid CIDR expression: invalid CIDR address: {content}", argument)


def _address(number: int, like: Network) -> IPv4Address | IPv6Address:
    return IPv4Address(number) if like.version == 4 else IPv6Address(number)


def _text(address: IPv4Address | IPv6Address) -> str:
    return str(ip_address(str(address)))


def _cidrhost(values: list[Value], _context: Context) -> Value:
    network = _network(values[0].raw)
    raw = values[1].raw
    if not numbers.is_whole(raw):
        raise FunctionError("the host number must be a whole number")
    host = int(raw)
    size = network.num_addresses
    if not -size <= host < size:
        raise FunctionError(
            f"prefix of {network.prefixlen} does not accommodate a host numbered {host}"
        )
    base = int(network.network_address)
    return text(_text(_address(base + (host if host >= 0 else size + host), network)))


def _cidrnetmask(values: list[Value], _context: Context) -> Value:
    network = _network(values[0].raw)
    if network.version != 4:
        raise FunctionError(f"IPv6 addresses cannot have a netmask: {values[0].raw}")
    return text(str(network.netmask))


def _cidrsubnet(values: list[Value], _context: Context) -> Value:
    network = _network(values[0].raw)
    newbits = integer(values[1])
    raw = values[2].raw
    if not numbers.is_whole(raw):
        raise FunctionError("the network number must be a whole number")
    netnum = int(raw)
    if newbits < 0:
        raise FunctionError("must extend prefix by a non-negative number of bits", 1)
    length = network.prefixlen + newbits
    if length > network.max_prefixlen:
        raise FunctionError(
            f"insufficient address space to extend prefix of {network.prefixlen} by {newbits}"
        )
    if not 0 <= netnum < 1 << newbits:
        raise FunctionError(
            f"prefix extension of {newbits} does not accommodate a subnet numbered {netnum}"
        )
    start = int(network.network_address) + (netnum << (network.max_prefixlen - length))
    return text(f"{_text(_address(start, network))}/{length}")


def _cidrsubnets(values: list[Value], _context: Context) -> Value:
    network = _network(values[0].raw, 0)
    found: list[Value] = []
    start = int(network.network_address)
    end = start + network.num_addresses
    last = ""
    for position, value in enumerate(values[1:], start=1):
        newbits = integer(value, argument=position)
        if newbits < 1:
            raise FunctionError("must extend prefix by at least one bit", position)
        if newbits > 32:
            raise FunctionError("may not extend prefix by more than 32 bits", position)
        length = network.prefixlen + newbits
        if length > network.max_prefixlen:
            version = f"IPv{network.version}"
            raise FunctionError(
                f"would extend prefix to {length} bits, which is too long for an {version} address",
                position,
            )
        size = 1 << (network.max_prefixlen - length)
        start = -(-start // size) * size
        if start + size > end:
            after = f" after {last}" if last else ""
            raise FunctionError(
                "not enough remaining address space for a subnet with a prefix of "
                f"{length} bits{after}",
                position,
            )
        last = f"{_text(_address(start, network))}/{length}"
        found.append(text(last))
        start += size
    return list_of(STRING, found)


def _cidrcontains(values: list[Value], _context: Context) -> Value:
    """Whether a network holds an address or another network as a whole."""
    outer = _network(values[0].raw, 0)
    content = values[1].raw
    inner = _network(content if "/" in content else _single(content), 1)
    if outer.version != inner.version:
        raise FunctionError(
            f"address family mismatch: {values[0].raw} and {content} are not both IPv{outer.version}"
        )
    first, last = int(inner.network_address), int(inner.broadcast_address)
    return boolean(int(outer.network_address) <= first <= last <= int(outer.broadcast_address))


def _single(content: str) -> str:
    return f"{content}/{128 if ':' in content else 32}"


_PREFIX = Parameter("prefix", STRING)

FUNCTIONS: dict[str, Function] = {
    "cidrhost": Function(
        parameters=(_PREFIX, Parameter("hostnum", NUMBER)), returns=STRING, call=_cidrhost
    ),
    "cidrcontains": Function(
        parameters=(
            Parameter("containing_prefix", STRING),
            Parameter("contained_ip_or_prefix", STRING),
        ),
        returns=BOOL,
        call=_cidrcontains,
    ),
    "cidrnetmask": Function(parameters=(_PREFIX,), returns=STRING, call=_cidrnetmask),
    "cidrsubnet": Function(
        parameters=(_PREFIX, Parameter("newbits", NUMBER), Parameter("netnum", NUMBER)),
        returns=STRING,
        call=_cidrsubnet,
    ),
    "cidrsubnets": Function(
        parameters=(_PREFIX,),
        variadic=Parameter("newbits", NUMBER),
        returns=List(STRING),
        call=_cidrsubnets,
    ),
}
