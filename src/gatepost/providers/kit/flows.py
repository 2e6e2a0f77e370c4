"""Flows that many adapters share."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from gatepost.providers.base import (
    Balance,
    Checked,
    Commit,
    Context,
    Flow,
    Gateway,
    Item,
    Later,
    Receipt,
    Sent,
    Stop,
    call,
)
from gatepost.providers.kit.answers import iso_time
from gatepost.providers.wire import Request, Response
from gatepost.sms.outcomes import Outcome


def ask(request: Request, label: str, refusal: Callable[[Response], Outcome | None]) -> Flow[Response]:
    """A harmless request and its answer; what `refusal` makes of a bad one ends the flow as that outcome."""
    response: Response = yield call(request, label)
    if outcome := refusal(response):
        raise Stop(outcome)
    return response


def since(cursor: str, ctx: Context, first_look: timedelta = timedelta(days=1)) -> datetime:
    """From when to fetch, for a feed that is asked by time: a little before the cursor, so that nothing is missed;
    what comes twice is known by its id."""
    return (iso_time(cursor) or ctx.now - first_look) - timedelta(minutes=5)


def fetched(items: Iterable[Item], ctx: Context, after_s: float = 60.0) -> Flow[Later]:
    """What a feed that is asked by time brought, stored if it is anything, and when to come back: from now on."""
    found, cursor = tuple(items), ctx.now.astimezone(UTC).isoformat()
    if found:
        yield Commit(found, cursor)
    return Later(after_s, cursor)


def key_by_key(
    state_of: Callable[[str, Gateway, Context], Flow[Receipt | None]],
) -> Callable[[tuple[Sent, ...], Gateway, Context], Flow[list[Receipt]]]:
    """A query for providers that tell the state of one id per request; None where the provider does not know the id."""

    def query(sent: tuple[Sent, ...], gw: Gateway, ctx: Context) -> Flow[list[Receipt]]:
        receipts = []
        for key in (key for message in sent for key in message.keys):
            found: Receipt | None = yield from state_of(key, gw, ctx)
            if found is not None:
                receipts.append(found)
        return receipts

    return query


def check_by_balance(
    balance: Callable[[Gateway, Context], Flow[Balance]], unpermitted: tuple[str, ...] = ()
) -> Callable[[Gateway, Context], Flow[Checked]]:
    """A check for providers whose cheapest proof of the settings is the balance. `unpermitted`: codes by which the
    provider knows us, but may not tell us the balance."""

    def check(gw: Gateway, ctx: Context) -> Flow[Checked]:
        try:
            found: Any = yield from balance(gw, ctx)
        except Stop as stop:
            if stop.outcome.code not in unpermitted:
                raise
            return Checked(f"Signed in; these credentials may not read the balance: {stop.outcome.words}")
        return Checked("Signed in; the balance can be read.", balance=found)

    return check
