"""The forms of sending and of the log."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone
from django.utils.html import format_html

from gatepost.gateways.models import SenderId
from gatepost.messages.checks import MAX_CLIENT_REF, MAX_TAG, MAX_TEXT
from gatepost.messages.log import Filters
from gatepost.messages.models import Kind
from gatepost.messages.periods import PERIODS, between, day_span
from gatepost.messages.wishes import Snapshot, Wish
from gatepost.pages.zones import UTC as UTC_ZONE
from gatepost.pages.zones import named
from gatepost.rest.storable import LARGEST, as_id
from gatepost.sms.states import State, Word
from gatepost.workspaces.models import Workspace

PRIORITIES = (("normal", "Normal"), ("code", "One-time code: before all others"), ("bulk", "Bulk: after all others"))
DAYS = (MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2200, 1, 1)))


class ComposeForm(forms.Form):
    """One message as a person writes it. What is wrong with it is said by accepting, not here.

    `once` tells a repeated sending of the same form (a double click, a reload, a lost connection) from a new one.
    `zone` is the zone in which the form was shown, and so the one in which its time was written.
    """

    to = forms.CharField(label="To", max_length=40, required=False)
    text = forms.CharField(label="Text", max_length=MAX_TEXT, required=False, strip=False)
    sender = forms.ChoiceField(label="Sender ID", required=False)
    gateway = forms.ChoiceField(label="Gateway", required=False)
    send_at = forms.DateTimeField(label="Send at", required=False)
    priority = forms.ChoiceField(label="Priority", choices=PRIORITIES, required=False)
    tag = forms.CharField(label="Tag", max_length=MAX_TAG, required=False)
    client_ref = forms.CharField(label="Your reference", max_length=MAX_CLIENT_REF, required=False)
    zone = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput(attrs={"data-zone": True}))
    once = forms.CharField(required=False, max_length=40)

    def __init__(self, workspace: Workspace, snapshot: Snapshot, zone: ZoneInfo, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._choices("sender", sender_choices(workspace))
        self._choices("gateway", gateway_choices(snapshot))
        self.zone_in_use = named(self.data.get("zone", "")) if self.is_bound else zone
        self.initial = {"zone": self.zone_in_use.key, "once": secrets.token_urlsafe(16), **self.initial}
        self._describe(snapshot.default_country)

    def wish(self) -> Wish:
        """What is asked for; the form must be valid."""
        asked = self.cleaned_data
        return Wish(
            to=asked["to"],
            text=asked["text"],
            sender=asked["sender"],
            gateway=as_id(asked["gateway"]) or asked["gateway"],
            tag=asked["tag"],
            client_ref=asked["client_ref"] or None,
            priority=asked["priority"] or "normal",
            send_at=asked["send_at"],
        )

    def draft(self) -> Wish:
        """What can be read of it so far, for the count and the preview."""
        gateway = str(self.data.get("gateway", ""))
        return Wish(
            to=str(self.data.get("to", "")),
            text=self.written(),
            sender=str(self.data.get("sender", "")),
            gateway=as_id(gateway) or gateway,
            tag=str(self.data.get("tag", "")),
            priority=str(self.data.get("priority", "")) or "normal",
        )

    def written(self) -> str:
        """The text as it will be sent: browsers write every line end as two characters."""
        written = self.data.get("text", "") if self.is_bound else self.initial.get("text", "")
        return str(written).replace("\r\n", "\n")

    def clean_text(self) -> str:
        return self.written()

    def full_clean(self) -> None:
        with timezone.override(self.zone_in_use):
            super().full_clean()

    def clean_send_at(self) -> datetime | None:
        moment: datetime | None = self.cleaned_data["send_at"]
        try:
            return moment.astimezone(UTC) if moment else None
        except OverflowError:
            raise forms.ValidationError("There is no such time.") from None

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def _describe(self, default_country: str) -> None:
        without = f" Without one it is a number of {default_country}." if default_country else ""
        zone = format_html("<span data-zone-name>{}</span>", self.zone_in_use.key)
        helps = {
            "to": f"The number with its country code, such as +48 600 100 200.{without}",
            "send_at": format_html("In your time ({}). Empty: at once.", zone),
            "tag": "What the message is about, such as invoice; rules of routing can go by it.",
            "client_ref": "Any text by which you find the message again.",
        }
        widgets: Mapping[str, forms.Widget] = {
            "to": forms.TextInput(attrs={"type": "tel", "autocomplete": "off", "aria-required": "true"}),
            "text": forms.Textarea(attrs={"rows": 6, "aria-required": "true", "dir": "auto"}),
            "send_at": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
            "tag": forms.TextInput(attrs={"autocomplete": "off"}),
            "client_ref": forms.TextInput(attrs={"autocomplete": "off"}),
            "once": forms.TextInput(attrs={"hidden": True, "autocomplete": "off"}),
        }
        for name, text in helps.items():
            self.fields[name].help_text = text
        for name, widget in widgets.items():
            maxlength = self.fields[name].widget.attrs.get("maxlength")
            if maxlength and name != "text":
                widget.attrs["maxlength"] = maxlength
            widget.is_required = False
            self.fields[name].widget = widget


class LogForm(forms.Form):
    """Which messages of the log are shown; every field is optional."""

    period = forms.ChoiceField(label="Period", choices=PERIODS, required=False)
    since = forms.DateField(label="From", required=False, validators=DAYS)
    until = forms.DateField(label="To", required=False, validators=DAYS)
    word = forms.ChoiceField(label="State", required=False)
    kind = forms.ChoiceField(label="Type", required=False)
    gateway = forms.ChoiceField(label="Gateway", required=False)
    to = forms.CharField(label="Number", max_length=30, required=False)
    campaign = forms.IntegerField(min_value=1, max_value=LARGEST, required=False)

    def __init__(self, workspace: Workspace, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        choices: Mapping[str, list[tuple[str, str]]] = {
            "word": [*((word.value, word.value) for word in Word), (State.UNKNOWN.value, "In doubt")],
            "kind": [(str(value), str(label)) for value, label in Kind.choices],
            "gateway": [(str(gateway.pk), gateway.name) for gateway in workspace.gateways.order_by("name")],
        }
        offer(self, choices)
        self.fields["to"].widget = forms.TextInput(
            attrs={"type": "search", "maxlength": 30, "inputmode": "tel", "placeholder": "or its beginning"}
        )

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or self.cleaned_data
        since, until = asked.get("since"), asked.get("until")
        if asked.get("period") == "custom" and since and until and until < since:
            self.add_error("until", "This day lies before the first one.")
        return asked

    def filters(self, zone: ZoneInfo = UTC_ZONE) -> Filters:
        """What was asked for; a field that does not fit does not restrict. Days are those of `zone`."""
        self.is_valid()
        asked = self.cleaned_data
        if asked.get("period") == "custom":
            since, until = day_span(asked.get("since"), asked.get("until"), zone)
        else:
            since, until = between(asked.get("period", ""), datetime.now(zone))
        word = asked.get("word")
        is_in_doubt = word == State.UNKNOWN.value
        return Filters(
            word=Word(word) if word and not is_in_doubt else None,
            states=(State.UNKNOWN,) if is_in_doubt else (),
            kind=asked.get("kind", ""),
            gateway_id=int(asked["gateway"]) if asked.get("gateway") else None,
            to=asked.get("to", ""),
            campaign_id=asked.get("campaign"),
            since=since,
            until=until,
        )

    @property
    def is_asking(self) -> bool:
        """Whether anything is to be left out."""
        return any(value not in (None, "") for value in self.cleaned_data.values())


def sender_choices(workspace: Workspace) -> list[tuple[str, str]]:
    """The approved sender IDs, each once; the choice of nothing is explained by the preview."""
    approved = SenderId.objects.filter(workspace=workspace, status=SenderId.Status.APPROVED)
    only_for: dict[str, list[str]] = {}
    for row in approved.select_related("gateway").order_by("sender"):
        only_for.setdefault(row.sender, []).append(row.gateway.name if row.gateway else "")
    named = [(sender, _sender_label(sender, gateways)) for sender, gateways in only_for.items()]
    return [("", "The default"), *named]


def gateway_choices(snapshot: Snapshot) -> list[tuple[str, str]]:
    """The gateways that may be chosen; without a choice it is the default one."""
    default = snapshot.gateways.get(snapshot.default_gateway_id or 0)
    if default is None and len(snapshot.gateways) == 1:
        default = next(iter(snapshot.gateways.values()))
    first = f"The default ({default.name})" if default else "The default (none is set)"
    if snapshot.rules:
        first = "As the rules say"
    named = sorted((gateway.name, str(gateway.id)) for gateway in snapshot.gateways.values() if not gateway.is_draining)
    return [("", first), *((key, name) for name, key in named)]


def _sender_label(sender: str, gateways: list[str]) -> str:
    return sender if "" in gateways else f"{sender} (for {', '.join(gateways)})"


def offer(form: forms.Form, choices: Mapping[str, Sequence[tuple[str, str]]]) -> None:
    """What the filters of a list may be, and the days of a period of one's own."""
    for name, values in choices.items():
        field = form.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "Any"), *values]
    for name in ("since", "until"):
        attributes = {"type": "date", "data-when": "period", "data-when-values": "custom"}
        form.fields[name].widget = forms.DateInput(attrs=attributes, format="%Y-%m-%d")
