"""`gatepost simulate`: the other side of a provider on this machine."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from gatepost.cli import demo_file
from gatepost.cli.options import DataDirOption, chosen_data_dir
from gatepost.cli.terminal import Refusal, out

if TYPE_CHECKING:
    from gatepost.simulators.engine import Account
    from gatepost.simulators.server import Server


def simulate(
    slug: Annotated[str, typer.Argument(help="The provider, as `gatepost gateways providers` lists it.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 8090,
    fail: Annotated[float, typer.Option(min=0, max=1, help="Share of submits refused with a temporary error.")] = 0.0,
    delay: Annotated[int, typer.Option(min=0, metavar="MS", help="Pause before each answer to a submit.")] = 0,
    throttle: Annotated[int, typer.Option(min=0, help="Submits per second, 0 for no limit.")] = 0,
) -> None:
    """Run a simulated provider until Ctrl-C, to try a gateway without an account and without cost."""
    from gatepost.simulators.engine import Account
    from gatepost.simulators.faults import Faults
    from gatepost.simulators.registry import all_simulators
    from gatepost.simulators.server import run

    if slug not in all_simulators():
        raise Refusal(f"There is no simulator {slug!r}.", f"Choose one of {', '.join(all_simulators())}.")
    account = Account(
        name=slug.replace("_", "-"), slug=slug, faults=Faults(fail=fail, delay_ms=delay, throttle=throttle)
    )
    try:
        run([account], port=port, root=account.name, ready=_say_ready)
    except OSError as error:
        raise Refusal(
            f"Cannot listen on 127.0.0.1 port {port}: {error.strerror or error}.", "Choose another --port."
        ) from None


def demo_simulators(data_dir: DataDirOption = None) -> None:
    """Run the simulated providers of the demo and its traffic, as `gatepost up --demo` set them up."""
    from gatepost.simulators.server import run

    path = chosen_data_dir(data_dir)
    demo = demo_file.read(path)
    if demo is None:
        raise Refusal(f"There is no demo in {path}.", "Start it with `gatepost up --demo`.")
    address = urlsplit(demo.simulators.url)
    tasks: list[asyncio.Task[None]] = []
    run(
        _accounts(demo),
        address.hostname or "127.0.0.1",
        address.port or 0,
        token=demo.simulators.token,
        ready=lambda server: tasks.append(asyncio.get_running_loop().create_task(_flow(path))),
    )


async def _flow(data_dir: Path) -> None:
    from gatepost.simulators import traffic

    def target() -> traffic.Target:
        demo = demo_file.read(data_dir)
        return traffic.Target(demo.url, demo.api_key) if demo else traffic.Target("http://127.0.0.1:1", "")

    await traffic.flow(target)


def _accounts(demo: demo_file.Demo) -> "list[Account]":
    from gatepost.simulators.demo import demo_accounts

    names = {"receipt": "receipt_url", "inbound": "inbound_url", "media": "mms_url"}
    callbacks = {
        account: {names[kind]: demo.url + path for kind, path in paths.items()}
        for account, paths in demo.simulators.callbacks.items()
    }
    return demo_accounts(demo.simulators.ports, callbacks)


def _say_ready(server: "Server") -> None:
    for live in server.accounts.values():
        out.print(f"{live.simulator.label} is simulated at {server.url}")
        out.print(
            "Account: " + ", ".join(f"{name} {value}" for name, value in live.credentials.items()), soft_wrap=True
        )
    out.print(f"Gateways reach it with GATEPOST_EGRESS_ALLOW={urlsplit(server.url).netloc}")
    out.print(
        f"Switches and virtual phone: {server.url}/_control with X-Simulators-Token: {server.token}", soft_wrap=True
    )
    out.print("Ctrl-C stops it.")
