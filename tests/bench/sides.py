"""What a measurement needs of whoever is measured, ours or a peer: starting it, handing it messages, seeing the end."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.bench.tools import FakeProvider, Tools

PREFIX = "4866"
SENDER = "Shop"
TEXT = "Your parcel {n:07d} has arrived. Pick it up at the counter until Friday, and bring the code 4711 with you."


def number_of(n: int) -> str:
    """The recipient of message n; nobody else has it, so that the number is the message's unique id."""
    return f"+{PREFIX}{n:07d}"


def in_groups(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def request(method: str, target: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> bytes:
    """A whole HTTP/1.1 request over a kept connection."""
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(frozen=True, slots=True)
class Setup:
    """What a side is to be set up for: whether its provider takes many messages per request, and answers late.

    How many requests are open at once is each side's own choice, the best for it. `gateways` and `workers`: over how
    many the messages are spread; only ours knows more than one.
    """

    is_batching: bool = False
    is_slow: bool = False
    gateways: int = 1
    workers: int = 1


class Running(Protocol):
    """A side that runs. `expect`: the status of an accepted request. `start_s`: from the command to the first answer.

    `receipt_port`: where the provider's reports go, answered with `receipt_expect`.
    """

    port: int
    expect: int
    receipt_port: int
    receipt_expect: int
    start_s: float

    def single(self, n: int, *, is_code: bool = False) -> bytes:
        """The request that hands over one message."""
        ...

    def bulk(self, ids: Sequence[int]) -> list[bytes]:
        """Requests that hand over these messages in the largest groups that this side is good at."""
        ...

    def mark(self) -> None:
        """What it has taken up to here does not count in what follows."""
        ...

    def wait_recorded(self, ids: Collection[int], timeout_s: float) -> int:
        """When all of them were handed over and their states recorded, in ns on the monotonic clock.

        Raises BenchError where that does not come in time, and Unproven where one was lost or doubled.
        """
        ...

    def receipt(self, n: int) -> bytes:
        """The provider's request that reports message n as delivered."""
        ...

    def wait_reported(self, ids: Collection[int], timeout_s: float) -> int:
        """When all receipts were matched and recorded, likewise."""
        ...

    def memory_bytes(self) -> dict[str, int]:
        """By process, what it holds in memory now; a database apart is not counted."""
        ...

    def cpu_seconds(self) -> dict[str, float]:
        """By process, the processor time that it has used so far."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """What all sides share in a run. `folder`: for whatever they write."""

    tools: Tools
    provider: FakeProvider
    folder: Path


class Side(Protocol):
    """Ours or a peer."""

    name: str

    def running(self, setup: Setup, *, keeps_data: bool = False) -> AbstractContextManager[Running]:
        """Started afresh, with nothing in its queue; stopped at the end.

        `keeps_data`: what it has sent before stays in its database.
        """
        ...

    def version(self) -> str: ...
