"""Who is calling: the client's address, behind reverse proxies only as far as they are trusted."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from django.conf import settings

from gatepost.intake.http import Scope


def client_address(scope: Scope) -> str:
    """The last address that no trusted proxy stands at; empty where it is unknown.

    A proxy may add a header line of its own instead of lengthening the client's, so all of them count, in order.
    """
    client = scope.get("client")
    address = _plain(client[0] if client else "")
    trusted = _networks(tuple(settings.CONFIG["TRUSTED_PROXIES"]))
    if not trusted:
        return address
    lines = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    forwarded = [part.strip() for part in ",".join(lines).split(",") if part.strip()]
    while forwarded and _is_in(address, trusted):
        address = _plain(forwarded.pop())
    return address


@lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text, strict=False) for text in texts)


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    """The address as lists of networks have it: IPv4 is not written as IPv6. Empty for what is no address."""
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _is_in(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return bool(address) and any(ip_address(address) in network for network in networks)
