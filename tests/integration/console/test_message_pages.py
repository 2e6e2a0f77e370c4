"""Writing a message and following it: who may, what is refused where, and that nothing is sent twice."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tests.support.acme import Acme
from tests.support.sending import NASTY, a_message, a_submission, has_no_markup_of, in_queue
from tests.support.tenants import ACTOR, Tenant, administrator, tenant

from gatepost import urls
from gatepost.dispatch.exchanges import curl
from gatepost.dispatch.models import GatewayLease, Outbox
from gatepost.gateways import sender_ids, services
from gatepost.gateways.models import Gateway
from gatepost.links.models import MessageLink
from gatepost.links.services import set_base_url
from gatepost.messages.models import Message, MessageEvent, Suppression
from gatepost.pages import access as pages
from gatepost.sms.ids import to_ref
from gatepost.sms.outcomes import Refusal
from gatepost.sms.states import State
from gatepost.workspaces.models import Role

pytestmark = pytest.mark.django_db
assert urls.urlpatterns, "importing them declares the pages"

EVERYONE = set(Role)
SENDERS = EVERYONE - {Role.VIEWER}
PAGES = {
    "compose": SENDERS,
    "compose-measure": SENDERS,
    "log": EVERYONE,
    "log-export": EVERYONE,
    "message": EVERYONE,
    "message-live": EVERYONE,
    "message-actions": EVERYONE,
    "inbound": EVERYONE,
    "inbound-media": EVERYONE,
    "inbound-picture": EVERYONE,
    "phone": EVERYONE,
    "phone-live": EVERYONE,
    "phone-write": SENDERS,
    "phone-reply": SENDERS,
    "phone-gateway": {Role.OWNER, Role.OPERATOR},
    "phone-reset": {Role.OWNER, Role.OPERATOR},
    "route-where": EVERYONE,
}
"""Every page of sending and the members who may open it (what may be posted there is tested with each)."""
OURS = (
    "gatepost.messages.views",
    "gatepost.dispatch.views_message",
    "gatepost.inbox.views",
    "gatepost.console.phone_views",
)


@pytest.fixture
def north(acme: Acme) -> Tenant:
    return tenant("North")


@pytest.fixture
def gateway(north: Tenant, acme: Acme) -> Gateway:
    return services.create_gateway(
        [north.workspace], acme.slug, "Acme main", acme.settings(), {"sender": "Acme"}, actor=ACTOR
    )


def at(owner: Tenant, name: str, **parts: Any) -> str:
    route = next(one for one in pages.routes() if one.name == name)
    wanted = re.findall(r"<\w+:(\w+)>", route.address)
    named = {"ref": "0" * 13, "media": 1} | parts
    return reverse(name, kwargs={"workspace": owner.workspace.pk} | {part: named[part] for part in wanted})


def send(owner: Tenant, role: Role = Role.SENDER, **typed: str) -> Any:
    values = {"to": "+48600100200", "text": "Hello", "send": "yes", "once": "a"} | typed
    return owner.console(role).post(at(owner, "compose"), values)


def test_every_page_of_sending_is_in_the_table() -> None:
    assert {one.name for one in pages.routes() if one.view.__module__.startswith(OURS)} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_each_role_opens_what_it_may(north: Tenant, gateway: Gateway, name: str) -> None:
    ref = to_ref(a_message(north.workspace, gateway).pk)
    for role in Role:
        status = north.console(role).get(at(north, name, ref=ref)).status_code
        assert status in ({200, 204, 404, 405} if role in PAGES[name] else {403, 405}), f"{role}: {status}"
        assert (status == 403) <= (role not in PAGES[name])


@pytest.mark.parametrize("name", PAGES)
def test_strangers_and_passers_by_find_nothing(north: Tenant, gateway: Gateway, name: str) -> None:
    ref = to_ref(a_message(north.workspace, gateway).pk)
    south = tenant("South")
    for method in ("get", "post"):
        assert getattr(south.console(Role.OWNER), method)(at(north, name, ref=ref)).status_code in (404, 405)
        passing = getattr(Client(), method)(at(north, name, ref=ref))
        assert passing.status_code in (302, 405)
        if passing.status_code == 302:
            assert passing["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("name", ["message", "message-live"])
def test_another_tenants_message_does_not_exist(north: Tenant, gateway: Gateway, name: str) -> None:
    ref = to_ref(a_message(north.workspace, gateway).pk)
    south = tenant("South")
    client = Client()
    client.force_login(administrator())
    assert client.get(at(south, name, ref=ref)).status_code == 404
    assert south.console(Role.OWNER).get(at(south, name, ref=ref)).status_code == 404
    assert south.console(Role.OWNER).get(at(south, name, ref="nonsense")).status_code == 404


def test_what_is_sent_is_queued_and_shown(north: Tenant, gateway: Gateway) -> None:
    answer = send(north, text="Two\r\nlines", client_ref="order 7", priority="code")
    message = Message.objects.get()
    assert answer["Location"] == at(north, "message", ref=to_ref(message.pk))
    assert (message.body, message.client_ref, message.lane) == ("Two\nlines", "order 7", 0)
    assert message.user == north.member(Role.SENDER)
    assert Outbox.objects.filter(message_id=message.pk).exists()


def test_the_same_form_sends_once(north: Tenant, gateway: Gateway) -> None:
    first, again, other = send(north), send(north), send(north, text="Something else")
    assert first["Location"] == again["Location"] != other["Location"]
    assert Message.objects.count() == 2
    assert send(north, once="b").status_code == 302
    assert Message.objects.count() == 3
    assert send(north, Role.OWNER).status_code == 302, "another person's form is another form"
    assert Message.objects.count() == 4


def test_a_refused_form_may_be_sent_again_corrected_or_not(north: Tenant, gateway: Gateway) -> None:
    suppressed = Suppression.objects.create(workspace=north.workspace, digits="48600100200")
    assert send(north).status_code == 422
    suppressed.delete()
    assert send(north).status_code == 302


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"to": ""}, "to", "There is no phone number. Give one"),
        ({"to": "12"}, "to", "number"),
        ({"text": "  "}, "text", "The text is empty. Write something."),
        ({"text": "a" * 10_001}, "text", "10000"),
        ({"text": "nul\x00"}, "text", "Null characters"),
        ({"sender": "Nobody"}, "sender", "not one of the available choices"),
        ({"gateway": "999"}, "gateway", "not one of the available choices"),
        ({"send_at": "soon"}, "send_at", "valid date"),
        ({"send_at": "0001-01-01T00:00", "zone": "Asia/Tokyo"}, "send_at", ""),
        ({"send_at": "2126-01-01T00:00"}, "send_at", "At most 366 days"),
        ({"send_at": "2027-03-28T02:30", "zone": "Europe/Warsaw"}, "send_at", "may not exist"),
        ({"priority": "yesterday"}, "priority", "not one of the available choices"),
        ({"client_ref": "a\tb"}, "client_ref", "control characters"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    north: Tenant, gateway: Gateway, typed: dict[str, str], field: str, words: str
) -> None:
    answer = send(north, **typed)
    assert answer.status_code == 422
    form = answer.context["form"]
    assert list(form.errors) == [field]
    assert words in form.errors[field][0]
    assert 'data-filled="yes"' in answer.content.decode()
    assert not Message.objects.exists()


def test_without_a_gateway_what_was_typed_stays_and_the_way_on_is_shown(acme: Acme) -> None:
    empty = tenant("Empty")
    answer = send(empty, Role.OWNER, text="Dear customer")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert answer.context["form"].errors["gateway"]
    assert "Dear customer" in page
    assert f'href="{at(empty, "catalogue")}"' in page


def test_a_time_is_meant_in_the_readers_zone(north: Tenant, gateway: Gateway) -> None:
    client = north.console(Role.SENDER)
    client.cookies["zone"] = "America%2FNew_York"
    form = client.get(at(north, "compose")).context["form"]
    assert form["zone"].value() == "America/New_York"
    day = timezone.now() + timedelta(days=30)
    local = f"{day:%Y-%m-%d}T09:30"
    values = {"to": "+48600100200", "text": "Hello", "send": "yes", "zone": form["zone"].value(), "send_at": local}
    client.post(at(north, "compose"), values)
    due = Message.objects.get().due_at
    assert due is not None
    assert due.astimezone(form.zone_in_use).strftime("%Y-%m-%dT%H:%M") == local
    assert due.astimezone(UTC).hour in (13, 14)


def test_a_zone_that_does_not_exist_is_utc(north: Tenant, gateway: Gateway) -> None:
    client = north.console(Role.SENDER)
    for cookie in ("Nowhere/Land", "../../etc/passwd", "\x00", "a" * 5000):
        client.cookies["zone"] = cookie
        assert client.get(at(north, "compose")).context["form"]["zone"].value() == "UTC"


def test_only_approved_sender_ids_are_offered(north: Tenant, gateway: Gateway) -> None:
    for name, is_approved in (("Shop", True), ("Bank", False)):
        sender_ids.decide(
            sender_ids.request_sender_id(north.workspace, name, gateway, actor=ACTOR),
            is_approved=is_approved,
            actor=ACTOR,
        )
    form = north.console(Role.SENDER).get(at(north, "compose")).context["form"]
    assert form.fields["sender"].choices == [("", "The default"), ("Shop", "Shop (for Acme main)")]
    send(north, sender="Shop")
    assert (Message.objects.get().sender, Message.objects.get().sender_reason) == ("Shop", "own")


def measured(owner: Tenant, **typed: str) -> Any:
    return owner.console(Role.SENDER).post(at(owner, "compose-measure"), {"to": "+48600100200"} | typed)


def test_the_preview_counts_and_names_what_costs(north: Tenant, gateway: Gateway) -> None:
    answer = measured(north, text="Zażółć – gęślą jaźń " * 4)
    shown = answer.context["preview"]
    assert (shown.size.encoding, shown.size.segments, shown.saving.after) == ("ucs2", 2, 1)
    assert (shown.gateway, shown.sender, shown.sender_reason) == ("Acme main", "Acme", "the gateway's own")
    page = answer.content.decode()
    assert "latin small letter z with dot above" in page
    assert 'value="17c"' in page
    assert 'id="count"' in page


def test_what_is_counted_sent_and_explained_has_short_links(north: Tenant, gateway: Gateway) -> None:
    set_base_url(north.workspace, "https://go.example", actor=ACTOR)
    Gateway.objects.filter(pk=gateway.pk).update(shorten_links=True)
    text = f"{'x' * 120} https://acme.example/offers/2026/november/everything"
    answer = measured(north, text=text)
    shown = answer.context["preview"]
    assert (shown.size.segments, shown.short_links, len(shown.text)) == (1, 1, 151)
    assert "1 shortened, as Acme main is set" in answer.content.decode()
    assert not MessageLink.objects.exists()
    send(north, text=text)
    message, link = Message.objects.get(), MessageLink.objects.get()
    assert (message.segments, message.body[121:]) == (1, f"https://go.example/s/{link.code}")
    page = north.console(Role.SENDER).get(at(north, "message", ref=to_ref(message.pk)))
    assert "To https://acme.example/offers/2026/november/everything; not opened yet." in page.content.decode()


def test_one_character_or_all_are_replaced_on_request(north: Tenant, gateway: Gateway) -> None:
    one = measured(north, text="Łódź – tak", replace="141")
    assert one.context["preview"].text == "Lódź – tak"
    assert ">\nLódź – tak</textarea>" in one.content.decode()
    every = measured(north, text="Łódź – tak", replace="all")
    assert every.context["preview"].text == "Lodz - tak"
    for nonsense in ("", "zz", "41", "-1", "<b>"):
        assert measured(north, text="Łódź", replace=nonsense).context["preview"].text == "Łódź"


def test_replacing_works_without_script(north: Tenant, gateway: Gateway) -> None:
    answer = north.console(Role.SENDER).post(at(north, "compose"), {"text": "Łódź", "replace": "all"})
    assert answer.status_code == 200
    assert answer.context["form"]["text"].value() == "Lodz"
    assert not Message.objects.exists()


def test_the_preview_warns_of_a_refusal_but_not_of_what_is_unfinished(north: Tenant, gateway: Gateway) -> None:
    suppressed = Suppression.objects.create(workspace=north.workspace, digits="48600100200")
    assert measured(north, text="Hi").context["preview"].trouble.code == "suppressed"
    suppressed.delete()
    assert measured(north, text="Hi", to="").context["preview"].trouble is None
    assert measured(north, text="").context["preview"].trouble is None
    assert measured(north, text="a\x00b").context["preview"].trouble.code == "text_has_nul"


@pytest.mark.parametrize("text", NASTY)
def test_nothing_that_was_typed_becomes_markup(north: Tenant, gateway: Gateway, text: str) -> None:
    message = a_message(
        north.workspace, gateway, body=text, sender=text[:20], client_ref=text, words=text, code=text[:60],
        state="rejected", refusal=Refusal.PERMANENT.value, provider_ref=text,
    )  # fmt: skip
    MessageEvent.objects.create(message_id=message.pk, kind="receipt", detail={"status": text, "words": text, text: 1})
    MessageEvent.objects.create(message_id=message.pk, kind=text[:20], detail={text: text})
    a_submission(message, url=f"https://{text}", body=text, response_body=text, headers=[[text, text]])
    client = north.console(Role.OWNER)
    answers = [client.get(at(north, name, ref=to_ref(message.pk))) for name in ("message", "message-live", "log")]
    answers.append(client.get(at(north, "log"), {"to": text, "period": text, "campaign": text, "cursor": ""}))
    answers += [measured(north, text=text), send(north, text=text, to=text, once=text, draft=text, zone=text)]
    answers.append(client.get(at(north, "compose"), {"to": text, "text": text}))
    for answer in answers:
        assert answer.status_code in (200, 422)
        assert has_no_markup_of(answer.content.decode(), text)


def test_no_secret_is_on_any_page(north: Tenant, gateway: Gateway) -> None:
    message = a_message(north.workspace, gateway)
    a_submission(message, body=f"dlr={gateway.callback_token}", url=f"https://x.example/?cb={gateway.callback_token}")
    client = north.console(Role.OWNER)
    for name in PAGES:
        answer = client.get(at(north, name, ref=to_ref(message.pk)))
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert Acme.secret.encode() not in content
        assert gateway.callback_token.encode() not in content


def test_a_message_tells_its_story(north: Tenant, gateway: Gateway) -> None:
    message = a_message(north.workspace, gateway, user=north.member(Role.SENDER), provider_ref="p-1")
    a_submission(message)
    again = datetime(2026, 11, 20, 12, tzinfo=UTC).isoformat()
    for kind, detail in (
        ("refused", {"class": "bad_sender", "code": "14", "words": "Invalid from", "again_at": again}),
        ("receipt", {"state": "delivered", "status": "DELIVRD", "keys": ["p-1"]}),
        ("receipt", {"status": "STRANGE"}),
        ("something new", {"why": "because"}),
    ):
        MessageEvent.objects.create(message_id=message.pk, kind=kind, detail=detail)
    answer = north.console(Role.VIEWER).get(at(north, "message", ref=to_ref(message.pk)))
    page = answer.content.decode()
    told = {line.title: " ".join(line.words) for line in answer.context["explanation"].timeline}
    assert "From sender@" in told["Accepted"]
    assert "“Invalid from” (code 14)" in told["The provider refused it"]
    assert "Register this sender ID" in told["The provider refused it"]
    assert told["Something new"] == "why: because"
    assert "not recognised" in page
    assert "“DELIVRD”: read as delivered." in page
    assert "Its id there: p-1" in page
    assert "the gateway&#x27;s own" in page
    assert "every 1s" not in page, "a final state brings no more news"


def test_every_state_and_refusal_has_words(north: Tenant, gateway: Gateway) -> None:
    for state in set(State) - {State.SUBMITTING}:
        for refusal in (None, *Refusal):
            message = a_message(north.workspace, gateway, state=state.value, refusal=refusal)
            answer = north.console(Role.VIEWER).get(at(north, "message", ref=to_ref(message.pk)))
            assert answer.context["explanation"].meaning.endswith(".")
            if refusal and state not in (State.DELIVERED, State.SUBMITTED):
                assert "What to do" in answer.content.decode()


def test_a_message_of_a_gateway_that_is_gone_is_still_shown(north: Tenant) -> None:
    message = a_message(north.workspace, None)
    assert "deleted" in north.console(Role.VIEWER).get(at(north, "message", ref=to_ref(message.pk))).content.decode()


def test_a_page_that_has_seen_everything_gets_nothing(north: Tenant, gateway: Gateway) -> None:
    message = a_message(north.workspace, gateway, state="submitted")
    client = north.console(Role.VIEWER)
    address = at(north, "message-live", ref=to_ref(message.pk))
    first = client.get(address)
    assert "every 1s" in first.content.decode()
    seen = {"seen": first.context["seen"]}
    assert client.get(address, seen).status_code == 204
    MessageEvent.objects.create(message_id=message.pk, kind="receipt", detail={"status": "BUFFERED"})
    assert client.get(address, seen).status_code == 200


def test_another_reason_to_wait_is_news_and_a_shorter_queue_is_none(north: Tenant, gateway: Gateway) -> None:
    until = timezone.now() + timedelta(minutes=1)
    lease = GatewayLease.objects.create(gateway=gateway, worker_id="one", expires_at=until)
    before, message = (a_message(north.workspace, gateway, state="queued") for _ in range(2))
    for one in (before, message):
        in_queue(one, due_at=timezone.now() - timedelta(seconds=1))
    client = north.console(Role.VIEWER)
    address = at(north, "message-live", ref=to_ref(message.pk))
    seen = {"seen": client.get(address).context["seen"]}
    Outbox.objects.filter(message_id=before.pk).delete()
    assert client.get(address, seen).status_code == 204
    lease.delete()
    assert client.get(address, seen).status_code == 200


def test_old_and_waiting_messages_are_asked_for_less_often(north: Tenant, gateway: Gateway) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    message = a_message(north.workspace, gateway, state="submitted", created_at=long_ago, state_at=long_ago)
    page = north.console(Role.VIEWER).get(at(north, "message", ref=to_ref(message.pk))).content.decode()
    assert "every 10s" in page


def test_exchanges_that_carried_strangers_messages_are_withheld(north: Tenant, gateway: Gateway) -> None:
    south = tenant("South")
    south.workspace.gateways.add(gateway)
    ours, theirs = a_message(north.workspace, gateway), a_message(south.workspace, gateway, body="A secret of South")
    a_submission(ours, theirs, body="A secret of South")
    address = at(north, "message", ref=to_ref(ours.pk))
    page = north.console(Role.OWNER).get(address).content.decode()
    assert "A secret of South" not in page
    assert "1 more is not shown" in page
    client = Client()
    client.force_login(administrator())
    assert "A secret of South" in client.get(address).content.decode()


def test_an_exchange_is_repeated_by_curl() -> None:
    trace = {
        "method": "POST",
        "url": "https://a.example/?key=•••&x=it's",
        "headers": [["authorization", "Bearer •••"]],
        "body": "text=•••",
    }
    assert curl(trace) == "\n".join(
        (
            ': "${SECRET:?}"',
            "curl --globoff --path-as-is -X POST "
            + """'https://a.example/?key='"$SECRET"'&x=it'"'"'s' """
            + """-H 'authorization: Bearer '"$SECRET" --data-raw text="$SECRET\"""",
        )
    )


