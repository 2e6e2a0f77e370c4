"""`gatepost up`: everything on one machine, set up where it is missing, and stopped in order."""

import ipaddress
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gatepost import config
from gatepost.cli import demo_file, itself, schema
from gatepost.cli.demo_file import Demo
from gatepost.cli.installation import Installation, open_django
from gatepost.cli.options import DataDirOption, chosen_data_dir
from gatepost.cli.serve import WEB_STOP_TIMEOUT_S, web_argv
from gatepost.cli.terminal import Steps, out
from gatepost.processes.datadir import DataDir
from gatepost.processes.ports import free_port
from gatepost.processes.postgres import EmbeddedPostgres
from gatepost.processes.readiness import answers_200
from gatepost.processes.supervisor import Child, Supervisor

SIMULATORS_HOST: Final = "127.0.0.1"
SIMULATORS_PORT: Final = 8090
"""The simulated providers take this port and the next ones that are free."""


def up(
    demo: Annotated[
        bool, typer.Option("--demo", help="With simulated providers, a workspace, an API key and some traffic.")
    ] = False,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. [GATEPOST_HOST, default 127.0.0.1]", show_default=False)
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help="Port; the next free one if it is taken. [GATEPOST_PORT, default 8000]",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDirOption = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say how long each step takes.")] = False,
) -> None:
    """Start Gatepost on this machine: database, migrations, web server and worker. Ctrl-C stops it in order."""
    chosen_data_dir(data_dir)
    for name, value in (("GATEPOST_HOST", host), ("GATEPOST_PORT", port)):
        if value is not None:
            os.environ[name] = str(value)
    Machine(config.load(), is_demo=demo, steps=Steps(is_verbose=verbose)).run()


