"""An arena: an installation, the fake provider, gateways to it, the ledger, the nemesis, and the seed of it all.

with arena(folder, seed) as one:
    gateway = one.add_gateway("one", BATCH, parallel=4)
    one.gatepost.start_web()
    one.ledger.post_until_acknowledged(one.ledger.order(gateway.pk, 100))
    ...
    one.settle()
    assert not one.verdict().faults
"""

import http.client
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.db import connections
from tests.faults.checker import Evidence, Request, Verdict, judge
from tests.faults.evidence import read_inbound, read_log, read_messages
from tests.faults.ledger import Ledger
from tests.faults.nemesis import Nemesis
from tests.faults.proxy import module_env
from tests.support.installation import Installation, installation, spawn, wait_until

from gatepost.gateways.models import Gateway
from gatepost.gateways.services import callback_urls, create_gateway

RECORD_BUFFER = 500
SETTLE_TIMEOUT_S = 180.0
AFTERMATH_S = 31.0
"""How long after a harm its effect may show: a request may wait until its deadline."""

SINGLE = {
    "body": '{"ref": {{ref}}, "to": {{to}}, "text": {{text}}, "report_to": {{dlr_url?}}}',
    "id_from": "json:id",
}
BATCH = {
    "body": '{"messages": [{{items}}]}',
    "item_template": SINGLE["body"],
    "max_recipients": 10,
    "result_items_path": "json:results",
    "result_number_path": "to",
    "result_id_path": "id",
}
REPORTING = {
    "dlr_enabled": True,
    "dlr_parse": "json",
    "dlr_ref": "ref",
    "dlr_status": "status",
    "mo_enabled": True,
    "mo_parse": "json",
    "mo_from": "from",
    "mo_to": "to",
    "mo_text": "text",
    "mo_id": "id",
}
"""Added to one of the above, for reports and inbound messages."""
EGRESS = ("127.0.0.0/8",)
SETTINGS = {"GATEPOST_PROVIDER_LIMITS": "generic_http=1000"}
OPEN = """
    select (select count(*) from outbox) + (select count(*) from submission where done_at is null)
         + (select count(*) from message where state = 'queued')
"""


