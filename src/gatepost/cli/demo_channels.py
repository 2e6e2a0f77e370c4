"""The demo's e-mail account, which leads to the demo's own mailbox, and its customer portal."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gatepost.workspaces.models import Workspace

ACCOUNT: Final = "Demo mailbox"
HOST: Final = "127.0.0.1"
SENDER: Final = "hello@gatepost.example"
MESSAGES: Final = (
    (
        "Your invoice is here",
        "Good day,\n\nyour invoice of this month is ready. You find it below.\n\nYour Gatepost Net",
    ),
    ("Work on the network on Tuesday", "On Tuesday between 2 and 4 in the night the internet may be away for minutes."),
    ("Welcome to the customer portal", "Here you find what we have written to you, with your invoices and payments."),
)
READERS: Final = 12
"""How many customers have messages in the portal."""


def fill(workspace: "Workspace", mail_port: int, *, actor: str) -> None:
    """Make what is missing, and lead the account to where the mailbox is now. Django must be set up."""
    from gatepost.channels import accounts
    from gatepost.channels.models import EmailAccount, Portal

    if mail_port:
        found = EmailAccount.objects.filter(workspaces=workspace, name=ACCOUNT, host=HOST).first()
        if found is None and not EmailAccount.objects.filter(workspaces=workspace).exists():
            settings = {"host": HOST, "port": mail_port, "tls": "none", "from_address": SENDER, "from_name": "Gatepost"}
            accounts.create_account([workspace], ACCOUNT, settings, actor=actor)
        elif found is not None and found.port != mail_port:
            accounts.update_account(found, settings={"port": mail_port}, actor=actor)
    _, is_new = Portal.objects.get_or_create(
        workspace=workspace,
        defaults={"is_open": True, "title": "Gatepost Net", "welcome": "Your messages, invoices and payments."},
    )
    if is_new:
        _write(workspace)


def _write(workspace: "Workspace") -> None:
    from django.utils import timezone

    from gatepost.audience.models import Contact
    from gatepost.channels.base import Order, Piece
    from gatepost.channels.models import PortalMessage
    from gatepost.channels.portal import CustomerPortal

    customers = Contact.objects.filter(workspace=workspace, kind="customer").prefetch_related("documents")
    pieces = []
    for contact in customers.order_by("id")[:READERS]:
        documents = tuple(document.pk for document in contact.documents.all()[:1])
        for number, (subject, text) in enumerate(MESSAGES):
            pieces.append(Piece(contact.pk, str(contact.pk), text, subject, documents=documents if number == 0 else ()))
    ids = CustomerPortal().post(Order(workspace.pk, kind="single"), pieces)
    read = [one for number, one in enumerate(ids) if isinstance(one, int) and number % 5 == 2]
    PortalMessage.objects.filter(pk__in=read).update(read_at=timezone.now())
