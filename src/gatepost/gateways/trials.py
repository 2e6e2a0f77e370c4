"""Running one of an adapter's harmless flows now, for someone who waits for the answer and wants to see every step."""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from django.conf import settings
from django.utils import timezone

from gatepost.gateways.settings import provider_of
from gatepost.providers import base
from gatepost.providers.registry import Provider
from gatepost.providers.wire import Link
from gatepost.sms.outcomes import Kind, Outcome, Side
from gatepost.transport.addresses import parse_allow_list
from gatepost.transport.client import Client
from gatepost.transport.driver import Driver, FlowResult, SubmitResult
from gatepost.transport.traces import Exchange, Trace, as_curl

PATIENCE_S: Final = 45.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Step:
    """One request and its answer, secrets masked; `curl` repeats it, with the secrets as shell variables."""

    trace: Trace
    curl: str


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What a check or balance run found. `words` for people; `side`, `code` and `advice` where it is not in order.

    `code` is the provider's own where it gave one, else ours.
    """

    ok: bool
    words: str
    steps: tuple[Step, ...]
    side: Side | None = None
    code: str = ""
    advice: str = ""
    balance: base.Balance | None = None


@dataclass(frozen=True, slots=True)
class _Reading:
    """How an outcome that is not a value reads. `{label}`: the provider; `{what}`: its words, or the cause."""

    words: str
    side: Side
    advice: str


_READINGS: Final = {
    Kind.THROTTLED: _Reading("{label} asks for a slower pace. {what}", Side.PROVIDER, "Try again in a while."),
    Kind.NOT_SENT: _Reading(
        "{label} was not reached: {what}",
        Side.GATEWAY,
        "Check the address, the TLS settings and whether this machine may go there.",
    ),
    Kind.UNKNOWN: _Reading(
        "{label} gave no answer that can be trusted: {what}",
        Side.PROVIDER,
        "Look at the exchange; check that the address is that of the API.",
    ),
    Kind.ACCEPTED: _Reading("{label} took it. {what}", Side.PROVIDER, ""),
}


_UNREADABLE: Final = _Reading(
    "{label} gave an answer that cannot be read: {what}",
    Side.PROVIDER,
    "Look at the exchange; check that the address is that of the API.",
)
"""An answer came, so it was reached."""


def attempt(gateway: base.Gateway, start: Callable[[base.Context], base.Flow[T]], *, verify_tls: bool) -> FlowResult[T]:
    """Run the flow to its end, at most PATIENCE_S seconds. Opens connections of its own; not for an event loop."""
    return asyncio.run(_attempt(provider_of(gateway.slug), gateway, start, verify_tls))


def attempt_submit(gateway: base.Gateway, message: base.Message, *, verify_tls: bool) -> SubmitResult:
    """Submit one message now, outside the queue: it is in no log, and nobody waits for its receipt.

    Opens connections of its own; not for an event loop.
    """
    return asyncio.run(_attempt_submit(provider_of(gateway.slug), gateway, message, verify_tls))


def steps(gateway: base.Gateway, exchanges: list[Exchange]) -> tuple[Step, ...]:
    """The exchanges as anyone may see them."""
    names = {
        str(gateway[name]): name.upper()
        for name in provider_of(gateway.slug).manifest.secret_names
        if isinstance(gateway.get(name), str)
    }
    return tuple(Step(exchange.trace(), as_curl(exchange, names)) for exchange in exchanges)


def failed(gateway: base.Gateway, outcome: Outcome, shown: tuple[Step, ...], words: str = "") -> TrialResult:
    """The result where an outcome came instead of a value. `words`: what the adapter itself says of it."""
    label = provider_of(gateway.slug).manifest.label
    is_answered = outcome.kind is Kind.NOT_SENT and bool(shown) and shown[-1].trace.status is not None
    if outcome.policy is not None:
        reading = _Reading("{label} refused: {what}", outcome.policy.side, outcome.policy.advice)
    else:
        reading = _UNREADABLE if is_answered else _READINGS[outcome.kind]
    what = outcome.words or outcome.cause or str(outcome.refusal or "no reason given")
    return TrialResult(
        ok=False,
        words=words or reading.words.format(label=label, what=what).strip(),
        steps=shown,
        side=reading.side,
        code=outcome.code or ("unreadable" if is_answered else str(outcome.refusal or outcome.kind)),
        advice=reading.advice,
    )


async def _attempt(
    provider: Provider, gateway: base.Gateway, start: Callable[[base.Context], base.Flow[T]], verify_tls: bool
) -> FlowResult[T]:
    context = _context()
    async with Client(allow=parse_allow_list(settings.CONFIG["EGRESS_ALLOW"])) as client:
        return await Driver(client).run_flow(
            lambda: start(context),
            provider,
            gateway,
            deadline=time.monotonic() + PATIENCE_S,
            link=Link(verify_tls=verify_tls),
        )


async def _attempt_submit(
    provider: Provider, gateway: base.Gateway, message: base.Message, verify_tls: bool
) -> SubmitResult:
    async with Client(allow=parse_allow_list(settings.CONFIG["EGRESS_ALLOW"])) as client:
        return await Driver(client).run_submit(
            provider,
            base.Batch((message,)),
            gateway,
            _context(),
            deadline=time.monotonic() + PATIENCE_S,
            link=Link(verify_tls=verify_tls),
        )


def _context() -> base.Context:
    return base.Context(now=timezone.now(), nonce=secrets.token_hex(8), serial=1 + secrets.randbelow(2**31 - 1))
