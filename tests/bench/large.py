"""What `make bench-large` measures besides F2 again: the console's pages, and several workers on one database."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from urllib.parse import urlsplit

from tests.bench.measuring import Bench, Sample, campaign
from tests.bench.ours import Ours, RunningOurs
from tests.bench.results import percentile
from tests.bench.sides import PREFIX, Running, Setup, Side, request
from tests.bench.tools import BenchError, write_requests
from tests.support.browsing import Browser

from gatepost.sms.ids import to_ref

GATEWAYS = 4
EMAIL = "bench@gatepost.example"
LOOKS = 20
"""How often each address is asked for in a sample."""

Addresses = Callable[[RunningOurs], list[str]]


class WithWorkers:
    """Ours with so many workers on one database, as a side of its own."""

    def __init__(self, ours: Ours, name: str, workers: int) -> None:
        self.name = name
        self._ours = ours
        self._workers = workers

    def running(self, setup: Setup, *, keeps_data: bool = False) -> AbstractContextManager[Running]:
        return self._ours.running(replace(setup, workers=self._workers, gateways=GATEWAYS), keeps_data=keeps_data)

    def version(self) -> str:
        return self._ours.version()


def log_page(bench: Bench, side: Side) -> list[Sample]:
    """F8 log: the newest messages, and filtered by word, number, gateway and kind."""
    return _looked_at(bench, side, _log_addresses)


def history_page(bench: Bench, side: Side) -> list[Sample]:
    """F8 history: the newest sendings, those of a day, by status, number, type; one message with its timeline."""
    return _looked_at(bench, side, _history_addresses)


def dashboard(bench: Bench, side: Side) -> list[Sample]:
    """F8 dashboard."""
    return _looked_at(bench, side, lambda live: [""])


def workers(bench: Bench, side: Side) -> list[Sample]:
    """F10: F2 over four gateways."""
    return campaign(bench, side)


def _log_addresses(live: RunningOurs) -> list[str]:
    gateway = live.rows("select min(id) from gateway")[0][0]
    return ["log/", "log/?word=Error", f"log/?to={PREFIX}1234567", f"log/?to={PREFIX}12&gateway={gateway}&kind=single"]


def _history_addresses(live: RunningOurs) -> list[str]:
    oldest, day = live.rows("select id, created_at + interval '40 days' from message order by id limit 1")[0]
    period = f"period=custom&since={day:%Y-%m-%d}&until={day:%Y-%m-%d}"
    filters = ("", period, "status=Sent", "status=Sent+with+error", f"q={PREFIX}1234567", "kind=single")
    return [*(f"history/?{one}" for one in filters), f"log/?{period}&word=Error", f"messages/{to_ref(oldest)}/"]


def _looked_at(bench: Bench, side: Side, addresses: Addresses) -> list[Sample]:
    """The 95th percentile of how long the pages take, one after the other, for a person who is signed in."""
    if not isinstance(side, Ours):
        raise BenchError("it has no console")
    with side.started() as live:
        signed_in = cookies(live, side)
        inside = f"/w/{live.rows('select min(id) from workspace')[0][0]}/"
        paths = [inside + address for address in addresses(live)]
        requests = [request("GET", path, [("Cookie", signed_in)]) for path in paths for _ in range(LOOKS)]
        path = write_requests(bench.world.folder / "requests", requests)
        played = bench.world.tools.play(live.port, path, connections=1, expect=200).finish()
        took_ms = [(end - begin) / 1e6 for begin, end, _ in played.per_request]
    facts = {
        _shown(page): f"{percentile(took_ms[n * LOOKS : (n + 1) * LOOKS], 50):.0f} ms" for n, page in enumerate(paths)
    }
    return [Sample(percentile(took_ms, 95), facts)]


def cookies(live: RunningOurs, side: Ours) -> str:
    """Those of a person who has signed in to the console, as a header."""
    is_known = live.rows("select count(*) from user_account where email = %s", EMAIL)[0][0]
    words = ("sign-in-link", EMAIL) if is_known else ("users", "create", EMAIL, "--administrator")
    link = next(word for word in side.command(*words).split() if "/sign-in/" in word)
    browser = Browser(f"http://127.0.0.1:{live.port}")
    page = browser.get(urlsplit(link).path)
    browser.press(page, "Sign in")
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


def _shown(path: str) -> str:
    return path.split("/", 3)[3] or "/"
