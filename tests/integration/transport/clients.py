"""The clients that every promise is tested with."""

from collections.abc import Callable

from gatepost.transport.client import Client
from gatepost.transport.library import Library  # here, because loading it takes longer than some deadlines

Make = Callable[..., Client]


class LibraryClient(Client):
    """Takes the library's way even without a proxy."""

    def _own_way(self) -> Library:  # type: ignore[override]
        return self._library_way()


CLIENTS: tuple[type[Client], ...] = (Client, LibraryClient)
NAMES = ("http1", "library")
