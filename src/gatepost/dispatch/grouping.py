"""Which due messages share a request: a buffer per lane, in memory, nothing durable."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gatepost.dispatch.store import Due
from gatepost.dispatch.turns import Turns
from gatepost.providers.manifest import Attribute

VALUES: dict[Attribute, Callable[[Due], Any]] = {
    "sender": lambda item: item.sender_override or item.sender,
    "text": lambda item: item.text,
    "encoding": lambda item: item.encoding,
    "validity": lambda item: item.validity_s,
}
Share = tuple[int, int]
"""Whose messages: workspace and campaign (0 for what belongs to none)."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """What one request takes: so many messages, of so many segments together, no number twice where it matters.

    `same`: in what the messages must be alike. `counts`: what the provider counts, requests, messages or segments.
    """

    limit: int = 1
    same: tuple[Attribute, ...] = ()
    unique_number: bool = False
    max_segments: int | None = None
    counts: str = "requests"

    def units(self, items: Sequence[Due]) -> int:
        """What a request with these messages takes of the pace."""
        if self.counts == "messages":
            return len(items)
        if self.counts == "segments":
            return sum(item.segments for item in items)
        return 1


class _Queue:
    """The due messages of one share by what may go together, in the order in which each kind first came.

    The group key was made when the message was accepted, and the gateway's settings or the message's sender may have
    changed since then. So likeness is looked at here; the key keeps apart what else is to go alone.
    """

    __slots__ = ("_kinds", "ids")

    def __init__(self) -> None:
        self._kinds: OrderedDict[tuple[Any, ...], deque[Due]] = OrderedDict()
        self.ids: set[int] = set()

    def add(self, items: Iterable[Due], grouping: Grouping) -> None:
        for item in items:
            if item.message_id not in self.ids:
                self.ids.add(item.message_id)
                alike = (VALUES[name](item) for name in grouping.same)
                self._kinds.setdefault((item.group_key, item.is_unknown, *alike), deque()).append(item)

    def take(self, grouping: Grouping) -> list[Due]:
        kind, waiting = next(iter(self._kinds.items()))
        if grouping.limit == 1:
            group = [waiting.popleft()]
        else:
            group, left_over = _fill(waiting, grouping)
            waiting.extendleft(reversed(left_over))
        if not waiting:
            del self._kinds[kind]
        elif len(self._kinds) > 1:
            # Kinds take turns, so that one text does not hold up another.
            self._kinds.move_to_end(kind)
        self.ids.difference_update([item.message_id for item in group])
        return group


class LaneBuffer:
    """Due messages of one lane. Workspaces take turns, and within a workspace its campaigns; what a turn costs is what
    the request takes of the gateway's pace. No request holds messages of two shares."""

    def __init__(self) -> None:
        self._queues: dict[Share, _Queue] = {}
        self._workspaces: Turns[int] = Turns()
        self._campaigns: dict[int, Turns[int]] = {}

    def __len__(self) -> int:
        return sum(len(queue.ids) for queue in self._queues.values())

    def __bool__(self) -> bool:
        return bool(self._queues)

    def count(self, share: Share) -> int:
        """How many messages of the share are here."""
        queue = self._queues.get(share)
        return len(queue.ids) if queue else 0

    def add(self, share: Share, items: Sequence[Due], grouping: Grouping) -> None:
        """What is there already stays as it is. After a change of `grouping` clear the buffer first."""
        if not items:
            return
        workspace_id, campaign_id = share
        queue = self._queues.get(share)
        if queue is None:
            queue = self._queues[share] = _Queue()
            campaigns = self._campaigns.setdefault(workspace_id, Turns())
            if not campaigns:
                self._workspaces.enter(workspace_id)
            campaigns.enter(campaign_id)
        queue.add(items, grouping)

    def take(self, grouping: Grouping) -> list[Due]:
        """The next messages that go together, empty when there are none."""
        if not self._queues:
            return []
        workspace_id = self._workspaces.next
        campaigns = self._campaigns[workspace_id]
        share = (workspace_id, campaigns.next)
        queue = self._queues[share]
        group = queue.take(grouping)
        cost = grouping.units(group)
        if not queue.ids:
            del self._queues[share]
        campaigns.served(cost, waits_on=bool(queue.ids))
        self._workspaces.served(cost, waits_on=bool(campaigns))
        return group

    def clear(self) -> None:
        self._queues.clear()
        self._workspaces.clear()
        self._campaigns.clear()


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
