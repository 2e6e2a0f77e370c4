"""One database cluster on disk: where it lives, how it is made, how it is configured."""

import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gatepost.processes.account import Account, account_of
from gatepost.processes.datadir import DataDir
from gatepost.processes.errors import ProcessError
from gatepost.processes.private_files import make_private_folder, write_atomically
from gatepost.processes.server_files import (
    MAJOR,
    SHARED_ROOT,
    ServerFiles,
    installed_server_files,
    make_shared_root,
    programs_of_major,
)

ADMIN = "postgres"
"""The superuser, used at the start only; Gatepost itself works as an ordinary role."""

SOCKET_PORT = 5432
"""Part of the socket's name; nothing listens on it."""

_INITDB_TIMEOUT_S = 120
_LONGEST_SOCKET_PATH = 107
_ID_FILE = "gatepost.id"
_PLACE_FILE = "postgres.json"

_DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "wal_buffers": "16MB",
    "shared_buffers": "256MB",
}
_UNSAFE_FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "shared_buffers": "128MB",
}
_ALWAYS = {
    "max_connections": "100",
    "superuser_reserved_connections": "3",
    "effective_cache_size": "4GB",
    "maintenance_work_mem": "128MB",
    "work_mem": "16MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "password_encryption": "scram-sha-256",
    "restart_after_crash": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_lock_waits": "on",
    # Statements and row details carry numbers and message texts, which do not belong into a log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster in `home`/postgres, run by `account`, reached through `sockets`."""

    home: Path
    account: Account
    sockets: Path

    @property
    def path(self) -> Path:
        return self.home / "postgres"

    @property
    def exists(self) -> bool:
        return (self.path / "PG_VERSION").exists()

    @property
    def config_file(self) -> Path:
        return self.path / "gatepost.conf"

    @property
    def tag(self) -> str:
        """Marks this cluster's processes: different for a copy elsewhere and for another cluster at the same path."""
        identity = f"{self.path}\n{(self.path / _ID_FILE).read_text('utf-8')}"
        return f"gatepost-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"

    def check_version(self) -> None:
        """Raises ProcessError with the way to upgrade when another major version made the cluster."""
        found = (self.path / "PG_VERSION").read_text("utf-8").strip()
        if found == str(MAJOR):
            return
        old = programs_of_major(int(found)) if found.isdigit() else "<folder of the old programs>"
        new = installed_server_files().bin
        raise ProcessError(
            "other_major_version",
            f"The cluster {self.path} was made by PostgreSQL {found}; this version of Gatepost runs {MAJOR}.",
            f"Nothing was changed. Either dump and restore: start it with {old}/pg_ctl -D {self.path} start, save it "
            f"with {old}/pg_dumpall, move {self.path} away, start Gatepost and load the dump; or make a new cluster "
            f"with {new}/initdb and run {new}/pg_upgrade --old-bindir {old} --new-bindir {new} "
            f"--old-datadir {self.path} --new-datadir <new cluster>.",
        )

    def create(self, files: ServerFiles, admin_password: str, *, unsafe_fast: bool) -> None:
        """Run initdb; the cluster appears at its place only when it is complete."""
        draft = self.home / "postgres.new"
        if draft.exists():
            shutil.rmtree(draft)
        make_private_folder(draft, owner=self.account.owner)
        password_file = self.home / "postgres.password"
        write_atomically(password_file, f"{admin_password}\n", owner=self.account.owner)
        argv: list[str | Path] = [
            files.initdb,
            "-D",
            draft,
            "--username",
            ADMIN,
            "--pwfile",
            password_file,
            "--auth=scram-sha-256",
        ]
        argv += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        argv += ["--no-instructions", *(["--no-sync", "--no-data-checksums"] if unsafe_fast else ["--data-checksums"])]
        try:
            code, output = self.account.run(argv, _INITDB_TIMEOUT_S)
        finally:
            password_file.unlink()
        if code != 0:
            raise ProcessError(
                "initdb_failed",
                f"The database cluster could not be created in {self.path}.",
                "Free some disk space or correct what PostgreSQL names below, then start again.",
                output.strip(),
            )
        draft.rename(self.path)

    def ensure_id(self) -> None:
        """Mark the cluster if nothing has, as after pg_upgrade."""
        if not (self.path / _ID_FILE).exists():
            write_atomically(self.path / _ID_FILE, secrets.token_hex(16), owner=self.account.owner)

    def configure(self, *, port: int | None, unsafe_fast: bool) -> bool:
        """Write settings and access rules; whether they differ from those of the last start."""
        settings = {
            "listen_addresses": "" if port is None else "127.0.0.1",
            "port": str(port or SOCKET_PORT),
            "unix_socket_directories": f'"{self.sockets}"',
            "unix_socket_permissions": "0700",
            **(_UNSAFE_FAST if unsafe_fast else _DURABLE),
            **_ALWAYS,
        }
        lines = [
            "# Rewritten at every start; to change a setting use ALTER SYSTEM, which stands above this file.",
            "include 'postgresql.conf'",
            *(f"{name} = '{_quoted(value)}'" for name, value in settings.items()),
        ]
        rules = ["local all all scram-sha-256", "local replication all scram-sha-256"]
        if port is not None:
            rules.append("host all all 127.0.0.1/32 scram-sha-256")
        written = [self._replace(self.config_file.name, lines), self._replace("pg_hba.conf", rules)]
        return any(written)

    def _replace(self, name: str, lines: list[str]) -> bool:
        path, text = self.path / name, "\n".join(lines) + "\n"
        if path.exists() and not path.is_symlink() and path.read_text("utf-8") == text:
            return False
        write_atomically(path, text, owner=self.account.owner)
        return True


def find_cluster(data: DataDir, account: Account) -> tuple[Cluster, list[str]]:
    """The cluster of a data folder, made or still to make, and what the operator should know about its place."""
    notices: list[str] = []
    recorded = _read_place(data)
    if recorded is not None:
        home = recorded
    elif account.is_self or _can_live_in(data.path, account):
        home = data.path
    else:
        home, notices = _shared_home(data, account)
    if (home / "postgres").is_dir() and os.geteuid() == 0:
        # Made by an ordinary user earlier: PostgreSQL insists on running as the owner of its files.
        owner = (home / "postgres").stat().st_uid
        account = account if owner in {0, account.uid} else account_of(owner)
    if home != data.path:
        notices.append(
            f"The data folder {data.path} is out of reach of the user {account.name}: the database is in {home}."
        )
    return Cluster(home, account, _socket_folder(home, account)), notices


def record_place(data: DataDir, cluster: Cluster, port: int | None) -> None:
    """Remember in the data folder where its cluster is, for the next start and for other commands."""
    place = {"home": str(cluster.home), "sockets": str(cluster.sockets), "port": port or SOCKET_PORT}
    path = data.path / _PLACE_FILE
    text = json.dumps(place, indent=1)
    if not path.exists() or path.read_text("utf-8") != text:
        write_atomically(path, text)


def recorded_socket(data: DataDir) -> tuple[Path, int] | None:
    """Socket folder and port of the last start, None when there was none."""
    try:
        place = json.loads((data.path / _PLACE_FILE).read_text("utf-8"))
        return Path(place["sockets"]), int(place["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _read_place(data: DataDir) -> Path | None:
    """The recorded home. A data folder that was moved takes the cluster inside it along."""
    try:
        home = Path(json.loads((data.path / _PLACE_FILE).read_text("utf-8"))["home"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return home if home.is_relative_to(SHARED_ROOT) else data.path


def _can_live_in(folder: Path, account: Account) -> bool:
    """Whether the account reaches the folder and files there can be given to it (not so on some network disks)."""
    if not account.can_enter(folder):
        return False
    probe = folder / f".probe-{secrets.token_hex(4)}"
    probe.mkdir(mode=0o700)
    try:
        os.chown(probe, account.uid, account.gid)
        return account.can_enter(probe)
    except OSError:
        return False
    finally:
        probe.rmdir()


def _shared_home(data: DataDir, account: Account) -> tuple[Path, list[str]]:
    """A folder under /var/lib/gatepost for this data folder. A cluster whose data folder is gone is set aside."""
    home = make_shared_root() / hashlib.sha256(str(data.path).encode()).hexdigest()[:12]
    notices = []
    if (home / "postgres").exists():
        aside = home.with_name(f"{home.name}.aside-{datetime.now(UTC):%Y%m%dT%H%M%S}")
        home.rename(aside)
        notices.append(f"A database of an earlier {data.path}, which is gone, was set aside in {aside}.")
    home.mkdir(mode=0o710, exist_ok=True)
    os.chown(home, 0, account.gid)
    home.chmod(0o710)
    return home, notices


def _socket_folder(home: Path, account: Account) -> Path:
    """A private folder whose path fits into a socket address (107 bytes), the same one at every start."""
    for folder in _socket_candidates(home, account):
        longest = len(os.fsencode(folder / ".s.PGSQL.65535"))
        # A comma separates folders for libpq and PostgreSQL alike; quotes and backslashes end or escape names.
        if longest <= _LONGEST_SOCKET_PATH and not set("\"',\\\n") & set(str(folder)):
            make_private_folder(folder, owner=account.owner)
            return folder
    raise AssertionError("the last candidate is always short enough")


def _socket_candidates(home: Path, account: Account) -> Iterator[Path]:
    yield home / "socket"
    name = f"gatepost-{account.uid}-{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"
    runtime = Path(f"/run/user/{account.uid}")
    if account.is_self and os.access(runtime, os.W_OK | os.X_OK):
        yield runtime / name
    yield Path(tempfile.gettempdir()) / name
    yield Path("/tmp") / name  # noqa: S108 - a private folder is made there


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
