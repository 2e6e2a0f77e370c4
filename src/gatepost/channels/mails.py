"""What people do with mails: look at them, take them back, send them again, leave an unknown one."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from gatepost.channels import mail_store
from gatepost.channels.base import Excluded, Order, Piece
from gatepost.channels.mail import Email
from gatepost.channels.models import Mail
from gatepost.problems import Problem
from gatepost.sms.ids import from_ref
from gatepost.sms.states import WORDS, State, Word
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.services import audit

REPEATABLE = frozenset({State.UNKNOWN, State.UNDELIVERED, State.REJECTED, State.EXPIRED, State.BLOCKED})


def own(workspace: Workspace) -> QuerySet[Mail]:
    return Mail.objects.filter(workspace=workspace).select_related("account")


def find(workspace: Workspace, ref: str) -> Mail:
    """Raises Problem `not_found`."""
    number = from_ref(ref)
    mail = own(workspace).filter(pk=number[0]).first() if number else None
    if mail is None:
        raise Problem("not_found", "The workspace has no such mail.")
    return mail


def search(mails: QuerySet[Mail], *, word: str = "", kind: str = "", to: str = "") -> QuerySet[Mail]:
    """Those that fit; empty means no restriction. `to`: an address or its beginning."""
    if word:
        mails = mails.filter(state__in=[state.value for state, one in WORDS.items() if one is Word(word)])
    if kind:
        mails = mails.filter(kind=kind)
    return mails.filter(to_address__startswith=to.strip().lower()) if to.strip() else mails


def word_of(mail: Mail) -> Word:
    """The plain word for where it stands."""
    return WORDS[State(mail.state)]


def cancel(mail: Mail, *, actor: str) -> None:
    """Take it out of the queue. Raises Problem `not_cancellable`."""
    with transaction.atomic():
        waiting = Mail.objects.filter(pk=mail.pk, state=State.QUEUED.value)
        if not waiting.update(state=State.CANCELLED.value, state_at=timezone.now()):
            raise Problem("not_cancellable", "The mail is not waiting any more.")
        mail_store.note(mail.pk, "cancelled", words=actor)
        audit(actor, "mail.cancel", mail, mail.workspace)


def leave(mail: Mail, *, actor: str) -> None:
    """Settle an unknown one as it is: it may have arrived. Raises Problem `not_unknown`."""
    with transaction.atomic():
        unknown = Mail.objects.filter(pk=mail.pk, state=State.UNKNOWN.value)
        if not unknown.update(state=State.UNCONFIRMED.value, state_at=timezone.now()):
            raise Problem("not_unknown", "The mail is not unknown.")
        mail_store.note(mail.pk, "left", words=actor)
        audit(actor, "mail.leave", mail, mail.workspace)


def send_again(mail: Mail, *, user_id: int | None, actor: str) -> int:
    """The number of a new mail with the same content. Raises Problem `not_repeatable` or `mail_refused`."""
    if State(mail.state) not in REPEATABLE:
        raise Problem("not_repeatable")
    order = Order(mail.workspace_id, kind="single", user_id=user_id, gateway=_account(mail), priority="normal")
    piece = Piece(
        mail.contact_id or 0,
        mail.to_address,
        mail.body,
        mail.subject,
        attachments=tuple(mail.attachments),
        documents=tuple(mail.documents),
    )
    with transaction.atomic():
        [posted] = Email().post(order, [piece])
        if isinstance(posted, Excluded):
            raise Problem("mail_refused", posted.words)
        mail_store.note(mail.pk, "sent again", words=actor)
        audit(actor, "mail.send-again", mail, mail.workspace)
    return posted


def _account(mail: Mail) -> str:
    return str(mail.account_id) if mail.account is not None and mail.account.is_active else ""
