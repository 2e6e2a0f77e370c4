"""The dashboard's figures."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from tests.support.tenants import Tenant, tenant

from gatepost.console import dashboard
from gatepost.messages.models import Message
from gatepost.sms.ids import IdSource
from gatepost.sms.states import Word

pytestmark = pytest.mark.django_db
IDS = IdSource(1)


@pytest.fixture
def north() -> Tenant:
    return tenant("North")


def send(north: Tenant, states: dict[str, int]) -> None:
    for state, count in states.items():
        for message_id in IDS.take(count):
            Message.objects.create(
                pk=message_id,
                workspace=north.workspace,
                state=state,
                expires_at=timezone.now() + timedelta(days=1),
                to_digits="48600100200",
                body="hello",
                encoding="gsm7",
                segments=1,
            )


def test_messages_are_counted_by_word(north: Tenant) -> None:
    send(north, {"delivered": 3, "undelivered": 2, "queued": 1})
    send(tenant("South"), {"delivered": 5})
    seen = dashboard.figures(north.workspace, timezone.now())
    assert (seen.total, seen.delivered, seen.in_trouble) == (6, 3, 2)
    assert sum(hour.total for hour in seen.hours) == 6
    assert seen.counts[Word.NEW] == 1


def test_few_messages_are_counted_at_each_look(north: Tenant) -> None:
    send(north, {"delivered": 3})
    assert dashboard.figures(north.workspace, timezone.now()).total == 3
    send(north, {"delivered": 1})
    assert dashboard.figures(north.workspace, timezone.now()).total == 4


def test_many_messages_are_not(north: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "COUNTED_IN_A_SECOND", 2)
    send(north, {"delivered": 200})
    first = dashboard.figures(north.workspace, timezone.now())
    send(north, {"delivered": 1})
    assert dashboard.figures(north.workspace, timezone.now()) == first
    cache.clear()
    assert dashboard.figures(north.workspace, timezone.now()).total == 201
