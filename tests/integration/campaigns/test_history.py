"""What became of it: recipients with their messages, those who are written to again, tests, and the list of all."""

import json
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from tests.integration.campaigns.conftest import Office
from tests.integration.campaigns.test_by_email import account_of
from tests.support.tenants import ACTOR

from gatepost.campaigns import acts, history, running, services, watching
from gatepost.campaigns.history import Wanted
from gatepost.campaigns.models import Campaign
from gatepost.campaigns.words import CampaignWord, states_of, word_of
from gatepost.channels.base import Order, Piece
from gatepost.channels.mail import Email
from gatepost.channels.models import Portal
from gatepost.channels.portal import CustomerPortal
from gatepost.dispatch.models import Outbox
from gatepost.gateways.models import Gateway
from gatepost.messages.models import Message
from gatepost.messages.services import accept_now
from gatepost.messages.store import Origin
from gatepost.messages.wishes import Wish
from gatepost.problems import Problem
from gatepost.sms.states import State, Word

pytestmark = pytest.mark.django_db


def ended(row: Campaign, *states: str) -> Campaign:
    """All of its messages have left, and stand so."""
    Outbox.objects.all().delete()
    for message, state in zip(Message.objects.filter(campaign_id=row.pk).order_by("id"), states, strict=True):
        Message.objects.filter(pk=message.pk).update(state=state)
    watching.run(row.pk)
    row.refresh_from_db()
    return row


def test_a_campaign_ends_with_or_without_errors(office: Office) -> None:
    office.people(2)
    fine = ended(office.sent(office.draft()), "delivered", "submitted")
    assert (fine.status, word_of(fine)) == (Campaign.Status.SENT, CampaignWord.SENT)
    assert watching.progress(fine).percent == 100
    late = ended(office.sent(office.draft()), "delivered", "expired")
    assert word_of(late) is CampaignWord.WITH_ERROR


def test_a_late_report_makes_it_sent_with_error(office: Office) -> None:
    office.people(1)
    row = ended(office.sent(office.draft()), "submitted")
    row = ended(row, "undelivered")
    assert word_of(row) is CampaignWord.WITH_ERROR


def test_it_is_sent_again_to_those_who_did_not_get_it(office: Office) -> None:
    people = office.people(3)
    row = ended(office.sent(office.draft()), "delivered", "undelivered", "expired")
    again = running.send_again(row, actor=ACTOR)
    assert (again.text, again.again_of_id) == (row.text, row.pk)
    assert office.forecast(again).people == 2
    again = office.sent(again, count=None)
    reached = set(again.recipients.values_list("contact_id", flat=True))
    assert reached == {people[1].pk, people[2].pk}
    with pytest.raises(Problem, match="Nobody is left out"):
        running.send_again(ended(again, "delivered", "delivered"), actor=ACTOR)


def test_those_who_may_have_got_it_are_not_sent_it_again(office: Office) -> None:
    [failed, *_] = office.people(2)
    row = ended(office.sent(office.draft()), "undelivered", "unknown")
    assert acts.AGAIN in acts.possible(row)
    assert "1 message is in the state unknown: they may have arrived" in " ".join(
        one.asks for one in acts.questions(row) if one.name == "again"
    )
    again = office.sent(running.send_again(row, actor=ACTOR), count=None)
    assert set(again.recipients.values_list("contact_id", flat=True)) == {failed.pk}
    doubtful = ended(again, "unknown")
    assert (word_of(doubtful), acts.possible(doubtful)) == (CampaignWord.WITH_ERROR, ())
    with pytest.raises(Problem, match="Nobody is left out"):
        running.send_again(doubtful, actor=ACTOR)


def test_blocked_ones_who_were_meant_are_sent_it_again(office: Office) -> None:
    office.people(1, status="blocked")
    unpaid = {"field": "status", "op": "is", "value": "blocked"}
    row = ended(office.sent(office.draft(filter=unpaid)), "undelivered")
    assert office.forecast(running.send_again(row, actor=ACTOR)).messages == 1


