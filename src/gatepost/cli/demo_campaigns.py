"""The demo's mass sendings: what a small internet provider sent, is about to send, and has begun to write.

Those of the past are written straight into the tables as they ended, without a message leaving anywhere.
"""

import random
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from gatepost.cli import demo_past

if TYPE_CHECKING:
    from datetime import datetime

    from gatepost.campaigns.models import Campaign
    from gatepost.gateways.models import Gateway
    from gatepost.workspaces.models import Workspace

SEED: Final = 2026
WORKS: Final = (
    "Tonight from 1 to 4 we work on the network in your area. "
    "The internet will be off for up to 20 minutes. Gatepost Net"
)
OFFER: Final = (
    "{{ first_name | default: 'Hello' }}, your line can do 1000 Mbit/s from today. "
    "https://gatepost.example/fibre-1000?from=sms tells more. Gatepost Net"
)
STORM: Final = "A storm is coming on Sunday. Our technicians are on duty all day: +44 20 7946 0000. Gatepost Net"
CONTRACT: Final = (
    "Dear {{ first_name }}, your contract ends on {{ custom.contract_end }}. Stay with us and choose a present."
)
FATES: Final = (
    ("delivered", 0.9, "", ""),
    ("undelivered", 0.05, "bad_recipient", "Absent subscriber"),
    ("expired", 0.03, "", ""),
    ("rejected", 0.02, "bad_recipient", "Number is not in use"),
)
"""What becomes of messages that do not all arrive: the state, its share, and the provider's refusal and words."""

OPENED: Final = 0.23
"""The share of recipients who open a link."""


def fill(workspace: "Workspace", *, actor: str) -> None:
    """Put the demo's campaigns into the workspace, whose people are there already. Django must be set up."""
    from django.utils import timezone

    from gatepost.campaigns import running, services
    from gatepost.links import services as links

    now = timezone.now()
    chance = random.Random(SEED)  # noqa: S311 - nothing secret
    towns = {"field": "location", "op": "is", "value": ["Bramley Vale", "Ashby Wold"]}
    active = {"field": "status", "op": "is", "value": ["active", "new"]}
    works = {"name": "Network works in Bramley Vale and Ashby Wold", "text": WORKS, "filter": {"all": [towns, active]}}
    _past(workspace, works, now - timedelta(days=6, hours=3), chance, all_arrive=True, actor=actor)
    fibre = {"field": "plans", "op": "any", "value": ["Fibre 100", "Fibre 300"]}
    offer: dict[str, Any] = {"name": "Autumn offer: 1000 Mbit/s", "text": OFFER, "filter": {"all": [active, fibre]}}
    # Without a public address there is nothing that a short link could begin with.
    offer["shorten"] = bool(links.base_url(workspace))
    _past(workspace, offer, now - timedelta(days=20), chance, all_arrive=False, actor=actor)
    storm = {
        "name": "Storm on Sunday",
        "text": STORM,
        "filter": {"all": [active]},
        "schedule": "at",
        "time_zone": "Europe/London",
        "send_at": (now + timedelta(days=(6 - now.weekday()) or 7)).replace(hour=9, minute=0, tzinfo=None),
    }
    running.send(services.create(workspace, storm, actor=actor), actor=actor)
    draft = {"name": "Contracts that end", "text": CONTRACT, "segment_id": _segment(workspace), "missing": "skip"}
    services.create(workspace, draft, actor=actor)


def _past(
    workspace: "Workspace",
    said: dict[str, Any],
    at: "datetime",
    chance: random.Random,
    *,
    all_arrive: bool,
    actor: str,
) -> None:
    """A campaign that ended some days ago, with its recipients and their messages."""
    from gatepost.campaigns import services
    from gatepost.campaigns.assembling import assembler, channels_of
    from gatepost.campaigns.models import Recipient
    from gatepost.channels.base import Piece
    from gatepost.messages.models import Message

    row = services.create(workspace, said, actor=actor)
    contacts = list(services.people(row).order_by("pk"))
    making = assembler(row)
    rows = making.rows(channels_of(row)[0], contacts, ())
    gateway = workspace.default_gateway
    assert gateway is not None
    messages: list[Message] = []
    recipients: list[Recipient] = []
    for one in rows:
        recipient = Recipient(campaign=row, channel="sms", contact_id=one.contact.pk, address=one.address)
        if isinstance(one.what, Piece):
            messages.append(_message(row, gateway, one.what.text, one.address, at, len(messages), chance, all_arrive))
            recipient.item_id = messages[-1].pk
        else:
            recipient.reason, recipient.words = str(one.what.reason), one.what.words
        recipients.append(recipient)
    Message.objects.bulk_create(messages)
    Recipient.objects.bulk_create(recipients)
    if making.shortener:
        making.shortener.keep([one.contact_id for one in recipients if one.item_id])
        _open_some(row, at, chance)
    demo_past.end(row, recipients, Counter(message.state for message in messages), at)


def _open_some(row: "Campaign", at: "datetime", chance: random.Random) -> None:
    """A few of those who got it open its links within a day, some of them again."""
    from gatepost.links.models import ShortLink

    codes = list(ShortLink.objects.filter(link__campaign_id=row.pk).order_by("contact_id"))
    opened = [code for code in codes if chance.random() < OPENED]
    for code in opened:
        code.clicks = chance.choice((1, 1, 1, 2, 3))
        code.first_at = at + timedelta(minutes=chance.randrange(2, 600))
        code.last_at = code.first_at + timedelta(minutes=chance.randrange(1, 800) if code.clicks > 1 else 0)
    ShortLink.objects.bulk_update(opened, ["clicks", "first_at", "last_at"])


def _message(
    row: "Campaign",
    gateway: "Gateway",
    text: str,
    address: str,
    at: "datetime",
    place: int,
    chance: random.Random,
    all_arrive: bool,
) -> Any:
    from gatepost.messages.log import first_id
    from gatepost.messages.models import Message
    from gatepost.sms.text import count_segments

    fate = FATES[0] if all_arrive else chance.choices(FATES, weights=[share for _, share, _, _ in FATES])[0]
    state, _, refusal, words = fate
    left = at + timedelta(seconds=2 + place / 2)
    encoding, segments = count_segments(text)
    return Message(
        id=first_id(at + timedelta(seconds=1)) + place,
        workspace=row.workspace,
        gateway=gateway,
        campaign_id=row.pk,
        kind="mass",
        lane=2,
        state=state,
        created_at=at + timedelta(seconds=1),
        state_at=left + timedelta(seconds=chance.randrange(2, 90)),
        submitted_at=left,
        expires_at=at + timedelta(days=3),
        to_digits=address,
        body=text,
        encoding=encoding,
        segments=segments,
        attempts=1,
        sender=gateway.sender,
        sender_reason="gateway" if gateway.sender else "",
        provider_ref=f"demo-{row.pk}-{place}",
        refusal=refusal or None,
        words=words or None,
    )


def _segment(workspace: "Workspace") -> int | None:
    from gatepost.audience.models import Segment

    found = Segment.objects.filter(workspace=workspace, name="Contract ends soon").first()
    return found.pk if found else None
