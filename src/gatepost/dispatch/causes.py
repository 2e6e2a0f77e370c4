"""Why an attempt to hand a message over came to nothing, by what is kept with it. Only what concerns the way to the
provider says that the provider was not reached."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gatepost.dispatch.decide import ADAPTER_FAULT, DATABASE_LOST, LEASE_TOO_SHORT, OVER_THE_PACE
from gatepost.sms.outcomes import Kind, Side
from gatepost.transport.egress import Cause


@dataclass(frozen=True, slots=True)
class Why:
    """`reason`: as part of a sentence. `side`: whose move it is. `title`: of the line that says it was not sent."""

    reason: str
    side: Side
    title: str = ""


_NOT_REACHED: Final = Why("the provider was not reached", Side.PROVIDER, "The provider was not reached")
_NOT_ANSWERED: Final = Why(
    "the provider did not answer what is asked first",
    Side.PROVIDER,
    "Not sent: the provider did not answer what is asked first",
)
_NO_REQUEST: Final = Why("no request could be made of it", Side.OURS, "Not sent: no request could be made of it")
_OTHER: Final = Why("it could not be sent", Side.PROVIDER, "Not sent")
"""What an adapter says in words of its own."""

_BY_CAUSE: Final[Mapping[str, Why]] = {
    Cause.DNS: _NOT_REACHED,
    Cause.CONNECT: _NOT_REACHED,
    Cause.CONNECT_TIMEOUT: _NOT_REACHED,
    Cause.TLS: _NOT_REACHED,
    Cause.DEADLINE: Why("the provider was not reached in time", Side.PROVIDER, "The provider was not reached in time"),
    Cause.PROXY: Why("the proxy refused it", Side.OURS, "Not sent: the proxy refused it"),
    Cause.GUARD: Why(
        "the address in the gateway's settings is not allowed",
        Side.GATEWAY,
        "Not sent: the address in the gateway's settings is not allowed",
    ),
    Cause.BAD_REQUEST: _NO_REQUEST,
    ADAPTER_FAULT: _NO_REQUEST,
    Cause.FAULT: Why("a fault of our own stopped it", Side.OURS, "Not sent: a fault of our own stopped it"),
    Cause.ABORTED: Why("it was stopped before it left", Side.OURS, "Not sent: it was stopped before it left"),
    Cause.TIMEOUT: _NOT_ANSWERED,
    Cause.LOST: _NOT_ANSWERED,
    Cause.CUT_OFF: _NOT_ANSWERED,
    Cause.TOO_LARGE: _NOT_ANSWERED,
    Cause.COMPRESSED: _NOT_ANSWERED,
    Cause.NOT_HTTP: _NOT_ANSWERED,
    OVER_THE_PACE: Why(
        "the pace allowed no more at that moment", Side.OURS, "Held back: the pace allowed no more at that moment"
    ),
    LEASE_TOO_SHORT: Why(
        "the gateway was passing to another worker", Side.OURS, "Held back: the gateway was passing to another worker"
    ),
    DATABASE_LOST: Why("the database was away", Side.OURS, "Held back: the database was away"),
}
_BY_KIND: Final[Mapping[str, Why]] = {
    Kind.THROTTLED: Why("the provider asked for a slower pace", Side.PROVIDER),
    Kind.REFUSED: Why("the provider refused it for the time being", Side.PROVIDER),
    "fallback sender": Why("the provider refused the sender ID", Side.GATEWAY),
    Kind.UNKNOWN: Why("no answer came that can be trusted", Side.PROVIDER),
    "repeat failed": Why("the repetition did not go through", Side.PROVIDER),
}


def why(what: str, detail: Mapping[str, Any]) -> Why:
    """Why the attempt came to nothing of which this event tells: its kind and detail."""
    cause = str(detail.get("cause", ""))
    if what == "expired" and not cause:
        what = Kind.THROTTLED
    return _BY_KIND.get(what) or _BY_CAUSE.get(cause, _OTHER)
