"""The pages of contacts: nothing that was chosen is lost, nothing is beyond reach, and no input brings them down."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries
from tests.support.filled_in import filled_in
from tests.support.tenants import ACTOR, Tenant

from gatepost import urls
from gatepost.audience import contacts, entries, importing, segments, timeline
from gatepost.audience.models import Contact
from gatepost.audience.views_registers import PER_PAGE, SEGMENTS_PER_PAGE
from gatepost.campaigns import services as campaigns
from gatepost.messages.models import Message
from gatepost.workspaces.models import Role

pytestmark = pytest.mark.django_db
assert urls.urlpatterns, "importing them declares the pages"

START = datetime(2026, 1, 1, tzinfo=UTC)
ANNA = {"full_name": "Anna Nowak", "phones": ["+48600100200"], "email": "anna@ex.pl"}


@pytest.fixture
def sender(north: Tenant) -> Client:
    return north.console(Role.SENDER)


@pytest.fixture
def anna(north: Tenant) -> Contact:
    return contacts.create(north.workspace, ANNA, actor=ACTOR)


def at(owner: Tenant, name: str, **parts: Any) -> str:
    return reverse(name, kwargs={"workspace": owner.workspace.pk, **parts})


def words(answer: Any) -> str:
    """What can be read on the page."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def written_to(contact: Contact, count: int) -> None:
    """So many messages to the contact, a minute apart."""
    times = [START + timedelta(minutes=n) for n in range(count)]
    common = {"workspace": contact.workspace, "to_digits": contact.phone, "encoding": "gsm7", "segments": 1}
    Message.objects.bulk_create(
        Message(id=n + 1, created_at=at, expires_at=at, body=f"Message {n}.", **common) for n, at in enumerate(times)
    )


def test_the_card_leads_to_the_oldest_message(north: Tenant, anna: Contact) -> None:
    written_to(anna, 2 * timeline.MOST + 1)
    viewer = north.console(Role.VIEWER)
    card = at(north, "contact", contact=anna.pk)
    seen: list[str] = []
    url = card
    for _ in range(3):
        page = viewer.get(url).content.decode()
        seen += re.findall(r"Message \d+\.", page)
        older = re.search(r'href="(\?cursor=[^"]+)" rel="next"', page)
        url = card + older[1] if older else ""
    assert seen == [f"Message {n}." for n in reversed(range(2 * timeline.MOST + 1))]
    assert not url
    for odd in (
        "x",
        "\x00",
        "2026-01-01",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-01-01~x",
        "2026-01-01~-1",
    ):
        assert viewer.get(card, {"cursor": odd}).status_code == 200


@pytest.mark.parametrize(("first", "last"), [(3, 10), (0, 200), (20, 110)])
def test_of_messages_of_one_moment_none_is_lost_between_pages(
    north: Tenant, anna: Contact, first: int, last: int
) -> None:
    written_to(anna, 2 * timeline.MOST + 15)
    Message.objects.filter(id__gt=first, id__lt=last).update(created_at=START + timedelta(minutes=first + 1))
    seen: list[str] = []
    place: timeline.Place | None = None
    for n in range(3):
        shown, place = timeline.of(anna, place)
        seen += [moment.text for moment in shown]
        assert (place is None) == (n == 2)
    assert len({*seen}) == len(seen) == 2 * timeline.MOST + 15


def test_of_two_who_change_a_contact_nobody_overwrites_the_other_unseen(
    north: Tenant, anna: Contact, sender: Client
) -> None:
    page = at(north, "contact-edit", contact=anna.pk)
    form = filled_in(sender.get(page).content.decode(), "contact-form")
    contacts.change(anna, {"email": "other@ex.pl", "tags": ["VIP"]}, actor=ACTOR)
    answer = sender.post(page, form | {"full_name": "Anna Kowal"})
    assert answer.status_code == 422
    shown = words(answer)
    assert "The contact was changed meanwhile" in shown
    assert re.findall(r"Saved is: (.*?)\.(?= |$)", shown) == ["Anna Nowak", "other@ex.pl", "VIP"]
    assert contacts.find(north.workspace, anna.pk).email == "other@ex.pl"
    again = filled_in(answer.content.decode(), "contact-form") | {"email": "other@ex.pl", "tags": "VIP"}
    assert sender.post(page, again).status_code == 302
    saved = contacts.find(north.workspace, anna.pk)
    assert (saved.full_name, saved.email, len(saved.labels)) == ("Anna Kowal", "other@ex.pl", 1)


def test_what_is_written_on_the_card_goes_into_no_address(north: Tenant, anna: Contact, sender: Client) -> None:
    page = sender.get(at(north, "contact", contact=anna.pk)).content.decode()
    [form] = re.findall(r'<form method="(\w+)" action="[^"]*/compose/">', page)
    assert form == "post"
    hidden = dict(re.findall(r'<input type="hidden" name="(once|to|draft|priority)" value="([^"]+)"', page))
    assert {*hidden} == {"once", "to", "draft", "priority"}
    answer = sender.post(at(north, "compose"), hidden | {"text": "Between us"})
    assert answer.status_code == 200
    form = answer.content.decode()
    assert "Between us</textarea>" in form
    assert f'name="once" value="{hidden["once"]}"' in form
    assert Message.objects.count() == 0