def act(owner: Tenant, role: Role, action: str, *messages: Message, **more: str) -> Any:
    values = {"action": action, "ref": [to_ref(message.pk) for message in messages]} | more
    return owner.console(role).post(at(owner, "message-actions"), values)


def test_what_is_asked_for_is_confirmed_first(north: Tenant, gateway: Gateway) -> None:
    unknown, delivered = a_message(north.workspace, gateway, state="unknown"), a_message(north.workspace, gateway)
    asked = act(north, Role.SENDER, "send-again", unknown, delivered)
    page = asked.content.decode()
    assert [one.pk for one in asked.context["fitting"]] == [unknown.pk]
    assert "gets it twice" in page
    assert "1 of those you chose is left out" in page
    assert not Outbox.objects.exists()
    done = act(north, Role.SENDER, "send-again", unknown, confirmed="yes", back=at(north, "log"))
    assert done["Location"] == at(north, "log")
    assert Outbox.objects.get().message_id == unknown.pk
    assert MessageEvent.objects.get(kind="send again").detail["by"] == f"user {north.member(Role.SENDER).email}"


def test_what_has_lost_its_gateway_is_not_sent_again_and_hinders_no_other(north: Tenant, gateway: Gateway) -> None:
    unknown, lost = (a_message(north.workspace, one, state="unknown") for one in (gateway, None))
    page = north.console(Role.SENDER).get(at(north, "message", ref=to_ref(lost.pk))).content.decode()
    assert "cannot be sent again" in page
    assert 'value="send-again"' not in page
    assert 'value="leave"' in page
    asked = act(north, Role.SENDER, "send-again", unknown, lost)
    assert [one.pk for one in asked.context["fitting"]] == [unknown.pk]
    assert "or the gateway was deleted" in asked.content.decode()
    assert "Nothing to do" in act(north, Role.SENDER, "send-again", lost).content.decode()
    done = act(north, Role.SENDER, "send-again", unknown, lost, confirmed="yes", back=at(north, "log"))
    assert done["Location"] == at(north, "log")
    assert [row.message_id for row in Outbox.objects.all()] == [unknown.pk]