@dataclass(slots=True)
class Arena:
    """What a fault test works with. `entrance`: the port by which gateways reach the provider, `provider_port` or that
    of a proxy. `disturbances`: when the network was harmed."""

    gatepost: Installation
    provider_port: int
    entrance: int
    provider_log: Path
    seed: int
    ledger: Ledger
    nemesis: Nemesis
    gateways: dict[int, Gateway] = field(default_factory=dict)
    disturbances: list[tuple[float, float]] = field(default_factory=list)

    def add_gateway(self, name: str, settings: dict[str, Any], parallel: int, *, per_second: float = 1000) -> Gateway:
        url = f"http://127.0.0.1:{self.entrance}/send/{name}"
        wire = {"method": "POST", "url": url, "body_format": "json", "rules": ["status equals 200 -> success"]}
        limits = {"requests_per_second": per_second, "parallel": parallel}
        workspaces = [self.gatepost.workspace]

        def create() -> Gateway:
            try:
                return create_gateway(workspaces, "generic_http", name, wire | settings, limits, actor="test")
            finally:
                connections.close_all()

        # The ORM refuses to work in a thread with an event loop.
        with ThreadPoolExecutor(1) as thread:
            gateway = thread.submit(create).result()
        self.gateways[gateway.pk] = gateway
        return gateway

    def script(self, delay_s: tuple[float, float], gateway: str = "", **weights: float) -> None:
        """From now on the provider behaves so: to everybody, or to one gateway."""
        named = {name.replace("_", " "): weight for name, weight in weights.items()}
        wanted = {"gateway": gateway, "delay_s": delay_s, "weights": named or {"answer": 1}}
        self._tell_provider("PUT", "/script", wanted)

    def report(self, **weights: float) -> None:
        """From now on the provider reports in these orders."""
        named = {name.replace("_", " "): weight for name, weight in weights.items()}
        self._tell_provider("PUT", "/script", {"reports": named})

    def burst(self, gateway: Gateway, count: int) -> None:
        """That many inbound messages come at once, each of them twice."""
        path = urlsplit(callback_urls(gateway)["inbound"]).path
        url = f"http://127.0.0.1:{self.gatepost.port}{path}"
        first = len(self.ledger.offered)
        names = [f"inbound-{gateway.pk}-{first}-{n}-{time.monotonic_ns()}" for n in range(count)]
        messages = [{"from": "+48600999999", "to": "7000", "text": name, "id": name} for name in names]
        self._tell_provider("PUT", "/inbound", {"url": url, "messages": messages})

    @contextmanager
    def disturbed(self) -> Iterator[None]:
        """The network is harmed inside the block."""
        began = time.time()
        try:
            yield
        finally:
            self.disturbances.append((began, time.time()))

    def counts(self) -> dict[str, int]:
        """What the provider has counted: accepted messages, requests, callbacks that are still waiting."""
        return self._tell_provider("GET", "/count")

    def count_accepted(self) -> int:
        return self.counts()["accepted"]

    def requests(self) -> tuple[Request, ...]:
        return read_log(self.provider_log).requests

    def window(self, gateway: Gateway) -> int:
        """W by its definition: parallel requests times batch, and one record buffer."""
        return (gateway.parallel or 0) * int(gateway.settings.get("max_recipients") or 1) + RECORD_BUFFER

    def settle(self, timeout_s: float = SETTLE_TIMEOUT_S) -> None:
        """Until nothing is queued, in flight, to be called back or to be replayed any more; what stays so is for the
        checker to find."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self._is_busy():
            time.sleep(0.1)

    def _is_busy(self) -> bool:
        spool = self.gatepost.folder / "spool"
        return bool(self.gatepost.rows(OPEN)[0][0] or self.counts()["waiting"] or list(spool.glob("*.json")))

    def verdict(self) -> Verdict:
        log = read_log(self.provider_log)
        return judge(
            Evidence(
                offered=frozenset(self.ledger.offered),
                acknowledged=self.ledger.acknowledged,
                stored=read_messages(self.gatepost.dsn),
                requests=log.requests,
                windows={gateway_id: self.window(gateway) for gateway_id, gateway in self.gateways.items()},
                reports=log.reports,
                disturbances=tuple((begin, end + AFTERMATH_S) for begin, end in self.disturbances),
                said=log.said,
                heard=read_inbound(self.gatepost.dsn),
                foreign=log.foreign,
            )
        )

    def _tell_provider(self, method: str, path: str, document: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.provider_port, timeout=60)
        try:
            connection.request(method, path, json.dumps(document or {}))
            answer = connection.getresponse()
            assert answer.status == 200, path
            return json.loads(answer.read())
        finally:
            connection.close()


@contextmanager
def fake_provider(folder: Path, seed: int) -> Iterator[tuple[int, Path]]:
    """Its port and its log."""
    log = folder / "accepted.jsonl"
    argv = [sys.executable, "-m", "tests.faults.fake_provider", str(log), str(seed)]
    process = spawn("provider", argv, folder, module_env())
    try:
        wait_until(lambda: process.last_words().endswith("\n"), 60, "the fake provider")
        yield int(process.last_words()), log
    finally:
        process.kill()


@contextmanager
def arena(folder: Path, seed: int) -> Iterator[Arena]:
    """On the database server of the session. Django must be allowed to reach it."""
    with (
        fake_provider(folder, seed) as (port, log),
        installation(folder, EGRESS, **SETTINGS) as gatepost,
    ):
        yield Arena(gatepost, port, port, log, seed, Ledger(gatepost), Nemesis(gatepost, seed))
