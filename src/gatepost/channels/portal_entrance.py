"""The way into the customer portal: a one-time link by SMS or e-mail, and the session that follows it.

Whoever asks for a link gets the same answer in the same time, known or not: the request is only written down, and a job
looks whom it means. How often one may ask is limited by address and by where the request comes from. A link that cannot
be sent is told to the operators alone.
"""

import ipaddress
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from gatepost.audience.models import Contact
from gatepost.audience.words import fold
from gatepost.channels.addresses import BadAddress, parse_address
from gatepost.channels.base import Excluded, Order, Piece
from gatepost.channels.mail import Email
from gatepost.channels.models import Portal, PortalLink, PortalRequest, PortalSession
from gatepost.jobs.app import defer
from gatepost.messages.models import Kind
from gatepost.messages.services import accept_one
from gatepost.messages.store import Origin
from gatepost.messages.wishes import Wish
from gatepost.problems import Problem
from gatepost.rest.storable import is_storable
from gatepost.sms.msisdn import InvalidNumber, parse
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.services import hash_token

JOB: Final = "channels.portal-link"
LINK_LIFETIME: Final = timedelta(minutes=15)
SESSION_LIFETIME: Final = timedelta(days=30)
PERIOD: Final = timedelta(hours=1)
PER_PEER: Final = 20
PER_ADDRESS: Final = 5
PER_CONTACT: Final = 5
PER_WORKSPACE: Final = 1000
"""Links in PERIOD: somebody who types numbers in must not spend the operator's money."""
KEPT: Final = timedelta(days=1)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is signed in to the portal of a workspace."""

    workspace: Workspace
    contact: Contact
    session: PortalSession


def open_portal(workspace_id: int) -> Portal | None:
    """The portal of the workspace; None where there is none or it is closed."""
    return Portal.objects.select_related("workspace").filter(workspace=workspace_id, is_open=True).first()


def ask(workspace: Workspace, wanted: str, peer: str) -> bool:
    """Write down that somebody wants a link; False where they have asked too often. Says nothing about who is known."""
    text = wanted.strip()[:254]
    if not text or not is_storable(text):
        return True
    with transaction.atomic():
        since = timezone.now() - PERIOD
        lately = PortalRequest.objects.filter(workspace=workspace, asked_at__gte=since)
        place = _place(peer)
        if lately.filter(peer=place).count() >= PER_PEER or lately.count() >= PER_WORKSPACE:
            return False
        if lately.filter(wanted__iexact=text).count() >= PER_ADDRESS:
            # The same answer as for one more link: whoever tries must not learn that others have asked.
            return True
        request = PortalRequest.objects.create(workspace=workspace, wanted=text, peer=place)
        defer(JOB, request_id=request.pk)
    return True


def answer(request_id: int) -> None:
    """Send the link, where the request means somebody who may have one."""
    request = PortalRequest.objects.select_related("workspace").filter(pk=request_id).first()
    if request is None or open_portal(request.workspace_id) is None or not settings.CONFIG["PUBLIC_URL"]:
        return
    contact, address, by = _meant(request)
    if contact is None:
        return
    since = timezone.now() - PERIOD
    if PortalLink.objects.filter(contact=contact, created_at__gte=since).count() >= PER_CONTACT:
        return
    with transaction.atomic():
        trouble = SENDERS[by](request.workspace, contact, address, make_link(contact))
        transaction.set_rollback(trouble is not None)
    if trouble is not None:
        log.warning("portal_link_not_sent", workspace=request.workspace_id, by=by, cause=trouble.reason)
        PortalRequest.objects.filter(pk=request.pk).update(trouble=trouble.words)


def unsent(workspace: Workspace) -> tuple[int, PortalRequest | None]:
    """How many links could not be sent within a day, and the last request of these."""
    found = PortalRequest.objects.filter(workspace=workspace, asked_at__gte=timezone.now() - KEPT).exclude(trouble="")
    return found.count(), found.order_by("-asked_at").first()


def make_link(contact: Contact) -> str:
    """A link that signs the contact in once; only its hash is kept."""
    token = secrets.token_urlsafe(18)
    PortalLink.objects.create(contact=contact, hash=hash_token(token), expires_at=timezone.now() + LINK_LIFETIME)
    path = reverse("portal-enter", kwargs={"workspace": contact.workspace_id, "token": token})
    return str(settings.CONFIG["PUBLIC_URL"]) + path


def redeem(workspace_id: int, token: str) -> tuple[Contact, str] | None:
    """The contact and the token of a new session, once: of several who try at the same time, one gets it."""
    now = timezone.now()
    link = PortalLink.objects.filter(hash=hash_token(token))
    of_workspace = link.filter(contact__workspace=workspace_id).values_list("contact", flat=True).first()
    # The condition is on the row itself, so that PostgreSQL looks at it again after waiting for another.
    if of_workspace is None or not link.filter(used_at=None, expires_at__gt=now).update(used_at=now):
        return None
    contact = Contact.objects.get(pk=of_workspace)
    session = secrets.token_urlsafe(32)
    PortalSession.objects.create(contact=contact, hash=hash_token(session), expires_at=now + SESSION_LIFETIME)
    return contact, session


def visitor(workspace_id: int, token: str) -> Visitor | None:
    """Who has the session; None where it has ended, belongs elsewhere or the portal is closed."""
    if not token or open_portal(workspace_id) is None:
        return None
    session = (
        PortalSession.objects.select_related("contact__workspace")
        .filter(hash=hash_token(token), expires_at__gt=timezone.now(), contact__workspace=workspace_id)
        .first()
    )
    return Visitor(session.contact.workspace, session.contact, session) if session else None


def end(token: str) -> None:
    """End the session, where there is one."""
    PortalSession.objects.filter(hash=hash_token(token)).delete()


def forget_old() -> None:
    """Delete what nobody can use any more."""
    now = timezone.now()
    PortalRequest.objects.filter(asked_at__lt=now - KEPT).delete()
    PortalLink.objects.filter(expires_at__lt=now - KEPT).delete()
    PortalSession.objects.filter(expires_at__lt=now).delete()


def _meant(request: PortalRequest) -> tuple[Contact | None, str, str]:
    """The contact, the address, and by which channel. An address that several have means nobody: whose would it be?"""
    workspace = request.workspace
    own = Contact.objects.filter(workspace=workspace)
    if "@" in request.wanted:
        try:
            address = parse_address(request.wanted)
        except BadAddress:
            return None, "", ""
        found, by = list(own.filter(email_key=fold(address))[:2]), "email"
    else:
        country = workspace.default_country or settings.CONFIG["DEFAULT_COUNTRY"]
        try:
            address = parse(request.wanted, country or None)
        except InvalidNumber:
            return None, "", ""
        found, by = list(own.filter(phones__contains=[address])[:2]), "sms"
    return (found[0] if len(found) == 1 else None), address, by


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why a link could not be sent: the stable code for the log, and the words for operators."""

    reason: str
    words: str


