"""A mail server that keeps what it gets, for the demo and for tests: nothing ever leaves it.

Like the simulated providers it has special recipients: `bounce...@` is refused for good, `later...@` for now.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from typing import Any, Final

from aiosmtpd.smtp import SMTP, Envelope, Session

KEPT: Final = 200
MAX_BYTES: Final = 32 * 1024 * 1024
SHOWN: Final = 20_000
"""Characters of a text."""
SPECIAL: Final = (
    ("bounce", "550 5.1.1 there is no such mailbox"),
    ("later", "451 4.7.1 come back later"),
)


@dataclass(slots=True)
class Mailbox:
    """Where it listens, and the newest mails, newest first. `at`: Unix time in seconds."""

    host: str = "127.0.0.1"
    port: int = 0
    mails: "deque[dict[str, Any]]" = field(default_factory=lambda: deque(maxlen=KEPT))
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; raises OSError where the port is taken."""
        loop = asyncio.get_running_loop()
        made = partial(SMTP, self, loop=loop, hostname="mailbox", ident="Demo mailbox", data_size_limit=MAX_BYTES)
        self._server = await loop.create_server(made, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    def document(self) -> dict[str, Any]:
        """What arrived, newest first."""
        return {"mails": list(self.mails)}

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        for beginning, answer in SPECIAL:
            if address.lower().startswith(beginning):
                return answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        message = message_from_bytes(content if isinstance(content, bytes) else b"", policy=policy.default)
        self.mails.appendleft(_shown(message, envelope))
        return f"250 2.0.0 kept as number {len(self.mails)}"


def _shown(message: EmailMessage, envelope: Envelope) -> dict[str, Any]:
    body = message.get_body(("plain",))
    try:
        text = body.get_content() if body is not None else ""
    except (LookupError, ValueError):
        text = ""
    return {
        "at": time.time(),
        "to": ", ".join(envelope.rcpt_tos),
        "return_path": envelope.mail_from or "",
        "from": str(message.get("From", "")),
        "subject": str(message.get("Subject", "")),
        "text": text[:SHOWN],
        "files": [part.get_filename() or "file" for part in message.iter_attachments()],
    }
