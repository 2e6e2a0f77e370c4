"""`gatepost simulate`: the other side of a provider on this machine."""

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from gatepost.cli.terminal import Refusal, out

if TYPE_CHECKING:
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
