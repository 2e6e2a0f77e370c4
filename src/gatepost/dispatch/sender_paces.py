"""The paces of single sender IDs of a gateway, where they are set: each is kept exactly, beside the gateway's own."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from gatepost.dispatch.grouping import NOBODY
from gatepost.dispatch.pacing import WINDOW_S, Pacer
from gatepost.dispatch.store import Due

Units = Callable[[Sequence[Due]], int]
"""What a request with these messages takes of a pace."""


class SenderPaces:
    """`rates`: sender ID to units per second. All times are of one monotonic clock, in seconds."""

    def __init__(self, rates: Mapping[str, float], not_before: float) -> None:
        self._pacers = {sender: Pacer(rate, not_before) for sender, rate in rates.items()}

    def __bool__(self) -> bool:
        return bool(self._pacers)

    def change_rates(self, rates: Mapping[str, float], now: float) -> None:
        """New rates from now on."""
        pacers = self._pacers
        # Of a sender ID without a pace nobody has counted what was written lately.
        self._pacers = {sender: pacers.get(sender) or Pacer(rate, now + WINDOW_S) for sender, rate in rates.items()}
        for sender, rate in rates.items():
            self._pacers[sender].change_rate(rate)

    def waiting(self, now: float) -> frozenset[str]:
        """The sender IDs that may not send now."""
        if not self._pacers:
            return NOBODY
        return frozenset(sender for sender, pacer in self._pacers.items() if pacer.wait_s(now) > 0)

    def wait_s(self, now: float) -> float:
        """How long until the first of those that are waiting may send; 0 where none is."""
        return min((wait_s for pacer in self._pacers.values() if (wait_s := pacer.wait_s(now)) > 0), default=0.0)

    def permit(self, now: float, items: Sequence[Due], units: Units) -> None:
        """Take permits for a request with these messages."""
        for pacer, own in self._own(items, units):
            pacer.permit(now, own)

    def check(self, now: float, items: Sequence[Due], units: Units) -> None:
        """Raises TooFast where a request with these messages may not be written now."""
        for pacer, own in self._own(items, units):
            pacer.check(now, own)

    def written(self, now: float, items: Sequence[Due], units: Units) -> None:
        """Count a request that is about to be written; it has been checked."""
        for pacer, own in self._own(items, units):
            pacer.written(now, own)

    def _own(self, items: Sequence[Due], units: Units) -> Iterator[tuple[Pacer, int]]:
        if not self._pacers:
            return
        by_sender: dict[str, list[Due]] = {}
        for item in items:
            by_sender.setdefault(item.used_sender, []).append(item)
        for sender, own in by_sender.items():
            if sender in self._pacers:
                yield self._pacers[sender], units(own)
