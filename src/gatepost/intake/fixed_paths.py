"""Callback paths that are the same in every installation, for operators who have them configured at the provider.

    /panel/tickets/incoming/<provider or alias>, any case     and what a manifest lists under `listen_paths`

Such a path carries no secret. A gateway takes part only when it is switched on there, and a call counts only when it
is proven: from an address on the gateway's list, by `?k=` with its callback token, or by the provider's signature.
"""

import hmac
from typing import Any, Final
from urllib.parse import parse_qs

import structlog
from psycopg_pool import AsyncConnectionPool

from gatepost.dispatch.threads import in_thread
from gatepost.gateways.models import Gateway
from gatepost.inbox.store import number
from gatepost.intake.callbacks import MAX_BODY, CallbackEndpoint, Receiver, parse, receiver_of
from gatepost.intake.http import Receive, Scope, Send, read_body
from gatepost.intake.peers import client_address
from gatepost.problems import Problem
from gatepost.providers import registry
from gatepost.providers.base import Inbound, Item, Receipt
from gatepost.providers.registry import Provider
from gatepost.providers.wire import RawCallback
from gatepost.sms.ids import from_ref

log = structlog.get_logger()

INCOMING: Final = "/panel/tickets/incoming/"
OWNER = """
    select gateway_id from message where id = any(%(refs)s) and gateway_id = any(%(gateways)s)
    union all
    select gateway_id from message where provider_ref = any(%(keys)s) and gateway_id = any(%(gateways)s)
    union all
    select gateway_id from message_part where key = any(%(keys)s) and gateway_id = any(%(gateways)s)
    limit 1
"""


def meant(path: str) -> tuple[Provider, str] | None:
    """The provider and the kind of callback that a fixed path stands for; None for any other path."""
    plain = path.rstrip("/").lower()
    listed = _listed().get(plain)
    if listed is not None:
        return listed, "media" if plain.endswith("/mms") else "any"
    if not plain.startswith(INCOMING):
        return None
    named = registry.by_callback_name(plain.removeprefix(INCOMING))
    return (named, "inbound") if named else None


def is_fixed(path: str) -> bool:
    """Whether a path is one of these, whoever it may be for."""
    plain = path.rstrip("/").lower()
    return plain.startswith(INCOMING) or plain in _listed()


def _listed() -> dict[str, Provider]:
    every = registry.all_providers().values()
    return {path.lower(): provider for provider in every for path in provider.manifest.listen_paths}


class FixedPathEndpoint:
    """Finds the gateway that a call on a fixed path is for, and hands it to the callbacks."""

    def __init__(self, pool: AsyncConnectionPool[Any], callbacks: CallbackEndpoint, public_url: str) -> None:
        self._pool = pool
        self._callbacks = callbacks
        self._public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = meant(scope["path"])
        if found is None:
            raise Problem("not_found")
        provider, kind = found
        peer = client_address(scope)
        raw = self._callbacks.raw(scope, kind, "", peer, await read_body(scope, receive, MAX_BODY))
        receivers = await in_thread(_switched_on, provider.slug, self._public_url)
        proven = [receiver for receiver in receivers if _is_proven(receiver, raw)]
        if not proven:
            log.warning("fixed_path_refused", provider=provider.slug, switched_on=len(receivers))
            raise Problem(
                "forbidden",
                "No gateway takes this call: none is switched on for fixed paths, or the call is not proven.",
                remedy="Switch fixed callback paths on at the gateway, and add the caller's address or ?k= to it.",
            )
        receiver = proven[0] if len(proven) == 1 else await self._owner(proven, raw)
        await self._callbacks.answer(receiver, raw, send)

    async def _owner(self, receivers: list[Receiver], raw: RawCallback) -> Receiver:
        """By destination number, else by the reference of a message that went through it, else the first."""
        items = parse(receivers[0], raw).items
        for receiver in receivers:
            if any(_is_for(receiver, item) for item in items if isinstance(item, Inbound)):
                return receiver
        receipts = [item for item in items if isinstance(item, Receipt)]
        by_id = {receiver.arrival.gateway_id: receiver for receiver in receivers}
        owner = await self._of_receipts(receipts, list(by_id)) if receipts else None
        return by_id[owner] if owner in by_id else receivers[0]

    async def _of_receipts(self, receipts: list[Receipt], gateways: list[int]) -> int | None:
        refs = [parsed[0] for receipt in receipts if (parsed := from_ref(receipt.ref))]
        keys = [key for receipt in receipts for key in receipt.keys]
        async with self._pool.connection() as connection:
            cursor = await connection.execute(OWNER, {"refs": refs, "keys": keys, "gateways": gateways})
            row = await cursor.fetchone()
        return row[0] if row else None


def _switched_on(slug: str, public_url: str) -> list[Receiver]:
    rows = Gateway.objects.prefetch_related("secrets", "workspaces").filter(provider=slug, fixed_callbacks=True)
    return [receiver_of(row, public_url) for row in rows.order_by("id")]


def _is_proven(receiver: Receiver, raw: RawCallback) -> bool:
    """A list of addresses binds: who is not on it is refused whatever else is right."""
    if receiver.networks:
        return receiver.knows(raw.peer)
    given = parse_qs(raw.query).get("k", [""])[0]
    if given and hmac.compare_digest(given.encode(), receiver.token.encode()):
        return True
    verify = receiver.provider.verify
    try:
        return verify is not None and verify(raw, receiver.account) is True
    except Exception as error:
        # Anybody may call here: what makes no sense proves nothing, and keeps it from no other gateway.
        log.warning("fixed_path_not_read", gateway=receiver.arrival.gateway_id, cause=type(error).__name__)
        return False


def _is_for(receiver: Receiver, item: Item) -> bool:
    wanted, prefixes = receiver.arrival.inbound_number, receiver.arrival.prefixes
    return isinstance(item, Inbound) and bool(wanted) and number(item.recipient, prefixes) == number(wanted, prefixes)
