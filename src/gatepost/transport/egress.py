"""The interface of the one guarded client: a request in, a reply out, and the certainty whether bytes left."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gatepost.providers.wire import Request, Response
from gatepost.sms.values import quick_dataclass


class Cause(StrEnum):
    """Why an exchange failed. The values are stable: statistics and alerts count them."""

    BAD_REQUEST = "request cannot be sent"
    GUARD = "address not allowed"
    DNS = "name not resolved"
    CONNECT = "connection failed"
    CONNECT_TIMEOUT = "connection timed out"
    TLS = "TLS failed"
    PROXY = "proxy refused"
    DEADLINE = "deadline passed before sending"
    ABORTED = "stopped before sending"
    TIMEOUT = "no answer in time"
    LOST = "connection lost"
    CUT_OFF = "answer cut off"
    TOO_LARGE = "answer too large"
    COMPRESSED = "answer compressed"
    NOT_HTTP = "answer is not HTTP"
    FAULT = "fault of the transport"


UNREACHABLE = frozenset({Cause.DNS, Cause.CONNECT, Cause.CONNECT_TIMEOUT, Cause.TLS})
"""The host was not reached at all: another host may be tried."""


@dataclass(frozen=True, slots=True)
class Failure:
    """No complete answer. `is_sent` False: provably no byte of the request left. `words` hold no URL and no secret."""

    cause: Cause
    is_sent: bool
    words: str = ""


@quick_dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request: a response or a failure, never both.

    `url`: the one that was used last, a backup where the first host was not reached. `connect_ms`: until the
    connection was there; `total_ms`: until the answer was complete or given up.
    """

    response: Response | None
    failure: Failure | None
    url: str
    connect_ms: float
    total_ms: float

    @property
    def is_sent(self) -> bool:
        """Whether bytes of the request may have left the machine."""
        return self.failure is None or self.failure.is_sent


class Egress(Protocol):
    """A client that the driver can use. It never raises for what the network does, and never sends twice."""

    async def exchange(
        self,
        request: Request,
        *,
        deadline: float | None = None,
        before_write: Callable[[], None] | None = None,
    ) -> Reply:
        """Exchange `request` for a reply.

        `deadline`: on `time.monotonic()`, for everything together (names, connection, TLS, answer, backup URLs);
        the link's total timeout applies besides. `before_write` is called once, immediately before the first byte
        of the request is written; when it raises, nothing is written and the reply's cause is ABORTED.
        """
        ...
