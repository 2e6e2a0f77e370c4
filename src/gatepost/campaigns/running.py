"""Sending a campaign, and what may be done while it runs. Only who finds it as expected changes its status."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from gatepost.audience import contacts
from gatepost.audience.models import Contact
from gatepost.campaigns import expanding, fields, planning, services, watching
from gatepost.campaigns.assembling import assembler
from gatepost.campaigns.models import Campaign, Recipient
from gatepost.channels.base import CHANNELS, Excluded
from gatepost.problems import Fault, Problem
from gatepost.texts.language import compile_text
from gatepost.texts.models import Missing
from gatepost.workspaces.models import ApiKey, User
from gatepost.workspaces.services import audit

UNDO: Final = timedelta(seconds=30)
AHEAD: Final = timedelta(minutes=1)
"""So long before its time a campaign is made into messages, which then wait for it."""
FURTHEST_EAST: Final = timedelta(hours=14)
"""So much earlier than in UTC a day begins somewhere."""

Status = Campaign.Status


@dataclass(frozen=True, slots=True)
class Sent:
    """A test message: its channel, its id there, as the API says it, and its page."""

    channel: str
    id: int
    ref: str
    url: str


def send(
    row: Campaign,
    *,
    count: int | None = None,
    version: int | None = None,
    user: User | None = None,
    key: ApiKey | None = None,
    peer: str | None = None,
    actor: str,
) -> Campaign:
    """Send it, after the undo window or when it is scheduled.

    `count`: how many people the sender says there are, which is needed where nothing restricts them. `version`: the one
    that the sender has seen; None: whichever there is. `peer`: the address that the key was used from, which gateways
    may ask about. Raises Problem `invalid`, `count_needed`, `plan_needed`, `campaign_changed` or `campaign_sent`.
    """
    with transaction.atomic():
        row = _locked(row)
        if not row.is_draft:
            raise Problem("campaign_sent")
        if version is not None and version != row.version:
            remedy = "See what it says now, and send it then."
            raise Problem("campaign_changed", remedy=remedy, more={"version": row.version})
        if found := services.faults(row):
            raise Problem("invalid", faults=found)
        row.planned = _meant(row)
        if services.is_for_everyone(row) and count != row.planned:
            raise Problem(
                "count_needed", f"The campaign is for all {row.planned} of them.", more={"count": row.planned}
            )
        _refuse_gaps(row)
        row.starts_at = _start_of(row)
        is_soon = row.starts_at <= timezone.now() + UNDO
        row.status = Status.UNDO if is_soon else Status.SCHEDULED
        row.actor, row.trouble, row.removed_at, row.digest = actor, "", None, services.digest(row)
        row.created_by, row.api_key, row.peer = user or row.created_by, key, peer
        row.save()
        audit(actor, "campaign.send", row, row.workspace, people=row.planned)
        expanding.start(row)
    return row


def undo(row: Campaign, *, actor: str) -> Campaign:
    """Make it a draft again, as long as nobody has been written to. Raises Problem `campaign_not_so`."""
    return _moved(row, (Status.UNDO, Status.SCHEDULED), actor, "campaign.undo", status=Status.DRAFT, starts_at=None)


def pause(row: Campaign, *, actor: str) -> Campaign:
    """Stop it where it is; what is on its way to the provider arrives. Raises Problem `campaign_not_so`."""
    with transaction.atomic():
        row = _locked(row)
        if row.status not in (Status.EXPANDING, Status.SENDING):
            raise Problem("campaign_not_so", f"It is {row.get_status_display().lower()}.")
        row.paused_from, row.status = row.status, Status.PAUSED
        row.save(update_fields=["paused_from", "status"])
        for name in row.channels:
            CHANNELS[name].hold(watching.run_of(row), True)
        audit(actor, "campaign.pause", row, row.workspace)
    return row


def resume(row: Campaign, *, actor: str) -> Campaign:
    """Go on where it stopped. Raises Problem `campaign_not_so`."""
    with transaction.atomic():
        row = _locked(row)
        if row.status != Status.PAUSED:
            raise Problem("campaign_not_so", f"It is {row.get_status_display().lower()}.")
        row.status, row.paused_from, row.trouble = row.paused_from, "", ""
        row.save(update_fields=["status", "paused_from", "trouble"])
        for name in row.channels:
            CHANNELS[name].hold(watching.run_of(row), False)
        audit(actor, "campaign.resume", row, row.workspace)
        if row.status == Status.EXPANDING:
            row.starts_at = timezone.now()
            expanding.start(row)
    return row


def cancel(row: Campaign, *, actor: str) -> Campaign:
    """End it: what waits is cancelled, and what has been handed over stays sent. Raises Problem `campaign_not_so`."""
    with transaction.atomic():
        row = _locked(row)
        if row.status in (Status.UNDO, Status.SCHEDULED):
            row.status, row.ended_at = Status.CANCELLED, timezone.now()
        elif row.is_running:
            row.status, row.ended_at = Status.CANCELLED, timezone.now()
            for name in row.channels:
                CHANNELS[name].cancel(watching.run_of(row), actor=actor)
            watching.watch(row.pk)
        else:
            raise Problem("campaign_not_so", f"It is {row.get_status_display().lower()}.")
        row.actor = actor
        row.save(update_fields=["status", "ended_at", "actor"])
        audit(actor, "campaign.cancel", row, row.workspace)
    return row


def send_again(row: Campaign, *, user: User | None = None, actor: str) -> Campaign:
    """A new draft for those who are known not to have got this one, with the same text.

    What went to portal and e-mail goes by e-mail: the portal has it.

    Raises Problem `campaign_not_so` while it runs, or where everybody got it.
    """
    if row.status not in (Status.SENT, Status.CANCELLED):
        raise Problem("campaign_not_so", f"It is {row.get_status_display().lower()}.")
    if not watching.progress(row).failed:
        raise Problem(
            "campaign_not_so", "Nobody is left out: no message of it failed.", remedy="There is nothing to do."
        )
    said: dict[str, Any] = {name: getattr(row, name) for name in fields.FIELDS}
    said |= {"filter": {}, "segment_id": None, "schedule": Campaign.Schedule.NOW, "send_at": None}
    if row.send_to == Campaign.SendTo.PORTAL_EMAIL:
        said["send_to"] = Campaign.SendTo.EMAIL
    made = Campaign(workspace=row.workspace, created_by=user, actor=actor, again_of_id=row.pk, **said)
    made.name = f"{row} (again to those who did not get it)"[:150]
    with transaction.atomic():
        made.save()
        audit(actor, "campaign.again", made, row.workspace, of=row.pk)
    made.refresh_from_db()
    return made


def send_test(
    row: Campaign,
    address: str,
    *,
    channel: str = "",
    contact_id: int | None = None,
    user: User | None,
    key: ApiKey | None = None,
    peer: str | None = None,
    actor: str,
) -> Sent:
    """Send what a contact would get to the address of somebody who wants to see it.

    `contact_id`: whose values fill in the text; without it, the first recipient's. Raises Problem.
    """
    way = CHANNELS.get(channel or row.channels[-1])
    if way is None or way.name not in row.channels:
        raise Problem("invalid", faults=[Fault("channel", "bad_choice", f"Choose one of {', '.join(row.channels)}.")])
    found = way.is_address(address, row.workspace_id)
    if isinstance(found, Excluded):
        raise Problem("invalid", faults=[Fault("address", str(found.reason), found.words)])
    if broken := [fault for fault in services.faults(row) if fault.field in ("text", "subject", "gateway")]:
        raise Problem("invalid", faults=broken)
    user_id, key_id = user.pk if user else None, key.pk if key else None
    order = replace(services.order_of(row, "test"), user_id=user_id, api_key_id=key_id, peer=peer)
    with transaction.atomic():
        making = assembler(row, "test")
        piece = making.piece(_sample(row, contact_id), found)
        posted = piece if isinstance(piece, Excluded) else way.post(order, [piece])[0]
        if isinstance(posted, Excluded):
            raise Problem("invalid", faults=[Fault("address", str(posted.reason), posted.words)])
        if making.shortener:
            making.shortener.keep()
        audit(actor, "campaign.test", row, row.workspace, channel=way.name)
    standing = way.standings([posted])[posted]
    return Sent(way.name, posted, standing.ref, standing.url)


def _locked(row: Campaign) -> Campaign:
    return Campaign.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=row.pk)


def _moved(row: Campaign, expected: tuple[str, ...], actor: str, action: str, **values: Any) -> Campaign:
    with transaction.atomic():
        if not Campaign.objects.filter(pk=row.pk, status__in=expected).update(**values):
            row.refresh_from_db()
            raise Problem("campaign_not_so", f"It is {row.get_status_display().lower()}.")
        audit(actor, action, row, row.workspace)
    row.refresh_from_db()
    return row


def _meant(row: Campaign) -> int:
    if row.again_of_id is None:
        return services.people(row).count()
    known = planning.current(row)
    return known.people if known else 0


def _refuse_gaps(row: Campaign) -> None:
    """Where a missing value is to stop the campaign, somebody must have looked at everybody's values."""
    if row.missing != Missing.REFUSE:
        return
    if compile_text(row.text).is_plain and compile_text(row.subject).is_plain:
        return
    forecast = planning.current(row)
    if forecast is None:
        raise Problem("plan_needed")
    if forecast.gaps:
        words = f"{forecast.gaps} recipients have no value for something that the text shows."
        remedy = "Fill the values in, leave these recipients out, or choose what stands in their place."
        raise Problem("invalid", faults=[Fault("missing", "missing_value", words)], remedy=remedy)


def _start_of(row: Campaign) -> datetime:
    earliest = timezone.now() + UNDO
    if row.schedule == Campaign.Schedule.NOW or row.send_at is None:
        return earliest
    moment = services.due(row) or row.send_at - FURTHEST_EAST
    return max(earliest, moment - AHEAD)


def _sample(row: Campaign, contact_id: int | None) -> Contact:
    if contact_id is not None:
        return contacts.find(row.workspace, contact_id)
    found = services.people(row)
    if row.again_of_id is not None:
        again = Recipient.objects.filter(campaign_id=row.again_of_id).values("contact_id")
        found = found.filter(pk__in=again)
    first = found.order_by("pk").first()
    if first is None:
        raise Problem("invalid", faults=[Fault("filter", "nobody", "Nobody fits, so there is nothing to fill in.")])
    return first
