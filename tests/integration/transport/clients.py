"""The clients that every promise is tested with."""

from collections.abc import Callable

from gatepost.transport import library as _  # loads slowly: not within the first exchange
from gatepost.transport.client import Client

Make = Callable[..., Client]


class LibraryClient(Client):
    """Takes the library's way even without a proxy."""

    _own_way = Client._library_way  # type: ignore[assignment]


CLIENTS: tuple[type[Client], ...] = (Client, LibraryClient)
NAMES = ("http1", "library")
