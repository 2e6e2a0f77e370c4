"""Who drives what: the living workers of the installation, and the gateways that each of them holds."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from gatepost.dispatch.models import GatewayLease, Worker
from gatepost.gateways.models import Gateway

SILENT: Final = timedelta(seconds=5)
"""A worker that has not been heard of for so long is taken for dead."""


@dataclass(frozen=True, slots=True)
class Held:
    """A gateway in a worker's hands. `fence` grows each time it changes hands."""

    gateway_id: int
    name: str
    fence: int
    until: datetime


@dataclass(slots=True)
class Node:
    """A worker process, and what it drives."""

    id: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    is_alive: bool
    gateways: list[Held] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Nodes:
    """`idle`: gateways that nobody drives at this moment, by name."""

    workers: list[Node]
    idle: list[str]


def nodes() -> Nodes:
    """Every worker that was heard of lately, the oldest first."""
    now = timezone.now()
    workers = {
        row.pk: Node(row.pk, row.host, row.pid, row.started_at, row.seen_at, now - row.seen_at < SILENT)
        for row in Worker.objects.order_by("started_at", "pk")
    }
    leases = {lease.gateway_id: lease for lease in GatewayLease.objects.filter(expires_at__gt=now)}
    idle = []
    for gateway_id, name in Gateway.objects.order_by("name").values_list("pk", "name"):
        lease = leases.get(gateway_id)
        worker = workers.get(lease.worker_id or "") if lease else None
        if lease and worker:
            worker.gateways.append(Held(gateway_id, name, lease.fence, lease.expires_at))
        else:
            idle.append(name)
    return Nodes(list(workers.values()), idle)
