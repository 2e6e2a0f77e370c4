"""A campaign whose links are shortened: what was forecast is sent, and each recipient has a code of their own."""

import re

import pytest
from django.conf import settings
from django.urls import reverse
from tests.integration.campaigns.conftest import Office
from tests.support.tenants import ACTOR

from gatepost.campaigns import running, services
from gatepost.gateways.models import Gateway
from gatepost.gateways.services import create_gateway
from gatepost.links import services as links
from gatepost.links.models import MessageLink, ShortLink
from gatepost.messages.models import Message, Suppression
from gatepost.workspaces.models import Role

pytestmark = pytest.mark.django_db

LONG = "https://acme.example/offers/2026/november/a-very-long-address-of-an-offer?from=sms&to={{ login }}"
SHORT = re.compile(r"https://go\.acme\.example/s/([0-9A-Za-z]{9})")


@pytest.fixture
def linked(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setitem(settings.CONFIG, "PUBLIC_URL", "")
    links.set_base_url(office.workspace, "https://go.acme.example", actor=ACTOR)
    return office


def test_what_was_forecast_is_sent_with_a_code_for_each(linked: Office) -> None:
    people = linked.people(4)
    Suppression.objects.create(workspace=linked.workspace, digits=people[0].phone)
    row = linked.draft(text=f"Dear {{{{ first_name }}}}, {'x' * 80} {LONG}", shorten=True)
    forecast = linked.forecast(row)
    assert not ShortLink.objects.exists()
    row = linked.sent(row)
    texts = list(Message.objects.order_by("to_digits").values_list("body", flat=True))
    codes = [SHORT.findall(text)[0] for text in texts]
    assert len(set(codes)) == row.taken == 3
    assert forecast.segments == sum(Message.objects.values_list("segments", flat=True)) == 3
    assert set(ShortLink.objects.values_list("code", "contact_id")) == {
        (code, person.pk) for code, person in zip(codes, people[1:], strict=True)
    }
    assert [(use.recipients, use.clicks) for use in links.uses(linked.workspace, row.pk)] == [(1, 0)] * 3


def test_a_test_message_has_a_link_that_opens_and_is_not_counted(linked: Office) -> None:
    linked.people(1)
    row = linked.draft(text=f"See {LONG}", shorten=True)
    running.send_test(row, "+48 600 900 900", user=None, actor=ACTOR)
    [code] = SHORT.findall(Message.objects.get().body)
    assert ShortLink.objects.get().code == code
    assert links.uses(linked.workspace, row.pk) == []


def test_the_pages_offer_it_and_show_what_was_opened(linked: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    linked.people(2)
    sender = linked.console(Role.SENDER)
    row = linked.draft(text="See https://acme.example/offers", shorten=True)

    def shown(page: str) -> str:
        url = reverse(page, kwargs={"workspace": linked.workspace.pk, "campaign": row.pk})
        return sender.get(url, follow=True).content.decode()

    assert "Shorten links and count clicks" in shown("campaign-compose")
    linked.forecast(row)
    assert "shortens links itself" not in shown("campaign-check")
    with monkeypatch.context() as patch:
        patch.setattr(links, "shortens_itself", lambda slug, said: True)
        assert "the gateway Echo may take these messages and shortens links itself" in shown("campaign-check")
        assert services.shortener_of(row) is None
    linked.sent(row)
    ShortLink.objects.filter(code=ShortLink.objects.values("code")[:1]).update(clicks=3)
    page = shown("campaign")
    assert "https://acme.example/offers" in page
    assert "<strong>1</strong> of 2 recipients opened it (50 %), 3 clicks" in page


def test_links_stay_as_they_are_unless_that_is_wanted(linked: Office) -> None:
    linked.people(1)
    linked.sent(linked.draft(text="See https://acme.example/offers"))
    assert Message.objects.get().body == "See https://acme.example/offers"
    assert not ShortLink.objects.exists()


def test_a_sending_begins_as_its_gateway_is_set(linked: Office) -> None:
    new = reverse("campaign-new", kwargs={"workspace": linked.workspace.pk})
    sender = linked.console(Role.SENDER)

    def begins() -> list[bool]:
        drafts = (
            {},
            {"gateway": "Echo"},
            {"gateway": str(linked.gateway.pk)},
            {"shorten": False},
            {"send_to": "email"},
        )
        shown = sender.get(new).context["form"]["shorten"].value()
        return [bool(shown), *(linked.draft(**said).shorten for said in drafts)]

    assert begins() == [False] * 6
    Gateway.objects.update(shorten_links=True)
    assert begins() == [True, True, True, True, False, False]
    other = create_gateway([linked.workspace], "echo", "Other", {}, {}, actor=ACTOR)
    assert not linked.draft(gateway=other.name).shorten
    links.set_base_url(linked.workspace, "", actor=ACTOR)
    assert begins() == [False] * 6


def test_what_a_campaign_says_of_links_holds_whatever_its_gateway_says(linked: Office) -> None:
    Gateway.objects.update(shorten_links=True)
    linked.people(1)
    text = "See https://acme.example/offers/2026/november"
    linked.sent(linked.draft(text=text, shorten=False))
    assert Message.objects.get().body == text
    assert not MessageLink.objects.exists()


def test_without_an_address_the_campaign_says_what_to_do(linked: Office) -> None:
    links.set_base_url(linked.workspace, "", actor=ACTOR)
    [fault] = services.faults(linked.draft(text="See https://acme.example", shorten=True))
    assert (fault.field, fault.code) == ("shorten", "no_link_address")
