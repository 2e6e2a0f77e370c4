"""One run: the sides take turns at each case, and whatever goes wrong stays in the row of its case."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from tests.bench import page
from tests.bench.catalogue import Case
from tests.bench.measuring import Bench, Measure
from tests.bench.results import Result, Results
from tests.bench.sides import Side
from tests.bench.tools import BenchError

ONE_SAMPLE_S = 900
OUT_OF_TIME = "No time was left for more samples."


class Run:
    """One run of some cases: every fault of a case stays in its row, and what was measured before it is kept."""

    def __init__(
        self,
        bench: Bench,
        measures: Mapping[str, Measure],
        *,
        rounds: int,
        whole_s: float,
        tell: Callable[[str], None],
    ) -> None:
        self._bench = bench
        self._measures = measures
        self._rounds = rounds
        self._tell = tell
        self._until = time.monotonic() + whole_s
        self.results = Results()

    def measure(self, case: Case, sides: Sequence[Side]) -> None:
        """The sides take turns, so that a machine that becomes slower becomes so for all."""
        result = self.results.by_case.setdefault(case.name, Result(case.name))
        for number in range(1 if case.gives_all_samples else self._rounds):
            for side in sides:
                if side.name in result.failures:
                    continue
                if time.monotonic() > self._until:
                    self._leave_out(side, result)
                    continue
                self._measure_once(case, side, result, number)

    def _leave_out(self, side: Side, result: Result) -> None:
        if not result.samples.get(side.name):
            result.fail(side.name, "no time was left for it")
        elif OUT_OF_TIME not in result.remarks:
            result.remarks.append(OUT_OF_TIME)

    def _measure_once(self, case: Case, side: Side, result: Result, number: int) -> None:
        try:
            with deadline(ONE_SAMPLE_S):
                samples = self._measures[case.name](self._bench, side)
        except Exception as error:
            reason = " ".join(f"{error}".split()) or type(error).__name__
            result.fail(side.name, reason[:400])
            self._tell(f"{case.name:12} {side.name:9} failed: {reason}")
            return
        for sample in samples:
            result.add(side.name, sample.value, sample.facts)
            told = "; ".join(f"{name} {value}" for name, value in sample.facts.items())
            self._tell(f"{case.name:12} {side.name:9} {number + 1} {page.figure(sample.value, case.unit)}   {told}")


@contextmanager
def deadline(seconds: int) -> Iterator[None]:
    """Raises BenchError inside the block when it takes longer."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise BenchError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
