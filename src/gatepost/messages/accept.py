"""Whether and how a message is taken: a pure function over a snapshot of what the workspace is allowed and has set,
but for the codes of short links, which are drawn anew each time."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Final

from gatepost.links.shortening import Codes
from gatepost.messages import checks
from gatepost.messages.ways import Router, check_address, group_key
from gatepost.messages.wishes import Denial, Denied, Snapshot, Taken, Wish
from gatepost.sms.msisdn import InvalidNumber, parse

NO_LINKS: Final[Codes] = ()


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
    kept_peer = peer or None if any(gateway.send_networks for gateway in snapshot.gateways.values()) else None
    answers: list[Taken | Denied] = []
    for wish, number in zip(wishes, numbers or [None] * len(wishes), strict=True):
        try:
            answers.append(_take(wish, snapshot, router, peer, number, kept_peer))
        except Denial as denial:
            answers.append(denial.denied)
    return answers


def _take(
    wish: Wish, snapshot: Snapshot, router: Router, peer: str | None, number: str | None, kept_peer: str | None
) -> Taken:
    """`kept_peer`: the address that another gateway will be asked about, should this one not take the message."""
    digits = number or checks.number(wish, snapshot)
    checks.check_suppression(digits, snapshot)
    encoding, segments = checks.measured(wish.text)
    base = checks.due_first(wish, snapshot.now)
    lane = checks.lane(wish)
    tag = checks.tag(wish)
    way = router.way(wish, digits, segments, base)
    gateway, text, links = way.gateway, wish.text, NO_LINKS
    if way.short is not None:
        text, encoding, segments, links = way.short.text, way.short.encoding, way.short.segments, way.short.links
    check_address(gateway, peer)
    validity_s = checks.validity(wish)
    return Taken(
        to=digits,
        text=text,
        encoding=encoding,
        segments=segments,
        gateway_id=gateway.id,
        sender=way.sender,
        sender_reason=way.sender_reason,
        lane=lane,
        due_at=base,
        expires_at=base + _lifetime(gateway.days_to_expire, validity_s),
        group_key=group_key(gateway.grouped_by, way.sender, text, encoding, validity_s),
        send_at=base if wish.send_at else None,
        validity_s=validity_s,
        client_ref=checks.client_ref(wish),
        held=None if snapshot.is_sending and gateway.is_sending else "sending disabled",
        tag=tag,
        route=way.route,
        peer=kept_peer,
        links=links,
    )


@lru_cache(maxsize=1024)
def _lifetime(days: int, validity_s: int | None) -> timedelta:
    return min(timedelta(days=days), timedelta(seconds=validity_s or checks.FOR_EVER_S))
