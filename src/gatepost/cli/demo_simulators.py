"""The simulated providers of the demo and its traffic: `python -m gatepost.cli.demo_simulators`, started by
`gatepost up --demo`. Not a command of the tree, so that it need not load the tree."""

import asyncio
import os
from pathlib import Path
from urllib.parse import urlsplit

from gatepost.cli import demo_file
from gatepost.simulators import traffic
from gatepost.simulators.demo import demo_accounts
from gatepost.simulators.engine import Account
from gatepost.simulators.mailbox import Mailbox
from gatepost.simulators.server import Server, run

_CALLBACKS = {"receipt": "receipt_url", "inbound": "inbound_url", "media": "mms_url"}


def serve(data_dir: Path, *, has_traffic: bool = True) -> None:
    """Serve what `<data dir>/demo.json` says, until SIGINT or SIGTERM."""
    demo = demo_file.read(data_dir)
    if demo is None:
        raise SystemExit(f"There is no demo in {data_dir}: start it with `gatepost up --demo`.")
    address = urlsplit(demo.simulators.url)
    tasks: list[asyncio.Task[None]] = []

    def ready(server: Server) -> None:
        if has_traffic:
            tasks.append(asyncio.get_running_loop().create_task(_flow(data_dir)))

    run(
        _accounts(demo),
        address.hostname or "127.0.0.1",
        address.port or 0,
        token=demo.simulators.token,
        mailbox=Mailbox(port=demo.simulators.mail_port),
        ready=ready,
    )


async def _flow(data_dir: Path) -> None:
    def target() -> traffic.Target:
        demo = demo_file.read(data_dir)
        return traffic.Target(demo.url, demo.api_key) if demo else traffic.Target("http://127.0.0.1:1", "")

    await traffic.flow(target)


def _accounts(demo: demo_file.Demo) -> list[Account]:
    callbacks = {
        account: {_CALLBACKS[kind]: demo.url + path for kind, path in paths.items()}
        for account, paths in demo.simulators.callbacks.items()
    }
    return demo_accounts(demo.simulators.ports, callbacks)


if __name__ == "__main__":
    serve(Path(os.environ["GATEPOST_DATA_DIR"]))
