"""The pages of mass sending: what is written is kept, seen before it is sent, and found again afterwards."""

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from tests.integration.campaigns.conftest import TEXT, Office, Uninterrupted
from tests.integration.campaigns.test_by_email import account_of
from tests.support.filled_in import filled_in
from tests.support.tenants import ACTOR

from gatepost import urls
from gatepost.audience import contacts, segments
from gatepost.audience import files as audience_files
from gatepost.audience.filters import matching
from gatepost.campaigns import drafting, fields, leftovers, planning, running, services, watching
from gatepost.campaigns.models import Campaign
from gatepost.channels import attachments
from gatepost.channels.base import Order, Piece
from gatepost.channels.mail import Email
from gatepost.channels.models import Attachment
from gatepost.dispatch.models import Outbox
from gatepost.messages.models import Message
from gatepost.texts.models import Template
from gatepost.texts.services import LONGEST_DEFAULT, LONGEST_SUBJECT
from gatepost.workspaces.models import AuditEntry, Role

pytestmark = pytest.mark.django_db
assert urls.urlpatterns, "importing them declares the pages"

FORM = {
    "recipient_kind": "customer",
    "send_to": "sms",
    "text": TEXT,
    "missing": "refuse",
    "schedule": "now",
    "priority": "bulk",
    "time_zone": "Europe/Warsaw",
}


@pytest.fixture
def sender(office: Office) -> Client:
    return office.console(Role.SENDER)


def at(office: Office, name: str, row: Campaign | None = None, **more: Any) -> str:
    parts = {"campaign": row.pk} if row else {}
    return reverse(name, kwargs={"workspace": office.workspace.pk, **parts, **more})


def drafts(office: Office) -> QuerySet[Campaign]:
    return Campaign.objects.filter(workspace=office.workspace)


