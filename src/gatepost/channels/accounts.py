"""E-mail accounts: making, changing, deleting, choosing. Each change leaves its trace in the audit."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from gatepost.channels import account_fields
from gatepost.channels.models import EmailAccount, EmailDefault, Mail
from gatepost.gateways import secrets
from gatepost.jobs.app import defer
from gatepost.problems import Fault, Problem
from gatepost.rest.storable import as_id
from gatepost.workspaces.access import Caller
from gatepost.workspaces.differences import differences, untold
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.permissions import Right
from gatepost.workspaces.services import audit

SEALED_AS: Final = "email password"
"""What the encrypted password says of itself, besides the number of its row."""
JOB: Final = "channels.mail"
_SERVER: Final = ("host", "port", "tls")


def own(workspace: Workspace) -> QuerySet[EmailAccount]:
    """The accounts assigned to the workspace."""
    return EmailAccount.objects.filter(workspaces=workspace).prefetch_related("workspaces")


def find(workspace: Workspace, account_id: int) -> EmailAccount:
    """One of them; raises Problem `not_found`."""
    account = own(workspace).filter(pk=min(account_id, 2**63 - 1)).first()
    if account is None:
        raise Problem("not_found", "The workspace has no such e-mail account.")
    return account


def is_shared(account: EmailAccount) -> bool:
    return len(account.workspaces.all()) > 1


def may_change(asker: Caller, account: EmailAccount) -> bool:
    """One tenant must not change, or send elsewhere with unsaved settings, what others rely on."""
    return asker.has(Right.GATEWAYS_WRITE) and (asker.is_administrator or not is_shared(account))


def refuse_shared(account: EmailAccount, asker: Caller) -> None:
    """Raises Problem `gateway_shared` for an account of several workspaces, unless the administrator asks."""
    if is_shared(account) and not asker.is_administrator:
        raise Problem("gateway_shared", "The e-mail account belongs to several workspaces.")


def refuse_to_carry(account: EmailAccount, wanted: Mapping[str, Any]) -> None:
    """A saved password never goes to another server than it was saved for: whoever changes that enters it again.

    Otherwise anyone who may change or check an account could have it sent to themselves. Raises Problem `invalid`.
    """
    moves = any(wanted.get(name, getattr(account, name)) != getattr(account, name) for name in _SERVER)
    if moves and account.password_token is not None:
        words = "The password is needed again, because host, port or TLS change."
        raise Problem("invalid", faults=[Fault("password", "secret_needed_again", words)])


def create_account(
    workspaces: Iterable[Workspace], name: str, settings: Mapping[str, Any], *, actor: str
) -> EmailAccount:
    """A new account, assigned to the workspaces; `settings` are those of `account_fields.FIELDS`, password among them.

    Raises Problem `invalid` or `name_taken`.
    """
    missing = {field.name: None for field in account_fields.FIELDS if field.required and field.name not in settings}
    values, password = _read(name, {**settings, **missing})
    owners = list(workspaces)
    with _name_once(), transaction.atomic():
        _keep_defaults(owners)
        account = EmailAccount.objects.create(**values)
        account.workspaces.set(owners)
        if password:
            _set_password(account, password)
        audit(actor, "email-account.create", account, _owner(owners))
    return account


def update_account(
    account: EmailAccount,
    *,
    actor: str,
    name: str | None = None,
    settings: Mapping[str, Any] | None = None,
    workspaces: Iterable[Workspace] | None = None,
) -> EmailAccount:
    """Change what is given. A password that is None stays, and "" clears it. Raises Problem `invalid`, `name_taken`.

    What waits for the account is tried at once: the change may have mended what kept it.
    """
    values, password = _read(name, settings or {})
    with _name_once(), transaction.atomic():
        locked = EmailAccount.objects.select_for_update().get(pk=account.pk)
        if password is None:
            refuse_to_carry(locked, values)
        owners = list(locked.workspaces.all() if workspaces is None else workspaces)
        _keep_defaults(owners, besides=locked.pk)
        changed = differences({field: getattr(locked, field) for field in values}, values)
        for field, value in {**values, "trouble": "", "failures": 0, "retry_at": None}.items():
            setattr(locked, field, value)
        locked.version += 1
        if password is not None:
            _set_password(locked, password)
            changed |= untold(["password"])
        locked.save()
        if workspaces is not None:
            before = {*locked.workspaces.all()}
            locked.workspaces.set(owners)
            EmailDefault.objects.filter(account=locked).exclude(workspace__in=locked.workspaces.all()).delete()
            # Whoever reads the audit of one of them must not learn of the others.
            changed |= untold(["workspaces"] if before != {*owners} else [])
        if changed:
            audit(actor, "email-account.update", locked, _owner(locked.workspaces.all()), changed=changed)
        wake(locked.pk)
    return locked


def delete_account(account: EmailAccount, *, actor: str, is_confirmed: bool = False) -> int:
    """Delete it; how many mails waited and are cancelled. Raises Problem `gateway_in_use` unless that is confirmed."""
    with transaction.atomic():
        locked = EmailAccount.objects.select_for_update().get(pk=account.pk)
        waiting = waiting_for(locked)
        if waiting and not is_confirmed:
            words = f"{waiting} mails that wait for it are cancelled"
            listed = [{"what": "mails that wait for it", "count": waiting, "then": "are cancelled"}]
            raise Problem("gateway_in_use", f"Affected: {words}.", more={"affected": listed})
        queued = Mail.objects.filter(account=locked, state="queued")
        queued.update(state="cancelled", state_at=timezone.now(), words="The e-mail account was deleted.")
        audit(actor, "email-account.delete", locked, _owner(locked.workspaces.all()), cancelled=waiting)
        locked.delete()
    return waiting


def waiting_for(account: EmailAccount) -> int:
    """How many mails wait for it."""
    return Mail.objects.filter(account=account, state="queued").count()


def make_default(workspace: Workspace, account: EmailAccount | None, *, actor: str) -> None:
    """From now on it takes what names no account; None: none does."""
    with transaction.atomic():
        if account is None:
            EmailDefault.objects.filter(workspace=workspace).delete()
        else:
            EmailDefault.objects.update_or_create(workspace=workspace, defaults={"account": account})
        audit(actor, "email-account.default", account or "none", workspace)


def chosen_default(workspace_id: int) -> int | None:
    """The number of the account that was made the default."""
    return EmailDefault.objects.filter(workspace_id=workspace_id).values_list("account_id", flat=True).first()


def default_of(workspace_id: int) -> int | None:
    """The number of the account that takes what names none: the chosen one, else the only one."""
    chosen = chosen_default(workspace_id)
    if chosen is not None:
        return chosen
    only = list(EmailAccount.objects.filter(workspaces=workspace_id, is_active=True).values_list("pk", flat=True)[:2])
    return only[0] if len(only) == 1 else None


def _keep_defaults(workspaces: Iterable[Workspace], besides: int = 0) -> None:
    """Where another account is the default only because it is alone, it stays so when it is not any more."""
    for workspace in workspaces:
        known = default_of(workspace.pk)
        if known not in (None, besides):
            EmailDefault.objects.get_or_create(workspace=workspace, defaults={"account_id": known})


def choose(workspace_id: int, wanted: str) -> EmailAccount:
    """The account of that name or number, or the default one. Raises Problem `no_email_account`."""
    active = EmailAccount.objects.filter(workspaces=workspace_id, is_active=True)
    if not wanted:
        account = active.filter(pk=default_of(workspace_id) or 0).first()
        if account is None:
            words = "No e-mail account is the default." if active.exists() else "The workspace has no e-mail account."
            raise Problem("no_email_account", words)
        return account
    by_name = active.filter(name__iexact=wanted).first()
    by_id = active.filter(pk=as_id(wanted) or 0).first()
    found = by_name or by_id
    if found is None:
        raise Problem("no_email_account", f"The workspace has no active e-mail account {wanted!r}.")
    return found


def password_of(account: EmailAccount) -> str:
    """In the clear; empty where none is set. Raises Problem `secret_unreadable`."""
    if account.password_token is None:
        return ""
    return str(secrets.open_token(bytes(account.password_token), account.pk, SEALED_AS))


def rotate_passwords() -> int:
    """Encrypt every password again with the newest key; returns how many."""
    rotated = 0
    for pk in EmailAccount.objects.exclude(password_token=None).values_list("pk", flat=True):
        with transaction.atomic():
            account = EmailAccount.objects.select_for_update().filter(pk=pk).first()
            if account is not None and account.password_token is not None:
                token = secrets.encrypt(account.pk, SEALED_AS, password_of(account))
                EmailAccount.objects.filter(pk=pk).update(password_token=token)
                rotated += 1
    return rotated


def mail_counts(workspace_id: int, account_ids: Iterable[int]) -> Mapping[int, int]:
    """How many mails of the workspace wait for each of these accounts."""
    waiting = Mail.objects.filter(workspace=workspace_id, account__in=account_ids, state="queued")
    return dict(waiting.values_list("account").annotate(Count("pk")))


def wake(account_id: int) -> None:
    """Have the account's mails sent once the present transaction has committed."""
    defer(JOB, lock=f"mail {account_id}", only_once=f"mail {account_id}", account_id=account_id)


