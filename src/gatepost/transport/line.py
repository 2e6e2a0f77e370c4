"""The line between "not sent" and "maybe sent" of one exchange, the same for every client."""

import time
from collections.abc import Callable

from gatepost.transport.egress import Cause


class NotSent(Exception):
    """Raised before anything of the request is written."""

    def __init__(self, cause: Cause, words: str) -> None:
        super().__init__(words)
        self.cause = cause
        self.words = words


class Line:
    """Crossed once, immediately before the first byte. `deadline` and `started` on `time.monotonic()`.

    `is_first_tls13`: the request goes over TLS 1.3, as the first one of its connection (see failures.py).
    """

    __slots__ = ("before_write", "connect_ms", "deadline", "is_crossed", "is_first_tls13", "started")

    def __init__(self, started: float, deadline: float, before_write: Callable[[], None] | None) -> None:
        self.started = started
        self.deadline = deadline
        self.before_write = before_write
        self.connect_ms = 0.0
        self.is_crossed = False
        self.is_first_tls13 = False

    def cross(self) -> None:
        """Let the request out. Raises NotSent, and only then nothing will be written."""
        if self.is_crossed:
            raise RuntimeError("a request is written once")
        now = time.monotonic()
        self.connect_ms = (now - self.started) * 1000
        if now >= self.deadline:
            raise NotSent(Cause.DEADLINE, "the deadline passed while the connection was made")
        if self.before_write is not None:
            try:
                self.before_write()
            except Exception as refusal:
                raise NotSent(Cause.ABORTED, str(refusal)) from refusal
        self.is_crossed = True
