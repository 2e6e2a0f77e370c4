"""Runs the processes of one machine: starts them, keeps them running, stops them in order.

    with Supervisor(data.logs, postgres=postgres, on_step=print) as supervisor:
        postgres.start()
        supervisor.run_to_end(Child("migrate", [...]), timeout_s=120)
        supervisor.start(Child("web", [...], is_ready=answers_200("http://127.0.0.1:8000/health/ready")))
        supervisor.start(Child("worker", [...]))
        supervisor.run()

SIGINT, SIGTERM and SIGHUP end the block: the children get SIGTERM one after the other, the last started first, and
SIGKILL when they have not ended after `grace_s`; then PostgreSQL stops. A second signal kills the children at once, a
third hurries PostgreSQL. Each child has its own session, so that the terminal's Ctrl-C reaches only us and the order
is ours; when we are killed ourselves the kernel sends each child SIGTERM (Linux).

One thread does it all: the kernel ties children to the thread that started them.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from gatepost.processes.child_log import ChildLog
from gatepost.processes.errors import ProcessError
from gatepost.processes.postgres import EmbeddedPostgres
from gatepost.processes.private_files import last_lines
from gatepost.processes.spawn import die_with_parent

RESTART_DELAYS_S = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0)
"""Pause before each restart in a row; the last one repeats."""

_STABLE_AFTER_S = 60.0
_TICK_S = 0.5
_READY_POLL_S = 0.05
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Child:
    """A process to run. `env` is its whole environment. `argv` is visible to every user: no secrets there."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    cwd: Path | None = None
    is_ready: Callable[[], bool] | None = None
    ready_timeout_s: float = 60.0


class StopRequested(Exception):
    """Ctrl-C or SIGTERM came while something was being started. The supervisor's `with` block absorbs it."""


@dataclass(slots=True, eq=False)
class _Running:
    child: Child
    log: ChildLog
    process: "subprocess.Popen[bytes]"
    started_at: float
    failures: int = 0
    restart_at: float | None = None


