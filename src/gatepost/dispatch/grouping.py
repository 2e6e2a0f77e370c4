"""Which due messages share a request: a buffer per lane, in memory, nothing durable."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gatepost.dispatch.store import Due
from gatepost.providers.manifest import Attribute

VALUES: dict[Attribute, Callable[[Due], Any]] = {
    "sender": lambda item: item.sender_override or item.sender,
    "text": lambda item: item.text,
    "encoding": lambda item: item.encoding,
    "validity": lambda item: item.validity_s,
}


@dataclass(frozen=True, slots=True)
class Grouping:
    """What one request takes: so many messages, of so many segments together, no number twice where it matters.

    `same`: in what the messages must be alike.
    """

    limit: int = 1
    same: tuple[Attribute, ...] = ()
    unique_number: bool = False
    max_segments: int | None = None


class LaneBuffer:
    """Due messages of one lane by what may share a request, in the order in which each kind first came.

    The group key was made when the message was accepted, and the gateway's settings or the message's sender may have
    changed since then. So likeness is looked at here; the key keeps apart what else is to go alone.
    """

    def __init__(self) -> None:
        self._groups: OrderedDict[tuple[Any, ...], deque[Due]] = OrderedDict()
        self._ids: set[int] = set()

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids)

    def add(self, items: Iterable[Due], grouping: Grouping) -> None:
        """What is there already stays as it is. After a change of `grouping` clear the buffer first."""
        for item in items:
            if item.message_id not in self._ids:
                self._ids.add(item.message_id)
                alike = (VALUES[name](item) for name in grouping.same)
                self._groups.setdefault((item.group_key, item.is_unknown, *alike), deque()).append(item)

    def take(self, grouping: Grouping) -> list[Due]:
        """The next messages that go together, empty when there are none."""
        if not self._groups:
            return []
        key, waiting = next(iter(self._groups.items()))
        group, left_over = _fill(waiting, grouping)
        waiting.extendleft(reversed(left_over))
        if not waiting:
            del self._groups[key]
        else:
            # Keys take turns, so that one campaign's text does not hold up another's.
            self._groups.move_to_end(key)
        self._ids.difference_update(item.message_id for item in group)
        return group

    def clear(self) -> None:
        self._groups.clear()
        self._ids.clear()


def _fill(waiting: deque[Due], grouping: Grouping) -> tuple[list[Due], list[Due]]:
    group: list[Due] = []
    left_over: list[Due] = []
    numbers: set[str] = set()
    segments = 0
    while waiting and len(group) < grouping.limit and len(left_over) < grouping.limit:
        item = waiting.popleft()
        segments += item.segments
        is_full = grouping.max_segments is not None and group and segments > grouping.max_segments
        if is_full or (grouping.unique_number and item.to in numbers):
            segments -= item.segments
            left_over.append(item)
            if is_full:
                break
        else:
            numbers.add(item.to)
            group.append(item)
    return group, left_over
