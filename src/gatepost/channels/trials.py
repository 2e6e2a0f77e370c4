"""Check and Send test: one conversation with the mail server now, for someone who waits and wants to see every step."""

import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gatepost.channels.addresses import BadAddress, parse_address
from gatepost.channels.backend import Backend, Server, allowed
from gatepost.channels.letter import letter
from gatepost.channels.models import EmailAccount, Mail
from gatepost.channels.replies import advice, in_words
from gatepost.messages.models import Kind
from gatepost.messages.services import id_source
from gatepost.problems import Fault, Problem
from gatepost.transport.smtp import CONNECT_S, EXCHANGE_S, Said, Session

SUBJECT: Final = "Test mail from Gatepost"
TEXT: Final = "This is a test mail. It arrived, so the e-mail account works.\n"
FAILS: Final = (OSError, smtplib.SMTPException)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it was, whether it went well, what was said; `>` is ours, `<` the server's, secrets masked."""

    title: str
    is_ok: bool
    words: str
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it, step by step up to the one that failed; `advice`: what to do."""

    is_ok: bool
    words: str
    steps: tuple[Step, ...]
    code: str = ""
    advice: str = ""


@dataclass(slots=True)
class _Talk:
    """A conversation in steps. After a step that failed the others are left out."""

    said: list[Said]
    steps: list[Step]
    code: str = ""
    failure: str = ""

    def step(self, title: str, run: Callable[[], str]) -> bool:
        """Run it; the words that it returns describe success."""
        before = len(self.said)
        try:
            words = run()
        except FAILS as error:
            self.code = str(error.smtp_code) if isinstance(error, smtplib.SMTPResponseException) else ""
            if isinstance(error, smtplib.SMTPRecipientsRefused):
                [(code, told)] = list(error.recipients.values())[:1]
                self.code, words = str(code), f"The server refused the recipient: {told.decode('utf-8', 'replace')}"
            else:
                words = in_words(error)
            self.failure = words
        is_ok = not self.failure
        self.steps.append(Step(title, is_ok, words, tuple(self.said[before:])))
        return is_ok


def check(server: Server, from_address: str) -> Trial:
    """Connect, secure, sign in, and ask whether the sender is taken; no mail is sent."""
    talk, session = _begun(server)
    if session is not None:

        def sender_is_taken() -> str:
            session.give(EXCHANGE_S)
            code, words = session.mail(from_address)
            if code >= 400:
                raise smtplib.SMTPSenderRefused(code, words, from_address)
            session.rset()
            return f"{from_address} may send."

        if not talk.failure:
            talk.step("Sender", sender_is_taken)
        _end(session)
    return _result(talk, "The server takes mails of this account.")


def send_test(server: Server, account: EmailAccount, to: str) -> Trial:
    """Send a real mail now, outside the queue. `account` may be one that is not saved. Raises Problem `invalid`."""
    try:
        address = parse_address(to)
    except BadAddress as bad:
        raise Problem("invalid", faults=[Fault("to", "bad_email", str(bad))]) from None
    talk, session = _begun(server)
    if session is not None and not talk.failure:
        [mail_id] = id_source().take(1)
        mail = Mail(
            pk=mail_id, kind=Kind.TEST, to_address=address, subject=SUBJECT, body=TEXT, created_at=datetime.now(UTC)
        )
        backend = Backend(server)
        backend.connection = session
        session.give(EXCHANGE_S)

        def send() -> str:
            backend.send_messages([letter(mail, account, [])])
            return f"The server took it: {' '.join(session.taken)}"

        talk.step("Mail", send)
    if session is not None:
        _end(session)
    return _result(talk, f"The mail to {address} was handed over. Look whether it arrives.")


def _begun(server: Server) -> tuple[_Talk, Session | None]:
    """The conversation up to the login, and the connection where there is one."""
    talk = _Talk([], [])
    sessions: list[Session] = []

    def connect() -> str:
        is_tls = server.tls == EmailAccount.Tls.TLS
        context = server.context if is_tls else None
        session = Session(server.host, server.port, allow=allowed(), context=context, said=talk.said)
        sessions.append(session)
        return f"{server.host} answers on port {server.port}{' with TLS' if is_tls else ''}."

    def greet() -> str:
        sessions[0].give(CONNECT_S)
        code, words = sessions[0].ehlo()
        if not 200 <= code < 300:
            raise smtplib.SMTPHeloError(code, words)
        return "The server speaks SMTP with extensions."

    def secure() -> str:
        sessions[0].give(CONNECT_S)
        sessions[0].starttls(context=server.context)
        sessions[0].ehlo()
        return "The connection is encrypted."

    def sign_in() -> str:
        sessions[0].give(EXCHANGE_S)
        sessions[0].login(server.login, server.password)
        return f"The server knows {server.login}."

    plan = [("Connection", connect), ("Greeting", greet)]
    plan += [("TLS", secure)] if server.tls == EmailAccount.Tls.STARTTLS else []
    plan += [("Login", sign_in)] if server.login and server.password else []
    for title, run in plan:
        if not talk.step(title, run):
            break
    return talk, sessions[0] if sessions else None


def _end(session: Session) -> None:
    session.give(CONNECT_S)
    try:
        session.quit()
    except FAILS:
        session.close()


def _result(talk: _Talk, words: str) -> Trial:
    if not talk.failure:
        return Trial(True, words, tuple(talk.steps))
    return Trial(False, talk.failure, tuple(talk.steps), talk.code, _advice(talk))


def _advice(talk: _Talk) -> str:
    """What to do, by the step that failed."""
    return {
        "Connection": "Check host, port and TLS: 465 goes with TLS from the start, 587 and 25 with STARTTLS.",
        "Greeting": "Check that an SMTP server listens at this host and port.",
        "TLS": "The server offers no STARTTLS, or its certificate does not hold: check the name of the host.",
        "Login": "Check login and password; some providers want a password made for programs.",
        "Sender": "The server does not let this account send from this address: check the from address.",
        "Mail": advice(talk.code, talk.failure) or "Read what the server said.",
    }[talk.steps[-1].title]
