"""Paths that are the same in every installation find their gateway, and count only when they are proven."""

import json
from dataclasses import replace

import pytest
from tests.support import asgi
from tests.support.echo import PROVIDERS

from gatepost.dispatch.threads import in_thread
from gatepost.gateways.models import Gateway
from gatepost.intake import app
from gatepost.providers import registry
from gatepost.providers.base import MalformedAnswer

LISTED = "/listener/of/caller"
MMS = "/panel/tickets/incoming/caller/mms"


@pytest.fixture
def paths(front, monkeypatch):
    caller = PROVIDERS["caller"]
    manifest = replace(caller.manifest, listen_paths=(LISTED, MMS), callback_names=("Ringer",))
    with_paths = {**PROVIDERS, "caller": replace(caller, manifest=manifest)}
    monkeypatch.setattr(registry, "all_providers", lambda: with_paths)
    return front


def inbound(to: str = "48500", number: str = "7") -> bytes:
    return json.dumps([{"from": "48600100200", "to": to, "text": "hi there", "id": number}]).encode()


async def call(path: str, body: bytes, query: str = "", peer: str = "127.0.0.1"):
    return await asgi.request(app.application, "POST", f"{path}{query}", body, client=(peer, 50000))


async def switch_on(gateway: Gateway, **values) -> None:
    await in_thread(Gateway.objects.filter(pk=gateway.pk).update, fixed_callbacks=True, **values)


def stored(front) -> list[tuple[int]]:
    return front.rows("select gateway_id from inbound_message order by id")


async def test_a_gateway_that_is_not_switched_on_takes_nothing(paths):
    answer = await call("/panel/tickets/incoming/caller", inbound(), f"?k={paths.gateway.callback_token}")
    assert answer.status == 403
    assert answer.json()["remedy"].startswith("Switch fixed callback paths on")
    assert stored(paths) == []


@pytest.mark.parametrize("path", ["/panel/tickets/incoming/caller", "/panel/tickets/incoming/RINGER/", LISTED, MMS])
async def test_a_call_with_the_gateways_secret_is_taken(paths, path):
    await switch_on(paths.gateway)
    assert (await call(path, inbound(), f"?k={paths.gateway.callback_token}")).status == 200
    assert stored(paths) == [(paths.gateway.pk,)]


@pytest.mark.parametrize("query", ["", "?k=", "?k=wrong"])
async def test_a_call_without_any_proof_is_refused(paths, query):
    await switch_on(paths.gateway)
    assert (await call("/panel/tickets/incoming/caller", inbound(), query)).status == 403
    assert stored(paths) == []


async def test_a_call_that_cannot_be_read_proves_nothing(paths, monkeypatch):
    def verify(raw, account):
        raise MalformedAnswer("the body is not multipart")

    every = registry.all_providers()
    caller = replace(every["caller"], verify=verify)
    monkeypatch.setattr(registry, "all_providers", lambda: {**every, "caller": caller})
    await switch_on(paths.gateway)
    assert (await call("/panel/tickets/incoming/caller", b"\xff")).status == 403


async def test_an_address_on_the_list_is_proof_and_any_other_is_refused_even_with_the_secret(paths):
    await switch_on(paths.gateway, callback_ips=["192.0.2.0/24"])
    known = await call("/panel/tickets/incoming/caller", inbound(), peer="192.0.2.9")
    other = await call("/panel/tickets/incoming/caller", inbound(number="8"), f"?k={paths.gateway.callback_token}")
    assert (known.status, other.status) == (200, 403)
    assert stored(paths) == [(paths.gateway.pk,)]


async def test_an_inbound_message_finds_its_gateway_by_the_number_it_was_sent_to(paths):
    second = await paths.add_gateway("caller")
    await switch_on(paths.gateway, callback_ips=["127.0.0.1"], inbound_number="48500")
    await switch_on(second, callback_ips=["127.0.0.1"], inbound_number="48501", prefixes_to_remove=["+48", "48"])
    assert (await call("/panel/tickets/incoming/caller", inbound("48501"))).status == 200
    assert (await call("/panel/tickets/incoming/caller", inbound("48500", "8"))).status == 200
    assert stored(paths) == [(second.pk,), (paths.gateway.pk,)]


async def test_a_receipt_finds_its_gateway_by_the_providers_reference(paths):
    second = await paths.add_gateway("caller")
    await switch_on(paths.gateway, callback_ips=["127.0.0.1"])
    await switch_on(second, callback_ips=["127.0.0.1"])
    await paths.post({"to": "+48600100200", "text": "hello", "gateway": str(second.pk)})
    paths.run("update message set state = 'submitted', provider_ref = 'p1'")
    paths.run("delete from outbox")
    assert (await call(LISTED, json.dumps([{"report": "ok", "key": "p1"}]).encode())).status == 200
    assert paths.rows("select state from message") == [("delivered",)]


async def test_a_name_that_is_no_providers_is_not_found(paths):
    assert (await call("/panel/tickets/incoming/nobody", inbound())).status == 404
