"""The long set of the fault tests: `make faults`. Tells its progress, ends in time whatever happens, and writes
docs/reliability-report.md.

FAULT_KILLS (500), FAULT_CRASHES (20), FAULT_MINUTES (5) of four workers, FAULT_SEED, FAULT_REPORT: the file.
"""

import asyncio
import faulthandler
import os
import secrets
import shutil
import sys
import time
from pathlib import Path

from tests.support.environment import set_up

set_up()

from tests.faults.neighbours import slow_neighbour  # noqa: E402
from tests.faults.recoveries import after_crashes, after_kills  # noqa: E402
from tests.faults.report import Part, render  # noqa: E402
from tests.faults.schedule import draw, quiet  # noqa: E402
from tests.faults.siege import Siege, siege  # noqa: E402
from tests.support.scratch import scratch_folder  # noqa: E402

REPORT = Path(__file__).parents[2] / "docs" / "reliability-report.md"
PLACES = 5
GATEWAYS = 12
FOUR = 4
KILL_TAKES_S = 12.0
"""At most so long for a kill of one place on the average; what takes longer hangs."""
AROUND_S = 300.0


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a program for the terminal


def main() -> int:
    kills = int(os.environ.get("FAULT_KILLS") or 500)
    crashes = int(os.environ.get("FAULT_CRASHES") or max(1, kills // 25))
    minutes = float(os.environ.get("FAULT_MINUTES") or 5)
    seed = int(os.environ.get("FAULT_SEED") or secrets.randbelow(1_000_000))
    at_most_s = kills * KILL_TAKES_S / PLACES + minutes * 60 + 3 * AROUND_S
    say(f"FAULT_SEED={seed}: {kills} kills, {crashes} database crashes, then {minutes:g} minutes of four workers.")
    say(f"It ends within {at_most_s / 60:.0f} minutes.")
    faulthandler.dump_traceback_later(at_most_s, exit=True)
    began = time.monotonic()
    folder = scratch_folder("gp-faults-")
    try:
        parts = [_besiege(folder / "siege", seed, kills, crashes), _four_workers(folder / "four", seed, minutes)]
        neighbours = asyncio.run(slow_neighbour(_made(folder / "neighbours"), seed, say))
    finally:
        if os.environ.get("FAULT_KEEP"):
            say(f"Kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    report = render(seed, parts, neighbours, time.monotonic() - began)
    Path(os.environ.get("FAULT_REPORT") or REPORT).write_text(report, "utf-8")
    say(report)
    faults = [fault for part in parts for fault in part.faults] + neighbours.faults
    for fault in faults[:100]:
        say(f"FAULT {fault}")
    return 1 if faults else 0


def _besiege(folder: Path, seed: int, kills: int, crashes: int) -> Part:
    with siege(_made(folder), draw(seed, kills, crashes, PLACES), GATEWAYS, say) as one:
        one.run(one.run_blows)
        return _judged("Everything at once", one)


def _four_workers(folder: Path, seed: int, minutes: float) -> Part:
    with siege(_made(folder), quiet(seed), 2 * FOUR, say) as one:
        one.run(lambda: one.run_turns(minutes, FOUR))
        return _judged("Four workers, one killed every 10 s", one)


def _judged(name: str, one: Siege) -> Part:
    say(f"{name}: judging")
    arena = one.arena
    names = {gateway_id: gateway.name for gateway_id, gateway in arena.gateways.items()}
    requests = arena.requests()
    strikes = [strike for strike in arena.nemesis.strikes if strike.is_kill]
    part = Part(
        name=name,
        kills=one.kills,
        web_kills=one.web_kills,
        other_blows=one.other_blows,
        harms=one.harms,
        crashes=len(one.database.outages),
        acknowledged=len(arena.ledger.acknowledged),
        given_up=len(arena.ledger.offered) - len(arena.ledger.acknowledged),
        verdict=arena.verdict(),
        window=max(arena.window(gateway) for gateway in arena.gateways.values()),
        contradictions=arena.ledger.contradictions,
        recoveries=after_kills(strikes, names, requests, arena.disturbances),
        after_crashes=after_crashes(one.database.outages, names, requests, arena.nemesis.strikes, arena.disturbances),
        outages_s=[outage.up_at - outage.down_at for outage in one.database.outages],
    )
    for fault in part.faults[:100]:
        say(f"FAULT {fault}")
    say(f"{name}: {part.verdict}; {part.recoveries}")
    return part


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
