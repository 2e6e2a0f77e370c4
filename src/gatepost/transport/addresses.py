"""Which addresses the installation may connect to: global unicast, and what the operator allows by name.

Python's `is_private` and `is_global` differ between versions and miss ranges that reach inside (100.64.0.0/10,
64:ff9b::/96, 2002::/16, `::127.0.0.1`, fec0::/10), so the tables stand here. Sources: the IANA special-purpose
registries for IPv4 and IPv6 (RFC 6890 and its updates).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

DENIED_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; Linux connects 0.0.0.0 to itself
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; metadata services of some clouds
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # inside every Azure network, although it looks public
        "169.254.0.0/16",  # link local; metadata services of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; metadata service of Oracle's cloud
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and the broadcast address
    )
)

GLOBAL_IPV6 = IPv6Network("2000::/3")
"""All that IANA gives out as global unicast. Everything else is denied by not being in it: `::`, `::1`, `::a.b.c.d`,
`::ffff:a.b.c.d`, 64:ff9b::/96 and 64:ff9b:1::/48 (NAT64), 100::/64, 5f00::/16, fc00::/7, fe80::/10, fec0::/10,
ff00::/8."""

DENIED_IPV6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks, anycasts
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries any IPv4 address inside
        "3fff::/20",  # documentation
    )
)


class Guarded(PermissionError):
    """The address may not be connected to. The words name the host that was asked for, not what it resolves to."""

    def __init__(self, host: str, ip: str, port: int) -> None:
        super().__init__(
            f"{host} is not a public internet address; the operator of this installation can allow it by "
            f"adding its host:port to GATEPOST_EGRESS_ALLOW"
        )
        self.host = host
        self.ip = ip
        self.port = port

    def __str__(self) -> str:
        return str(self.args[0])


class BadAllowList(ValueError):
    """An entry of the allow list that is neither host:port nor a network."""


@dataclass(frozen=True, slots=True)
class AllowList:
    """What the operator allows besides global unicast: exact hosts with their port, and whole networks."""

    hosts: frozenset[tuple[str, int]] = frozenset()
    networks: tuple[Network, ...] = ()

    def allows(self, address: Address, port: int, host: str) -> bool:
        if (str(address), port) in self.hosts or (host.lower().rstrip("."), port) in self.hosts:
            return True
        return any(address in network for network in self.networks if network.version == address.version)


NOTHING = AllowList()


def parse_allow_list(entries: Iterable[str]) -> AllowList:
    """`127.0.0.1:9100`, `[fd00::5]:80`, `modem.lan:8080` (whatever the name resolves to) or `10.0.0.0/8`, any mix.

    Blank entries are skipped; raises BadAllowList.
    """
    hosts: set[tuple[str, int]] = set()
    networks: list[Network] = []
    for entry in filter(None, (entry.strip() for entry in entries)):
        if "/" in entry:
            networks.append(_network(entry))
        else:
            hosts.add(_host_and_port(entry))
    return AllowList(frozenset(hosts), tuple(networks))


def check_address(ip: str, port: int, host: str, allow: AllowList = NOTHING) -> None:
    """Raise Guarded unless `ip` is global unicast or allowed. `host` is the name that was asked for."""
    try:
        address = ip_address(ip)
    except ValueError:
        raise Guarded(host, ip, port) from None
    if not (is_global_unicast(address) or allow.allows(address, port, host)):
        raise Guarded(host, ip, port)


def is_global_unicast(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in DENIED_IPV4)
    if address.scope_id is not None or address not in GLOBAL_IPV6:
        return False
    return not any(address in network for network in DENIED_IPV6)


def _network(entry: str) -> Network:
    try:
        return ip_network(entry)
    except ValueError as fault:
        raise BadAllowList(f"{entry!r} is not a network such as 10.0.0.0/8: {fault}") from None


def _host_and_port(entry: str) -> tuple[str, int]:
    host, separator, port = entry.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    if not separator or not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise BadAllowList(f"{entry!r} is neither host:port, such as 127.0.0.1:9100, nor a network, such as 10.0.0.0/8")
    if ":" in host and not is_bracketed:
        raise BadAllowList(f"{entry!r}: write an IPv6 address in brackets, such as [fd00::5]:80")
    name = host.strip("[]")
    try:
        return str(ip_address(name)), int(port)
    except ValueError:
        return name.lower().rstrip("."), int(port)
