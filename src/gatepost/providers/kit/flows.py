"""Flows that many adapters share."""

from collections.abc import Callable
from typing import Any

from gatepost.providers.base import Balance, Checked, Context, Flow, Gateway, Stop, call
from gatepost.providers.wire import Request, Response
from gatepost.sms.outcomes import Outcome


def ask(request: Request, label: str, refusal: Callable[[Response], Outcome | None]) -> Flow[Response]:
    """A harmless request and its answer; what `refusal` makes of a bad one ends the flow as that outcome."""
    response: Response = yield call(request, label)
    if outcome := refusal(response):
        raise Stop(outcome)
    return response


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
