"""Adapters and simulators were written apart from the same sheets; here each side checks the other."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from tests.integration.simulators.desk import Loopback
from yarl import URL

from gatepost.providers import base
from gatepost.providers.fields import clean
from gatepost.providers.registry import provider
from gatepost.providers.wire import RawCallback, Response
from gatepost.simulators.control import TOKEN_HEADER
from gatepost.simulators.demo import demo_accounts, demo_gateways
from gatepost.simulators.faults import Faults
from gatepost.simulators.server import Server
from gatepost.sms.outcomes import Kind
from gatepost.sms.states import State
from gatepost.transport.driver import Driver

TEXTS = (
    "test",
    "€^{}[]~|\\ @£",
    "Zażółć gęślą jaźń",
    "Привет",
    'emoji 🎉 and "quotes" & 100% + #',
    "line\nbreak %TO% {{text}}",
    "a" * 459,
)
NAMES = [gateway.name for gateway in demo_gateways("http://127.0.0.1:1")]


class Desk:
    """A gateway of the demo with the adapter's functions, driven over the socket."""

    def __init__(self, server: Server, session: aiohttp.ClientSession, name: str, receiver: Any) -> None:
        demo = next(gateway for gateway in demo_gateways(server.url) if gateway.name == name)
        self.provider = provider(demo.provider)
        fields = tuple(replace(field, schemes=("http", "https")) for field in self.provider.manifest.fields)
        settings, faults = clean(fields, demo.settings)
        assert faults == []
        if self.provider.prepare:
            settings = dict(self.provider.prepare(settings))
        self.gateway = base.Gateway(demo.provider, settings, name)
        self.live = server.accounts[demo.account]
        self.demo, self.server, self.session, self.receiver = demo, server, session, receiver

    def context(self, serial: int = 7, *, is_resend: bool = False) -> base.Context:
        return base.Context(
            now=datetime.now(UTC),
            nonce="n",
            serial=serial,
            is_resend=is_resend,
            receipt_url=self.receiver.url + "/cb/receipt/TOKEN",
            inbound_url=self.receiver.url + "/cb/inbound/TOKEN",
        )

    async def run(self, flow: base.Flow[Any]) -> Any:
        value: Any = None
        while True:
            try:
                step = flow.send(value)
            except StopIteration as done:
                return done.value
            assert isinstance(step, base.Call | base.Send), step
            value = await self._exchange(step.request)

    async def _exchange(self, request: Any) -> Response:
        async with self.session.request(
            request.method,
            URL(request.url, encoded=True),
            headers=list(request.headers),
            data=request.body or None,
            allow_redirects=False,
        ) as answer:
            return Response(answer.status, tuple(answer.headers.items()), await answer.read())

    async def submit(self, *messages: base.Message, **context: Any) -> dict[str, Any]:
        result = await Driver(Loopback(self.session)).run_submit(
            self.provider, base.Batch(messages), self.gateway, self.context(**context), before_write=lambda: None
        )
        return result.outcomes

    def parse(self, call: tuple[str, str, dict[str, str], bytes], kind: str) -> base.Callback:
        method, target, headers, body = call
        raw = RawCallback(kind, method, self.receiver.url + target, tuple(headers.items()), body, "127.0.0.1")
        assert self.provider.parse_callback
        return self.provider.parse_callback(raw, self.gateway)

    async def receipts(self, count: int) -> list[base.Receipt]:
        """All receipts once the given number of final ones came."""
        read = 0
        found: list[base.Receipt] = []
        while sum(receipt.state != State.SUBMITTED for receipt in found) < count:
            read += 1
            call = (await self.receiver.wait_for(read))[read - 1]
            found += [item for item in self.parse(call, "receipt").items if isinstance(item, base.Receipt)]
        return found


def message(ref: str, text: str = "test", to: str = "48600100200", sender: str = "48799100100") -> base.Message:
    from gatepost.sms.text import count_segments

    encoding, segments = count_segments(text)
    return base.Message(ref=ref, to=to, text=text, sender=sender, encoding=encoding, segments=segments)


@pytest.fixture(params=NAMES)
async def desk(request, receiver):
    async with Server(demo_accounts(), patience=0.001) as server, aiohttp.ClientSession() as session:
        desk = Desk(server, session, request.param, receiver)
        desk.live.set_faults(Faults())
        desk.live.delivery_s = (0.06, 0.08)
        desk.live.receipt_url = receiver.url + "/cb/receipt/TOKEN"
        desk.live.inbound_url = receiver.url + "/cb/inbound/TOKEN"
        yield desk


def sender_of(desk):
    return desk.demo.sender


