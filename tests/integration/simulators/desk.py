"""A gateway driven by the real driver against its simulator over the socket."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
from tests.integration.simulators.meetings import Meeting
from yarl import URL

from gatepost.providers import base
from gatepost.providers.fields import clean
from gatepost.providers.registry import Provider, provider
from gatepost.providers.wire import RawCallback, Request, Response
from gatepost.simulators.control import TOKEN_HEADER
from gatepost.simulators.engine import LiveAccount
from gatepost.simulators.server import Server
from gatepost.sms.outcomes import Outcome
from gatepost.sms.states import FINAL
from gatepost.sms.text import count_segments
from gatepost.transport.driver import Driver
from gatepost.transport.egress import Reply

SERIAL = 7
WAIT_S = 4.0


@dataclass(frozen=True, slots=True)
class Loopback:
    """Sends exactly what it is given, without the guard."""

    session: aiohttp.ClientSession

    async def exchange(
        self, request: Request, *, deadline: float | None = None, before_write: Callable[[], None] | None = None
    ) -> Reply:
        async with self.session.request(
            request.method,
            URL(request.url, encoded=True),
            headers=list(request.headers),
            data=request.body or None,
            allow_redirects=False,
        ) as answer:
            headers = tuple((name.lower(), value) for name, value in answer.headers.items())
            return Reply(Response(answer.status, headers, await answer.read()), None, request.url, 0.0, 0.0)


class Desk:
    """`live` is the simulated account, `gateway` reaches it, `receiver` keeps what it calls back."""

    def __init__(self, meeting: Meeting, server: Server, session: aiohttp.ClientSession, receiver: Any) -> None:
        self.meeting = meeting
        self.provider: Provider = provider(meeting.slug)
        self.live: LiveAccount = next(iter(server.accounts.values()))
        fields = tuple(replace(field, schemes=("http", "https")) for field in self.provider.manifest.fields)
        settings, faults = clean(fields, meeting.settings(server.url_of(self.live.name), self.live.credentials))
        assert faults == []
        prepared = dict(self.provider.prepare(settings) if self.provider.prepare else settings)
        self.gateway = base.Gateway(meeting.slug, prepared, meeting.name)
        self.manifest = self.provider.manifest_for(prepared)
        self.driver = Driver(Loopback(session))
        self.server, self.session, self.receiver = server, session, receiver
        self.kept: list[base.Item] = []

    def context(self, *, is_resend: bool = False) -> base.Context:
        return base.Context(
            now=datetime.now(UTC),
            nonce="n0nce",
            serial=SERIAL,
            is_resend=is_resend,
            receipt_url=self.receiver.url + "/cb/receipt/TOKEN",
            inbound_url=self.receiver.url + "/cb/inbound/TOKEN",
        )

    def message(self, ref: str, text: str = "test", to: str = "") -> base.Message:
        encoding, segments = count_segments(text)
        return base.Message(
            ref=ref,
            to=to or self.meeting.phone(),
            text=text,
            sender=self.meeting.sender,
            encoding=encoding,
            segments=segments,
        )

    async def submit(self, *messages: base.Message, is_resend: bool = False) -> dict[str, Outcome]:
        result = await self.driver.run_submit(
            self.provider,
            base.Batch(messages),
            self.gateway,
            self.context(is_resend=is_resend),
            before_write=lambda: None,
        )
        return result.outcomes

    async def ask(self, operation: str, *given: Any) -> Any:
        """The value of a query, find, poll, balance or check; an Outcome where the answer was a refusal."""
        flow = getattr(self.provider, operation)
        result = await self.driver.run_flow(
            lambda: flow(*given, self.gateway, self.context()), self.provider, self.gateway, on_commit=self._keep
        )
        return result.outcome or result.value

    async def _keep(self, commit: base.Commit) -> None:
        self.kept += commit.items

    def sent(self, message: base.Message, outcome: Outcome) -> base.Sent:
        return base.Sent(
            message.ref, outcome.keys, message.to, message.sender, serial=SERIAL, submitted_at=datetime.now(UTC)
        )

    async def finals(self, messages: Iterable[base.Message], results: dict[str, Outcome]) -> dict[str, base.Receipt]:
        """The final receipt of every message, by ref, however the provider gives it."""
        waiting = {message.ref: self.sent(message, results[message.ref]) for message in messages}
        found: dict[str, base.Receipt] = {}
        ends = time.monotonic() + WAIT_S
        while len(found) < len(waiting) and time.monotonic() < ends:
            is_pushed = len(waiting) == 1 or self.meeting.pushes_batch
            for receipt in await self._news([sent for ref, sent in waiting.items() if ref not in found], is_pushed):
                owner = next((ref for ref, sent in waiting.items() if _is_about(receipt, sent)), None)
                if owner and receipt.state in FINAL:
                    found.setdefault(owner, receipt)
            await asyncio.sleep(0.02)
        assert len(found) == len(waiting), f"only {found} of {waiting}, last: {self.receiver.calls[-3:]}"
        return found

    async def _news(self, waiting: list[base.Sent], is_pushed: bool) -> list[base.Receipt]:
        if is_pushed and "push" in self.manifest.receipts:
            return [item for item in self.pushed() if isinstance(item, base.Receipt)]
        if "query" in self.manifest.receipts:
            size = self.manifest.query_limit
            found: list[base.Receipt] = []
            for at in range(0, len(waiting), size):
                found += await self.ask("query", tuple(waiting[at : at + size]))
            return found
        return [item for item in await self.polled() if isinstance(item, base.Receipt)]

    def pushed(self) -> list[base.Item]:
        """What is in all callbacks so far; each must be answered as the provider wants it."""
        return [item for call in self.receiver.calls for item in self.parse(call).items]

    def parse(self, call: tuple[str, str, dict[str, str], bytes]) -> base.Callback:
        method, target, headers, body = call
        _, _, kind, _, tail = [*target.partition("?")[0].split("/", 4), ""][:5]
        url = self.receiver.url + target
        raw = RawCallback(kind, method, url, tuple(headers.items()), body, "127.0.0.1", tail, datetime.now(UTC))
        assert self.provider.parse_callback
        assert self.provider.verify is None or self.provider.verify(raw, self.gateway) is not False
        return self.provider.parse_callback(raw, self.gateway)

    async def polled(self) -> list[base.Item]:
        """What all feeds gave so far."""
        for feed in self.manifest.feeds:
            later = await self.ask("poll", feed.name, "")
            assert isinstance(later, base.Later), later
        return self.kept

    async def reply(self, text: str, sender: str = "") -> base.Inbound:
        """A phone writes; what arrives of it."""
        token = {TOKEN_HEADER: self.server.token}
        body = {"from": sender or self.meeting.phone(), "to": self.meeting.number, "text": text}
        async with self.session.post(self.server.url + "/_phone/reply", json=body, headers=token) as answer:
            assert answer.status == 200, await answer.text()
        is_pushed = "push" in self.manifest.inbound_delivery and self.receiver.calls
        items = self.pushed() if is_pushed else await self.polled()
        return next(item for item in reversed(items) if isinstance(item, base.Inbound))


def _is_about(receipt: base.Receipt, sent: base.Sent) -> bool:
    if receipt.ref:
        return receipt.ref == sent.ref
    if receipt.keys and sent.keys:
        return bool(set(receipt.keys) & set(sent.keys))
    return receipt.to == sent.to and receipt.serial in (None, sent.serial)
