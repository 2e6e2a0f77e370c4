"""An arena: an installation, the fake provider, gateways to it, the ledger, and the seed of what goes wrong.

FAULT_SEED=<n> repeats a schedule; each test says the seed it ran with.
"""

import http.client
import json
import os
import secrets
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from tests.faults.checker import Evidence, Request, Verdict, judge, read_messages, read_requests
from tests.faults.ledger import Ledger
from tests.faults.nemesis import Nemesis
from tests.support.installation import Installation, installation, spawn, wait_until
from tests.support.reporting import Say

from gatepost.gateways.models import Gateway
from gatepost.gateways.services import create_gateway

RECORD_BUFFER = 200
SETTLE_TIMEOUT_S = 60.0

SINGLE = {
    "body": '{"ref": {{ref}}, "to": {{to}}, "text": {{text}}}',
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
OPEN = """
    select (select count(*) from outbox) + (select count(*) from submission where done_at is null)
         + (select count(*) from message where state = 'queued')
"""


@dataclass(slots=True)
class Arena:
    """What a fault test works with."""

    gatepost: Installation
    provider_port: int
    provider_log: Path
    seed: int
    ledger: Ledger
    nemesis: Nemesis
    gateways: dict[int, Gateway] = field(default_factory=dict)

    def add_gateway(self, name: str, settings: dict[str, Any], parallel: int) -> Gateway:
        url = f"http://127.0.0.1:{self.provider_port}/send/{name}"
        wire = {"method": "POST", "url": url, "body_format": "json", "rules": ["status equals 200 -> success"]}
        limits = {"requests_per_second": 1000, "parallel": parallel}
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

    def script(self, delay_s: tuple[float, float], **weights: float) -> None:
        """From now on the provider behaves so."""
        connection = http.client.HTTPConnection("127.0.0.1", self.provider_port, timeout=10)
        connection.request("PUT", "/script", json.dumps({"delay_s": delay_s, **(weights or {"answer": 1})}))
        assert connection.getresponse().status == 200
        connection.close()

    def requests(self) -> tuple[Request, ...]:
        return read_requests(self.provider_log)

    def count_accepted(self) -> int:
        return sum(len(request.refs) for request in self.requests() if request.is_accepted)

    def window(self, gateway: Gateway) -> int:
        """W by its definition: parallel requests times batch, and one record buffer."""
        return (gateway.parallel or 0) * int(gateway.settings.get("max_recipients") or 1) + RECORD_BUFFER

    def settle(self, timeout_s: float = SETTLE_TIMEOUT_S) -> None:
        """Until nothing is queued or in flight any more; what stays so is for the checker to find."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self.gatepost.rows(OPEN)[0][0]:
            time.sleep(0.05)

    def verdict(self) -> Verdict:
        return judge(
            Evidence(
                offered=frozenset(self.ledger.offered),
                acknowledged=self.ledger.acknowledged,
                stored=read_messages(self.gatepost.dsn),
                requests=self.requests(),
                windows={gateway_id: self.window(gateway) for gateway_id, gateway in self.gateways.items()},
            )
        )


@pytest.fixture
def seed(say: Say) -> int:
    chosen = int(os.environ.get("FAULT_SEED") or secrets.randbelow(1_000_000))
    say(f"FAULT_SEED={chosen}")
    return chosen


@pytest.fixture
def arena(tmp_path: Path, seed: int, django_db_blocker: Any) -> Iterator[Arena]:
    log = tmp_path / "accepted.jsonl"
    script = Path(__file__).with_name("fake_provider.py")
    provider = spawn("provider", [sys.executable, str(script), str(log), str(seed)], tmp_path)
    try:
        wait_until(lambda: provider.last_words().endswith("\n"), 10, "the fake provider")
        port = int(provider.last_words())
        limits = {"GATEPOST_PROVIDER_LIMITS": "generic_http=1000"}
        with django_db_blocker.unblock(), installation(tmp_path, [f"127.0.0.1:{port}"], **limits) as gatepost:
            yield Arena(gatepost, port, log, seed, Ledger(gatepost), Nemesis(gatepost, seed))
    finally:
        provider.kill()
