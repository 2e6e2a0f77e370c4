"""Which due messages share a request: a buffer per lane, in memory, nothing durable."""

from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gatepost.dispatch.store import Due
from gatepost.dispatch.turns import Turns
from gatepost.providers.manifest import Attribute

VALUES: dict[Attribute, Callable[[Due], Any]] = {
    "sender": lambda item: item.used_sender,
    "text": lambda item: item.text,
    "encoding": lambda item: item.encoding,
    "validity": lambda item: item.validity_s,
}
Share = tuple[int, int]
"""Whose messages: workspace and campaign (0 for what belongs to none)."""
Kind = tuple[Any, ...]
"""Group key, whether it is unknown, and then the values in which the messages are alike."""
AHEAD_OF_ALIKE = 2
NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Grouping:
    """What one request takes: so many messages, of so many segments together, no number twice where it matters.

    `same`: in what the messages must be alike. `counts`: what the provider counts, requests, messages or segments.
    `paced`: sender IDs with a pace of their own, in units per second; `same` then has the sender.
    """

    limit: int = 1
    same: tuple[Attribute, ...] = ()
    unique_number: bool = False
    max_segments: int | None = None
    counts: str = "requests"
    paced: Mapping[str, float] = field(default_factory=dict)

    def within(self, rate: float | None) -> "Grouping":
        """So that one request does not exceed that pace by itself."""
        if not rate or self.counts == "requests":
            return self
        most = max(1, int(rate))
        if self.counts == "messages":
            return replace(self, limit=min(self.limit, most))
        return replace(self, max_segments=min(self.max_segments or most, most))

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
        self._kinds: OrderedDict[Kind, deque[Due]] = OrderedDict()
        self.ids: set[int] = set()

    def add(self, items: Iterable[Due], grouping: Grouping) -> None:
        for item in items:
            if item.message_id not in self.ids:
                self.ids.add(item.message_id)
                alike = (VALUES[name](item) for name in grouping.same)
                self._kinds.setdefault((item.group_key, item.is_unknown, *alike), deque()).append(item)

    def count(self, grouping: Grouping, blocked: Collection[str]) -> int:
        """How many may leave, as far as their sender IDs go."""
        if not blocked:
            return len(self.ids)
        return sum(len(waiting) for kind, waiting in self._kinds.items() if _sender(kind, grouping) not in blocked)

    def take(self, grouping: Grouping, blocked: Collection[str]) -> list[Due]:
        kind = next(iter(self._kinds))
        if blocked:
            kind = next(each for each in self._kinds if _sender(each, grouping) not in blocked)
        waiting = self._kinds[kind]
        if grouping.paced:
            grouping = grouping.within(grouping.paced.get(_sender(kind, grouping)))
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


def _sender(kind: Kind, grouping: Grouping) -> str:
    return str(kind[AHEAD_OF_ALIKE + grouping.same.index("sender")])


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

    def count_free(self, share: Share, grouping: Grouping, blocked: Collection[str]) -> int:
        """How many of them have another sender ID than those."""
        queue = self._queues.get(share)
        return queue.count(grouping, blocked) if queue else 0

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

    def take(self, grouping: Grouping, blocked: Collection[str] = NOBODY) -> list[Due]:
        """The next messages that go together, empty when there are none. `blocked`: sender IDs that may not send now,
        of `grouping.paced`."""
        share = self._next_share(grouping, blocked)
        if share is None:
            return []
        workspace_id, campaign_id = share
        campaigns = self._campaigns[workspace_id]
        queue = self._queues[share]
        group = queue.take(grouping, blocked)
        cost = grouping.units(group)
        if not queue.ids:
            del self._queues[share]
        campaigns.served(campaign_id, cost, waits_on=bool(queue.ids))
        self._workspaces.served(workspace_id, cost, waits_on=bool(campaigns))
        return group

    def _next_share(self, grouping: Grouping, blocked: Collection[str]) -> Share | None:
        if not self._queues:
            return None
        if not blocked:
            workspace_id = self._workspaces.next
            return workspace_id, self._campaigns[workspace_id].next
        in_order = ((one, other) for one in self._workspaces.in_order() for other in self._campaigns[one].in_order())
        return next((share for share in in_order if self._queues[share].count(grouping, blocked)), None)

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