class Supervisor:
    """See the module. Must be entered in the main thread, which receives the signals."""

    def __init__(
        self,
        logs: Path,
        *,
        postgres: EmbeddedPostgres | None = None,
        grace_s: float = 15.0,
        on_step: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._logs = logs
        self._postgres = postgres
        self._grace_s = grace_s
        self._on_step = on_step
        self._running: list[_Running] = []
        self._stop_signals = 0
        self._postgres_failures = 0
        self._postgres_retry_at = 0.0
        self._postgres_seen_at: float | None = None
        self._selector = selectors.DefaultSelector()
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> "Supervisor":
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        self._selector.register(reader, selectors.EVENT_READ)
        self._undo.callback(self._selector.close)
        self._undo.callback(os.close, reader)
        self._undo.callback(os.close, writer)
        self._undo.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(writer, warn_on_full_buffer=False))
        # Without a handler the wake-up pipe hears nothing of a child's end.
        self._handle(signal.SIGCHLD, lambda number, frame: None)
        for number in _STOP_SIGNALS:
            # A hang-up that is ignored (nohup) stays ignored.
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                self._handle(number, self._on_stop_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        try:
            self.stop()
        finally:
            self._undo.close()
        return kind is StopRequested

    @property
    def is_stopping(self) -> bool:
        return self._stop_signals > 0

    def pids(self) -> dict[str, int]:
        """The process ids of the children that run, by name."""
        return {each.child.name: each.process.pid for each in self._running if each.process.poll() is None}

    def request_stop(self) -> None:
        """As if SIGTERM had come."""
        self._stop_signals += 1

    def start(self, child: Child) -> None:
        """Start a child and wait until it is ready; from then on it is kept running.

        Raises ProcessError with the end of its log when it dies first or is not ready in time, and StopRequested.
        """
        self._say(f"Starting {child.name}")
        running = self._spawn(child)
        deadline = time.monotonic() + child.ready_timeout_s
        while child.is_ready is not None and not child.is_ready():
            self._pump(_READY_POLL_S)
            if running.process.poll() is not None:
                self._stop_child(running)
                raise _failure(running, f"{child.name} ended {_how(running)} before it was ready.")
            if time.monotonic() >= deadline:
                self._stop_child(running)
                raise _failure(running, f"{child.name} was not ready within {child.ready_timeout_s:g} s.")
        self._pump(0)
        if child.is_ready is not None:
            self._say(f"{child.name} is ready")

    def run_to_end(self, child: Child, timeout_s: float) -> None:
        """Run a child that ends by itself, such as the migrations. Raises ProcessError unless it ends with code 0."""
        running = self._spawn(child)
        deadline = time.monotonic() + timeout_s
        try:
            while running.process.poll() is None:
                self._pump(_READY_POLL_S)
                if time.monotonic() >= deadline:
                    raise _failure(running, f"{child.name} did not end within {timeout_s:g} s.")
        finally:
            self._stop_child(running)
        if running.process.returncode != 0:
            raise _failure(running, f"{child.name} ended {_how(running)}.")

    def run(self) -> None:
        """Keep everything running until a stop is asked for."""
        with contextlib.suppress(StopRequested):
            while True:
                self._pump(_TICK_S)
                self._watch_children()
                self._watch_postgres()

    def stop(self) -> None:
        """Stop the children in reverse order, then PostgreSQL. Stopping twice is fine."""
        asked = self._stop_signals
        while self._running:
            running = self._running[-1]
            if running.process.poll() is None:
                self._say(f"Stopping {running.child.name}")
            self._stop_child(running, is_urgent=lambda: self._stop_signals > max(asked, 1))
        if self._postgres is not None:
            if self._postgres.is_alive():
                self._say("Stopping PostgreSQL")
            self._postgres.stop(is_urgent=lambda: self._stop_signals > max(asked, 1) + 1)

    def _handle(self, number: signal.Signals, handler: Callable[[int, FrameType | None], Any]) -> None:
        self._undo.callback(signal.signal, number, signal.signal(number, handler))

    def _on_stop_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop_signals += 1

    def _spawn(self, child: Child) -> _Running:
        if self.is_stopping:
            raise StopRequested
        log = ChildLog(self._logs / f"{child.name}.log", self._say)
        running = _Running(child, log, self._popen(child), time.monotonic())
        self._running.append(running)
        self._listen(running)
        return running

    def _popen(self, child: Child) -> "subprocess.Popen[bytes]":
        try:
            return subprocess.Popen(
                list(child.argv),
                env=dict(child.env),
                cwd=child.cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - calls prctl only, see spawn.py
            )
        except OSError as error:
            raise ProcessError(
                "child_not_started",
                f"{child.name} cannot be started: {error.strerror} ({child.argv[0]}).",
                "Install Gatepost again.",
            ) from None

    def _listen(self, running: _Running) -> None:
        assert running.process.stdout is not None
        os.set_blocking(running.process.stdout.fileno(), False)
        self._selector.register(running.process.stdout, selectors.EVENT_READ, running)

    def _pump(self, timeout_s: float) -> None:
        """Wait up to `timeout_s` for output or a signal and deal with it. Raises StopRequested."""
        self._read_output(timeout_s)
        if self.is_stopping:
            raise StopRequested

    def _read_output(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(key.fd, 4096)
            else:
                self._read_some(key.data)

    def _read_some(self, running: _Running) -> bool:
        """Read once from a child; False when there is nothing (left) to read."""
        output = running.process.stdout
        if output is None or output.closed:
            return False
        try:
            chunk = os.read(output.fileno(), 65536)
        except BlockingIOError:
            return False
        if chunk:
            running.log.write(chunk)
        else:
            self._close_output(running)
        return bool(chunk)

    def _close_output(self, running: _Running) -> None:
        output = running.process.stdout
        if output is not None and not output.closed:
            self._selector.unregister(output)
            output.close()
            running.log.finish()

    def _watch_children(self) -> None:
        now = time.monotonic()
        for running in self._running:
            if running.restart_at is None and running.process.poll() is not None:
                self._clear_away(running)
                running.failures = 0 if now - running.started_at > _STABLE_AFTER_S else running.failures
                delay_s = _delay_s(running.failures)
                running.failures += 1
                running.restart_at = now + delay_s
                when = f"in {delay_s:g} s" if delay_s else "now"
                self._say(f"{running.child.name} ended {_how(running)}; starting it again {when}")
            if running.restart_at is not None and now >= running.restart_at:
                self._start_again(running)

    def _start_again(self, running: _Running) -> None:
        try:
            running.process = self._popen(running.child)
        except ProcessError as error:
            # The program may be away for a moment, as during an upgrade.
            running.restart_at = time.monotonic() + RESTART_DELAYS_S[-1]
            self._say(error.sentence)
        else:
            running.started_at, running.restart_at = time.monotonic(), None
            self._listen(running)

    def _watch_postgres(self) -> None:
        now = time.monotonic()
        if self._postgres is None:
            return
        if self._postgres.is_alive():
            self._postgres_seen_at = self._postgres_seen_at or now
            if now - self._postgres_seen_at > _STABLE_AFTER_S:
                self._postgres_failures = 0
                self._postgres.rotate_log()
            return
        if self._postgres_seen_at is None and self._postgres_failures == 0:
            return
        self._postgres_seen_at = None
        if now < self._postgres_retry_at:
            return
        self._postgres_failures += 1
        self._postgres_retry_at = now + _delay_s(self._postgres_failures)
        self._say("PostgreSQL ended unexpectedly; starting it again")
        try:
            self._postgres.restart_after_crash(sleep=self._read_output)
        except ProcessError as error:
            self._say(error.sentence)

    def _stop_child(self, running: _Running, is_urgent: Callable[[], bool] = lambda: False) -> None:
        """SIGTERM, time to end, then SIGKILL for it and whatever it started."""
        if running.process.poll() is None:
            running.process.terminate()
            deadline = time.monotonic() + self._grace_s
            while running.process.poll() is None and time.monotonic() < deadline and not is_urgent():
                self._read_output(_READY_POLL_S)
            if running.process.poll() is None:
                self._say(f"{running.child.name} does not end: killing it")
        self._clear_away(running)
        self._running.remove(running)

    def _clear_away(self, running: _Running) -> None:
        """Kill what is left of the child's process group and take in its last words."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait(timeout=self._grace_s)
        while self._read_some(running):
            pass
        self._close_output(running)

    def _say(self, text: str) -> None:
        # A terminal that is gone must not keep us from stopping in order.
        with contextlib.suppress(OSError):
            self._on_step(text)


def _delay_s(failures: int) -> float:
    return RESTART_DELAYS_S[min(failures, len(RESTART_DELAYS_S) - 1)]


def _failure(running: _Running, sentence: str) -> ProcessError:
    path = running.log.path
    return ProcessError("child_failed", sentence, f"The last lines of {path} say why:", last_lines(path))


def _how(running: _Running) -> str:
    code = running.process.returncode
    return f"by signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"with code {code}"
