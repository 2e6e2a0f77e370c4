"""REST: e-mail accounts, the mails that left by them, and the bounces that came back."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import File, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import Field

from gatepost.channels import account_fields, accounts, attachments, bounces, mails, trials
from gatepost.channels.backend import Server
from gatepost.channels.mail import cause_of
from gatepost.channels.mailing import server_of
from gatepost.channels.models import Attachment, EmailAccount, Mail
from gatepost.channels.trials import Trial
from gatepost.problems import Problem
from gatepost.rest.bodies import Body, Id, Name
from gatepost.rest.paging import Page, PageOf, page
from gatepost.sms.ids import to_ref
from gatepost.workspaces.access import Caller, caller, needs
from gatepost.workspaces.permissions import Right

router = Router(tags=["E-mail"])
Text = Annotated[str | None, Field(max_length=500)]


class EmailAccountSettings(Body):
    """Settings of an e-mail account. Left out: not touched (the default when new)."""

    host: Annotated[str | None, Field(max_length=253, description="Of the SMTP server.")] = None
    port: Annotated[int | None, Field(ge=1, le=65535)] = None
    tls: Literal["starttls", "tls", "none"] | None = None
    verify_tls: bool | None = None
    login: Text = None
    password: Annotated[Text, Field(description="Never shown; null: stays, empty: is removed.")] = None
    from_address: Text = None
    from_name: Text = None
    reply_to: Text = None
    bounce_address: Text = None
    is_active: bool | None = None
    mails_per_second: Annotated[
        float | None, Field(ge=account_fields.MIN_RATE, le=account_fields.MAX_RATE, description="Null: no limit.")
    ] = None
    days_to_expire: Annotated[int | None, Field(ge=1, le=30)] = None
    description: Annotated[str | None, Field(max_length=2000)] = None

    def settings(self) -> dict[str, Any]:
        """What was sent of the settings."""
        sent = self.model_dump(exclude_unset=True)
        return {name: value for name, value in sent.items() if name in account_fields.BY_NAME}


class NewEmailAccount(EmailAccountSettings):
    name: Name
    is_default: Annotated[bool, Field(description="Takes the mails that name no account.")] = False


class EmailAccountChanges(EmailAccountSettings):
    name: Name | None = None
    is_default: bool | None = None


class TestMail(Body):
    to: Annotated[str, Field(max_length=254, description="An e-mail address.")]


class EmailAccountOut(Schema):
    id: int
    name: str
    description: str
    host: str
    port: int
    tls: Literal["starttls", "tls", "none"]
    verify_tls: bool
    login: str
    password_set_at: Annotated[datetime | None, Field(description="Null: there is none. It is never shown.")]
    from_address: str
    from_name: str
    reply_to: str
    bounce_address: str
    is_active: bool
    is_default: bool
    is_shared: Annotated[bool, Field(description="Assigned to several workspaces: only the administrator changes it.")]
    mails_per_second: float | None
    days_to_expire: int
    waiting: Annotated[int, Field(description="Mails of the workspace that wait for it.")]
    trouble: Annotated[str, Field(description="Why the server could not be used last time; empty where it could.")]
    retry_at: datetime | None
    created_at: datetime
    updated_at: datetime


class EmailSaidOut(Schema):
    by: Literal["us", "server"]
    words: str


class EmailStepOut(Schema):
    """One step of a trial; `said`: the conversation, secrets masked."""

    title: str
    ok: bool
    words: str
    said: list[EmailSaidOut]


class EmailTrialOut(Schema):
    """What a check or test found; `advice`: what to do where it is not in order."""

    ok: bool
    words: str
    code: Annotated[str, Field(description="The server's, where it gave one.")]
    advice: str
    steps: list[EmailStepOut]


class MailOut(Schema):
    id: str
    to: str
    subject: str
    state: str
    word: Annotated[str, Field(description="New, Sending, Sent, Error, Expired or Cancelled.")]
    state_at: datetime
    kind: str
    account: str | None
    campaign_id: int | None
    contact_id: int | None
    attempts: int
    code: Annotated[str, Field(description="The server's last answer.")]
    words: str
    cause: Annotated[str, Field(description="Why it waits or failed, and what to do.")]
    created_at: datetime
    due_at: datetime
    expires_at: datetime
    submitted_at: datetime | None


@router.get("/email-accounts", auth=needs(Right.GATEWAYS_READ), response=PageOf[EmailAccountOut])
def list_email_accounts(request: HttpRequest, asked: Page) -> dict[str, Any]:
    """The e-mail accounts assigned to the workspace, newest first."""
    asker = caller(request)
    found = page(accounts.own(asker.workspace), asked)
    return {"items": _shown(asker, found.items), "next_cursor": found.next_cursor}


@router.post("/email-accounts", auth=needs(Right.GATEWAYS_WRITE), response={201: EmailAccountOut})
def create_email_account(request: HttpRequest, new: NewEmailAccount) -> Status[dict[str, Any]]:
    """Add an account at a mail server; it is assigned to the workspace of the caller."""
    asker = caller(request)
    account = accounts.create_account([asker.workspace], new.name, new.settings(), actor=asker.actor)
    if new.is_default:
        accounts.make_default(asker.workspace, account, actor=asker.actor)
    return Status(201, _one(asker, account.pk))


@router.get("/email-accounts/{int:account_id}", auth=needs(Right.GATEWAYS_READ), response=EmailAccountOut)
def read_email_account(request: HttpRequest, account_id: Id) -> dict[str, Any]:
    """One account. Of the password it says when it was set, and never what it is."""
    return _one(caller(request), account_id)


@router.patch("/email-accounts/{int:account_id}", auth=needs(Right.GATEWAYS_WRITE), response=EmailAccountOut)
def update_email_account(request: HttpRequest, account_id: Id, changes: EmailAccountChanges) -> dict[str, Any]:
    """Change what is named and leave the rest."""
    asker = caller(request)
    account = _changeable(asker, account_id)
    accounts.update_account(account, actor=asker.actor, name=changes.name, settings=changes.settings())
    if changes.is_default is not None:
        is_default = accounts.chosen_default(asker.workspace.pk) == account.pk
        if changes.is_default or is_default:
            accounts.make_default(asker.workspace, account if changes.is_default else None, actor=asker.actor)
    return _one(asker, account_id)


@router.delete("/email-accounts/{int:account_id}", auth=needs(Right.GATEWAYS_WRITE), response={204: None})
def delete_email_account(request: HttpRequest, account_id: Id, confirm: bool = False) -> Status[None]:
    """Delete an account. Mails that wait for it are cancelled, so that it is refused then until `confirm` is true."""
    asker = caller(request)
    accounts.delete_account(_changeable(asker, account_id), actor=asker.actor, is_confirmed=confirm)
    return Status(204, None)


@router.post("/email-accounts/{int:account_id}/check", auth=needs(Right.GATEWAYS_TEST), response=EmailTrialOut)
def check_email_account(request: HttpRequest, account_id: Id) -> dict[str, Any]:
    """Check the saved settings step by step: connect, secure, sign in, and ask whether the sender is taken."""
    account, server = _reached(caller(request), account_id)
    return _trial(trials.check(server, account.from_address))


@router.post("/email-accounts/{int:account_id}/test", auth=needs(Right.GATEWAYS_TEST), response=EmailTrialOut)
def send_test_mail(request: HttpRequest, account_id: Id, wanted: TestMail) -> dict[str, Any]:
    """Send a real mail now, beside the queue."""
    account, server = _reached(caller(request), account_id)
    return _trial(trials.send_test(server, account, wanted.to))


class AttachmentOut(Schema):
    id: int
    name: str
    content_type: str
    size: Annotated[int, Field(description="Bytes.")]
    created_at: datetime


@router.post("/attachments", auth=needs(Right.MESSAGES_SEND), response={201: AttachmentOut})
def add_attachment(request: HttpRequest, file: File[UploadedFile | None] = None) -> Status[Attachment]:
    """Keep a file of at most 10 MiB (multipart/form-data), so that mails and portal messages can name it by its id."""
    asker = caller(request)
    if file is None:
        raise Problem("no_file")
    row = attachments.add(asker.workspace, file.name or "", file.content_type or "", file.chunks(), actor=asker.actor)
    return Status(201, row)


@router.get("/attachments/{int:attachment_id}", auth=needs(Right.MESSAGES_READ), response=AttachmentOut)
def read_attachment(request: HttpRequest, attachment_id: Id) -> Attachment:
    """What is known of a file."""
    return attachments.find(caller(request).workspace, [attachment_id])[0]


@router.get("/mails", auth=needs(Right.MESSAGES_READ), response=PageOf[MailOut])
def list_mails(
    request: HttpRequest,
    asked: Page,
    word: Literal["", "New", "Sending", "Sent", "Error", "Expired", "Cancelled"] = "",
    to: Annotated[str, Field(max_length=254)] = "",
) -> dict[str, Any]:
    """The mails of the workspace, newest first. `to`: an address or its beginning."""
    found = page(mails.search(mails.own(caller(request).workspace), word=word, to=to), asked)
    return {"items": [_mail(row) for row in found.items], "next_cursor": found.next_cursor}


@router.post("/mails/bounces", auth=needs(Right.MESSAGES_SEND), response=MailOut)
def take_bounce(request: HttpRequest, message: File[UploadedFile | None] = None) -> dict[str, Any]:
    """Hand over a report of a mail server (RFC 3464) as it came, as multipart/form-data in the field `message`.

    The mail that it is about becomes *undelivered* with the words of the server. The same report twice changes nothing.
    """
    if message is None:
        raise Problem("no_file", "There is no report.", remedy="Send it as multipart/form-data in the field `message`.")
    return _mail(bounces.take(caller(request).workspace, message.read(bounces.LIMIT)))


@router.get("/mails/{ref}", auth=needs(Right.MESSAGES_READ), response=MailOut)
def read_mail(request: HttpRequest, ref: str) -> dict[str, Any]:
    """One mail, and what its server said."""
    return _mail(mails.find(caller(request).workspace, ref))


def _changeable(asker: Caller, account_id: int) -> EmailAccount:
    account = accounts.find(asker.workspace, account_id)
    accounts.refuse_shared(account, asker)
    return account


def _reached(asker: Caller, account_id: int) -> tuple[EmailAccount, Server]:
    account = accounts.find(asker.workspace, account_id)
    return account, server_of(account)


def _one(asker: Caller, account_id: int) -> dict[str, Any]:
    return _shown(asker, [accounts.find(asker.workspace, account_id)])[0]


def _shown(asker: Caller, rows: list[EmailAccount]) -> list[dict[str, Any]]:
    default = accounts.default_of(asker.workspace.pk)
    waiting = accounts.mail_counts(asker.workspace.pk, [row.pk for row in rows])
    plain = ("id", "name", "password_set_at", "trouble", "retry_at", "created_at", "updated_at")
    names = [*plain, *(field.name for field in account_fields.FIELDS if not field.secret)]
    return [
        {
            **{name: getattr(row, name) for name in names},
            "is_default": row.pk == default,
            "is_shared": accounts.is_shared(row),
            "waiting": waiting.get(row.pk, 0),
        }
        for row in rows
    ]


def _trial(trial: Trial) -> dict[str, Any]:
    steps = [
        {
            "title": step.title,
            "ok": step.is_ok,
            "words": step.words,
            "said": [{"by": "us" if who == ">" else "server", "words": words} for who, words in step.said],
        }
        for step in trial.steps
    ]
    return {"ok": trial.is_ok, "words": trial.words, "code": trial.code, "advice": trial.advice, "steps": steps}


def _mail(row: Mail) -> dict[str, Any]:
    names = ("subject", "state", "state_at", "kind", "campaign_id", "contact_id", "attempts", "code", "words")
    times = ("created_at", "due_at", "expires_at", "submitted_at")
    return {
        **{name: getattr(row, name) for name in (*names, *times)},
        "id": to_ref(row.pk),
        "to": row.to_address,
        "word": mails.word_of(row).value,
        "account": row.account.name if row.account else None,
        "cause": cause_of(row),
    }
