"""Samples of stacks, as profiling/sitecustomize.py writes them, made into a text that people read."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PROFILES = "profiles"
TOP = 40
WRITING_S = 1.0
ROOTS = ("site-packages/", "src/", "lib/python3.11/", "lib/python3.12/", "lib/python3.13/")

Sampled = Sequence[tuple[Sequence[str], int]]


def environment(folder: Path) -> dict[str, str]:
    """What a process is started with so that it writes its samples into the folder, which is made."""
    folder.mkdir(exist_ok=True)
    return {"BENCH_PROFILE": str(folder), "PYTHONPATH": str(Path(__file__).parent / "profiling")}


@contextmanager
def sampling(folder: Path) -> Iterator[None]:
    """Samples are taken inside the block, by processes that were started with `environment`; nothing without them."""
    if not folder.is_dir():
        yield
        return
    switch = folder / "on"
    switch.touch()
    try:
        yield
    finally:
        switch.unlink()
        time.sleep(WRITING_S)


def collect(folder: Path) -> dict[str, str]:
    """By role (worker, web), the report of all its processes; the samples are removed."""
    found: dict[str, list[tuple[Sequence[str], int]]] = {}
    for path in sorted(folder.glob("*.json")):
        role = path.stem.rpartition("-")[0]
        found.setdefault(role, []).extend((stack, count) for stack, count in json.loads(path.read_text()))
        path.unlink()
    return {role: report(samples) for role, samples in found.items()}


def report(samples: Sampled) -> str:
    """Where the samples fell: inside which function itself, and below which function."""
    total = sum(count for _, count in samples)
    own: Counter[str] = Counter()
    below: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for stack, count in samples:
        if not stack:
            continue
        own[stack[-1]] += count
        files[stack[-1].split(":")[0]] += count
        for frame in set(stack):
            below[frame] += count
    parts = [f"{total} samples, one every 5 ms of processor time\n"]
    for title, counts in (("by file", files), ("in the function itself", own), ("in it and below it", below)):
        parts.append("\n".join([f"{title}\n", *_lines(counts.most_common(TOP), total), ""]))
    return "\n".join(parts)


def _lines(counts: Iterable[tuple[str, int]], total: int) -> list[str]:
    return [f"{count / total:6.1%}  {shown(frame)}" for frame, count in counts]


def shown(frame: str) -> str:
    """A frame without the folders that are this machine's."""
    for root in ROOTS:
        if root in frame:
            return frame.rpartition(root)[2]
    return frame.rpartition("/")[2] if frame.startswith("/") else frame
