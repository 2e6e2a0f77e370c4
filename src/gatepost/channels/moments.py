"""Mails and portal messages in the timeline of a contact."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from gatepost.audience.models import Contact
from gatepost.audience.timeline import Moment
from gatepost.channels.mail import standing_of as standing_of_mail
from gatepost.channels.models import Mail, PortalMessage
from gatepost.channels.portal import standing_of as standing_of_portal


def mails(contact: Contact, most: int, until: datetime | None) -> Sequence[Moment]:
    """The newest mails to the contact, or to an address that is theirs now."""
    own = {contact.email.lower(), contact.billing_email.lower()} - {""}
    found = Mail.objects.filter(workspace=contact.workspace_id).select_related("account")
    found = found.filter(Q(contact_id=contact.pk) | Q(to_address__in=own))
    if until:
        found = found.filter(created_at__lte=until)
    rows = found.order_by("-pk")[:most]
    return [
        Moment(
            at=row.created_at,
            is_inbound=False,
            channel="E-mail",
            number=row.to_address,
            text=f"{row.subject}\n\n{row.body}",
            state=row.state,
            url=standing_of_mail(row).url,
        )
        for row in rows
    ]


def portal_messages(contact: Contact, most: int, until: datetime | None) -> Sequence[Moment]:
    """The newest messages in the portal."""
    found = PortalMessage.objects.filter(contact=contact).select_related("contact")
    if until:
        found = found.filter(created_at__lte=until)
    return [_moment(row) for row in found.order_by("-pk")[:most]]


def _moment(row: PortalMessage) -> Moment:
    standing = standing_of_portal(row)
    note = f"read {row.read_at:%Y-%m-%d %H:%M} UTC" if row.read_at else "not read yet"
    return Moment(
        at=row.created_at,
        is_inbound=False,
        channel="Customer portal",
        number=standing.address,
        text=f"{row.subject}\n\n{row.body}",
        state=standing.state.value,
        url=standing.url,
        note=note,
    )
