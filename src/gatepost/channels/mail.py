"""E-mail as a channel: mails wait in their own queue, and leave by an e-mail account."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from django.db.models import Model, Q, QuerySet
from django.urls import reverse

from gatepost.audience.models import Contact
from gatepost.channels import accounts, attachments, mail_store
from gatepost.channels.addresses import BadAddress, parse_address
from gatepost.channels.base import Asked, Excluded, Facts, OneOff, Order, Piece, Reason, Run, Standing, in_sentences
from gatepost.channels.letter import one_line
from gatepost.channels.models import EmailAccount, EmailSuppression, Mail
from gatepost.channels.replies import advice
from gatepost.messages.models import Kind, Lane
from gatepost.messages.services import id_source
from gatepost.problems import Fault, Problem
from gatepost.rest.storable import is_storable
from gatepost.sms.ids import to_ref
from gatepost.sms.states import WORDS, State

LONGEST_SUBJECT: Final = 250
LONGEST_TEXT: Final = 100_000
M = TypeVar("M", bound=Model)
LANES: Final = {"code": Lane.CODE, "normal": Lane.NORMAL, "bulk": Lane.BULK}


class Email:
    """The channel of e-mails."""

    name = "email"
    label = "E-mail"
    needs_subject = True

    def address(self, contact: Contact, order: Order) -> str | Excluded:
        written = contact.billing_email if order.to_billing else contact.email
        if not written:
            what = "billing e-mail address" if order.to_billing else "e-mail address"
            return Excluded(Reason.NO_EMAIL, f"There is no {what}.")
        return _read(written)

    def is_address(self, address: str, workspace_id: int) -> str | Excluded:
        return _read(address)

    def faults(self, order: Order) -> list[Fault]:
        try:
            accounts.choose(order.workspace_id, order.gateway)
        except Problem as problem:
            return [Fault("gateway", problem.code, f"{problem.detail} {problem.remedy}")]
        return []

    def check(self, order: Order, pieces: Sequence[Piece]) -> list[Facts | Excluded]:
        try:
            account = accounts.choose(order.workspace_id, order.gateway)
        except Problem as problem:
            return [Excluded(Reason.NO_ROUTE, f"{problem.detail} {problem.remedy}")] * len(pieces)
        refused, now = _refused(order, pieces), datetime.now(UTC)
        return [
            refused.get(position) or Facts(due_at=piece.send_at or now, gateway_id=account.pk, gateway=account.name)
            for position, piece in enumerate(pieces)
        ]

    def post(self, order: Order, pieces: Sequence[Piece]) -> list[int | Excluded]:
        checked = self.check(order, pieces)
        taken = [(piece, facts) for piece, facts in zip(pieces, checked, strict=True) if isinstance(facts, Facts)]
        ids = id_source().take(len(taken))
        if taken:
            account = EmailAccount.objects.get(pk=taken[0][1].gateway_id or 0)
            _store(order, account, ids, [piece for piece, _ in taken])
        numbered = iter(ids)
        return [one if isinstance(one, Excluded) else next(numbered) for one in checked]

    def takes_s(self, gateway_id: int | None, messages: int, segments: int, *, are_alike: bool) -> float | None:
        account = EmailAccount.objects.filter(pk=gateway_id or 0).first()
        return messages / account.mails_per_second if account and account.mails_per_second else None

    def hold(self, run: Run, on: bool) -> int:
        if on:
            return mail_store.of_campaign(mail_store.HOLD, run.workspace_id, run.campaign_id)
        count = mail_store.of_campaign(mail_store.RELEASE, run.workspace_id, run.campaign_id)
        for account_id in mail_store.accounts_of(run.workspace_id, run.campaign_id):
            accounts.wake(account_id)
        return count

    def cancel(self, run: Run, *, actor: str) -> int:
        return mail_store.of_campaign(mail_store.CANCEL, run.workspace_id, run.campaign_id, actor=actor)

    def tally(self, run: Run) -> Mapping[State, int]:
        return {State(state): count for state, count in mail_store.tally(run.workspace_id, run.campaign_id)}

    def standings(self, ids: Collection[int]) -> Mapping[int, Standing]:
        rows = Mail.objects.filter(pk__in=ids).select_related("account")
        return {row.pk: standing_of(row) for row in rows}

    def one_offs(self, asked: Asked) -> Sequence[OneOff]:
        # Worded as the condition of the index that holds these alone.
        own = Mail.objects.filter(workspace=asked.workspace_id).exclude(kind=Kind.MASS)
        found = narrowed(own, asked)
        if asked.words:
            found = found.filter(state__in=[state.value for state, word in WORDS.items() if word in asked.words])
        if asked.query:
            to_address = Q(to_address__startswith=asked.query.lower())
            found = found.filter(to_address | Q(subject__icontains=asked.query))
        return [
            OneOff(
                id=row.pk,
                ref=to_ref(row.pk),
                at=row.created_at,
                kind=row.kind,
                address=row.to_address,
                text=row.subject,
                state=State(row.state),
                url=page_of(row),
            )
            for row in found.order_by("-pk")[: asked.limit]
        ]

    def having(self, ids: Collection[int], states: Collection[State]) -> set[int]:
        return set(Mail.objects.filter(pk__in=ids, state__in=[*states]).values_list("pk", flat=True))


def narrowed(rows: QuerySet[M], asked: Asked) -> QuerySet[M]:
    """Those before the last one seen, of the kind and in the period that are asked for."""
    wanted = {
        "pk__lt": asked.before,
        "kind": asked.kind,
        "created_at__gte": asked.since,
        "created_at__lt": asked.until,
    }
    return rows.filter(**{name: value for name, value in wanted.items() if value not in (None, "")})


def page_of(mail: Mail) -> str:
    """The path of its page."""
    return reverse("mail", kwargs={"workspace": mail.workspace_id, "ref": to_ref(mail.pk)})


def standing_of(mail: Mail) -> Standing:
    """Where a mail stands, as campaigns and history show it."""
    return Standing(
        state=State(mail.state),
        at=mail.state_at,
        ref=to_ref(mail.pk),
        address=mail.to_address,
        subject=mail.subject,
        text=mail.body,
        cause=cause_of(mail),
        gateway=mail.account.name if mail.account else "",
        url=page_of(mail),
    )


def cause_of(mail: Mail) -> str:
    """Why it waits or failed: the server's code and words, and what to do; empty where all is well."""
    if mail.state in (State.SUBMITTED, State.DELIVERED, State.CANCELLED):
        return ""
    if mail.state == State.QUEUED and mail.held:
        return f"Held: {mail.held}"
    said = " ".join(part for part in (mail.code, mail.words) if part)
    remedy = advice(mail.code, mail.words) if mail.state in (State.REJECTED, State.UNDELIVERED) else ""
    return in_sentences(said, remedy)