def test_unknown_may_be_left_and_queued_cancelled(north: Tenant, gateway: Gateway) -> None:
    unknown = a_message(north.workspace, gateway, state="unknown")
    queued = a_message(north.workspace, gateway, state="queued")
    in_queue(queued)
    act(north, Role.SENDER, "leave", unknown, confirmed="yes")
    act(north, Role.SENDER, "cancel", queued, unknown, confirmed="yes")
    unknown.refresh_from_db()
    queued.refresh_from_db()
    assert (unknown.state, unknown.left_at is not None, queued.state) == ("unknown", True, "cancelled")


def test_actions_do_nothing_to_strangers_messages_and_for_viewers(north: Tenant, gateway: Gateway) -> None:
    unknown = a_message(north.workspace, gateway, state="unknown")
    south = tenant("South")
    assert act(south, Role.OWNER, "send-again", unknown, confirmed="yes").status_code == 404
    assert act(north, Role.VIEWER, "send-again", unknown, confirmed="yes").status_code == 403
    assert act(north, Role.SENDER, "explode", unknown, confirmed="yes").status_code == 400
    assert "Choose messages first" in act(north, Role.SENDER, "cancel").content.decode()
    assert not Outbox.objects.exists()


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_the_way_back_stays_here(north: Tenant, gateway: Gateway, back: str) -> None:
    unknown = a_message(north.workspace, gateway, state="unknown")
    done = act(north, Role.SENDER, "leave", unknown, confirmed="yes", back=back)
    assert done["Location"] == at(north, "log")


def test_viewers_see_no_buttons(north: Tenant, gateway: Gateway) -> None:
    unknown = a_message(north.workspace, gateway, state="unknown")
    for name in ("message", "log"):
        address = at(north, name, ref=to_ref(unknown.pk))
        assert 'name="action"' not in north.console(Role.VIEWER).get(address).content.decode()
        assert 'name="action"' in north.console(Role.SENDER).get(address).content.decode()
