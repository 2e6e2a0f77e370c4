"""Where a run took place: the machine, the versions, and what the load generator and the fake provider can do alone."""

import os
import platform
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from tests.bench.sides import PREFIX, World, request
from tests.bench.tools import write_requests

FSYNCS = 100
ALONE = 200_000


def facts(folder: Path) -> dict[str, str]:
    """The machine and its disk under `folder`."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {pages * size / 2**30:.0f} GB, {platform.system()} "
        f"{platform.release()}",
        "fsync": f"{fsync_ms(folder):.2f} ms for 8 kB in the data folder ({_filesystem(folder)})",
        "Python": platform.python_version(),
        "commit": _commit(),
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def fsync_ms(folder: Path) -> float:
    """The median of how long it takes to write 8 kB and have them on disk."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(FSYNCS):
            began = time.perf_counter()
            file.seek(0)
            file.write(b"x" * 8192)
            file.flush()
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def alone(world: World) -> str:
    """The load generator straight against the fake provider."""
    world.provider.reset()
    requests = (
        request("GET", f"/one?to=%2B{PREFIX}{n:07d}&from=Shop&text=Your+parcel+has+arrived") for n in range(ALONE)
    )
    path = write_requests(world.folder / "requests", requests)
    before = world.provider.stats()["cpu_s"]
    played = world.tools.play(world.provider.port, path, connections=64, expect=200).finish()
    used_s = world.provider.stats()["cpu_s"] - before
    return (
        f"{ALONE / played.elapsed_s:,.0f} requests/s; {played.cpu_s / ALONE * 1e6:.1f} us of processor time "
        f"per request in the generator, {used_s / ALONE * 1e6:.1f} us in the provider"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _filesystem(folder: Path) -> str:
    """The kind of the file system that holds the folder."""
    best, kind = "", "unknown"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, place, this, *_ = line.split()
        if str(folder.resolve()).startswith(place) and len(place) > len(best):
            best, kind = place, this
    return kind


def _commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
