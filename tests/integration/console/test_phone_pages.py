"""The virtual phone and the switches beside it, against real simulators."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from tests.support.acme import Acme
from tests.support.ports import quiet_port
from tests.support.sending import NASTY, a_message, a_submission, has_no_markup_of, in_queue
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost import urls
from gatepost.console import phone
from gatepost.console.remote import Away, Simulators, simulators
from gatepost.dispatch.models import Exchange, Outbox, Submission
from gatepost.gateways import services
from gatepost.gateways.models import Gateway
from gatepost.inbox.models import InboundMessage
from gatepost.messages.models import Message, MessageEvent, Suppression
from gatepost.simulators.demo import demo_accounts
from gatepost.simulators.records import Message as Taken
from gatepost.simulators.server import Server
from gatepost.sms.ids import to_ref
from gatepost.workspaces.models import AuditEntry, Role

pytestmark = pytest.mark.django_db
assert urls.urlpatterns, "importing them declares the pages"


@pytest.fixture
def server() -> Iterator[Server]:
    """Simulators on a thread of their own."""
    loop = asyncio.new_event_loop()
    ports = {account.name: quiet_port() for account in demo_accounts()}
    running = Server(demo_accounts(ports), token="the-token")
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(running.start(), loop).result(60)
    yield running
    asyncio.run_coroutine_threadsafe(running.stop(), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(60)
    loop.close()


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    return tmp_path


@pytest.fixture
def demo(acme: Acme, server: Server, data_folder: Path) -> Tenant:
    """A workspace with two gateways that lead to the simulators, and one that does not."""
    (data_folder / "demo.json").write_text(json.dumps({"simulators": {"url": server.url, "token": "the-token"}}))
    made = tenant("Demo")
    for name, account in (("Warsaw", "warsaw"), ("Cape", "cape"), ("Real", None)):
        row = services.create_gateway([made.workspace], acme.slug, name, acme.settings(), actor=ACTOR)
        if account:
            row.settings["base_url"] = f"{server.url_of(account)}/v1"
            row.save(update_fields=["settings"])
    return made


def gateway(name: str) -> Gateway:
    return Gateway.objects.get(name=name)


def open_page(owner: Tenant, role: Role = Role.OWNER, **query: str) -> Any:
    return owner.console(role).get(reverse("phone", args=[owner.workspace.pk]), query)


def press(owner: Tenant, name: str, role: Role = Role.OWNER, **values: str) -> Any:
    return owner.console(role).post(reverse(name, args=[owner.workspace.pk]), values)


def on_the_handset(server: Server, message: Message, account: str, **more: Any) -> None:
    values: dict[str, Any] = {
        "account": account, "id": "id-1", "reference": to_ref(message.pk), "to": message.to_digits, "sender": "Acme",
        "text": message.body, "segments": 1, "price": 0, "at": 1.0, "state": "delivered", "state_at": 1.0,
    }  # fmt: skip
    server.records.changed(Taken(**(values | more)))


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"simulators": 1}', '{"simulators": {"url": "x"}}'])
def test_without_a_demo_there_is_no_phone_and_the_page_says_so(
    acme: Acme, data_folder: Path, content: str | None
) -> None:
    if content is not None:
        (data_folder / "demo.json").write_text(content)
    assert simulators(data_folder) is None
    north = tenant("North")
    page = open_page(north).content.decode()
    assert "There is no virtual phone here" in page
    assert press(north, "phone-reset", confirmed="yes").status_code == 404


def test_a_workspace_without_a_simulated_gateway_sees_no_phone(demo: Tenant) -> None:
    north = tenant("North")
    assert "There is no virtual phone here" in open_page(north).content.decode()
    assert press(north, "phone-gateway", account="warsaw", do="break").status_code == 404


def test_simulators_that_do_not_run_are_said_to_be_away(acme: Acme, data_folder: Path) -> None:
    port = quiet_port()
    (data_folder / "demo.json").write_text(
        json.dumps({"simulators": {"url": f"http://127.0.0.1:{port}", "token": "x"}})
    )
    north = tenant("North")
    assert "do not answer" in open_page(north).content.decode()
    client = north.console(Role.OWNER)
    assert client.get(reverse("phone-live", args=[north.workspace.pk])).status_code == 204
    for name, values in (("phone-reply", {"reply": "Hi"}), ("phone-gateway", {"do": "slow"}), ("phone-reset", {})):
        assert "do not answer" in press(north, name, **values).content.decode()


def test_what_the_handset_has_is_told_from_what_is_on_its_way(demo: Tenant, server: Server) -> None:
    there = a_message(demo.workspace, gateway("Warsaw"), to_digits=phone.PHONE, body="Arrived")
    by_id = a_message(demo.workspace, gateway("Cape"), to_digits=phone.PHONE, provider_ref="c-9", state="submitted")
    waiting = a_message(demo.workspace, gateway("Warsaw"), to_digits=phone.PHONE, state="queued")
    in_queue(waiting, held="sending disabled")
    a_message(demo.workspace, gateway("Real"), to_digits=phone.PHONE, body="Not simulated")
    on_the_handset(server, there, "warsaw", text="Arrived as this")
    on_the_handset(server, by_id, "cape", id="c-9", reference="", text="By its id")
    answer = open_page(demo, Role.VIEWER)
    texts = {text.message.pk: text for text in answer.context["texts"]}
    assert {pk: (text.is_there, text.tick) for pk, text in texts.items()} == {
        there.pk: (True, "double-check"),
        by_id.pk: (True, "check"),
        waiting.pk: (False, "clock"),
    }
    assert (texts[there.pk].text, texts[by_id.pk].text) == ("Arrived as this", "By its id")
    assert texts[waiting.pk].held == "sending disabled"
    assert "Not simulated" not in answer.content.decode()


def test_the_live_part_says_nothing_twice(demo: Tenant) -> None:
    a_message(demo.workspace, gateway("Warsaw"), to_digits=phone.PHONE, state="submitted")
    client = demo.console(Role.VIEWER)
    address = reverse("phone-live", args=[demo.workspace.pk])
    first = client.get(address)
    assert client.get(address, {"seen": first.context["seen"]}).status_code == 204
    Message.objects.update(state="delivered")
    assert client.get(address, {"seen": first.context["seen"]}).status_code == 200


def test_writing_to_the_phone_is_sending_a_message(demo: Tenant) -> None:
    wanted = {"to": f"+{phone.PHONE}", "number": phone.PHONE, "text": "Hello", "gateway": str(gateway("Cape").pk)}
    assert press(demo, "phone-write", Role.SENDER, **wanted).status_code == 302
    message = Message.objects.get()
    assert (message.to_digits, message.gateway, message.body) == (phone.PHONE, gateway("Cape"), "Hello")
    refused = press(demo, "phone-write", Role.SENDER, **(wanted | {"text": ""}))
    assert refused.status_code == 422
    assert "The text is empty. Write something." in refused.content.decode()


def test_a_reply_that_nobody_waits_for_is_explained(demo: Tenant, server: Server) -> None:
    a_message(demo.workspace, gateway("Warsaw"), to_digits=phone.PHONE)
    answer = demo.console(Role.SENDER).post(
        reverse("phone-reply", args=[demo.workspace.pk]), {"reply": "Hi", "number": phone.PHONE}, follow=True
    )
    assert "has no URL for inbound messages" in answer.content.decode()
    assert (
        "The reply is empty"
        in demo.console(Role.SENDER)
        .post(reverse("phone-reply", args=[demo.workspace.pk]), {"reply": " "}, follow=True)
        .content.decode()
    )


def test_a_reply_answers_through_the_gateway_that_wrote_last(demo: Tenant) -> None:
    found = phone.demo_of(demo.workspace)
    assert found is not None
    assert phone.answers_to(found, phone.PHONE).account.name == "warsaw"
    a_message(demo.workspace, gateway("Cape"), to_digits=phone.PHONE)
    assert phone.answers_to(found, phone.PHONE).account.name == "cape"


def test_switches_change_the_simulated_provider_and_nothing_else(demo: Tenant, server: Server) -> None:
    live = server.accounts["warsaw"]
    assert press(demo, "phone-gateway", account="warsaw", do="break").status_code == 302
    assert live.faults.broken == "refuse"
    assert "broken" in open_page(demo).content.decode()
    press(demo, "phone-gateway", account="warsaw", do="slow")
    assert (live.faults.broken, live.faults.delay_ms) == ("", 4000)
    press(demo, "phone-gateway", account="warsaw", do="repair")
    assert live.faults.delay_ms == 0
    assert server.accounts["cape"].faults.broken == ""
    assert press(demo, "phone-gateway", account="flaky", do="break").status_code == 404, (
        "no gateway of theirs leads there"
    )
    assert press(demo, "phone-gateway", account="warsaw", do="explode").status_code == 400


def test_resetting_asks_first_and_deletes_what_is_simulated_alone(demo: Tenant, server: Server) -> None:
    warsaw, real = gateway("Warsaw"), gateway("Real")
    stranger = tenant("Stranger")
    stranger.workspace.gateways.add(warsaw)
    gone = a_message(demo.workspace, warsaw, state="queued")
    in_queue(gone)
    MessageEvent.objects.create(message_id=gone.pk, kind="receipt")
    kept = [a_message(demo.workspace, real), a_message(stranger.workspace, warsaw)]
    a_submission(gone)
    a_submission(a_message(demo.workspace, warsaw), kept[1])
    for source in ("provider", "manual"):
        Suppression.objects.create(workspace=demo.workspace, digits=f"4860{source == 'manual':d}", source=source)
    for owner in (demo, stranger):
        InboundMessage.objects.create(gateway=warsaw, workspace=owner.workspace, sender="1", dedupe_key=str(owner))
    press(demo, "phone-gateway", account="warsaw", do="break")

    asked = press(demo, "phone-reset")
    assert "2 messages" in asked.content.decode()
    assert Message.objects.count() == 4

    press(demo, "phone-reset", confirmed="yes")
    assert set(Message.objects.values_list("pk", flat=True)) == {message.pk for message in kept}
    assert not Outbox.objects.exists()
    assert not MessageEvent.objects.exists()
    assert [one.message_ids[-1] for one in Submission.objects.all()] == [kept[1].pk]
    assert Exchange.objects.count() == 1
    assert InboundMessage.objects.get().workspace == stranger.workspace
    assert Suppression.objects.get().source == "manual"
    assert server.accounts["warsaw"].faults.broken == ""
    assert AuditEntry.objects.get(action="demo.reset").detail == {"messages": 2}


def test_only_those_who_may_change_gateways_break_or_reset(demo: Tenant, server: Server) -> None:
    for role in (Role.SENDER, Role.AGENT, Role.VIEWER):
        assert press(demo, "phone-gateway", role, account="warsaw", do="break").status_code == 403
        assert press(demo, "phone-reset", role, confirmed="yes").status_code == 403
        assert "Break this gateway" not in open_page(demo, role).content.decode()
    assert press(demo, "phone-write", Role.VIEWER, text="Hi").status_code == 403
    assert 'name="reply"' not in open_page(demo, Role.VIEWER).content.decode()
    assert server.accounts["warsaw"].faults.broken == ""


@pytest.mark.parametrize("number", ["", "12", "abc", "9" * 40, "<script>", "²²²²²²²²²"])
def test_a_number_that_is_none_is_the_demos_own(demo: Tenant, number: str) -> None:
    assert open_page(demo, number=number).context["number"] == phone.PHONE


@pytest.mark.parametrize("text", NASTY)
def test_no_text_on_the_phone_becomes_markup(demo: Tenant, server: Server, text: str) -> None:
    message = a_message(demo.workspace, gateway("Warsaw"), to_digits=phone.PHONE, body=text, sender=text[:20])
    on_the_handset(server, message, "warsaw")
    assert has_no_markup_of(open_page(demo).content.decode(), text)
    assert has_no_markup_of(press(demo, "phone-write", text=text, to=text, gateway=text).content.decode(), text)


def test_the_token_of_the_simulators_is_on_no_page(demo: Tenant) -> None:
    assert "the-token" not in open_page(demo).content.decode()
    found = simulators(settings.DATA_DIR)
    assert "the-token" not in repr(found)


def test_whatever_else_answers_counts_as_away(server: Server) -> None:
    for stranger in (Simulators(server.url, "wrong"), Simulators(server.url_of("warsaw"), "the-token")):
        with pytest.raises(Away):
            stranger.accounts()


def test_passers_by_are_asked_to_sign_in(demo: Tenant) -> None:
    assert Client().get(reverse("phone", args=[demo.workspace.pk])).status_code == 302