def test_two_repetitions_of_one_campaign_count_as_the_same_twice(office: Office) -> None:
    office.people(2)
    row = ended(office.sent(office.draft()), "delivered", "undelivered")
    Campaign.objects.update(started_at=timezone.now() - timedelta(days=2))
    first, second = (running.send_again(row, actor=ACTOR) for _ in range(2))
    office.forecast(first)
    running.send(first, actor=ACTOR)
    assert office.forecast(second).repeated == 1


def test_what_hardly_moves_says_nothing_of_its_end(office: Office) -> None:
    office.people(2)
    row = office.sent(office.draft())
    row.rate, row.tallies = 0.05, {"sms": {"queued": 1, "delivered": 1}}
    slow = watching.progress(row)
    assert (slow.rate, slow.ends_at) == (0.0, None)
    row.rate = 0.5
    assert watching.progress(row).ends_at is not None


def test_the_rate_is_that_of_what_is_sent_now(office: Office) -> None:
    office.people(6)
    row = office.sent(office.draft())
    ids = list(Message.objects.order_by("pk").values_list("pk", flat=True))

    def counted(row: Campaign, **became: list[int]) -> float:
        """The rate after messages have become that within ten seconds."""
        for state, which in became.items():
            Message.objects.filter(pk__in=which).update(state=state)
        Campaign.objects.filter(pk=row.pk).update(tallied_at=timezone.now() - timedelta(seconds=10))
        watching.run(row.pk)
        row.refresh_from_db()
        return round(watching.progress(row).rate, 1)

    assert counted(row, submitted=ids[:3], cancelled=[ids[5]]) == 0.3
    assert counted(running.pause(row, actor=ACTOR), submitted=[ids[3]]) == 0
    assert counted(running.resume(row, actor=ACTOR), blocked=[ids[3]]) == 0
    assert counted(row, delivered=ids[:5]) == 0
    assert (row.status, row.rate > 0) == (Campaign.Status.SENT, True)


