"""Ending mass mails: the address in the mail, and the list of those who get no more."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from gatepost.channels.addresses import BadAddress, parse_address
from gatepost.channels.models import EmailSuppression, Mail
from gatepost.messages.export import table
from gatepost.messages.models import Kind
from gatepost.problems import Fault, Problem
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.services import audit

BY_HAND: Final = "manual"
SOURCES: Final[Mapping[str, str]] = {"recipient": "Unsubscribed", BY_HAND: "Added by hand"}
"""How an address came onto the list, in words."""
COLUMNS: Final = ("address", "source", "since")
MOST_AT_ONCE: Final = 10_000
_SALT: Final = "gatepost.unsubscribe"
_BETWEEN: Final = re.compile(r"[\s,;]+")


def address_for(mail: Mail) -> str:
    """Where the recipient of a mass mail ends them; empty for others, and where nobody knows our public address."""
    public = settings.CONFIG["PUBLIC_URL"]
    if mail.kind != Kind.MASS or not public:
        return ""
    token = signing.dumps([mail.workspace_id, mail.to_address], salt=_SALT, compress=True)
    return str(public) + reverse("portal-unsubscribe", kwargs={"token": token})


def read(token: str) -> tuple[Workspace, str] | None:
    """Whose mails to which address the token ends; None where it is not one of ours."""
    try:
        workspace_id, address = signing.loads(token, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    workspace = Workspace.objects.filter(pk=workspace_id).first()
    return (workspace, address) if workspace else None


def suppress(workspace: Workspace, address: str, *, source: str, actor: str) -> bool:
    """No more mass mails to the address; whether that is new."""
    _, is_new = EmailSuppression.objects.get_or_create(
        workspace=workspace, address=address, defaults={"source": source}
    )
    if is_new:
        audit(actor, "email-suppression.add", source, workspace)
    return is_new


def allow(workspace: Workspace, address: str, *, actor: str) -> bool:
    """Mass mails to the address again; whether it was on the list."""
    count, _ = EmailSuppression.objects.filter(workspace=workspace, address=address).delete()
    if count:
        audit(actor, "email-suppression.remove", "person", workspace)
    return bool(count)


@dataclass(frozen=True, slots=True)
class Added:
    """What became of addresses that were to be put on the list: how many are new, how many were there, which are no
    addresses."""

    new: int
    known: int
    invalid: tuple[str, ...]


def suppress_all(workspace: Workspace, written: str, *, actor: str) -> Added:
    """No more mass mails to these addresses, which stand apart by lines, spaces, commas or semicolons.

    Raises Problem `invalid` where there is none, or more than MOST_AT_ONCE.
    """
    parts = [part for part in _BETWEEN.split(written) if part]
    if not 0 < len(parts) <= MOST_AT_ONCE:
        words = f"At most {MOST_AT_ONCE} at a time; these are {len(parts)}." if parts else "Write one address or more."
        raise Problem("invalid", faults=[Fault("addresses", "count", words)])
    wanted: dict[str, None] = {}
    invalid: list[str] = []
    for part in parts:
        try:
            wanted[parse_address(part)] = None
        except BadAddress:
            invalid.append(part)
    with transaction.atomic():
        known = set(own(workspace).filter(address__in=list(wanted)).values_list("address", flat=True))
        rows = [
            EmailSuppression(workspace=workspace, address=one, source=BY_HAND) for one in wanted if one not in known
        ]
        EmailSuppression.objects.bulk_create(rows, ignore_conflicts=True)
        if rows:
            audit(actor, "email-suppression.add", BY_HAND, workspace, count=len(rows))
    return Added(len(rows), len(known), tuple(invalid))


def own(workspace: Workspace) -> QuerySet[EmailSuppression]:
    """The list of the workspace."""
    return EmailSuppression.objects.filter(workspace=workspace)


def search(workspace: Workspace, beginning: str) -> QuerySet[EmailSuppression]:
    """Those whose address begins so; empty does not restrict."""
    wanted = beginning.strip().lower()
    return own(workspace).filter(address__startswith=wanted) if wanted else own(workspace)


def find(workspace: Workspace, number: int) -> EmailSuppression:
    """One of them. Raises Problem `not_found`."""
    row = own(workspace).filter(pk=min(number, 2**63 - 1)).first()
    if row is None:
        raise Problem("not_found", "This address is not on the list (any more).")
    return row


def lines(workspace: Workspace) -> Iterator[str]:
    """The list as CSV, the newest first."""
    found = own(workspace).order_by("-pk").iterator(chunk_size=1000)
    return table(COLUMNS, ((row.address, row.source, row.created_at) for row in found))


def is_suppressed(workspace: Workspace, address: str) -> bool:
    return EmailSuppression.objects.filter(workspace=workspace, address=address).exists()
