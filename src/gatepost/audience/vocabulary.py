"""What a workspace calls things: its custom fields, and the names of its plans, partners, locations, lists and tags."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from django.conf import settings
from django.db import connection

from gatepost.audience.models import CustomField, Label, Location, Partner, TariffPlan
from gatepost.audience.words import fold
from gatepost.workspaces.models import Workspace

MOST_NAMES: Final = 2000
"""So many plans, partners, locations, lists or tags a workspace may have, so that a column that was taken for another
cannot fill the choice of a filter with a million names."""
LONGEST_NAME: Final = 100

NAMED: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = MappingProxyType(
    {
        "location": ("location", {}),
        "partner": ("partner", {}),
        "plans": ("tariff_plan", {"kind": TariffPlan.Kind.CUSTOM.value}),
        "lists": ("contact_label", {"kind": Label.Kind.LIST.value}),
        "tags": ("contact_label", {"kind": Label.Kind.TAG.value}),
    }
)
"""Fields of a contact whose values are names of an editable list: its table, and what a new entry is given."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`names[field]`: folded name -> number, for each field of NAMED."""

    workspace_id: int
    default_country: str
    custom: Mapping[str, CustomField]
    names: Mapping[str, dict[str, int]] = field(repr=False)

    def find(self, name: str, value: str) -> int | None:
        """The number of the entry with that name."""
        return self.names[name].get(fold(value))

    def ids(self, name: str) -> frozenset[int]:
        return frozenset(self.names[name].values())

    def shown(self, name: str) -> dict[int, str]:
        """The names by number, as they are written."""
        return dict(_written(self.workspace_id, name))

    def add(self, name: str, wanted: Iterable[str]) -> None:
        """Make the entries that are missing, in the caller's transaction; those beyond MOST_NAMES are left out."""
        known = self.names[name]
        missing: dict[str, str] = {}
        for value in wanted:
            if (key := fold(value)) not in known:
                missing.setdefault(key, value)
        room = max(0, MOST_NAMES - len(known))
        table, fixed = NAMED[name]
        columns = ["workspace_id", "name", *fixed]
        values = [(self.workspace_id, value, *fixed.values()) for value in list(missing.values())[:room]]
        if not values:
            return
        parameters: list[Any] = [part for row in values for part in row]
        marks = ", ".join(["(" + ", ".join(["%s"] * len(columns)) + ")"] * len(values))
        with connection.cursor() as cursor:
            cursor.execute(
                f"insert into {table} ({', '.join(columns)}) values {marks} on conflict do nothing",  # noqa: S608 - ours
                parameters,
            )
        known.update({fold(written): pk for pk, written in _written(self.workspace_id, name)})


def load(workspace: Workspace) -> Vocabulary:
    """The vocabulary of the workspace as it is now."""
    return Vocabulary(
        workspace.pk,
        workspace.default_country or settings.CONFIG["DEFAULT_COUNTRY"],
        {one.key: one for one in CustomField.objects.filter(workspace=workspace)},
        {name: {fold(written): pk for pk, written in _written(workspace.pk, name)} for name in NAMED},
    )


def _written(workspace_id: int, name: str) -> list[tuple[int, str]]:
    rows = {
        "location": Location.objects.all(),
        "partner": Partner.objects.all(),
        "plans": TariffPlan.objects.all(),
        "lists": Label.objects.filter(kind=Label.Kind.LIST),
        "tags": Label.objects.filter(kind=Label.Kind.TAG),
    }[name]
    return list(rows.filter(workspace_id=workspace_id).values_list("pk", "name"))
