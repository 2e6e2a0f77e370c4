"""Whether and how a message is taken: a pure function over a snapshot of what the workspace is allowed and has set."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address

import msgspec

from gatepost.providers.manifest import SenderRule
from gatepost.routing import choose as routing
from gatepost.routing.rules import Rule, Subject
from gatepost.sms.msisdn import InvalidNumber, parse
from gatepost.sms.text import InvalidText, count_segments

Networks = tuple[IPv4Network | IPv6Network, ...]

LANES = {"code": 0, "normal": 1, "bulk": 2}
MAX_TEXT = 10_000
MAX_CLIENT_REF = 100
MAX_TAG = 40
MAX_AHEAD = timedelta(days=366)
MIN_VALIDITY_S = 60
FOR_EVER_S = int(MAX_AHEAD.total_seconds())


# One of each of these is made per message: a Struct takes a tenth of the time that a frozen dataclass takes.
class Wish(msgspec.Struct, frozen=True):
    """A message as somebody asks for it; nothing in it has been checked. `gateway`: a number is its id, a text its name
    or else its id."""

    to: str
    text: str
    sender: str = ""
    gateway: str | int = ""
    client_ref: str | None = None
    priority: str = "normal"
    send_at: datetime | None = None
    validity_s: int | None = None
    tag: str = ""


@dataclass(frozen=True, slots=True)
class GatewayFacts:
    """What accepting needs to know of a gateway. `down`: why it is down, by country; "" is everywhere; `share`: of
    the messages that may try it nevertheless."""

    id: int
    name: str
    is_sending: bool
    sender: str = ""
    sender_rule: SenderRule = field(default_factory=SenderRule)
    verified_senders: frozenset[str] | None = None
    verified_phones: frozenset[str] | None = None
    send_networks: Networks = ()
    max_segments: int | None = None
    days_to_expire: int = 3
    grouped_by: tuple[str, ...] | None = None
    is_draining: bool = False
    named_fails_over: bool = False
    down: Mapping[str, str] = field(default_factory=dict)
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything about a workspace that accepting depends on, at one moment.

    `gateways`: the active ones assigned to it. `senders`: approved sender IDs, each with the gateway it is approved
    for (None: all). `suppressed`: those of the numbers at hand that must not be sent to. `rules`: the workspace's, then
    the installation's. `conversations`: of the numbers at hand, through which gateway they wrote last. `absent`: why a
    gateway is not among `gateways`.
    """

    workspace_id: int
    now: datetime
    is_sending: bool = True
    default_country: str = ""
    default_gateway_id: int | None = None
    default_sender: str = ""
    installation_sender: str = ""
    senders: frozenset[tuple[str, int | None]] = frozenset()
    gateways: Mapping[int, GatewayFacts] = field(default_factory=dict)
    suppressed: frozenset[str] = frozenset()
    rules: tuple[Rule, ...] = ()
    installation_gateway_id: int | None = None
    conversations: Mapping[str, int] = field(default_factory=dict)
    absent: Mapping[int, str] = field(default_factory=dict)


class Taken(msgspec.Struct, frozen=True):
    """A message that will be stored, complete. `held`: why it waits, if it does. `route`: what chose its gateway."""

    to: str
    text: str
    encoding: str
    segments: int
    gateway_id: int
    sender: str
    sender_reason: str
    lane: int
    due_at: datetime
    expires_at: datetime
    group_key: int
    send_at: datetime | None = None
    validity_s: int | None = None
    client_ref: str | None = None
    held: str | None = None
    tag: str | None = None
    route: str = ""


@dataclass(frozen=True, slots=True)
class Denied:
    """A message that is not taken: a stable code, what is wrong, what to do, and which field it is about."""

    code: str
    words: str
    remedy: str
    field: str = ""


class _Denial(Exception):
    def __init__(self, code: str, words: str, remedy: str, about: str = "") -> None:
        super().__init__(code)
        self.denied = Denied(code, words, remedy, about)


def numbers_of(wishes: Iterable[Wish], default_country: str) -> list[str | None]:
    """The digits of each recipient, None where the number is no number: what the suppression look-up needs."""
    digits: list[str | None] = []
    for wish in wishes:
        try:
            digits.append(parse(wish.to, default_country))
        except InvalidNumber:
            digits.append(None)
    return digits


