"""Another way for a message that waits, where its gateway does not take it. Pure."""

from datetime import datetime

import msgspec

from gatepost.messages import checks
from gatepost.messages.ways import Router, Way, group_key, may_come_from
from gatepost.messages.wishes import LANES, Denial, Snapshot, Wish
from gatepost.routing import choose as routing

_PRIORITIES = {lane: priority for priority, lane in LANES.items()}


class Waiting(msgspec.Struct, frozen=True):
    """A message in the queue, as far as its way depends on it. `came_in`: over the network, from the address `peer`,
    empty where nobody asked for it then."""

    id: int
    gateway_id: int
    to: str
    text: str
    encoding: str
    segments: int
    sender: str
    sender_reason: str
    route: str
    lane: int
    kind: str
    due_at: datetime
    validity_s: int | None = None
    tag: str | None = None
    campaign_id: int | None = None
    tried: tuple[int, ...] = ()
    came_in: bool = False
    peer: str = ""


class Detour(msgspec.Struct, frozen=True):
    """Another way for a message that waits."""

    message_id: int
    way: Way
    group_key: int


def detour(message: Waiting, snapshot: Snapshot) -> Detour | None:
    """The way that the message takes instead of its gateway, with everything checked again; None where there is none.

    It never goes back to a gateway that had it. One that named its gateway stays, unless that gateway lets it go.
    """
    own = snapshot.gateways.get(message.gateway_id)
    if message.route == routing.NAMED and (own is None or not own.named_fails_over):
        return None
    closed = {each.id for each in snapshot.gateways.values() if not each.is_sending}
    if message.came_in:
        closed |= {each.id for each in snapshot.gateways.values() if not may_come_from(each, message.peer)}
    router = Router(
        snapshot, message.kind, message.campaign_id, tried=frozenset({*message.tried, message.gateway_id, *closed})
    )
    wish = Wish(
        to=message.to,
        text=message.text,
        sender=message.sender if message.sender_reason == "own" else "",
        priority=_PRIORITIES[message.lane],
        tag=message.tag or "",
    )
    try:
        checks.check_suppression(message.to, snapshot)
        way = router.way(wish, message.to, message.segments, message.due_at)
    except Denial:
        return None
    if way.is_last_resort:
        return None
    key = group_key(way.gateway.grouped_by, way.sender, message.text, message.encoding, message.validity_s)
    return Detour(message.id, way, key)
