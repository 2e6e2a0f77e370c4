"""What goes into the debug log of a gateway: each request and answer, the texts and numbers of its messages hidden.

What is not known to be harmless is left out: an answer that nothing could be read from may hold anybody's message.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gatepost.dispatch.driven import Driven
from gatepost.dispatch.store import Due
from gatepost.gateways import sms_log
from gatepost.providers.base import Inbound, Item, OptOut, Receipt, Sent
from gatepost.transport.traces import Exchange


def log_submit(driven: Driven, items: Sequence[Due], exchanges: Iterable[Exchange]) -> None:
    """The exchanges of a submit."""
    if driven.is_debugged:
        traces = [exchange.trace() for exchange in exchanges]
        texts, numbers = [item.text for item in items], [item.to for item in items]
        sms_log.write(driven.id, driven.name, traces, texts=texts, numbers=numbers)


def log_asked(driven: Driven, sent: Sequence[Sent], texts: Sequence[str], exchanges: Iterable[Exchange]) -> None:
    """The exchanges of a status query or a look-up; `texts`: of the messages that were asked for."""
    if driven.is_debugged:
        traces = [exchange.trace() for exchange in exchanges]
        sms_log.write(driven.id, driven.name, traces, texts=texts, numbers=[one.to for one in sent])


def log_fed(driven: Driven, items: Sequence[Item], exchanges: Iterable[Exchange]) -> None:
    """The exchanges of a feed that brought these items."""
    if not driven.is_debugged:
        return
    traces = [exchange.trace() for exchange in exchanges]
    if not items:
        traces = [replace(trace, response_body=f"({len(trace.response_body)} characters)") for trace in traces]
    texts = [item.text for item in items if isinstance(item, Inbound)]
    numbers = [number for item in items for number in _numbers(item)]
    sms_log.write(driven.id, driven.name, traces, texts=texts, numbers=numbers)


def _numbers(item: Item) -> tuple[str, ...]:
    match item:
        case Inbound():
            return (item.sender, item.recipient)
        case OptOut():
            return (item.number,)
        case Receipt():
            return (item.to,) if item.to else ()
