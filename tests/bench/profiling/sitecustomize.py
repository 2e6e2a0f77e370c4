"""Python imports this by itself where its folder is on PYTHONPATH: it samples what a worker or web process of ours
does.

While the file `on` is in the folder that `BENCH_PROFILE` names, the stack of the main thread, which runs the event
loop, is counted every 5 ms of processor time; then the counts are written as JSON: [[frames from outermost to
innermost], count]. Time inside C counts for the Python function that called it.
"""

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

EVERY_S = 0.005
LOOK_EVERY_S = 0.1
DEEPEST = 60


def _role() -> str:
    words = " ".join(sys.orig_argv)
    return "worker" if "gatepost worker" in words else "web" if "gatepost.intake.serving" in words else ""


class _Sampler:
    def __init__(self, folder: Path, role: str) -> None:
        self._folder = folder
        self._role = role
        self._stacks: Counter[tuple[CodeType, ...]] = Counter()
        signal.signal(signal.SIGPROF, self._sample)

    def start(self) -> None:
        """Threads and timers do not survive a fork, so a child starts its own."""
        threading.Thread(target=self._watch, daemon=True).start()

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        stack: list[CodeType] = []
        while frame is not None and len(stack) < DEEPEST:
            stack.append(frame.f_code)
            frame = frame.f_back
        self._stacks[tuple(stack)] += 1

    def _watch(self) -> None:
        switch = self._folder / "on"
        is_on = False
        while True:
            if is_on != switch.exists():
                is_on = not is_on
                signal.setitimer(signal.ITIMER_PROF, EVERY_S * is_on, EVERY_S * is_on)
                if not is_on:
                    self._write()
            time.sleep(LOOK_EVERY_S)

    def _write(self) -> None:
        samples = [
            [[f"{code.co_filename}:{code.co_firstlineno}:{code.co_qualname}" for code in reversed(stack)], count]
            for stack, count in self._stacks.items()
        ]
        spare = self._folder / f"{self._role}-{os.getpid()}.new"
        spare.write_text(json.dumps(samples))
        spare.replace(spare.with_suffix(".json"))


if (_folder := os.environ.get("BENCH_PROFILE")) and (_what := _role()):
    _sampler = _Sampler(Path(_folder), _what)
    _sampler.start()
    os.register_at_fork(after_in_child=_sampler.start)
