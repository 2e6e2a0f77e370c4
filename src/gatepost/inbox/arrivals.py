"""How a gateway meets its inbound messages, from its settings; and storing what a worker fetched for it."""

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from gatepost.dispatch.threads import in_thread
from gatepost.gateways.models import Gateway
from gatepost.inbox.store import Arrival, store_items
from gatepost.providers.base import Item
from gatepost.sms.ids import IdSource


def arrival_of(row: Gateway) -> Arrival:
    """The gateway as its inbound messages meet it."""
    return Arrival(
        gateway_id=row.pk,
        workspace_ids=tuple(sorted(workspace.pk for workspace in row.workspaces.all())),
        prefixes=tuple(sorted(row.prefixes_to_remove, key=len, reverse=True)),
        inbound_number=row.inbound_number,
        takes_inbound=row.inbound_active,
    )


class Arrivals:
    """Stores what queries and feeds of a worker's gateways brought."""

    def __init__(self) -> None:
        self._ids: IdSource | None = None

    async def __call__(self, connection: AsyncConnection[Any], gateway_id: int, items: Sequence[Item]) -> None:
        """Raises OperationalError while the database is away. A gateway that was deleted gets nothing any more."""
        arrival = await in_thread(_load, gateway_id)
        if arrival is not None:
            await store_items(connection, arrival, items, self._ids or await self._new_ids(connection))

    async def _new_ids(self, connection: AsyncConnection[Any]) -> IdSource:
        cursor = await connection.execute("select nextval('node_number')")
        row = await cursor.fetchone()
        self._ids = IdSource(row[0] if row else 0)
        return self._ids


def _load(gateway_id: int) -> Arrival | None:
    row = Gateway.objects.prefetch_related("workspaces").filter(pk=gateway_id).first()
    return arrival_of(row) if row else None