def test_long_lists_have_pages_and_one_count(
    north: Tenant, sender: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for register in ("lists", "plans", "locations"):
        for n in range(PER_PAGE + 2):
            entries.add_entry(north.workspace, entries.REGISTERS[register], f"Entry {n:03}", actor=ACTOR)
    said = {"lists": ["Entry 001", "Entry 051"], "plans": ["Entry 000"], "location": "Entry 051"}
    for login in ("a", "b"):
        contacts.create(north.workspace, {"login": login} | said, actor=ACTOR)
    url = at(north, "registers")
    with django_assert_max_num_queries(20):
        first = words(sender.get(url, {"of": "lists"}))
    assert f"Page 1 of 2, {PER_PAGE + 2} entries" in first
    assert "Entry 001 2 Change" in first
    assert "Entry 051" not in first
    assert "Entry 051 2 Change" in words(sender.get(url, {"of": "lists", "page": "2"}))
    assert "Entry 000 Custom 2 Change" in words(sender.get(url, {"of": "plans"}))
    assert "Entry 051 2 Change" in words(sender.get(url, {"of": "locations", "page": "2"}))
    assert sender.get(url, {"page": "\x00"}).status_code == 200
    last = north.workspace.labels.get(name="Entry 051")
    said = {"of": "lists", "page": "2", "entry": last.pk, "name": "Renamed"}
    assert sender.post(at(north, "register-change"), said)["Location"].endswith("?of=lists&page=2")


def test_segments_have_pages_and_only_those_shown_are_counted(north: Tenant, sender: Client) -> None:
    for n in range(SEGMENTS_PER_PAGE + 1):
        segments.save(north.workspace, f"Segment {n:02}", {"field": "login", "op": "is", "value": f"p{n}"}, actor=ACTOR)
    first = words(sender.get(at(north, "segments")))
    assert f"Page 1 of 2, {SEGMENTS_PER_PAGE + 1} segments" in first
    assert f"Segment {SEGMENTS_PER_PAGE}" not in first
    assert f"Segment {SEGMENTS_PER_PAGE}" in words(sender.get(at(north, "segments"), {"page": "2"}))


def test_a_segment_is_changed_and_whoever_needs_it_is_named(north: Tenant, sender: Client, anna: Contact) -> None:
    filter_ = {"any": [{"field": "full_name", "op": "is", "value": "nobody"}, {"field": "login", "op": "filled"}]}
    row = segments.save(north.workspace, "Some", filter_, actor=ACTOR)
    segments.save(north.workspace, "Others", {"field": "login", "op": "empty"}, actor=ACTOR)
    for name in ("Works", "Done"):
        campaigns.create(north.workspace, {"name": name, "text": "Hello", "segment_id": row.pk}, actor=ACTOR)
    campaigns.own(north.workspace).filter(name="Done").update(status="sent")
    listed = words(sender.get(at(north, "segments")))
    assert "It is used by Works: without it that is for nobody" in listed
    url = at(north, "segment", segment=row.pk)
    page = sender.get(url).content.decode()
    assert "It is used by Works." in page
    said = filled_in(page, "segment-form")
    assert said["f.0-value"] == ["nobody"]
    counted = sender.post(url, said | {"f.0-value": "anna nowak", "try": "yes"})
    assert "1 contact fits now" in words(counted)
    row.refresh_from_db()
    assert row.filter == filter_
    taken = sender.post(url, said | {"name": "Others", "save": "yes"})
    assert taken.status_code == 409
    assert 'value="Others"' in taken.content.decode()
    sender.post(url, said | {"name": "Anna", "f.0-value": "anna nowak", "save": "yes"})
    row.refresh_from_db()
    assert (row.name, row.filter["any"][0]["value"]) == ("Anna", "anna nowak")
    assert {one.name: one.version for one in campaigns.own(north.workspace)} == {"Works": 2, "Done": 1}


def test_a_table_that_does_not_fit_keeps_what_was_chosen(north: Tenant, sender: Client) -> None:
    row = importing.upload(north.workspace, "people.csv", [b"name,login\nAnna,a\nBo,b\n"], actor=ACTOR)
    assert row.has_header
    chosen = {
        "column-0": "full_name",
        "column-1": "full_name",
        "by": "login",
        "known": "skip",
        "kind": "lead",
        "list_name": "Autumn",
    }
    answer = sender.post(at(north, "import", number=row.pk), chosen | {"start": "yes"})
    assert answer.status_code == 422
    shown = filled_in(answer.content.decode(), "match")
    assert {name: shown[name] for name in chosen} == {name: [value] for name, value in chosen.items()}
    assert "has_header" not in shown
    assert "Column 1" in words(answer)


@pytest.mark.parametrize(
    "name", ["contacts", "contacts-count", "registers", "segments", "templates", "history", "mails"]
)
def test_odd_characters_in_the_address_are_no_trouble(north: Tenant, sender: Client, name: str) -> None:
    odd = dict.fromkeys(("q", "who", "to", "of", "page", "channel", "category", "status"), "a\x00")
    odd |= {} if name != "registers" else {"of": "tags"}
    assert sender.get(at(north, name), odd).status_code == 200


def test_odd_characters_in_a_preview_are_no_trouble(north: Tenant, sender: Client, anna: Contact) -> None:
    said = {"channel": "sms", "body": "Hello {{ first_name }}", "missing": "refuse", "who": "anna\x00"}
    assert "Hello Anna" in words(sender.post(at(north, "template-preview"), said))
    assert sender.post(at(north, "template-preview"), said | {"body": "a\x00", "contact": "\x00"}).status_code == 200
    assert list(contacts.search(contacts.own(north.workspace), "\x00 anna")) == [anna]
