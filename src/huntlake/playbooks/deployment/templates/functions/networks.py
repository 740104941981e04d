"""Functions of networks and their addresses."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

from huntlake.wdl.expressions.symbols import Integer, Object, String, function
from huntlake.wdl.expressions.values import Fault


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise Fault(f"`{text}` is not a network") from None


@function("parseCidr")
def parse_cidr(network: String) -> Object:
    """A network: its address, its mask, and its first and last usable address.

    >>> parseCidr('10.144.0.0/20')
    {"network":"10.144.0.0","netmask":"255.255.240.0","broadcast":"10.144.15.255","firstUsable":"10.144.0.1","lastUsable":"10.144.15.254","cidr":20}
    """
    found = _network(network)
    within = found.num_addresses > 2
    made = {
        "network": str(found.network_address),
        "netmask": str(found.netmask),
        "broadcast": str(found.broadcast_address),
        "firstUsable": str(found.network_address + within),
        "lastUsable": str(found.broadcast_address - within),
        "cidr": found.prefixlen,
    }
    if isinstance(found, IPv6Network):
        del made["broadcast"]
    return made


@function("cidrSubnet")
def cidr_subnet(network: String, new_cidr: Integer, subnet_index: Integer) -> String:
    """One of the networks of a certain size within a network, by its number from 0.

    >>> cidrSubnet('10.144.0.0/20', 24, 1)
    "10.144.1.0/24"
    """
    found = _network(network)
    if not found.prefixlen <= new_cidr <= found.max_prefixlen or not 0 <= subnet_index < 2 ** (
        new_cidr - found.prefixlen
    ):
        raise Fault(f"the network `{network}` has no such network within it")
    first = int(found.network_address) + subnet_index * 2 ** (found.max_prefixlen - new_cidr)
    return str(type(found)((first, new_cidr)))


@function("cidrHost")
def cidr_host(network: String, host_index: Integer) -> String:
    """A usable address of a network, by its number from 0.

    >>> cidrHost('10.144.3.0/24', 0)
    "10.144.3.1"
    """
    found = _network(network)
    if not 0 <= host_index < found.num_addresses - 2:
        raise Fault(f"the network `{network}` has no such address")
    return str(found.network_address + host_index + 1)
