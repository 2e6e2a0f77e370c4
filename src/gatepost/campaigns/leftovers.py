"""Files that were attached to a draft and taken off again: gone a day later, unless something names them by then."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from django.utils import timezone

from gatepost.campaigns.models import Campaign
from gatepost.channels import attachments
from gatepost.channels.models import Attachment
from gatepost.jobs.app import defer

JOB: Final = "campaigns.forget_attachment"
GRACE: Final = timedelta(days=1)
"""A copy of the draft, a test or a program may name it within that time."""


def consider(attachment_ids: Iterable[int]) -> None:
    """These were taken off a draft: have it seen to later, once the present transaction has committed."""
    for pk in attachment_ids:
        defer(JOB, at=timezone.now() + GRACE, attachment_id=pk)


def run(attachment_id: int) -> None:
    """The job: forget the file where no campaign and no message names it."""
    row = Attachment.objects.filter(pk=attachment_id).first()
    if row is None or Campaign.objects.filter(workspace=row.workspace_id, attachments__contains=[row.pk]).exists():
        return
    if not attachments.is_sent(row):
        attachments.forget(row)
