"""The generated cases catch adapters that are wrong on purpose: a check that cannot fail proves nothing."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.providers.exchange_files import Exchange
from tests.providers.hostile.families import FAMILIES, faults_of
from tests.providers.hostile.subject import Subject

from gatepost.providers.base import (
    Ack,
    Balance,
    Batch,
    Callback,
    Context,
    Flow,
    Found,
    Gateway,
    Inbound,
    Receipt,
    Results,
    Sent,
    call,
    send,
)
from gatepost.providers.fields import Secret, Text
from gatepost.providers.kit import answers, requests
from gatepost.providers.manifest import Manifest
from gatepost.providers.registry import Provider
from gatepost.providers.wire import RawCallback, Request, Response
from gatepost.sms.outcomes import Refusal, accepted, refused
from gatepost.sms.states import State

URL = "https://api.example/send"
MANIFEST = Manifest(
    slug="naive",
    label="Naive",
    confidence="documented",
    facts="2026-11",
    fields=(Text("login"), Secret("key", default="secret-key")),
)


def request_of(batch: Batch, gw: Gateway) -> Request:
    return requests.post_json(URL, [[m.ref, m.to, m.text, m.sender] for m in batch.messages])


def careful(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    response: Response = yield send(request_of(batch, gw))
    if response.status >= 300:
        raise answers.MalformedAnswer(f"HTTP status {response.status}")
    items = answers.read_json(response).items("list")
    return {item.text("ref"): accepted(item.text("id")) for item in items}


def parse(raw: RawCallback, gw: Gateway) -> Callback:
    return Callback(tuple(_receipt(item) for item in answers.read_json(raw).items()))


def _receipt(item: answers.Node) -> Receipt:
    state = {"D": State.DELIVERED}.get(item.text("status"))
    return Receipt(state, item.text("status"), keys=(item.text("id"),))


def exchange(kind: str, given: Any, result: Any, **answer: Any) -> Exchange:
    steps = [{"expect": {"method": "POST", "url": URL}, "serve": answer}] if answer else []
    return Exchange("naive", "naive.yaml", kind, "composed", "here", kind, {}, {}, given, steps, result)


MESSAGES = [{"ref": "r1", "to": "48100200300", "text": "a"}, {"ref": "r2", "to": "48100200301", "text": "a"}]
LIST = {"list": [{"ref": "r1", "id": "id1"}, {"ref": "r2", "id": "id2"}]}
EXCHANGES = [
    exchange("submit", MESSAGES, {}, json=LIST),
    exchange("receipt", {"json": [{"id": "id1", "status": "D"}, {"id": "id2", "status": "D"}]}, {}),
]
PROVIDER = Provider(MANIFEST, careful, parse)


def faults(provider: Provider, family: str, *more: Exchange) -> list[str]:
    return faults_of(FAMILIES[family], Subject(provider, [*EXCHANGES, *more]))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_careful_adapter_passes(family: str) -> None:
    assert not faults(PROVIDER, family)


def changed(read: Callable[[Batch, Response], Results]) -> Provider:
    def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
        response: Response = yield send(request_of(batch, gw))
        return read(batch, response)

    return replace(PROVIDER, submit=submit)


def _trusts_200(batch: Batch, response: Response) -> Results:
    return batch.all(accepted("id")) if response.status < 300 else batch.all(refused(Refusal.PERMANENT))


def _reads_carelessly(batch: Batch, response: Response) -> Results:
    return {item["ref"]: accepted(str(item["id"])) for item in json.loads(response.body)["list"]}


def _refuses_what_it_cannot_read(batch: Batch, response: Response) -> Results:
    node = answers.maybe_json(response)
    items = [] if node is None or "list" not in node else node.items("list")
    return batch.all(refused(Refusal.PERMANENT)) | {item.text("ref"): accepted(item.text("id")) for item in items}


def _takes_text_of_anything(batch: Batch, response: Response) -> Results:
    items = answers.read_json(response).items("list")
    return {item.maybe_text("ref"): accepted(str(item.value.get("id"))) for item in items}


def _by_position(batch: Batch, response: Response) -> Results:
    ids = [item.text("id") for item in answers.read_json(response).items("list")]
    return {ref: accepted(ids[0]) for ref in batch.refs}


@pytest.mark.parametrize(
    ("read", "family"),
    [
        (_trusts_200, "statuses"),
        (_trusts_200, "retry_after"),
        (_trusts_200, "bodies"),
        (_trusts_200, "truncated"),
        (_trusts_200, "missing_ids"),
        (_reads_carelessly, "bodies"),
        (_reads_carelessly, "odd_values"),
        (_reads_carelessly, "redirects"),
        (_refuses_what_it_cannot_read, "bodies"),
        (_refuses_what_it_cannot_read, "truncated"),
        (_takes_text_of_anything, "missing_ids"),
        (_by_position, "batch_answers"),
    ],
)
def test_a_careless_reader_is_caught(read: Callable[[Batch, Response], Results], family: str) -> None:
    assert faults(changed(read), family)


def _asks(make: Callable[[Batch, Gateway], Request]) -> Provider:
    def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
        response: Response = yield send(make(batch, gw))
        items = answers.read_json(response).items("list")
        return {item.text("ref"): accepted(item.text("id")) for item in items}

    return replace(PROVIDER, submit=submit)


def _unescaped_json(batch: Batch, gw: Gateway) -> Request:
    body = f'{{"text":"{batch.first.text}"}}'.encode()
    return Request("POST", URL, (("content-type", "application/json"),), body)


def _unescaped_xml(batch: Batch, gw: Gateway) -> Request:
    return requests.post_xml(URL, f"<sms><text>{batch.first.text}</text></sms>")


def _unescaped_query(batch: Batch, gw: Gateway) -> Request:
    return Request("GET", f"{URL}?text={batch.first.text}")


def _sender_in_a_header(batch: Batch, gw: Gateway) -> Request:
    return requests.post_json(URL, batch.first.text, headers=(("x-sender", batch.first.sender),))


def _replaces_letters(batch: Batch, gw: Gateway) -> Request:
    return requests.post_json(URL, batch.first.text.encode("ascii", "replace").decode())


@pytest.mark.parametrize(
    ("make", "family"),
    [
        (_unescaped_json, "texts"),
        (_unescaped_xml, "texts"),
        (_unescaped_query, "texts"),
        (_replaces_letters, "texts"),
        (_sender_in_a_header, "senders"),
    ],
)
def test_a_careless_writer_is_caught(make: Callable[[Batch, Gateway], Request], family: str) -> None:
    assert faults(_asks(make), family)


def test_a_secret_in_an_exception_is_caught() -> None:
    def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
        response: Response = yield send(requests.post_json(URL, gw["key"]))
        if gw["key"].encode() in response.body:
            raise answers.MalformedAnswer(f"odd: {response.body!r}")
        return {ref: accepted(ref) for ref in batch.refs}

    assert faults(replace(PROVIDER, submit=submit), "secrets")


@pytest.mark.parametrize(
    "parse_callback",
    [
        lambda raw, gw: Callback(tuple(_receipt(answers.Node(item)) for item in json.loads(raw.body))),
        lambda raw, gw: Callback((Receipt(State.DELIVERED, answers.read_json(raw).items()[0].text("status")),)),
        lambda raw, gw: Callback((Inbound("1", "2", raw.body.decode("utf-8")),)),
        lambda raw, gw: Callback((), Ack(status=0)),
    ],
    ids=["raises", "knows every status", "decodes strictly", "answers nonsense"],
)
def test_a_careless_callback_is_caught(parse_callback: Callable[[RawCallback, Gateway], Callback]) -> None:
    assert faults(replace(PROVIDER, parse_callback=parse_callback), "callbacks")


def test_sending_before_the_sign_in_is_caught() -> None:
    def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
        yield call(requests.get(URL))
        response: Response = yield send(request_of(batch, gw))
        return {item.text("ref"): accepted(item.text("id")) for item in answers.read_json(response).items("list")}

    step = {"expect": {"method": "GET", "url": URL}, "serve": {"json": {}}}
    signed_in = replace(EXCHANGES[0], steps=[step, *EXCHANGES[0].steps])
    found = faults_of(FAMILIES["failures"], Subject(replace(PROVIDER, submit=submit), [signed_in]))
    assert any("sent without what had to be fetched" in fault for fault in found)


def test_junk_taken_for_never_seen_is_caught() -> None:
    def find(sent: tuple[Sent, ...], gw: Gateway, ctx: Context) -> Flow[dict[str, Found]]:
        response: Response = yield call(requests.get(URL))
        return {message.ref: Found(b"id1" in response.body) for message in sent}

    asked = exchange("find", [{"ref": "r1"}], {}, json=[{"id": "id1"}])
    assert faults(replace(PROVIDER, find=find), "asking", asked)


def test_an_exception_while_asking_is_caught() -> None:
    def balance(gw: Gateway, ctx: Context) -> Flow[Balance]:
        response: Response = yield call(requests.get(URL))
        return Balance(json.loads(response.body)["balance"])

    assert faults(replace(PROVIDER, balance=balance), "asking", exchange("balance", None, {}, json={"balance": 1}))


@pytest.mark.parametrize("verdict", [True, None])
def test_a_signature_that_is_not_checked_is_caught(verdict: bool | None) -> None:
    signed = replace(PROVIDER, manifest=replace(MANIFEST, callback_auth="signature"), verify=lambda raw, gw: verdict)
    proven = exchange("receipt", {"json": [{"id": "id1", "status": "D"}]}, {"verify": True})
    assert faults(signed, "signatures", proven)
