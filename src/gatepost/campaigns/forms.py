"""The forms of mass sending and of the history."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone

from gatepost.audience.models import Document, Segment
from gatepost.audience.models import Kind as ContactKind
from gatepost.campaigns.history import Wanted
from gatepost.campaigns.models import Campaign
from gatepost.campaigns.words import CampaignWord, states_of
from gatepost.channels.base import CHANNELS
from gatepost.links import services as links
from gatepost.messages.checks import MAX_TAG
from gatepost.messages.forms import DAYS, gateway_choices, offer, sender_choices
from gatepost.messages.models import Kind
from gatepost.messages.periods import PERIODS, between, day_span
from gatepost.messages.wishes import Snapshot
from gatepost.problems import Fault
from gatepost.sms.states import State, Word
from gatepost.texts.language import LONGEST_TEXT
from gatepost.texts.models import Missing
from gatepost.texts.services import LONGEST_DEFAULT, LONGEST_SUBJECT
from gatepost.workspaces.models import Workspace

PRIORITIES: Final = (("bulk", "Bulk: after all others"), ("normal", "Normal: with the single messages"))
MINUTES: Final = "%Y-%m-%dT%H:%M"
"""How browsers write a moment."""
KINDS: Final = ((ContactKind.CUSTOMER.value, "Customers"), (ContactKind.LEAD.value, "Leads"))
MAIL: Final = "email|portal|portal_email"
LEFT_OUT: Final = "left-out"
EXACTLY: Final = "exactly-"
"""Before a state, which may be called like a reason for leaving somebody out."""
_ALWAYS: Final = ("recipient_kind", "send_to", "missing", "schedule", "priority")
"""What always has a value; a form that lacks it does not say that there is none."""
_WHEN: Final[Mapping[str, tuple[str, str]]] = {
    "to_billing": ("send_to", "email|portal_email"),
    "subject": ("send_to", MAIL),
    "sender": ("send_to", "sms"),
    "shorten": ("send_to", "sms|email|portal_email"),
    "default": ("missing", "default"),
    "send_at": ("schedule", "at|local"),
    "time_zone": ("schedule", "at|local"),
}
"""Which field makes sense with which values of another."""


class WrittenField(forms.CharField):
    """Text of several lines. Browsers send every line end as two characters; it is counted and kept as one."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


