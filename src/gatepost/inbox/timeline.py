"""What a contact wrote, for the timeline of their card."""

from collections.abc import Sequence
from datetime import datetime

from gatepost.audience.models import Contact
from gatepost.audience.timeline import Moment
from gatepost.inbox.models import InboundMessage


def of_contact(contact: Contact, most: int, until: datetime | None) -> Sequence[Moment]:
    """The newest messages from the contact's numbers to the workspace."""
    own = InboundMessage.objects.filter(workspace=contact.workspace_id, sender__in=contact.phones)
    if until:
        own = own.filter(received_at__lte=until)
    newest = own.order_by("-pk")[:most]
    return [Moment(row.received_at, True, row.get_kind_display(), row.sender, row.text) for row in newest]
