"""What is told before anything is sent: size, cost, saving, times, and who was sent the same today."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from procrastinate.exceptions import JobAborted
from tests.integration.campaigns.conftest import Killed, Office
from tests.support.tenants import ACTOR

from gatepost.audience import documents, segments
from gatepost.audience.models import Contact, Document
from gatepost.campaigns import assembling, planning, prices, running, services
from gatepost.campaigns.models import Campaign, Plan
from gatepost.channels import accounts, attachments
from gatepost.channels.models import Portal
from gatepost.gateways.models import Gateway
from gatepost.gateways.services import create_gateway, update_gateway
from gatepost.messages.models import Message, Suppression
from gatepost.problems import Problem

pytestmark = pytest.mark.django_db


def codes(problem: Problem) -> set[tuple[str, str]]:
    return {(fault.field, fault.code) for fault in problem.faults}


def test_size_and_cost_are_those_of_the_texts_as_each_gets_them(office: Office) -> None:
    office.people(2)
    office.people(1, full_name="Łucja Żak", phones=["+4915112345678"])
    text = "Dear {{ first_name }}, " + "x" * 140
    for prefix, amount in (("48", "0.03"), ("4915", "0.10")):
        prices.save(office.workspace, prefix=prefix, amount=amount, currency="EUR", actor=ACTOR)
    forecast = office.forecast(office.draft(text=text))
    [way] = forecast.ways
    assert (way.encodings, way.lengths, way.segments) == ({"gsm7": 2, "ucs2": 1}, {1: 2, 3: 1}, 5)
    assert forecast.costs == {"EUR": Decimal("0.36")}
    assert (way.saved, way.savings) == (2, {"EUR": Decimal("0.2")})
    assert [share.gateway for share in way.shares] == ["Echo"]


def test_a_price_of_the_gateway_goes_before_one_of_all_and_then_the_longest_prefix(office: Office) -> None:
    table = b"prefix;price;gateway\n;0,5;\n48;0,4;\n4860;0,3;\n48;0,2;echo\n"
    assert prices.read_table(office.workspace, table, actor=ACTOR) == 4
    listed = prices.load(office.workspace.pk)
    of = {digits: listed.of(office.gateway.pk, digits) for digits in ("48600000000", "49100000000")}
    assert of == {"48600000000": (Decimal("0.2"), "EUR"), "49100000000": (Decimal("0.5"), "EUR")}
    assert listed.of(None, "48600000000") == (Decimal("0.3"), "EUR")


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (b"prefix,price\n48,abc\n49,1\n", {("line 2", "bad_number")}),
        (b"prefix,price,currency\n48x,1,EUR\n", {("line 2", "bad_prefix")}),
        (b"prefix,price,gateway\n48,1,Nobody\n", {("line 2", "unknown_gateway")}),
        (b"prefix;price\n48;0,1\n\n;;\n48x;1\n", {("line 5", "bad_prefix")}),
        (b"prefix;price\n48;0,1\n49;0,2\n+48;0,3\n0048;0,1\n", {("line 4", "twice")}),
        (b"number,cost\n48,1\n", {("file", "no_columns")}),
        (b"", {("file", "no_columns")}),
    ],
)
def test_a_table_that_does_not_fit_changes_nothing(
    office: Office, table: bytes, expected: set[tuple[str, str]]
) -> None:
    prices.save(office.workspace, prefix="7", amount="1", currency="EUR", actor=ACTOR)
    with pytest.raises(Problem) as refused:
        prices.read_table(office.workspace, table, replace=True, actor=ACTOR)
    assert codes(refused.value) == expected
    assert list(prices.own(office.workspace).values_list("prefix", flat=True)) == ["7"]


def test_the_time_is_that_of_the_slowest_gateway_at_its_rate(office: Office) -> None:
    office.people(4)
    office.people(2, phones=["+4915112345678"])
    create_gateway([office.workspace], "echo", "Slow", {}, {"requests_per_second": 0.5, "pattern": "loop"}, actor=ACTOR)
    update_gateway(office.gateway, actor=ACTOR, common_values={"requests_per_second": 2, "pattern": "loop"})
    row = office.draft(text="Hello")
    assert office.forecast(row).ways[0].seconds == pytest.approx(5 / 2)
    row = services.save(row, {"gateway": "Slow"}, actor=ACTOR)
    assert office.forecast(row).ways[0].seconds == pytest.approx(5 / 0.5)


def test_who_was_sent_the_same_today_is_counted(office: Office) -> None:
    office.people(2)
    office.sent(office.draft())
    office.people(1)
    assert office.forecast(office.draft()).repeated == 2
    assert office.forecast(office.draft(text="Something else")).repeated == 0


def test_a_duplicate_is_of_somebody_who_gets_it(office: Office) -> None:
    """Named by their reasons: so many share a number, and the texts of some are too long for the gateway."""
    Gateway.objects.update(max_segments=1)
    for phone, names in (
        ("+48600700001", ["x" * 160, "Ann", "Bob"]),
        ("+48600700002", ["Suppressed", "Suppressed too"]),
        ("+48600700003", ["x" * 160] * 7),
    ):
        for name in names:
            office.people(1, full_name=name, phones=[phone])
    Suppression.objects.create(workspace=office.workspace, digits="48600700002")
    row = office.draft(text="Dear {{ full_name }}")
    expected = {"too_many_segments": 8, "duplicate": 1, "suppressed": 2}
    [way] = office.forecast(row).ways
    assert {one.reason: one.count for one in way.excluded} == expected
    row = office.sent(row)
    assert (row.excluded, row.taken) == (expected, 1)
    assert [message.body for message in Message.objects.all()] == ["Dear Ann"]


def test_a_missing_value_stops_the_campaign_unless_it_says_otherwise(office: Office) -> None:
    office.people(1)
    office.people(1, full_name="")
    row = office.draft()
    with pytest.raises(Problem) as refused:
        running.send(row, count=2, actor=ACTOR)
    assert refused.value.code == "plan_needed"
    office.forecast(row)
    with pytest.raises(Problem) as refused:
        running.send(row, count=2, actor=ACTOR)
    assert codes(refused.value) == {("missing", "missing_value")}
    row = office.sent(services.save(row, {"missing": "default", "default": "customer"}, actor=ACTOR))
    assert [one.body.split(",")[0] for one in Message.objects.order_by("id")] == ["Dear Person0", "Dear customer"]


def test_everybody_gets_it_when_their_own_clock_shows_the_time(office: Office) -> None:
    zones = ("Asia/Tokyo", "Europe/Warsaw", "")
    for zone in zones:
        office.people(1, time_zone=zone)
    day = (timezone.now() + timedelta(days=3)).date()
    shown = datetime(day.year, day.month, day.day, 9, 0, tzinfo=UTC)
    row = office.draft(schedule="local", send_at=shown.replace(tzinfo=None), time_zone="America/New_York")
    office.forecast(row)
    row = running.send(row, count=3, actor=ACTOR)
    assert row.starts_at is not None
    assert row.starts_at <= shown - timedelta(hours=9), "it begins before the first morning"
    office.expanded(row)
    due = [one.due_at for one in Message.objects.order_by("id")]
    expected = [services.at_local(shown, zone or "America/New_York") for zone in zones]
    assert due == expected
    assert due[0] < due[1] < due[2]


def test_financial_documents_are_asked_for_by_kind_and_day(office: Office) -> None:
    with_invoice, with_old, _ = office.people(3)
    for contact, day in ((with_invoice, "2026-05-02"), (with_old, "2025-01-01")):
        documents.add_document(
            contact,
            kind="invoice",
            number="1",
            day=day,
            amount="1",
            name="a.pdf",
            content=[b"%PDF-1.4"],
            actor=ACTOR,
        )
    chosen = {"document_kinds": ["invoice"], "document_from": date(2026, 1, 1), "only_with_documents": True}
    forecast = office.forecast(office.draft(text="Hello", **chosen))
    assert [person.contact_id for person in forecast.ways[0].people] == [with_invoice.pk]
    assert [(one.reason, one.count) for one in forecast.ways[0].excluded] == [("no_document", 2)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"text": " "}, {("text", "required")}),
        ({"text": "{{ nonsense }}"}, {("text", "unknown_field")}),
        ({"gateway": "Nobody"}, {("gateway", "unknown_gateway")}),
        ({"schedule": "at"}, {("send_at", "required")}),
        ({"schedule": "at", "send_at": datetime(2025, 1, 1, tzinfo=UTC)}, {("send_at", "past")}),
        ({"only_with_documents": True}, {("document_kinds", "required")}),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(
    office: Office, values: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    row = office.draft(**values)
    with pytest.raises(Problem) as refused:
        running.send(row, actor=ACTOR)
    found = codes(refused.value)
    assert {field for field, _ in found} == {field for field, _ in expected}
    assert Campaign.objects.get(pk=row.pk).is_draft


def test_without_a_gateway_nothing_is_sent_and_the_draft_stays(office: Office) -> None:
    office.people(1)
    Gateway.objects.update(is_active=False)
    row = office.draft()
    assert ("gateway", "no_gateway") in {(fault.field, fault.code) for fault in services.faults(row)}


def test_a_segment_that_is_gone_is_nobody(office: Office) -> None:
    office.people(2)
    segment = segments.save(office.workspace, "Some", {}, actor=ACTOR)
    row = office.draft(segment_id=segment.pk)
    segments.delete(segment, actor=ACTOR)
    row = services.find(office.workspace, row.pk)
    assert {fault.field for fault in services.faults(row)} == {"segment"}


def test_a_plan_that_is_interrupted_is_worked_out_later(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembling, "CHUNK", 1)
    office.people(2)
    row = office.draft()
    planning.ask(row)
    with pytest.raises(JobAborted):
        planning.run(Killed(), row.pk, row.version)  # type: ignore[arg-type]
    assert planning.find(row).state == Plan.State.RUNNING


def test_who_will_be_sent_the_same_today_is_counted_too(office: Office) -> None:
    [first, *_] = office.people(3)
    only_first = {"field": "login", "op": "is", "value": first.login}
    before = office.draft(filter=only_first)
    office.forecast(before)
    running.send(before, actor=ACTOR)
    row = office.draft(name="Once more")
    assert office.forecast(row).repeated == 1
    running.undo(before, actor=ACTOR)
    assert office.forecast(row).repeated == 0
    later = {"schedule": "at", "send_at": timezone.now() + timedelta(days=3)}
    before = services.save(before, later, actor=ACTOR)
    office.forecast(before)
    assert running.send(before, actor=ACTOR).status == Campaign.Status.SCHEDULED
    assert office.forecast(row).repeated == 0


@pytest.mark.parametrize("send_to", ["email", "portal"])
def test_somebody_with_too_many_documents_gets_nothing_rather_than_some(office: Office, send_to: str) -> None:
    ann, bob = (office.people(1, email=f"{name}@x.example")[0] for name in ("ann", "bob"))
    Portal.objects.create(workspace=office.workspace, is_open=True)
    account = {"host": "x.example", "from_address": "a@b.example"}
    accounts.create_account([office.workspace], "Mail", account, actor=ACTOR)
    said = {"workspace": office.workspace, "kind": "invoice", "date": "2026-10-01", "amount": 1, "size": 1}
    Document.objects.bulk_create(
        Document(**said, contact=contact, number=str(n))
        for contact, count in ((ann, attachments.MOST + 1), (bob, attachments.MOST))
        for n in range(count)
    )
    [way] = office.forecast(office.draft(send_to=send_to, subject="Bills", document_kinds=["invoice"])).ways
    assert {one.reason: [who.contact_id for who in one.people] for one in way.excluded} == {"too_large": [ann.pk]}
    assert [who.contact_id for who in way.people] == [bob.pk]


def test_a_plan_is_of_one_version(office: Office) -> None:
    office.people(1)
    row = office.draft()
    office.forecast(row)
    row = services.save(row, {"text": "Other"}, actor=ACTOR)
    assert planning.current(row) is None
    with pytest.raises(Problem) as refused:
        services.save(row, {"text": "Mine"}, version=row.version - 1, actor=ACTOR)
    assert refused.value.code == "campaign_changed"
    assert Contact.objects.count() == 1
