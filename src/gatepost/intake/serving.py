"""What `gatepost web` becomes: `python -m gatepost.intake.serving <host> <port> <seconds to stop in>`."""

import asyncio
import sys

import uvloop

from gatepost import config, logs
from gatepost.intake.server import serve


def main() -> None:
    """Serve until told to stop; ends with a sentence where it cannot listen."""
    host, port, stop_timeout_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    logs.configure(config.load()["LOG_LEVEL"])
    from gatepost.intake.app import application

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(serve(application, host, port, stop_timeout_s=stop_timeout_s))
        except OSError as error:
            sys.exit(f"Cannot listen on {host}, port {port}: {error.strerror or error}.")


if __name__ == "__main__":
    main()
