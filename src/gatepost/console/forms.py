"""Forms about people, keys, workspaces and one's own account."""

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from gatepost.gateways.models import Gateway
from gatepost.workspaces.access import Caller
from gatepost.workspaces.keys import scopes_within
from gatepost.workspaces.models import Role
from gatepost.workspaces.permissions import WORDS, Right


def _text(label: str, *, help_text: str = "", required: bool = True, **attrs: str) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=100, required=required, help_text=help_text, widget=forms.TextInput(attrs=attrs)
    )


def _email(help_text: str = "") -> forms.EmailField:
    widget = forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    return forms.EmailField(label="E-mail address", help_text=help_text, widget=widget)


class PersonForm(forms.Form):
    """Who is to come into the workspace."""

    email = _email("Who has no account yet gets one, and you get a one-time link to hand over.")
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.SENDER)


class KeyForm(forms.Form):
    """A new API key. Only scopes that its maker has themselves are offered."""

    name = _text("What it is for", help_text="Such as Web shop or Nightly export.", autocomplete="off")
    scopes = forms.MultipleChoiceField(label="What it may do", widget=forms.CheckboxSelectMultiple)
    expires_on = forms.DateField(
        label="Last day",
        required=False,
        help_text="It ends after this day. Empty: it holds until somebody revokes it.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def __init__(self, asker: Caller, zone: ZoneInfo, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone = zone
        self.offered = [(scope, WORDS[Right(scope)]) for scope in scopes_within(asker)]
        field = self.fields["scopes"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = self.offered

    @property
    def expires_at(self) -> datetime | None:
        """The end of the last day in the reader's zone."""
        day = self.cleaned_data["expires_on"]
        return datetime.combine(day + timedelta(days=1), time(), self.zone) if day else None


class WorkspaceForm(forms.Form):
    """What everybody of the workspace shares."""

    name = _text("Name")
    default_country = forms.CharField(
        label="Default country",
        max_length=2,
        required=False,
        help_text="Two letters, such as PL: the country of numbers that are written without one. "
        "Empty: such numbers are refused.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    default_gateway: "forms.ModelChoiceField[Gateway]" = forms.ModelChoiceField(
        label="Default gateway",
        queryset=None,
        required=False,
        empty_label="None: every message names its gateway",
        help_text="It takes the messages that name no gateway.",
    )
    sending_enabled = forms.BooleanField(
        label="Send messages", required=False, help_text="Off: what is accepted waits as held until it is on again."
    )

    def __init__(self, asker: Caller, *args: Any, **kwargs: Any) -> None:
        workspace = asker.workspace
        kwargs["initial"] = {name: getattr(workspace, name) for name in self.base_fields}
        super().__init__(*args, **kwargs)
        field = self.fields["default_gateway"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = workspace.gateways.order_by("name")
        if not asker.has(Right.WORKSPACE_WRITE):
            for each in self.fields.values():
                each.disabled = True


class NewWorkspaceForm(forms.Form):
    """A new tenant."""

    name = _text("Name", help_text="A company, a team, a customer: what it holds is invisible to the others.")
    default_country = forms.CharField(
        label="Default country", max_length=2, required=False, help_text="Two letters, such as PL. It can wait."
    )


class NameForm(forms.Form):
    """How others see one."""

    name = _text("Name", required=False, autocomplete="name")


class NewUserForm(forms.Form):
    """An account in no workspace yet."""

    email = _email("You get a one-time link to hand over; owners put the person into workspaces under People.")
    name = _text("Name", required=False, autocomplete="off")


class UserForm(forms.Form):
    """What an administrator may change of an account."""

    email = _email("The person signs in with it.")
    name = _text("Name", required=False, autocomplete="off")
    is_active = forms.BooleanField(
        label="May sign in", required=False, help_text="Off: every session ends, and no link works."
    )
    is_administrator = forms.BooleanField(
        label="Administers the installation",
        required=False,
        help_text="Every right in every workspace, and the pages Workspaces and Users.",
    )
