"""When a started process counts as ready."""

import ipaddress
import urllib.error
import urllib.request
from collections.abc import Callable
from urllib.parse import urlsplit

_TIMEOUT_S = 2.0


def answers_200(url: str) -> Callable[[], bool]:
    """A check that asks `url` on this machine. Raises ValueError for any other address: readiness is not a way out."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not _is_loopback(parts.hostname or ""):
        raise ValueError(f"not an http URL of this machine: {url}")
    # Without proxies and redirects the request cannot leave the machine either.
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.HTTPHandler(), urllib.request.HTTPDefaultErrorHandler()):
        opener.add_handler(handler)

    def is_ready() -> bool:
        try:
            with opener.open(url, timeout=_TIMEOUT_S) as response:
                return bool(response.status == 200)
        except (OSError, ValueError):
            return False

    return is_ready


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
