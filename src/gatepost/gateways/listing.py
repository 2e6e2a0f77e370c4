"""The table of gateways: what is shown of each besides its name."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from gatepost.gateways import access, services
from gatepost.gateways.balance import last_readings
from gatepost.gateways.evidence import Health, health_of
from gatepost.gateways.models import BalanceReading, Gateway
from gatepost.gateways.settings import provider_of
from gatepost.workspaces.access import Caller

EXPIRES_SOON: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Status:
    """A word about the gateway; `detail` says more."""

    words: str
    tone: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SecretState:
    """A secret by its title: when it was set, None where it is missing."""

    title: str
    set_at: datetime | None


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    gateway: Gateway
    provider_label: str
    monogram: str
    identifier: str
    secrets: list[SecretState]
    statuses: list[Status]
    health: Health
    balance: BalanceReading | None
    is_default: bool
    may_change: bool


@dataclass(frozen=True, slots=True)
class OtherRow:
    """A line of the table that is no SMS gateway. `make_default`, `edit` and `delete` are paths, empty where the asker
    may not or there is nothing to do; `waiting`: messages in its queue."""

    kind: str
    number: int
    name: str
    label: str
    monogram: str
    page: str
    identifier: str
    secrets: Sequence[SecretState]
    statuses: Sequence[Status]
    waiting: int
    is_default: bool
    make_default: str
    edit: str
    delete: str


@dataclass(frozen=True, slots=True)
class Others:
    """What another slice has to list among the gateways; `add` is the path of adding one, with its words."""

    rows: Sequence[OtherRow]
    add: str
    add_words: str


_OTHERS: Final[list[Callable[[Caller], Others]]] = []


def register(source: Callable[[Caller], Others]) -> None:
    """Called once by each slice above that has accounts of another kind (from its AppConfig.ready)."""
    _OTHERS.append(source)


def others(asker: Caller) -> list[Others]:
    """What the slices above list among the gateways."""
    return [source(asker) for source in _OTHERS]


def rows(asker: Caller) -> list[Row]:
    """The gateways of the workspace, the oldest first, so that their order does not change."""
    gateways = list(access.own(asker).order_by("pk"))
    ids = [gateway.pk for gateway in gateways]
    health, balances = health_of(asker.workspace.pk, ids), last_readings(ids)
    return [_row(asker, gateway, health[gateway.pk], balances.get(gateway.pk)) for gateway in gateways]


def monogram(label: str) -> str:
    """Two letters that stand for a provider: of its first two words, or of its only one."""
    words = [word for word in label.replace("-", " ").split() if word[0].isalnum()]
    letters = words[0][0] + words[1][0] if len(words) > 1 else label[:2]
    return letters.upper()


def secrets_of(gateway: Gateway) -> list[SecretState]:
    """Each secret that the gateway needs under its settings or has, with the day it was set; never its value."""
    manifest = provider_of(gateway.provider).manifest
    settings = services.shown_settings(gateway)
    titles = {field.name: field for field in manifest.fields if field.secret}
    return [
        SecretState(titles[name].title, set_at)
        for name, (set_at, _) in services.secret_states(gateway).items()
        if set_at or (titles[name].required and titles[name].applies(settings))
    ]


def statuses(gateway: Gateway) -> Iterator[Status]:
    """Whether it is used at all, what stops it, and what will."""
    yield Status("Active", "good") if gateway.is_active else Status("Inactive", "calm", "never chosen for new messages")
    if gateway.paused_at:
        yield Status("Paused", "bad", gateway.paused_reason)
    if gateway.slowed_to is not None:
        yield Status("Slowed", "warn", f"to {gateway.slowed_to:g} a second, because the provider asked for less")
    if gateway.is_draining:
        yield Status("Draining", "warn", "takes no new messages, finishes its queue")
    if not gateway.sending_enabled:
        yield Status("Sending off", "warn", "messages wait as held")
    for name, end in services.certificate_expiries(gateway).items():
        title = next(f.title for f in provider_of(gateway.provider).manifest.fields if f.name == name)
        if end <= timezone.now():
            yield Status("Certificate ran out", "bad", f"{title}: {end:%Y-%m-%d}")
        elif end <= timezone.now() + EXPIRES_SOON:
            yield Status("Certificate runs out", "warn", f"{title}: {end:%Y-%m-%d}")


def identifier_of(gateway: Gateway) -> str:
    """What tells accounts of one provider apart: user name, SID, service ID."""
    field = provider_of(gateway.provider).manifest.identifier
    return str(gateway.settings.get(field.name) or "") if field else ""


def _row(asker: Caller, gateway: Gateway, health: Health, balance: BalanceReading | None) -> Row:
    label = provider_of(gateway.provider).manifest.label
    return Row(
        gateway=gateway,
        provider_label=label,
        monogram=monogram(label),
        identifier=identifier_of(gateway),
        secrets=secrets_of(gateway),
        statuses=list(statuses(gateway)),
        health=health,
        balance=balance,
        is_default=asker.workspace.default_gateway_id == gateway.pk,
        may_change=access.may_change(asker, gateway),
    )
