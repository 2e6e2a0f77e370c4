"""Providers' callbacks: proven, parsed by the adapter, on disk, and only then answered in the provider's own way."""

import asyncio
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import structlog

from gatepost.dispatch.threads import in_thread
from gatepost.gateways import services
from gatepost.gateways.models import Gateway
from gatepost.inbox.arrivals import arrival_of
from gatepost.inbox.store import Arrival
from gatepost.intake.gathering import Gathering
from gatepost.intake.http import AWAY, Receive, Scope, Send, answer, read_body, unavailable
from gatepost.intake.peers import client_address
from gatepost.intake.spool import Spool, SpoolFull
from gatepost.problems import Problem
from gatepost.providers import base
from gatepost.providers.base import Ack, AdapterError
from gatepost.providers.registry import Provider, provider
from gatepost.providers.wire import RawCallback

log = structlog.get_logger()

KINDS = ("receipt", "inbound", "media", "stop", "any")
MAX_BODY = 8 * 1024 * 1024
FRESH_S = 3.0
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


class CallerGone(Exception):
    """The only "later" this provider understands is a closed connection."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """A gateway as its callbacks meet it."""

    arrival: Arrival
    token: str
    provider: Provider
    account: base.Gateway
    networks: tuple[IPv4Network | IPv6Network, ...]
    public_url: str
    busy_status: int | None

    def knows(self, peer: str) -> bool:
        """Whether the address is on the gateway's list of those that may call back."""
        return bool(peer) and any(ip_address(peer) in network for network in self.networks)


def load_receiver(token: str, public_url: str) -> Receiver | None:
    """The gateway of a callback token, by the ORM."""
    row = Gateway.objects.prefetch_related("secrets", "workspaces").filter(callback_token=token).first()
    return receiver_of(row, public_url) if row else None


def receiver_of(row: Gateway, public_url: str) -> Receiver:
    """The gateway as its callbacks meet it."""
    source = provider(row.provider)
    return Receiver(
        arrival=arrival_of(row),
        token=row.callback_token,
        provider=source,
        account=services.runtime(row),
        networks=tuple(ip_network(text, strict=False) for text in row.callback_ips),
        public_url=public_url,
        busy_status=source.manifest.busy_status,
    )


class CallbackEndpoint:
    """`/cb/<kind>/<token>[/tail]`."""

    def __init__(self, gathering: Gathering, spool: Spool, public_url: str) -> None:
        self._gathering = gathering
        self._spool = spool
        self._public_url = public_url
        self._known: dict[str, tuple[float, Receiver | None]] = {}
        self._loading: dict[str, asyncio.Task[Receiver | None]] = {}

    def forget(self) -> None:
        """Settings have changed: look every gateway up again, but keep them for when the database is away."""
        self._known = {token: (0.0, receiver) for token, (_, receiver) in self._known.items() if receiver}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind, token, tail = _parts(scope["path"])
        receiver = await self._receiver(token)
        if receiver is None or kind not in KINDS:
            raise Problem("not_found")
        peer = client_address(scope)
        if receiver.networks and not receiver.knows(peer):
            log.warning("callback_from_foreign_address", gateway=receiver.arrival.gateway_id)
            raise Problem("forbidden", "This address may not call back to the gateway.")
        await self.answer(receiver, self.raw(scope, kind, tail, peer, await read_body(scope, receive, MAX_BODY)), send)

    async def answer(self, receiver: Receiver, raw: RawCallback, send: Send) -> None:
        """Take the callback, and answer it as the provider wants."""
        try:
            ack = await self._take(receiver, raw)
        except CallerGone:
            await _break_off(send)
            return
        await answer(send, ack.status, ack.body, ack.content_type.encode("latin-1"), _header_bytes(ack))

    async def replay(self, token: str, raw: RawCallback) -> None:
        """A callback from the spool. Raises one of AWAY while the database is away, anything else where it is odd."""
        receiver = await self._receiver(token)
        if receiver is None or receiver.provider.parse_callback is None:
            return
        callback = receiver.provider.parse_callback(raw, receiver.account)
        await self._gathering.store(receiver.arrival, callback.items)

    def raw(self, scope: Scope, kind: str, tail: str, peer: str, body: bytes) -> RawCallback:
        """The request as adapters take it."""
        path = (scope.get("raw_path") or scope["path"].encode()).split(b"?", 1)[0].decode("latin-1")
        query = scope.get("query_string", b"").decode("latin-1")
        return RawCallback(
            kind=kind,
            method=scope["method"],
            url=f"{self._public_url}{path}{'?' + query if query else ''}",
            headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]),
            body=body,
            peer=peer,
            tail=tail,
            received_at=datetime.now(UTC),
        )

    async def _receiver(self, token: str) -> Receiver | None:
        if not TOKEN.fullmatch(token):
            return None
        fresh_until, receiver = self._known.get(token, (0.0, None))
        if time.monotonic() < fresh_until:
            return receiver
        try:
            found = await self._load(token)
        except Exception as error:
            if receiver is not None:
                return receiver
            if isinstance(error, AWAY):
                raise
            log.warning("callback_gateway_not_loaded", cause=type(error).__name__)
            raise unavailable() from None
        if found is not None:
            self._known[token] = (time.monotonic() + FRESH_S, found)
        return found

    async def _load(self, token: str) -> Receiver | None:
        """However many callbacks ask for the gateway at the same time, it is read once."""
        loading = self._loading.get(token)
        if loading is None:
            loading = asyncio.create_task(in_thread(load_receiver, token, self._public_url))
            self._loading[token] = loading
            loading.add_done_callback(lambda _: self._loading.pop(token))
        return await asyncio.shield(loading)

    async def _take(self, receiver: Receiver, raw: RawCallback) -> Ack:
        callback = parse(receiver, raw)
        if not callback.items:
            return callback.ack
        try:
            await self._gathering.store(receiver.arrival, callback.items)
        except AWAY:
            try:
                await asyncio.to_thread(self._spool.put, receiver.token, raw)
            except SpoolFull:
                if receiver.busy_status is None:
                    raise CallerGone from None
                return Ack(receiver.busy_status)
        return callback.ack


def parse(receiver: Receiver, raw: RawCallback) -> base.Callback:
    """What the callback says, once it is proven. Raises Problem for what is not for us or makes no sense."""
    if receiver.provider.parse_callback is None:
        raise Problem("not_found")
    try:
        verified = receiver.provider.verify(raw, receiver.account) if receiver.provider.verify else None
        if verified is False:
            log.warning("callback_with_bad_signature", gateway=receiver.arrival.gateway_id)
            if receiver.account.get("verify_signature") != "log":
                raise Problem("forbidden", "The signature is missing or wrong.")
        return receiver.provider.parse_callback(raw, receiver.account)
    except AdapterError as error:
        raise Problem("bad_request", f"The callback makes no sense: {type(error).__name__}.") from None
    except Problem:
        raise
    except Exception as error:
        log.warning("callback_not_parsed", gateway=receiver.arrival.gateway_id, cause=type(error).__name__)
        raise Problem("bad_request", "The callback makes no sense.") from None


async def _break_off(send: Send) -> None:
    """Promise a body and leave: as near to a closed connection as a server comes that has read the request."""
    await send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"1")]})
    await send({"type": "http.response.body", "body": b"", "more_body": True})


def _parts(path: str) -> tuple[str, str, str]:
    _, _, rest = path.partition("/cb/")
    kind, _, rest = rest.partition("/")
    token, _, tail = rest.partition("/")
    return kind, token, tail


def _header_bytes(ack: Ack) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in ack.headers]
