"""Bounces: reports of mail servers (RFC 3464) about mails that could not be delivered, and who may believe them.

A report counts where it names a Message-ID of ours, which carries a seal that only we can make, and the recipient of
that mail. So it does not matter by which way the report comes, and a stranger cannot make a mail undelivered.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.policy import Compat32
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from gatepost.channels import mail_store
from gatepost.channels.addresses import on_wire
from gatepost.channels.letter import mail_of
from gatepost.channels.models import Mail
from gatepost.problems import Problem
from gatepost.sms.states import State, after_receipt
from gatepost.workspaces.models import Workspace

LIMIT: Final = 1024 * 1024
"""Bytes of a report; one that brings the whole mail back may be cut off: what counts is at its beginning."""
_LONGEST: Final = 1000
_PARSED: Final = 128 * 1024
"""Bytes whose parts are looked at: the delivery status stands right behind a few words for people."""
_LONGEST_HEADER: Final = 8 * 1024
_UNPRINTABLE: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_DSN: Final = {"failed": State.UNDELIVERED, "delivered": State.DELIVERED}
"""Actions of a report that end a mail. Delayed, relayed and expanded do not: nobody knows more after them."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a report says: of which mail and recipient, what happened, the status and the words of the server."""

    mail_id: int
    recipient: str
    action: str
    status: str
    words: str


class _Plain(Compat32):
    """Headers as they are written, none longer than need be. Strangers write them: a reader of the grammar of addresses
    and encoded words takes half a minute for some of theirs, or recurs without end."""

    def header_source_parse(self, sourcelines: Sequence[str]) -> Any:
        name, value = super().header_source_parse(list(sourcelines))
        return name, value[:_LONGEST_HEADER]


def read(raw: bytes) -> Bounce:
    """The report. Raises Problem `not_a_bounce`."""
    try:
        fields = _fields(message_from_bytes(raw[:_PARSED], policy=_Plain()))
    except RecursionError:
        raise Problem("not_a_bounce", "The parts of the message are nested too deeply.") from None
    if fields is None:
        raise Problem("not_a_bounce", "There is no delivery status in the message.")
    # The seal decides, so that the place where a Message-ID of ours stands does not matter.
    mail_id = mail_of(raw[:LIMIT].decode("ascii", "replace"))
    if mail_id is None:
        raise Problem("not_a_bounce", "The message names no mail of ours.")
    return Bounce(mail_id, fields["recipient"], fields["action"], fields["status"], fields["words"])


def take(workspace: Workspace, raw: bytes) -> Mail:
    """Believe the report where it is about a mail of the workspace; the mail as it stands then.

    Raises Problem `not_a_bounce`. Taking a report twice changes nothing.
    """
    bounce = read(raw)
    with transaction.atomic():
        mail = Mail.objects.select_for_update().filter(pk=bounce.mail_id, workspace=workspace).first()
        if mail is None:
            raise Problem("not_a_bounce", "The workspace has no such mail.")
        if bounce.recipient not in (mail.to_address, on_wire(mail.to_address)):
            raise Problem("not_a_bounce", "The report is about another recipient than the mail's.")
        reported = _DSN.get(bounce.action)
        current = State(mail.state)
        if reported is not None and (after := after_receipt(current, reported)) is not current:
            mail.state, mail.state_at = after, timezone.now()
            mail.code, mail.words = bounce.status, bounce.words
            mail.save(update_fields=["state", "state_at", "code", "words"])
            mail_store.note(mail.pk, f"reported {bounce.action}", bounce.status, bounce.words)
        elif reported is None:
            mail_store.note(mail.pk, "reported delayed", bounce.status, bounce.words)
    return mail


def _fields(message: Message) -> dict[str, str] | None:
    """The first recipient of the delivery status, its action, status and diagnosis."""
    status = next((part for part in message.walk() if part.get_content_type() == "message/delivery-status"), None)
    if status is None:
        return None
    payload = status.get_payload()
    parts = [part for part in payload if isinstance(part, Message)] if isinstance(payload, list) else []
    blocks = [part for part in parts if "Final-Recipient" in part]
    if not blocks:
        return None
    block = blocks[0]
    named = block.get("Original-Recipient") or block["Final-Recipient"]
    diagnosis = str(block.get("Diagnostic-Code", "")).partition(";")
    words = (diagnosis[2] or diagnosis[0]).strip()
    return {
        "recipient": str(named).partition(";")[2].strip().strip("<>").lower(),
        "action": _UNPRINTABLE.sub(" ", str(block.get("Action", ""))).strip().lower()[:20],
        "status": re.sub(r"[^0-9.]", "", str(block.get("Status", "")))[:20],
        "words": _UNPRINTABLE.sub(" ", words).strip()[:_LONGEST],
    }
