"""`<data dir>/demo.json`: how to reach the running demo, for people and for the other commands. 0600."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from gatepost.processes.private_files import write_atomically

NAME: Final = "demo.json"


@dataclass(frozen=True, slots=True)
class Simulators:
    """Where the simulated providers are. `ports`: of each account; `callbacks`: the paths of its gateway's callbacks,
    by account and kind (receipt, inbound, media); `mail_port`: of the mailbox."""

    url: str
    token: str = field(repr=False)
    ports: dict[str, int]
    callbacks: dict[str, dict[str, str]] = field(repr=False)
    mail_port: int = 0


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo as it was last started."""

    url: str
    api_key: str = field(repr=False)
    email: str
    password: str = field(repr=False)
    simulators: Simulators


def read(data_dir: Path) -> Demo | None:
    """The demo of that data folder; None where there is none, or not in a form that we know."""
    try:
        found = json.loads((data_dir / NAME).read_text("utf-8"))
        return Demo(**{**found, "simulators": Simulators(**found["simulators"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write(data_dir: Path, demo: Demo) -> None:
    """Replace the file in one step."""
    write_atomically(data_dir / NAME, json.dumps(asdict(demo), indent=2) + "\n")
