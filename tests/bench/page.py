"""docs/benchmarks.md and the table in the terminal, from results."""

from collections.abc import Iterable

from tests.bench.catalogue import CASES, NONE, WORKERS, Case
from tests.bench.results import Result, Results, Spread, spread

OURS = "Gatepost"
ROLES = ("worker", "web")
HEAD = "| case | what | ours | peer | ratio | goal | |\n|---|---|---|---|---|---|---|"
INTRODUCTION = """\
# Benchmarks

Written by `make bench` (F1 to F6, F9, F11 to F13) and `make bench-large` (F7, F8, F10); every sample is in
[results.json](benchmarks/results.json). Medians of the samples, with the lowest and the highest. The ratio says how
many times better we are than the peer: above 1 is better, whichever way the unit points. The peer is Kannel unless the
row names another.
"""
METHOD = """\
## Method

- Ours is a whole installation, started with `gatepost up`: embedded PostgreSQL with fsync, web and worker. Each message
  passes an API key, validation, a suppression list of 10,000 numbers, routing to the workspace's default gateway and
  pacing, and ends with its state in the database. It leaves through the generic HTTP
  gateway, in F3 through an adapter that takes 1,000 per request.
- Kannel has a store of type `file`, which it never fsyncs, an HTTP SMSC of type `generic`, and receipts switched on.
- The sides take turns in one run on one machine, each started afresh, and hand over to the same fake provider. Where
  100,000 messages are handed over, each side gets them in its best way: ours in requests of 1,000 with a text each,
  Kannel in requests of 100 recipients that share a text. In F2 and F3 that is the bulk API with priority `bulk`.
- Each side has as many requests open at its provider as suits it: Kannel 100, and 500 where answers take 50 ms; ours
  32, and 2,000.
- Jasmin is not measured: it reaches providers by SMPP only, and the fake provider speaks HTTP.
- Ours ends when every state is recorded in the database; Kannel when the provider has taken every message and Kannel
  has its entry for every receipt.
- Each message has a recipient of its own. After each sample the fake provider's log is compared with what was sent:
  a sample with a lost, doubled or foreign message is none, and its reason stands in the row.
- Memory is what is in RAM, a page that processes share counted once (PSS). Ours counts the process of the jobs, too.
- The load generator and the fake provider are written in C (`tests/bench/*.c`), one thread each, with one outstanding
  request per connection.
"""


def figure(value: float, unit: str) -> str:
    """A value with as many digits as mean something."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}".strip()


def spread_of(one: Spread, unit: str) -> str:
    if one.count == 1:
        return figure(one.median, unit)
    return f"{figure(one.median, unit)} ({figure(one.low, '')} to {figure(one.high, '')}, {one.count} x)"


def row(case: Case, result: Result | None) -> str:
    """The row of a case, whatever is known of it."""
    cells = [case.name, case.title, "", "", "", _goal(case), ""]
    if result is None:
        cells[-1] = "not measured"
        return _cells(cells)
    ours, peer = (_spread(result, name) for name in (OURS, case.peer))
    ratio = case.ratio(ours.median, peer.median) if ours and peer else None
    cells[2] = spread_of(ours, case.unit) if ours else result.failures.get(OURS, "")
    cells[3] = spread_of(peer, case.unit) if peer else result.failures.get(case.peer, "")
    if peer and case.peer != "Kannel":
        cells[3] += f", {case.peer}"
    cells[4] = f"{ratio:.2f} x" if ratio is not None else ""
    cells[6] = _verdict(case, ours, ratio)
    return _cells(cells)


def table(results: Results, cases: Iterable[Case] = CASES) -> str:
    return "\n".join([HEAD, *(row(case, results.by_case.get(case.name)) for case in cases)])


def page(results: Results, profiles: Iterable[str] = ()) -> str:
    """The whole page. `profiles`: the names of files that say where the time of a case goes."""
    parts = [INTRODUCTION, table(results) + "\n", *_environments(results), METHOD, *_details(results, list(profiles))]
    return "\n".join(parts)


def _spread(result: Result, side: str) -> Spread | None:
    samples = result.samples.get(side)
    return spread(samples) if samples and side not in result.failures else None


def _goal(case: Case) -> str:
    sign = "≥" if case.goal.is_at_least else "≤"
    return f"{sign} {case.goal.limit:g} {'x' if case.goal.of == 'ratio' else case.unit}"


def _verdict(case: Case, ours: Spread | None, ratio: float | None) -> str:
    if ours is None:
        return "failed"
    if case.goal.of == "ratio" and ratio is None:
        return "no peer"
    return "met" if case.goal.is_met(ours.median, ratio) else "missed"


def _cells(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _environments(results: Results) -> list[str]:
    parts = ["## Where and when\n"]
    for date, environment in sorted(results.environments.items()):
        measured = [name for name, result in results.by_case.items() if result.measured == date]
        names = [case.name for case in CASES if case.name in measured]
        lines = [f"- {name}: {value}" for name, value in environment.items()]
        parts.append("\n".join([f"{date}: {', '.join(names)}\n", *lines, ""]))
    return parts


def profile_name(case: Case, role: str) -> str:
    return f"profile-{case.name.replace(' ', '-')}-{role}.txt"


def _details(results: Results, profiles: list[str]) -> list[str]:
    parts = ["## Where the time goes\n"]
    for case in CASES:
        result = results.by_case.get(case.name)
        if result is None:
            continue
        lines = [f"- {side}: {_facts(facts)}" for side, facts in result.facts.items()]
        lines += [f"- {side} failed: {reason}" for side, reason in result.failures.items()]
        lines += [f"- {remark}" for remark in result.remarks]
        lines += [f"- {name}: {spread_of(spread(s), case.unit)}" for name, s in _others(case, result).items()]
        named = [(role, profile_name(case, role)) for role in ROLES]
        lines += [f"- [Profile of the {role}](benchmarks/{name})" for role, name in named if name in profiles]
        if case.id == "F10":
            lines += _curve(result)
        if lines:
            parts.append("\n".join([f"**{case.name}**\n", *lines, ""]))
    return parts


def _curve(result: Result) -> list[str]:
    """Messages per second by the number of workers, as a drawing."""
    points = {count: spread(result.samples[name]).median for name, count in WORKERS.items() if result.samples.get(name)}
    if len(points) < len(WORKERS):
        return []
    return [
        "",
        "```mermaid",
        "xychart-beta",
        f'    x-axis "workers" [{", ".join(map(str, points))}]',
        f'    y-axis "messages/s" 0 --> {max(points.values()):.0f}',
        f"    line [{', '.join(f'{value:.0f}' for value in points.values())}]",
        "```",
    ]


def _others(case: Case, result: Result) -> dict[str, list[float]]:
    """Samples of sides that have no column of their own."""
    return {
        name: samples for name, samples in result.samples.items() if name not in (OURS, case.peer, NONE) and samples
    }


def _facts(facts: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())
