"""The form of a rule: lists are written as people write them, one value per line or separated by commas."""

import re
from datetime import time
from typing import Any, Final

from django import forms

from gatepost.gateways.models import Gateway
from gatepost.rest.storable import as_id
from gatepost.routing.models import RouteRule
from gatepost.routing.rules import PURPOSES, WEEKDAYS
from gatepost.routing.services import MAX_WEIGHT
from gatepost.workspaces.models import Workspace

WEIGHT: Final = "weight_"
LISTS: Final = ("prefixes", "countries", "senders", "tags")
MAX_LIST: Final = 10_000


def _list(label: str, help_text: str) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "class": "mono"})
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=MAX_LIST, widget=widget)


class RuleForm(forms.Form):
    """Which messages, and the weight of each gateway: none is written for those that the rule does not lead to."""

    name = forms.CharField(label="Name", max_length=100, help_text="Shown with each message that the rule chose for.")
    is_enabled = forms.BooleanField(label="Enabled", required=False, initial=True)
    prefixes = _list("Numbers that begin with", "Such as +48 or +4860; one per line or separated by commas.")
    countries = _list("Countries of the number", "Two letters each, such as PL, DE.")
    senders = _list("Sender IDs", "What the message asks for, else the workspace's default.")
    tags = _list("Tags", "The words that messages are given when they are sent.")
    purposes = forms.MultipleChoiceField(
        label="Purpose", required=False, choices=list(PURPOSES.items()), widget=forms.CheckboxSelectMultiple
    )
    campaigns = forms.CharField(label="Campaigns", required=False, max_length=MAX_LIST, help_text="Their numbers.")
    weekdays = forms.TypedMultipleChoiceField(
        label="Weekdays",
        required=False,
        coerce=int,
        choices=list(enumerate(WEEKDAYS)),
        widget=forms.CheckboxSelectMultiple,
    )
    starts = forms.TimeField(label="From", required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    ends = forms.TimeField(
        label="Until",
        required=False,
        help_text="Before the start: on the next day.",
        widget=forms.TimeInput(attrs={"type": "time"}),
    )
    zone = forms.CharField(label="Time zone", max_length=60, help_text="Such as Europe/Warsaw.")
    workspaces = forms.TypedMultipleChoiceField(
        label="Workspaces",
        required=False,
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: all of them.",
    )
    only_these = forms.BooleanField(
        label="Only these gateways",
        required=False,
        help_text="Where none of them takes a message, no rule and no default after this one is asked.",
    )

    def __init__(
        self, gateways: list[Gateway], rule: RouteRule | None, zone: str, data: Any = None, *, everywhere: bool = False
    ) -> None:
        super().__init__(data, initial=_initial(rule) if rule else {"zone": zone})
        self.gateways = gateways
        if everywhere:
            field = self.fields["workspaces"]
            assert isinstance(field, forms.ChoiceField)
            field.choices = list(Workspace.objects.order_by("name").values_list("pk", "name"))
        else:
            del self.fields["workspaces"]
        weights = {target.gateway_id: target.weight for target in rule.targets.all()} if rule else {}
        for gateway in gateways:
            field = forms.IntegerField(
                label=gateway.name,
                required=False,
                min_value=0,
                max_value=MAX_WEIGHT,
                initial=weights.get(gateway.pk),
            )
            self.fields[f"{WEIGHT}{gateway.pk}"] = field

    @property
    def weights(self) -> list[forms.BoundField]:
        """One field per gateway."""
        return [self[f"{WEIGHT}{gateway.pk}"] for gateway in self.gateways]

    @property
    def has_conditions(self) -> bool:
        """Whether a part of the form that is folded away holds something."""
        names = ("campaigns", "weekdays", "starts", "ends", "purposes", "workspaces")
        return any(self[name].value() or self[name].errors for name in names if name in self.fields)

    def values(self) -> dict[str, Any]:
        """What services take; the form must be valid."""
        asked = self.cleaned_data
        plain = ("name", "is_enabled", "purposes", "weekdays", "starts", "ends", "zone", "only_these", "workspaces")
        targets = [(gateway.pk, asked[f"{WEIGHT}{gateway.pk}"]) for gateway in self.gateways]
        return {
            **{name: asked[name] for name in plain if name in asked},
            **{name: _values(asked[name]) for name in LISTS},
            "campaigns": asked["campaigns"],
            "targets": [(gateway_id, weight) for gateway_id, weight in targets if weight is not None],
        }

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or self.cleaned_data
        if not any(asked.get(f"{WEIGHT}{gateway.pk}") for gateway in self.gateways):
            self.add_error(None, "Give at least one gateway a weight above 0.")
        return asked

    def clean_campaigns(self) -> list[int]:
        numbers = [as_id(value) for value in _values(self.cleaned_data["campaigns"])]
        if None in numbers:
            raise forms.ValidationError("Write the numbers of campaigns, such as 12, 15.")
        return [number for number in numbers if number]


def _values(text: str) -> list[str]:
    return [value.strip() for value in re.split(r"[,\n]", text) if value.strip()]


def _initial(rule: RouteRule) -> dict[str, Any]:
    return {
        **{name: ", ".join(getattr(rule, name)) for name in ("countries", "senders", "tags")},
        "prefixes": ", ".join(f"+{prefix}" for prefix in rule.prefixes),
        "campaigns": ", ".join(map(str, rule.campaigns)),
        **{name: getattr(rule, name) for name in ("name", "is_enabled", "only_these", "purposes", "weekdays", "zone")},
        "starts": _clock(rule.starts),
        "ends": _clock(rule.ends),
        "workspaces": [workspace.pk for workspace in rule.workspaces.all()],
    }


def _clock(value: time | None) -> str:
    return f"{value:%H:%M}" if value else ""
