"""`gatepost doctor`: what is wrong with this installation, and what to do about it."""

import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import psycopg
import typer
from rich.markup import escape

from gatepost import config
from gatepost.cli import demo_file, installation
from gatepost.cli.options import DataDirOption, JsonOption, chosen_data_dir
from gatepost.cli.terminal import Exit, Refusal, out, show_json
from gatepost.processes.errors import ProcessError
from gatepost.processes.ports import free_port
from gatepost.processes.postgres import running_dsn
from gatepost.processes.readiness import answers_200

MIN_POSTGRES: Final = 150_000
LOW_DISK_BYTES: Final = 1 << 30
NO_DISK_BYTES: Final = 100 << 20
CLOCK_SKEW_S: Final = 2.0
WORKER_SILENCE_S: Final = 5.0
LATE_QUEUE_S: Final = 60.0
_OTHERS_MAY: Final = stat.S_IRWXO | stat.S_IRGRP | stat.S_IWGRP


class Mark(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `remedy`: what to do, where it is not ok."""

    mark: Mark
    what: str
    words: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined. `dsn` holds a password; None where no database is known."""

    data_dir: Path
    settings: dict[str, Any]
    dsn: str | None

    def __repr__(self) -> str:
        return f"Patient({str(self.data_dir)!r})"


def doctor(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Examine the installation on this machine. Exit code 0 when nothing fails; warnings do not count."""
    path = chosen_data_dir(data_dir)
    findings = list(examine(path))
    if as_json:
        show_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            colour = {Mark.OK: "green", Mark.WARN: "yellow", Mark.FAIL: "red"}[finding.mark]
            out.print(f"[{colour}]{finding.mark:4}[/{colour}]  {escape(finding.what):12} {escape(finding.words)}")
            if finding.remedy:
                out.print(f"{'':19}{escape(finding.remedy)}", style="dim", soft_wrap=True)
    raise typer.Exit(Exit.REFUSED if any(finding.mark is Mark.FAIL for finding in findings) else Exit.OK)


def examine(data_dir: Path) -> Iterator[Finding]:
    """Every check, in the order in which one builds on another."""
    yield from _python()
    try:
        settings = config.load()
    except config.ConfigError as error:
        yield Finding(Mark.FAIL, "settings", str(error), "Correct the variable.")
        return
    yield Finding(Mark.OK, "settings", "every variable is readable")
    try:
        dsn = settings["DATABASE_URL"] or running_dsn(data_dir)
    except (ProcessError, OSError) as error:
        yield Finding(Mark.FAIL, "database", str(error), "Run this as the user who started Gatepost.")
        return
    patient = Patient(data_dir, settings, dsn)
    for check in (_data_dir, _keys, _disk, _egress, _public_url, _web):
        yield from check(patient)
    yield from _database(patient)


def _python() -> Iterator[Finding]:
    version = sys.version.split()[0]
    is_good = sys.version_info >= (3, 11)
    remedy = "" if is_good else "Install Python 3.11 or newer."
    yield Finding(Mark.OK if is_good else Mark.FAIL, "python", version, remedy)


def _data_dir(patient: Patient) -> Iterator[Finding]:
    path = patient.data_dir
    if not path.is_dir():
        remedy = "Start `gatepost up`, or name the right folder with --data-dir."
        yield Finding(Mark.FAIL, "data folder", f"{path} is not there", remedy)
        return
    open_ones = [each for each in (path, path / "keys", path / "logs") if each.exists() and _is_open(each)]
    open_ones += [each for each in (path / "keys").glob("*") if _is_open(each)]
    if open_ones:
        names = ", ".join(str(each) for each in open_ones)
        yield Finding(Mark.FAIL, "data folder", f"other users can read {names}", f"chmod go-rwx {names}")
    else:
        yield Finding(Mark.OK, "data folder", f"{path}, for its owner only")


def _is_open(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & _OTHERS_MAY)


def _keys(patient: Patient) -> Iterator[Finding]:
    missing = installation.missing_keys(patient.data_dir, patient.settings)
    if missing:
        remedy = "`gatepost up` makes them; on a further node, set what the first one has."
        yield Finding(Mark.FAIL, "keys", f"{' and '.join(missing)}: neither set nor in the data folder", remedy)
    else:
        yield Finding(Mark.OK, "keys", "the keys of sessions and secrets are there")


def _disk(patient: Patient) -> Iterator[Finding]:
    place = patient.data_dir if patient.data_dir.is_dir() else Path.cwd()
    free = shutil.disk_usage(place).free
    mark = Mark.OK if free >= LOW_DISK_BYTES else Mark.WARN if free >= NO_DISK_BYTES else Mark.FAIL
    remedy = "" if mark is Mark.OK else "Make room: a full disk stops the database."
    yield Finding(mark, "disk", f"{free / (1 << 30):.1f} GiB free for {place}", remedy)


def _egress(patient: Patient) -> Iterator[Finding]:
    from gatepost.transport.addresses import BadAllowList, parse_allow_list

    entries = patient.settings["EGRESS_ALLOW"]
    try:
        parse_allow_list(entries)
    except BadAllowList as error:
        yield Finding(Mark.FAIL, "egress", f"GATEPOST_EGRESS_ALLOW: {error}", "Write host:port or a network.")
        return
    words = f"also {', '.join(entries)}" if entries else "public addresses only"
    yield Finding(Mark.OK, "egress", f"gateways may call {words}")


def _public_url(patient: Patient) -> Iterator[Finding]:
    url = patient.settings["PUBLIC_URL"]
    if url.startswith("https://"):
        yield Finding(Mark.OK, "public URL", url)
    elif url:
        yield Finding(Mark.WARN, "public URL", f"{url} has no TLS", "Put a TLS proxy in front, and write https://.")
    else:
        remedy = "Set GATEPOST_PUBLIC_URL: providers call back there. `gatepost up` on loopback uses its own address."
        yield Finding(Mark.WARN, "public URL", "not set", remedy)


def _web(patient: Patient) -> Iterator[Finding]:
    demo = demo_file.read(patient.data_dir)
    if demo is not None and answers_200(f"{demo.url}/health/ready")():
        yield Finding(Mark.OK, "web", f"the demo is ready at {demo.url}")
        return
    host, port = patient.settings["HOST"], patient.settings["PORT"]
    near = "127.0.0.1" if host in ("0.0.0.0", "", "::") else host  # noqa: S104
    try:
        if answers_200(f"http://{f'[{near}]' if ':' in near else near}:{port}/health/ready")():
            yield Finding(Mark.OK, "web", f"ready on port {port}")
            return
    except ValueError:
        pass
    try:
        is_free = free_port(host, port, tries=1) == port
    except ProcessError:
        is_free = False
    if is_free:
        yield Finding(
            Mark.WARN, "web", f"nothing listens on port {port}", "Start it, or set GATEPOST_PORT to its port."
        )
    else:
        remedy = "`gatepost up` takes the next free port; see its output, or set GATEPOST_PORT."
        yield Finding(Mark.WARN, "web", f"what listens on {host} port {port} is no ready Gatepost", remedy)


def _database(patient: Patient) -> Iterator[Finding]:
    if patient.dsn is None:
        remedy = "Start `gatepost up`, or set GATEPOST_DATABASE_URL."
        yield Finding(Mark.FAIL, "database", "the embedded one does not run", remedy)
        return
    try:
        with psycopg.connect(patient.dsn, connect_timeout=5, autocommit=True) as connection:
            for check in (_postgres, _clock):
                yield from check(connection)
    except psycopg.Error as error:
        words = str(error).strip().splitlines()[0]
        yield Finding(Mark.FAIL, "database", words, "Start it, or correct GATEPOST_DATABASE_URL.")
        return
    yield from _inside(patient)


def _postgres(connection: "psycopg.Connection[Any]") -> Iterator[Finding]:
    version = connection.info.server_version
    mark = Mark.OK if version >= MIN_POSTGRES else Mark.FAIL
    remedy = "" if mark is Mark.OK else "Use PostgreSQL 15 or newer."
    yield Finding(mark, "database", f"PostgreSQL {version // 10_000}.{version % 10_000}", remedy)
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        row = connection.execute("select current_setting(%s)", [name]).fetchone()
        if row and row[0] == "off":
            mark = Mark.WARN if name == "synchronous_commit" else Mark.FAIL
            words = f"{name} is off: a crash loses or repeats messages"
            yield Finding(mark, "database", words, f"Set {name} = on in postgresql.conf.")


def _clock(connection: "psycopg.Connection[Any]") -> Iterator[Finding]:
    before = datetime.now(UTC)
    row = connection.execute("select clock_timestamp()").fetchone()
    middle = before + (datetime.now(UTC) - before) / 2
    skew_s = abs((row[0] - middle).total_seconds()) if row else 0.0
    is_good = skew_s <= CLOCK_SKEW_S
    remedy = "" if is_good else "Let NTP keep the clocks of all nodes and of the database."
    yield Finding(Mark.OK if is_good else Mark.WARN, "clock", f"{skew_s:.1f} s from the database's", remedy)


def _inside(patient: Patient) -> Iterator[Finding]:
    """What the tables say."""
    assert patient.dsn is not None
    try:
        installation.open_django(installation.Installation(patient.data_dir, patient.settings, patient.dsn))
    except Refusal as refusal:
        yield Finding(Mark.FAIL, "database", refusal.sentence, refusal.remedy)
        return
    from gatepost.cli import schema

    missing = schema.missing()
    if missing:
        yield Finding(Mark.FAIL, "migrations", f"{missing} are missing", "Run `gatepost migrate`.")
        return
    yield Finding(Mark.OK, "migrations", "up to date")
    for check in (_secrets, _workers, _queue):
        yield from check()


def _secrets() -> Iterator[Finding]:
    from gatepost.gateways import secrets
    from gatepost.gateways.models import GatewaySecret
    from gatepost.problems import Problem

    lost = []
    rows = list(GatewaySecret.objects.select_related("gateway"))
    for row in rows:
        try:
            secrets.decrypt(row)
        except Problem:
            lost.append(row.gateway.name)
    if lost:
        names = ", ".join(sorted(set(lost)))
        remedy = "Bring back the old key (GATEPOST_ENCRYPTION_KEYS, newest first), or enter the secrets again."
        yield Finding(Mark.FAIL, "secrets", f"cannot be read: {names}", remedy)
    else:
        yield Finding(Mark.OK, "secrets", f"{len(rows)} saved, all readable")


def _workers() -> Iterator[Finding]:
    from django.utils import timezone

    from gatepost.dispatch.models import Worker

    now = timezone.now()
    silent = [(now - worker.seen_at).total_seconds() for worker in Worker.objects.all()]
    alive = sum(1 for seconds in silent if seconds <= WORKER_SILENCE_S)
    if alive:
        yield Finding(Mark.OK, "workers", f"{alive} alive")
    else:
        remedy = "Start `gatepost up` or `gatepost worker`: without one, nothing is sent."
        yield Finding(Mark.FAIL, "workers", "none is alive", remedy)


def _queue() -> Iterator[Finding]:
    from django.utils import timezone

    from gatepost.dispatch.models import Outbox

    now = timezone.now()
    due = Outbox.objects.filter(held__isnull=True, due_at__lte=now)
    oldest = due.order_by("due_at").values_list("due_at", flat=True).first()
    late_s = (now - oldest).total_seconds() if oldest else 0.0
    held = Outbox.objects.filter(held__isnull=False).count()
    words = f"{due.count()} due, the oldest for {late_s:.0f} s; {held} held"
    if late_s > LATE_QUEUE_S:
        remedy = "See the gateways (`gatepost gateways list`, `check`) and the worker's log in the data folder."
        yield Finding(Mark.WARN, "queue", words, remedy)
    else:
        yield Finding(Mark.OK, "queue", words)
