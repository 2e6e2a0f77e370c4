"""What else the demo has: a price list, a table that is imported as soon as it runs, and an e-mail to many."""

import random
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from datetime import datetime

    from gatepost.campaigns.models import Campaign
    from gatepost.channels.models import EmailAccount
    from gatepost.workspaces.models import Workspace

SEED: Final = 2027
PRICES: Final = (("44", "0.032"), ("33", "0.045"), ("1", "0.008"))
CURRENCY: Final = "EUR"
TABLE: Final = "routers-2026.csv"
ROUTERS: Final = 40
"""How many rows the table has, of which the last names a router that there is not."""
NEWS: Final = (
    "Good day {{ first_name | default: 'and welcome' }},\n\n"
    "from December the hotline answers until 10 in the evening, on Sundays, too.\n\n"
    "Your Gatepost Net"
)
BOUNCED: Final = 0.04
"""The share of mails that come back."""


def fill(workspace: "Workspace", *, actor: str) -> None:
    """Put them into the workspace, whose people and e-mail account are there already. Django must be set up."""
    from django.utils import timezone

    from gatepost.campaigns import prices
    from gatepost.channels.models import EmailAccount

    for prefix, amount in PRICES:
        prices.save(workspace, prefix=prefix, amount=amount, currency=CURRENCY, actor=actor)
    _import(workspace, actor)
    account = EmailAccount.objects.filter(workspaces=workspace).first()
    if account is not None:
        _write(workspace, account, timezone.now() - timedelta(days=11, hours=5), actor)


def _import(workspace: "Workspace", actor: str) -> None:
    from gatepost.audience import importing

    routers = ("Own", "Rented", "None")
    lines = [f"C{1000 + number};{routers[number % 3]}" for number in range(ROUTERS - 1)]
    content = "\n".join(["Customer ID;Router", *lines, f"C{1000 + ROUTERS};Borrowed", ""])
    row = importing.upload(workspace, TABLE, [content.encode()], actor=actor)
    mapping = ["external_id", "custom.router"]
    importing.configure(row, mapping, has_header=True, by="external_id", known="update")
    importing.start(row)


def _write(workspace: "Workspace", account: "EmailAccount", at: "datetime", actor: str) -> None:
    """A mail to all on the list Newsletter, most of whom got it."""
    from gatepost.campaigns import services
    from gatepost.campaigns.assembling import assembler, channels_of
    from gatepost.campaigns.models import Recipient
    from gatepost.channels.base import Piece
    from gatepost.channels.models import Mail
    from gatepost.messages.log import first_id

    newsletter = {"field": "lists", "op": "any", "value": ["Newsletter"]}
    said: dict[str, Any] = {"name": "Newsletter of November", "send_to": "email", "subject": "We are there for longer"}
    row = services.create(workspace, said | {"text": NEWS, "filter": newsletter}, actor=actor)
    chance = random.Random(SEED)  # noqa: S311 - nothing secret
    recipients: list[Recipient] = []
    mails: list[Mail] = []
    for one in assembler(row).rows(channels_of(row)[0], list(services.people(row).order_by("pk")), ()):
        recipient = Recipient(campaign=row, channel="email", contact_id=one.contact.pk, address=one.address)
        if isinstance(one.what, Piece):
            mail_id = first_id(at + timedelta(seconds=1)) + len(mails)
            mails.append(_mail(row, account, mail_id, one.what, at, has_bounced=chance.random() < BOUNCED))
            recipient.item_id = mail_id
        else:
            recipient.reason, recipient.words = str(one.what.reason), one.what.words
        recipients.append(recipient)
    Mail.objects.bulk_create(mails)
    Recipient.objects.bulk_create(recipients)
    end(row, recipients, Counter(mail.state for mail in mails), at)


def _mail(
    row: "Campaign", account: "EmailAccount", mail_id: int, piece: Any, at: "datetime", *, has_bounced: bool
) -> Any:
    from gatepost.channels.models import Mail

    left = at + timedelta(seconds=3)
    bounced = {"state": "undelivered", "code": "5.1.1", "words": "No such mailbox"} if has_bounced else {}
    return Mail(
        **{"state": "submitted"} | bounced,
        id=mail_id,
        workspace=row.workspace,
        account=account,
        kind="mass",
        lane=2,
        state_at=left,
        created_at=at + timedelta(seconds=1),
        due_at=at,
        next_at=at,
        expires_at=at + timedelta(days=3),
        submitted_at=left,
        attempts=1,
        campaign_id=row.pk,
        contact_id=piece.contact_id,
        to_address=piece.address,
        subject=piece.subject,
        body=piece.text,
    )


def end(row: "Campaign", recipients: list[Any], states: Counter[str], at: "datetime") -> None:
    """It began at that time, and ended minutes later, with so many messages in each state."""
    from gatepost.campaigns import services
    from gatepost.campaigns.models import Campaign

    Campaign.objects.filter(pk=row.pk).update(
        status=Campaign.Status.SENT,
        created_at=at - timedelta(minutes=40),
        updated_at=at,
        starts_at=at,
        started_at=at,
        expanded_at=at + timedelta(minutes=1),
        ended_at=at + timedelta(minutes=9),
        tallied_at=at + timedelta(hours=3),
        planned=len(recipients),
        taken=states.total(),
        excluded=dict(Counter(one.reason for one in recipients if one.reason)),
        tallies={row.send_to: dict(states)},
        has_errors=bool(set(states) - {"delivered", "submitted"}),
        digest=services.digest(row),
    )
