"""The long set of the fault tests: `make faults`. Tells its progress, ends in time whatever happens, and writes
docs/reliability-report.md.

FAULT_KILLS (500), FAULT_CRASHES (one for 25 kills), FAULT_MINUTES (5, of four workers), FAULT_SEED; FAULT_REPORT: the
file; FAULT_KEEP: leave the logs of the processes for a look.
"""

import faulthandler
import os
import secrets
import shutil
import sys
import time
import traceback
from pathlib import Path

from tests.support.environment import set_up

set_up()

from tests.faults.neighbours import slow_neighbour  # noqa: E402
from tests.faults.recoveries import after_crashes, after_kills  # noqa: E402
from tests.faults.report import Found, Part, render  # noqa: E402
from tests.faults.schedule import draw, quiet  # noqa: E402
from tests.faults.siege import Siege, siege  # noqa: E402
from tests.support.scratch import scratch_folder  # noqa: E402

REPORT = Path(__file__).parents[2] / "docs" / "reliability-report.md"
PLACES = 5
GATEWAYS = 12
FOUR = 4
KILL_TAKES_S = 20.0
"""At most so long for a kill of one place on the average; what takes longer hangs."""
AROUND_S = 300.0
FAULTS_SAID = 50


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
    found = Found()
    runs = {
        "Everything at once": lambda name: found.parts.append(_besieged(name, folder, seed, kills, crashes)),
        "Four workers, one killed every 10 s": lambda name: found.parts.append(_four(name, folder, seed, minutes)),
        "A slow provider beside a quick one": lambda name: found.compare(slow_neighbour(_new(folder), seed, say)),
    }
    try:
        for name, run in runs.items():
            say(name)
            try:
                run(name)
            except Exception:
                # What the other parts find is worth a report, too.
                found.unfinished.append(name)
                say(traceback.format_exc())
    finally:
        if os.environ.get("FAULT_KEEP"):
            say(f"Kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    report = render(seed, found, time.monotonic() - began)
    Path(os.environ.get("FAULT_REPORT") or REPORT).write_text(report, "utf-8")
    say(report)
    return 1 if found.faults else 0


def _besieged(name: str, folder: Path, seed: int, kills: int, crashes: int) -> Part:
    with siege(_new(folder), draw(seed, kills, crashes, PLACES), GATEWAYS, say) as one:
        one.run(one.run_blows)
        return _judged(name, one)


def _four(name: str, folder: Path, seed: int, minutes: float) -> Part:
    with siege(_new(folder), quiet(seed), 2 * FOUR, say) as one:
        one.run(lambda: one.run_turns(minutes, FOUR))
        return _judged(name, one)


def _judged(name: str, one: Siege) -> Part:
    arena, outages = one.arena, one.database.outages
    names = {gateway_id: gateway.name for gateway_id, gateway in arena.gateways.items()}
    requests = arena.requests()
    strikes = [strike for strike in arena.nemesis.strikes if strike.is_kill]
    part = Part(
        name=name,
        kills=one.kills,
        web_kills=one.web_kills,
        other_blows=one.other_blows,
        harms=one.harms,
        acknowledged=len(arena.ledger.acknowledged),
        given_up=len(arena.ledger.offered) - len(arena.ledger.acknowledged),
        verdict=arena.verdict(),
        window=max(arena.window(gateway) for gateway in arena.gateways.values()),
        contradictions=arena.ledger.contradictions,
        recoveries=after_kills(strikes, names, requests, arena.disturbances),
        after_crashes=after_crashes(outages, names, requests, arena.nemesis.strikes, arena.disturbances),
        outages_s=[outage.up_at - outage.down_at for outage in outages],
    )
    for fault in part.faults[:FAULTS_SAID]:
        say(f"FAULT {fault}")
    say(f"{name}: {part.verdict}; {part.recoveries}")
    return part


def _new(folder: Path) -> Path:
    made = folder / str(len(list(folder.iterdir())) + 1)
    made.mkdir()
    return made


if __name__ == "__main__":
    sys.exit(main())