class Machine:
    """Everything that `gatepost up` starts. `settings`: as config.load() gives them."""

    def __init__(self, settings: dict[str, Any], *, is_demo: bool, steps: Steps) -> None:
        self._settings = settings
        self._is_demo = is_demo
        self._steps = steps
        self._began = time.monotonic()
        self._is_embedded = not settings["DATABASE_URL"]
        self._data = DataDir.create(settings["DATA_DIR"], embedded_postgres=self._is_embedded)
        self._known = demo_file.read(self._data.path) if is_demo else None

    def run(self) -> None:
        """Start it all, and return when it was stopped. Raises ProcessError, ConfigError or Problem."""
        postgres = EmbeddedPostgres(self._data.path, on_step=self._steps.begin) if self._is_embedded else None
        grace_s = WEB_STOP_TIMEOUT_S + 5.0
        with (
            self._data.lock(),
            Supervisor(self._data.logs, postgres=postgres, grace_s=grace_s, on_step=self._steps.begin) as running,
        ):
            try:
                self._make_keys()
                self._choose_addresses()
                dsn = self._database(postgres)
                self._bring_up_to_date(dsn)
                self._start(running)
                self._tell()
                running.run()
            finally:
                self._steps.end("✗" if sys.exc_info()[0] else "✓")
                if running.is_stopping:
                    out.print("\nStopping" if out.is_terminal else "Stopping")
        self._steps.end()
        out.print("Stopped. The data stays in " + str(self._data.path), soft_wrap=True, markup=False)

    def _make_keys(self) -> None:
        """Keys are made once, and only where the settings bring none."""
        if not self._settings["SECRET_KEY"]:
            self._data.secret_key()
        if not self._settings["ENCRYPTION_KEYS"]:
            self._data.encryption_key()

    def _choose_addresses(self) -> None:
        """Ports that are free, and what follows from them for the settings of this start."""
        host, wanted = self._settings["HOST"], self._settings["PORT"]
        self._port = free_port(host, wanted)
        if self._port != wanted:
            self._steps.note(f"Port {wanted} is taken: using {self._port}.")
        self._url = f"http://{_in_url(_reachable(host))}:{self._port}"
        chosen = {"HOST": host, "PORT": str(self._port)}
        if not self._settings["PUBLIC_URL"] and (self._is_demo or _is_loopback(host)):
            chosen["PUBLIC_URL"] = self._url
        if self._is_demo:
            self._choose_simulators()
            ports = (self._simulators_port, *self._ports.values(), self._mail_port)
            allowed = [f"{SIMULATORS_HOST}:{port}" for port in ports]
            chosen["EGRESS_ALLOW"] = ",".join([*self._settings["EGRESS_ALLOW"], *allowed])
        os.environ.update({f"GATEPOST_{name}": value for name, value in chosen.items()})

    def _choose_simulators(self) -> None:
        """Where the simulated providers were at the last start, if that is still free: gateways lead there."""
        from gatepost.simulators.demo import demo_accounts

        last = self._known.simulators if self._known else None
        taken = {self._port}
        wanted = int(last.url.rpartition(":")[2]) if last else SIMULATORS_PORT
        self._simulators_port = _next_port(wanted, taken)
        self._ports = {
            account.name: _next_port(last.ports.get(account.name, wanted + 1) if last else wanted + 1, taken)
            for account in demo_accounts()
        }
        self._mail_port = _next_port((last.mail_port if last else 0) or wanted + 1, taken)
        self._simulators_url = f"http://{SIMULATORS_HOST}:{self._simulators_port}"

    def _database(self, postgres: EmbeddedPostgres | None) -> str:
        if postgres is not None:
            postgres.start()
        dsn: str = postgres.dsn if postgres is not None else self._settings["DATABASE_URL"]
        os.environ["GATEPOST_DATABASE_URL"] = dsn
        return dsn

    def _bring_up_to_date(self, dsn: str) -> None:
        """Migrations and the demo, where something is missing; otherwise Django is not even loaded."""
        self._installation = Installation(self._data.path, self._settings, dsn)
        is_current = schema.is_current(dsn, self._data.path)
        if not is_current:
            self._steps.begin("Bringing the database up to date")
            open_django(self._installation)
            schema.migrate(dsn, self._data.path)
        if not self._is_demo:
            return
        if is_current and self._known is not None and self._is_where_it_was(self._known):
            self._keep(_at(self._known, self._url))
        else:
            self._seed()

    def _is_where_it_was(self, known: Demo) -> bool:
        found = known.simulators
        is_there = (found.url, found.ports) == (self._simulators_url, self._ports)
        return is_there and found.mail_port == self._mail_port

    def _seed(self) -> Demo:
        from gatepost.cli import demo

        self._steps.begin("Setting up the demo")
        open_django(self._installation)
        seeded = demo.seed(self._known, self._url, self._simulators_url, self._ports, self._mail_port)
        _leave_database()
        self._keep(seeded)
        return seeded

    def _keep(self, demo: Demo) -> None:
        self._known = demo
        demo_file.write(self._data.path, demo)

    def _start(self, running: Supervisor) -> None:
        """The last started is the first stopped: nothing is taken in that nobody would send."""
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        python = [sys.executable, "-m"]
        if self._is_demo:
            running.start(Child("simulators", [*python, "gatepost.cli.demo_simulators"], environment))
        running.start(Child("worker", [*python, "gatepost", "worker"], environment))
        host = self._settings["HOST"]
        argv = web_argv(host, self._port)
        running.start(Child("web", argv, environment, is_ready=_readiness(host, self._port)))
        self._steps.end()

    def _tell(self) -> None:
        """What can be done now."""
        out.print(f"\nGatepost is ready at [bold]{self._url}[/bold] ({time.monotonic() - self._began:.1f} s)")
        if self._is_demo and self._known is not None:
            self._tell_demo(self._known)
        else:
            commands = [
                itself.line(what, "create", "NAME", data_dir=self._data.path) for what in ("workspaces", "keys")
            ]
            _say(["Make a workspace and an API key:", *commands])
        out.print(f"Data: {self._data.path}   Logs: {self._data.logs}", soft_wrap=True, style="dim", markup=False)
        out.print("Ctrl-C stops everything.\n", style="dim")

    def _tell_demo(self, demo: Demo) -> None:
        """Asks the database and not the API: while we wait nobody reads what the children print."""
        from gatepost.cli.demo import PHONE, is_key_good, sign_in_link

        _say(_key_lines(demo, self._data.path, PHONE))
        open_django(self._installation)
        if not is_key_good(demo):
            _say(["That key has been revoked; here is another one.", *_key_lines(self._seed(), self._data.path, PHONE)])
        link = sign_in_link(demo.url)
        _leave_database()
        _say([f"Sign in (once): {link}", ""] if link else [])


def _key_lines(demo: Demo, data_dir: Path, phone: str) -> list[str]:
    return [
        f"API key: {demo.api_key}",
        f"All of it: {data_dir / demo_file.NAME}",
        "",
        "Send a message:",
        f"curl -i {demo.url}/api/v1/messages -H 'Authorization: Bearer {demo.api_key}' "
        f'-H \'Content-Type: application/json\' -d \'{{"to": "{phone}", "text": "Hello from Gatepost"}}\'',
        f"or: {itself.line('send', '--to', phone, '--text', 'Hello from Gatepost', data_dir=data_dir)}",
        "",
    ]


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        out.print(line, soft_wrap=True, markup=False)


def _at(demo: Demo, url: str) -> Demo:
    return Demo(url, demo.api_key, demo.email, demo.password, demo.simulators)


def _leave_database() -> None:
    """We only watch from here on: no session of ours stays open."""
    from django.db import connections

    connections.close_all()


def _next_port(wanted: int, taken: set[int]) -> int:
    """A port that is free and that we have not given away yet."""
    port = wanted
    while (port := free_port(SIMULATORS_HOST, port)) in taken:
        port += 1
    taken.add(port)
    return port


def _readiness(host: str, port: int) -> Callable[[], bool]:
    """Whether the web server takes messages; on another address than loopback, whether it listens."""
    near = _reachable(host)
    if _is_loopback(near):
        return answers_200(f"http://{_in_url(near)}:{port}/health/ready")

    def is_listening() -> bool:
        try:
            socket.create_connection((near, port), timeout=1).close()
        except OSError:
            return False
        return True

    return is_listening


def _reachable(host: str) -> str:
    """The address by which this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
