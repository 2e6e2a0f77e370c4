"""A provider for tests of the engine, and its other side as an egress: it writes down what it takes, then answers."""

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from gatepost.providers.base import (
    Ack,
    Batch,
    Callback,
    Commit,
    Context,
    Flow,
    Found,
    Gateway,
    Inbound,
    Item,
    Later,
    OptOut,
    Receipt,
    Results,
    Sent,
    call,
    send,
)
from gatepost.providers.fields import Flag, Secret, Url
from gatepost.providers.kit.answers import read_json
from gatepost.providers.kit.requests import post_json
from gatepost.providers.kit.tables import THROTTLED, Refused, States
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Dedupe, Feed, Manifest, SenderRule
from gatepost.providers.registry import Provider
from gatepost.providers.wire import RawCallback, Request, Response
from gatepost.sms.outcomes import Refusal, accepted
from gatepost.sms.states import State
from gatepost.transport.egress import Cause, Failure, Reply

REFUSED = Refused(
    {
        "bad_number": (Refusal.BAD_RECIPIENT, "no such number"),
        "bad_sender": (Refusal.BAD_SENDER, "sender not registered"),
        "busy": (Refusal.TEMPORARY, "try later"),
        "no_money": (Refusal.NO_CREDIT, "account empty"),
        "again": (Refusal.DUPLICATE, "seen before"),
        "slow": (THROTTLED, "slow down"),
    }
)
POISON = "this text is too much for the adapter"
STATES = States({"ok": (State.DELIVERED, "delivered"), "no": (State.UNDELIVERED, "failed")})

MANIFEST = Manifest(
    slug="echo",
    label="Echo",
    confidence="documented",
    facts="2026-11",
    fields=(Url("base_url", default="https://echo.example"), Secret("api_key", default="k"), Flag("flag")),
    batch=Batching(100),
    sender=SenderRule(r"[A-Za-z0-9]{1,11}", "1 to 11 letters and digits."),
    receipts=("push", "query"),
    query_limit=50,
)


def _submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    if any(message.text == POISON for message in batch.messages):
        raise ZeroDivisionError
    body = [{"ref": m.ref, "to": m.to, "text": m.text, "sender": m.sender} for m in batch.messages]
    answer = yield send(post_json(gw.url("/send"), {"serial": ctx.serial, "messages": body}))
    if answer.status == 429:
        return batch.all(REFUSED.outcome("slow", retry_after_s=0.2))
    results: Results = {}
    for item in read_json(answer).items():
        error = item.maybe_text("error")
        results[item.text("ref")] = REFUSED.outcome(error) if error else accepted(*item.text("id").split(","))
    return results


def _query(sent: tuple[Sent, ...], gw: Gateway, ctx: Context) -> Flow[list[Receipt]]:
    answer = yield call(post_json(gw.url("/query"), [one.ref for one in sent]))
    return [_receipt(item) for item in read_json(answer).items()]


def _receipt(item: Any) -> Receipt:
    return Receipt(STATES.state(item.text("status")), item.text("status"), ref=item.text("ref"))


def _find(sent: tuple[Sent, ...], gw: Gateway, ctx: Context) -> Flow[dict[str, Found]]:
    answer = yield call(post_json(gw.url("/find"), [one.ref for one in sent]))
    seen = {item.text("ref"): item.text("id") for item in read_json(answer).items()}
    return {one.ref: Found(one.ref in seen, (seen[one.ref],) if one.ref in seen else ()) for one in sent}


ECHO = Provider(MANIFEST, _submit, query=_query)


def _poll(feed: str, cursor: str, gw: Gateway, ctx: Context) -> Flow[Later]:
    answer = yield call(post_json(gw.url("/feed"), cursor))
    items = tuple(_receipt(item) for item in read_json(answer).items())
    if items:
        yield Commit(items, items[-1].ref)
    return Later(0.2, items[-1].ref if items else cursor)


FINDER = replace(ECHO, manifest=replace(MANIFEST, slug="finder"), find=_find)
KNOWS_REFS = replace(
    ECHO, manifest=replace(MANIFEST, slug="knows_refs", dedupe=Dedupe("message", window_s=3600, answers="refuses"))
)
KNOWS_REQUESTS = replace(
    ECHO, manifest=replace(MANIFEST, slug="knows_requests", dedupe=Dedupe("request", window_s=3600, answers="same"))
)
ALIKE = replace(ECHO, manifest=replace(MANIFEST, slug="alike", batch=Batching(100, same=("sender", "text"))))
FED = replace(ECHO, manifest=replace(MANIFEST, slug="fed", receipts=("poll",), feeds=(Feed("reports"),)), poll=_poll)


def _parse_callback(raw: RawCallback, gw: Gateway) -> Callback:
    """`[{"report", "ref"?, "key"?}, {"from", "to", "text", "id"?, "answers"?, "part"?}, {"stop": number}, ...]`"""
    return Callback(tuple(_called_back(item) for item in read_json(raw).items()), Ack(body=b"thanks"))


