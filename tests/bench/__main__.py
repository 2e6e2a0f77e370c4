"""`make bench`: measures, prints the table, and (when all cases were measured in full) writes docs/benchmarks.md."""

import argparse
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from tests.bench import campaigning, importing, large, machine, measuring, page, profiles, results
from tests.bench.catalogue import CASES, IDS, NONE, WORKERS, Case
from tests.bench.kannel import Kannel
from tests.bench.large import WithWorkers
from tests.bench.measuring import Bench, Measure, Sizes
from tests.bench.ours import Ours
from tests.bench.results import Results
from tests.bench.running import Run, deadline
from tests.bench.sides import Side, World
from tests.bench.tools import BenchError, FakeProvider, Tools, build

from gatepost.processes.server_files import installed_server_files

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "benchmarks.md"
KEPT = DOCS / "benchmarks" / "results.json"
ROUNDS = 3
FILES = 20_000
WHOLE_RUN_S = 34 * 60.0
LARGE_RUN_S = 60 * 60.0
SEEDING_S = 30 * 60
STORED = 10_000_000
STORED_QUICK = 100_000

SidesOf = Callable[[Case], Sequence[Side]]
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
    "F12": importing.people,
    "F13": campaigning.one_by_one,
    "F13 in batches": campaigning.in_batches,
    "F13 code": campaigning.codes,
    "F7": measuring.campaign,
    "F8 log": large.log_page,
    "F8 history": large.history_page,
    "F8 dashboard": large.dashboard,
    "F10": large.workers,
}


def main() -> int:
    wishes = _wishes()
    chosen = [case for case in CASES if case.is_large == wishes.large and (not wishes.cases or case.id in wishes.cases)]
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    _allow_many_connections()
    folder = Path(tempfile.mkdtemp(prefix="gatepost-bench-", dir=wishes.folder))
    # PostgreSQL's own account, where we are root, has to walk through it.
    folder.chmod(0o755)
    try:
        found = _measure(folder, chosen, wishes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _say(f"\n{page.table(found, chosen)}\n")
    if wishes.writes or not (wishes.cases or wishes.quick or wishes.profile):
        known = results.load(KEPT)
        known.take_in(found)
        results.store(KEPT, known)
        PAGE.write_text(page.page(known, [path.name for path in KEPT.parent.glob("profile-*.txt")]), "utf-8")
        _say(f"Written: {PAGE}")
    return 1 if any(page.OURS in result.failures for result in found.by_case.values()) else 0


def _measure(folder: Path, chosen: Sequence[Case], wishes: argparse.Namespace) -> Results:
    tools = Tools(build(folder), folder)
    environment = machine.facts(folder)
    with FakeProvider(tools) as provider:
        world = World(tools, provider, folder)
        environment["load generator straight against the fake provider"] = machine.alone(world)
        for name, value in environment.items():
            _say(f"{name}: {value}")
        bench = Bench(world, measuring.QUICK if wishes.quick else Sizes())
        rounds = wishes.rounds or (1 if wishes.quick or wishes.profile else ROUNDS)
        whole_s = LARGE_RUN_S if wishes.large else WHOLE_RUN_S
        run = Run(bench, MEASURES, rounds=rounds, whole_s=whole_s, tell=_say)
        sides_of = _large_sides(world, wishes) if wishes.large else _sides(world, wishes)
        versions = {side.version(): None for case in chosen for side in sides_of(case)}
        environment["versions"] = ", ".join([*versions, _database_version()])
        _say(f"versions: {environment['versions']}")
        for case in chosen:
            run.measure(case, sides_of(case))
            if wishes.profile:
                _keep_profiles(case, folder)
    stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    for result in run.results.by_case.values():
        result.measured = stamp
    run.results.environments[stamp] = environment
    return run.results


def _sides(world: World, wishes: argparse.Namespace) -> SidesOf:
    sides: list[Side] = [
        Ours(world, more=profiles.environment(world.folder / profiles.PROFILES) if wishes.profile else None)
    ]
    if not (wishes.without_peers or wishes.profile):
        try:
            sides.insert(0, Kannel(world))
        except BenchError as error:
            _say(f"Kannel is not measured: {error}")
    return lambda case: [sides[-1]] if case.peer == NONE else sides


def _large_sides(world: World, wishes: argparse.Namespace) -> SidesOf:
    """An installation that is empty before each sample, and one with millions of messages."""
    empty = Ours(world, "Gatepost, empty")
    stored = STORED_QUICK if wishes.quick else STORED
    full = Ours(world, seeded=stored)
    by_workers = [WithWorkers(empty, name, count) for name, count in WORKERS.items()]
    if not wishes.cases or set(wishes.cases) - {"F10"}:
        with deadline(SEEDING_S):
            began = time.monotonic()
            full.prepare()
            _say(f"{stored:,} messages were stored in {time.monotonic() - began:.0f} s")

    by_id: dict[str, Sequence[Side]] = {"F7": [empty, full], "F8": [full], "F10": by_workers}
    return lambda case: by_id[case.id]


def _keep_profiles(case: Case, folder: Path) -> None:
    for role, text in profiles.collect(folder / profiles.PROFILES).items():
        path = KEPT.parent / page.profile_name(case, role)
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{case.name}, {role}: {text}", "utf-8")
        _say(f"Written: {path}")


def _database_version() -> str:
    argv = [str(installed_server_files().postgres), "--version"]
    words = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    return f"PostgreSQL {words.split()[-1]}" if words else "PostgreSQL"


def _wishes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--cases", default="", help="ids, such as 'F1 F2'; the page is then not written")
    parser.add_argument("--quick", action="store_true", help="less of everything, once; the page is then not written")
    parser.add_argument("--large", action="store_true", help="F7, F8 and F10 instead of the others")
    parser.add_argument("--profile", action="store_true", help="write where worker and web spend their time; no peers")
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


def _allow_many_connections() -> None:
    """Two thousand requests at once need more files than a process has by default."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
