"""Sending mails: one account at a time, by a job that works for a few seconds and then makes room for the others.

Of each mail the claim is committed after the server has taken sender and recipient and right before the content leaves
(mail_store.CLAIM). A crash after it leaves the mail *unknown*, never sent twice; a failure before it leaves the mail in
the queue. Who sends by an account holds the lock of its job; one that was taken for dead and wakes up can finish the
mail that it had claimed, and gets no other.
"""

import random
import smtplib
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F
from django.utils import timezone

from gatepost.channels import accounts, attachments, mail_store
from gatepost.channels.backend import Backend, Server
from gatepost.channels.letter import letter
from gatepost.channels.models import EmailAccount, EmailSuppression, Mail
from gatepost.channels.replies import Reply, Verdict, in_words, of_failure
from gatepost.channels.unsubscribing import address_for
from gatepost.jobs.app import Work, defer
from gatepost.messages.models import Kind
from gatepost.problems import Problem
from gatepost.transport.smtp import EXCHANGE_S, Session

log = structlog.get_logger()

SLICE_S: Final = 5.0
"""How long one account sends before the next one's turn."""
GROUP: Final = 20
FIRST_RETRY_S: Final = 60.0
LONGEST_RETRY_S: Final = 3600.0
FIRST_PAUSE_S: Final = 5.0
LONGEST_PAUSE_S: Final = 300.0
"""How long an account is left alone after its server could not be used."""
KEPT_S: Final = 20.0
"""How long a connection is kept without use."""

SERVER_FAILS: Final = (OSError, smtplib.SMTPException)
CANNOT_BE_WRITTEN: Final = (ValueError, TypeError, AttributeError, LookupError)
"""What a mail raises that cannot be put on the wire; such a one must not keep the others from being sent."""
UNWRITABLE: Final = "The mail cannot be written down."


class NotOurs(Exception):
    """The mail was cancelled, held or taken by another in the meantime."""


class Trouble(Exception):
    """The server cannot be used now; the mails wait."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.words)
        self.reply = reply


@dataclass(slots=True)
class Line:
    """A connection to an account's server. `is_fresh`: nothing was sent over it yet."""

    backend: Backend
    version: int
    used_at: float
    is_fresh: bool = True


_KEPT: Final[dict[int, Line]] = {}
_lock = threading.Lock()


def run(work: Work, account_id: int) -> None:
    """Send what is due of the account, for SLICE_S at most; what is left is another job's. For who holds its lock."""
    mail_store.abandon(account_id)
    account = EmailAccount.objects.filter(pk=account_id, is_active=True).first()
    if account is None or not settings.CONFIG["SENDING_ENABLED"]:
        return
    if account.retry_at is not None and account.retry_at > timezone.now():
        _wake_at(account_id, (account.retry_at - timezone.now()).total_seconds())
        return
    line = _taken(account)
    try:
        is_all = _send_for_a_while(work, account, line)
        if account.failures:
            EmailAccount.objects.filter(pk=account.pk).update(trouble="", failures=0, retry_at=None)
    except Trouble as trouble:
        line.backend.hang_up()
        _rest(account, trouble.reply)
        return
    except BaseException:
        line.backend.hang_up()
        raise
    _keep(account.pk, line)
    if not is_all:
        accounts.wake(account_id)
        return
    due = mail_store.next_due(account_id)
    if due is not None:
        _wake_at(account_id, (due - timezone.now()).total_seconds())


def close_idle() -> None:
    """Let go of connections that nobody has used for a while."""
    with _lock:
        old = [pk for pk, line in _KEPT.items() if time.monotonic() - line.used_at > KEPT_S]
        lines = [_KEPT.pop(pk) for pk in old]
    for line in lines:
        line.backend.hang_up()


def server_of(account: EmailAccount) -> Server:
    """Raises Problem `secret_unreadable`."""
    return Server(
        account.host, account.port, account.tls, account.verify_tls, account.login, accounts.password_of(account)
    )


def _send_for_a_while(work: Work, account: EmailAccount, line: Line) -> bool:
    """Whether nothing is due any more. Raises Trouble."""
    until = time.monotonic() + SLICE_S
    while time.monotonic() < until:
        work.check()
        ids = mail_store.next_ids(account.pk, GROUP)
        if not ids:
            return True
        found = Mail.objects.in_bulk(ids)
        for mail in _unsuppressed([found[pk] for pk in ids if pk in found]):
            work.check()
            began = time.monotonic()
            _send_one(mail, account, line)
            if account.mails_per_second:
                time.sleep(max(0.0, began + 1 / account.mails_per_second - time.monotonic()))
            if time.monotonic() >= until:
                return False
    return False


def _unsuppressed(mails: list[Mail]) -> Iterable[Mail]:
    """Those that may be sent; mass mails to whoever has unsubscribed since are blocked."""
    asked = [mail for mail in mails if mail.kind == Kind.MASS]
    rows = EmailSuppression.objects.filter(
        workspace__in={mail.workspace_id for mail in asked}, address__in=[mail.to_address for mail in asked]
    )
    refused = set(rows.values_list("workspace_id", "address"))
    blocked = [mail.pk for mail in asked if (mail.workspace_id, mail.to_address) in refused]
    if blocked:
        mail_store.block(blocked)
    return [mail for mail in mails if mail.pk not in blocked]


