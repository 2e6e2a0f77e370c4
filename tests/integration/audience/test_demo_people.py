"""The demo: its people, believable and found by filters as plain Python finds them, and what it has behind it."""

import pytest
from tests.integration.audience.test_import import Uninterrupted
from tests.support import people_oracle
from tests.support.tenants import ACTOR, tenant

from gatepost.audience import importing
from gatepost.audience.filters import matching
from gatepost.audience.models import Contact, Document, Import, Segment
from gatepost.audience.vocabulary import load
from gatepost.campaigns import watching
from gatepost.campaigns.models import Campaign, Price
from gatepost.channels.models import Mail
from gatepost.cli import demo_channels, demo_past, demo_people, demo_texts
from gatepost.sms.msisdn import parse
from gatepost.texts.models import Template
from gatepost.texts.preview import Wanted, preview

pytestmark = pytest.mark.django_db


def test_the_demo_has_its_people_at_once() -> None:
    owner = tenant("Demo")
    demo_people.fill(owner.workspace, actor=ACTOR)
    everybody = list(Contact.objects.filter(workspace=owner.workspace))
    assert len(everybody) == demo_people.COUNT
    numbers = [number for one in everybody for number in one.phones]
    assert len(numbers) == len(set(numbers)) == demo_people.COUNT * 24 / 25
    assert all(parse(f"+{number}") == number for number in numbers)
    assert all(number.startswith(("447700900", "3363998", "12025550")) for number in numbers)
    assert {one.kind for one in everybody} == {"customer", "lead"}
    assert len({one.language for one in everybody}) == 7
    assert Document.objects.count() == demo_people.DOCUMENTS

    vocabulary = load(owner.workspace)
    names = {name: vocabulary.shown(name) for name in ("location", "partner", "plans", "lists", "tags")}
    for segment in Segment.objects.all():
        found = set(matching(owner.workspace, segment.filter).values_list("pk", flat=True))
        assert found == people_oracle.people(everybody, names, segment.filter)
        assert 0 < len(found) < demo_people.COUNT

    demo_texts.fill(owner.workspace, actor=ACTOR)
    assert {row.channel for row in Template.objects.all()} == {"sms", "email", "portal"}
    for row in Template.objects.all():
        wanted = Wanted(row.channel, row.subject, row.body, row.missing, row.default)
        shown = [preview(vocabulary, wanted, one) for one in everybody[:60]]
        assert not any(one.fault or one.faults for one in shown)
        assert sum(not one.gets_nothing for one in shown) > 40


def test_the_demo_has_prices_an_import_and_a_mail_to_many() -> None:
    owner = tenant("Demo")
    demo_people.fill(owner.workspace, actor=ACTOR)
    demo_channels.fill(owner.workspace, 9, actor=ACTOR)
    demo_past.fill(owner.workspace, actor=ACTOR)
    assert Price.objects.count() == len(demo_past.PRICES)
    importing.run(Uninterrupted(), Import.objects.get().pk)  # type: ignore[arg-type]
    row = Import.objects.get()
    assert (row.state, row.created, row.failed) == ("done", 0, 1)
    assert row.updated + row.unchanged == demo_past.ROUTERS - 1
    campaign = Campaign.objects.get()
    watching.run(campaign.pk)
    counted = watching.progress(Campaign.objects.get())
    assert counted.states == watching.progress(campaign).states
    assert 0 < counted.failed < counted.done == campaign.taken == Mail.objects.count()
    assert not Mail.objects.filter(state="queued").exists()
