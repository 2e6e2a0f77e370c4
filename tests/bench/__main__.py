"""`make bench`: measures, prints the table, and (when all cases were measured in full) writes docs/benchmarks.md."""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from tests.bench import machine, measuring, page, results
from tests.bench.acceptlog import Unproven
from tests.bench.catalogue import CASES, IDS, Case
from tests.bench.kannel import Kannel
from tests.bench.measuring import Bench, Measure, Sizes
from tests.bench.ours import Ours
from tests.bench.results import Result, Results
from tests.bench.sides import Side, World
from tests.bench.tools import BenchError, FakeProvider, Tools, build

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "benchmarks.md"
KEPT = DOCS / "benchmarks" / "results.json"
ROUNDS = 3
ONE_SAMPLE_S = 420
WHOLE_RUN_S = 24 * 60.0

MEASURES: dict[str, Measure] = {
    "F1": measuring.single,
    "F2": measuring.campaign,
    "F2 at 50 ms": measuring.slow_campaign,
    "F3": measuring.batches,
    "F4": measuring.receipts,
    "F5": measuring.bulk_accept,
    "F6": measuring.codes,
    "F9": measuring.memory,
    "F11": measuring.start,
}
SEVERAL_SAMPLES = {"F9"}
"""Cases that give all their samples in one go."""


class Run:
    """One run of some cases: every fault of a case stays in its row, and what was measured before it is kept."""

    def __init__(self, bench: Bench, sides: Sequence[Side], rounds: int, tell: Callable[[str], None]) -> None:
        self._bench = bench
        self._sides = sides
        self._rounds = rounds
        self._tell = tell
        self._until = time.monotonic() + WHOLE_RUN_S
        self.results = Results()

    def measure(self, case: Case) -> None:
        """The sides take turns, so that a machine that becomes slower becomes so for all."""
        result = self.results.by_case.setdefault(case.name, Result(case.name))
        rounds = 1 if case.name in SEVERAL_SAMPLES else self._rounds
        for number in range(rounds):
            for side in self._sides:
                if side.name in result.failures:
                    continue
                if time.monotonic() > self._until:
                    result.fail(side.name, "no time was left for it")
                    continue
                self._measure_once(case, side, result, number)

    def _measure_once(self, case: Case, side: Side, result: Result, number: int) -> None:
        try:
            with _deadline(ONE_SAMPLE_S):
                samples = MEASURES[case.name](self._bench, side)
        except (BenchError, Unproven, OSError, AssertionError, ValueError, KeyError) as error:
            reason = " ".join(f"{error}".split()) or type(error).__name__
            result.fail(side.name, reason[:400])
            self._tell(f"{case.name:12} {side.name:9} failed: {reason}")
            return
        for sample in samples:
            result.add(side.name, sample.value, sample.facts)
            told = "; ".join(f"{name} {value}" for name, value in sample.facts.items())
            self._tell(f"{case.name:12} {side.name:9} {number + 1} {page.figure(sample.value, case.unit)}   {told}")


def main() -> int:
    wishes = _wishes()
    chosen = [case for case in CASES if case.name in MEASURES and (not wishes.cases or case.id in wishes.cases)]
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    folder = Path(tempfile.mkdtemp(prefix="gatepost-bench-", dir=wishes.folder))
    # PostgreSQL's own account, where we are root, has to walk through it.
    folder.chmod(0o755)
    try:
        found = _measure(folder, chosen, wishes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _say(f"\n{page.table(found, chosen)}\n")
    if wishes.writes or (not wishes.cases and not wishes.quick):
        known = results.load(KEPT)
        known.take_in(found)
        results.store(KEPT, known)
        PAGE.write_text(page.page(known), "utf-8")
        _say(f"Written: {PAGE}")
    return 1 if any("Gatepost" in result.failures for result in found.by_case.values()) else 0


def _measure(folder: Path, chosen: Sequence[Case], wishes: argparse.Namespace) -> Results:
    tools = Tools(build(folder), folder)
    environment = machine.facts(folder)
    with FakeProvider(tools) as provider:
        world = World(tools, provider, folder)
        environment["load generator straight against the fake provider"] = machine.alone(world)
        sides = _sides(world, wishes.without_peers)
        environment["versions"] = ", ".join(side.version() for side in sides)
        for name, value in environment.items():
            _say(f"{name}: {value}")
        sizes = measuring.QUICK if wishes.quick else Sizes()
        run = Run(Bench(world, sizes), sides, wishes.rounds or (1 if wishes.quick else ROUNDS), _say)
        for case in chosen:
            run.measure(case)
    stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    for result in run.results.by_case.values():
        result.measured = stamp
    run.results.environments[stamp] = environment
    return run.results


def _sides(world: World, without_peers: bool) -> list[Side]:
    sides: list[Side] = [Ours(world)]
    if not without_peers:
        try:
            sides.insert(0, Kannel(world))
        except BenchError as error:
            _say(f"Kannel is not measured: {error}")
    return sides


def _wishes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--cases", default="", help="ids, such as 'F1 F2'; the page is then not written")
    parser.add_argument("--quick", action="store_true", help="less of everything, once; the page is then not written")
    parser.add_argument("--write", dest="writes", action="store_true", help="write the page all the same")
    parser.add_argument("--rounds", type=int, default=0, help=f"samples of each side (default {ROUNDS}, quick 1)")
    parser.add_argument("--without-peers", action="store_true", help="only Gatepost")
    parser.add_argument("--folder", default=None, help="where to work; on the disk that is to be measured")
    wishes = parser.parse_args()
    wishes.cases = wishes.cases.upper().split()
    unknown = [name for name in wishes.cases if name not in IDS]
    if unknown:
        parser.error(f"no such case: {' '.join(unknown)}; there are {' '.join(IDS)}")
    return wishes


@contextmanager
def _deadline(seconds: int) -> Iterator[None]:
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


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