def accept(
    wishes: Sequence[Wish],
    snapshot: Snapshot,
    peer: str | None = None,
    *,
    numbers: Sequence[str | None] | None = None,
    kind: str = "single",
    campaign_id: int | None = None,
) -> list[Taken | Denied]:
    """One answer per wish, in order.

    `peer`: the client's address where the request came over the network, empty where it is unknown; None for what did
    not come over the network, so that no list of addresses concerns it. `numbers`: what `numbers_of` said, for callers
    that have asked it. `kind` and `campaign_id`: of all of them.
    """
    router = Router(snapshot, kind, campaign_id)
    answers: list[Taken | Denied] = []
    for wish, number in zip(wishes, numbers or [None] * len(wishes), strict=True):
        try:
            answers.append(_take(wish, snapshot, router, peer, number))
        except _Denial as denial:
            answers.append(denial.denied)
    return answers


def _take(wish: Wish, snapshot: Snapshot, router: "Router", peer: str | None, number: str | None) -> Taken:
    digits = number or _number(wish, snapshot)
    _check_suppression(digits, snapshot)
    encoding, segments = _measured(wish.text)
    base = _base(wish, snapshot.now)
    lane = _lane(wish)
    tag = _tag(wish)
    way = router.way(wish, digits, segments, base)
    gateway = way.gateway
    _check_address(gateway, peer)
    validity_s = _validity(wish)
    return Taken(
        to=digits,
        text=wish.text,
        encoding=encoding,
        segments=segments,
        gateway_id=gateway.id,
        sender=way.sender,
        sender_reason=way.sender_reason,
        lane=lane,
        due_at=base,
        expires_at=base + _lifetime(gateway.days_to_expire, validity_s),
        group_key=group_key(gateway.grouped_by, way.sender, wish.text, encoding, validity_s),
        send_at=base if wish.send_at else None,
        validity_s=validity_s,
        client_ref=_client_ref(wish),
        held=None if snapshot.is_sending and gateway.is_sending else "sending disabled",
        tag=tag,
        route=way.route,
    )


class Way(msgspec.Struct, frozen=True):
    """The gateway that a message takes, the sender ID that it gets there, and what chose the gateway.

    `is_last_resort`: it is down, and there is no other.
    """

    gateway: GatewayFacts
    sender: str
    sender_reason: str
    route: str
    is_last_resort: bool = False


class Router:
    """Finds the way of messages under one snapshot. `tried`: gateways that are not to be tried again."""

    def __init__(
        self,
        snapshot: Snapshot,
        kind: str = "single",
        campaign_id: int | None = None,
        tried: frozenset[int] = frozenset(),
    ) -> None:
        self._snapshot = snapshot
        self._kind = kind
        self._campaign_id = campaign_id
        self._order = routing.Order(
            rules=snapshot.rules,
            default_id=snapshot.default_gateway_id,
            installation_id=snapshot.installation_gateway_id,
            tried=tried,
            absent=snapshot.absent,
        )
        default = snapshot.gateways.get(snapshot.default_gateway_id or 0)
        has_choice = snapshot.rules or snapshot.conversations or tried
        is_plain = default is not None and not has_choice and not default.is_draining and not default.down
        self._plain = default if is_plain else None

    def way(
        self,
        wish: Wish,
        digits: str,
        segments: int,
        at: datetime,
        verdicts: list[routing.Verdict] | None = None,
    ) -> Way:
        """Raises the denial where there is none. `verdicts`: filled with what every step said."""
        if wish.gateway != "":
            return self._named(wish, digits, segments)
        if self._plain is not None and verdicts is None:
            return _way(wish, self._snapshot, self._plain, digits, segments, routing.DEFAULT)
        found: dict[int, Way] = {}
        denials: dict[int, _Denial] = {}

        def obstacle(gateway: GatewayFacts) -> str:
            try:
                found[gateway.id] = _way(wish, self._snapshot, gateway, digits, segments, "")
            except _Denial as denial:
                denials[gateway.id] = denial
                return denial.denied.words
            return ""

        order = self._order
        if self._kind == "reply" and digits in self._snapshot.conversations:
            order = replace(order, conversation_id=self._snapshot.conversations[digits])
        subject = self.subject(wish, digits, at)
        choice = routing.choose(subject, self._snapshot.gateways, order, obstacle, verdicts)
        if choice.gateway_id is None:
            raise denials.get(choice.refused or 0) or _Denial(
                choice.code, choice.words, _ROUTE_REMEDIES[choice.code], "gateway"
            )
        way = found[choice.gateway_id]
        return Way(way.gateway, way.sender, way.sender_reason, choice.by, choice.is_last_resort)

    def _named(self, wish: Wish, digits: str, segments: int) -> Way:
        choice = routing.named(wish.gateway, self._snapshot.gateways)
        if choice.gateway_id is None:
            raise _Denial(choice.code, choice.words, _ROUTE_REMEDIES[choice.code], "gateway")
        gateway = self._snapshot.gateways[choice.gateway_id]
        return _way(wish, self._snapshot, gateway, digits, segments, routing.NAMED)

    def subject(self, wish: Wish, digits: str, at: datetime) -> Subject:
        """The message as rules see it."""
        return Subject(
            to=digits,
            at=at,
            workspace_id=self._snapshot.workspace_id,
            sender=wish.sender or self._snapshot.default_sender,
            tag=wish.tag,
            priority=wish.priority,
            kind=self._kind,
            campaign_id=self._campaign_id,
        )