def _by_sms(workspace: Workspace, contact: Contact, digits: str, url: str) -> _Trouble | None:
    words = f"Your link to {workspace}: {url} It works once, for 15 minutes."
    try:
        accept_one(Origin(workspace.pk, Kind.SYSTEM), Wish(to=f"+{digits}", text=words, priority="code"))
    except Problem as problem:
        return _Trouble(problem.code, f"By SMS: {problem.detail} {problem.remedy}".strip())
    return None


def _by_email(workspace: Workspace, contact: Contact, address: str, url: str) -> _Trouble | None:
    text = f"Open this link to read your messages from {workspace}:\n\n{url}\n\nIt works once, for 15 minutes."
    piece = Piece(contact.pk, address, f"{text} If you did not ask for it, do nothing.", f"Your link to {workspace}")
    [posted] = Email().post(Order(workspace.pk, kind=Kind.SYSTEM, priority="code"), [piece])
    return _Trouble(posted.reason.value, f"By e-mail: {posted.words}") if isinstance(posted, Excluded) else None


SENDERS: Final[Mapping[str, Callable[[Workspace, Contact, str, str], _Trouble | None]]] = {
    "sms": _by_sms,
    "email": _by_email,
}


def _place(peer: str) -> str:
    """Where a request comes from; the people of one IPv6 network count together."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer[:45]
    if address.version == 6:
        return str(ipaddress.ip_network(f"{address}/64", strict=False).network_address)
    return str(address)