def test_reports_are_counted_soon_after_the_end(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[timedelta] = []
    office.people(1)
    row = office.sent(office.draft())
    monkeypatch.setattr(watching, "watch", lambda _, after=watching.FRESH: waits.append(after))
    row = ended(row, "submitted")
    assert watching.SOON <= waits[-1] < watching.LATER
    Campaign.objects.update(ended_at=timezone.now() - timedelta(hours=8))
    watching.run(row.pk)
    assert timedelta(hours=1.9) < waits[-1] < timedelta(hours=2.1)


def test_recipients_are_found_by_what_they_are_called_and_where_they_are_reached(office: Office) -> None:
    people = office.people(3)
    office.people(1, phones=[])
    row = ended(office.sent(office.draft()), "delivered", "undelivered", "submitted")

    def found(query: str, **more: Any) -> list[int]:
        return [line.recipient.contact_id for line in history.recipients(row, query=query, **more)[0]]

    second = [people[1].pk]
    for query in ("person1", "p1", "+48 600 000 001", "600000001", "48600000001", " Person1\x00 "):
        assert found(query) == second, query
    assert len(found("+48600")) == 3
    assert found("nobody") == []
    assert found("person", states=[State.UNDELIVERED]) == second
    assert found("person1", states=[State.DELIVERED]) == []
    assert len(found("person", excluded=True)) == 1
    people[1].delete()
    assert found("48600000001") == second


def test_many_who_are_called_so_are_found_one_by_one(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "FEW", 1)
    office.people(3)
    row = office.sent(office.draft())
    lines, after = history.recipients(row, query="person", limit=2)
    rest, none = history.recipients(row, query="person", limit=2, after=after or 0)
    assert (len(lines), len(rest), none) == (2, 1, None)
    other = office.draft()
    assert history.recipients(other, query="person")[0] == []


def test_each_recipient_is_shown_with_the_message_as_it_was(office: Office) -> None:
    office.people(3)
    office.people(1, phones=[])
    row = ended(office.sent(office.draft()), "delivered", "undelivered", "delivered")
    lines, after = history.recipients(row, limit=2)
    assert [line.standing.text for line in lines if line.standing] == [
        f"Dear Person{n}, tonight we work on the network." for n in range(2)
    ]
    rest, none = history.recipients(row, after=after or 0, limit=2)
    assert (len(rest), none) == (2, None)
    failed, _ = history.recipients(row, states=states_of([Word.ERROR]))
    assert [line.recipient.address for line in failed] == ["48600000001"]
    [excluded], _ = history.recipients(row, excluded=True)
    assert excluded.reason == "No phone number"
    assert len(list(history.all_recipients(row))) == 4


def test_the_history_is_one_list_of_campaigns_and_single_messages(office: Office) -> None:
    office.people(2)
    row = office.sent(office.draft())
    for n in range(3):
        accept_now(Origin(office.workspace.pk), [Wish(to=f"+4860700000{n}", text="One")])
    removed = office.draft(name="Old")
    services.remove(removed, actor=ACTOR)
    pages: list[history.Entry] = []
    cursor = ""
    while True:
        entries, cursor = history.page(office.workspace, Wanted(), cursor, 2)
        pages += entries
        if not cursor:
            break
    assert [entry.title for entry in pages] == [*(f"+4860700000{n}" for n in (2, 1, 0)), str(row)]
    assert [entry.recipients for entry in pages] == [1, 1, 1, 2]
    only = history.page(office.workspace, Wanted(word=CampaignWord.REMOVED))[0]
    assert [entry.campaign for entry in only] == [removed]
    assert [one.title for one in history.page(office.workspace, Wanted(query="+48607000001"))[0]] == ["+48607000001"]
    assert len(history.page(office.workspace, Wanted(kind="mass"))[0]) == 1
    with pytest.raises(Problem):
        history.page(office.workspace, Wanted(), "zz zz")


def test_a_campaign_stands_where_it_began_whenever_it_was_written(office: Office) -> None:
    office.people(1)
    now = timezone.now()
    old, draft, sent_before = (office.draft(name=name) for name in ("Old draft", "Draft", "Sent before"))
    for row, written, began in (
        (old, 9, 0.0),
        (draft, 5, None),
        (sent_before, 3, 2.0),
    ):
        times = {"created_at": now - timedelta(days=written)}
        if began is not None:
            times["started_at"] = now - timedelta(days=began)
        Campaign.objects.filter(pk=row.pk).update(**times)

    def names(**wanted: Any) -> list[str]:
        found: list[str] = []
        cursor = ""
        while True:
            entries, cursor = history.page(office.workspace, Wanted(**wanted), cursor, 1)
            found += [entry.title for entry in entries]
            if not cursor:
                return found

    assert names() == ["Old draft", "Sent before", "Draft"]
    assert names(since=now - timedelta(days=1)) == ["Old draft"]
    assert names(since=now - timedelta(days=6), until=now - timedelta(days=1)) == ["Sent before", "Draft"]
    Campaign.objects.update(started_at=now)
    assert names() == ["Sent before", "Draft", "Old draft"]
    with pytest.raises(Problem):
        history.page(office.workspace, Wanted(), "z" * 40 + "...")


def test_the_history_is_searched_by_what_it_shows(office: Office) -> None:
    office.draft(name="", text="Tonight the network is away")
    account_of(office, 9)
    piece = Piece(0, "ann@x.example", "Hello", "Your invoice of October")
    Email().post(Order(office.workspace.pk, kind="single"), [piece])
    [contact] = office.people(1)
    Portal.objects.create(workspace=office.workspace, is_open=True)
    to_portal = Piece(contact.pk, str(contact.pk), "Hello", "Welcome to the portal")
    CustomerPortal().post(Order(office.workspace.pk, kind="single"), [to_portal])

    def found(query: str) -> list[str]:
        entries, _ = history.page(office.workspace, Wanted(query=query))
        whole = [entry.message or entry.campaign for entry in entries]
        return [one.text for one in whole if one is not None]

    assert found("NETWORK is") == ["Tonight the network is away"]
    assert found("invoice") == found("ann@") == ["Your invoice of October"]
    assert found("to the portal") == found("person0") == ["Welcome to the portal"]
    assert found("odd\x00") == []


def test_a_test_goes_to_the_address_that_was_asked_for_alone(office: Office) -> None:
    office.people(2)
    row = office.draft()
    sent = running.send_test(row, "607 111 222", user=None, actor=ACTOR)
    message = Message.objects.get(pk=sent.id)
    assert (message.kind, message.to_digits) == ("test", "48607111222")
    assert message.body.startswith("Dear Person0,")
    with pytest.raises(Problem) as refused:
        running.send_test(row, "12", user=None, actor=ACTOR)
    assert refused.value.faults[0].field == "address"


def test_undo_makes_it_a_draft_again_and_nothing_is_sent(office: Office) -> None:
    office.people(1)
    row = office.draft()
    office.forecast(row)
    row = running.undo(running.send(row, count=1, actor=ACTOR), actor=ACTOR)
    assert (row.is_draft, office.expanded(row).is_draft, Message.objects.exists()) == (True, True, False)


def test_what_comes_back_into_the_queue_of_a_paused_campaign_is_held(office: Office) -> None:
    office.people(2)
    row = running.pause(office.sent(office.draft()), actor=ACTOR)
    Outbox.objects.update(held=None)
    watching.run(row.pk)
    assert set(Outbox.objects.values_list("held", flat=True)) == {"campaign paused"}


def test_the_api_takes_a_campaign_from_draft_to_sent(office: Office) -> None:
    office.people(2)
    client = office.api()

    def ask(method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = client.generic(method, f"/api/v1{path}", json.dumps(body), "application/json", headers=headers)
        return answer.json() | {"http": answer.status_code}

    key = {"Idempotency-Key": "autumn"}
    made = ask("POST", "/campaigns", {"name": "Works", "text": "Hello"}, **key)
    assert ask("POST", "/campaigns", {"name": "Works", "text": "Hello"}, **key)["id"] == made["id"]
    assert ask("POST", "/campaigns", {"name": "Other"}, **key)["code"] == "idempotency_conflict"
    path = f"/campaigns/{made['id']}"
    assert ask("PATCH", path, {"text": "Hello {{ login }}", "version": made["version"]})["http"] == 200
    assert ask("POST", f"{path}/plan")["state"] == "running"
    office.forecast(services.find(office.workspace, made["id"]))
    forecast = ask("GET", f"{path}/plan")["forecast"]
    assert (forecast["people"], forecast["messages"]) == (2, 2)
    assert ask("POST", f"{path}/send", {})["code"] == "count_needed"
    sent = {"Idempotency-Key": "send autumn"}
    assert [ask("POST", f"{path}/send", {"count": 2}, **sent)["status"] for _ in range(2)] == ["undo", "undo"]
    office.expanded(services.find(office.workspace, made["id"]))
    assert ask("POST", f"{path}/pause")["word"] == "Processing"
    assert ask("POST", f"{path}/resume")["status"] == "sending"
    rows = ask("GET", f"{path}/recipients")["items"]
    assert [(one["text"], one["word"]) for one in rows] == [("Hello p0", "New"), ("Hello p1", "New")]
    assert ask("GET", f"/messages/{rows[0]['message']}")["to"] == "48600000000"
    assert ask("POST", f"{path}/cancel")["progress"]["total"] == 2
    assert ask("GET", "/history")["items"][0]["campaign_id"] == made["id"]


def test_a_gateway_that_asks_where_a_key_is_used_from_asks_it_of_campaigns_too(office: Office) -> None:
    office.people(1)
    Gateway.objects.update(send_ips=["192.0.2.0/24"])
    made = office.api().post("/api/v1/campaigns", {"text": "Hello"}, "application/json").json()
    row = services.find(office.workspace, made["id"])
    [excluded] = office.forecast(row).ways[0].excluded
    assert (excluded.reason, "does not take messages from this address" in excluded.people[0].words) == (
        "no_route",
        True,
    )
    assert office.forecast(office.draft(text="Hello")).messages == 1


def test_at_a_time_it_is_due_by_the_clock_of_the_zone(office: Office) -> None:
    office.people(1)
    shown = (timezone.now() + timedelta(days=2)).replace(second=0, microsecond=0, tzinfo=None)
    row = office.draft(text="Hello", schedule="at", send_at=shown, time_zone="Asia/Tokyo")
    assert office.sent(row).taken == 1
    due = shown.replace(tzinfo=ZoneInfo("Asia/Tokyo"))
    assert Message.objects.get().due_at == due
