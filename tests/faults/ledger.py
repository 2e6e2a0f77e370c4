"""What the API was asked for and what it acknowledged, written down by whoever asked.

An order is one request with its Idempotency-Key; it is repeated unchanged until it is acknowledged or given up.
"""

import http.client
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from tests.support.installation import Installation

from gatepost.messages.services import accept_now
from gatepost.messages.store import Origin
from gatepost.messages.wishes import Denied, Wish
from gatepost.sms.ids import from_ref


@dataclass(slots=True)
class Order:
    """Messages that were asked for together, by their client references."""

    key: str
    messages: list[dict[str, Any]]
    tries: int = 0


@dataclass(slots=True)
class Ledger:
    """`acknowledged`: client reference to message id, for what was answered with 202. Thread-safe."""

    installation: Installation
    offered: set[str] = field(default_factory=set)
    acknowledged: dict[str, int] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    failed_tries: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def order(self, gateway_id: int, count: int = 1) -> Order:
        """That many new messages for a gateway, each to a number of its own."""
        with self._lock:
            first = len(self.offered)
            refs = [f"order-{n}" for n in range(first, first + count)]
            self.offered.update(refs)
        messages = [
            {"to": f"+48600{first + n:06d}", "text": f"message {ref}", "gateway": gateway_id, "client_ref": ref}
            for n, ref in enumerate(refs)
        ]
        return Order(f"key-{first}", messages)

    def post(self, order: Order) -> bool:
        """Ask once; whether it was acknowledged. A 5xx or a broken connection acknowledges nothing."""
        order.tries += 1
        headers = {"Idempotency-Key": order.key}
        body = {"messages": order.messages}
        try:
            status, document = self.installation.call("POST", "/api/v1/messages", body, **headers)
        except (OSError, http.client.HTTPException):
            status, document = 0, None
        if status != 202:
            assert status == 0 or status >= 500, (status, document)
            with self._lock:
                self.failed_tries += 1
            return False
        with self._lock:
            for asked, answer in zip(order.messages, document["messages"], strict=True):
                assert "error" not in answer, answer
                self._note(asked["client_ref"], answer["id"])
        return True

    def post_until_acknowledged(self, order: Order, timeout_s: float = 120.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not self.post(order):
            assert time.monotonic() < deadline, "the API did not come back"
            time.sleep(0.05)

    def accept(self, order: Order) -> None:
        """Without a web process: as the console would have it accepted. Not for threads with an event loop."""
        wishes = [
            Wish(m["to"], m["text"], gateway=str(m["gateway"]), client_ref=m["client_ref"]) for m in order.messages
        ]
        for asked, answer in zip(
            order.messages, accept_now(Origin(self.installation.workspace.pk), wishes), strict=True
        ):
            assert not isinstance(answer, Denied), answer
            self.acknowledged[asked["client_ref"]] = answer[0]

    def _note(self, client_ref: str, ref: str) -> None:
        parsed = from_ref(ref)
        assert parsed is not None, ref
        before = self.acknowledged.setdefault(client_ref, parsed[0])
        if before != parsed[0]:
            self.contradictions.append(client_ref)