def words(answer: Any) -> str:
    """What can be read on the page."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def autosave(client: Client, office: Office, **said: Any) -> Any:
    return client.post(at(office, "campaign-save"), FORM | said, headers={"HX-Request": "true"})


def test_the_first_word_makes_the_draft_and_the_next_go_into_it(office: Office, sender: Client) -> None:
    office.people(3)
    assert sender.get(at(office, "campaign-new")).status_code == 200
    answer = autosave(sender, office, **{"q-login": "p0, p2"})
    [row] = drafts(office)
    assert answer["HX-Replace-Url"] == at(office, "campaign-compose", row)
    assert "2 customers fit" in words(answer)
    assert (row.text, row.time_zone) == (TEXT, "Europe/Warsaw")
    assert "Dear Person0" in words(answer)
    said = {"campaign": row.pk, "version": row.version, "text": "Hello", "q-login": "p1"}
    assert "HX-Replace-Url" not in autosave(sender, office, **said)
    row.refresh_from_db()
    assert row.text == "Hello"
    shown = sender.get(at(office, "campaign-compose", row)).content.decode()
    assert 'name="q-login" maxlength="300" value="p1"' in shown
    assert AuditEntry.objects.filter(action="campaign.create").count() == 1


def test_every_filter_comes_back_as_it_was_chosen(office: Office, sender: Client) -> None:
    office.people(2, plans=["Fibre"], location="Town", services=["internet"], status="active")
    plan = office.workspace.tariff_plans.get().pk
    said = {
        "q-full_name": "person",
        "q-phone": "+48600",
        "q-status": ["active", "new"],
        "q-plans": [str(plan)],
        "q-services": ["internet"],
        "f-how": "all",
        "f.0-field": "language",
        "f.0-op": "empty",
    }
    assert "2 customers fit" in words(autosave(sender, office, **said))
    row = drafts(office).get()
    shown = sender.get(at(office, "campaign-compose", row)).content.decode()
    for kept in (
        f'name="q-plans" value="{plan}" checked',
        'name="q-status" value="new" checked',
        'value="person"',
        'value="language" selected',
    ):
        assert kept in shown
    assert 'name="q-status" value="blocked" checked' not in shown


def test_what_does_not_fit_is_said_and_the_rest_is_kept(office: Office, sender: Client) -> None:
    answer = autosave(sender, office, name="Works", **{"f.0-field": "status", "f.0-op": "is"})
    assert "Not all is saved" in words(answer)
    assert drafts(office).get().name == "Works"
    answer = sender.post(at(office, "campaign-save"), FORM | {"do": "check", "text": "{{ nonsense }}"})
    assert answer.status_code == 422
    assert "There is no field &#x27;nonsense&#x27;" in answer.content.decode()


def test_two_who_write_the_same_draft_are_told(office: Office, sender: Client) -> None:
    autosave(sender, office)
    row = drafts(office).get()
    autosave(sender, office, campaign=row.pk, version=row.version, text="Mine")
    answer = autosave(sender, office, campaign=row.pk, version=row.version, text="Theirs")
    assert "The campaign was changed meanwhile" in words(answer)
    row.refresh_from_db()
    assert row.text == "Mine"

    version = re.search(r'name="version" value="(\d+)"', answer.content.decode())
    assert version
    again = autosave(sender, office, campaign=row.pk, version=version[1], text="Theirs, longer")
    assert "The campaign was changed meanwhile" in words(again)
    row.refresh_from_db()
    assert row.text == "Mine"
    over = FORM | {"campaign": row.pk, "version": version[1], "text": "Theirs", "do": f"keep-mine {row.version}"}
    assert sender.post(at(office, "campaign-save"), over)["Location"].endswith("/compose/#kept")
    row.refresh_from_db()
    assert row.text == "Theirs"


@pytest.mark.parametrize(
    ("field", "value", "label"),
    [
        ("text", "x" * 20_001, "Message: "),
        ("document_from", "0026-01-31", "Documents from: "),
        ("document_until", "2201-01-31", "Documents to: "),
        ("send_at", "tomorrow", "Day and time: "),
        ("name", "x" * 151, "Name: "),
        ("gateway", "999", "Gateway: "),
    ],
)
def test_what_the_form_cannot_take_is_said_and_holds_it_back(
    office: Office, sender: Client, field: str, value: str, label: str
) -> None:
    office.people(1)
    answer = autosave(sender, office, **{field: value, "subject": "Kept"})
    assert f"Not all is saved {label}" in words(answer)
    assert 'data-saved="no"' in answer.content.decode()
    row = drafts(office).get()
    said = FORM | {"campaign": row.pk, "version": row.version, field: value, "subject": "Kept", "do": "check"}
    refused = sender.post(at(office, "campaign-save"), said)
    assert refused.status_code == 422
    page = refused.content.decode()
    assert f'id="id_{field}_error"' in page
    if field != "gateway":
        assert filled_in(page, "mass")[field] == [value]
    row.refresh_from_db()
    assert (row.subject, row.text) == ("Kept", TEXT if field != "text" else "")


def test_line_ends_count_once_and_the_page_says_how_long_a_text_may_be(office: Office, sender: Client) -> None:
    lines = "x\r\n" * 10_000
    assert "Draft saved" in words(autosave(sender, office, text=lines))
    row = drafts(office).get()
    assert row.text == "x\n" * 10_000
    assert 'maxlength="20000"' in sender.get(at(office, "campaign-compose", row)).content.decode()


def deep(levels: int) -> dict[str, Any]:
    """Conditions in groups, so many levels in all."""
    last: dict[str, Any] = {"field": "login", "op": "is_not", "value": "p1"}
    for level in range(levels - 1):
        last = {"not": last} if level == 2 else {("any", "all")[level % 2]: [last, {"field": "tags", "op": "empty"}]}
    return last


@pytest.mark.parametrize(
    "filter_",
    [
        deep(6),
        {"all": [{"field": "status", "op": "is", "value": ["new", "active"]}, deep(5)]},
        {"any": [{"field": "login", "op": "is", "value": f"p{n}"} for n in range(120)]},
        {"any": []},
    ],
)
def test_a_page_that_is_opened_and_saved_changes_nothing(office: Office, sender: Client, filter_: Any) -> None:
    office.people(3)
    segment = segments.save(office.workspace, "First", {"field": "login", "op": "is", "value": "p0"}, actor=ACTOR)
    said = {
        "filter": filter_,
        "segment_id": segment.pk,
        "gateway": "Echo",
        "sender": "Unknown",
        "text": "One\nTwo",
        "document_kinds": ["invoice"],
        "document_from": date(2026, 1, 31),
        "schedule": "at",
        "send_at": datetime(2030, 1, 31, 12, tzinfo=UTC),
        "time_zone": "Europe/Warsaw",
    }
    row = office.draft(**said)
    meant = set(matching(office.workspace, filter_))
    segments.delete(segment, actor=ACTOR)
    before = {name: getattr(row, name) for name in fields.FIELDS if name != "filter"}
    page = sender.get(at(office, "campaign-compose", row)).content.decode()
    answer = sender.post(at(office, "campaign-save"), filled_in(page, "mass"), headers={"HX-Request": "true"})
    assert "The workspace has no such segment" in words(answer)
    row.refresh_from_db()
    assert {name: getattr(row, name) for name in before} == before
    assert set(matching(office.workspace, row.filter)) == meant


def test_templates_are_used_and_saved(office: Office, sender: Client) -> None:
    save = at(office, "campaign-save")
    sender.post(save, FORM | {"do": "save-template", "template_name": "Works", "template_category": "Network"})
    row, made = drafts(office).get(), Template.objects.get()
    assert (made.body, made.category, row.template_id) == (TEXT, "Network", made.pk)
    said = FORM | {"campaign": row.pk, "text": "Something else", "do": "use-template", "template_choice": made.pk}
    assert "The text is that of Works." in words(sender.post(save, said, follow=True))
    row.refresh_from_db()
    assert row.text == TEXT
    new = {"template_name": "Works", "template_category": "Again"}
    refused = sender.post(save, FORM | {"campaign": row.pk, "do": "save-template"} | new)
    assert refused.status_code == 409
    page = refused.content.decode()
    assert '<dialog id="as-template" data-show' in page
    kept = filled_in(page, "mass")
    assert (kept["template_name"], kept["template_category"]) == (["Works"], ["Again"])
    assert 'id="id_name_error"' not in page


def test_of_several_files_those_that_fit_are_attached(office: Office, sender: Client) -> None:
    row = office.draft(send_to="email", subject="Works")
    files = [SimpleUploadedFile(f"{n}.pdf", b"x" * (0 if n == 2 else 9)) for n in (1, 2, 3)]
    said = FORM | {"campaign": row.pk, "send_to": "email", "do": "attach", "attachment": files}
    refused = sender.post(at(office, "campaign-save"), said)
    assert refused.status_code == 422
    assert "2.pdf: The file is empty. The others are attached." in words(refused)
    row.refresh_from_db()
    assert [one.name for one in drafting.attachments_of(row)] == ["1.pdf", "3.pdf"]
    version = filled_in(refused.content.decode(), "mass")["version"]
    assert version == [str(row.version)]
    many = [SimpleUploadedFile(f"{n}.pdf", b"x") for n in range(attachments.MOST)]
    said |= {"version": row.version, "attachment": many}
    assert sender.post(at(office, "campaign-save"), said).status_code == 422
    assert Attachment.objects.count() == 2


def test_what_is_missing_for_sending_can_be_had_by_a_press(office: Office) -> None:
    office.workspace.gateways.clear()
    owner = office.console(Role.OWNER)
    save = at(office, "campaign-save")
    answer = owner.post(save, FORM | {"do": "check"}).content.decode()
    assert f'href="/w/{office.workspace.pk}/catalogue/"' in answer
    answer = owner.post(save, FORM | {"do": "check", "send_to": "portal_email", "subject": "S"}).content.decode()
    for name in ("email-account-add", "portal-settings"):
        assert f'href="{at(office, name)}"' in answer


def test_documents_decide_who_gets_an_sms(office: Office, sender: Client) -> None:
    office.people(2)
    page = sender.get(at(office, "campaign-new")).content.decode()
    [kind] = re.findall(r'<input type="checkbox" name="document_kinds" value="invoice"[^>]*>', page)
    assert "data-when" not in kind
    autosave(sender, office, only_with_documents="on", document_kinds=["invoice"])
    row = drafts(office).get()
    assert [one.reason for way in office.forecast(row).ways for one in way.excluded] == ["no_document"]


def test_zones_are_offered(office: Office, sender: Client) -> None:
    page = sender.get(at(office, "campaign-new")).content.decode()
    assert 'list="time-zones"' in page
    assert '<option value="Europe/Warsaw"></option>' in page
    assert '<option value="Etc/GMT+1"></option>' not in page


def test_the_costly_characters_are_named_and_replaced(office: Office, sender: Client) -> None:
    office.people(1)
    answer = autosave(sender, office, text="Łódź {{ first_name }}")
    assert "latin capital letter l with stroke" in words(answer)
    row = drafts(office).get()
    said = FORM | {"campaign": row.pk, "version": row.version, "text": "Łódź {{ first_name }}", "replace": "all"}
    sender.post(at(office, "campaign-save"), said)
    row.refresh_from_db()
    assert row.text == "Lodz {{ first_name }}"


def test_the_preview_shows_whom_one_asks_for(office: Office, sender: Client) -> None:
    office.people(2)
    contacts.create(office.workspace, {"full_name": "Wolfeschlegelstein Long", "phones": ["+48601000000"]}, actor=ACTOR)
    row = office.draft()
    url = at(office, "campaign-preview", row)
    assert "Dear Person0" in words(sender.get(url))
    assert "Dear Wolfeschlegelstein" in words(sender.get(url, {"who": "longest"}))
    assert "tonight" in words(sender.get(url, {"who": "random"}))
    assert "Person1 Last" in words(sender.get(url, {"q": "person1"}))
    assert "no such contact" in words(sender.get(url, {"contact": 10**12}))
    assert "Person1 Last" in words(sender.get(url, {"q": "person1\x00"}))


def test_a_test_goes_to_the_number_that_is_written(office: Office, sender: Client) -> None:
    [contact] = office.people(1)
    row = office.draft()
    url = at(office, "campaign-test", row)
    answer = sender.post(url, {"address": "+48 501 501 501", "contact": contact.pk})
    assert "The test is on its way to +48 501 501 501" in words(answer)
    message = Message.objects.get()
    assert (message.kind, message.to_digits) == ("test", "48501501501")
    assert message.body.startswith("Dear Person0")
    assert sender.post(url, {"address": "12"}).status_code == 422


def test_the_confirmation_says_who_gets_it_and_who_not(office: Office, sender: Client) -> None:
    office.people(3)
    contacts.create(office.workspace, {"full_name": "No Number"}, actor=ACTOR)
    row = office.draft(filter={"field": "full_name", "op": "filled"})
    answer = sender.post(at(office, "campaign-check", row), follow=True)
    assert "Working out" in words(answer)
    planning.run(Uninterrupted(), row.pk, row.version)  # type: ignore[arg-type]
    seen = sender.get(at(office, "campaign-check-live", row), {"seen": "running-0-False"})
    for expected in (
        "3 messages to 4 contacts",
        "1 No phone number",
        "No Number",
        "Echo",
        "Send 3 messages",
        "at once",
    ):
        assert expected in words(seen)
    assert AuditEntry.objects.filter(action="campaign.send").count() == 0
    stale = sender.post(at(office, "campaign-send", row), {"version": row.version + 1})
    assert stale.status_code == 409
    sent = sender.post(at(office, "campaign-send", row), {"version": row.version}, follow=True)
    assert re.search(r"The sending begins in (30|[12]\d) seconds", words(sent))
    again = sender.post(at(office, "campaign-send", row), {"version": row.version}, follow=True)
    assert "The campaign is sent or about to be" in words(again)


def test_all_who_are_left_out_are_a_table(office: Office, sender: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "LISTED", 1)
    office.people(1)
    for name in ("=cmd()", "No Number"):
        contacts.create(office.workspace, {"full_name": name, "login": name}, actor=ACTOR)
    row = office.draft()
    forecast = office.forecast(row)
    assert [len(one.people) for way in forecast.ways for one in way.excluded] == [1]
    page = sender.get(at(office, "campaign-check", row))
    assert "All 2 who are left out" in words(page)
    answer = sender.get(at(office, "campaign-left-out", row))
    found = list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert [(one["name"], one["login"], one["reason"], one["left_out"]) for one in found] == [
        ("'=cmd()", "'=cmd()", "no_number", "No phone number"),
        ("No Number", "No Number", "no_number", "No phone number"),
    ]
    assert not Message.objects.exists()
    services.save(row, {"text": "{{"}, actor=ACTOR, partly=True)
    assert sender.get(at(office, "campaign-left-out", row)).status_code == 422
    Campaign.objects.update(status="sent")
    assert sender.get(at(office, "campaign-left-out", row))["Location"] == at(office, "campaign", row)


def test_without_a_filter_the_number_is_to_be_typed(office: Office, sender: Client) -> None:
    office.people(2)
    row = office.draft()
    office.forecast(row)
    assert "Type how many people that is" in words(sender.get(at(office, "campaign-check", row)))
    send = at(office, "campaign-send", row)
    for wrong in ("", "3", "two"):
        assert sender.post(send, {"version": row.version, "count": wrong}).status_code == 422
    assert sender.post(send, {"version": row.version, "count": "2"}).status_code == 302


def test_it_is_taken_back_paused_resumed_cancelled_and_removed(office: Office, sender: Client) -> None:
    office.people(2)
    row = office.draft()
    office.forecast(row)
    act = at(office, "campaign-act", row)
    running.send(row, count=2, actor=ACTOR)
    assert "It is a draft again" in words(sender.post(act, {"do": "undo"}, follow=True))
    row.refresh_from_db()
    office.sent(row)
    page = at(office, "campaign", row)
    for button, status in (("pause", "Paused"), ("resume", "on their way"), ("cancel", "Cancelled")):
        assert status in words(sender.post(act, {"do": button}, follow=True))
        assert sender.get(page).status_code == 200
    assert "does not stand so" not in words(sender.get(page))
    assert "It is cancelled" in words(sender.post(act, {"do": "pause"}, follow=True))
    assert sender.post(act, {"do": "explode"}).status_code == 400
    answer = sender.post(act, {"do": "remove"}, follow=True)
    assert "Works " not in words(answer)
    assert "Works " in words(sender.get(at(office, "history"), {"status": "Removed"}))


def test_the_page_of_a_campaign_follows_what_becomes_of_it(office: Office, sender: Client) -> None:
    office.people(2)
    contacts.create(office.workspace, {"full_name": "=Evil()", "login": "evil"}, actor=ACTOR)
    row = office.sent(office.draft())
    live = sender.get(at(office, "campaign-live", row))
    assert "0 of 2" in words(live)
    assert live["HX-Trigger"] == "moved"
    same = sender.get(at(office, "campaign-live", row), {"seen": f"{row.status}-0"})
    assert (same.status_code, "HX-Trigger" in same) == (200, False)
    seen = re.search(r"seen=([^\"]+)\"", live.content.decode())
    assert seen
    assert sender.get(at(office, "campaign-live", row), {"seen": seen[1]}).status_code == 204
    page = words(sender.get(at(office, "campaign", row)))
    assert "Person0 Last" in page
    assert "No phone number" in page
    filtered = words(sender.get(at(office, "campaign", row), {"word": "no_number"}))
    assert "Person0 Last" not in filtered.partition("Recipients")[2].partition("The message")[0]
    recipient = row.recipients.exclude(item_id=None).first()
    assert recipient
    shown = sender.get(at(office, "campaign-recipient", row, recipient=recipient.pk))
    assert "Dear Person" in words(shown)
    rows = exported(sender, office, row)
    assert [one["left_out"] for one in rows].count("No phone number") == 1
    assert not [cell for one in rows for cell in one.values() if cell.startswith(("=", "+", "-", "@"))]


def exported(client: Client, office: Office, row: Campaign, **asked: str) -> list[dict[str, str]]:
    table = client.get(at(office, "campaign-export", row), asked).getvalue().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(table)))


def test_one_that_has_ended_follows_the_reports_that_come_later(office: Office, sender: Client) -> None:
    office.people(2)
    row = office.sent(office.draft())
    Outbox.objects.all().delete()
    Message.objects.update(state="submitted")
    watching.run(row.pk)
    live = sender.get(at(office, "campaign-live", row))
    assert 'hx-trigger="every 5s"' in live.content.decode()
    Message.objects.filter(to_digits__endswith="1").update(state="undelivered")
    Message.objects.filter(to_digits__endswith="0").update(state="delivered")
    Campaign.objects.update(tallied_at=timezone.now() - watching.FRESH)
    page = sender.get(at(office, "campaign", row))
    for expected in ("Sent with error", "Delivered 1", "Undelivered 1"):
        assert expected in words(page)
    assert 'id="ask-again"' in page.content.decode()
    assert "hx-trigger" not in sender.get(at(office, "campaign-live", row)).content.decode()


def test_recipients_are_narrowed_by_state_and_name_and_so_is_their_export(office: Office, sender: Client) -> None:
    office.people(3)
    office.people(1, status="blocked")
    row = office.sent(office.draft())
    Outbox.objects.all().delete()
    for message, state in zip(Message.objects.order_by("id"), ("delivered", "submitted", "blocked"), strict=True):
        Message.objects.filter(pk=message.pk).update(state=state)

    def listed(**asked: str) -> list[str]:
        page = sender.get(at(office, "campaign", row), asked).content.decode().partition('id="people"')[2]
        names = re.findall(r"<bdi>(Person\d)", page)
        assert [one["name"].split()[0] for one in exported(sender, office, row, **asked)] == names
        return names

    assert listed() == [f"Person{n}" for n in range(4)]
    assert listed(word="Sent") == ["Person0", "Person1"]
    assert listed(word="exactly-delivered") == ["Person0"]
    assert listed(word="exactly-blocked") == ["Person2"]
    assert listed(word="blocked") == ["Person3"]
    assert listed(q="person1") == ["Person1"]
    assert listed(q="person1", word="exactly-delivered") == []
    assert len(listed(word="odd", q="\x00")) == 4
    api = office.api()
    wanted = (({"state": "delivered"}, 1), ({"q": "+48600"}, 4), ({"word": "Error"}, 1))
    for asked, count in wanted:
        answer = api.get(f"/api/v1/campaigns/{row.pk}/recipients", asked)
        assert len(answer.json()["items"]) == count, asked


def test_a_long_subject_and_a_long_word_for_what_is_missing_become_a_template_and_back(
    office: Office, sender: Client
) -> None:
    save = at(office, "campaign-save")
    subject, default = "s" * LONGEST_SUBJECT, "d" * LONGEST_DEFAULT
    said = FORM | {"send_to": "email", "subject": subject, "missing": "default", "default": default}
    sender.post(save, said | {"do": "save-template", "template_name": "Long"})
    made = Template.objects.get()
    assert (made.subject, made.default) == (subject, default)
    row = drafts(office).get()
    again = FORM | {"campaign": row.pk, "send_to": "email", "do": "use-template", "template_choice": made.pk}
    assert "The text is that of Long." in words(sender.post(save, again, follow=True))
    row.refresh_from_db()
    assert (row.subject, row.default) == (subject, default)


def test_a_file_that_is_taken_off_a_draft_goes_later_unless_something_names_it(office: Office, sender: Client) -> None:
    files = [
        attachments.add(office.workspace, f"{name}.txt", "text/plain", [b"x"], actor=ACTOR)
        for name in ("alone", "copied", "mailed")
    ]
    alone, copied, mailed = (file.pk for file in files)
    row = office.draft(attachments=[alone, copied, mailed])
    services.save(services.copy(row, actor=ACTOR), {"attachments": [copied]}, actor=ACTOR)
    account_of(office, 9)
    Email().post(Order(office.workspace.pk), [Piece(0, "ann@x.example", "Hi", "Hi", attachments=(mailed,))])
    save = at(office, "campaign-save")
    for pk in (alone, copied, mailed):
        sender.post(save, FORM | {"campaign": row.pk, "do": f"drop {pk}"})
    row.refresh_from_db()
    assert row.attachments == []
    jobs = ProcrastinateJob.objects.filter(task_name=leftovers.JOB)
    asked = {job.args["attachment_id"] for job in jobs if job.scheduled_at > timezone.now() + timedelta(hours=23)}
    assert asked == {alone, copied, mailed}
    for pk in asked:
        leftovers.run(pk)
    assert set(Attachment.objects.values_list("pk", flat=True)) == {copied, mailed}
    assert [audience_files.whole(file.path).exists() for file in files] == [False, True, True]


def test_the_history_lists_many_and_single_ones(office: Office, sender: Client) -> None:
    office.people(1)
    office.sent(office.draft())
    running.send_test(office.draft(name="Another"), "+48501501501", user=None, actor=ACTOR)
    url = at(office, "history")
    everything = words(sender.get(url))
    for expected in ("Works", "Another", "+48501501501", "Test", "Mass"):
        assert expected in everything
    assert "Works " not in words(sender.get(url, {"kind": "test"}))
    assert "+48501501501" not in words(sender.get(url, {"channel": "sms", "kind": "mass"})).partition("When")[2]
    assert "Works " in words(sender.get(url, {"q": "wor", "period": "today"}))
    assert "Nothing fits" in words(sender.get(url, {"period": "yesterday"}))
    assert "Nothing fits" in words(sender.get(url, {"status": "Cancelled"}))
    odd = {"period": "custom", "since": "2026-12-31", "until": "2026-01-01"}
    assert sender.get(url, odd | {"status": "odd", "kind": "\x00", "q": "\x00"}).status_code == 200


def test_a_segment_narrows_it_and_a_gone_one_is_nobody(office: Office, sender: Client) -> None:
    office.people(2)
    segment = segments.save(office.workspace, "First", {"field": "login", "op": "is", "value": "p0"}, actor=ACTOR)
    assert "1 customer fits" in words(autosave(sender, office, segment=segment.pk))
    row = drafts(office).get()
    segments.delete(segment, actor=ACTOR)
    assert sender.get(at(office, "campaign-compose", row)).status_code == 200
    for odd in ("9" * 40, "x", "\x00"):
        assert sender.get(at(office, "campaign-new"), {"segment": odd, "text": odd}).status_code == 200
        assert autosave(sender, office, segment=odd, version=odd, text=odd, send_at=odd).status_code == 200
