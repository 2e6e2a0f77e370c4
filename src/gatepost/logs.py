"""What the processes print while they run: a line per event, with its time, level and values."""

import logging
import sys
import time

import structlog

CHATTY = ("procrastinate.blueprints", "procrastinate.periodic")
"""They tell what is declared, each time and in each process that imports it."""


def configure(level: str) -> None:
    """Send structlog's events and the libraries' messages to standard output, from `level` (debug..error) upwards."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(
        level=number,
        stream=sys.stdout,
        format="%(asctime)s.%(msecs)03dZ [%(levelname)s] %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
        force=True,
    )
    logging.Formatter.converter = time.gmtime
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Tracebacks without local variables: those hold secrets and texts.
            structlog.dev.ConsoleRenderer(
                colors=False, pad_event_to=0, pad_level=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
