"""What mail servers answer, and what it means: by code (RFC 5321) and by enhanced status (RFC 3463)."""

import re
import smtplib
import socket
import ssl
from dataclasses import dataclass
from enum import Enum
from typing import Final

from gatepost.transport.addresses import Guarded

_STATUS: Final = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_LONGEST: Final = 1000


class Verdict(Enum):
    """What becomes of the mail. TROUBLE: it is the account or its server; the mail itself was not judged."""

    TAKEN = "taken"
    LATER = "later"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Reply:
    """A verdict with the server's code and words."""

    verdict: Verdict
    code: str = ""
    words: str = ""


ADVICE: Final = (
    ("5.1.1", "The address does not exist: correct it at the contact."),
    ("5.1.2", "The domain of the address does not exist: correct it at the contact."),
    ("5.1.3", "The address cannot be read: correct it at the contact."),
    ("5.1.10", "The domain takes no mail: ask the contact for another address."),
    ("5.2.1", "The mailbox is switched off: ask the contact for another address."),
    ("5.2.2", "The mailbox is full: try again later."),
    ("5.2.3", "The mail is too large: leave out attachments."),
    ("5.3.4", "The mail is too large: leave out attachments."),
    ("5.4.4", "The domain of the address cannot be reached: correct it at the contact."),
    ("5.6", "The server does not take this content."),
    ("5.7.1", "The server refuses by its rules: read its words; look at SPF, DKIM and the reputation of the sender."),
    ("5.7", "The server refuses by its rules: read its words; look at SPF, DKIM and the reputation of the sender."),
    ("550", "The server knows no such mailbox or does not want the mail: read its words."),
    ("551", "The mailbox has moved: ask the contact for the new address."),
    ("552", "The mailbox is full or the mail too large."),
    ("553", "The address cannot be read: correct it at the contact."),
    ("554", "The server does not want the mail: read its words."),
)
"""What to do, by the beginning of the enhanced status or the code; the first that fits."""


def advice(code: str, words: str) -> str:
    """What to do about a refusal of that code and those words; empty where nothing is known."""
    status = _STATUS.search(f"{code} {words}")
    keys = [status[1]] if status else []
    found = [text for key in (*keys, code[:3]) for start, text in ADVICE if key == start or key.startswith(f"{start}.")]
    return found[0] if found else ""


def of_code(code: int, words: bytes | str) -> Reply:
    """A refusal in the middle of a mail: 4xx is for now, everything else for good."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    verdict = Verdict.LATER if 400 <= code < 500 else Verdict.REFUSED
    return Reply(verdict, str(code), text[:_LONGEST])


def of_failure(error: BaseException, *, is_begun: bool) -> Reply:
    """What a failed attempt means. `is_begun`: the content may have left, so that only an answer is certainty."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        [refusal] = list(error.recipients.values())[:1]
        return of_code(*refusal)
    if isinstance(error, smtplib.SMTPDataError):
        return of_code(error.smtp_code, error.smtp_error)
    if is_begun:
        return Reply(Verdict.UNKNOWN, "", f"{in_words(error)}; whether the mail arrived is not known.")
    if isinstance(error, smtplib.SMTPSenderRefused) and error.smtp_code == 552:
        return of_code(error.smtp_code, error.smtp_error)
    told = str(error.smtp_code) if isinstance(error, smtplib.SMTPResponseException) else ""
    return Reply(Verdict.TROUBLE, told, in_words(error))


def in_words(error: BaseException) -> str:
    """Why the server could not be used, for people; never with a secret."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"The server refused the login: {_said(error)}"
    if isinstance(error, smtplib.SMTPSenderRefused):
        return f"The server refused the sender: {_said(error)}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"The server said: {_said(error)}"
    if isinstance(error, smtplib.SMTPException):
        return str(error).strip().rstrip(".")[:_LONGEST] or "The server does not speak SMTP"
    if isinstance(error, Guarded):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The server's certificate does not hold: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or 'the server does not speak it'}"
    if isinstance(error, socket.gaierror):
        return "The name of the server was not found"
    if isinstance(error, TimeoutError):
        return "The server does not answer"
    return (error.strerror if isinstance(error, OSError) else "") or type(error).__name__


def _said(error: smtplib.SMTPResponseException) -> str:
    words = error.smtp_error
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    return f"{error.smtp_code} {text}"[:_LONGEST]
