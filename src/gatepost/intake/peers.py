"""Who is calling: the client's address, behind reverse proxies only as far as they are trusted."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from django.conf import settings

from gatepost.intake.http import Scope, header


def client_address(scope: Scope) -> str:
    """The last address that no trusted proxy stands at; empty where it is unknown."""
    client = scope.get("client")
    address = client[0] if client else ""
    trusted = [ip_network(text, strict=False) for text in settings.CONFIG["TRUSTED_PROXIES"]]
    forwarded = [part.strip() for part in header(scope, b"x-forwarded-for").split(",") if part.strip()]
    while trusted and forwarded and _is_in(address, trusted):
        address = forwarded.pop()
    return address if _is_address(address) else ""


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_in(text: str, networks: list[IPv4Network | IPv6Network]) -> bool:
    return _is_address(text) and any(ip_address(text) in network for network in networks)
