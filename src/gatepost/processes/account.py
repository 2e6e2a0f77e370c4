"""The operating system account that runs PostgreSQL, which refuses to run as root."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gatepost.processes.errors import ProcessError
from gatepost.processes.private_files import Owner

ACCOUNT_NAME = "gatepost-pg"
_TIMEOUT_S = 30

SERVER_ENV: Mapping[str, str] = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": "/"}
"""The whole environment of PostgreSQL's programs: nothing of ours (PGHOST, secrets, locale) reaches them."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server. `is_self`: this user; otherwise we are root and step down to it."""

    name: str
    uid: int
    gid: int
    is_self: bool

    @property
    def owner(self) -> Owner | None:
        """The owner its files need, None when they are ours anyway."""
        return None if self.is_self else (self.uid, self.gid)

    def popen(self, argv: Sequence[str | Path], **options: object) -> "subprocess.Popen[str]":
        """Start a program as this account, in its own session, with nothing of our environment."""
        identity = {} if self.is_self else {"user": self.uid, "group": self.gid, "extra_groups": []}
        everything = {
            "env": dict(SERVER_ENV),
            "cwd": "/",
            "stdin": subprocess.DEVNULL,
            "start_new_session": True,
            "umask": 0o077,
            "text": True,
            **identity,
            **options,
        }
        return subprocess.Popen([str(part) for part in argv], **everything)  # type: ignore[call-overload, no-any-return]

    def run(self, argv: Sequence[str | Path], timeout_s: float = _TIMEOUT_S) -> tuple[int, str]:
        """Exit code and joined output. Raises ProcessError when the program does not end in time."""
        process = self.popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            output, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            raise ProcessError(
                "command_timeout",
                f"{argv[0]} did not end within {timeout_s:g} s.",
                "Look at the load and the disk of this machine, then start again.",
                output,
            ) from None
        return process.returncode, output

    def can_enter(self, folder: Path) -> bool:
        """Asked of the kernel by the account itself, so that access lists and mounts count too."""
        return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", folder])[0] == 0

    def can_run(self, program: Path) -> bool:
        try:
            return self.run([program, "--version"])[0] == 0
        except OSError:
            return False


def server_account() -> Account:
    """This user; as root the system user `gatepost-pg`, which is created when it is missing.

    A user shared with other services (nobody) is never taken: they could then read the database's files.
    """
    if os.geteuid() != 0:
        return account_of(os.geteuid())
    for attempt in range(2):
        try:
            found = pwd.getpwnam(ACCOUNT_NAME)
        except KeyError:
            if attempt == 0:
                _create_user()
            continue
        if found.pw_uid == 0:
            break
        return Account(found.pw_name, found.pw_uid, found.pw_gid, is_self=False)
    raise _no_account("is not usable")


def account_of(uid: int) -> Account:
    """The account with this user id. Raises ProcessError when the system does not know it: PostgreSQL needs a name."""
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        raise ProcessError(
            "nameless_user",
            f"User id {uid} has no entry in the system's user database, and PostgreSQL needs one.",
            "Add the user (in a container: a line in /etc/passwd), or set GATEPOST_DATABASE_URL "
            "to a PostgreSQL of yours.",
        ) from None
    return Account(found.pw_name, uid, found.pw_gid, is_self=uid == os.geteuid())


def _create_user() -> None:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        raise _no_account("is missing and there is no useradd to create it")
    argv = [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    argv += ["--shell", "/usr/sbin/nologin", "--comment", "Gatepost embedded PostgreSQL", ACCOUNT_NAME]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, cwd="/")
    already_there = 9
    if done.returncode not in {0, already_there}:
        raise _no_account(f"cannot be created: {done.stderr.strip()}")


def _no_account(why: str) -> ProcessError:
    return ProcessError(
        "no_server_account",
        f"PostgreSQL does not run as root, and its system user {ACCOUNT_NAME} {why}.",
        f"Create an unprivileged system user {ACCOUNT_NAME}, or start Gatepost as an ordinary user, "
        "or set GATEPOST_DATABASE_URL to a PostgreSQL of yours.",
    )
