"""The fake provider's log: which messages it took and when; proof that none was lost and none doubled."""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ENTRY_BYTES = 16
NAMED = 5


class Unproven(Exception):
    """Messages were lost, doubled, or nobody sent them."""


@dataclass(frozen=True, slots=True)
class AcceptLog:
    """`times_ns` on the monotonic clock and `ids`, entry by entry, in the order of acceptance."""

    times_ns: Sequence[int]
    ids: Sequence[int]

    @property
    def last_ns(self) -> int:
        return max(self.times_ns)

    def time_of(self) -> dict[int, int]:
        """When each id was taken first."""
        return dict(zip(reversed(self.ids), reversed(self.times_ns), strict=True))


def read(path: Path) -> AcceptLog:
    """The log as provider.c writes it: two 64-bit numbers per message. A half-written entry at the end is left out."""
    content = path.read_bytes()
    numbers = array("Q")
    numbers.frombytes(content[: len(content) // ENTRY_BYTES * ENTRY_BYTES])
    return AcceptLog(numbers[0::2], numbers[1::2])


def prove(log: AcceptLog, sent: Iterable[int]) -> None:
    """Raises Unproven unless each of the sent ids is in the log exactly once, and nothing else is."""
    seen = Counter(log.ids)
    wanted = set(sent)
    faults = {
        "lost": sorted(wanted - seen.keys()),
        "doubled": sorted(one for one, count in seen.items() if count > 1),
        "never sent": sorted(seen.keys() - wanted),
    }
    words = [f"{len(ids)} {what} ({_some(ids)})" for what, ids in faults.items() if ids]
    if words:
        raise Unproven(", ".join(words))


def _some(ids: list[int]) -> str:
    return ", ".join(str(one) for one in ids[:NAMED]) + (", ..." if len(ids) > NAMED else "")
