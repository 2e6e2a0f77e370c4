"""A mail server on loopback (aiosmtpd) that keeps what it accepted, and can be told to behave badly."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

LOGIN, PASSWORD = "gatepost", "correct horse"


@dataclass(slots=True)
class Box:
    """What the server accepted, and how it answers. `rcpt` and `data` map an address to an answer in place of the
    usual one; `drop_after_data`: it takes the content of a mail to these and hangs up without an answer."""

    port: int = 0
    accepted: list[Envelope] = field(default_factory=list)
    rcpt: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    drop_after_data: set[str] = field(default_factory=set)
    connections: int = 0
    before_answer: Callable[[], object] | None = None

    @property
    def messages(self) -> list[EmailMessage]:
        """The accepted mails, read."""
        return [message_from_bytes(one.content or b"", policy=policy.default) for one in self.accepted]  # type: ignore[arg-type]

    @property
    def recipients(self) -> list[str]:
        return [address for one in self.accepted for address in one.rcpt_tos]


class _Handler:
    def __init__(self, box: Box) -> None:
        self.box = box

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        if address in self.box.rcpt:
            return self.box.rcpt[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        [address] = envelope.rcpt_tos
        if self.box.before_answer is not None:
            await asyncio.to_thread(self.box.before_answer)
        if address in self.box.data:
            return self.box.data[address]
        self.box.accepted.append(envelope)
        if address in self.box.drop_after_data:
            assert server.transport is not None
            server.transport.abort()
            return "421 gone"
        return f"250 2.0.0 queued as {len(self.box.accepted)}"


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and data == LoginPassword(LOGIN.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=False)


@contextmanager
def mail_server(**options: Any) -> Iterator[Box]:
    """The server while the block runs; `options` are those of aiosmtpd's SMTP."""
    box = Box()
    loop = asyncio.new_event_loop()
    # Signing in is part of the test also where there is no TLS.
    settings = {"ident": "mailbox", "authenticator": _authenticate, "auth_require_tls": False, **options}

    def serve() -> SMTP:
        box.connections += 1
        return SMTP(_Handler(box), loop=loop, **settings)

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(loop.create_server(serve, "127.0.0.1", 0), loop).result(10)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _stop(server: asyncio.Server) -> None:
    server.close()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