def _day_input() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class ComposeForm(forms.Form):
    """A mass sending but for its people (people.py). What is wrong with it is said when it is checked, not here."""

    name = forms.CharField(label="Name", max_length=150, required=False, help_text="For the history alone.")
    recipient_kind = forms.ChoiceField(label="Recipients", choices=KINDS, required=False)
    segment = forms.ChoiceField(label="Segment", required=False)
    send_to = forms.ChoiceField(label="Send to", choices=Campaign.SendTo.choices, required=False)
    to_billing = forms.BooleanField(label="Send to billing e-mail only", required=False)
    subject = forms.CharField(label="Subject", max_length=LONGEST_SUBJECT, required=False)
    text = WrittenField(
        label="Message",
        max_length=LONGEST_TEXT,
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 7, "dir": "auto", "aria-required": "true"}),
    )
    missing = forms.ChoiceField(label="Where a value is missing", choices=Missing.choices, required=False)
    default = forms.CharField(label="Write instead", max_length=LONGEST_DEFAULT, required=False)
    document_kinds = forms.MultipleChoiceField(
        label="Attach financial documents",
        choices=Document.Kind.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="An SMS carries none; with it they only say who is meant, by the last box.",
    )
    document_from = forms.DateField(label="Documents from", required=False, validators=DAYS, widget=_day_input())
    document_until = forms.DateField(label="Documents to", required=False, validators=DAYS, widget=_day_input())
    only_with_documents = forms.BooleanField(label="Send only to those who have such documents", required=False)
    gateway = forms.ChoiceField(label="Gateway", required=False)
    sender = forms.ChoiceField(label="Sender ID", required=False)
    schedule = forms.ChoiceField(label="When", choices=Campaign.Schedule.choices, required=False)
    send_at = forms.DateTimeField(
        label="Day and time",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MINUTES),
    )
    time_zone = forms.CharField(
        label="Time zone",
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off", "spellcheck": "false"}),
        help_text="Such as Europe/Warsaw; at the recipient's local time it is that of people without one.",
    )
    priority = forms.ChoiceField(label="Priority", choices=PRIORITIES, required=False)
    tag = forms.CharField(label="Tag", max_length=MAX_TAG, required=False, help_text="Rules of routing can go by it.")
    shorten = forms.BooleanField(
        label="Shorten links and count clicks",
        required=False,
        help_text="Each recipient gets a code of their own; the count of segments includes it.",
    )

    def __init__(
        self, workspace: Workspace, snapshot: Snapshot, *args: Any, kept: Campaign | None = None, **more: Any
    ) -> None:
        """`kept`: the draft that is shown. What it names stays a choice where it is gone, so that nobody who changes
        something else drops it unseen: without its segment a sending is for everybody."""
        super().__init__(*args, **more)
        segments = [(str(pk), name) for pk, name in _segments(workspace)]
        self._choices("segment", [("", "None"), *segments], kept and kept.segment_id)
        self._choices("gateway", gateway_choices(snapshot), kept and kept.gateway)
        self._choices("sender", sender_choices(workspace), kept and kept.sender)
        for name, (other, values) in _WHEN.items():
            self.fields[name].widget.attrs |= {"data-when": other, "data-when-values": values}
        shortening = sorted(links.choices_that_shorten(workspace))
        self.fields["shorten"].widget.attrs["data-on-with"] = json.dumps(shortening)

    def full_clean(self) -> None:
        with timezone.override(UTC):
            super().full_clean()

    def clean_send_at(self) -> datetime | None:
        """What a clock shows; of which zone, the campaign knows."""
        moment: datetime | None = self.cleaned_data["send_at"]
        return moment.replace(tzinfo=None) if moment else None

    def said(self) -> dict[str, Any]:
        """What was written, by the names of fields.FIELDS; what does not fit the form is left out (see `unfit`)."""
        self.is_valid()
        said = {name: value for name, value in self.cleaned_data.items() if name not in _ALWAYS or value}
        segment = said.pop("segment", None)
        return said | ({"segment_id": int(segment) if segment else None} if segment is not None else {})

    def unfit(self) -> list[Fault]:
        """What was left out, and why."""
        return [
            Fault(name, "unfit", f"{self.fields[name].label}: {' '.join(map(str, errors))}")
            for name, errors in self.errors.items()
        ]

    def _choices(self, name: str, choices: list[tuple[str, str]], kept: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        value = str(kept or "")
        is_there = value in (one for one, _ in choices)
        field.choices = choices if is_there else [*choices, (value, f"Chosen before: {value}")]


def _segments(workspace: Workspace) -> Iterable[tuple[int, str]]:
    return Segment.objects.filter(workspace=workspace).values_list("pk", "name")


def initial_of(campaign: Campaign, zone: ZoneInfo) -> dict[str, Any]:
    """The draft as the form shows it; `zone`: of the reader, where none was chosen."""
    said = {name: getattr(campaign, name) for name in ComposeForm.base_fields if name != "segment"}
    return said | {"segment": campaign.segment_id or "", "time_zone": campaign.time_zone or zone.key}


class TestForm(forms.Form):
    """To whom a test goes."""

    address = forms.CharField(label="Number or e-mail", max_length=254)


class RecipientsForm(forms.Form):
    """Which recipients of a campaign are shown; both fields are optional."""

    q = forms.CharField(label="Search", max_length=200, required=False)
    word = forms.ChoiceField(label="State", required=False)

    def __init__(self, reasons: Iterable[tuple[str, str]], *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        words = [(word.value, word.value) for word in Word]
        states = [(f"{EXACTLY}{state}", state.capitalize()) for state in State]
        left_out = [(LEFT_OUT, "All who were left out"), *reasons]
        field = self.fields["word"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "Any"), ("Sent to", words), ("Sent to, exactly", states), ("Left out", left_out)]
        self.fields["q"].widget = forms.TextInput(
            attrs={"type": "search", "maxlength": 200, "placeholder": "Name, number, address"}
        )

    def wanted(self) -> dict[str, Any]:
        """What was chosen, as history.recipients takes it; a choice that does not fit does not restrict."""
        self.is_valid()
        chosen = self.cleaned_data.get("word", "")
        found: dict[str, Any] = {"query": self.cleaned_data.get("q", "")}
        if not chosen:
            return found
        if chosen in Word.__members__.values():
            return found | {"states": states_of([Word(chosen)])}
        if chosen.startswith(EXACTLY):
            return found | {"states": (State(chosen.removeprefix(EXACTLY)),)}
        return found | {"excluded": True, "reason": "" if chosen == LEFT_OUT else chosen}

    @property
    def is_asking(self) -> bool:
        """Whether anybody is to be left out."""
        return any(self.cleaned_data.values())


class HistoryForm(forms.Form):
    """Which sendings are shown; every field is optional."""

    q = forms.CharField(label="Search", max_length=200, required=False)
    period = forms.ChoiceField(label="Period", choices=PERIODS, required=False)
    since = forms.DateField(label="From", required=False, validators=DAYS)
    until = forms.DateField(label="To", required=False, validators=DAYS)
    status = forms.ChoiceField(label="Status", required=False)
    channel = forms.ChoiceField(label="Channel", required=False)
    kind = forms.ChoiceField(label="Type", required=False)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        choices: Mapping[str, list[tuple[str, str]]] = {
            "status": [(word.value, word.value) for word in CampaignWord],
            "channel": [(name, channel.label) for name, channel in CHANNELS.items()],
            "kind": [(str(value), str(label)) for value, label in Kind.choices],
        }
        offer(self, choices)
        self.fields["q"].widget = forms.TextInput(
            attrs={"type": "search", "maxlength": 200, "placeholder": "Name, subject, text, number"}
        )

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or self.cleaned_data
        since, until = asked.get("since"), asked.get("until")
        if asked.get("period") == "custom" and since and until and until < since:
            self.add_error("until", "This day lies before the first one.")
        return asked

    def wanted(self, zone: ZoneInfo) -> Wanted:
        """What was asked for; a field that does not fit does not restrict. Days are those of `zone`."""
        self.is_valid()
        asked = self.cleaned_data
        period = asked.get("period", "")
        since, until = between(period, datetime.now(zone))
        if period == "custom":
            since, until = day_span(asked.get("since"), asked.get("until"), zone)
        return Wanted(
            word=CampaignWord(asked["status"]) if asked.get("status") else None,
            channel=asked.get("channel", ""),
            kind=asked.get("kind", ""),
            query=asked.get("q", ""),
            since=since,
            until=until,
        )

    @property
    def is_asking(self) -> bool:
        """Whether anything is to be left out."""
        return any(value not in (None, "") for value in self.cleaned_data.values())