@pytest.mark.parametrize("text", TEXTS)
async def test_the_handset_gets_what_was_sent(desk, text):
    results = await desk.submit(message("a1", text, sender=sender_of(desk)))
    assert results["a1"].kind is Kind.ACCEPTED, results
    (taken,) = desk.live.messages
    assert (taken.text, taken.to, taken.sender) == (text, "48600100200", sender_of(desk))
    (final,) = [r for r in await desk.receipts(1) if r.state != State.SUBMITTED]
    assert final.state == State.DELIVERED
    assert final.ref == "a1" or set(final.keys) & set(results["a1"].keys)


async def test_a_batch_is_matched_to_its_recipients(desk):
    if desk.provider.manifest.batch is None:
        pytest.skip("this gateway sends one by one")
    batch = [message(f"a{n}", to=f"4860010020{n}", sender=sender_of(desk)) for n in range(1, 6)]
    results = await desk.submit(*batch)
    assert {ref: result.kind for ref, result in results.items()} == {m.ref: Kind.ACCEPTED for m in batch}
    for sent in batch:
        taken = desk.live.find(results[sent.ref].keys[0])
        assert taken.to == sent.to
    finals = [receipt for receipt in await desk.receipts(5) if receipt.state != State.SUBMITTED]
    assert {key for receipt in finals for key in receipt.keys} >= {r.keys[0] for r in results.values()}


@pytest.mark.parametrize(
    ("ending", "state"),
    [("0001", {State.UNDELIVERED}), ("0002", {State.EXPIRED, State.UNDELIVERED}), ("0006", {State.REJECTED})],
)
async def test_bad_endings_are_understood(desk, ending, state):
    await desk.submit(message("a1", to=f"4860010{ending}", sender=sender_of(desk)))
    (final,) = [receipt for receipt in await desk.receipts(1) if receipt.state != State.SUBMITTED]
    assert final.state in state


async def test_a_bad_number_is_refused(desk):
    results = await desk.submit(message("a1", to="48600100003", sender=sender_of(desk)))
    assert results["a1"].kind is Kind.REFUSED
    assert desk.live.messages == ()


async def test_wrong_credentials_are_an_auth_refusal(desk):
    desk.live.credentials = dict.fromkeys(desk.live.credentials, "changed")
    results = await desk.submit(message("a1", sender=sender_of(desk)))
    assert results["a1"].refusal == "auth"


async def test_a_repeat_is_not_taken_twice_where_the_manifest_says_so(desk):
    dedupe = desk.provider.manifest_for(desk.gateway.settings).dedupe
    if dedupe is None or not dedupe.protects(desk.gateway.settings):
        pytest.skip("this gateway does not recognise a repeat")
    sent = message("a1", sender=sender_of(desk))
    await desk.submit(sent)
    again = await desk.submit(sent, is_resend=True)
    assert again["a1"].kind is Kind.ACCEPTED
    assert len(desk.live.messages) == 1


async def test_a_reply_is_read(desk):
    token = {TOKEN_HEADER: desk.server.token}
    body = {"from": "48600100200", "to": desk.demo.number, "text": "Zażółć & 100%"}
    async with desk.session.post(desk.server.url + "/_phone/reply", json=body, headers=token) as answer:
        assert answer.status == 200
    callback = desk.parse(desk.receiver.calls[0], "inbound")
    (item,) = callback.items
    assert (item.sender, item.recipient, item.text) == ("48600100200", desk.demo.number, "Zażółć & 100%")
    (push,) = desk.live.simulator.inbound(desk.live.compose_reply("1234567", desk.demo.number, "x"), desk.live)
    assert push.repeats.taken(callback.ack.status, callback.ack.body)


async def test_the_answer_to_a_receipt_is_what_the_provider_wants(desk):
    await desk.submit(message("a1", sender=sender_of(desk)))
    (call, *_) = await desk.receiver.wait_for(1)
    ack = desk.parse(call, "receipt").ack
    kinds = {"smsapi": (200, b"OK")}
    assert (ack.status, ack.body) == kinds.get(desk.demo.provider, (200, ack.body))


async def test_balance_check_query_and_look_up(desk):
    results = await desk.submit(message("a1", sender=sender_of(desk)))
    await desk.receipts(1)
    if desk.provider.manifest_for(desk.gateway.settings).receipts.count("query"):
        sent = base.Sent("a1", results["a1"].keys, "48600100200", serial=7)
        (receipt,) = await desk.run(desk.provider.query((sent,), desk.gateway, desk.context()))
        assert receipt.state == State.DELIVERED
    if desk.demo.provider != "generic_http":
        balance = await desk.run(desk.provider.balance(desk.gateway, desk.context()))
        assert balance.amount == desk.live.balance
        checked = await desk.run(desk.provider.check(desk.gateway, desk.context()))
        assert checked.outcome is None
    if desk.provider.find and desk.demo.provider != "generic_http":
        sent = (base.Sent("a1", (), "48600100200"), base.Sent("b2", (), "48600100200"))
        found = await desk.run(desk.provider.find(sent, desk.gateway, desk.context()))
        assert (found["a1"].seen, found["b2"].seen) == (True, False)
