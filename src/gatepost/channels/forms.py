"""Forms of the slice: an e-mail account, the list of mails, the settings of the portal."""

from typing import Any, Final

from django import forms
from django.http import QueryDict

from gatepost.channels import account_fields, accounts
from gatepost.channels.backend import Server
from gatepost.channels.models import EmailAccount, Portal
from gatepost.gateways.forms import name_field, workspaces_field
from gatepost.messages.models import Kind
from gatepost.pages.forms import groups, initial_text, manifest_fields, show_problem
from gatepost.problems import Problem
from gatepost.sms.states import Word
from gatepost.workspaces.access import Caller
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.permissions import Right

PREFIX: Final = "account"


class AccountForm:
    """Everything that is asked about an e-mail account. `data`: what was posted, None for a form shown first."""

    def __init__(self, asker: Caller, account: EmailAccount | None = None, *, data: QueryDict | None = None) -> None:
        self.asker = asker
        self.account = account
        self.is_posted = data is not None
        self.general = _general(asker, account, data)
        self.own = _own(account, data)

    @property
    def own_groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        return groups(self.own, account_fields.FIELDS)

    def is_valid(self) -> bool:
        """Whether every form of the page is. What is wrong is shown at the fields."""
        are_typed = [self.general.is_valid(), self.own.is_valid()]
        if self.own.is_valid():
            missing = self.values | ({} if self.account else {"password": self.own.cleaned_data.get("password") or ""})
            self.cleaned, faults = account_fields.clean({k: v for k, v in missing.items() if v is not None})
            if faults:
                show_problem(self.own, Problem("invalid", faults=faults))
        return all(are_typed) and not self.own.errors

    @property
    def values(self) -> dict[str, Any]:
        """What was typed; an empty password keeps the saved one."""
        typed = {field.name: self.own.cleaned_data.get(field.name) for field in account_fields.FIELDS}
        if not typed["password"]:
            is_forgotten = bool(self.own.cleaned_data.get("forget"))
            typed["password"] = "" if is_forgotten else None
        return typed

    @property
    def workspaces(self) -> list[Workspace] | None:
        """The chosen ones; None where the asker does not choose."""
        if "workspaces" not in self.general.fields:
            return None
        return list(Workspace.objects.filter(pk__in=self.general.cleaned_data["workspaces"]))

    def server(self) -> Server:
        """What was typed, with the saved password where none was. Raises Problem `secret_unreadable`, or `invalid`
        where it would go to another server."""
        password, said = self.values["password"], self.cleaned
        if password is None and self.account is not None:
            accounts.refuse_to_carry(self.account, said)
            password = accounts.password_of(self.account)
        return Server(said["host"], said["port"], said["tls"], said["verify_tls"], said["login"], password or "")

    def unsaved(self) -> EmailAccount:
        """The account as it would be; it is not saved."""
        own = {name: value for name, value in self.cleaned.items() if name != "password"}
        return EmailAccount(**own, name=self.general.cleaned_data.get("name", ""))

    def show(self, problem: Problem) -> None:
        """Put each fault beside its field."""
        is_general = any(fault.field in self.general.fields for fault in problem.faults)
        show_problem(self.general if is_general or not problem.faults else self.own, problem)

    @property
    def faults(self) -> list[tuple[str, str]]:
        """Every fault with the title of its field."""
        return [
            (str(form.fields[name].label) if name in form.fields else "", " ".join(map(str, errors)))
            for form in (self.general, self.own)
            for name, errors in form.errors.items()
        ]


def _general(asker: Caller, account: EmailAccount | None, data: QueryDict | None) -> forms.Form:
    fields: dict[str, forms.Field] = {
        "name": name_field(
            account.name if account else "E-mail", "Tells your accounts apart; programs may choose an account by it."
        )
    }
    if asker.is_administrator:
        chosen = [one.pk for one in account.workspaces.all()] if account else [asker.workspace.pk]
        fields["workspaces"] = workspaces_field(chosen, whose="mails")
    if asker.has(Right.WORKSPACE_WRITE):
        default = accounts.default_of(asker.workspace.pk)
        fields["is_default"] = forms.BooleanField(
            label=f"Default e-mail account of {asker.workspace.name}",
            initial=default == account.pk if account else default is None,
            required=False,
            help_text="Takes the mails that name no account.",
        )
    return _made("General", fields)(data)


def _own(account: EmailAccount | None, data: QueryDict | None) -> forms.Form:
    is_set = ["password"] if account is not None and account.password_token is not None else []
    fields = manifest_fields(account_fields.FIELDS, is_set)
    if is_set:
        fields["forget"] = forms.BooleanField(label="Remove the saved password", required=False)
    initial: dict[str, Any] = {}
    if account is not None:
        stored = {field.name: getattr(account, field.name) for field in account_fields.FIELDS if not field.secret}
        shown = {name: f"{value:g}" if isinstance(value, float) else value for name, value in stored.items()}
        by_name = account_fields.BY_NAME
        initial = {name: initial_text(by_name[name], value) for name, value in shown.items() if value is not None}
    return _made("Own", fields)(data, prefix=PREFIX, initial=initial)


def _made(name: str, fields: dict[str, forms.Field]) -> type[forms.Form]:
    return type(f"{name}Form", (forms.Form,), dict(fields))


class MailFilter(forms.Form):
    """Which mails are shown; every field is optional."""

    word = forms.ChoiceField(label="State", required=False, choices=[("", "Any"), *((w.value, w.value) for w in Word)])
    kind = forms.ChoiceField(
        label="Type", required=False, choices=[("", "Any"), *((str(k), str(label)) for k, label in Kind.choices)]
    )
    to = forms.CharField(
        label="Address",
        max_length=254,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "or its beginning"}),
    )


class PortalForm(forms.Form):
    """What the workspace says about its portal."""

    is_open = forms.BooleanField(
        label="Open", required=False, help_text="Closed: nobody can sign in, and nothing can be sent to the portal."
    )
    title = forms.CharField(label="Title", max_length=100, required=False, help_text="Empty: the workspace's name.")
    welcome = forms.CharField(
        label="Words on the sign-in page", max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    @classmethod
    def of(cls, portal: Portal | None, data: QueryDict | None = None) -> "PortalForm":
        values = {"is_open": portal.is_open, "title": portal.title, "welcome": portal.welcome} if portal else {}
        return cls(data, initial=values)