def _read(name: str | None, settings: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The values to store, and the password apart from them: None to keep it."""
    given = {key: value for key, value in settings.items() if not (key == "password" and value is None)}
    values, faults = account_fields.clean(given)
    if name is not None:
        values["name"] = name.strip()
        if not 1 <= len(values["name"]) <= 100 or "\x00" in name:
            faults.append(Fault("name", "bad_length", "Write a name of 1 to 100 characters."))
    if faults:
        raise Problem("invalid", faults=faults)
    return values, values.pop("password", None)


def _set_password(account: EmailAccount, password: str) -> None:
    account.password_token = secrets.encrypt(account.pk, SEALED_AS, password) if password else None
    account.password_set_at = timezone.now() if password else None
    account.save(update_fields=["password_token", "password_set_at"])


def _owner(workspaces: Iterable[Workspace]) -> Workspace | None:
    """Whose audit shows it: the workspace, where there is only one."""
    found = list(workspaces)
    return found[0] if len(found) == 1 else None


@contextmanager
def _name_once() -> Iterator[None]:
    """A name that is there already is told at its field."""
    try:
        yield
    except IntegrityError as error:
        if "email_account_name_once" not in str(error):
            raise
        taken = Fault("name", "taken", "There is an e-mail account of this name.")
        raise Problem("name_taken", taken.detail, faults=[taken]) from None
