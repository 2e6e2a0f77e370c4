"""Finding a TCP port to listen on."""

import errno
import socket

from gatepost.processes.errors import ProcessError

_HIGHEST = 65535


def free_port(host: str, wanted: int, tries: int = 50) -> int:
    """The first port from `wanted` upwards that can be listened on at `host`, looking at no more than `tries` ports.

    `wanted=0` takes any free port. Raises ProcessError when all of them are taken, when the address is not this
    machine's, or when ports below 1024 are not allowed to this user. Another process can still take the port before
    the caller does.
    """
    for port in range(wanted, min(wanted + tries, _HIGHEST + 1)):
        found = _try_port(host, port)
        if found is not None:
            return found
    raise ProcessError(
        "no_free_port",
        f"No port from {wanted} to {min(wanted + tries - 1, _HIGHEST)} is free on {host}.",
        "Stop what listens there, or choose another port.",
    )


def _try_port(host: str, port: int) -> int | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as candidate:
            # As servers do: a connection that is only waiting to expire does not make a port taken.
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            candidate.bind(address)
            candidate.listen(1)
            return int(candidate.getsockname()[1])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return None
        raise ProcessError(
            "cannot_listen",
            f"Cannot listen on {host} port {port}: {error.strerror or error}.",
            "Choose an address of this machine and a port this user may use (1024 or above).",
        ) from None
