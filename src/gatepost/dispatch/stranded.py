"""What came into the queue of a gateway just after it was deleted: whoever accepted it did not know yet."""

import json
from typing import Final

import structlog

from gatepost.dispatch import detours
from gatepost.dispatch.store import Connection
from gatepost.dispatch.threads import in_thread
from gatepost.gateways.models import Gateway

log = structlog.get_logger()

MOST_AT_ONCE: Final = 5000
WHY: Final = "its gateway was deleted"

# One step through the index for each gateway that has a queue, however long the queues are.
FIND: Final = """
    with recursive queue as (
        (select gateway_id from outbox order by gateway_id limit 1)
        union all
        select next.* from queue cross join lateral (
               select gateway_id from outbox where gateway_id > queue.gateway_id order by gateway_id limit 1) next)
    select gateway_id from queue where not exists (select from gateway g where g.id = queue.gateway_id)
"""
TAKE_OUT: Final = """
    with stranded as (select message_id from outbox where gateway_id = %(gateway)s
                       order by message_id limit %(limit)s for update skip locked),
         gone as (delete from outbox o using stranded s where o.message_id = s.message_id returning o.message_id),
         told as (update message m set gateway_id = null,
                         state = case when m.state = 'queued' then 'cancelled' else m.state end,
                         state_at = case when m.state = 'queued' then now() else m.state_at end
                    from gone where m.id = gone.message_id returning m.id, m.state)
    insert into message_event (message_id, kind, detail)
    select id, case state when 'cancelled' then 'cancelled' else 'not sent again' end, %(detail)s::jsonb
      from told where state in ('cancelled', 'unknown')
"""


async def gateways(connection: Connection) -> list[int]:
    """The ids of gateways that are gone and for which something waits all the same."""
    cursor = await connection.execute(FIND)
    return [row[0] for row in await cursor.fetchall()]


async def lead_away(connection: Connection, gateway_id: int) -> None:
    """What has another way takes it, and the rest is cancelled; what is unknown stays so, and is not sent again."""
    gone = Gateway(pk=gateway_id, name="a gateway that is gone")
    try:
        moved = await in_thread(detours.move_queue, gone, WHY)
    except Exception:
        # The worker goes on, and tries this again.
        log.exception("stranded_messages_stay", gateway=gateway_id)
        return
    values = {"gateway": gateway_id, "limit": MOST_AT_ONCE, "detail": json.dumps({"why": WHY})}
    cursor = await connection.execute(TAKE_OUT, values)
    log.warning("gateway_was_deleted_under_its_queue", gateway=gateway_id, moved=moved, ended=cursor.rowcount)
