"""The customer portal: its door tells nobody who is known, its links work once, and everybody sees their own alone."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from structlog.testing import capture_logs
from tests.integration.channels.conftest import run
from tests.support.acme import Acme
from tests.support.mail_server import Box
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost.audience import contacts, documents, timeline
from gatepost.audience.models import Contact
from gatepost.channels import attachments, portal_entrance, unsubscribing
from gatepost.channels.base import Excluded, Order, Piece, Run
from gatepost.channels.models import EmailAccount, Mail, Portal, PortalLink, PortalMessage, PortalRequest, PortalSession
from gatepost.channels.portal import CustomerPortal
from gatepost.gateways import services as gateways
from gatepost.messages.models import Message
from gatepost.sms.ids import to_ref
from gatepost.sms.states import State
from gatepost.workspaces.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(north: Tenant) -> Contact:
    Portal.objects.create(workspace=north.workspace, is_open=True, title="North online")
    said = {"full_name": "Ann Ash", "email": "Ann@x.example", "phones": ["+48600100200"], "time_zone": "Europe/Warsaw"}
    return contacts.create(north.workspace, said, actor=ACTOR)


def posted(contact: Contact, subject: str = "Your invoice", **more: Any) -> PortalMessage:
    order = Order(contact.workspace_id, **more.pop("order", {}))
    [made] = CustomerPortal().post(order, [Piece(contact.pk, str(contact.pk), "Hello Ann", subject, **more)])
    assert isinstance(made, int), made
    return PortalMessage.objects.get(pk=made)


def asked(north: Tenant, wanted: str, client: Client | None = None) -> Any:
    """The answer of the door, and then the job is done."""
    answer = (client or Client()).post(f"/portal/{north.workspace.pk}/", {"wanted": wanted})
    for request in PortalRequest.objects.all():
        portal_entrance.answer(request.pk)
    return answer


def signed_in(contact: Contact) -> Client:
    client = Client()
    url = portal_entrance.make_link(contact).removeprefix(settings.CONFIG["PUBLIC_URL"])
    assert client.get(url).status_code == 200
    assert PortalLink.objects.filter(used_at=None).count() == 1, "opening a link does not use it up"
    answer = client.post(url)
    assert answer["Location"] == f"/portal/{contact.workspace_id}/messages/"
    return client


def test_a_link_comes_by_the_way_that_was_asked_for(
    north: Tenant, ann: Contact, account: EmailAccount, box: Box, acme: Acme
) -> None:
    gateways.create_gateway([north.workspace], acme.slug, "Acme", acme.settings(), actor=ACTOR)
    unknown = asked(north, "nobody@x.example")
    by_mail = asked(north, "ann@X.example")
    assert (unknown.status_code, by_mail.status_code) == (200, 200)
    assert unknown.content == by_mail.content
    run(account)
    [sent] = box.messages
    body = sent.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert f"https://gp.example/portal/{north.workspace.pk}/enter/" in body
    assert sent["List-Unsubscribe"] is None
    PortalRequest.objects.all().delete()
    asked(north, "+48 600 100 200")
    message = Message.objects.get()
    assert (message.to_digits, message.kind, message.lane) == ("48600100200", "system", 0)
    assert "/enter/" in message.body


def test_the_door_is_as_quick_for_the_unknown_and_sends_nothing_itself(
    north: Tenant, ann: Contact, account: EmailAccount
) -> None:
    client = Client()
    counts = []
    for wanted in ("ann@x.example", "nobody@x.example"):
        with CaptureQueriesContext(connection) as queries:
            client.post(f"/portal/{north.workspace.pk}/", {"wanted": wanted})
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert not Mail.objects.exists()
    assert not PortalLink.objects.exists()


def test_a_link_that_cannot_be_sent_is_told_to_the_operators_alone(north: Tenant, ann: Contact) -> None:
    unknown = asked(north, "nobody@x.example")
    assert portal_entrance.unsent(north.workspace) == (0, None)
    with capture_logs() as logged:
        known = asked(north, "ann@x.example")
        by_sms = asked(north, "+48600100200")
    assert unknown.content == known.content == by_sms.content
    assert not PortalLink.objects.exists()
    assert [(one["event"], one["by"], one["cause"]) for one in logged] == [
        ("portal_link_not_sent", "email", "no_route"),
        ("portal_link_not_sent", "email", "no_route"),
        ("portal_link_not_sent", "sms", "no_gateway"),
    ]
    assert "ann@x.example" not in str(logged)
    assert "48600100200" not in str(logged)
    assert "/enter/" not in str([logged, *PortalRequest.objects.values()])
    for name in ("portal-messages", "portal-settings"):
        page = north.console(Role.OPERATOR).get(reverse(name, args=[north.workspace.pk])).content.decode()
        assert "2 sign-in links could not be sent" in page
        assert re.search("<p>By SMS: .+ Add a gateway, or", page)
    assert portal_entrance.unsent(tenant("South").workspace) == (0, None)
    PortalRequest.objects.update(asked_at=timezone.now() - portal_entrance.KEPT)
    assert portal_entrance.unsent(north.workspace) == (0, None)


def test_an_address_that_several_have_means_nobody(north: Tenant, ann: Contact, account: EmailAccount) -> None:
    contacts.create(north.workspace, {"full_name": "Bo", "email": "ann@x.example"}, actor=ACTOR)
    asked(north, "ann@x.example")
    assert not PortalLink.objects.exists()


def test_who_asks_too_often_gets_no_more_links(north: Tenant, ann: Contact, account: EmailAccount) -> None:
    for _ in range(8):
        assert asked(north, "ann@x.example").status_code == 200
    assert PortalRequest.objects.count() == portal_entrance.PER_ADDRESS
    assert PortalLink.objects.count() == portal_entrance.PER_CONTACT
    client = Client(REMOTE_ADDR="2001:db8:1::1")
    for number in range(portal_entrance.PER_PEER):
        client.post(f"/portal/{north.workspace.pk}/", {"wanted": f"{number}@x.example"})
    neighbour = Client(REMOTE_ADDR="2001:db8:1::2")
    answer = neighbour.post(f"/portal/{north.workspace.pk}/", {"wanted": "more@x.example"})
    assert answer.status_code == 429
    assert "more@x.example" in answer.content.decode(), "what was typed is kept"
    PortalRequest.objects.update(asked_at=timezone.now() - timedelta(hours=2))
    assert neighbour.post(f"/portal/{north.workspace.pk}/", {"wanted": "more@x.example"}).status_code == 200


def test_a_link_works_once_in_time_and_in_its_own_portal(north: Tenant, ann: Contact) -> None:
    url = portal_entrance.make_link(ann).removeprefix("https://gp.example")
    token = url.rpartition("/")[2]
    south = tenant("South")
    Portal.objects.create(workspace=south.workspace, is_open=True)
    assert Client().post(f"/portal/{south.workspace.pk}/enter/{token}").status_code == 410
    assert Client().post(url).status_code == 302
    assert Client().post(url).status_code == 410
    late = portal_entrance.make_link(ann).removeprefix("https://gp.example")
    PortalLink.objects.filter(used_at=None).update(expires_at=timezone.now())
    assert Client().post(late).status_code == 410
    assert Client().get(f"/portal/{north.workspace.pk}/enter/nonsense").status_code == 200
    assert token not in str(list(PortalLink.objects.values()))


def test_a_customer_reads_and_the_sender_sees_it(north: Tenant, ann: Contact) -> None:
    bill = documents.add_document(
        ann,
        kind="invoice",
        number="7",
        day="2026-01-31",
        amount="1",
        name="i.pdf",
        content=[b"%PDF-1.4 x"],
        actor=ACTOR,
    )
    plan = attachments.add(north.workspace, "plan.txt", "text/plain", [b"the plan"], actor=ACTOR)
    message = posted(ann, "<b>Łódź</b>", documents=(bill.pk,), attachments=(plan.pk,))
    client = signed_in(ann)
    shown = client.get(f"/portal/{north.workspace.pk}/messages/").content.decode()
    assert "&lt;b&gt;Łódź&lt;/b&gt;" in shown
    assert "1 not read yet" in shown
    page = f"/portal/{north.workspace.pk}/messages/{to_ref(message.pk)}/"
    read = client.get(page).content.decode()
    assert "Invoice 7" in read
    assert "plan.txt" in read
    file = client.get(f"{page}files/d{bill.pk}")
    assert file.content == b"%PDF-1.4 x"
    assert file["Content-Disposition"].startswith("attachment")
    assert client.get(f"{page}files/d{bill.pk + 1}").status_code == 404
    standing = CustomerPortal().standings([message.pk])[message.pk]
    assert standing.state is State.DELIVERED
    assert standing.read_at is not None
    first_read = standing.read_at
    client.get(page)
    assert PortalMessage.objects.get().read_at == first_read
    [moment], _ = timeline.of(ann)
    assert (moment.channel, moment.note.partition(" ")[0], moment.url) == ("Customer portal", "read", standing.url)
    listed = north.console(Role.VIEWER).get(f"/w/{north.workspace.pk}/portal/").content.decode()
    assert "not yet" not in listed


def test_nobody_sees_what_is_not_theirs_or_not_there_yet(north: Tenant, ann: Contact) -> None:
    bo = contacts.create(north.workspace, {"full_name": "Bo"}, actor=ACTOR)
    theirs = posted(bo, "For Bo")
    later = posted(ann, "Later", send_at=timezone.now() + timedelta(hours=1))
    client = signed_in(ann)
    shown = client.get(f"/portal/{north.workspace.pk}/messages/").content.decode()
    assert "For Bo" not in shown
    assert "Later" not in shown
    for message in (theirs, later):
        assert client.get(f"/portal/{north.workspace.pk}/messages/{to_ref(message.pk)}/").status_code == 404
    assert client.get(f"/portal/{north.workspace.pk}/messages/nonsense/").status_code == 404
    assert client.get(f"/portal/{north.workspace.pk}/messages/?cursor=nonsense").status_code == 404
    PortalMessage.objects.update(due_at=timezone.now())
    assert "Later" in client.get(f"/portal/{north.workspace.pk}/messages/").content.decode()


def test_the_session_is_of_this_portal_alone_and_ends(north: Tenant, ann: Contact) -> None:
    south = tenant("South")
    Portal.objects.create(workspace=south.workspace, is_open=True)
    client = signed_in(ann)
    cookie = client.cookies["gatepost_portal"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/portal/", True, "Lax")
    assert client.get(f"/portal/{south.workspace.pk}/messages/")["Location"] == f"/portal/{south.workspace.pk}/"
    assert client.get(f"/w/{north.workspace.pk}/").status_code == 302, "the console knows nothing of it"
    assert client.post(f"/portal/{north.workspace.pk}/leave/").status_code == 302
    client.cookies["gatepost_portal"] = cookie.value
    assert client.get(f"/portal/{north.workspace.pk}/messages/").status_code == 302
    other = signed_in(ann)
    PortalSession.objects.update(expires_at=timezone.now())
    assert other.get(f"/portal/{north.workspace.pk}/messages/").status_code == 302
    last = signed_in(ann)
    Portal.objects.filter(workspace=north.workspace).update(is_open=False)
    assert last.get(f"/portal/{north.workspace.pk}/messages/").status_code == 404
    assert Client().get(f"/portal/{north.workspace.pk}/").status_code == 404


def test_every_page_of_the_portal_keeps_the_policy_and_needs_no_script(north: Tenant, ann: Contact) -> None:
    message = posted(ann)
    client = signed_in(ann)
    base = f"/portal/{north.workspace.pk}/"
    token = unsubscribing.address_for(Mail(workspace=north.workspace, to_address="a@x.example", kind="mass"))
    pages = [
        Client().get(base),
        Client().post(base, {"wanted": "x@x.example"}),
        Client().post(base, {"wanted": ""}),
        Client().get(f"{base}enter/x"),
        client.get(f"{base}messages/"),
        client.get(f"{base}messages/{to_ref(message.pk)}/"),
        Client().get(token.removeprefix("https://gp.example")),
    ]
    for answer in pages:
        text = answer.content.decode()
        assert "<script" not in text
        assert "style=" not in text
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert "Gatepost" not in text
        assert answer["Referrer-Policy"] == "same-origin", "without it browsers send no origin with forms"
        assert "no-referrer" not in text
    assert Client().post(base, {"wanted": "\x00" * 300}).status_code == 200


def test_a_campaign_waits_is_held_and_cancelled(north: Tenant, ann: Contact) -> None:
    campaign = Run(north.workspace.pk, 7, timezone.now())
    channel = CustomerPortal()
    posted(ann, order={"campaign_id": 7})
    posted(ann, order={"campaign_id": 7}, send_at=timezone.now() + timedelta(hours=1))
    assert channel.tally(campaign) == {State.DELIVERED: 1, State.QUEUED: 1}
    assert channel.hold(campaign, True) == 1
    PortalMessage.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    assert channel.tally(campaign) == {State.DELIVERED: 1, State.QUEUED: 1}
    assert channel.cancel(campaign, actor=ACTOR) == 1
    assert channel.hold(campaign, False) == 0
    assert channel.tally(campaign) == {State.DELIVERED: 1, State.CANCELLED: 1}


def test_a_closed_portal_takes_nothing(north: Tenant) -> None:
    bo = contacts.create(north.workspace, {"full_name": "Bo"}, actor=ACTOR)
    [refused] = CustomerPortal().post(Order(north.workspace.pk), [Piece(bo.pk, str(bo.pk), "Hello", "News")])
    assert isinstance(refused, Excluded)
    assert [fault.code for fault in CustomerPortal().faults(Order(north.workspace.pk))] == ["portal_closed"]


def test_mass_mails_are_ended_by_a_press_and_by_mail_programs(north: Tenant) -> None:
    mail = Mail(workspace=north.workspace, to_address="ann@x.example", kind="mass")
    url = unsubscribing.address_for(mail).removeprefix("https://gp.example")
    strict = Client(enforce_csrf_checks=True)
    assert strict.get(url).status_code == 200
    assert not unsubscribing.is_suppressed(north.workspace, "ann@x.example"), "looking changes nothing"
    assert strict.post(url, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert unsubscribing.is_suppressed(north.workspace, "ann@x.example")
    assert strict.post(url, {"do": "allow"}).status_code == 200
    assert not unsubscribing.is_suppressed(north.workspace, "ann@x.example")
    assert strict.post(f"{url}x").status_code == 404
