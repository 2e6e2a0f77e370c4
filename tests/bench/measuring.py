"""How each case is measured: the same function for every side, so that all are asked the same."""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.bench.profiles import PROFILES, sampling
from tests.bench.results import percentile
from tests.bench.sides import Running, Setup, Side, World
from tests.bench.tools import Played, wait_until, write_requests

SINGLE_CONNECTIONS = 64
BULK_CONNECTIONS = 4
RECEIPT_CONNECTIONS = 32
CODE_CONNECTIONS = 16
CODES_PER_S = 100.0
WARM_FROM = 9_900_000
CODES_FROM = 5_000_000
SAMPLING_S = 0.1


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is handed over, and how long a side may take for it."""

    single: int = 50_000
    campaign: int = 100_000
    receipts: int = 50_000
    codes: int = 300
    warm: int = 1_000
    people: int = 1_000_000
    timeout_s: float = 150.0


QUICK = Sizes(single=5_000, campaign=10_000, receipts=5_000, codes=100, warm=500, people=20_000, timeout_s=90.0)


@dataclass(frozen=True, slots=True)
class Sample:
    """A figure in the unit of its case, and what is worth telling of how it came about."""

    value: float
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bench:
    """What measurements work with."""

    world: World
    sizes: Sizes


Measure = Callable[[Bench, Side], list[Sample]]


def single(bench: Bench, side: Side) -> list[Sample]:
    """F1."""
    ids = range(bench.sizes.single)
    with _ready(bench, side, Setup()) as live:
        return [_flow(bench, live, [live.single(n) for n in ids], ids, SINGLE_CONNECTIONS)]


def campaign(bench: Bench, side: Side) -> list[Sample]:
    """F2."""
    with _ready(bench, side, Setup()) as live:
        return [_campaign(bench, live)]


def slow_campaign(bench: Bench, side: Side) -> list[Sample]:
    """F2 at 50 ms."""
    with _ready(bench, side, Setup(is_slow=True), delay_ms=50) as live:
        return [_campaign(bench, live)]


def batches(bench: Bench, side: Side) -> list[Sample]:
    """F3."""
    with _ready(bench, side, Setup(is_batching=True)) as live:
        return [_campaign(bench, live)]


def receipts(bench: Bench, side: Side) -> list[Sample]:
    """F4."""
    ids = range(bench.sizes.receipts)
    with _ready(bench, side, Setup()) as live:
        _flow(bench, live, live.bulk(ids), ids, BULK_CONNECTIONS)
        before = live.cpu_seconds()
        path = write_requests(bench.world.folder / "receipts", (live.receipt(n) for n in ids))
        player = bench.world.tools.play(
            live.receipt_port,
            path,
            connections=RECEIPT_CONNECTIONS,
            expect=live.receipt_expect,
            timeout_s=bench.sizes.timeout_s,
        )
        played = player.finish()
        end_ns = live.wait_reported(ids, bench.sizes.timeout_s)
        elapsed_s = (end_ns - played.begin_ns) / 1e9
        used = _used(before, live.cpu_seconds())
        return [
            Sample(len(ids) / elapsed_s, {"answer p99": f"{played.percentiles_ms['p99']:.1f} ms", "processor": used})
        ]


def bulk_accept(bench: Bench, side: Side) -> list[Sample]:
    """F5: until the last answer, while what was accepted is being sent."""
    ids = range(bench.sizes.campaign)
    with _ready(bench, side, Setup()) as live:
        played = _play(bench, live, live.bulk(ids), BULK_CONNECTIONS)
        live.wait_recorded(ids, bench.sizes.timeout_s)
        return [Sample(len(ids) / played.elapsed_s, {"answer p99": f"{played.percentiles_ms['p99']:.0f} ms"})]


def codes(bench: Bench, side: Side) -> list[Sample]:
    """F6: from when a code is due to when the provider has it, at the 99th percentile; under load minus idle."""
    sizes, provider = bench.sizes, bench.world.provider
    campaign_ids = range(sizes.campaign)
    idle_ids = range(CODES_FROM, CODES_FROM + sizes.codes)
    with _ready(bench, side, Setup()) as live:
        bulk_path = write_requests(bench.world.folder / "bulk", live.bulk(campaign_ids))
        played = _play(bench, live, [live.single(n, is_code=True) for n in idle_ids], CODE_CONNECTIONS, CODES_PER_S)
        idle_ms = delays_ms(played, idle_ids, provider.wait_for(idle_ids, sizes.timeout_s).time_of())

        provider.reset()
        busy_ids = range(CODES_FROM + 100_000, CODES_FROM + 100_000 + int(CODES_PER_S * sizes.timeout_s))
        code_path = write_requests(bench.world.folder / "codes", (live.single(n, is_code=True) for n in busy_ids))
        tools = bench.world.tools
        play = partial(tools.play, live.port, expect=live.expect, timeout_s=sizes.timeout_s)
        loading = play(bulk_path, connections=BULK_CONNECTIONS)
        try:
            wait_until(lambda: provider.stats()["accepted"] > 0, sizes.timeout_s, "the campaign to begin")
            asking = play(code_path, connections=CODE_CONNECTIONS, rate=CODES_PER_S)
            try:
                wait_until(
                    lambda: provider.stats()["accepted"] >= len(campaign_ids), sizes.timeout_s, "the campaign to end"
                )
                asking.stop()
            except BaseException:
                asking.kill()
                raise
        except BaseException:
            loading.kill()
            raise
        loading.finish()
        asked = asking.finish()
        sent = busy_ids[: asked.requests]
        log = provider.wait_for([*campaign_ids, *sent], sizes.timeout_s)
        times = log.time_of()
        campaign_end_ns = max(times[n] for n in campaign_ids)
        during = sum(begin < campaign_end_ns for begin, _, _ in asked.per_request)
        busy_ms = delays_ms(asked, sent, times)[:during]
        return [added(idle_ms, busy_ms)]


def memory(bench: Bench, side: Side) -> list[Sample]:
    """F9: three campaigns in one run of the side, a sample each, so that growth shows."""
    samples = []
    with _ready(bench, side, Setup()) as live:
        for _ in range(3):
            with watched(live) as seen:
                _campaign(bench, live)
            peak = max(seen, key=lambda each: sum(each.values()))
            shares = ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in sorted(peak.items()))
            samples.append(Sample(sum(peak.values()) / 1e6, {"at its highest": shares}))
            bench.world.provider.reset()
            live.mark()
    return samples


def start(bench: Bench, side: Side) -> list[Sample]:
    """F11."""
    with side.running(Setup(), keeps_data=True) as live:
        return [Sample(live.start_s)]


@contextmanager
def _ready(bench: Bench, side: Side, setup: Setup, delay_ms: int = 0) -> Iterator[Running]:
    """A side that has sent a few messages already, so that connections and caches are there."""
    warm = range(WARM_FROM, WARM_FROM + bench.sizes.warm)
    bench.world.provider.reset()
    with side.running(setup) as live:
        live.mark()
        _flow(bench, live, live.bulk(warm), warm, BULK_CONNECTIONS)
        bench.world.provider.reset(delay_ms)
        live.mark()
        with sampling(bench.world.folder / PROFILES):
            yield live


def _campaign(bench: Bench, live: Running) -> Sample:
    """Everything at once, by the bulk API: here a campaign of the product takes its place."""
    ids = range(bench.sizes.campaign)
    return _flow(bench, live, live.bulk(ids), ids, BULK_CONNECTIONS)


def _flow(bench: Bench, live: Running, requests: Sequence[bytes], ids: Collection[int], connections: int) -> Sample:
    """Messages per second from the first request to the last recorded state."""
    cpu_before, provider_before = live.cpu_seconds(), bench.world.provider.stats()["cpu_s"]
    played = _play(bench, live, requests, connections)
    end_ns = live.wait_recorded(ids, bench.sizes.timeout_s)
    elapsed_s = (end_ns - played.begin_ns) / 1e9
    seen = bench.world.provider.stats()
    facts = {
        "accepted": f"{len(ids) / played.elapsed_s:,.0f}/s",
        "answer p99": f"{played.percentiles_ms['p99']:.1f} ms",
        "processor": _used(cpu_before, live.cpu_seconds()),
        "fake provider": f"{(seen['cpu_s'] - provider_before) / elapsed_s:.0%} of a core",
        "load generator": f"{played.cpu_s / played.elapsed_s:.0%} of a core",
        "requests to the provider": f"{seen['requests']:,.0f} ({seen['in_flight'] or seen['connections']:.0f} at once)",
    }
    return Sample(len(ids) / elapsed_s, facts)


def _play(bench: Bench, live: Running, requests: Sequence[bytes], connections: int, rate: float = 0.0) -> Played:
    path = write_requests(bench.world.folder / "requests", requests)
    return bench.world.tools.play(
        live.port, path, connections=connections, expect=live.expect, rate=rate, timeout_s=bench.sizes.timeout_s
    ).finish()


def _used(before: dict[str, float], after: dict[str, float]) -> str:
    return " + ".join(f"{name} {used - before.get(name, 0.0):.1f} s" for name, used in sorted(after.items()))


def delays_ms(played: Played, ids: Sequence[int], times: dict[int, int]) -> list[float]:
    """From when each was asked for to when the provider had it."""
    return [(times[n] - begin) / 1e6 for n, (begin, _, _) in zip(ids, played.per_request, strict=True)]


def added(idle_ms: Sequence[float], busy_ms: Sequence[float]) -> Sample:
    """How much longer codes take under load, at the 99th percentile, in ms."""
    facts = {
        "idle p50/p99": f"{percentile(idle_ms, 50):.1f}/{percentile(idle_ms, 99):.1f} ms",
        "under load p50/p99": f"{percentile(busy_ms, 50):.1f}/{percentile(busy_ms, 99):.1f} ms",
        "codes under load": len(busy_ms),
    }
    return Sample(percentile(busy_ms, 99) - percentile(idle_ms, 99), facts)


@contextmanager
def watched(live: Running) -> Iterator[list[dict[str, int]]]:
    """What the side holds in memory, time and again inside the block."""
    seen: list[dict[str, int]] = []
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(SAMPLING_S):
            seen.append(live.memory_bytes())

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        is_over.set()
        watcher.join()
        seen.append(live.memory_bytes())