@dataclass(frozen=True, slots=True)
class Followed:
    """What would become of a wish: the message as rules see it, what every step said, and the way or the denial."""

    subject: Subject | None
    verdicts: list[routing.Verdict]
    way: Way | None
    denied: Denied | None


def follow(wish: Wish, snapshot: Snapshot, kind: str = "single", campaign_id: int | None = None) -> Followed:
    """The way that the wish would take; without a text it counts as one segment."""
    router = Router(snapshot, kind, campaign_id)
    verdicts: list[routing.Verdict] = []
    subject: Subject | None = None
    try:
        digits = _number(wish, snapshot)
        _check_suppression(digits, snapshot)
        segments = _measured(wish.text)[1] if wish.text else 1
        base = _base(wish, snapshot.now)
        _lane(wish)
        _tag(wish)
        subject = router.subject(wish, digits, base)
        return Followed(subject, verdicts, router.way(wish, digits, segments, base, verdicts), None)
    except _Denial as denial:
        return Followed(subject, verdicts, None, denial.denied)


class Waiting(msgspec.Struct, frozen=True):
    """A message in the queue, as far as its way depends on it. `came_in`: over the network, from an address that nobody
    knows any more."""

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
        closed |= {each.id for each in snapshot.gateways.values() if each.send_networks}
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
        _check_suppression(message.to, snapshot)
        way = router.way(wish, message.to, message.segments, message.due_at)
    except _Denial:
        return None
    if way.is_last_resort:
        return None
    key = group_key(way.gateway.grouped_by, way.sender, message.text, message.encoding, message.validity_s)
    return Detour(message.id, way, key)


_PRIORITIES = {lane: priority for priority, lane in LANES.items()}
_ROUTE_REMEDIES = {
    "no_gateway": "Add a gateway, or have one assigned to this workspace.",
    "no_default_gateway": "Choose the workspace's default gateway, or name one in the message.",
    "no_route": "See on the Routing page why each of them was passed over, and add one that takes it.",
    "unknown_gateway": "Use the name or number of a gateway of this workspace.",
    "ambiguous_gateway": "Rename the one gateway, or send its number as a JSON number.",
    "gateway_draining": "Name another gateway, or none.",
}


def _way(wish: Wish, snapshot: Snapshot, gateway: GatewayFacts, digits: str, segments: int, route: str) -> Way:
    """The way through that gateway. Raises the denial where it cannot take the message."""
    _check_gateway_limits(gateway, digits, segments)
    sender, reason = _sender(wish, snapshot, gateway)
    return Way(gateway, sender, reason, route)


def _validity(wish: Wish) -> int | None:
    """In seconds; longer than a year ahead is a year."""
    if wish.validity_s is None:
        return None
    if wish.validity_s < MIN_VALIDITY_S:
        raise _Denial(
            "validity_too_short", "The validity is too short.", f"At least {MIN_VALIDITY_S} seconds.", "validity_s"
        )
    return min(wish.validity_s, FOR_EVER_S)


@lru_cache(maxsize=1024)
def _lifetime(days: int, validity_s: int | None) -> timedelta:
    return min(timedelta(days=days), timedelta(seconds=validity_s or FOR_EVER_S))


def _is_within(peer: str, networks: Networks) -> bool:
    return bool(peer) and any(ip_address(peer) in network for network in networks)


def _check_address(gateway: GatewayFacts, peer: str | None) -> None:
    if gateway.send_networks and peer is not None and not _is_within(peer, gateway.send_networks):
        raise _Denial(
            "ip_not_allowed",
            f"Gateway {gateway.name} does not take messages from this address.",
            "Send from an allowed address, or have the operator add this one to the gateway's list.",
        )


def _check_gateway_limits(gateway: GatewayFacts, digits: str, segments: int) -> None:
    if gateway.verified_phones is not None and digits not in gateway.verified_phones:
        raise _Denial(
            "phone_not_verified",
            f"Gateway {gateway.name} sends to its verified phones only.",
            "Add the number to the gateway's verified phones, or use another gateway.",
            "to",
        )
    if gateway.max_segments is not None and segments > gateway.max_segments:
        raise _Denial(
            "too_many_segments",
            f"The text needs {segments} segments; gateway {gateway.name} takes at most {gateway.max_segments}.",
            "Shorten the text, or raise the gateway's limit.",
            "text",
        )


