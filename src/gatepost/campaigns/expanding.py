"""Expansion: a campaign becomes messages, by a job that works in chunks.

Recipients, messages and the place among the contacts are one transaction, which begins by locking the campaign at the
place that it expects. So everybody gets it exactly once, whichever process dies or wakes up when; and pausing or
cancelling waits for one chunk at most.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from django.db import connection, transaction
from django.utils import timezone

from gatepost.audience.models import Contact
from gatepost.campaigns import services, store, watching
from gatepost.campaigns.assembling import Assembler, Row, assembler, channels_of, chunks
from gatepost.campaigns.models import Campaign
from gatepost.channels.base import Channel, Excluded
from gatepost.jobs.app import JobAborted, Work, defer
from gatepost.problems import Problem
from gatepost.workspaces.services import audit

JOB: Final = "campaigns.expand"
MANY: Final = 5000
TROUBLE: Final = "Something went wrong on our side; the log of the server says more."

Status = Campaign.Status


def run(work: Work, campaign_id: int) -> None:
    """The job: from where the last one got to, to the end, or until somebody stops it."""
    begun = Campaign.objects.filter(
        pk=campaign_id, status__in=(Status.UNDO, Status.SCHEDULED), starts_at__lte=timezone.now()
    ).update(status=Status.EXPANDING, started_at=timezone.now())
    row = Campaign.objects.select_related("workspace").filter(pk=campaign_id, status=Status.EXPANDING).first()
    if row is None:
        return
    if begun:
        watching.watch(row.pk)
    try:
        _run(work, row)
    except Problem as problem:
        _stop(row, problem.detail)
    except JobAborted:
        raise
    except Exception:
        if work.is_last_attempt:
            _stop(row, TROUBLE)
        raise


def _run(work: Work, row: Campaign) -> None:
    making = assembler(row)
    channels = channels_of(row)
    for contacts, last in chunks(making, row.cursor):
        work.check()
        _refuse_faults(row)
        with transaction.atomic():
            locked = Campaign.objects.select_for_update().get(pk=row.pk)
            if locked.status != Status.EXPANDING or locked.cursor != row.cursor:
                return
            for channel in channels:
                _expand(making, channel, contacts, row)
            row.cursor = last
            row.save(update_fields=["cursor", "taken", "excluded"])
    with transaction.atomic():
        ended = Campaign.objects.filter(pk=row.pk, status=Status.EXPANDING)
        ended.update(status=Status.SENDING, expanded_at=timezone.now())
    if row.taken >= MANY:
        with connection.cursor() as cursor:
            # What has just come in large numbers would be planned as if it were not there.
            cursor.execute("analyze campaign_recipient")
    watching.watch(row.pk)


def _refuse_faults(row: Campaign) -> None:
    """What was there when somebody sent it may be gone when it begins, or in the middle: then everybody would be left
    out. Raises Problem `invalid`."""
    found = [fault for fault in services.faults(row) if fault.field != "send_at"]
    if found:
        raise Problem("invalid", faults=found)


def _expand(making: Assembler, channel: Channel, contacts: Sequence[Contact], row: Campaign) -> None:
    """One chunk by one channel, in the caller's transaction."""
    addresses = [found for contact in contacts if isinstance(found := channel.address(contact, making.order), str)]
    results = making.tried(channel, contacts, store.taken(row.pk, channel.name, addresses), channel.post)
    if making.shortener:
        making.shortener.keep({one.contact.pk for one, result in results if not isinstance(result, Excluded)})
    store.insert(_line(row.pk, channel.name, one, result) for one, result in results)
    counts = Counter(str(result.reason) for _, result in results if isinstance(result, Excluded))
    row.excluded = dict(Counter(row.excluded) + counts)
    row.taken += len(results) - counts.total()


def _line(campaign_id: int, channel: str, row: Row, result: int | Excluded) -> store.Line:
    if isinstance(result, Excluded):
        return campaign_id, channel, row.contact.pk, row.address, None, str(result.reason), result.words
    return campaign_id, channel, row.contact.pk, row.address, result, "", ""


def _stop(row: Campaign, why: str) -> None:
    """It cannot go on: it waits as paused, and says why."""
    with transaction.atomic():
        stuck = Campaign.objects.filter(pk=row.pk, status=Status.EXPANDING)
        if stuck.update(status=Status.PAUSED, paused_from=Status.EXPANDING, trouble=why[:300]):
            audit(row.actor, "campaign.stuck", row, row.workspace, why=why[:300])


def start(row: Campaign) -> None:
    """Have the job done when it is to begin, once the present transaction has committed.

    No lock of the queue: one that was undone and waits for a later day would keep the next one waiting, too.
    """
    defer(JOB, at=row.starts_at, campaign_id=row.pk)
