"""A little life for the demo: a first page of the log with every kind of outcome, then a message every few seconds.

It goes in through the public API like anybody's messages. Numbers are of Ofcom's range for drama, which no subscriber
has; their last digits decide what the simulated handset does (handset.py).
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from gatepost.simulators.demo import CAPE, FLAKY, WARSAW

PHONE: Final = "447700900{:03d}"
TRICKLE_S: Final = 180.0
PAUSE_S: Final = (4.0, 8.0)
RETRY_S: Final = 0.5
PATIENCE_S: Final = 60.0

TEXTS: Final = (
    "Your order 4711 is on its way and arrives between 10:00 and 12:00.",
    "Przypomnienie: wizyta jutro o 9:30. Odpisz TAK, aby potwierdzić.",
    "Your one-time code is 482913. It is valid for 5 minutes.",
    "Напоминаем: оплата за ноябрь до 15 числа.",
    "Planned work on Tuesday from 02:00 to 04:00: your line may be down for some minutes. We are sorry.",
    "Thank you for your payment of €24.90 {invoice 2026-11}.",
    "Happy birthday! 🎂 A coffee is waiting for you at our counter.",
    "The lift in your building works again.",
    "Your parcel waits in locker 7. "
    "Open it within 48 hours with the code that we sent you by e-mail, or ask the concierge to keep it for you until "
    "Friday evening; afterwards it goes back to the sender.",
)

BACKLOG: Final = (
    *((WARSAW.label, ending) for ending in (101, 102, 1, 103, 104, 2, 105, 7, 106, 107, 3, 108)),
    *((CAPE.label, ending) for ending in (201, 202, 1, 203, 8, 204, 6, 205, 206, 9)),
    *((FLAKY.label, ending) for ending in (301, 302, 1, 303, 304, 4, 305, 306)),
)
"""Gateway, and the end of the number: 1 is not delivered, 2 expires, 3 is a bad number, 4 never gets a receipt, 6 is
rejected, 7 to 9 have receipts twice, out of order and early."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where messages go in."""

    url: str
    key: str


async def flow(target: Callable[[], Target]) -> None:
    """Fill an empty log once, then send for a few minutes. `target` is asked each time: the key may be renewed."""
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
        if await _is_log_empty(session, target):
            await _send(session, target(), [_message(*place) for place in BACKLOG])
        loop = asyncio.get_running_loop()
        end = loop.time() + TRICKLE_S
        while loop.time() < end:
            await asyncio.sleep(random.uniform(*PAUSE_S))  # noqa: S311 - no secret hangs on it
            gateway = random.choices((WARSAW, CAPE, FLAKY), (6, 3, 2))[0].label  # noqa: S311
            await _send(session, target(), [_message(gateway, random.randrange(100, 960))])  # noqa: S311


def _message(gateway: str, ending: int) -> dict[str, Any]:
    return {"to": PHONE.format(ending), "text": TEXTS[ending % len(TEXTS)], "gateway": gateway}


async def _is_log_empty(session: aiohttp.ClientSession, target: Callable[[], Target]) -> bool:
    """Wait until Gatepost answers, and look; when it does not answer in time, leave it alone."""
    end = asyncio.get_running_loop().time() + PATIENCE_S
    while asyncio.get_running_loop().time() < end:
        try:
            at = target()
            async with session.get(f"{at.url}/api/v1/messages?limit=1", headers=_headers(at)) as response:
                if response.status == 200:
                    return not (await response.json())["items"]
        except (aiohttp.ClientError, TimeoutError):
            pass
        await asyncio.sleep(RETRY_S)
    return False


async def _send(session: aiohttp.ClientSession, at: Target, messages: list[dict[str, Any]]) -> None:
    """One request; if it fails, the demo has a message less."""
    try:
        await session.post(f"{at.url}/api/v1/messages", json={"messages": messages}, headers=_headers(at))
    except (aiohttp.ClientError, TimeoutError):
        return


def _headers(at: Target) -> dict[str, str]:
    return {"Authorization": f"Bearer {at.key}"}