def group_key(grouped_by: tuple[str, ...] | None, sender: str, text: str, encoding: str, validity_s: int | None) -> int:
    """Messages with the same key may share a request. 0 where anything may go together (or nothing does)."""
    if not grouped_by:
        return 0
    values = {"sender": sender, "text": text, "encoding": encoding, "validity": validity_s}
    seed = "\x1f".join(str(values[name]) for name in grouped_by)
    return int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=8).digest(), signed=True)


def _number(wish: Wish, snapshot: Snapshot) -> str:
    try:
        return parse(wish.to, snapshot.default_country)
    except InvalidNumber as invalid:
        raise _Denial(invalid.code, invalid.sentence, invalid.remedy, "to") from None


def _check_suppression(digits: str, snapshot: Snapshot) -> None:
    if digits in snapshot.suppressed:
        raise _Denial(
            "suppressed",
            "The number is on the suppression list.",
            "It has opted out or was added by hand: do not send to it, or remove it from the list.",
            "to",
        )


def _measured(text: str) -> tuple[str, int]:
    if not text.strip():
        raise _Denial("text_empty", "The text is empty.", "Write something.", "text")
    if len(text) > MAX_TEXT:
        raise _Denial("text_too_long", "The text is too long.", f"At most {MAX_TEXT} characters.", "text")
    try:
        return count_segments(text)
    except InvalidText as invalid:
        raise _Denial(invalid.code, invalid.sentence, invalid.remedy, "text") from None


def _sender(wish: Wish, snapshot: Snapshot, gateway: GatewayFacts) -> tuple[str, str]:
    """The sender ID and where it came from: own, workspace, gateway, installation or provider."""

    if wish.sender and _is_approved(wish.sender, gateway, snapshot):
        sender, reason = wish.sender, "own"
    elif snapshot.default_sender and _is_approved(snapshot.default_sender, gateway, snapshot):
        sender, reason = snapshot.default_sender, "workspace"
    elif gateway.sender:
        sender, reason = gateway.sender, "gateway"
    elif snapshot.installation_sender:
        sender, reason = snapshot.installation_sender, "installation"
    else:
        sender, reason = "", "provider"
    if gateway.verified_senders is not None and sender not in gateway.verified_senders:
        raise _Denial(
            "sender_not_verified",
            f"Gateway {gateway.name} sends under its verified sender IDs only.",
            "Use one of them, or add this one to the gateway's list.",
            "sender",
        )
    if not sender and gateway.sender_rule.is_required:
        raise _Denial(
            "sender_missing",
            f"Gateway {gateway.name} needs a sender ID and there is none.",
            "Set the gateway's sender ID, or name an approved one in the message.",
            "sender",
        )
    if sender and not gateway.sender_rule.allows(sender):
        raise _Denial(
            "sender_not_allowed",
            f"Gateway {gateway.name} does not take this sender ID.",
            f"The provider takes: {gateway.sender_rule.words}",
            "sender",
        )
    return sender, reason


def _is_approved(sender: str, gateway: GatewayFacts, snapshot: Snapshot) -> bool:
    return (sender, None) in snapshot.senders or (sender, gateway.id) in snapshot.senders


def _client_ref(wish: Wish) -> str | None:
    ref = wish.client_ref
    if ref is None:
        return None
    if not ref or len(ref) > MAX_CLIENT_REF or not ref.isprintable():
        raise _Denial(
            "bad_client_ref",
            "The client reference does not fit.",
            f"1 to {MAX_CLIENT_REF} characters without control characters.",
            "client_ref",
        )
    return ref


def _tag(wish: Wish) -> str | None:
    tag = wish.tag
    if tag and (len(tag) > MAX_TAG or not tag.isprintable()):
        raise _Denial(
            "bad_tag", "The tag does not fit.", f"1 to {MAX_TAG} characters without control characters.", "tag"
        )
    return tag or None


def _lane(wish: Wish) -> int:
    if wish.priority not in LANES:
        raise _Denial("bad_priority", "There is no such priority.", f"One of {', '.join(LANES)}.", "priority")
    return LANES[wish.priority]


def _base(wish: Wish, now: datetime) -> datetime:
    """When the message is due first, in UTC; a moment in the past means now."""
    if wish.send_at is None:
        return now
    if wish.send_at.tzinfo is None:
        raise _Denial("send_at_no_zone", "The time has no zone.", "Write it as 2026-01-31T12:00:00Z.", "send_at")
    if wish.send_at > now + MAX_AHEAD:
        raise _Denial("send_at_too_far", "The time is too far ahead.", f"At most {MAX_AHEAD.days} days.", "send_at")
    return max(wish.send_at, now).astimezone(UTC)
