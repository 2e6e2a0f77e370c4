"""E-mail accounts among the gateways: their lines of the table."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils import timezone

from gatepost.channels import accounts
from gatepost.channels.models import EmailAccount
from gatepost.gateways.listing import OtherRow, Others, SecretState, Status, monogram
from gatepost.workspaces.access import Caller
from gatepost.workspaces.permissions import Right


def email_accounts(asker: Caller) -> Others:
    """The accounts of the workspace, the oldest first."""
    found = list(accounts.own(asker.workspace).order_by("pk"))
    default = accounts.default_of(asker.workspace.pk)
    waiting = accounts.mail_counts(asker.workspace.pk, [one.pk for one in found])
    of = {"workspace": asker.workspace.pk}
    rows = [_row(asker, one, is_default=one.pk == default, waiting=waiting.get(one.pk, 0)) for one in found]
    return Others(rows, reverse("email-account-add", kwargs=of), "Add an e-mail account")


def statuses(account: EmailAccount) -> Iterator[Status]:
    """Whether it is used, and what keeps it."""
    yield Status("Active", "good") if account.is_active else Status("Inactive", "calm", "takes nothing; mails wait")
    if account.trouble:
        until = f"; next try at {account.retry_at:%H:%M:%S} UTC" if account.retry_at else ""
        is_now = account.retry_at is not None and account.retry_at > timezone.now()
        yield Status("In trouble", "bad", f"{account.trouble}{until if is_now else ''}")
    if account.tls == EmailAccount.Tls.NONE:
        yield Status("No TLS", "warn", "everything goes in the clear")


def _row(asker: Caller, account: EmailAccount, *, is_default: bool, waiting: int) -> OtherRow:
    of = {"workspace": asker.workspace.pk, "account": account.pk}
    page, may_change = reverse("email-account", kwargs=of), accounts.may_change(asker, account)
    may_settle = asker.has(Right.WORKSPACE_WRITE) and not is_default
    return OtherRow(
        kind="E-mail",
        number=account.pk,
        name=account.name,
        label=f"{account.host}:{account.port}",
        monogram=monogram(account.name),
        page=page,
        identifier=account.login or account.from_address,
        secrets=[SecretState("Password", account.password_set_at)] if account.login else [],
        statuses=list(statuses(account)),
        waiting=waiting,
        is_default=is_default,
        make_default=reverse("email-account-default", kwargs=of) if may_settle else "",
        edit=page if may_change else "",
        delete=reverse("email-account-delete", kwargs=of) if may_change else "",
    )