def _called_back(item: Any) -> Item:
    if status := item.maybe_text("report"):
        key = item.maybe_text("key")
        return Receipt(STATES.state(status), status, keys=(key,) if key else (), ref=item.maybe_text("ref") or "")
    if number := item.maybe_text("stop"):
        return OptOut(number, "STOP")
    part = item.value.get("part")
    return Inbound(
        item.text("from"),
        item.text("to"),
        item.text("text"),
        id=item.maybe_text("id") or "",
        answers=tuple(map(str, item.value.get("answers", ()))),
        part=(str(part[0]), part[1], part[2]) if part else None,
    )


CALLER = replace(ECHO, manifest=replace(MANIFEST, slug="caller", busy_status=421), parse_callback=_parse_callback)
CLOSER = replace(CALLER, manifest=replace(MANIFEST, slug="closer", busy_status=None))
PROVIDERS = {one.slug: one for one in (ECHO, FINDER, KNOWS_REFS, KNOWS_REQUESTS, ALIKE, FED, CALLER, CLOSER)}

NO_ANSWER = Failure(Cause.TIMEOUT, True)
NO_CONNECTION = Failure(Cause.CONNECT, False)

Behaviour = Callable[[list[dict[str, str]]], Response | Failure | None]


@dataclass
class EchoProvider:
    """The other side. `behave` may answer instead of it; `delay_s` before every answer, which also waits for
    `may_answer`.

    `lost_answers`: it takes so many requests without anybody hearing of it. `knows_refs`, `knows_requests`: how it
    tells repetitions. `states`: what it says to queries and in its feed, by reference. `broken`: hosts that refuse
    connections. `taken_by`: the host that took a message, by reference.
    """

    behave: Behaviour | None = None
    delay_s: float = 0.0
    may_answer: asyncio.Event | None = None
    lost_answers: int = 0
    knows_refs: bool = False
    knows_requests: bool = False
    log: list[dict[str, str]] = field(default_factory=list)
    requests: list[list[str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    taken_by: dict[str, str] = field(default_factory=dict)
    written_at: list[float] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    async def exchange(
        self, request: Request, *, deadline: float | None = None, before_write: Callable[[], None] | None = None
    ) -> Reply:
        if before_write is not None:
            try:
                before_write()
            except Exception as stop:
                return _failed(request, Failure(Cause.ABORTED, False, type(stop).__name__))
        self.written_at.append(asyncio.get_running_loop().time())
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        host = urlsplit(request.url).hostname or ""
        try:
            answer = NO_CONNECTION if host in self.broken else self._answer(request)
            await asyncio.sleep(self.delay_s)
            if self.may_answer is not None:
                await self.may_answer.wait()
        finally:
            self.in_flight -= 1
        if isinstance(answer, Failure):
            return _failed(request, answer)
        if request.url.endswith("/send"):
            self.taken_by |= dict.fromkeys((message["ref"] for message in json.loads(request.body)["messages"]), host)
        return Reply(answer, None, request.url, 0.1, 0.2)

    def accepted_refs(self) -> list[str]:
        return [message["ref"] for message in self.log]

    def _answer(self, request: Request) -> Response | Failure:
        body: Any = json.loads(request.body)
        if request.url.endswith("/query"):
            return _json([{"ref": ref, "status": self.states[ref]} for ref in body if ref in self.states])
        if request.url.endswith("/feed"):
            return _json([{"ref": ref, "status": self.states[ref]} for ref in sorted(self.states) if ref > body])
        if request.url.endswith("/find"):
            return _json([{"ref": ref, "id": f"id-{ref}"} for ref in body if ref in self.accepted_refs()])
        messages = body["messages"]
        self.requests.append([message["ref"] for message in messages])
        is_repeated = request.body in self.bodies
        self.bodies.append(request.body)
        if self.behave is not None and (answer := self.behave(messages)) is not None:
            return answer
        if self.knows_requests and is_repeated:
            return taken(messages)
        if self.knows_refs and messages[0]["ref"] in self.accepted_refs():
            return refused(messages, "again")
        self.log.extend(messages)
        if self.lost_answers > 0:
            self.lost_answers -= 1
            return NO_ANSWER
        return taken(messages)


def taken(messages: Iterable[dict[str, str]]) -> Response:
    return _json([{"ref": message["ref"], "id": f"id-{message['ref']}"} for message in messages])


def refused(messages: Iterable[dict[str, str]], error: str) -> Response:
    return _json([{"ref": message["ref"], "error": error} for message in messages])


def _json(value: Any) -> Response:
    return Response(200, (("content-type", "application/json"),), json.dumps(value).encode())


def _failed(request: Request, failure: Failure) -> Reply:
    return Reply(None, failure, request.url, 0.1, 0.2)
