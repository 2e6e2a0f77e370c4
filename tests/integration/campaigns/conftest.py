"""A workspace with a gateway and people to write to, and jobs that run at once."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from procrastinate.exceptions import JobAborted
from tests.support.echo import PROVIDERS
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost.audience import contacts
from gatepost.audience.models import Contact
from gatepost.campaigns import expanding, planning, running, services
from gatepost.campaigns.models import Campaign
from gatepost.campaigns.planning import Forecast
from gatepost.gateways.models import Gateway
from gatepost.gateways.services import create_gateway
from gatepost.providers import registry

TEXT = "Dear {{ first_name }}, tonight we work on the network."


class Uninterrupted:
    """A job's surroundings in which nothing happens."""

    is_last_attempt = True

    def check(self) -> None:
        return


class Killed(Uninterrupted):
    """Surroundings that end the job at its second step, whichever attempt it is."""

    def __init__(self) -> None:
        self.steps = 0

    def check(self) -> None:
        self.steps += 1
        if self.steps > 1:
            raise JobAborted


@dataclass(frozen=True)
class Office(Tenant):
    """The workspace of a sender."""

    gateway: Gateway = field(kw_only=True)

    def people(self, count: int, **more: Any) -> list[Contact]:
        """So many customers with numbers of their own."""
        before = Contact.objects.count()
        return [
            contacts.create(
                self.workspace,
                {"full_name": f"Person{n} Last", "login": f"p{n}", "phones": [f"+48600{n:06}"]} | more,
                actor=ACTOR,
            )
            for n in range(before, before + count)
        ]

    def draft(self, **values: Any) -> Campaign:
        return services.create(self.workspace, {"name": "Works", "text": TEXT} | values, actor=ACTOR)

    def forecast(self, row: Campaign) -> Forecast:
        """What sending it would do, worked out now."""
        planning.ask(row, anew=True)
        planning.run(Uninterrupted(), row.pk, row.version)  # type: ignore[arg-type]
        found = planning.current(row)
        assert found is not None
        return found

    def sent(self, row: Campaign, **how: Any) -> Campaign:
        """It is sent, and expanded without waiting."""
        self.forecast(row)
        running.send(row, actor=ACTOR, **({"count": services.people(row).count()} | how))
        return self.expanded(row)

    def expanded(self, row: Campaign) -> Campaign:
        Campaign.objects.filter(pk=row.pk).update(starts_at="2026-01-01T00:00Z")
        expanding.run(Uninterrupted(), row.pk)  # type: ignore[arg-type]
        row.refresh_from_db()
        return row


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Office:
    monkeypatch.setattr(registry, "all_providers", lambda: PROVIDERS)
    monkeypatch.setattr(settings, "FILES_DIR", tmp_path / "files")
    made = tenant("Office")
    made.workspace.default_country = "PL"
    gateway = create_gateway([made.workspace], "echo", "Echo", {}, {}, actor=ACTOR)
    made.workspace.default_gateway = gateway
    made.workspace.save()
    return Office(made.workspace, gateway=gateway)
