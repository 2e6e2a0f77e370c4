"""What a mail looks like on the wire: Django's message from our row. What people write cannot end a header."""

import hashlib
import hmac
import html
import re
from email.headerregistry import Address
from email.utils import format_datetime
from typing import Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from gatepost.audience import files
from gatepost.channels.attachments import File
from gatepost.channels.models import EmailAccount, Mail
from gatepost.messages.models import Kind
from gatepost.sms.ids import from_ref, to_ref

_LINK: Final = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]}]")
_SPACE: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_ID: Final = re.compile(r"gp-([0-9a-z]{13})-([0-9a-f]{16})@")
_PAGE: Final = (
    '<!doctype html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"></head>'
    '<body style="margin:0;padding:16px;font:16px/1.5 sans-serif"><div style="max-width:600px">{}{}</div></body></html>'
)


def one_line(text: str) -> str:
    """The text without what would end a header: whatever breaks a line becomes a space."""
    return _SPACE.sub(" ", text).strip()


def message_id(mail: Mail, account: EmailAccount) -> str:
    """The Message-ID: it names the mail, and only we can have made it."""
    ref = to_ref(mail.pk)
    return f"<gp-{ref}-{_seal(ref)}@{account.from_address.rpartition('@')[2].encode('idna').decode()}>"


def mail_of(text: str) -> int | None:
    """The number of the mail that a Message-ID of ours in the text names; None where there is none."""
    for ref, seal in _ID.findall(text):
        found = from_ref(ref)
        if found is not None and hmac.compare_digest(seal, _seal(ref)):
            return found[0]
    return None


def letter(mail: Mail, account: EmailAccount, brought: list[File], unsubscribe: str = "") -> EmailMultiAlternatives:
    """The message. `unsubscribe`: the address at which the recipient ends mass mails. Raises Problem where a file is
    gone."""
    headers = {
        "From": _sender(account),
        "Message-ID": message_id(mail, account),
        "Date": format_datetime(mail.created_at),
    }
    if mail.kind == Kind.MASS:
        headers |= {"Precedence": "bulk", "Auto-Submitted": "auto-generated"}
    if unsubscribe:
        headers |= {"List-Unsubscribe": f"<{unsubscribe}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    end = f"\n\n-- \nTo get no more mails like this: {unsubscribe}\n" if unsubscribe else ""
    made = EmailMultiAlternatives(
        subject=one_line(mail.subject),
        body=mail.body + end,
        from_email=account.bounce_address or account.from_address,
        to=[mail.to_address],
        reply_to=[account.reply_to] if account.reply_to else None,
        headers=headers,
    )
    made.attach_alternative(as_html(mail.body, unsubscribe), "text/html")
    for file in brought:
        with files.read(file.path) as content:
            made.attach(file.name, content.read(), file.content_type)
    return made


def as_html(text: str, unsubscribe: str = "") -> str:
    """The text as a page: everything escaped, paragraphs kept, addresses of the web made into links."""
    paragraphs = re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip())
    body = "".join(f"<p>{_linked(part)}</p>" for part in paragraphs)
    address = html.escape(unsubscribe, quote=True)
    end = f'<p style="color:#666;font-size:13px"><a href="{address}">Get no more mails like this</a></p>'
    return _PAGE.format(body, end if unsubscribe else "")


def _linked(text: str) -> str:
    parts: list[str] = []
    last = 0
    for found in _LINK.finditer(text):
        address = html.escape(found[0], quote=True)
        parts += [html.escape(text[last : found.start()]), f'<a href="{address}">{address}</a>']
        last = found.end()
    return "".join((*parts, html.escape(text[last:]))).replace("\n", "<br>")


def _sender(account: EmailAccount) -> str:
    local, _, domain = account.from_address.rpartition("@")
    return str(Address(one_line(account.from_name), local, domain.encode("idna").decode()))


def _seal(ref: str) -> str:
    key = hashlib.sha256(f"gatepost.message-id:{settings.SECRET_KEY}".encode()).digest()
    return hmac.new(key, ref.encode(), hashlib.sha256).hexdigest()[:16]