def _read(written: str) -> str | Excluded:
    try:
        return parse_address(written)
    except BadAddress as bad:
        return Excluded(Reason.INVALID, str(bad))


def _refused(order: Order, pieces: Sequence[Piece]) -> dict[int, Excluded]:
    """Who gets nothing, by position: suppressed since, texts that cannot be sent, files that are too large."""
    suppressed: set[str] = set()
    if order.kind == Kind.MASS:
        asked = EmailSuppression.objects.filter(
            workspace=order.workspace_id, address__in=[piece.address for piece in pieces]
        )
        suppressed = set(asked.values_list("address", flat=True))
    too_large = _too_large(order.workspace_id, pieces)
    found: dict[int, Excluded] = {}
    for position, piece in enumerate(pieces):
        if piece.address in suppressed:
            found[position] = Excluded(Reason.SUPPRESSED, "The recipient has ended mass mails.")
        elif words := text_fault(piece):
            found[position] = Excluded(Reason.TEXT, words)
        elif position in too_large:
            found[position] = Excluded(Reason.TOO_LARGE, too_large[position])
    return found


def text_fault(piece: Piece) -> str:
    """Why the subject or the text cannot be sent; empty where they can."""
    if not piece.text.strip():
        return "The text is empty."
    if len(piece.text) > LONGEST_TEXT:
        return f"The text is longer than {LONGEST_TEXT:,} characters."
    if not one_line(piece.subject):
        return "There is no subject."
    if len(one_line(piece.subject)) > LONGEST_SUBJECT:
        return f"The subject is longer than {LONGEST_SUBJECT} characters."
    if not is_storable(piece.text) or not is_storable(piece.subject):
        return "The text holds a NUL or half a character."
    return ""


def _too_large(workspace_id: int, pieces: Sequence[Piece]) -> dict[int, str]:
    attached = {pk for piece in pieces for pk in piece.attachments}
    financial = {pk for piece in pieces for pk in piece.documents}
    if not attached and not financial:
        return {}
    size = attachments.sizes(workspace_id, attached, financial)
    found = {}
    for position, piece in enumerate(pieces):
        keys = [*(f"a{pk}" for pk in piece.attachments), *(f"d{pk}" for pk in piece.documents)]
        if any(key not in size for key in keys):
            found[position] = "A file was deleted."
        elif len(keys) > attachments.MOST:
            found[position] = f"There are more than {attachments.MOST} files."
        elif sum(size[key] for key in keys) > attachments.ALL_LIMIT:
            found[position] = f"The files are larger than {attachments.ALL_LIMIT // 1024 // 1024} MiB together."
    return found


def _store(order: Order, account: EmailAccount, ids: Sequence[int], taken: Sequence[Piece]) -> None:
    common = {
        "workspace": order.workspace_id,
        "account": account.pk,
        "kind": order.kind,
        "lane": LANES.get(order.priority, Lane.NORMAL),
        "days": account.days_to_expire,
        "campaign": order.campaign_id,
        "user": order.user_id,
        "key": order.api_key_id,
        "tag": order.tag,
    }
    rows = [
        (
            mail_id,
            piece.send_at,
            piece.contact_id or 0,
            piece.address,
            one_line(piece.subject),
            piece.text,
            " ".join(map(str, piece.attachments)),
            " ".join(map(str, piece.documents)),
        )
        for mail_id, piece in zip(ids, taken, strict=True)
    ]
    mail_store.insert(common, rows)
    accounts.wake(account.pk)
