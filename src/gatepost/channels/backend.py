"""Django's e-mail over the guarded door: one connection to one account's server."""

import functools
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend

from gatepost.channels.models import EmailAccount
from gatepost.transport.addresses import AllowList, parse_allow_list
from gatepost.transport.smtp import CONNECT_S, Session


@dataclass(frozen=True, slots=True)
class Server:
    """How to reach a mail server, saved or not."""

    host: str
    port: int
    tls: str
    verify_tls: bool
    login: str
    password: str = field(repr=False)

    @property
    def context(self) -> ssl.SSLContext | None:
        """What TLS needs; None without it."""
        if self.tls == EmailAccount.Tls.NONE:
            return None
        context = ssl.create_default_context()
        if not self.verify_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class Backend(EmailBackend):
    """`connection` is a Session once `open` has returned. Not for several threads at a time."""

    connection: Session | None
    _partial_connection: Session | None

    def __init__(self, server: Server) -> None:
        super().__init__(
            host=server.host,
            port=server.port,
            username=server.login,
            password=server.password,
            use_tls=server.tls == EmailAccount.Tls.STARTTLS,
            use_ssl=server.tls == EmailAccount.Tls.TLS,
            timeout=CONNECT_S,
        )
        self._server = server

    @property
    def connection_class(self) -> Callable[..., Session]:  # type: ignore[override]
        return functools.partial(Session, allow=allowed())

    @functools.cached_property
    def ssl_context(self) -> Any:
        return self._server.context

    def hang_up(self) -> None:
        """Close without a farewell, whatever the state of the connection."""
        half_open: Session | None = self._partial_connection
        for connection in (self.connection, half_open):
            if connection is not None:
                connection.close()
        self.connection = self._partial_connection = None


def allowed() -> AllowList:
    """The private addresses that the operator of the installation allows."""
    return parse_allow_list(settings.CONFIG["EGRESS_ALLOW"])