def _send_one(mail: Mail, account: EmailAccount, line: Line) -> None:
    """One attempt; a kept connection that turns out to be gone is replaced before it counts. Raises Trouble."""
    try:
        brought = attachments.gather(mail.workspace_id, mail.attachments, mail.documents)
        if len(brought) < len(mail.attachments) + len(mail.documents):
            raise Problem("not_found", "A file that belongs to the mail was deleted.")
        message = letter(mail, account, brought, address_for(mail))
    except (Problem, ValueError) as fault:
        words = fault.detail if isinstance(fault, Problem) else UNWRITABLE
        mail_store.record(mail.pk, mail.attempts, Reply(Verdict.REFUSED, "", words), is_claimed=False)
        return
    for _ in range(2):
        session = _open(line)
        was_fresh, line.is_fresh, line.used_at = line.is_fresh, False, time.monotonic()
        try:
            reply, is_claimed = _attempt(mail, message, line.backend, session)
        except NotOurs:
            line.backend.hang_up()
            return
        if was_fresh or reply.verdict is not Verdict.TROUBLE:
            _record(mail, reply, is_claimed=is_claimed)
            return
        line.backend.hang_up()


def _attempt(mail: Mail, message: EmailMessage, backend: Backend, session: Session) -> tuple[Reply, bool]:
    """What came of it, and whether the line was crossed. Raises NotOurs."""
    is_claimed = False

    def claim() -> None:
        nonlocal is_claimed
        if not mail_store.claim(mail.pk, mail.attempts):
            raise NotOurs
        is_claimed = True

    session.give(EXCHANGE_S)
    session.before_content = claim
    try:
        backend.send_messages([message])
    except SERVER_FAILS as error:
        return of_failure(error, is_begun=is_claimed), is_claimed
    except CANNOT_BE_WRITTEN as error:
        if is_claimed:
            raise
        log.warning("mail_not_written", mail=mail.pk, cause=type(error).__name__)
        # The server may have been told the sender already.
        backend.hang_up()
        return Reply(Verdict.REFUSED, "", UNWRITABLE), is_claimed
    return Reply(Verdict.TAKEN, *session.taken), is_claimed


def _record(mail: Mail, reply: Reply, *, is_claimed: bool) -> None:
    """Raises Trouble where the server cannot be used any more."""
    wait_s = min(FIRST_RETRY_S * 2**mail.attempts, LONGEST_RETRY_S) * random.uniform(0.5, 1.5)  # noqa: S311
    mail_store.record(mail.pk, mail.attempts, reply, is_claimed=is_claimed, wait_s=wait_s)
    if reply.verdict in (Verdict.TROUBLE, Verdict.UNKNOWN):
        raise Trouble(reply)


def _open(line: Line) -> Session:
    """The connection, opened where it is not. Raises Trouble."""
    if line.backend.connection is None:
        line.is_fresh = True
        try:
            line.backend.open()
        except SERVER_FAILS as error:
            raise Trouble(Reply(Verdict.TROUBLE, "", in_words(error))) from error
    assert line.backend.connection is not None
    return line.backend.connection


def _taken(account: EmailAccount) -> Line:
    """The connection that is kept for the account, else a new one, not opened yet. Raises Problem."""
    close_idle()
    with _lock:
        line = _KEPT.pop(account.pk, None)
    if line is not None and line.version == account.version:
        return line
    if line is not None:
        line.backend.hang_up()
    return Line(Backend(server_of(account)), account.version, time.monotonic())


def _keep(account_id: int, line: Line) -> None:
    if line.backend.connection is None:
        return
    with _lock:
        _KEPT[account_id] = line


def _rest(account: EmailAccount, reply: Reply) -> None:
    """Leave the account alone for a while, longer each time, and say why."""
    pause_s = min(FIRST_PAUSE_S * 2 ** min(account.failures, 10), LONGEST_PAUSE_S) * random.uniform(0.8, 1.2)  # noqa: S311
    log.warning("mail_server_in_trouble", account=account.pk, failures=account.failures + 1, pause_s=round(pause_s))
    retry_at = timezone.now() + timedelta(seconds=pause_s)
    words = reply.words[:500]
    own = EmailAccount.objects.filter(pk=account.pk, version=account.version)
    own.update(trouble=words, failures=F("failures") + 1, retry_at=retry_at)
    _wake_at(account.pk, pause_s)


def _wake_at(account_id: int, wait_s: float) -> None:
    """Have a look at the account again after so many seconds; one look per second is enough."""
    at = timezone.now() + timedelta(seconds=max(1.0, wait_s))
    once = f"mail {account_id} {int(at.timestamp())}"
    defer(accounts.JOB, lock=f"mail {account_id}", only_once=once, at=at, account_id=account_id)
