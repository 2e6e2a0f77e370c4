"""The way of a message: the gateway that it takes, and the sender ID that it gets there. Pure.

`routing/choose.py` says in which order gateways are asked; here each of them says whether it takes the message.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import ip_address
from typing import Final

import msgspec

from gatepost.links.shortening import shortened
from gatepost.messages import checks
from gatepost.messages.wishes import Denial, Denied, GatewayFacts, Short, Snapshot, Wish
from gatepost.routing import choose as routing
from gatepost.routing.rules import Subject

_ROUTE_REMEDIES = {
    "no_gateway": "Add a gateway, or have one assigned to this workspace.",
    "no_default_gateway": "Choose the workspace's default gateway, or name one in the message.",
    "no_route": "See on the Routing page why each of them was passed over, and add one that takes it.",
    "unknown_gateway": "Use the name or number of a gateway of this workspace.",
    "ambiguous_gateway": "Rename the one gateway, or send its number as a JSON number.",
    "gateway_draining": "Name another gateway, or none.",
}


SHORTENED: Final = frozenset({"single", "reply"})
"""The kinds of messages whose links a gateway has shortened: a campaign says for itself, a test goes as it was typed,
and the one-time links that we send are for nobody to keep."""


class Way(msgspec.Struct, frozen=True):
    """The gateway that a message takes, the sender ID that it gets there, and what chose the gateway.

    `is_last_resort`: it is down, and there is no other. `short`: the text as it goes there, where links are shortened.
    """

    gateway: GatewayFacts
    sender: str
    sender_reason: str
    route: str
    is_last_resort: bool = False
    short: Short | None = None


class Router:
    """Finds the way of messages under one snapshot. `tried`: gateways that are not to be tried again; what waits for
    them has its text already."""

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
        self._link_base = snapshot.link_base if kind in SHORTENED and campaign_id is None and not tried else ""
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
            return self._through(self._plain, wish, digits, segments, routing.DEFAULT)
        found: dict[int, Way] = {}
        denials: dict[int, Denial] = {}

        def obstacle(gateway: GatewayFacts) -> str:
            try:
                found[gateway.id] = self._through(gateway, wish, digits, segments, "")
            except Denial as denial:
                denials[gateway.id] = denial
                return denial.denied.words
            return ""

        order = self._order
        if self._kind == "reply" and digits in self._snapshot.conversations:
            order = replace(order, conversation_id=self._snapshot.conversations[digits])
        subject = self.subject(wish, digits, at)
        choice = routing.choose(subject, self._snapshot.gateways, order, obstacle, verdicts)
        if choice.gateway_id is None:
            raise denials.get(choice.refused or 0) or Denial(
                choice.code, choice.words, _ROUTE_REMEDIES[choice.code], "gateway"
            )
        way = found[choice.gateway_id]
        return Way(way.gateway, way.sender, way.sender_reason, choice.by, choice.is_last_resort, way.short)

    def _named(self, wish: Wish, digits: str, segments: int) -> Way:
        choice = routing.named(wish.gateway, self._snapshot.gateways)
        if choice.gateway_id is None:
            raise Denial(choice.code, choice.words, _ROUTE_REMEDIES[choice.code], "gateway")
        gateway = self._snapshot.gateways[choice.gateway_id]
        return self._through(gateway, wish, digits, segments, routing.NAMED)

    def _through(self, gateway: GatewayFacts, wish: Wish, digits: str, segments: int, route: str) -> Way:
        """The way through that gateway. Raises the denial where it cannot take the message."""
        short = _short(wish.text, self._link_base) if self._link_base and gateway.shortens else None
        _check_gateway_limits(gateway, digits, segments if short is None else short.segments)
        sender, reason = _sender(wish, self._snapshot, gateway)
        return Way(gateway, sender, reason, route, short=short)

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
        digits = checks.number(wish, snapshot)
        checks.check_suppression(digits, snapshot)
        segments = checks.measured(wish.text)[1] if wish.text else 1
        base = checks.due_first(wish, snapshot.now)
        checks.lane(wish)
        checks.tag(wish)
        subject = router.subject(wish, digits, base)
        return Followed(subject, verdicts, router.way(wish, digits, segments, base, verdicts), None)
    except Denial as denial:
        return Followed(subject, verdicts, None, denial.denied)


def group_key(grouped_by: tuple[str, ...] | None, sender: str, text: str, encoding: str, validity_s: int | None) -> int:
    """Messages with the same key may share a request. 0 where anything may go together (or nothing does)."""
    if not grouped_by:
        return 0
    values = {"sender": sender, "text": text, "encoding": encoding, "validity": validity_s}
    seed = "\x1f".join(str(values[name]) for name in grouped_by)
    return int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=8).digest(), signed=True)


def _short(text: str, base: str) -> Short | None:
    """The text with short links; None where that changes nothing."""
    written, links = shortened(text, base)
    return Short(written, *checks.measured(written), links) if links else None


def _check_gateway_limits(gateway: GatewayFacts, digits: str, segments: int) -> None:
    if gateway.verified_phones is not None and digits not in gateway.verified_phones:
        raise Denial(
            "phone_not_verified",
            f"Gateway {gateway.name} sends to its verified phones only.",
            "Add the number to the gateway's verified phones, or use another gateway.",
            "to",
        )
    if gateway.max_segments is not None and segments > gateway.max_segments:
        raise Denial(
            "too_many_segments",
            f"The text needs {segments} segments; gateway {gateway.name} takes at most {gateway.max_segments}.",
            "Shorten the text, or raise the gateway's limit.",
            "text",
        )


def may_come_from(gateway: GatewayFacts, peer: str) -> bool:
    """Whether the gateway takes messages from that address; an unknown one (empty) is in no list."""
    networks = gateway.send_networks
    return not networks or (bool(peer) and any(ip_address(peer) in network for network in networks))


def check_address(gateway: GatewayFacts, peer: str | None) -> None:
    """That the gateway takes messages from the client's address; `peer` as in accept."""
    if peer is not None and not may_come_from(gateway, peer):
        raise Denial(
            "ip_not_allowed",
            f"Gateway {gateway.name} does not take messages from this address.",
            "Send from an allowed address, or have the operator add this one to the gateway's list.",
        )


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
        raise Denial(
            "sender_not_verified",
            f"Gateway {gateway.name} sends under its verified sender IDs only.",
            "Use one of them, or add this one to the gateway's list.",
            "sender",
        )
    if not sender and gateway.sender_rule.is_required:
        raise Denial(
            "sender_missing",
            f"Gateway {gateway.name} needs a sender ID and there is none.",
            "Set the gateway's sender ID, or name an approved one in the message.",
            "sender",
        )
    if sender and not gateway.sender_rule.allows(sender):
        raise Denial(
            "sender_not_allowed",
            f"Gateway {gateway.name} does not take this sender ID.",
            f"The provider takes: {gateway.sender_rule.words}",
            "sender",
        )
    return sender, reason


def _is_approved(sender: str, gateway: GatewayFacts, snapshot: Snapshot) -> bool:
    return (sender, None) in snapshot.senders or (sender, gateway.id) in snapshot.senders
